"""All device connections of this process: one live per installation, woken, renewed, drained.

The fan-out says which device has a new command; a sweep every few seconds compares with
PostgreSQL, so a lost message costs seconds, and a device that was disabled, re-enrolled or given
a new log is sent away. Presence of the connected is renewed before it runs out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final

import msgspec

from devices.session_flow import SessionLimits
from protocols.native import CloseCode
from server.gateways.conversation import TRY_AGAIN_LATER, Conversation, House
from server.gateways.door import Door, DoorLimits, Full, Place
from server.gateways.field import Field
from server.gateways.mail import Mail
from server.metrics import Metrics
from server.ports import Clock, FanOut
from server.stores import devices
from server.stores.away import STORE_AWAY
from server.stores.pool import Pool
from server.stores.positions import Key, PositionWriter
from server.stores.presence import Presence, PresenceStore
from server.stores.sos import NamePlace, coordinates
from server.witnesses import Witnesses

logger = logging.getLogger(__name__)

DRAIN_S_MAX: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayLimits:
    door: DoorLimits = field(default_factory=DoorLimits)
    connections_per_device_max: int = 4
    """Installations of one device at once; the oldest makes room (4001)."""
    sweep_s: float = 5.0
    """How late a lost wake-up or a revoked token is noticed at most."""
    presence_s: float = 30.0
    """Renewal; `server.board.UNHEARD_MAX` is three of these and a bit."""


class Sessions:
    """The registry that `services.sessions` names."""

    def __init__(
        self,
        *,
        pool: Pool,
        positions: PositionWriter,
        fanout: FanOut,
        clock: Clock,
        presence: PresenceStore | None = None,
        metrics: Metrics | None = None,
        limits: GatewayLimits | None = None,
        name_place: NamePlace = coordinates,
        session_limits: SessionLimits | None = None,
        all_report: Callable[[], bool] = lambda: False,
        witnesses: Witnesses | None = None,
    ) -> None:
        """`all_report`: whether devices of units off duty speak as often as those on duty."""
        self.limits = limits or GatewayLimits()
        self.metrics = metrics or Metrics()
        self.field = Field(
            pool=pool,
            positions=positions,
            fanout=fanout,
            clock=clock,
            metrics=self.metrics,
            limits=session_limits or SessionLimits(),
            mail=Mail(pool, clock),
            presence=presence,
            witnesses=witnesses,
            name_place=name_place,
        )
        self._all_report = all_report
        self._door = Door(self.limits.door)
        self._by_key: dict[Key, Conversation] = {}
        self._all: set[Conversation] = set()
        """Those before their hello included."""
        positions.on_stored = self._stored
        fanout.subscribe("device", self._command_waits)
        fanout.subscribe("presence", self._presence_arrived)
        fanout.subscribe("resync", lambda _: self._wake_all())
        self.metrics.gauge("device_connections", lambda: self._door.open_count)
        self.metrics.gauge("device_strangers", lambda: self._door.strangers_count)
        self.metrics.gauge("devices_online", lambda: len(self._by_key))

    def online(self) -> list[Key]:
        """Installations that have a live connection here."""
        return list(self._by_key)

    # -- coming and going ----------------------------------------------------------------

    @contextmanager
    def place(self, address: str) -> Iterator[Place]:
        """A place for one connection. Raises `Full`."""
        try:
            with self._door.place(address) as place:
                yield place
        except Full:
            self.metrics.count("device_connections_refused")
            raise

    def house(self, place: Place, *, lives: bool = True) -> House:
        """What a conversation at this place may ask of us. `lives`: it hears commands, too."""
        if lives:
            return House(known=place.known, admit=self.admit, announce=self.announce, lives=True)
        return House(
            known=place.known, admit=self._let_pass, announce=lambda conversation: None, lives=False
        )

    @asynccontextmanager
    async def present(
        self, conversation: Conversation, *, stays: bool = True
    ) -> AsyncIterator[None]:
        """While one conversation is under way. `stays`: its end means that the device has left."""
        self._all.add(conversation)
        try:
            yield
        finally:
            self._all.discard(conversation)
            await self._discharge(conversation, left=stays)

    async def admit(self, connection: Conversation) -> None:
        """Make this the one live connection of its installation; the older ends first.

        The newer is the one that came to the door later: the hello of one that the device has given
        up may arrive after that of the one it speaks over now. Several may wait here for the same
        older one: whoever is not the newest of them makes room in turn.
        """
        while not self._outrun(connection) and (older := self._in_the_way(connection)):
            self.metrics.count("device_replaced")
            older[0].close(CloseCode.REPLACED, "a newer connection took over")
            await older[0].finished.wait()
            self._forget(older[0])
        if self._outrun(connection):
            connection.close(CloseCode.REPLACED, "a newer connection took over")
            return
        if self._door.shut:
            connection.close(CloseCode.DRAINING, "the server is stopping")
        self._by_key[connection.key] = connection

    async def _let_pass(self, conversation: Conversation) -> None:
        """It brings records and leaves: nobody makes room for it."""
        if self._door.shut:
            conversation.close(CloseCode.DRAINING, "the server is stopping")

    async def _discharge(self, connection: Conversation, *, left: bool) -> None:
        """The connection is over; tell, unless a newer one of the installation is here."""
        if not self._forget(connection):
            return
        if left:
            self.field.share_presence(connection.presence(online=False))
        device_id, install_id = connection.key
        try:
            async with self.field.pool.acquire() as conn:
                await devices.seen(
                    conn, device_id=device_id, install_id=install_id, at=self.field.clock()
                )
        except STORE_AWAY as error:
            logger.info("when %s left is not stored: %s", device_id, error)

    def announce(self, connection: Conversation) -> None:
        """Tell everybody that it is here, and how its battery stands."""
        self.field.share_presence(connection.presence(online=True))

    # -- life ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Sweep and renew until cancelled."""
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + self.limits.presence_s
        while True:
            await asyncio.sleep(self.limits.sweep_s)
            try:
                await self.sweep()
            except STORE_AWAY as error:
                self.metrics.count("sweep_failures")
                logger.warning("devices are not compared, PostgreSQL is away: %s", error)
            if loop.time() >= renew_at:
                renew_at = loop.time() + self.limits.presence_s
                for connection in list(self._by_key.values()):
                    self.announce(connection)

    async def sweep(self) -> None:
        """Compare every connected device with its row."""
        connections = list(self._by_key.values())
        if not connections:
            return
        ids = sorted({connection.key[0] for connection in connections})
        async with self.field.pool.acquire() as conn:
            rows = await devices.enabled(conn, ids)
        for connection in connections:
            self._compare(connection, rows.get(connection.key[0]))

    async def drain(self, within_s: float = DRAIN_S_MAX) -> None:
        """Refuse new connections, close all with 4005, and wait for them to end."""
        self._door.shut = True
        for connection in list(self._all):
            connection.close(CloseCode.DRAINING, "the server is stopping")
        try:
            async with asyncio.timeout(within_s):
                await self._door.emptied()
        except TimeoutError:
            logger.warning("%d device connections did not end in time", self._door.open_count)

    # -- inside --------------------------------------------------------------------------

    def _forget(self, connection: Conversation) -> bool:
        """Whether it was the live one of its installation until now."""
        if connection.device is None or self._by_key.get(connection.key) is not connection:
            return False
        del self._by_key[connection.key]
        return True

    def _outrun(self, connection: Conversation) -> bool:
        """Whether a newer connection of its installation is the live one."""
        live = self._by_key.get(connection.key)
        return live is not None and live.arrival > connection.arrival

    def _in_the_way(self, connection: Conversation) -> list[Conversation]:
        device_id = connection.key[0]
        of_device = [
            other
            for key, other in self._by_key.items()
            if key[0] == device_id and other is not connection
        ]
        same = [other for other in of_device if other.key == connection.key]
        others = [other for other in of_device if other.key != connection.key]
        surplus = max(0, len(others) + 1 - self.limits.connections_per_device_max)
        return same + others[:surplus]

    def _compare(self, connection: Conversation, row: devices.Device | None) -> None:
        known = connection.device
        assert known is not None
        if connection.session.closing is not None:
            return  # it goes already, and was counted
        if row is None or row.token_hash != known.token_hash:
            self.metrics.count("device_revoked")
            connection.close(CloseCode.AUTH, "device or token not accepted any more")
        elif row.epoch != known.epoch:
            connection.close(TRY_AGAIN_LATER, "the log was restarted")
        else:
            connection.set_duty(on_duty=row.on_duty or self._all_report())
            if row.head_seq > connection.session.read_seq:
                connection.log_grew()

    def _stored(self, device_id: str, install_id: str, up_seq: int) -> None:
        if (connection := self._by_key.get((device_id, install_id))) is not None:
            connection.stored(up_seq)

    def _command_waits(self, device_id: str) -> None:
        for key, connection in self._by_key.items():
            if key[0] == device_id:
                connection.log_grew()

    def _wake_all(self) -> None:
        for connection in self._by_key.values():
            connection.log_grew()

    def _presence_arrived(self, payload: str) -> None:
        """An installation that connected elsewhere is not here any more."""
        presence = msgspec.json.decode(payload, type=Presence)
        if presence.gateway == self.field.gateway_id or not presence.online:
            return
        here = self._by_key.get((presence.device_id, presence.install_id))
        if here is not None and 0 < here.admission < presence.admission:
            here.close(CloseCode.REPLACED, "a newer connection took over")
