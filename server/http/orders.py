"""Orders over HTTP: cancel, and enter what a unit said by voice."""

from __future__ import annotations

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.dispatch.orders import OrderState
from server.http.errors import json, read_body
from server.http.needs import Services, Text, guarded, require_short
from server.stores.users import User


class CancelBody(Struct, kw_only=True):
    """POST /api/orders/{id}/cancel."""

    ver: int
    reason: Text

    def __post_init__(self) -> None:
        require_short(reason=self.reason)


class VoiceBody(Struct, kw_only=True):
    """POST /api/orders/{id}/report."""

    ver: int
    state: OrderState
    reason: Text = ""
    note: Text = ""

    def __post_init__(self) -> None:
        require_short(reason=self.reason, note=self.note)


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    pipeline = services.pipeline

    async def cancel(request: Request, user: User) -> Response:
        body = await read_body(request, CancelBody)
        order = await pipeline.cancel_order(
            request.path_params["id"], ver=body.ver, reason=body.reason.strip(), by=user.actor
        )
        return json(order)

    async def report(request: Request, user: User) -> Response:
        body = await read_body(request, VoiceBody)
        order = await pipeline.report_by_voice(
            request.path_params["id"],
            ver=body.ver,
            state=body.state,
            reason=body.reason.strip(),
            note=body.note.strip(),
            by=user.actor,
        )
        return json(order)

    return [
        Route("/api/orders/{id}/cancel", guarded(cancel, "dispatcher"), methods=["POST"]),
        Route("/api/orders/{id}/report", guarded(report, "dispatcher"), methods=["POST"]),
    ]
