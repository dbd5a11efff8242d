"""Who is to be on duty when, as it is planned; what really was is `shift`'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

SHIFTS_LEN_MAX: Final = 5_000
"""Of one look: 700 a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRow:
    id: str
    unit_id: str
    call_sign: str
    station: str | None
    starts_at: datetime
    ends_at: datetime
    name: str
    crew: list[dict[str, str]]
    """badge, name; empty: whoever is in the unit then."""
    standing: list[str]
    """Badges of whoever is in the unit now."""

    @property
    def badges(self) -> list[str]:
        return [each["badge"] for each in self.crew]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDuty:
    """A shift that runs."""

    unit_id: str
    call_sign: str
    station: str | None
    on_at: datetime
    crew: list[dict[str, str]]


_PLANNED = """
SELECT planned_shift.id, unit_id, call_sign, station.name AS station, starts_at, ends_at,
       planned_shift.name,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('badge', badge, 'name', officer.name)
                                  ORDER BY badge), '[]')
        FROM officer WHERE officer.id = ANY(planned_shift.crew)) AS crew,
       (SELECT coalesce(array_agg(badge ORDER BY badge), '{}')
        FROM unit_officer JOIN officer ON officer.id = officer_id
        WHERE unit_officer.unit_id = planned_shift.unit_id) AS standing
FROM planned_shift JOIN unit ON unit.id = unit_id
LEFT JOIN station ON station.id = unit.station_id
"""
# What touches the time from $1 to $2.
BETWEEN = f"{_PLANNED} WHERE starts_at < $2 AND ends_at > $1 ORDER BY starts_at, call_sign LIMIT $3"
# What begins from $1 on and before $2.
BEGINNING = f"{_PLANNED} WHERE starts_at >= $1 AND starts_at < $2 ORDER BY starts_at LIMIT $3"
# One of them.
ONE = f"{_PLANNED} WHERE planned_shift.id = $1"
# Some of them until commit, in one order for all.
HOLD = "SELECT id FROM planned_shift WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"
_CREW = "(SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM officer WHERE badge = ANY($6))"
# A new one.
INSERT = f"""
INSERT INTO planned_shift (id, unit_id, starts_at, ends_at, name, crew, planned_by, planned_at)
VALUES ($1, $2, $3, $4, $5, {_CREW}, $7, $8)
"""  # noqa: S608 (our own constants)
# Another unit, time, name or crew.
CHANGE = f"""
UPDATE planned_shift SET unit_id = $2, starts_at = $3, ends_at = $4, name = $5, crew = {_CREW},
       planned_by = $7, planned_at = $8
WHERE id = $1
"""  # noqa: S608
DROP = "DELETE FROM planned_shift WHERE id = $1"
# Shifts that run, those of retired units aside.
ON_DUTY = """
SELECT unit_id, call_sign, station.name AS station, on_at,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('badge', badge, 'name', officer.name)
                                  ORDER BY badge), '[]')
        FROM officer WHERE officer.id = ANY(shift.crew)) AS crew
FROM shift JOIN unit ON unit.id = unit_id LEFT JOIN station ON station.id = unit.station_id
WHERE off_at IS NULL AND retired_at IS NULL ORDER BY call_sign LIMIT $1
"""


async def between(conn: Any, since: datetime, until: datetime) -> list[PlannedRow]:
    rows = await conn.fetch(BETWEEN, since, until, SHIFTS_LEN_MAX)
    return [PlannedRow(**row) for row in rows]


async def beginning(conn: Any, since: datetime, until: datetime) -> list[PlannedRow]:
    """At most `SHIFTS_LEN_MAX` and one, so that more are noticed."""
    rows = await conn.fetch(BEGINNING, since, until, SHIFTS_LEN_MAX + 1)
    return [PlannedRow(**row) for row in rows]


async def hold(conn: Any, ids: Sequence[str]) -> dict[str, PlannedRow]:
    """Those of these that there are, until the caller commits."""
    await conn.fetch(HOLD, list(ids))
    found = [await conn.fetchrow(ONE, each) for each in ids]
    return {row["id"]: PlannedRow(**row) for row in found if row is not None}


async def one(conn: Any, shift_id: str) -> PlannedRow | None:
    row = await conn.fetchrow(ONE, shift_id)
    return None if row is None else PlannedRow(**row)


async def put(
    conn: Any,
    shift_id: str,
    *,
    new: bool,
    unit_id: str,
    starts_at: datetime,
    ends_at: datetime,
    name: str,
    crew: Sequence[str],
    by: str,
    at: datetime,
) -> None:
    """`crew`: badges that somebody has."""
    query = INSERT if new else CHANGE
    await conn.execute(query, shift_id, unit_id, starts_at, ends_at, name, list(crew), by, at)


async def drop(conn: Any, shift_id: str) -> None:
    await conn.execute(DROP, shift_id)


async def on_duty(conn: Any) -> list[OnDuty]:
    return [OnDuty(**row) for row in await conn.fetch(ON_DUTY, SHIFTS_LEN_MAX)]
