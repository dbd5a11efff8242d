"""Where units were in a span of time, from the history of positions: read, thinned out, as columns.

A fix belongs to the unit that its device was in when it was observed (`device_stay`). A run is an
unbroken piece of what one device said: within one, two fixes are never further apart than the limit
of staleness, whatever is left out of it afterwards. Knows no picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from server.views import DeviceKind

LATE_MAX: Final = timedelta(days=7)
"""A fix that arrived later than this after the span is not looked for."""
EARLY_MAX: Final = timedelta(minutes=10)
"""By which a device's clock may be ahead of ours."""
LOOK_BACK: Final = timedelta(days=1)
"""So far back the last fix before the span is looked for."""

_STAYS: Final = """
    SELECT id AS stay_id, device_id, unit_id,
           CASE WHEN lag(id) OVER stays IS NULL THEN '-infinity' ELSE since END AS since,
           coalesce(lead(since) OVER stays, 'infinity') AS until
    FROM device_stay WINDOW stays AS (PARTITION BY device_id ORDER BY id)
"""

_COLUMNS: Final = """
    observed_at, received_at, lon, lat, speed_mps, heading_deg, battery_pct, charging
    FROM position WHERE position.device_id = stay.device_id"""
_SAID: Final = f"""
    SELECT {_COLUMNS}
      AND observed_at >= greatest($1, since) AND observed_at < least($2, until)
      AND received_at >= $3 AND received_at < $4
    UNION ALL
    (SELECT {_COLUMNS}
       AND observed_at >= greatest($7, since) AND observed_at < least($6, until)
       AND received_at >= $9 AND received_at < $4
     ORDER BY observed_at DESC LIMIT 1)
    UNION ALL
    (SELECT {_COLUMNS}
       AND observed_at >= greatest($7, since) AND observed_at < least($6, until)
       AND received_at >= $9 AND received_at <= $6
     ORDER BY observed_at DESC LIMIT 1)
"""

# How many fixes were observed between $1 and $2, and by how many devices; heard of in $3 to $4.
COUNT = f"""
WITH stay AS ({_STAYS})
SELECT coalesce(sum(found.fixes), 0)::bigint AS fixes,
       count(*) FILTER (WHERE found.fixes > 0) AS devices
FROM stay CROSS JOIN LATERAL (
    SELECT count(*) AS fixes FROM position
    WHERE position.device_id = stay.device_id
      AND observed_at >= greatest($1, since) AND observed_at < least($2, until)
      AND received_at >= $3 AND received_at < $4) AS found
WHERE unit_id IS NOT NULL
"""  # noqa: S608 (ours)

# What each device said between $1 and $2, heard of in $3 to $4, one fix in $5 seconds of each run:
# of several the one that we heard first. Also, observed from $7 and heard from $9 on, the last one
# before $6, and the last one before $6 that we had heard by then. A run breaks after $8.
TRACKS = f"""
WITH stay AS ({_STAYS})
SELECT stay.unit_id, device_id, device.kind AS device_kind, told.*
FROM stay JOIN device ON device.id = device_id CROSS JOIN LATERAL (
    SELECT array_agg(round(date_part('epoch', observed_at - $6) * 100) / 100) AS at_s,
           array_agg(round(date_part('epoch', received_at - observed_at) * 100) / 100) AS lag_s,
           array_agg(run::integer) AS run,
           array_agg(round(lon * 1e6) / 1e6) AS lon,
           array_agg(round(lat * 1e6) / 1e6) AS lat,
           array_agg(round(speed_mps::float8 * 10) / 10) AS speed_mps,
           array_agg(round(heading_deg)::integer) AS heading_deg,
           array_agg(battery_pct) AS battery_pct,
           array_agg(charging) AS charging
    FROM (SELECT * FROM (
        SELECT DISTINCT ON (run, slot) * FROM (
            SELECT *, coalesce(sum(breaks) OVER (ORDER BY observed_at, received_at), 0) AS run,
                   floor(date_part('epoch', observed_at) / $5::float8) AS slot
            FROM (
                SELECT *,
                       (observed_at - lag(observed_at) OVER seen > $8::interval)::integer AS breaks
                FROM ({_SAID}) AS fix WINDOW seen AS (ORDER BY observed_at, received_at)
            ) AS said
        ) AS parted ORDER BY run, slot, received_at, observed_at
    ) AS thinned ORDER BY observed_at) AS ordered
) AS told
WHERE stay.unit_id IS NOT NULL AND ($10::uuid[] IS NULL OR stay.unit_id = ANY($10))
  AND ($11::text[] IS NULL OR device_id = ANY($11))
  AND told.at_s IS NOT NULL
ORDER BY device_id, stay_id
"""  # noqa: S608 (ours)


# A page of devices that were ever in a unit.
DEVICES = """
SELECT id FROM device
WHERE id > $1 AND EXISTS (SELECT FROM device_stay AS stay
                          WHERE stay.device_id = device.id AND stay.unit_id IS NOT NULL)
ORDER BY id LIMIT $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What one device of one unit said, in (n,) columns by the time it was observed."""

    unit_id: str
    device_id: str
    device_kind: DeviceKind
    at_s: list[float]
    """Observed so many seconds after the span begins; below 0: before."""
    lag_s: list[float]
    """Received so many seconds after that."""
    run: list[int]
    """Number of the unbroken piece."""
    lon: list[float]
    lat: list[float]
    speed_mps: list[float | None]
    heading_deg: list[int | None]
    battery_pct: list[int | None]
    charging: list[bool]


async def count(conn: Any, since: datetime, until: datetime) -> tuple[int, int]:
    """How many fixes were observed between the two, and by how many devices in units."""
    row = await conn.fetchrow(COUNT, since, until, since - EARLY_MAX, until + LATE_MAX)
    return row["fixes"], row["devices"]


async def devices(conn: Any, *, after: str, limit: int) -> list[str]:
    """Ids of the next devices after one, in their order; after "": the first."""
    return [row["id"] for row in await conn.fetch(DEVICES, after, limit)]


async def load(
    conn: Any,
    since: datetime,
    until: datetime,
    *,
    lead: timedelta,
    step_s: float,
    stale_s: float,
    unit_ids: Sequence[str] | None = None,
    device_ids: Sequence[str] | None = None,
) -> list[Track]:
    """Tracks from `lead` before the span on, at most one fix of a device and run in `step_s`.

    `unit_ids`: of these units; None: of all. `device_ids` likewise.
    """
    begins, looks_back = since - lead, since - LOOK_BACK
    rows = await conn.fetch(
        TRACKS,
        begins,
        until,
        begins - EARLY_MAX,
        until + LATE_MAX,
        step_s,
        since,
        looks_back,
        timedelta(seconds=stale_s),
        looks_back - EARLY_MAX,
        None if unit_ids is None else list(unit_ids),
        None if device_ids is None else list(device_ids),
    )
    return [Track(**row) for row in rows]
