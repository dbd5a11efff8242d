"""The sockets of terminals: a connection each over TCP, an address each over UDP.

Both count against the same places. A connection that finds none is cut; a datagram of nobody known
is only listened to when it holds a good frame, so that noise takes no place, and all addresses of
nobody known take no more than some of them. Knows no message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import ExitStack
from typing import Any, Final, cast

from protocols.jt808.codec import Packet, read
from protocols.jt808.framing import Splitter
from server.gateways.door import Door, Full
from server.gateways.jt808.house import House
from server.gateways.jt808.link import Link
from server.metrics import Metrics

logger = logging.getLogger(__name__)

READ_BYTES_MAX: Final = 16 * 1024
"""Taken from a connection at once: some 300 reports, before their link may hold it back."""


class Links:
    """All links of this process, and the tasks that serve them."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.door = Door(house.limits.door)
        self.all: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def metrics(self) -> Metrics:
        return self.house.metrics

    def begin(self, wire: Any, address: str, *, is_stream: bool) -> Link:
        """A link at a place of its own. Raises `Full`."""
        with ExitStack() as stack:
            place = stack.enter_context(self.door.place(address))
            link = Link(self.house, wire, place, address, is_stream=is_stream)
            leaving = stack.pop_all()
        self.all.add(link)
        self._start(self._serve(link, leaving))
        return link

    async def emptied(self) -> None:
        """Return when no link is left."""
        await self.door.emptied()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="terminal")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, link: Link, leaving: ExitStack) -> None:
        with leaving:
            try:
                await link.serve()
            except Exception:  # our bug with one of them: it must not end the others
                self.metrics.count("jt808_failures")
                logger.exception("the link of terminal %s failed", link.session.external_id)
            finally:
                self.all.discard(link)


class TcpWire(asyncio.BufferedProtocol):
    """One connection."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._buffer = bytearray(READ_BYTES_MAX)
        self._transport: asyncio.Transport
        self._link: Link | None = None
        self._held = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        address = (transport.get_extra_info("peername") or ("",))[0]
        try:
            self._link = self._links.begin(self, address, is_stream=True)
        except Full:
            self._links.metrics.count("jt808_connections_refused")
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._link is not None:
            self._link.received(bytes(self._buffer[:nbytes]))

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._link is not None:
            self._link.gone()

    def pause_writing(self) -> None:
        if self._link is not None:
            self._link.writable(yes=False)

    def resume_writing(self) -> None:
        if self._link is not None:
            self._link.writable(yes=True)

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def hold(self, *, back: bool) -> None:
        if back == self._held or self._transport.is_closing():
            return
        self._held = back
        if back:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def close(self) -> None:
        """What was written is sent; a peer that takes nothing is cut by its socket's timeout."""
        self._transport.close()


class UdpWire:
    """One terminal's address."""

    def __init__(self, door: UdpDoor, address: Any) -> None:
        self._door, self._address = door, address
        self.is_held = False
        """Nothing more is taken: what comes is lost, and said again."""

    def write(self, data: bytes) -> None:
        self._door.send(data, self._address)

    def hold(self, *, back: bool) -> None:
        self.is_held = back

    def close(self) -> None:
        self._door.forget(self._address)


class UdpDoor(asyncio.DatagramProtocol):
    """All terminals that speak over UDP."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._by_address: dict[Any, tuple[Link, UdpWire]] = {}
        self._strangers: dict[Any, Link] = {}
        """Those that were not let in when last looked at."""
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        found = self._by_address.get(addr) or self._begin(data, addr)
        if found is None:
            return
        link, wire = found
        if wire.is_held:
            self._links.metrics.count("jt808_datagrams_dropped")
        else:
            link.received(data)

    def error_received(self, exc: Exception) -> None:
        """An address that cannot be reached: its link falls silent and ends by that."""
        self._links.metrics.count("jt808_datagrams_unsent")

    def send(self, data: bytes, address: Any) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(data, address)

    def forget(self, address: Any) -> None:
        self._by_address.pop(address, None)
        self._strangers.pop(address, None)

    def _begin(self, data: bytes, address: Any) -> tuple[Link, UdpWire] | None:
        if not _holds_a_frame(data):
            self._links.metrics.count("jt808_unreadable", why="datagram")
            return None
        wire = UdpWire(self, address)
        try:
            self._look_for_room()
            link = self._links.begin(wire, address[0], is_stream=False)
        except Full:
            self._links.metrics.count("jt808_connections_refused")
            return None
        self._by_address[address] = link, wire
        self._strangers[address] = link
        return link, wire

    def _look_for_room(self) -> None:
        """For one more stranger. Raises `Full`."""
        strangers_max = self._links.house.limits.udp_strangers_max
        if len(self._strangers) >= strangers_max:
            known = [at for at, link in self._strangers.items() if link.arrived.is_set()]
            for address in known:
                del self._strangers[address]
        if len(self._strangers) >= strangers_max:
            raise Full


def _holds_a_frame(data: bytes) -> bool:
    return any(isinstance(read(each), Packet) for each in Splitter().feed(data))
