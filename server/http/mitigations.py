"""What is done about batteries on a job, over HTTP: look, ask, take back, hear by voice."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.dispatch.mitigation import Mitigation
from server.http.errors import json, read_body
from server.http.needs import Services, Text, guarded, require_short
from server.http.texts import NO_NUL
from server.stores.users import User


class SendBody(Struct, kw_only=True):
    """POST /api/orders/{id}/mitigations."""

    device_id: Annotated[str, Meta(min_length=1, max_length=64, pattern=NO_NUL)]
    kind: Mitigation


class EndBody(Struct, kw_only=True):
    """POST /api/mitigations/{id}/end."""

    reason: Text = ""

    def __post_init__(self) -> None:
        require_short(reason=self.reason)


class AnswerBody(Struct, kw_only=True):
    """POST /api/mitigations/{id}/answer."""

    accepted: bool
    reason: Text = ""

    def __post_init__(self) -> None:
        require_short(reason=self.reason)


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = services.mitigation_desk

    async def look(request: Request, user: User) -> Response:
        return json(await desk.look(request.path_params["id"]))

    async def send(request: Request, user: User) -> Response:
        body = await read_body(request, SendBody)
        found = await desk.send(
            request.path_params["id"], device_id=body.device_id, kind=body.kind, by=user.actor
        )
        return json(found)

    async def end(request: Request, user: User) -> Response:
        body = await read_body(request, EndBody)
        found = await desk.take_back(
            request.path_params["id"], reason=body.reason.strip(), by=user.actor
        )
        return json(found)

    async def answer(request: Request, user: User) -> Response:
        body = await read_body(request, AnswerBody)
        found = await desk.answer(
            request.path_params["id"],
            accepted=body.accepted,
            reason=body.reason.strip(),
            by=user.actor,
        )
        return json(found)

    of_order, one = "/api/orders/{id}/mitigations", "/api/mitigations/{id}"
    return [
        Route(of_order, guarded(look, "dispatcher", "supervisor"), methods=["GET"]),
        Route(of_order, guarded(send, "dispatcher"), methods=["POST"]),
        Route(f"{one}/end", guarded(end, "dispatcher"), methods=["POST"]),
        Route(f"{one}/answer", guarded(answer, "dispatcher"), methods=["POST"]),
    ]
