"""Cover over HTTP: what the county is left with, who could move up, where units may wait."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import ApiError, json, read_body
from server.http.needs import Line, Services, guarded, require_short
from server.http.texts import NO_NUL, NOT_BLANK, name_of
from server.stores.users import User

LOOK = ("dispatcher", "supervisor", "admin")
CHANGE = ("supervisor", "admin")


class PointBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/standby-points."""

    name: Annotated[str, Meta(pattern=name_of(64))]
    lon: Annotated[float, Meta(ge=-180.0, le=180.0)]
    lat: Annotated[float, Meta(ge=-90.0, le=90.0)]


class MoveUpBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/cover/move-up."""

    request_id: Annotated[str, Meta(min_length=1, max_length=56, pattern=NO_NUL)]
    unit_id: Line
    post_id: Line
    reason: Annotated[str, Meta(max_length=2000, pattern=NOT_BLANK)]
    """Why, for the unit and for the log."""

    def __post_init__(self) -> None:
        require_short(reason=self.reason)


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = services.cover_desk

    async def cover(request: Request, user: User) -> Response:
        found = await desk.view()
        if found is None:
            raise ApiError(503, "not_ready", "Cover is being reckoned; ask again in a moment.")
        return json(found)

    async def move_up(request: Request, user: User) -> Response:
        body = await read_body(request, MoveUpBody)
        orders = await desk.move_up(
            body.unit_id,
            body.post_id,
            request_id=body.request_id,
            reason=body.reason.strip(),
            by=user.actor,
        )
        return json(orders)

    async def points(request: Request, user: User) -> Response:
        return json(await desk.points())

    async def add(request: Request, user: User) -> Response:
        body = await read_body(request, PointBody)
        return json(await desk.add(body.name, body.lon, body.lat, by=user.actor), 201)

    async def retire(request: Request, user: User) -> Response:
        await desk.retire(request.path_params["id"], by=user.actor)
        return Response(status_code=204)

    return [
        Route("/api/cover", guarded(cover, *LOOK)),
        Route("/api/cover/move-up", guarded(move_up, "dispatcher"), methods=["POST"]),
        Route("/api/standby-points", guarded(points, *LOOK)),
        Route("/api/standby-points", guarded(add, *CHANGE), methods=["POST"]),
        Route("/api/standby-points/{id}/retire", guarded(retire, *CHANGE), methods=["POST"]),
    ]
