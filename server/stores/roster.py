"""The roster in PostgreSQL: stations, officers, units, and the devices they carry.

Writes what an administrator or a seeding enters. Knows no token, only its hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from server.views import DeviceKind, UnitKind

DEVICES_LEN_MAX = 20_000
UNITS_LEN_MAX = 5_000
OFFICERS_LEN_MAX = 20_000
"""Of one list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEntry:
    """A device as the administrator sees it."""

    id: str
    kind: DeviceKind
    model: str
    unit_id: str | None
    call_sign: str | None
    enrolled: bool
    last_seen_at: datetime | None = None
    """When one of its installations was last connected."""
    battery_pct: int | None = None
    """With its newest position."""
    battery_at: datetime | None = None
    charging: bool = False
    disabled_at: datetime | None = None
    """Since when it is out of service."""
    names: list[dict[str, Any]] = field(default_factory=list)
    """In protocols that are not ours: protocol, external_id, strict, datum, badge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEntry:
    """A unit in service, to choose from."""

    id: str
    call_sign: str
    kind: UnitKind
    station: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerEntry:
    """An officer, to choose from, and the unit that he is of."""

    badge: str
    name: str
    unit_id: str | None


# A new station; nothing when the name is taken.
INSERT_STATION = """
INSERT INTO station (id, name, lon, lat) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO NOTHING RETURNING id
"""
# A new officer; nothing when the badge is taken.
INSERT_OFFICER = """
INSERT INTO officer (id, badge, name, phone, skills) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (badge) DO NOTHING RETURNING id
"""
# A new unit; nothing when the call sign is taken.
INSERT_UNIT = """
INSERT INTO unit (id, call_sign, kind, station_id) VALUES ($1, $2, $3, $4)
ON CONFLICT (call_sign) DO NOTHING RETURNING id
"""
# Put an officer into a unit, out of the former one.
JOIN_UNIT = """
INSERT INTO unit_officer (officer_id, unit_id) SELECT id, $2 FROM officer WHERE badge = $1
ON CONFLICT (officer_id) DO UPDATE SET unit_id = excluded.unit_id
RETURNING officer_id
"""
# Who leads a unit; nobody where the badge is NULL.
SET_LEADER = """
UPDATE unit SET leader_id = (SELECT id FROM officer WHERE badge = $2)
WHERE id = $1
"""
# A crew of another size is watched over otherwise.
CREW_CHANGED = """
UPDATE dispatch_order SET look_again = true WHERE unit_id = $1 AND closed_at IS NULL
"""
# A new device; nothing when the id is taken.
INSERT_DEVICE = """
INSERT INTO device (id, kind, model, unit_id, token_hash, epoch) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING RETURNING id
"""
# Give a device a new token and, if it moved, another unit.
REENROL_DEVICE = """
UPDATE device SET token_hash = $2, unit_id = $3 WHERE id = $1 AND disabled_at IS NULL RETURNING id
"""
# An officer's browsers, all but this one and those seen last: no handsets any more.
RETIRE_BROWSERS = """
UPDATE device SET token_hash = NULL, unit_id = NULL WHERE id IN (
    SELECT device.id FROM device LEFT JOIN installation ON installation.device_id = device.id
    WHERE model = $1 AND left(device.id, -17) = 'web-' || $2 AND token_hash IS NOT NULL
      AND device.id <> $3
    GROUP BY device.id ORDER BY max(last_seen_at) DESC NULLS LAST, device.id OFFSET $4
) RETURNING id
"""
# What an order refers to; held for update, no order can be issued to it.
HOLD_UNIT = "SELECT call_sign FROM unit WHERE id = $1 AND retired_at IS NULL FOR UPDATE"
# Those out of service only where they are asked for.
LIST_DEVICES = """
SELECT device.id, device.kind, device.model, device.unit_id, unit.call_sign,
       device.token_hash IS NOT NULL AS enrolled, seen.at AS last_seen_at,
       fix.battery_pct,
       CASE WHEN fix.battery_pct IS NOT NULL THEN fix.observed_at END AS battery_at,
       coalesce(fix.charging, false) AS charging, device.disabled_at,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'protocol', protocol, 'external_id', external_id, 'strict', strict,
                   'datum', datum, 'badge', badge) ORDER BY protocol, external_id), '[]')
        FROM device_identity WHERE device_id = device.id) AS names
FROM device LEFT JOIN unit ON unit.id = device.unit_id
LEFT JOIN (SELECT device_id, max(last_seen_at) AS at FROM installation GROUP BY device_id) AS seen
    ON seen.device_id = device.id
LEFT JOIN last_position AS fix ON fix.device_id = device.id
WHERE device.disabled_at IS NULL OR $2 ORDER BY device.id LIMIT $1
"""


# Units in service.
LIST_UNITS = """
SELECT unit.id, unit.call_sign, unit.kind, station.name AS station
FROM unit LEFT JOIN station ON station.id = unit.station_id
WHERE unit.retired_at IS NULL ORDER BY unit.call_sign, unit.id LIMIT $1
"""
# Officers and their units.
LIST_OFFICERS = """
SELECT officer.badge, officer.name, unit_officer.unit_id
FROM officer LEFT JOIN unit_officer ON unit_officer.officer_id = officer.id
ORDER BY officer.badge LIMIT $1
"""


async def add_station(conn: Any, *, station_id: str, name: str, lon: float, lat: float) -> bool:
    """False when the name is taken."""
    return await conn.fetchval(INSERT_STATION, station_id, name, lon, lat) is not None


async def add_officer(
    conn: Any,
    *,
    officer_id: str,
    badge: str,
    name: str,
    phone: str = "",
    skills: Sequence[str] = (),
) -> bool:
    """False when the badge is taken."""
    row = await conn.fetchval(INSERT_OFFICER, officer_id, badge, name, phone, list(skills))
    return row is not None


async def add_unit(
    conn: Any, *, unit_id: str, call_sign: str, kind: UnitKind, station_id: str | None
) -> bool:
    """False when the call sign is taken."""
    row = await conn.fetchval(INSERT_UNIT, unit_id, call_sign, kind, station_id)
    return row is not None


async def join_unit(conn: Any, *, badge: str, unit_id: str) -> bool:
    """Put the officer into the unit; False when nobody has that badge."""
    joined = await conn.fetchval(JOIN_UNIT, badge, unit_id) is not None
    await conn.execute(CREW_CHANGED, unit_id)
    return joined


async def set_leader(conn: Any, unit_id: str, badge: str | None) -> None:
    """An officer on the roster, or nobody, leads the unit."""
    await conn.execute(SET_LEADER, unit_id, badge)


async def add_device(
    conn: Any,
    *,
    device_id: str,
    kind: DeviceKind,
    model: str,
    unit_id: str | None,
    token_hash: bytes | None,
    epoch: str,
) -> bool:
    """False when the id is taken. `token_hash`: None for one that does not speak our protocol."""
    row = await conn.fetchval(INSERT_DEVICE, device_id, kind, model, unit_id, token_hash, epoch)
    return row is not None


async def reenrol_device(
    conn: Any, *, device_id: str, token_hash: bytes, unit_id: str | None
) -> bool:
    """A new token ends the old one; False when there is no such device in service."""
    return await conn.fetchval(REENROL_DEVICE, device_id, token_hash, unit_id) is not None


async def retire_browsers(
    conn: Any, *, badge: str, model: str, keep: str, len_max: int
) -> list[str]:
    """End the officer's browsers beyond `len_max`, the longest unseen first; returns their ids."""
    rows = await conn.fetch(RETIRE_BROWSERS, model, badge, keep, len_max - 1)
    return sorted(row["id"] for row in rows)


async def hold_unit(conn: Any, unit_id: str) -> str | None:
    """The call sign of a unit in service; no order is issued to it before the caller commits."""
    found: str | None = await conn.fetchval(HOLD_UNIT, unit_id)
    return found


async def devices(conn: Any, *, disabled: bool = False) -> list[DeviceEntry]:
    """By id, at most `DEVICES_LEN_MAX`; `disabled`: with those out of service."""
    rows = await conn.fetch(LIST_DEVICES, DEVICES_LEN_MAX, disabled)
    return [DeviceEntry(**row) for row in rows]


async def units(conn: Any) -> list[UnitEntry]:
    """By call sign, at most `UNITS_LEN_MAX`."""
    return [UnitEntry(**row) for row in await conn.fetch(LIST_UNITS, UNITS_LEN_MAX)]


async def officers(conn: Any) -> list[OfficerEntry]:
    """By badge, at most `OFFICERS_LEN_MAX`."""
    return [OfficerEntry(**row) for row in await conn.fetch(LIST_OFFICERS, OFFICERS_LEN_MAX)]


async def station_id(conn: Any, name: str) -> str | None:
    found: str | None = await conn.fetchval("SELECT id FROM station WHERE name = $1", name)
    return found


async def unit_id(conn: Any, call_sign: str) -> str | None:
    """Of a unit in service."""
    query = "SELECT id FROM unit WHERE call_sign = $1 AND retired_at IS NULL"
    found: str | None = await conn.fetchval(query, call_sign)
    return found


async def call_sign(conn: Any, unit_id: str) -> str | None:
    """Of a unit in service."""
    query = "SELECT call_sign FROM unit WHERE id = $1 AND retired_at IS NULL"
    found: str | None = await conn.fetchval(query, unit_id)
    return found


async def officer_exists(conn: Any, badge: str) -> bool:
    return bool(await conn.fetchval("SELECT 1 FROM officer WHERE badge = $1", badge))
