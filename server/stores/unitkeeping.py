"""Units as administrators keep them: listed with those retired, changed, taken out of service.

Inside the caller's transaction. A unit is never deleted: its orders and shifts stay its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.stores.people import pattern_of
from server.views import UnitKind

PAGE_LEN_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptUnit:
    """A unit with what belongs to it."""

    id: str
    call_sign: str
    kind: UnitKind
    station: str | None
    squad: str
    plate: str
    area: str
    equipment: list[str]
    leader: str | None
    """Badge."""
    officers: list[dict[str, Any]]
    """badge, name, phone, skills; by badge."""
    devices: list[dict[str, Any]]
    """id, kind, model; by id."""
    retired_at: datetime | None
    on_duty_since: datetime | None
    order_number: int | None
    """Of its open order."""


_UNIT = """
SELECT unit.id, call_sign, unit.kind, station.name AS station, squad, plate, area, equipment,
       leader.badge AS leader, retired_at, shift.on_at AS on_duty_since,
       (SELECT max(number) FROM dispatch_order
        WHERE unit_id = unit.id AND closed_at IS NULL) AS order_number,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('badge', badge, 'name', officer.name,
                                                     'phone', phone, 'skills', skills)
                                  ORDER BY badge), '[]')
        FROM unit_officer JOIN officer ON officer.id = officer_id
        WHERE unit_id = unit.id) AS officers,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'kind', kind, 'model', model)
                                  ORDER BY id), '[]')
        FROM device WHERE unit_id = unit.id AND disabled_at IS NULL) AS devices
FROM unit LEFT JOIN station ON station.id = unit.station_id
LEFT JOIN officer AS leader ON leader.id = unit.leader_id
LEFT JOIN shift ON shift.unit_id = unit.id AND shift.off_at IS NULL
"""
_WHERE = """
WHERE ($1::text IS NULL OR concat_ws(' ', call_sign, station.name, squad, plate, area) ILIKE $1
       OR EXISTS (SELECT FROM unit_officer JOIN officer ON officer.id = officer_id
                  WHERE unit_id = unit.id AND concat_ws(' ', badge, officer.name) ILIKE $1))
  AND ($2::text IS NULL OR station.name = $2)
  AND CASE $3 WHEN 'active' THEN retired_at IS NULL
              WHEN 'retired' THEN retired_at IS NOT NULL ELSE true END
"""
# One page of units by call sign.
PAGE = f"{_UNIT} {_WHERE} ORDER BY call_sign OFFSET $4 LIMIT $5"
# How many there are in all.
COUNT = f"""
SELECT count(*) FROM unit LEFT JOIN station ON station.id = unit.station_id {_WHERE}
"""  # noqa: S608 (our own constants)
# One of them.
ONE = f"{_UNIT} WHERE unit.id = $1"
# A unit until commit: no order is issued to it meanwhile.
HOLD = "SELECT id FROM unit WHERE id = $1 FOR UPDATE"
# What is kept of a unit itself.
CHANGE = """
UPDATE unit SET call_sign = $2, kind = $3, station_id = (SELECT id FROM station WHERE name = $4),
       squad = $5, plate = $6, area = $7, equipment = $8
WHERE id = $1
"""
# Who has a call sign, in service or not.
CALL_SIGN_TAKEN = "SELECT true FROM unit WHERE call_sign = $1 AND id <> $2"
# The unit that an officer is in.
HOME = """
SELECT unit.id, call_sign FROM unit_officer JOIN officer ON officer.id = officer_id
JOIN unit ON unit.id = unit_id WHERE badge = $1
"""
# Out of service: nobody leads it, nobody is in it, nothing is carried by it.
RETIRE = "UPDATE unit SET retired_at = $2, leader_id = NULL WHERE id = $1"
EMPTY_CREW = "DELETE FROM unit_officer WHERE unit_id = $1"
EMPTY_DEVICES = "UPDATE device SET unit_id = NULL WHERE unit_id = $1 RETURNING id"
DROP_PLANNED = "DELETE FROM planned_shift WHERE unit_id = $1 AND ends_at > $2 RETURNING id"


async def page(
    conn: Any, *, words: str, station: str | None, state: str, offset: int, limit: int
) -> tuple[int, list[KeptUnit]]:
    """How many there are, and those of the page."""
    wanted = pattern_of(words), station, state
    rows = await conn.fetch(PAGE, *wanted, offset, limit)
    return int(await conn.fetchval(COUNT, *wanted)), [KeptUnit(**row) for row in rows]


async def one(conn: Any, unit_id: str) -> KeptUnit | None:
    row = await conn.fetchrow(ONE, unit_id)
    return None if row is None else KeptUnit(**row)


async def hold(conn: Any, unit_id: str) -> KeptUnit | None:
    """As it stands, until the caller commits."""
    await conn.fetchrow(HOLD, unit_id)
    return await one(conn, unit_id)


async def is_taken(conn: Any, call_sign: str, *, but: str) -> bool:
    return bool(await conn.fetchval(CALL_SIGN_TAKEN, call_sign, but))


async def home_of(conn: Any, badge: str) -> tuple[str, str] | None:
    """Id and call sign of the unit that an officer is in."""
    row = await conn.fetchrow(HOME, badge)
    return None if row is None else (row["id"], row["call_sign"])


async def change(
    conn: Any,
    unit_id: str,
    *,
    call_sign: str,
    kind: UnitKind,
    station: str | None,
    squad: str,
    plate: str,
    area: str,
    equipment: Sequence[str],
) -> None:
    await conn.execute(
        CHANGE, unit_id, call_sign, kind, station, squad, plate, area, list(equipment)
    )


async def retire(conn: Any, unit_id: str, at: datetime) -> tuple[list[str], int]:
    """Returns the devices that it carried, and how many planned shifts were dropped."""
    await conn.execute(RETIRE, unit_id, at)
    await conn.execute(EMPTY_CREW, unit_id)
    devices = [row["id"] for row in await conn.fetch(EMPTY_DEVICES, unit_id)]
    return sorted(devices), len(await conn.fetch(DROP_PLANNED, unit_id, at))
