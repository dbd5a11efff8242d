"""What carries frames: one interface for a WebSocket and for plain HTTP; here the WebSocket."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Final, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.typing import Subprotocol

from protocols.native import FRAME_BYTES_MAX, SUBPROTOCOL

CLOSE_S_MAX: Final = 2.0
"""For the peer to answer a close frame."""
FRAMES_QUEUED_MAX: Final = 64
"""Frames received and not yet handled; beyond it nothing is read."""

KEEPALIVE: Final = (("TCP_KEEPIDLE", 45), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 3))
"""Seconds, seconds, probes: a dead peer is found by the kernel too, where it has these options."""
USER_TIMEOUT_MS: Final = 60_000
"""RFC 5482: sent and not acknowledged for so long ends the connection (Linux)."""

WINDOW_BITS: Final = 12
MEMORY_LEVEL: Final = 5
"""A 4 KiB window with context takeover: a 127-byte fix becomes 29 bytes, for 40 KiB a socket."""


class WireClosed(Exception):
    """The wire has ended; its `close_code` and `close_reason` say how, if anybody said."""


class Wire(Protocol):
    """Carries text frames in order, both ways, until it ends."""

    @property
    def close_code(self) -> int | None: ...
    @property
    def close_reason(self) -> str: ...

    async def send(self, frame: bytes) -> None:
        """Raises `WireClosed`."""
        ...

    async def recv(self) -> str | bytes:
        """The next frame. Raises `WireClosed`."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """End it politely."""
        ...

    def abort(self) -> None:
        """End it without a word."""
        ...

    def pause(self, *, silent: bool) -> None:
        """Without signal nothing moves, and nobody is told."""
        ...


class WebSocketWire:
    """One open WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        _tune(connection.transport.get_extra_info("socket"))

    @classmethod
    async def open(cls, url: str, headers: dict[str, str]) -> WebSocketWire:
        """Raises `OSError`, `websockets.InvalidHandshake`."""
        deflate = ClientPerMessageDeflateFactory(
            server_max_window_bits=WINDOW_BITS,
            client_max_window_bits=WINDOW_BITS,
            compress_settings={"memLevel": MEMORY_LEVEL},
        )
        return cls(
            await connect(
                url,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                extensions=[deflate],
                compression=None,
                additional_headers=headers,
                user_agent_header=None,
                proxy=None,
                open_timeout=None,
                ping_interval=None,  # the core's own ping proves that the application lives
                close_timeout=CLOSE_S_MAX,
                max_size=FRAME_BYTES_MAX,
                max_queue=FRAMES_QUEUED_MAX,
            )
        )

    @property
    def extensions(self) -> Sequence[Extension]:
        """What both sides agreed on."""
        return self._connection.protocol.extensions

    async def ping(self) -> None:
        """Return when the peer has answered a protocol ping. Raises `ConnectionClosed`."""
        await (await self._connection.ping())

    @property
    def close_code(self) -> int | None:
        return self._connection.close_code

    @property
    def close_reason(self) -> str:
        return self._connection.close_reason or ""

    async def send(self, frame: bytes) -> None:
        try:
            await self._connection.send(frame, text=True)
        except ConnectionClosed as error:
            raise WireClosed from error

    async def recv(self) -> str | bytes:
        try:
            return await self._connection.recv()
        except ConnectionClosed as error:
            raise WireClosed from error

    async def close(self, code: int, reason: str) -> None:
        await self._connection.close(code, reason)

    def abort(self) -> None:
        self._connection.transport.abort()

    def pause(self, *, silent: bool) -> None:
        transport = self._connection.transport
        if transport.is_closing():
            return
        if silent:
            transport.pause_reading()
        else:
            transport.resume_reading()


def _tune(sock: socket.socket | None) -> None:
    """Let the kernel find dead peers; the defaults take hours."""
    if sock is None:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = (*KEEPALIVE, ("TCP_USER_TIMEOUT", USER_TIMEOUT_MS))
    for name, value in options:
        if (option := getattr(socket, name, None)) is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
