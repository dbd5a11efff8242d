"""The I/O around a JT/T 808 terminal: its socket, its timer, coming back when the link is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, Final, cast

from devices.jt808.terminal import TerminalSession
from devices.jt808.terminal_events import Event

BACKOFF_S_MAX: Final = 30.0
CONNECT_S_MAX: Final = 10.0


class TerminalClient:
    """One terminal that keeps its link to a platform. `run` until cancelled.

    After every call of the session call `flush`.
    """

    def __init__(
        self,
        session: TerminalSession,
        host: str,
        port: int,
        *,
        udp: bool = False,
        handle: Callable[[Event], None] = lambda event: None,
        rng: Random | None = None,
    ) -> None:
        """`handle` is called with each event of the session, on the event loop."""
        self.session = session
        self.trouble = ""
        """Why there is no link, when there is none."""
        self.in_dead_zone = False
        """No network: nothing is sent and nothing connects; see `set_network`."""
        self._host, self._port, self._udp = host, port, udp
        self._handle = handle
        self._rng = rng or Random()
        self._wire: _Wire | None = None
        self._network = asyncio.Event()
        self._network.set()

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def set_network(self, *, there: bool) -> None:
        """Into a dead zone, or out of it."""
        self.in_dead_zone = not there
        if there:
            self._network.set()
        else:
            self._network.clear()
            self.cut()

    def cut(self) -> None:
        """The link is gone in this moment, without a word."""
        if self._wire is not None:
            self._wire.lost()

    async def run(self) -> None:
        """Connect, talk, come back: 1, 2, 4 … 30 s apart, each a random share of it."""
        failures = 0
        while True:
            await self._network.wait()
            was_let_in = await self._once()
            failures = 0 if was_let_in else failures + 1
            if failures:
                await asyncio.sleep(min(2.0 ** (failures - 1), BACKOFF_S_MAX) * self._rng.random())

    def flush(self) -> None:
        """Write what the session wants written, and hand out what happened."""
        frames = self.session.data_to_send(self.now)
        if self._wire is not None:
            for frame in frames:
                self._wire.write(frame)
            self._wire.changed.set()
        for event in self.session.events():
            self._handle(event)

    async def _once(self) -> bool:
        """One connection, to its end; whether the platform knew this terminal."""
        loop = asyncio.get_running_loop()
        wire = _Wire(self._received, udp=self._udp)
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                if self._udp:
                    address = (self._host, self._port)
                    await loop.create_datagram_endpoint(lambda: wire, remote_addr=address)
                else:
                    await loop.create_connection(lambda: wire, self._host, self._port)
        except (OSError, TimeoutError) as error:
            self.trouble = str(error) or "no answer"
            return False
        self.trouble = ""
        self._wire = wire
        self.session.connected(self.now)
        self.flush()
        was_let_in = False
        try:
            while not wire.is_lost and self.session.closing is None:
                was_let_in = was_let_in or self.session.phase == "online"
                wire.changed.clear()
                await self._wait(wire)
                self.flush()
        finally:
            self.trouble = self.session.closing or "the platform closed the link"
            self._wire = None
            wire.lost()
            self.session.disconnected()
        return was_let_in or self.session.phase == "online"

    async def _wait(self, wire: _Wire) -> None:
        """Until something came or is due."""
        try:
            async with asyncio.timeout_at(self.session.next_deadline()):
                await wire.changed.wait()
        except TimeoutError:
            self.session.expire(self.now)

    def _received(self, data: bytes) -> None:
        self.session.receive(data, self.now, is_stream=not self._udp)
        self.flush()


class _Wire(asyncio.Protocol, asyncio.DatagramProtocol):
    """A connection, or a socket for datagrams."""

    def __init__(self, received: Callable[[bytes], None], *, udp: bool) -> None:
        self.is_lost = False
        self._udp = udp
        self.changed = asyncio.Event()
        self._received = received
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(Any, transport)

    def data_received(self, data: bytes) -> None:
        if not self.is_lost:
            self._received(data)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.data_received(data)

    def error_received(self, exc: Exception) -> None:
        self.lost()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost()

    def write(self, frame: bytes) -> None:
        if self.is_lost or self._transport.is_closing():
            return
        if self._udp:
            self._transport.sendto(frame)
        else:
            self._transport.write(frame)

    def lost(self) -> None:
        self.is_lost = True
        self.changed.set()
        if self._transport is not None:
            self._transport.abort()
