"""What one device says and is told, whatever carries it: session, uplink, feed and the store.

`handle` takes the session's events one after the other: who it is, where both logs stand, records,
pings. Nothing is acknowledged before its transaction has committed, nothing is published before
either. When the store fails in the middle, the conversation closes with 1013 (try again later): the
device comes back and both sides go on from what is durable.

Knows no socket and no request: `server.gateways.connection` and `server.gateways.exchange` do.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from devices.intake import Track, believed_pct
from devices.session import DeviceSession
from devices.session_events import (
    Duplicate,
    Event,
    Gap,
    HelloReceived,
    LocationReceived,
    PingReceived,
    RecordRefused,
    SosReceived,
    StateReceived,
)
from protocols.native import CloseCode, Hello
from server.gateways.downlink import Feed, unix_ms
from server.gateways.field import Field
from server.gateways.uplink import Uplink
from server.stores import commands, devices
from server.stores.away import STORE_AWAY
from server.stores.commands import Command
from server.stores.devices import Device
from server.stores.presence import Presence

logger = logging.getLogger(__name__)

TRY_AGAIN_LATER: Final = 1013
"""Close code for a store that is away (IANA WebSocket Close Code Number Registry)."""
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What a conversation asks of the registry it belongs to."""

    known: Callable[[], None]
    """The device was let in: it is no stranger at the door any more."""
    admit: Callable[[Conversation], Awaitable[None]]
    """Make this the one live conversation of its installation."""
    announce: Callable[[Conversation], None]
    """Tell everybody that it is here, and how its battery stands."""
    lives: bool
    """Whether it hears commands, too: it takes the place of the installation's older ones."""


class Conversation:
    """One device's session with the stores behind it."""

    def __init__(self, field: Field, house: House, *, token: str) -> None:
        """`token`: of the Authorization header; where empty, the hello's counts."""
        self.session = DeviceSession(field.limits, now=_now())
        self.device: Device | None = None
        """Set once the token was accepted."""
        self.finished = asyncio.Event()
        """Nothing of this conversation is under way any more."""
        self.battery_pct: int | None = None
        self.arrival = next(field.arrivals)
        """Later at the door of this process: higher."""
        self.admission = 0
        """Later let in, at any server: higher. 0 before the first welcome."""
        self._field, self._house = field, house
        self._metrics = field.metrics
        self._token = token
        self._uplink: Uplink
        self._feed: Feed
        """Both set when the device was let in; records and commands come only after that."""

    @property
    def install_id(self) -> str:
        return self.session.hello.inst if self.session.hello else ""

    @property
    def key(self) -> tuple[str, str]:
        assert self.device is not None
        return self.device.id, self.install_id

    def presence(self, *, online: bool) -> Presence:
        device_id, install_id = self.key
        return Presence(
            device_id=device_id,
            install_id=install_id,
            online=online,
            at=self._field.clock(),
            admission=self.admission,
            gateway=self._field.gateway_id,
            battery_pct=self.battery_pct,
        )

    # -- what others say -----------------------------------------------------------------

    def close(self, code: int, reason: str) -> None:
        """End the conversation from outside."""
        self.session.close(code, reason)
        self.wake()

    def log_grew(self) -> None:
        """A command may wait in the device's log."""
        self._feed.has_more = True
        self.wake()

    def stored(self, up_seq: int) -> None:
        """Everything up to `up_seq` is durable."""
        self._ack(up_seq)
        self.wake()

    def set_duty(self, *, on_duty: bool) -> None:
        """The unit's shift began or ended, or did neither."""
        self.session.set_duty(on_duty=on_duty, now=_now(), unix_ms=unix_ms(self._field.clock()))
        self.wake()

    def wake(self) -> None:
        """The session may have something to send, or another deadline."""

    # -- what the device says ------------------------------------------------------------

    async def handle(self, event: Event) -> None:
        """Take one event of the session."""
        try:
            await self._dispatch(event)
        except STORE_AWAY as error:
            self._metrics.count("device_store_failures")
            logger.warning("a device is sent away, PostgreSQL is away: %s", error)
            self.session.close(TRY_AGAIN_LATER, "the store is away")

    async def _dispatch(self, event: Event) -> None:
        match event:
            case HelloReceived(hello=hello):
                await self._greet(hello)
            case LocationReceived(location=location):
                await self._uplink.take_location(location)
            case RecordRefused(n=n):
                await self._uplink.take_malformed(n)
            case StateReceived(state=state):
                stored = await self._uplink.take_state(state)
                await self._witness(state.seen)
                self._taken(state.n, stored)
            case SosReceived(sos=sos):
                self._taken(sos.n, await self._uplink.take_sos(sos))
            case PingReceived(i=i, battery_pct=battery_pct):
                self._take_ping(i, believed_pct(battery_pct))
            case Duplicate():
                self._metrics.count("records_duplicate")
            case Gap():
                self._metrics.count("records_gap")

    async def _greet(self, hello: Hello) -> None:
        if not await self._authenticate(hello):
            self._metrics.count("device_refused")
            self.session.close(CloseCode.AUTH, "device or token not accepted")
            return
        self._house.known()
        self._feed.greeted()
        await self._house.admit(self)
        if self.session.closing is not None:
            return
        await self._uplink.flush()
        now = self._field.clock()
        async with self._field.pool.acquire() as conn, conn.transaction():
            opening = await devices.open_session(
                conn,
                device_id=hello.dev,
                install_id=hello.inst,
                epoch=hello.epoch,
                cursor=hello.cur,
                cursor_id=hello.cur_id.replace("\0", ""),
                up_acked=hello.up_acked,
                app=hello.app.replace("\0", ""),
                caps=[each.replace("\0", "") for each in hello.caps],
                now=now,
                admit=self._house.lives and not self.admission,
            )
            still_open = await commands.open_for(conn, hello.dev, now=now)
        if self._house.lives and self.admission not in (0, opening.admission):
            self.session.close(CloseCode.REPLACED, "a newer connection took over")
        if self.session.closing is not None:
            return  # replaced, or the server is stopping
        self.admission = opening.admission
        if opening.up_was_lost:
            self._metrics.count("uplink_tail_lost")
            logger.warning("%s had more acknowledged than is stored here", hello.dev)
        self._uplink.track = Track(opening.newest)
        await self._witness(hello.seen)
        self._start(hello, opening, still_open, now)

    def _start(
        self, hello: Hello, opening: devices.Opening, still_open: list[Command], now: datetime
    ) -> None:
        assert self.device is not None
        self.session.welcome(
            epoch=opening.epoch,
            resumed=opening.resumed,
            head_seq=opening.head_seq,
            up_n=opening.up_seq,
            now=_now(),
            unix_ms=unix_ms(now),
            on_duty=self.device.on_duty,
            checkpoint=self._offer(),
        )
        self._feed.start(opening, still_open, now)
        if (battery_pct := believed_pct(hello.bat)) is not None:
            self.battery_pct = battery_pct
        self._metrics.count("device_welcomed", resumed=str(opening.resumed).lower())
        self._house.announce(self)
        self.log_grew()

    async def _authenticate(self, hello: Hello) -> bool:
        if not (_NAME.fullmatch(hello.dev) and _NAME.fullmatch(hello.inst)):
            return False
        found = await self._field.mail.device(hello.dev)
        if found is None or not devices.has_token(found, self._token or hello.tok):
            return False  # who it was until now stays: the registry knows it by that
        if self.device is None:
            self._feed = Feed(self._field, self.session, found.id)
            self._uplink = Uplink(self._field, found.id, hello.inst)
        self.device = found
        return True

    def _taken(self, n: int, stored: int) -> None:
        """Record `n` was handed over, and the uplink log stands at `stored`."""
        if stored < n:
            self.session.close(TRY_AGAIN_LATER, "out of step with the store")
        self._ack(stored)

    def _ack(self, up_seq: int) -> None:
        self.session.offer = self._offer() or self.session.offer
        self.session.ack(up_seq, _now())

    def _offer(self) -> str:
        """A checkpoint of the command log that the device may not have."""
        witnesses = self._field.witnesses
        return witnesses.offer(self.key, _now()) if witnesses is not None else ""

    async def _witness(self, note: str) -> None:
        """The device shows the newest checkpoint that it keeps."""
        if self._field.witnesses is not None:
            await self._field.witnesses.take(self.key, note.replace("\0", ""))

    def _take_ping(self, i: int, battery_pct: int | None) -> None:
        self.session.pong(i, _now(), unix_ms=unix_ms(self._field.clock()))
        if battery_pct is not None and battery_pct != self.battery_pct and self.device is not None:
            self.battery_pct = battery_pct
            self._house.announce(self)


def _now() -> float:
    return asyncio.get_running_loop().time()
