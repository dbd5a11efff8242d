"""Where TAK clients come in: TLS with a certificate of ours, checked now and while it lasts.

A handshake proves that we signed the certificate; that it is in force is a row of the database,
looked up at every connection and compared every few seconds, and at once when one is revoked here.
Without a database nobody comes in. The plain port has neither, and is bound to loopback alone.

Knows no event: `client` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from devices.tak.session import TakLimits
from server.accesslog import SYSTEM, AccessLog
from server.gateways.door import Door, DoorLimits, Full
from server.gateways.tak import webport
from server.gateways.tak.client import Office, TakClient
from server.gateways.tak.room import TakRoom
from server.gateways.tak.wires import StreamWire, Wire
from server.journal import attendance
from server.metrics import Metrics
from server.ports import FanOut
from server.stores import takcerts, takpicture
from server.stores.away import STORE_AWAY
from server.stores.takcerts import Certificate
from server.tak.certificates import TOPIC, fingerprint_of
from server.tak.keys import TakKeys

logger = logging.getLogger(__name__)

BACKLOG_LEN: Final = 256
DRAIN_S_MAX: Final = 5.0
ACCEPT_RETRY_S: Final = 0.5
"""After the process ran out of files or memory for one more connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortLimits:
    door: DoorLimits = field(default_factory=DoorLimits)
    """Those whose handshake is under way included."""
    per_certificate_max: int = 4
    """Connections by one certificate at once; the oldest makes room."""
    sweep_s: float = 2.0
    """How late a certificate that was revoked elsewhere is noticed at most."""
    client: TakLimits = field(default_factory=TakLimits)


class TakPort:
    """`run` serves until cancelled; nothing where no socket was given."""

    def __init__(
        self,
        office: Office,
        *,
        access: AccessLog,
        keys: TakKeys | None,
        secure: Sequence[socket.socket] = (),
        plain: Sequence[socket.socket] = (),
        web: Sequence[socket.socket] = (),
        fanout: FanOut,
        limits: PortLimits | None = None,
    ) -> None:
        """The sockets are bound and belong to the port from now on; `keys` for the secure ones and
        those of the WebSocket."""
        self.limits = limits or PortLimits()
        self._office, self._access, self._keys = office, access, keys
        self._secure, self._plain, self._web = list(secure), list(plain), list(web)
        self._door = Door(self.limits.door)
        self._clients: dict[TakClient, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._look = asyncio.Event()
        self.opened = asyncio.Event()
        """Set once clients can come."""
        fanout.subscribe(TOPIC, lambda _: self._look.set())
        fanout.subscribe("resync", lambda _: self._look.set())
        self._metrics.gauge("tak_connections", lambda: self._door.open_count)
        self._metrics.gauge("tak_strangers", lambda: self._door.strangers_count)
        self._metrics.gauge("tak_queue_bytes", self._longest_queue)

    @property
    def _metrics(self) -> Metrics:
        return self._office.post.metrics

    @property
    def room(self) -> TakRoom:
        return self._office.room

    def _longest_queue(self) -> int:
        """Bytes that wait for the slowest client."""
        return max((each.session.queue.bytes_waiting for each in self._clients), default=0)

    @property
    def is_open(self) -> bool:
        return bool(self._secure or self._plain or self._web)

    @property
    def ports(self) -> tuple[int | None, int | None, int | None]:
        """Of TLS, of the one without, and of the WebSocket; None: closed."""
        secure, plain, web = (
            each[0].getsockname()[1] if each else None
            for each in (self._secure, self._plain, self._web)
        )
        return secure, plain, web

    async def run(self) -> None:
        """Let in, and compare certificates, until cancelled."""
        if not self.is_open:
            return
        for listener in (*self._secure, *self._plain):
            listener.setblocking(False)
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as jobs:
            if self._web and self._keys is not None:
                await webport.listen(stack, self._web, self._keys.context, self._serve_web)
            self.opened.set()
            for each in self._secure:
                jobs.create_task(self._accept(each, secure=True), name="tak-accept")
            for each in self._plain:
                jobs.create_task(self._accept(each, secure=False), name="tak-accept-plain")
            jobs.create_task(self._sweep(), name="tak-sweep")
            jobs.create_task(self._office.picture.run(), name="tak-picture")
            if self._keys is not None:
                jobs.create_task(self._keys.run(), name="tak-keys")

    async def drain(self, within_s: float = DRAIN_S_MAX) -> None:
        """Let nobody in any more, send all away, and wait for them to go."""
        self._door.shut = True
        for client in list(self._clients):
            client.close("the server is stopping")
        try:
            async with asyncio.timeout(within_s):
                await self._door.emptied()
        except TimeoutError:
            logger.warning("%d TAK clients did not end in time", self._door.open_count)

    async def close(self) -> None:
        """Let go of the sockets, and of whoever is still here."""
        for each in (*self._secure, *self._plain, *self._web):
            each.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- coming in -----------------------------------------------------------------------

    async def _accept(self, listener: socket.socket, *, secure: bool) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, address = await loop.sock_accept(listener)
            except OSError as error:
                self._metrics.count("tak_accept_failures")
                logger.warning("no TAK client can come just now: %s", error)
                await asyncio.sleep(ACCEPT_RETRY_S)
                continue
            task = asyncio.create_task(self._serve(peer, address[0], secure=secure), name="tak")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, peer: socket.socket, address: str, *, secure: bool) -> None:
        context = self._keys.context if secure and self._keys is not None else None
        await self._receive(
            lambda: StreamWire.over(peer, context), peer.close, address, secure=secure
        )

    async def _serve_web(self, wire: Wire, address: str) -> None:
        async def come() -> Wire:
            return wire

        await self._receive(come, wire.abort, address, secure=True)

    async def _receive(
        self,
        come: Callable[[], Awaitable[Wire]],
        refuse: Callable[[], None],
        address: str,
        *,
        secure: bool,
    ) -> None:
        """One that came, until it ends; what goes wrong is its own."""
        try:
            with self._door.place(address) as place:
                await self._welcome(await come(), address, place.known, secure=secure)
        except (Full, attendance.Full):
            self._metrics.count("tak_connections_refused")
            refuse()
        except (OSError, TimeoutError) as error:  # of the handshake; SSLError is one
            self._metrics.count("tak_handshakes_failed")
            logger.info("a handshake of %s failed: %s", address, error)
        except STORE_AWAY as error:
            self._metrics.count("tak_store_failures")
            logger.warning("a TAK client is not let in, PostgreSQL is away: %s", error)
        except Exception:  # our bug with one of them: it must not end the others
            self._metrics.count("tak_failures")
            logger.exception("the connection of a TAK client at %s failed", address)

    async def _welcome(
        self, wire: Wire, address: str, known: Callable[[], None], *, secure: bool
    ) -> None:
        try:
            certificate = await self._certificate_of(wire) if secure else None
            if secure and certificate is None:
                self._metrics.count("tak_certificates_refused")
                logger.info("%s showed a certificate that is not in force", address)
                return
            known()
            client = TakClient(self._office, wire, certificate=certificate, address=address)
            actor = SYSTEM if certificate is None else f"user:{certificate.username}"
            async with self._access.at_the_map(actor, address):  # it sees every unit
                await self._let_in(client)
        finally:
            wire.abort()

    async def _let_in(self, client: TakClient) -> None:
        self._make_room(client.certificate)
        self._clients[client] = None
        try:
            await client.serve()
        finally:
            del self._clients[client]

    async def _certificate_of(self, wire: Wire) -> Certificate | None:
        """The row of what the client has shown, if it is in force."""
        der = wire.certificate()
        if der is None:
            return None
        post = self._office.post
        now = post.clock()
        async with post.pool.acquire() as conn:
            found = await takcerts.by_fingerprint(conn, fingerprint_of(der), now=now)
            if found is not None:
                await takcerts.seen(conn, found.id, at=now)
        return found

    def _make_room(self, certificate: Certificate | None) -> None:
        if certificate is None:
            return
        same = [
            each
            for each in self._clients
            if each.certificate is not None and each.certificate.id == certificate.id
        ]
        for each in same[: max(0, len(same) + 1 - self.limits.per_certificate_max)]:
            each.close("a newer connection took over")

    # -- while they are here -------------------------------------------------------------

    async def _sweep(self) -> None:
        while True:
            try:
                await self.sweep()
            except STORE_AWAY as error:
                self._metrics.count("sweep_failures")
                logger.warning("certificates are not compared, PostgreSQL is away: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.limits.sweep_s):
                    await self._look.wait()
            self._look.clear()

    async def sweep(self) -> None:
        """Compare every certificate with its row; send away whose is not in force any more."""
        post, room = self._office.post, self._office.room
        now = post.clock()
        room.expire(now)
        held = {
            each.certificate.fingerprint: each
            for each in self._clients
            if each.certificate is not None
        }
        async with post.pool.acquire() as conn:
            room.claimed = await takpicture.claimed_uids(conn, now=now)
            rows = await takcerts.still_in_force(conn, list(held), now=now) if held else {}
        for client in list(self._clients):
            if client.certificate is None or client.certificate.fingerprint not in held:
                continue
            row = rows.get(client.certificate.fingerprint)
            if row is None:
                self._metrics.count("tak_revoked")
                client.close("its certificate is not in force any more")
            else:
                client.certificate = row
