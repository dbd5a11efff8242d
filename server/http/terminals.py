"""What a dispatcher asks of one terminal over HTTP: its position now, and video."""

from __future__ import annotations

from typing import Annotated, Protocol

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import ApiError, json, read_body
from server.http.needs import guarded
from server.stores.users import User
from server.terminaldesk import TerminalDesk

Channel = Annotated[int, Meta(ge=1, le=127)]
"""Logical channel of JT/T 1078-2016, table 2."""


class StreamBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """POST /api/devices/{id}/stream."""

    channel: Channel = 1
    sub_stream: bool = True
    """The smaller picture, which spares battery and network."""


class Services(Protocol):
    """What these routes need of the wired services."""

    @property
    def terminal_desk(self) -> TerminalDesk: ...


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = services.terminal_desk

    async def locate(request: Request, user: User) -> Response:
        await desk.locate(request.path_params["id"], by=user.actor)
        return Response(status_code=204)

    async def start(request: Request, user: User) -> Response:
        body = await read_body(request, StreamBody)
        found = await desk.start_stream(
            request.path_params["id"],
            channel=body.channel,
            sub_stream=body.sub_stream,
            by=user.actor,
        )
        return json(found)

    async def end(request: Request, user: User) -> Response:
        await desk.end_stream(request.path_params["id"], channel=_channel(request), by=user.actor)
        return Response(status_code=204)

    return [
        Route("/api/devices/{id}/locate", guarded(locate, "dispatcher"), methods=["POST"]),
        Route("/api/devices/{id}/stream", guarded(start, "dispatcher"), methods=["POST"]),
        Route("/api/devices/{id}/stream", guarded(end, "dispatcher"), methods=["DELETE"]),
    ]


def _channel(request: Request) -> int:
    text = request.query_params.get("channel", "1")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 127):
        raise ApiError(400, "malformed", "channel must be a number from 1 to 127.")
    return int(text)
