"""Devices that do not speak our protocol, for administrators: who knocked, and who is whose.

One request makes a device that knocked ours: under which name it comes, which device and unit it
is, who carries it. A token is shown once; the database holds its SHA-256.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Protocol

from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from geo.datum import Datum
from server.http.auth import new_token
from server.http.devices_admin import DeviceId, Id, Model
from server.http.enrolment import hold_unit, tell_running
from server.http.errors import ApiError, json, read_body
from server.http.needs import guarded
from server.http.texts import name_of
from server.http.users import Badge
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.ports import FanOut
from server.stores import identities, journal, roster, strangers
from server.stores.identities import Terms
from server.stores.pool import Connection, Pool
from server.stores.strangers import EXTERNAL_ID_LEN_MAX
from server.stores.users import User
from server.views import DeviceKind

TOPIC: Final = "identity"
"""Of the fan-out: a device's identities are others now; the payload is its id, or empty."""
PATHS: Final = {"osmand": "/o/", "owntracks": "/owntracks/"}
"""Where apps with a token of their own report to."""
SHOWS_ORDERS: Final = {"jt808": True, "tak": True, "osmand": False, "owntracks": False}
"""Whether a new device of the protocol can, as a rule, show an order to a person."""
SETTINGS_LEN_MAX: Final = 20

GuestProtocol = Literal["jt808", "tak", "osmand", "owntracks"]
ExternalId = Annotated[str, Meta(pattern=name_of(EXTERNAL_ID_LEN_MAX))]
Code = Annotated[str, Meta(pattern=name_of(64))]
DatumName = Literal["wgs84", "gcj02", "bd09"]
Setting = str | int | float | bool | None
GuestSettings = Annotated[dict[str, Setting], Meta(max_length=SETTINGS_LEN_MAX)]


class NewIdentity(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/devices/identities."""

    protocol: GuestProtocol
    external_id: ExternalId
    device_id: DeviceId
    """One that is here already, or a new one."""
    kind: DeviceKind = "handset"
    model: Model = ""
    """Both of a new device."""
    unit_id: Id | None = None
    """None: a new device is in no unit, one that is here stays where it is."""
    badge: Badge | None = None
    datum: DatumName = "wgs84"
    strict: bool = False
    code: Code | None = None
    """The authentication code that it must give (JT/T 808)."""
    own_token: bool | None = None
    """A token of its own (OsmAnd, OwnTracks); None: unless it knocked under everybody's."""
    shows_orders: bool | None = None
    """Whether its unit's orders go to it; None: as the protocol does, for a new device."""
    settings: GuestSettings = {}


class Named(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/devices/unknown/dismiss and /api/devices/identities/remove."""

    protocol: GuestProtocol
    external_id: ExternalId


class ChangedIdentity(Named, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/devices/identities/change: what is absent stays as it is."""

    badge: Badge | UnsetType | None = UNSET
    datum: DatumName | UnsetType = UNSET
    strict: bool | UnsetType = UNSET
    code: Code | UnsetType = UNSET
    new_token: bool = False
    shows_orders: bool | UnsetType | None = UNSET
    settings: GuestSettings | UnsetType = UNSET


class Services(Protocol):
    """What these routes need of the wired services."""

    @property
    def pool(self) -> Pool: ...
    @property
    def fanout(self) -> FanOut: ...


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    pool, fanout = services.pool, services.fanout

    async def unknown(request: Request, user: User) -> Response:
        dismissed = request.query_params.get("dismissed") in {"1", "true"}
        return json(await strangers.listed(pool, dismissed=dismissed))

    async def dismiss(request: Request, admin: User) -> Response:
        wanted = await read_body(request, Named)
        async with pool.acquire() as conn, conn.transaction():
            said = await strangers.dismiss(
                conn, wanted.protocol, wanted.external_id, by=admin.actor, at=datetime.now(UTC)
            )
            if said is None:
                raise _nobody()
            body = {"protocol": wanted.protocol, "external_id": wanted.external_id, "said": said}
            subject = f"unknown_device:{wanted.protocol}"
            await journal.append(
                conn,
                actor=admin.actor,
                subject=subject,
                kind=JournalKind.DEVICE_DISMISSED,
                body=body,
            )
        fanout.publish(TOPIC, "")
        return Response(status_code=204)

    async def listed(request: Request, user: User) -> Response:
        return json(await identities.listed(pool))

    async def add(request: Request, admin: User) -> Response:
        wanted = await read_body(request, NewIdentity)
        async with pool.acquire() as conn, conn.transaction():
            added = await add_identity(conn, wanted, by=admin.actor)
        if (unit_id := added["unit_id"]) is not None:
            if added["shows_orders"]:
                await tell_running(pool, wanted.device_id, unit_id)
            fanout.publish("unit", unit_id)
        fanout.publish(TOPIC, wanted.device_id)
        fanout.publish("device", wanted.device_id)
        return json(added, 201)

    async def change(request: Request, admin: User) -> Response:
        wanted = await read_body(request, ChangedIdentity)
        async with pool.acquire() as conn, conn.transaction():
            device_id, answer = await change_identity(conn, wanted, by=admin.actor)
        fanout.publish(TOPIC, device_id)
        return json(answer)

    async def remove(request: Request, admin: User) -> Response:
        wanted = await read_body(request, Named)
        async with pool.acquire() as conn, conn.transaction():
            device_id = await identities.remove(conn, wanted.protocol, wanted.external_id)
            if device_id is None:
                raise _nobody()
            body = {"protocol": wanted.protocol, "external_id": wanted.external_id}
            await _log(conn, admin.actor, device_id, JournalKind.DEVICE_IDENTITY_REMOVED, body)
        fanout.publish(TOPIC, device_id)
        return Response(status_code=204)

    return [
        Route("/api/devices/unknown", guarded(unknown, "admin"), methods=["GET"]),
        Route("/api/devices/unknown/dismiss", guarded(dismiss, "admin"), methods=["POST"]),
        Route("/api/devices/identities", guarded(listed, "admin"), methods=["GET"]),
        Route("/api/devices/identities", guarded(add, "admin"), methods=["POST"]),
        Route("/api/devices/identities/change", guarded(change, "admin"), methods=["POST"]),
        Route("/api/devices/identities/remove", guarded(remove, "admin"), methods=["POST"]),
    ]


async def add_identity(conn: Connection, wanted: NewIdentity, *, by: str) -> dict[str, Any]:
    """In a transaction of the caller, who then tells the device its running order.

    Raises `ApiError` 409 `exists`, 422 `unknown_unit`, `unknown_badge`, `device_disabled`,
    `no_token`.
    """
    _require_fitting(wanted)
    if wanted.badge is not None:
        await _require_badge(conn, wanted.badge)
    await _hold_device(conn, wanted, by=by)
    if (name := await identities.name_of(conn, wanted.protocol, wanted.device_id)) is not None:
        raise ApiError(409, "exists", f"{wanted.device_id} comes by {wanted.protocol} as {name}.")
    knocked = await strangers.forget(conn, wanted.protocol, wanted.external_id)
    own_token = wanted.own_token
    if own_token is None:
        own_token = wanted.protocol in PATHS and knocked is None
    token = new_token() if own_token else None
    terms = Terms(
        strict=wanted.strict,
        datum=Datum(wanted.datum),
        badge=wanted.badge,
        settings=dict(wanted.settings),
    )
    added = await identities.add(
        conn,
        wanted.protocol,
        wanted.external_id,
        wanted.device_id,
        terms,
        secret=token or wanted.code,
        by=by,
        at=datetime.now(UTC),
    )
    if not added:
        message = f"A device goes by the name {wanted.external_id} already."
        raise ApiError(409, "exists", message)
    body = {"protocol": wanted.protocol, "external_id": wanted.external_id}
    body |= asdict(terms) | {"own_token": token is not None, "code": wanted.code is not None}
    await _log(conn, by, wanted.device_id, JournalKind.DEVICE_IDENTITY_ADDED, body)
    [entry] = await identities.listed(
        conn, protocol=wanted.protocol, external_id=wanted.external_id
    )
    return asdict(entry) | _shown(wanted.protocol, token)


async def change_identity(
    conn: Connection, wanted: ChangedIdentity, *, by: str
) -> tuple[str, dict[str, Any]]:
    """The device, and what is to be answered. Raises `ApiError` 404, 422."""
    found = await identities.hold(conn, wanted.protocol, wanted.external_id)
    if found is None:
        raise _nobody()
    device_id, before = found
    said = {
        name: value
        for name in ("badge", "datum", "strict", "settings")
        if (value := getattr(wanted, name)) is not UNSET
    }
    if said.get("badge") is not None:
        await _require_badge(conn, said["badge"])
    if "datum" in said:
        said["datum"] = Datum(said["datum"])
    after = replace(before, **said)
    await identities.change(conn, wanted.protocol, wanted.external_id, after)
    if wanted.shows_orders is not UNSET:
        await identities.set_shows_orders(conn, device_id, wanted.shows_orders)
    if wanted.protocol not in PATHS and before.strict and not after.strict:
        await identities.forget_secret(conn, wanted.protocol, wanted.external_id)
    token = _wanted_token(wanted)
    secret = token if token is not None else wanted.code
    if secret is not UNSET:
        [identity] = await identities.named(conn, [(wanted.protocol, wanted.external_id)])
        if identity is None:
            raise ApiError(422, "device_disabled", "The device was taken out of service.")
        await identities.keep_secret(conn, identity, secret)
    was, now = asdict(before), asdict(after)
    changed = {name: {"from": was[name], "to": now[name]} for name in was if was[name] != now[name]}
    body: dict[str, Any] = {"protocol": wanted.protocol, "external_id": wanted.external_id}
    body |= {"changed": changed}
    body |= {"new_secret": secret is not UNSET}
    if wanted.shows_orders is not UNSET:
        body |= {"shows_orders": wanted.shows_orders}
    await _log(conn, by, device_id, JournalKind.DEVICE_IDENTITY_CHANGED, body)
    entries = await identities.listed(
        conn, protocol=wanted.protocol, external_id=wanted.external_id
    )
    shown = _shown(wanted.protocol, token)
    return device_id, (asdict(entries[0]) if entries else {"device_id": device_id}) | shown


def _require_fitting(wanted: NewIdentity) -> None:
    if wanted.own_token and wanted.protocol not in PATHS:
        raise ApiError(422, "no_token", "Only apps of OsmAnd and OwnTracks come with a token.")
    if wanted.own_token and wanted.code is not None:
        raise ApiError(422, "no_token", "A token or a code, not both.")
    if wanted.code is not None and wanted.protocol in PATHS:
        raise ApiError(
            422, "no_token", "Apps of OsmAnd and OwnTracks come with a token, not a code."
        )


def _wanted_token(wanted: ChangedIdentity) -> str | None:
    if not wanted.new_token:
        return None
    if wanted.protocol not in PATHS:
        raise ApiError(422, "no_token", "Only apps of OsmAnd and OwnTracks come with a token.")
    return new_token()


def _shown(protocol: str, token: str | None) -> dict[str, Any]:
    """The token and the path that holds it, which nobody will see again."""
    return {} if token is None else {"token": token, "path": f"{PATHS[protocol]}{token}"}


async def _hold_device(conn: Connection, wanted: NewIdentity, *, by: str) -> None:
    """The device is here, in service, and in its unit."""
    call_sign = None if wanted.unit_id is None else await hold_unit(conn, wanted.unit_id)
    is_new = await roster.add_device(
        conn,
        device_id=wanted.device_id,
        kind=wanted.kind,
        model=wanted.model,
        unit_id=wanted.unit_id,
        token_hash=None,
        epoch=new_id(),
    )
    if is_new:
        shows = wanted.shows_orders
        shows = SHOWS_ORDERS[wanted.protocol] if shows is None else shows
        await identities.set_shows_orders(conn, wanted.device_id, shows)
        body: dict[str, Any] = {"kind": wanted.kind, "model": wanted.model}
        body |= {"unit_id": wanted.unit_id, "shows_orders": shows}
        await _log(conn, by, wanted.device_id, JournalKind.DEVICE_ENROLLED, body)
        return
    held = await identities.hold_device(conn, wanted.device_id)
    if held is None:
        raise ApiError(422, "device_disabled", "The device was taken out of service.")
    if wanted.shows_orders is not None:
        await identities.set_shows_orders(conn, wanted.device_id, wanted.shows_orders)
    unit_id, before = held
    if wanted.unit_id is not None and wanted.unit_id != unit_id:
        await identities.set_unit(conn, wanted.device_id, wanted.unit_id)
        moved = {"changed": {"unit": {"from": before, "to": call_sign}}}
        await _log(conn, by, wanted.device_id, JournalKind.DEVICE_CHANGED, moved)


async def _require_badge(conn: Connection, badge: str) -> None:
    if not await roster.officer_exists(conn, badge):
        message = f"Nobody has the badge {badge}; create the officer first."
        raise ApiError(422, "unknown_badge", message)


def _nobody() -> ApiError:
    return ApiError(404, "not_found", "Nobody goes by that name.")


async def _log(
    conn: Connection, by: str, device_id: str, kind: JournalKind, body: dict[str, Any]
) -> None:
    await journal.append(conn, actor=by, subject=f"device:{device_id}", kind=kind, body=body)
