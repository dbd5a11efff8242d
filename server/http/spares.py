"""Spares over HTTP: which lie where, take one, put one somewhere, retire one."""

from __future__ import annotations

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.dispatch.spares import SpareKind
from server.http.devices_admin import CallSign, SpareFits, SpareLabel
from server.http.errors import ApiError, json, read_body
from server.http.learning import Reason
from server.http.needs import Services, guarded
from server.http.users import Badge, DisplayName
from server.sparedesk import NewSpare, Whereabouts
from server.stores.users import User

LOOK = ("dispatcher", "supervisor", "admin", "officer")
MOVE = LOOK
ADD = ("admin",)
RETIRE = ("supervisor", "admin")


class SpareBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/spares. One of `station` and `unit`."""

    label: SpareLabel
    kind: SpareKind
    fits: SpareFits = []
    station: DisplayName | None = None
    unit: CallSign | None = None
    charged: bool = False


class TakeBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/spares/{id}/take."""

    badge: Badge | None = None
    """Of whoever takes it; None: the officer who asks."""


class PutBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/spares/{id}/put. One of `station` and `unit`."""

    station: DisplayName | None = None
    unit: CallSign | None = None
    charged: bool


class RetireBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/spares/{id}/retire."""

    reason: Reason


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = services.spares

    async def look(request: Request, user: User) -> Response:
        return json(await desk.list())

    async def add(request: Request, user: User) -> Response:
        body = await read_body(request, SpareBody)
        wanted = NewSpare(
            label=body.label,
            kind=body.kind,
            fits=tuple(body.fits),
            lies=Whereabouts(station=body.station, unit=body.unit),
            charged=body.charged,
        )
        return json(await desk.add(wanted, by=user.actor), 201)

    async def take(request: Request, user: User) -> Response:
        body = await read_body(request, TakeBody)
        badge = _taker(user, body.badge)
        return json(await desk.take(request.path_params["id"], badge=badge, by=user.actor))

    async def put(request: Request, user: User) -> Response:
        body = await read_body(request, PutBody)
        lies = Whereabouts(station=body.station, unit=body.unit)
        spare_id = request.path_params["id"]
        return json(await desk.put(spare_id, lies, charged=body.charged, by=user.actor))

    async def retire(request: Request, user: User) -> Response:
        body = await read_body(request, RetireBody)
        await desk.retire(request.path_params["id"], reason=body.reason, by=user.actor)
        return Response(status_code=204)

    one = "/api/spares/{id}"
    return [
        Route("/api/spares", guarded(look, *LOOK)),
        Route("/api/spares", guarded(add, *ADD), methods=["POST"]),
        Route(f"{one}/take", guarded(take, *MOVE), methods=["POST"]),
        Route(f"{one}/put", guarded(put, *MOVE), methods=["POST"]),
        Route(f"{one}/retire", guarded(retire, *RETIRE), methods=["POST"]),
    ]


def _taker(user: User, badge: str | None) -> str:
    """Officers take for themselves; the room writes down who took it. Raises `ApiError`."""
    room = {"dispatcher", "supervisor", "admin"} & set(user.roles)
    wanted = badge or user.officer_badge
    if wanted is None:
        raise ApiError(422, "no_badge", "Say who takes it: the badge of an officer.")
    if wanted != user.officer_badge and not room:
        raise ApiError(403, "forbidden", "Officers take spares for themselves only.")
    return wanted
