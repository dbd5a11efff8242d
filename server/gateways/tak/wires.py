"""What carries a TAK client's bytes: a stream over TCP, with TLS or without."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Final, Protocol

HANDSHAKE_S_MAX: Final = 10.0
READ_BYTES_MAX: Final = 32 * 1024
WRITE_BYTES_HIGH: Final = 64 * 1024
"""Waiting in the transport before the client's queue has to wait."""


class Wire(Protocol):
    """Of one connection."""

    @property
    def framed(self) -> bool:
        """Whether it carries frames of protobuf alone."""

    def certificate(self) -> bytes | None:
        """What the peer has shown, in DER."""

    async def read(self) -> bytes:
        """The next; empty at the end. Raises OSError."""

    async def write(self, pieces: list[bytes]) -> None:
        """Returns when there is room for more. Raises OSError."""

    async def close(self, within_s: float) -> None:
        """Hand over what still waits; then cut. Never raises."""

    def abort(self) -> None:
        """Cut."""


class StreamWire:
    """A connection over asyncio's streams."""

    framed: Final = False

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, peer: socket.socket, context: ssl.SSLContext | None) -> StreamWire:
        """Shakes hands where there is a context. Raises OSError."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=READ_BYTES_MAX)
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol,
                peer,
                ssl=context,
                ssl_handshake_timeout=None if context is None else HANDSHAKE_S_MAX,
            )
        except BaseException:
            peer.close()
            raise
        transport.set_write_buffer_limits(high=WRITE_BYTES_HIGH)
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    def certificate(self) -> bytes | None:
        """What the peer has shown, in DER."""
        tls = self._writer.get_extra_info("ssl_object")
        found: bytes | None = None if tls is None else tls.getpeercert(binary_form=True)
        return found

    async def read(self) -> bytes:
        return await self._reader.read(READ_BYTES_MAX)

    async def write(self, pieces: list[bytes]) -> None:
        self._writer.write(b"".join(pieces))
        await self._writer.drain()

    async def close(self, within_s: float) -> None:
        """Hand over what still waits; then cut."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(within_s):
                self._writer.close()
                await self._writer.wait_closed()
        self.abort()

    def abort(self) -> None:
        self._writer.transport.abort()
