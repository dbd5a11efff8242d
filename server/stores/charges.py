"""The charging log in PostgreSQL, and how far each device's reports have been read for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from devices.battery.charging import Charge, ChargeKind, Follow, Reading, Told
from server.views import DeviceKind

PAGE_LEN_MAX: Final = 200
PER_DEVICE_MAX: Final = 1_000
"""The oldest beyond are forgotten."""
CAPACITIES_LEN: Final = 30
"""Measured capacities that the trend looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A device with reports that have not been read."""

    device_id: str
    kind: DeviceKind
    known: Follow
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One report, with what it says of the loads."""

    device_id: str
    mode: str
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRow:
    charge: Charge
    station: str | None


# One process at a time reads.
LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('charges'))"
# Devices with a battery of their own that have reported since they were read, the longest unread
# first; one that was never read begins at $1.
READERS = """
SELECT device.id, device.kind, coalesce(seen_at, $1) AS seen_at, state
FROM last_position JOIN device ON device.id = last_position.device_id
LEFT JOIN charge_follow ON charge_follow.device_id = device.id
WHERE device.kind IN ('body_camera', 'handset')
  AND last_position.observed_at > coalesce(seen_at, $1)
ORDER BY coalesce(seen_at, $1), device.id LIMIT $2
"""
# Their reports since, in order; nothing is received before it is observed.
READINGS = """
SELECT position.device_id, observed_at, lon, lat, battery_pct, charging, mode
FROM unnest($1::text[], $2::timestamptz[]) AS reader(device_id, seen_at)
JOIN position ON position.device_id = reader.device_id AND observed_at > seen_at
WHERE received_at >= $3
ORDER BY seen_at, position.device_id, observed_at LIMIT $4
"""
KEEP_FOLLOW = """
INSERT INTO charge_follow (device_id, seen_at, state)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::jsonb[])
ON CONFLICT (device_id) DO UPDATE SET seen_at = excluded.seen_at, state = excluded.state
"""
# A charge that begins, goes on after a loose contact, or ends.
KEEP = """
INSERT INTO charge (device_id, kind, before_at, before_pct, began_at, began_pct, until_at,
    until_pct, ended_at, ended_pct, lon, lat, station_id, used_pct, expected_pct)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (device_id, began_at) DO UPDATE SET until_at = excluded.until_at,
    until_pct = excluded.until_pct, ended_at = excluded.ended_at, ended_pct = excluded.ended_pct
"""
STATIONS = "SELECT id, lon, lat FROM station"
# Newest first.
PAGE = """
SELECT charge.*, station.name AS station
FROM charge LEFT JOIN station ON station.id = station_id
WHERE device_id = $1 AND ($2::timestamptz IS NULL OR began_at < $2)
ORDER BY began_at DESC LIMIT $3
"""
# Newest first.
CAPACITIES = """
SELECT 100.0 * expected_pct / used_pct AS capacity_pct FROM charge
WHERE device_id = $1 AND used_pct > 0 ORDER BY began_at DESC LIMIT $2
"""
# How fast devices charged lately, %/h: where both levels were told and it took a while.
SPEEDS = """
SELECT device_id, percentile_cont(0.5) WITHIN GROUP (
    ORDER BY 3600.0 * (until_pct - began_pct) / extract(epoch FROM until_at - began_at)) AS per_h
FROM charge
WHERE kind = 'charge' AND began_at >= $1 AND until_pct > began_pct AND until_pct < 100
  AND until_at - began_at >= interval '10 minutes'
GROUP BY device_id
"""
FORGET_OLD = "DELETE FROM charge WHERE began_at < $1"
# All but the newest of each device.
FORGET_MANY = """
DELETE FROM charge WHERE (device_id, began_at) IN (
    SELECT device_id, began_at FROM (
        SELECT device_id, began_at,
               row_number() OVER (PARTITION BY device_id ORDER BY began_at DESC) AS nth
        FROM charge) AS numbered
    WHERE nth > $1)
"""


async def lock(conn: Any) -> bool:
    """False: another process reads just now."""
    return bool(await conn.fetchval(LOCK))


async def readers(conn: Any, *, since: datetime, limit: int) -> list[Reader]:
    """Devices with unread reports; those never read begin at `since`."""
    return [
        Reader(
            device_id=row["id"],
            kind=row["kind"],
            known=Follow() if row["state"] is None else msgspec.convert(row["state"], Follow),
            seen_at=row["seen_at"],
        )
        for row in await conn.fetch(READERS, since, limit)
    ]


async def readings(conn: Any, who: Sequence[Reader], *, limit: int) -> list[Read]:
    """Unread reports, each device's in order; of the last device perhaps not all."""
    ids, since = [each.device_id for each in who], [each.seen_at for each in who]
    rows = await conn.fetch(READINGS, ids, since, min(since), limit)
    return [
        Read(
            device_id=row["device_id"],
            mode=row["mode"],
            reading=Reading(
                at=row["observed_at"],
                level_pct=row["battery_pct"],
                charging=row["charging"],
                lon=row["lon"],
                lat=row["lat"],
            ),
        )
        for row in rows
    ]


async def keep_follows(conn: Any, follows: Mapping[str, Follow]) -> None:
    """Each has read a report at least."""
    kept = [(key, each.last.at, each) for key, each in follows.items() if each.last is not None]
    await conn.execute(KEEP_FOLLOW, *(list(column) for column in zip(*kept, strict=True)))


async def keep(conn: Any, device_id: str, charge: Charge, station_id: str | None) -> None:
    ends = (charge.before, charge.began, charge.until, charge.ended)
    told = [part for end in ends for part in ((end.at, end.level_pct) if end else (None, None))]
    await conn.execute(
        KEEP,
        *(device_id, charge.kind, *told, charge.lon, charge.lat),
        *(station_id, charge.used_pct, charge.expected_pct),
    )


async def stations(conn: Any) -> list[tuple[str, float, float]]:
    """(id, lon, lat) of each."""
    return [(row["id"], row["lon"], row["lat"]) for row in await conn.fetch(STATIONS)]


async def page(
    conn: Any, device_id: str, *, before: datetime | None = None, limit: int = 50
) -> tuple[list[ChargeRow], datetime | None]:
    """Newest first, with the `before` of the page that follows."""
    limit = max(1, min(limit, PAGE_LEN_MAX))
    rows = await conn.fetch(PAGE, device_id, before, limit + 1)
    found = [_row(row) for row in rows[:limit]]
    return found, found[-1].charge.began.at if len(rows) > limit else None


async def capacities(conn: Any, device_id: str) -> list[float]:
    """The last that were measured, oldest first, %."""
    rows = await conn.fetch(CAPACITIES, device_id, CAPACITIES_LEN)
    return [float(row["capacity_pct"]) for row in reversed(rows)]


async def speeds_pct_per_h(conn: Any, *, since: datetime) -> dict[str, float]:
    """Median speed of charging by device."""
    return {row["device_id"]: row["per_h"] for row in await conn.fetch(SPEEDS, since)}


async def forget(conn: Any, *, before: datetime) -> None:
    """What is old, and what is too much."""
    await conn.execute(FORGET_OLD, before)
    await conn.execute(FORGET_MANY, PER_DEVICE_MAX)


def _row(row: Any) -> ChargeRow:
    def told(end: str) -> Told | None:
        at = row[f"{end}_at"]
        return None if at is None else Told(at=at, level_pct=row[f"{end}_pct"])

    began = told("began")
    assert began is not None
    charge = Charge(
        kind=ChargeKind(row["kind"]),
        before=told("before"),
        began=began,
        until=told("until"),
        ended=told("ended"),
        lon=row["lon"],
        lat=row["lat"],
        used_pct=row["used_pct"],
        expected_pct=row["expected_pct"],
    )
    return ChargeRow(charge=charge, station=row["station"])
