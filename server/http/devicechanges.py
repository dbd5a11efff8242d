"""Devices that are here already, for administrators: change them, take them out of service.

A device out of service is refused at every door from then on, and an open link of it is ended when
devices are next compared with their rows, some seconds later.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.http.auth import hash_token, new_token
from server.http.concurrent import differences, require_unchanged
from server.http.devices_admin import Id, Model
from server.http.enrolment import tell_running
from server.http.errors import json, read_body
from server.http.needs import guarded
from server.http.texts import NO_NUL
from server.journal.kinds import JournalKind
from server.ports import FanOut
from server.stores import devicechanges as store
from server.stores import journal, roster
from server.stores.devicechanges import HeldDevice
from server.stores.pool import Connection, Pool
from server.stores.units import SHOW_ORDERS
from server.stores.users import User
from server.views import DeviceKind

CHANGES = (
    JournalKind.DEVICE_ENROLLED,
    JournalKind.DEVICE_CHANGED,
    JournalKind.DEVICE_DISABLED,
    JournalKind.DEVICE_ENABLED,
)
"""What can make a device look different."""

Reason = Annotated[str, Meta(max_length=500, pattern=NO_NUL)]


class DeviceFacts(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an administrator changes of a device."""

    kind: DeviceKind
    model: Model
    unit_id: Id | None


class ChangeDevice(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/devices/{id}."""

    was: DeviceFacts
    now: DeviceFacts


class ReasonBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    reason: Reason


class DeviceChangesServices(Protocol):
    """What these routes need of `Services`."""

    @property
    def pool(self) -> Pool: ...
    @property
    def fanout(self) -> FanOut: ...


def routes(services: DeviceChangesServices) -> list[BaseRoute]:
    pool, fanout = services.pool, services.fanout

    def tell(device_id: str, *unit_ids: str | None) -> None:
        fanout.publish("device", device_id)
        for unit_id in filter(None, unit_ids):
            fanout.publish("unit", unit_id)

    async def change(request: Request, admin: User) -> Response:
        device_id, wanted = request.path_params["id"], await read_body(request, ChangeDevice)
        async with pool.acquire() as conn, conn.transaction():
            held = await change_device(conn, device_id, wanted, by=admin.actor)
        unit_id = wanted.now.unit_id
        if unit_id is not None and unit_id != held.unit_id and wanted.now.kind in SHOW_ORDERS:
            await tell_running(pool, device_id, unit_id)
        tell(device_id, held.unit_id, unit_id)
        return Response(status_code=204)

    async def disable(request: Request, admin: User) -> Response:
        device_id, body = request.path_params["id"], await read_body(request, ReasonBody)
        async with pool.acquire() as conn, conn.transaction():
            held = await disable_device(conn, device_id, reason=body.reason, by=admin.actor)
        tell(device_id, held.unit_id)
        return Response(status_code=204)

    async def enable(request: Request, admin: User) -> Response:
        device_id, body = request.path_params["id"], await read_body(request, ReasonBody)
        async with pool.acquire() as conn, conn.transaction():
            held = await enable_device(conn, device_id, reason=body.reason, by=admin.actor)
        tell(device_id, held.unit_id)
        return Response(status_code=204)

    async def token(request: Request, admin: User) -> Response:
        device_id, body = request.path_params["id"], await read_body(request, ReasonBody)
        async with pool.acquire() as conn, conn.transaction():
            made = await renew_token(conn, device_id, reason=body.reason, by=admin.actor)
        tell(device_id)
        return json({"device_id": device_id, "token": made})

    return [
        Route("/api/devices/{id}", guarded(change, "admin"), methods=["POST"]),
        Route("/api/devices/{id}/disable", guarded(disable, "admin"), methods=["POST"]),
        Route("/api/devices/{id}/enable", guarded(enable, "admin"), methods=["POST"]),
        Route("/api/devices/{id}/token", guarded(token, "admin"), methods=["POST"]),
    ]


# -- the rules, each inside the caller's transaction ---------------------------------------------


async def change_device(
    conn: Connection, device_id: str, wanted: ChangeDevice, *, by: str
) -> HeldDevice:
    """The device as it was.

    Raises `NotFound`, `Conflict` (`changed_meanwhile`, `out_of_service`, `orders_open`: the unit
    that it would leave is on its way), `Impossible` (`unknown_unit`).
    """
    left, entered = wanted.was.unit_id, wanted.now.unit_id
    for each in sorted(filter(None, {left, entered})):  # units before devices, as everywhere
        if await roster.hold_unit(conn, each) is None and each == entered:
            text = "There is no such unit in service."
            raise Impossible("unknown_unit", text, {"field": "unit_id"})
    held = await _held(conn, device_id)
    if held.disabled_at is not None:
        raise Conflict("out_of_service", "Bring the device back into service first.")
    stands = DeviceFacts(kind=held.kind, model=held.model, unit_id=held.unit_id)
    await require_unchanged(conn, wanted.was, stands, subject=_subject(held), kinds=CHANGES)
    changed = differences(stands, wanted.now)
    if not changed:
        return held
    if "unit_id" in changed and left is not None and await store.has_order(conn, left):
        text = "Its unit has an open order, which came by this device. Wait until it is closed."
        raise Conflict("orders_open", text, {"field": "unit_id"})
    now = wanted.now
    await store.change(conn, device_id, kind=now.kind, model=now.model, unit_id=now.unit_id)
    await _log(conn, held, JournalKind.DEVICE_CHANGED, {"changed": changed}, by=by)
    return held


async def disable_device(conn: Connection, device_id: str, *, reason: str, by: str) -> HeldDevice:
    """At once, whatever its unit is doing: it may be in wrong hands.

    Raises `NotFound`, `Conflict` (`over`), `Impossible` (`no_reason`).
    """
    held = await _held(conn, device_id, reason)
    if held.disabled_at is not None:
        raise Conflict("over", "This device is out of service already.")
    await store.set_disabled(conn, device_id, datetime.now(UTC))
    await _log(conn, held, JournalKind.DEVICE_DISABLED, _said(reason), by=by)
    return held


async def enable_device(conn: Connection, device_id: str, *, reason: str, by: str) -> HeldDevice:
    """With the token that it had. Raises as `disable_device`."""
    held = await _held(conn, device_id, reason)
    if held.disabled_at is None:
        raise Conflict("over", "This device is in service already.")
    await store.set_disabled(conn, device_id, None)
    await _log(conn, held, JournalKind.DEVICE_ENABLED, _said(reason), by=by)
    return held


async def renew_token(conn: Connection, device_id: str, *, reason: str, by: str) -> str:
    """The token, which nobody will see again; the former one ends.

    Raises `NotFound`, `Conflict` (`out_of_service`, `no_token`: it does not speak our protocol),
    `Impossible` (`no_reason`).
    """
    held = await _held(conn, device_id, reason)
    if held.disabled_at is not None:
        raise Conflict("out_of_service", "Bring the device back into service first.")
    if not held.enrolled:
        raise Conflict("no_token", "This device comes in by another protocol.")
    made = new_token()
    await store.set_token(conn, device_id, hash_token(made))
    await _log(conn, held, JournalKind.DEVICE_TOKEN_RENEWED, _said(reason), by=by)
    return made


async def _held(conn: Connection, device_id: str, reason: str | None = None) -> HeldDevice:
    if reason is not None and not reason.strip():
        raise Impossible("no_reason", "Say why; it stands in the command log.", {"field": "reason"})
    held = await store.hold(conn, device_id)
    if held is None:
        raise NotFound("not_found", "There is no such device.")
    return held


def _subject(held: HeldDevice) -> str:
    return f"device:{held.id}"


def _said(reason: str) -> dict[str, Any]:
    return {"reason": reason.strip()}


async def _log(
    conn: Connection, held: HeldDevice, kind: JournalKind, body: dict[str, Any], *, by: str
) -> None:
    await journal.append(conn, actor=by, subject=_subject(held), kind=kind, body=body)
