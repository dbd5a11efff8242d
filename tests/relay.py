"""A mobile link for tests: a TCP relay before a server that falls silent, cuts and delays.

Silence is not a closed socket: bytes are swallowed both ways and nobody is told. What was open when
it began never works again, as behind a NAT that has forgotten it: when the link returns, the
client's end is reset, and the server is left with a half-open connection.

Some networks let plain HTTP pass and no WebSocket: whoever stands between answers the handshake.

A cut resets both ends after a number of bytes, wherever that falls: in a handshake, in a frame,
between a record and its acknowledgement. A delay holds every piece back for a while, in order.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Self

CHUNK_BYTES = 65_536
WEBSOCKET = b"upgrade: websocket"
"""Of a handshake; a browser opens a connection for each."""
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Link:
    """One connection through the relay."""

    def __init__(
        self, client: asyncio.StreamWriter, server: asyncio.StreamWriter, bytes_left: int | None
    ) -> None:
        self.client, self.server = client, server
        self.lost = False
        self._bytes_left = bytes_left

    async def pass_on(self, chunk: bytes, to: asyncio.StreamWriter) -> None:
        """What of it the link still carries; then it is cut."""
        if self._bytes_left is not None:
            chunk = chunk[: self._bytes_left]
            self._bytes_left -= len(chunk)
        to.write(chunk)
        await to.drain()
        if self._bytes_left == 0:
            self.cut()

    def cut(self) -> None:
        """Reset both ends."""
        for end in (self.client, self.server):
            if not end.transport.is_closing():
                end.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE
                )
            end.transport.abort()


class Relay:
    """Listens on a port of its own; `async with Relay.before(port) as relay`."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._port = 0
        self._silent = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._links: set[Link] = set()
        self._cuts: deque[int] = deque()
        self.lets_websockets_pass = True
        """Whether their handshakes reach the server; else they are refused."""
        self.websockets_refused = 0
        self.answers: dict[str, bytes] = {}
        """Whole HTTP answers given here in place of the server's, by path."""
        self.delay_s: Callable[[], float] = lambda: 0.0
        """How long the next piece is held back."""

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
            for task in relay._tasks:
                task.cancel()
            await asyncio.gather(*relay._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def fall_silent(self) -> None:
        """From now on nothing passes, and nothing says so."""
        self._silent = True
        for link in self._links:
            link.lost = True

    def sound_again(self) -> None:
        """New connections pass."""
        self._silent = False
        for link in self._links:
            if link.lost:
                link.client.transport.abort()

    def cut_after(self, bytes_each: Iterable[int]) -> None:
        """Cut each new connection after so many bytes, both ways together; those after pass."""
        self._cuts = deque(bytes_each)

    @property
    def cuts_left(self) -> int:
        """Connections still to come that will be cut."""
        return len(self._cuts)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        task.add_done_callback(lambda _: writer.transport.abort())  # also where nobody serves
        self._tasks.add(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, server_end = await asyncio.open_connection("127.0.0.1", self._target_port)
        link = Link(writer, server_end, self._cuts.popleft() if self._cuts else None)
        link.lost = self._silent
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pump(reader, server_end, link),
                self._pump(upstream, writer, link),
                return_exceptions=True,  # an end that resets ends this link, no more
            )
        finally:
            self._links.discard(link)
            for end in (writer, server_end):
                end.transport.abort()

    def _answer_to(self, chunk: bytes) -> bytes | None:
        """A browser sends the head of a question in one piece."""
        for path, answer in self.answers.items():
            if chunk.startswith(f"GET {path} ".encode()):
                return answer
        return None

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link
    ) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            if delay_s := self.delay_s():
                await asyncio.sleep(delay_s)
            if not self.lets_websockets_pass and WEBSOCKET in chunk.lower():
                self.websockets_refused += 1
                link.client.write(FORBIDDEN)
                return
            if link.lost:
                continue
            if answer := self._answer_to(chunk):
                link.client.write(answer)
            else:
                await link.pass_on(chunk, writer)
        if not link.lost:
            writer.close()
