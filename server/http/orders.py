"""Orders over HTTP: cancel, take back, and enter what a unit said by voice."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.dispatch.orders import OrderState
from server.http.errors import json, read_body
from server.http.needs import Services, Text, guarded, require_short
from server.stores.users import User


class EndBody(Struct, kw_only=True):
    """POST /api/orders/{id}/cancel and /api/orders/{id}/recall."""

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
    until: Annotated[datetime, Meta(tz=True)] | None = None
    """Of a standby."""

    def __post_init__(self) -> None:
        require_short(reason=self.reason, note=self.note)


class RecallAnswerBody(Struct, kw_only=True):
    """POST /api/orders/{id}/recall/answer."""

    ver: int
    confirmed: bool
    reason: Text = ""

    def __post_init__(self) -> None:
        require_short(reason=self.reason)


class WelfareBody(Struct, kw_only=True):
    """POST /api/orders/{id}/welfare."""

    well: bool
    note: Text = ""


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    pipeline, desk = services.pipeline, services.order_desk

    async def cancel(request: Request, user: User) -> Response:
        body = await read_body(request, EndBody)
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
            until=body.until,
            by=user.actor,
        )
        return json(order)

    async def recall(request: Request, user: User) -> Response:
        body = await read_body(request, EndBody)
        order = await desk.recall(
            request.path_params["id"], ver=body.ver, reason=body.reason.strip(), by=user.actor
        )
        return json(order)

    async def recall_answer(request: Request, user: User) -> Response:
        body = await read_body(request, RecallAnswerBody)
        order = await desk.recall_answered(
            request.path_params["id"],
            ver=body.ver,
            confirmed=body.confirmed,
            reason=body.reason.strip(),
            by=user.actor,
        )
        return json(order)

    async def welfare(request: Request, user: User) -> Response:
        body = await read_body(request, WelfareBody)
        order = await desk.welfare_answered(
            request.path_params["id"], well=body.well, note=body.note.strip(), by=user.actor
        )
        return json(order)

    async def ask_welfare(request: Request, user: User) -> Response:
        return json(await desk.ask_welfare(request.path_params["id"], by=user.actor))

    one = "/api/orders/{id}"
    return [
        Route(f"{one}/cancel", guarded(cancel, "dispatcher"), methods=["POST"]),
        Route(f"{one}/report", guarded(report, "dispatcher"), methods=["POST"]),
        Route(f"{one}/recall", guarded(recall, "dispatcher"), methods=["POST"]),
        Route(f"{one}/recall/answer", guarded(recall_answer, "dispatcher"), methods=["POST"]),
        Route(f"{one}/welfare", guarded(welfare, "dispatcher"), methods=["POST"]),
        Route(f"{one}/welfare/ask", guarded(ask_welfare, "dispatcher"), methods=["POST"]),
    ]
