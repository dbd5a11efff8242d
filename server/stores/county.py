"""The whole roster as values, read at once, and the changes a new edition of it makes.

New entries are `server.stores.roster`'s. Knows no file and no secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.dispatch.spares import SpareKind
from server.views import DeviceKind, UnitKind

BROWSER_MODEL = "browser"
"""Of a device that is an officer's browser: it belongs to the officer, not to a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    kind: UnitKind
    station: str | None
    """Name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    badge: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    name: str
    phone: str
    unit: str | None
    """Call sign."""
    skills: tuple[str, ...] = ()
    """Codes of run cards, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    kind: DeviceKind
    model: str
    unit: str | None
    """Call sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Someone who may sign in."""

    name: str
    badge: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spare:
    """Taken, it is neither in a station nor in a unit."""

    kind: SpareKind
    fits: tuple[str, ...]
    station: str | None
    """Name."""
    unit: str | None
    """Call sign."""
    charged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class County:
    """Everything in service, by its key; and the keys that are taken by what no longer is."""

    stations: dict[str, Station]
    units: dict[str, Unit]
    leaders: dict[str, Leader]
    """By call sign of the unit."""
    officers: dict[str, Officer]
    devices: dict[str, Device]
    logins: dict[str, Login]
    spares: dict[str, Spare]
    retired_units: frozenset[str] = frozenset()
    disabled_devices: frozenset[str] = frozenset()
    disabled_logins: frozenset[str] = frozenset()
    retired_spares: frozenset[str] = frozenset()


# Stations.
STATIONS = "SELECT name, lon, lat FROM station"
# Units, those out of service included.
UNITS = """
SELECT call_sign, kind, station.name AS station, badge AS leader, retired_at IS NOT NULL AS gone
FROM unit LEFT JOIN station ON station.id = unit.station_id
LEFT JOIN officer ON officer.id = unit.leader_id
"""
# Officers and the unit each is in.
OFFICERS = """
SELECT badge, name, phone, skills, unit.call_sign AS unit
FROM officer LEFT JOIN unit_officer ON unit_officer.officer_id = officer.id
LEFT JOIN unit ON unit.id = unit_officer.unit_id
"""
# Devices, those out of service included; browsers left out.
DEVICES = """
SELECT device.id, device.kind, model, unit.call_sign AS unit, disabled_at IS NOT NULL AS gone
FROM device LEFT JOIN unit ON unit.id = device.unit_id WHERE model <> $1
"""
# Users, those out of service included.
LOGINS = """
SELECT username, display_name AS name, badge, disabled_at IS NOT NULL AS gone
FROM app_user LEFT JOIN officer ON officer.id = app_user.officer_id
"""
# Spares, those out of service included.
SPARES = """
SELECT label, spare.kind, fits, station.name AS station, unit.call_sign AS unit, charged,
       spare.retired_at IS NOT NULL AS gone
FROM spare LEFT JOIN station ON station.id = spare.station_id
LEFT JOIN unit ON unit.id = spare.unit_id
"""
# Hold these units' running shifts until commit, so that none gets an order meanwhile.
HOLD_UNITS = """
SELECT shift.id FROM shift JOIN unit ON unit.id = shift.unit_id
WHERE unit.call_sign = ANY($1::text[]) AND off_at IS NULL ORDER BY shift.unit_id FOR UPDATE OF shift
"""
# Open orders of these units.
OPEN_ORDERS = """
SELECT unit.call_sign, dispatch_order.number FROM dispatch_order
JOIN unit ON unit.id = dispatch_order.unit_id
WHERE unit.call_sign = ANY($1::text[]) AND closed_at IS NULL
"""
# A station elsewhere.
MOVE_STATION = "UPDATE station SET lon = $2, lat = $3 WHERE name = $1"
# A unit of another kind or station.
CHANGE_UNIT = """
UPDATE unit SET kind = $2, station_id = (SELECT id FROM station WHERE name = $3)
WHERE call_sign = $1
"""
# An officer by another name or telephone, or with other skills.
CHANGE_OFFICER = "UPDATE officer SET name = $2, phone = $3, skills = $4 WHERE badge = $1"
# An officer in no unit.
LEAVE_UNIT = """
DELETE FROM unit_officer WHERE officer_id = (SELECT id FROM officer WHERE badge = $1)
"""
# The officer's browsers go where the officer is. A browser's id is web-BADGE-16 hexadecimal digits.
FOLLOW_OFFICER = """
UPDATE device SET unit_id = (SELECT id FROM unit WHERE call_sign = $2)
WHERE model = $3 AND left(id, -17) = 'web-' || $1 AND token_hash IS NOT NULL
"""
# A device of another kind, model or unit.
CHANGE_DEVICE = """
UPDATE device SET kind = $2, model = $3, unit_id = (SELECT id FROM unit WHERE call_sign = $4)
WHERE id = $1
"""
# A user by another name.
RENAME_LOGIN = "UPDATE app_user SET display_name = $2 WHERE username = $1"

# A spare of another kind, or that fits other models.
CHANGE_SPARE = "UPDATE spare SET kind = $2, fits = $3 WHERE label = $1 RETURNING id"


async def read(conn: Any) -> County:
    """The roster as this transaction sees it."""
    stations, officers = await conn.fetch(STATIONS), await conn.fetch(OFFICERS)
    units, devices = await conn.fetch(UNITS), await conn.fetch(DEVICES, BROWSER_MODEL)
    logins, spares = await conn.fetch(LOGINS), await conn.fetch(SPARES)
    return County(
        stations={row["name"]: Station(lon=row["lon"], lat=row["lat"]) for row in stations},
        units={
            row["call_sign"]: Unit(kind=row["kind"], station=row["station"])
            for row in units
            if not row["gone"]
        },
        leaders={row["call_sign"]: Leader(badge=row["leader"]) for row in units if not row["gone"]},
        officers={
            row["badge"]: Officer(
                name=row["name"],
                phone=row["phone"],
                unit=row["unit"],
                skills=tuple(row["skills"]),
            )
            for row in officers
        },
        devices={
            row["id"]: Device(kind=row["kind"], model=row["model"], unit=row["unit"])
            for row in devices
            if not row["gone"]
        },
        logins={
            row["username"]: Login(name=row["name"], badge=row["badge"])
            for row in logins
            if not row["gone"]
        },
        spares={
            row["label"]: Spare(
                kind=SpareKind(row["kind"]),
                fits=tuple(row["fits"]),
                station=row["station"],
                unit=row["unit"],
                charged=row["charged"],
            )
            for row in spares
            if not row["gone"]
        },
        retired_units=_gone(units, "call_sign"),
        disabled_devices=_gone(devices, "id"),
        disabled_logins=_gone(logins, "username"),
        retired_spares=_gone(spares, "label"),
    )


async def hold_units(conn: Any, call_signs: Sequence[str]) -> dict[str, int]:
    """Keep new orders from these units until commit; the numbers of those that have one."""
    await conn.fetch(HOLD_UNITS, list(call_signs))
    rows = await conn.fetch(OPEN_ORDERS, list(call_signs))
    return {row["call_sign"]: row["number"] for row in rows}


async def change_station(conn: Any, name: str, station: Station) -> None:
    await conn.execute(MOVE_STATION, name, station.lon, station.lat)


async def change_unit(conn: Any, call_sign: str, unit: Unit) -> None:
    await conn.execute(CHANGE_UNIT, call_sign, unit.kind, unit.station)


async def change_officer(conn: Any, badge: str, officer: Officer) -> None:
    """Name, telephone and skills."""
    skills = list(officer.skills)
    await conn.execute(CHANGE_OFFICER, badge, officer.name, officer.phone, skills)


async def leave_unit(conn: Any, badge: str) -> None:
    await conn.execute(LEAVE_UNIT, badge)


async def move_browsers(conn: Any, badge: str, call_sign: str | None) -> None:
    """Browsers that serve as the officer's handset go to the officer's unit, or to none."""
    await conn.execute(FOLLOW_OFFICER, badge, call_sign, BROWSER_MODEL)


async def change_device(conn: Any, device_id: str, device: Device) -> None:
    await conn.execute(CHANGE_DEVICE, device_id, device.kind, device.model, device.unit)


async def change_spare(conn: Any, label: str, spare: Spare) -> str:
    """Returns the id."""
    return str(await conn.fetchval(CHANGE_SPARE, label, spare.kind, list(spare.fits)))


async def rename_login(conn: Any, username: str, name: str) -> None:
    await conn.execute(RENAME_LOGIN, username, name)


def _gone(rows: Sequence[Any], key: str) -> frozenset[str]:
    return frozenset(row[key] for row in rows if row["gone"])
