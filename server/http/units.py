"""Units over HTTP: the live picture, and shifts."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import json, read_body
from server.http.needs import Services, guarded
from server.stores.units import UnitRow, bare_view
from server.stores.users import User
from server.views import UnitView


class ShiftBody(Struct, kw_only=True):
    """POST /api/units/{id}/shift."""

    on_duty: bool


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    board, pipeline = services.board, services.pipeline

    async def units(request: Request, user: User) -> Response:
        return json(board.units())

    async def shift(request: Request, user: User) -> Response:
        body = await read_body(request, ShiftBody)
        unit_id = request.path_params["id"]
        row = await pipeline.set_shift(unit_id, on_duty=body.on_duty, by=user.actor)
        return json(_merged(row, board.unit(row.id)))

    return [
        Route("/api/units", guarded(units, "dispatcher", "supervisor")),
        Route("/api/units/{id}/shift", guarded(shift, "dispatcher", "admin"), methods=["POST"]),
    ]


def _merged(row: UnitRow, seen: UnitView | None) -> UnitView:
    """The row just written, with the live part of the board, which may not have caught up."""
    if seen is None:
        return bare_view(row)
    return msgspec.structs.replace(
        seen,
        status=row.status,
        order_id=row.order_id,
        incident_id=row.incident_id,
        on_duty_since=row.on_duty_since,
    )
