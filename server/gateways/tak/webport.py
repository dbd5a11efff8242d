"""The same clients over WebSocket: `/takproto/1`, each message one frame of protobuf.

For programs behind proxies that let nothing else pass; TAK apps use the stream. The certificate is
asked for and checked as there.
"""

from __future__ import annotations

import contextlib
import http
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from protocols.cot.event import EVENT_BYTES_MAX
from server.gateways.tak.wires import Wire

logger = logging.getLogger(__name__)

PATH: Final = "/takproto/1"
FRAME_HEAD_BYTES: Final = 16
OPEN_S_MAX: Final = 10.0
PING_S: Final = 45.0
MESSAGES_WAITING_MAX: Final = 16

Welcome = Callable[[Wire, str], Awaitable[None]]
"""(wire, address): serve it until it ends."""


class WebWire:
    """A connection over WebSocket."""

    framed: Final = True

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    def certificate(self) -> bytes | None:
        """What the peer has shown, in DER."""
        tls: ssl.SSLObject | None = self._connection.transport.get_extra_info("ssl_object")
        return None if tls is None else tls.getpeercert(binary_form=True)

    async def read(self) -> bytes:
        try:
            data = await self._connection.recv()
        except ConnectionClosed:
            return b""
        return data.encode() if isinstance(data, str) else data

    async def write(self, pieces: list[bytes]) -> None:
        try:
            for piece in pieces:
                await self._connection.send(piece)
        except ConnectionClosed as error:
            raise ConnectionResetError("the client left") from error

    async def close(self, within_s: float) -> None:
        with contextlib.suppress(TimeoutError, OSError):
            await self._connection.close()

    def abort(self) -> None:
        self._connection.transport.abort()


async def listen(
    stack: AsyncExitStack,
    sockets: Sequence[socket.socket],
    context: ssl.SSLContext,
    welcome: Welcome,
) -> None:
    """Serve these sockets until the stack is left."""

    async def converse(connection: ServerConnection) -> None:
        await welcome(WebWire(connection), str((connection.remote_address or ("",))[0]))

    for each in sockets:
        await stack.enter_async_context(
            serve(
                converse,
                sock=each,
                ssl=context,
                process_request=_only_here,
                compression=None,
                max_size=EVENT_BYTES_MAX + FRAME_HEAD_BYTES,
                max_queue=MESSAGES_WAITING_MAX,
                open_timeout=OPEN_S_MAX,
                ping_interval=PING_S,
                close_timeout=2,
            )
        )


def _only_here(connection: ServerConnection, request: Request) -> Response | None:
    if request.path.split("?")[0] == PATH:
        return None
    return connection.respond(http.HTTPStatus.NOT_FOUND, f"TAK clients come in at {PATH}.\n")
