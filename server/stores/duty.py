"""Who was on duty when, and with whom, as review and rehearsal read it. Only reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.review.ledger import Duty
from server.views import UnitKind

# Shifts of units that touch the time from $1 to $2, with their crews' badges when they began; one
# that runs is one until $3, now.
SHIFTS = """
SELECT shift.unit_id, call_sign, on_at, coalesce(off_at, $3) AS off_at,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(officer.id, badge)), '[]') FROM officer
        WHERE officer.id = ANY(shift.crew)) AS crew
FROM shift JOIN unit ON unit.id = shift.unit_id
WHERE on_at < $2 AND coalesce(off_at, $3) > $1
ORDER BY call_sign, on_at
"""


# Units in service, or that were on duty between $1 and $2; their station, and shifts that touch it.
FORCE = """
SELECT call_sign, kind, station.name AS station, lon, lat, on_at, off_at
FROM unit LEFT JOIN station ON station.id = station_id
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(shift.on_at ORDER BY shift.on_at), '{}') AS on_at,
           coalesce(array_agg(shift.off_at ORDER BY shift.on_at), '{}') AS off_at
    FROM shift WHERE unit_id = unit.id AND on_at < $2 AND coalesce(off_at, $2) > $1) AS duty
WHERE retired_at IS NULL OR cardinality(on_at) > 0
ORDER BY call_sign
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitDuty:
    """One unit and its shifts."""

    call_sign: str
    kind: UnitKind
    station: tuple[str, float, float] | None
    """Name, lon, lat."""
    shifts: tuple[tuple[datetime, datetime | None], ...]
    """In order of time; None: not over yet."""


async def force(conn: Any, since: datetime, until: datetime) -> list[UnitDuty]:
    """Units in service, and those that were on duty between the two."""
    return [
        UnitDuty(
            call_sign=row["call_sign"],
            kind=row["kind"],
            station=None if row["station"] is None else (row["station"], row["lon"], row["lat"]),
            shifts=tuple(zip(row["on_at"], row["off_at"], strict=True)),
        )
        for row in await conn.fetch(FORCE, since, until)
    ]


async def between(conn: Any, since: datetime, until: datetime, *, now: datetime) -> list[Duty]:
    """Shifts that touch the time between the two."""
    return [
        Duty(
            unit_id=row["unit_id"],
            call_sign=row["call_sign"],
            on_at=row["on_at"],
            off_at=row["off_at"],
            crew=tuple((officer_id, badge) for officer_id, badge in row["crew"]),
        )
        for row in await conn.fetch(SHIFTS, since, until, now)
    ]
