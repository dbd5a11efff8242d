"""The devices' door: `/v1/device`, sub-protocol `ridgeline.v1.json` (docs/protocol.md)."""

from __future__ import annotations

from typing import Final, Protocol

from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from protocols.native import SUBPROTOCOL
from server.gateways.connection import Connection
from server.gateways.sessions import Full, Sessions

PATH: Final = "/v1/device"
RETRY_AFTER_S: Final = 5
TOKEN_LEN_MAX: Final = 200


class Services(Protocol):
    """What this door needs of the wired services."""

    @property
    def sessions(self) -> Sessions: ...


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    sessions = services.sessions

    async def device(socket: WebSocket) -> None:
        if SUBPROTOCOL not in socket.scope["subprotocols"]:
            text = f"This door speaks the WebSocket sub-protocol {SUBPROTOCOL}; offer it."
            await socket.send_denial_response(PlainTextResponse(text, 400))
            return
        try:
            with sessions.place():
                await socket.accept(subprotocol=SUBPROTOCOL)
                token = bearer(socket)
                await sessions.serve(Connection(socket, sessions, header_token=token))
        except Full:
            headers = {"retry-after": str(RETRY_AFTER_S)}
            text = "No more connections just now; come back in a moment."
            await socket.send_denial_response(PlainTextResponse(text, 503, headers))

    return [WebSocketRoute(PATH, device)]


def bearer(socket: WebSocket) -> str:
    """The token of `Authorization: Bearer …` (RFC 6750 §2.1); empty when there is none."""
    scheme, _, token = socket.headers.get("authorization", "").partition(" ")
    return token.strip()[:TOKEN_LEN_MAX] if scheme.lower() == "bearer" else ""
