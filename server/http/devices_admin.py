"""The roster, for administrators: stations, officers, units, devices; and a browser as handset.

A device's token is shown once; the database holds its SHA-256.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Annotated, Final, Protocol

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.auth import hash_token, new_token
from server.http.enrolment import enrol_browser, enrolment_limiter, hold_unit, tell_running
from server.http.errors import ApiError, json, read_body
from server.http.needs import guarded
from server.http.texts import NO_NUL, name_of
from server.http.users import Badge, DisplayName, Phone
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.ports import FanOut
from server.sparedesk import FITS_LEN_MAX
from server.stores import journal, leaders, roster
from server.stores.pool import Connection, Pool
from server.stores.units import SHOW_ORDERS
from server.stores.users import User
from server.views import DeviceKind, UnitKind

DeviceId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]
CallSign = Annotated[str, Meta(pattern=name_of(32))]
Model = Annotated[str, Meta(max_length=80, pattern=NO_NUL)]
SpareLabel = Annotated[str, Meta(pattern=name_of(64))]
SpareFits = Annotated[list[Model], Meta(max_length=FITS_LEN_MAX)]
Id = Annotated[str, Meta(pattern=r"^[0-9a-fA-F-]{36}\Z")]
SKILLS_LEN_MAX: Final = 20
Skill = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}\Z")]
"""Its code in the run cards."""
Skills = Annotated[list[Skill], Meta(max_length=SKILLS_LEN_MAX)]


class NewStation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: DisplayName
    lon: Annotated[float, Meta(ge=-180, le=180)]
    lat: Annotated[float, Meta(ge=-90, le=90)]


class NewOfficer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    badge: Badge
    name: DisplayName
    phone: Phone = ""
    skills: Skills = []
    unit_id: Id | None = None


class NewUnit(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    call_sign: CallSign
    kind: UnitKind
    station: DisplayName | None = None
    """Name of a station."""


class LeaderBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    badge: Badge | None
    """Of an officer of the unit's crew or of the shift; None: nobody leads it."""


class NewDevice(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: DeviceId
    kind: DeviceKind
    model: Model = ""
    unit_id: Id | None = None


class Handset(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    install_id: Annotated[str, Meta(min_length=1, max_length=64)]


class RosterServices(Protocol):
    """What these routes need of `Services`."""

    @property
    def pool(self) -> Pool: ...
    @property
    def fanout(self) -> FanOut: ...


async def add_station(conn: Connection, wanted: NewStation, *, by: str) -> str:
    """Returns the id. Raises `ApiError` 409 `exists`. Like the others here: ends a transaction."""
    station_id = new_id()
    if not await roster.add_station(
        conn, station_id=station_id, name=wanted.name, lon=wanted.lon, lat=wanted.lat
    ):
        raise _exists(f"There is a station {wanted.name} already.", "name")
    body = {"name": wanted.name, "lon": wanted.lon, "lat": wanted.lat}
    await _log(conn, by, f"station:{station_id}", JournalKind.STATION_CREATED, body)
    return station_id


async def add_officer(conn: Connection, wanted: NewOfficer, *, by: str) -> str:
    """Raises `ApiError` 409 `exists`, 422 `unknown_unit`."""
    officer_id = new_id()
    skills = sorted(set(wanted.skills))
    if not await roster.add_officer(
        conn,
        officer_id=officer_id,
        badge=wanted.badge,
        name=wanted.name,
        phone=wanted.phone,
        skills=skills,
    ):
        raise _exists(f"Somebody has the badge {wanted.badge} already.", "badge")
    if wanted.unit_id is not None:
        await _require_unit(conn, wanted.unit_id)
        await roster.join_unit(conn, badge=wanted.badge, unit_id=wanted.unit_id)
    body = {
        "name": wanted.name,
        "phone": wanted.phone,
        "skills": skills,
        "unit_id": wanted.unit_id,
    }
    await _log(conn, by, f"officer:{wanted.badge}", JournalKind.OFFICER_CREATED, body)
    return officer_id


async def add_unit(conn: Connection, wanted: NewUnit, *, by: str) -> str:
    """Raises `ApiError` 409 `exists`, 422 `unknown_station`."""
    station_id = None
    if wanted.station is not None:
        station_id = await roster.station_id(conn, wanted.station)
        if station_id is None:
            message = f"There is no station {wanted.station}; create it first."
            raise ApiError(422, "unknown_station", message)
    unit_id = new_id()
    if not await roster.add_unit(
        conn, unit_id=unit_id, call_sign=wanted.call_sign, kind=wanted.kind, station_id=station_id
    ):
        raise _exists(f"There is a unit {wanted.call_sign} already.", "call_sign")
    body = {"call_sign": wanted.call_sign, "kind": wanted.kind, "station": wanted.station}
    await _log(conn, by, f"unit:{unit_id}", JournalKind.UNIT_CREATED, body)
    return unit_id


async def set_leader(conn: Connection, unit_id: str, badge: str | None, *, by: str) -> None:
    """Who leads the unit; None: nobody. Raises `ApiError` 404, 422 `unknown_badge`."""
    call_sign = await roster.call_sign(conn, unit_id)
    if call_sign is None:
        raise ApiError(404, "not_found", "There is no such unit.")
    if badge is not None and not await roster.officer_exists(conn, badge):
        message = f"Nobody has the badge {badge}; create the officer first."
        raise ApiError(422, "unknown_badge", message)
    before = await leaders.of_unit(conn, unit_id)
    was = None if before is None else before.badge
    if was == badge:
        return
    await roster.set_leader(conn, unit_id, badge)
    body = {"call_sign": call_sign, "changed": {"leader": {"from": was, "to": badge}}}
    await _log(conn, by, f"unit:{unit_id}", JournalKind.UNIT_CHANGED, body)


async def add_device(conn: Connection, wanted: NewDevice, *, by: str) -> str:
    """Returns the token, which nobody will see again. Raises `ApiError` 409, 422."""
    if wanted.unit_id is not None:
        await hold_unit(conn, wanted.unit_id)
    token = new_token()
    if not await roster.add_device(
        conn,
        device_id=wanted.id,
        kind=wanted.kind,
        model=wanted.model,
        unit_id=wanted.unit_id,
        token_hash=hash_token(token),
        epoch=new_id(),
    ):
        raise _exists(f"There is a device {wanted.id} already.", "id")
    body = {"kind": wanted.kind, "model": wanted.model, "unit_id": wanted.unit_id}
    await _log(conn, by, f"device:{wanted.id}", JournalKind.DEVICE_ENROLLED, body)
    return token


def routes(services: RosterServices) -> list[BaseRoute]:
    pool, fanout = services.pool, services.fanout
    limiter = enrolment_limiter()

    async def stations(request: Request, admin: User) -> Response:
        wanted = await read_body(request, NewStation)
        async with pool.acquire() as conn, conn.transaction():
            station_id = await add_station(conn, wanted, by=admin.actor)
        return json({"id": station_id, "name": wanted.name}, 201)

    async def officers(request: Request, admin: User) -> Response:
        wanted = await read_body(request, NewOfficer)
        async with pool.acquire() as conn, conn.transaction():
            officer_id = await add_officer(conn, wanted, by=admin.actor)
        if wanted.unit_id is not None:
            fanout.publish("unit", wanted.unit_id)
        return json({"id": officer_id, "badge": wanted.badge}, 201)

    async def units(request: Request, admin: User) -> Response:
        wanted = await read_body(request, NewUnit)
        async with pool.acquire() as conn, conn.transaction():
            unit_id = await add_unit(conn, wanted, by=admin.actor)
        fanout.publish("unit", unit_id)
        return json({"id": unit_id, "call_sign": wanted.call_sign}, 201)

    async def leader(request: Request, user: User) -> Response:
        wanted, unit_id = await read_body(request, LeaderBody), request.path_params["id"]
        async with pool.acquire() as conn, conn.transaction():
            await set_leader(conn, unit_id, wanted.badge, by=user.actor)
            view = await leaders.of_unit(conn, unit_id)
        fanout.publish("unit", unit_id)
        return json({"unit_id": unit_id, "leader": view})

    async def people(request: Request, user: User) -> Response:
        return json({"units": await roster.units(pool), "officers": await roster.officers(pool)})

    async def list_devices(request: Request, user: User) -> Response:
        disabled = request.query_params.get("disabled") == "1"
        return json(await roster.devices(pool, disabled=disabled))

    async def devices(request: Request, admin: User) -> Response:
        wanted = await read_body(request, NewDevice)
        async with pool.acquire() as conn, conn.transaction():
            token = await add_device(conn, wanted, by=admin.actor)
        if wanted.unit_id is not None:
            if wanted.kind in SHOW_ORDERS:
                await tell_running(pool, wanted.id, wanted.unit_id)
            fanout.publish("unit", wanted.unit_id)
        return json({"device_id": wanted.id, "token": token}, 201)

    async def handset(request: Request, user: User) -> Response:
        wanted = await read_body(request, Handset)
        if user.officer_badge is None or user.unit_id is None:
            message = "You are in no unit. Ask the dispatcher to put you into one."
            raise ApiError(409, "no_unit", message)
        if wait_s := limiter.attempt(user.officer_badge, time.monotonic()):
            raise _too_often(wait_s)
        async with pool.acquire() as conn, conn.transaction():
            call_sign = await hold_unit(conn, user.unit_id)
            device_id, token = await enrol_browser(
                conn,
                wanted.install_id,
                unit_id=user.unit_id,
                badge=user.officer_badge,
                by=user.actor,
            )
        await tell_running(pool, device_id, user.unit_id)
        fanout.publish("unit", user.unit_id)
        return json(
            {
                "device_id": device_id,
                "token": token,
                "unit_id": user.unit_id,
                "call_sign": call_sign,
                "badge": user.officer_badge,
            }
        )

    return [
        Route("/api/stations", guarded(stations, "admin"), methods=["POST"]),
        Route("/api/officers", guarded(officers, "admin"), methods=["POST"]),
        Route("/api/units", guarded(units, "admin"), methods=["POST"]),
        Route(
            "/api/units/{id}/leader",
            guarded(leader, "dispatcher", "supervisor", "admin"),
            methods=["POST"],
        ),
        Route("/api/roster", guarded(people, "admin"), methods=["GET"]),
        Route("/api/devices", guarded(list_devices, "admin"), methods=["GET"]),
        Route("/api/devices", guarded(devices, "admin"), methods=["POST"]),
        Route("/api/handset", guarded(handset, "officer"), methods=["POST"]),
    ]


async def _require_unit(conn: Connection, unit_id: str) -> str:
    call_sign = await roster.call_sign(conn, unit_id)
    if call_sign is None:
        raise ApiError(422, "unknown_unit", "There is no such unit in service.")
    return call_sign


def _too_often(wait_s: float) -> ApiError:
    seconds = math.ceil(wait_s)
    message = f"This officer's browsers were enrolled too often. Try again in {seconds} s."
    headers = {"retry-after": f"{seconds}"}
    return ApiError(429, "rate_limited", message, {"wait_s": seconds}, headers=headers)


def _exists(message: str, field: str) -> ApiError:
    return ApiError(409, "exists", message, {"field": field})


async def _log(
    conn: Connection, by: str, subject: str, kind: JournalKind, body: Mapping[str, object]
) -> None:
    await journal.append(conn, actor=by, subject=subject, kind=kind, body=dict(body))
