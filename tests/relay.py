"""A mobile link for tests: a TCP relay before a server that can fall silent, as in a gorge.

Silence is not a closed socket: bytes are swallowed both ways and nobody is told. What was open when
it began never works again, as behind a NAT that has forgotten it: when the link returns, the
client's end is reset, and the server is left with a half-open connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

CHUNK_BYTES = 65_536


class Relay:
    """Listens on a port of its own; `async with Relay.before(port) as relay`."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._port = 0
        self._silent = False
        self._links: set[asyncio.Task[None]] = set()
        self._client_ends: set[asyncio.StreamWriter] = set()
        self._lost: set[asyncio.StreamWriter] = set()

    @classmethod
    @asynccontextmanager
    async def before(cls, target_port: int) -> AsyncIterator[Self]:
        """A relay to 127.0.0.1:`target_port`."""
        relay = cls(target_port)
        server = await asyncio.start_server(relay._connected, "127.0.0.1", 0)
        relay._port = server.sockets[0].getsockname()[1]
        try:
            yield relay
        finally:
            server.close()
            for link in relay._links:
                link.cancel()
            await asyncio.gather(*relay._links, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def fall_silent(self) -> None:
        """From now on nothing passes, and nothing says so."""
        self._silent = True
        self._lost |= self._client_ends

    def sound_again(self) -> None:
        """New connections pass."""
        self._silent = False
        for end in self._lost:
            end.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.create_task(self._carry(reader, writer))
        self._links.add(link)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._client_ends.add(writer)
        if self._silent:
            self._lost.add(writer)
        upstream, server_end = await asyncio.open_connection("127.0.0.1", self._target_port)
        try:
            await asyncio.gather(
                self._pump(reader, server_end, client_end=writer),
                self._pump(upstream, writer, client_end=writer),
                return_exceptions=True,  # an end that resets ends this link, no more
            )
        finally:
            for end in (writer, server_end):
                end.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        client_end: asyncio.StreamWriter,
    ) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            if client_end not in self._lost:
                writer.write(chunk)
                await writer.drain()
        if client_end not in self._lost:
            writer.close()
