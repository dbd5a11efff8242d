"""A county's roster invented for a map: stations, units, crews, devices, people who sign in.

For `ridgeline demo`, tests and benchmarks. The same seed gives the same roster; tokens and
passwords are fresh. Knows no server; the fleet file is what a simulator needs.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import argon2
import msgspec
from msgspec import Struct

from devices.sim import force
from devices.sim.force import UNITS_DEFAULT, draw_kind
from geo.roadmap import Place, RoadMap
from server.dispatch.spares import SpareKind
from server.http import devices_admin, users
from server.http.devices_admin import NewDevice, NewOfficer, NewStation, NewUnit
from server.http.passwords import Passwords, one_time_password
from server.http.users import NewUser
from server.ids import new_id
from server.sparedesk import NewSpare, Whereabouts, add_spare
from server.stores import units as unit_store
from server.stores.pool import Connection, Pool
from server.stores.users import Role
from server.views import DeviceKind, UnitKind

UNITS_MAX: Final = 2_000
BY: Final = "system"
CAMERA_MODELS: Final = ("BC-2", "BC-4G")
HANDSET_MODEL: Final = "H-11"
SKILLED: Final[Mapping[str, float]] = {
    "first_aid": 0.5,
    "mediation": 0.35,
    "traffic": 0.35,
    "ethnic_language": 0.3,
    "firearm": 0.25,
    "female_officer": 0.2,
    "scene_work": 0.2,
    "crowd": 0.15,
    "mountain_rescue": 0.15,
    "negotiator": 0.1,
    "drone": 0.1,
    "water_rescue": 0.1,
}
"""Share of officers who have a skill that the run cards of Ridgeline ask for: invented."""


class FleetDevice(Struct, frozen=True, kw_only=True):
    """One device with the token that only its owner knows."""

    device_id: str
    token: str
    kind: DeviceKind
    model: str
    unit_id: str
    call_sign: str
    unit_kind: UnitKind
    home: tuple[float, float]
    """Longitude and latitude of its station."""
    badges: list[str]
    simulated: bool
    """False: left to a person."""


class Login(Struct, frozen=True, kw_only=True):
    """Someone who can sign in, with the password in clear: it is shown once."""

    username: str
    password: str
    roles: list[Role]
    unit: str | None = None
    """Call sign of the officer's unit."""


class Fleet(Struct, frozen=True, kw_only=True):
    """What `ridgeline sim` needs to know."""

    devices: list[FleetDevice]
    dispatcher: Login


class DemoSeed(Struct, frozen=True, kw_only=True):
    """What was made."""

    fleet: Fleet
    logins: list[Login]


async def seed(
    pool: Pool,
    roadmap: RoadMap,
    *,
    units: int = UNITS_DEFAULT,
    seed: int = 1,
    skilled: Mapping[str, float] = SKILLED,
    hasher: argon2.PasswordHasher | None = None,
) -> DemoSeed:
    """Fill an empty database: all or nothing. The last unit's handset is left to a person.

    `hasher` is for the passwords; None: as strong as any other of ours.
    Raises `ValueError` for a number of units outside 1 … `UNITS_MAX`, `ApiError` when the
    database already has some of it.
    """
    if not 1 <= units <= UNITS_MAX:
        raise ValueError(f"units must be 1 to {UNITS_MAX}, not {units}")
    chance = random.Random(seed)
    stations = force.stations(roadmap)
    async with pool.acquire() as conn, conn.transaction():
        for station in stations:
            wanted = NewStation(name=station.name, lon=station.lon, lat=station.lat)
            await devices_admin.add_station(conn, wanted, by=BY)
        devices: list[FleetDevice] = []
        for number in range(1, units + 1):
            station = stations[(number - 1) % len(stations)]
            skills = random.Random(f"skills of unit {number}, seed {seed}")
            devices += await _add_unit(
                conn, number, station, chance, Draw(skills, skilled), simulated=number < units
            )
        await _add_spares(conn, stations)
        logins = await _add_users(conn, devices[-1], hasher)
    return DemoSeed(fleet=Fleet(devices=devices, dispatcher=logins[0]), logins=logins)


def write_fleet(fleet: Fleet, path: Path) -> None:
    """For this user's eyes only: it holds tokens."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(fleet), indent=1))


def read_fleet(path: Path) -> Fleet:
    """Raises `OSError`, `msgspec.DecodeError`."""
    return msgspec.json.decode(path.read_bytes(), type=Fleet)


@dataclass(frozen=True, slots=True)
class Draw:
    """What officers can do, drawn by itself: whatever else is drawn stays as it is."""

    chance: random.Random
    shares: Mapping[str, float]

    def skills(self) -> list[str]:
        """Of one officer."""
        return [code for code, share in self.shares.items() if self.chance.random() < share]


async def _add_unit(
    conn: Connection,
    number: int,
    station: Place,
    chance: random.Random,
    draw: Draw,
    *,
    simulated: bool,
) -> list[FleetDevice]:
    kind, call_sign = draw_kind(number, chance)
    unit_id = await devices_admin.add_unit(
        conn, NewUnit(call_sign=call_sign, kind=kind, station=station.name), by=BY
    )
    await unit_store.start_shift(conn, shift_id=new_id(), unit_id=unit_id, at=datetime.now(UTC))
    badges = [f"B-{1000 + 10 * number + seat}" for seat in range(1 if kind == "motorcycle" else 2)]
    for badge in badges:
        officer = NewOfficer(
            badge=badge, name=f"Officer {badge}", unit_id=unit_id, skills=draw.skills()
        )
        await devices_admin.add_officer(conn, officer, by=BY)
    await devices_admin.set_leader(conn, unit_id, badges[0], by=BY)
    devices: list[FleetDevice] = []
    models: Sequence[tuple[DeviceKind, str, str]] = (
        ("body_camera", f"cam-{number:04d}", chance.choice(CAMERA_MODELS)),
        ("handset", f"hs-{number:04d}", HANDSET_MODEL),
    )
    for device_kind, device_id, model in models:
        wanted = NewDevice(id=device_id, kind=device_kind, model=model, unit_id=unit_id)
        devices.append(
            FleetDevice(
                device_id=device_id,
                token=await devices_admin.add_device(conn, wanted, by=BY),
                kind=device_kind,
                model=model,
                unit_id=unit_id,
                call_sign=call_sign,
                unit_kind=kind,
                home=(station.lon, station.lat),
                badges=badges,
                simulated=simulated or device_kind == "body_camera",
            )
        )
    return devices


async def _add_spares(conn: Connection, stations: Sequence[Place]) -> None:
    """A charged pack of every model and a power bank in each station, one camera in the first."""
    for number, station in enumerate(stations, 1):
        lies = Whereabouts(station=station.name)
        for model in CAMERA_MODELS:
            await _add_spare(conn, f"pack-{model}-{number:02d}", SpareKind.PACK, lies, (model,))
        await _add_spare(conn, f"bank-{number:02d}", SpareKind.POWER_BANK, lies)
    await _add_spare(conn, "camera-01", SpareKind.CAMERA, Whereabouts(station=stations[0].name))


async def _add_spare(
    conn: Connection, label: str, kind: SpareKind, lies: Whereabouts, fits: tuple[str, ...] = ()
) -> None:
    wanted = NewSpare(label=label, kind=kind, fits=fits, lies=lies, charged=True)
    await add_spare(conn, wanted, by=BY)


async def _add_users(
    conn: Connection, officer_of: FleetDevice, hasher: argon2.PasswordHasher | None
) -> list[Login]:
    """Dispatcher first; the officer belongs to the unit whose handset is left to a person."""
    people: Sequence[tuple[str, str, Role, str | None]] = (
        ("dispatcher", "Dispatcher", "dispatcher", None),
        ("officer", f"Officer {officer_of.badges[0]}", "officer", officer_of.badges[0]),
        ("supervisor", "Supervisor", "supervisor", None),
        ("admin", "Administrator", "admin", None),
    )
    passwords = Passwords(hasher=hasher)
    logins: list[Login] = []
    try:
        for username, display_name, role, badge in people:
            password = one_time_password()
            await users.create(
                conn,
                NewUser(
                    username=username,
                    display_name=display_name,
                    roles=[role],
                    officer_badge=badge,
                ),
                password_hash=await passwords.hash(password),
                by=BY,
                must_change=False,
            )
            unit = officer_of.call_sign if badge else None
            logins.append(Login(username=username, password=password, roles=[role], unit=unit))
    finally:
        passwords.close()
    return logins
