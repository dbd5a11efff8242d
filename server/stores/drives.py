"""Drives matched to roads, as rows.

Drives come from orders: the time from setting off to arriving, and the fixes of the unit's devices
within it. Knows no road and no rule of learning.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

import numpy as np

from geo.learning.passages import Passages
from geo.learning.track import FIXES_MAX

KEPT: Final = timedelta(days=540)
"""How long a drive is kept: three times the age at which it counts 1/e; then it counts 5 %."""
LOOK_BACK: Final = timedelta(days=14)
"""Orders older than this are matched no more: their drives would be coarsened soon."""
SETTLE: Final = timedelta(minutes=10)
"""After arrival, for fixes that a device kept while it had no signal."""
WAITING_MAX: Final = 20
"""Orders taken up at once."""
PAGE_LEN: Final = 500
"""Drives read at once."""
_LATE = timedelta(days=1)
"""By which the receipt of a fix may follow it and still count."""

# Orders whose unit arrived and whose drive is not matched yet, the oldest first.
WAITING = """
SELECT dispatch_order.id AS order_id, dispatch_order.unit_id, unit.kind AS vehicle,
       incident.priority, away.at AS from_at, there.at AS to_at
FROM dispatch_order
JOIN unit ON unit.id = dispatch_order.unit_id
JOIN incident ON incident.id = dispatch_order.incident_id
CROSS JOIN LATERAL (
    SELECT min(coalesce(device_at, server_at)) AS at FROM order_event
    WHERE order_id = dispatch_order.id AND state = 'en_route' AND applied) AS away
CROSS JOIN LATERAL (
    SELECT min(coalesce(device_at, server_at)) AS at, min(server_at) AS told_at FROM order_event
    WHERE order_id = dispatch_order.id AND state = 'on_scene' AND applied) AS there
WHERE dispatch_order.state_at >= $1 AND there.told_at BETWEEN $1 AND $2 AND away.at < there.at
  AND NOT EXISTS (SELECT FROM matched_trip WHERE order_id = dispatch_order.id)
ORDER BY there.told_at LIMIT $3
"""

# Fixes of the devices a unit carries, device by device in order of time.
FIXES = """
SELECT device_id, observed_at, received_at, lon, lat, accuracy_m
FROM position JOIN device ON device.id = device_id
WHERE device.unit_id = $1 AND observed_at BETWEEN $2 AND $3 AND received_at BETWEEN $4 AND $5
ORDER BY device_id, observed_at LIMIT $6
"""

# Keep one drive; another process may have been quicker.
INSERT_TRIP = """
INSERT INTO matched_trip (id, order_id, unit_id, vehicle, mode, condition, map_id, from_at, to_at,
    fixes, unmatched_s, note, run, arc, begin_share, end_share, enter_s, leave_s, reach_m, left_out,
    matched_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
    $21)
ON CONFLICT (order_id) DO NOTHING
"""

# Drives over one map, one page after the other.
TRIPS = """
SELECT id, vehicle, mode, condition, from_at, to_at, run, arc, begin_share, end_share, enter_s,
       leave_s, reach_m, left_out
FROM matched_trip
WHERE map_id = $1 AND to_at >= $2 AND cardinality(arc) > 0 AND ($3::uuid IS NULL OR id > $3)
ORDER BY id LIMIT $4
"""

# Drives over any of these arcs, by mode.
TRIPS_OVER = """
SELECT mode, count(*) AS trips FROM matched_trip
WHERE map_id = $1 AND arc && $2::integer[] GROUP BY mode
"""

COUNT_TRIPS = """
SELECT count(*) AS drives, count(*) FILTER (WHERE cardinality(arc) = 0) AS without_roads,
       max(matched_at) FILTER (WHERE cardinality(arc) > 0) AS newest_matched_at
FROM matched_trip WHERE map_id = $1
"""

# What is older than learning looks back.
FORGET = "DELETE FROM matched_trip WHERE to_at < $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An order whose drive can be matched."""

    order_id: str
    unit_id: str
    vehicle: str
    priority: str
    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixes:
    """What one device said during a drive, as (n,) columns."""

    device_id: str
    at_s: np.ndarray
    """Taken, POSIX seconds."""
    received_s: np.ndarray
    """Arrived."""
    lonlat: np.ndarray
    accuracy_m: np.ndarray
    """NaN where the device did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A drive, matched."""

    id: str
    vehicle: str
    mode: str
    condition: str
    from_at: datetime
    to_at: datetime
    runs: tuple[Passages, ...]
    """Times in seconds after `from_at`; `stood` also where the road was not as modelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TripCounts:
    """Drives kept for one map."""

    drives: int
    without_roads: int
    newest_matched_at: datetime | None
    """When the last one with roads was matched."""


async def waiting(conn: Any, now: datetime) -> list[Waiting]:
    """Orders to match now, at most WAITING_MAX."""
    rows = await conn.fetch(WAITING, now - LOOK_BACK, now - SETTLE, WAITING_MAX)
    return [Waiting(**row) for row in rows]


async def fixes(conn: Any, order: Waiting) -> list[Fixes]:
    """What each device of the unit said on the way, the one that said most first.

    Of more than FIXES_MAX a device, the first are taken.
    """
    rows = await conn.fetch(
        FIXES,
        order.unit_id,
        order.from_at,
        order.to_at,
        order.from_at - _LATE,
        order.to_at + _LATE,
        4 * FIXES_MAX,
    )
    found = [
        _fixes(device_id, list(group)[:FIXES_MAX])
        for device_id, group in groupby(rows, key=lambda row: str(row["device_id"]))
    ]
    return sorted(found, key=lambda each: -len(each.at_s))


async def insert_trip(
    conn: Any,
    order: Waiting,
    trip: Trip,
    *,
    map_id: str,
    fix_count: int,
    unmatched_s: float,
    note: str,
    at: datetime,
) -> bool:
    """Keep a drive; False when another process did already."""
    columns = _columns(trip.runs)
    status = await conn.execute(
        INSERT_TRIP,
        trip.id,
        order.order_id,
        order.unit_id,
        trip.vehicle,
        trip.mode,
        trip.condition,
        map_id,
        trip.from_at,
        trip.to_at,
        fix_count,
        unmatched_s,
        note,
        *columns,
        at,
    )
    return bool(status == "INSERT 0 1")


async def trips(pool: Any, map_id: str, since: datetime) -> AsyncIterator[list[Trip]]:
    """Every drive over one map that ended since, page by page."""
    after: str | None = None
    while True:
        rows = await pool.fetch(TRIPS, map_id, since, after, PAGE_LEN)
        if not rows:
            return
        yield [_trip(row) for row in rows]
        after = rows[-1]["id"]


async def trips_over(conn: Any, map_id: str, arcs: Sequence[int]) -> dict[str, int]:
    """Number of drives over any of the arcs, by mode."""
    rows = await conn.fetch(TRIPS_OVER, map_id, list(arcs))
    return {row["mode"]: row["trips"] for row in rows}


async def count_trips(conn: Any, map_id: str) -> TripCounts:
    return TripCounts(**await conn.fetchrow(COUNT_TRIPS, map_id))


async def forget(conn: Any, now: datetime) -> int:
    """Delete drives older than KEPT; how many there were."""
    status = await conn.execute(FORGET, now - KEPT)
    return int(str(status).rpartition(" ")[2])


def _fixes(device_id: str, rows: list[Any]) -> Fixes:
    accuracy = [np.nan if row["accuracy_m"] is None else row["accuracy_m"] for row in rows]
    return Fixes(
        device_id=device_id,
        at_s=np.array([row["observed_at"].timestamp() for row in rows]),
        received_s=np.array([row["received_at"].timestamp() for row in rows]),
        lonlat=np.array([(row["lon"], row["lat"]) for row in rows]),
        accuracy_m=np.array(accuracy, dtype=np.float64),
    )


def _columns(runs: Sequence[Passages]) -> list[list[Any]]:
    """Runs one after the other, as arrays: number of the run, then the columns of `Passages`."""
    number = [place for place, run in enumerate(runs) for _ in range(len(run))]
    joined = [
        [value for run in runs for value in getattr(run, column.name).tolist()]
        for column in fields(Passages)
    ]
    return [number, *joined]


def _trip(row: Any) -> Trip:
    run = np.array(row["run"])
    columns = {
        "arc": np.array(row["arc"], dtype=np.int64),
        "start": np.array(row["begin_share"]),
        "end": np.array(row["end_share"]),
        "enter_s": np.array(row["enter_s"]),
        "leave_s": np.array(row["leave_s"]),
        "reach_m": np.array(row["reach_m"]),
        "stood": np.array(row["left_out"], dtype=np.bool_),
    }
    parts = [run == number for number in np.unique(run)]
    return Trip(
        id=row["id"],
        vehicle=row["vehicle"],
        mode=row["mode"],
        condition=row["condition"],
        from_at=row["from_at"],
        to_at=row["to_at"],
        runs=tuple(
            Passages(**{name: values[part] for name, values in columns.items()}) for part in parts
        ),
    )
