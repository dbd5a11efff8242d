"""The devices' door: `/v1/device`, sub-protocol `ridgeline.v1.json` (docs/protocol.md)."""

from __future__ import annotations

from typing import Final, Protocol

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from protocols.native import SUBPROTOCOL
from server.gateways.connection import Connection
from server.gateways.door import Full
from server.gateways.sessions import Sessions

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
            with sessions.place(address_of(socket)) as place:
                await socket.accept(subprotocol=SUBPROTOCOL)
                connection = Connection(
                    socket, sessions.field, sessions.house(place), token=bearer(socket)
                )
                async with sessions.present(connection):
                    await connection.serve()
        except Full:
            headers = {"retry-after": str(RETRY_AFTER_S)}
            text = "No more connections just now; come back in a moment."
            await socket.send_denial_response(PlainTextResponse(text, 503, headers))

    return [WebSocketRoute(PATH, device)]


def address_of(peer: HTTPConnection) -> str:
    """Where it comes from; behind a trusted proxy, what that says."""
    return peer.client.host if peer.client else ""


def bearer(peer: HTTPConnection) -> str:
    """The token of `Authorization: Bearer …` (RFC 6750 §2.1); empty when there is none."""
    scheme, _, token = peer.headers.get("authorization", "").partition(" ")
    return token.strip()[:TOKEN_LEN_MAX] if scheme.lower() == "bearer" else ""
