"""The door of JT/T 808 terminals as the server runs it: opens, tracks units under way, is drained.

A unit that is under way to an order is asked for its position every few seconds by temporary
tracking, which ends by itself; the order's own end stops it at once.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from typing import Final

from protocols.jt808.fields import CannotEncode
from protocols.jt808.orders import TemporaryTracking
from server.gateways.jt808.asks import Asks
from server.gateways.jt808.doors import Links, TcpWire, UdpDoor
from server.gateways.jt808.house import House
from server.gateways.jt808.link import Gone, Link
from server.stores import order_rows
from server.stores.away import STORE_AWAY

logger = logging.getLogger(__name__)

DRAIN_S_MAX: Final = 5.0


class Jt808Gateway:
    """`run` serves until cancelled; nothing where no socket was given."""

    def __init__(
        self,
        house: House,
        *,
        tcp: Sequence[socket.socket] = (),
        udp: Sequence[socket.socket] = (),
        backlog_len: int = 1024,
    ) -> None:
        """The sockets are bound and belong to the gateway from now on."""
        self.house = house
        self.links = Links(house)
        self._tcp, self._udp = list(tcp), list(udp)
        self._backlog_len = backlog_len
        self._servers: list[asyncio.Server] = []
        self._transports: list[asyncio.BaseTransport] = []
        self._opened = asyncio.Event()
        self.asks = Asks(house, self.of_device)
        self._tracked: dict[Link, float] = {}
        """Until when each reports by temporary tracking."""
        metrics = house.metrics
        metrics.gauge("jt808_links", lambda: self.links.door.open_count)
        metrics.gauge("jt808_strangers", lambda: self.links.door.strangers_count)

    @property
    def port(self) -> int | None:
        """Where terminals connect; None: nowhere."""
        sockets = self._tcp or self._udp
        return sockets[0].getsockname()[1] if sockets else None

    async def opened(self) -> None:
        """Return when terminals can come."""
        await self._opened.wait()

    async def run(self) -> None:
        """Hear terminals, and track those under way, until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            for each in self._tcp:
                server = await loop.create_server(
                    lambda: TcpWire(self.links), sock=each, backlog=self._backlog_len
                )
                self._servers.append(server)
            for each in self._udp:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: UdpDoor(self.links), sock=each
                )
                self._transports.append(transport)
            self._opened.set()
            while True:
                await asyncio.sleep(self.house.limits.sweep_s)
                await self._sweep()
        finally:
            self.close()

    async def drain(self, within_s: float = DRAIN_S_MAX) -> None:
        """Take no more, let what was taken become durable, and wait for all links to end."""
        self.links.door.shut = True
        for server in self._servers:
            server.close()
        for link in list(self.links.all):
            link.close("the server is stopping")
        try:
            async with asyncio.timeout(within_s):
                await self.links.emptied()
        except TimeoutError:
            logger.warning("%d terminals did not end in time", self.links.door.open_count)

    def close(self) -> None:
        """Let go of the sockets, also when it never ran."""
        for server in self._servers:
            server.close()
        for transport in self._transports:
            transport.close()
        for each in (*self._tcp, *self._udp):
            each.close()

    def of_device(self, device_id: str) -> Link | None:
        """The link of a device that is connected here."""
        for link in self.links.all:
            if link.session.closing is not None or link.guest is None:
                continue
            if link.guest.device_id == device_id:
                return link
        return None

    # -- tracking ------------------------------------------------------------------------

    async def _sweep(self) -> None:
        links = [each for each in self.links.all if each.guest and each.session.closing is None]
        unit_ids = {each.guest.identity.unit_id for each in links if each.guest}
        try:
            async with self.house.guests.field.pool.acquire() as conn:
                under_way = await order_rows.under_way(conn, sorted(filter(None, unit_ids)))
        except STORE_AWAY as error:
            self.house.metrics.count("sweep_failures")
            logger.warning("terminals are not tracked, PostgreSQL is away: %s", error)
            return
        now = asyncio.get_running_loop().time()
        self._tracked = {link: until for link, until in self._tracked.items() if link in links}
        for link in links:
            assert link.guest is not None
            unit_id = link.guest.identity.unit_id
            self._track(link, under_way=unit_id in under_way, now=now)

    def _track(self, link: Link, *, under_way: bool, now: float) -> None:
        limits = self.house.limits
        until = self._tracked.get(link, 0.0)
        if under_way and until - now < limits.track_for_s / 2:
            every_s = max(limits.track_every_s, link.fix_s or 0)
            wanted = TemporaryTracking(interval_s=every_s, validity_s=limits.track_for_s)
            until = now + limits.track_for_s
        elif not under_way and until > now:
            wanted, until = TemporaryTracking(interval_s=0), 0.0
        else:
            return
        try:
            link.say(wanted)
        except (Gone, CannotEncode) as error:
            logger.info("a terminal is not tracked: %s", error)
            return
        self._tracked[link] = until
