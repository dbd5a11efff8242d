"""One device's WebSocket: the I/O around a `DeviceSession`.

Four tasks: `_read` turns frames into events and handles them one after the other (so a slow store
stops the reading, and TCP holds the device back), `_write` sends what the session has, `_feed`
hands the session the device's log, `_watch` keeps its deadlines. The first to end ends all.

Nothing is acknowledged before its transaction has committed, nothing is published before either.
When the store fails in the middle, the connection closes with 1013 (try again later): the device
comes back and both sides go on from what is durable.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from devices.intake import Track
from devices.session import DeviceSession, Phase
from devices.session_events import (
    Downlink,
    Duplicate,
    Event,
    Gap,
    HelloReceived,
    LocationReceived,
    PingReceived,
    RecordRefused,
    StateReceived,
)
from protocols.native import CloseCode, Hello, State
from server.gateways.uplink import Uplink
from server.stores import commands, devices
from server.stores.away import STORE_AWAY
from server.stores.commands import Command
from server.stores.devices import Device
from server.stores.presence import Presence

if TYPE_CHECKING:
    from server.gateways.sessions import Sessions

logger = logging.getLogger(__name__)

TRY_AGAIN_LATER: Final = 1013
"""Close code for a store that is away (IANA WebSocket Close Code Number Registry)."""
FEED_PAGE_LEN: Final = 100
RETRY_S: Final = 1.0
"""Until the log is read again after the store failed."""
CLOSE_S_MAX: Final = 2.0
"""To hand the close frame to a peer that may not be reading."""
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class Connection:
    """Serves one accepted WebSocket until it ends."""

    def __init__(self, socket: WebSocket, sessions: Sessions, *, header_token: str) -> None:
        self.session = DeviceSession(sessions.session_limits, now=_now())
        self.device: Device | None = None
        """Set once the token was accepted."""
        self.finished = asyncio.Event()
        """Nothing of this connection is under way any more."""
        self.battery_pct: int | None = None
        self.opened_at = sessions.clock()
        self._socket = socket
        self._sessions = sessions
        self._metrics = sessions.metrics
        self._header_token = header_token
        self._uplink: Uplink
        """Set when the device was let in; records come only after that."""
        self._to_write, self._to_feed, self._to_watch = (asyncio.Event() for _ in range(3))
        self._log_has_more = False
        self._open_commands: list[Downlink] = []
        """What is still open below the floor, and is to be sent before the log goes on."""
        self._floor_seq = 0
        """Where the log goes on after those."""
        self._head_at_hello = 0
        self._open_ids: frozenset[str] = frozenset()
        """Commands up to that head which are still of use; see `_downlink`."""
        self._unmarked: list[str] = []
        """Commands whose frames were written, `sent_at` still to be stored."""
        self._greetings = 0

    @property
    def install_id(self) -> str:
        return self.session.hello.inst if self.session.hello else ""

    @property
    def key(self) -> tuple[str, str]:
        assert self.device is not None
        return self.device.id, self.install_id

    async def serve(self) -> None:
        """Until the peer leaves, the session closes, or the server cancels."""
        jobs: list[Callable[[], Any]] = [self._read, self._write, self._feed, self._watch]
        tasks = [asyncio.create_task(job(), name=f"device-{job.__name__}") for job in jobs]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self.finished.set()
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
                raise result
        await self._say_goodbye()

    # -- what others say -----------------------------------------------------------------

    def close(self, code: int, reason: str) -> None:
        """End the connection from outside."""
        self.session.close(code, reason)
        self._poke()

    def log_grew(self) -> None:
        """A command may wait in the device's log."""
        self._log_has_more = True
        self._to_feed.set()

    def stored(self, up_seq: int) -> None:
        """Everything up to `up_seq` is durable."""
        self.session.ack(up_seq, _now())
        self._poke()

    def presence(self, *, online: bool) -> Presence:
        device_id, install_id = self.key
        return Presence(
            device_id=device_id,
            install_id=install_id,
            online=online,
            at=self._sessions.clock(),
            since=self.opened_at,
            gateway=self._sessions.gateway_id,
            battery_pct=self.battery_pct,
        )

    # -- tasks ---------------------------------------------------------------------------

    async def _read(self) -> None:
        while self.session.closing is None:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if (text := message.get("text")) is None:
                self.session.close(CloseCode.PROTOCOL, "text frames only")
            else:
                self.session.receive(text, _now())
            for event in self.session.events():
                await self._handle(event)
            self._poke()
            if pause_s := self.session.throttle_s(_now()):
                self._metrics.count("device_throttled")
                await asyncio.sleep(pause_s)

    async def _write(self) -> None:
        while True:
            self._to_write.clear()
            for frame in self.session.data_to_send():
                await self._socket.send({"type": "websocket.send", "text": frame.decode()})
            if sent := self.session.commands_sent():
                self._unmarked += sent
                self._to_feed.set()
            elif self._log_has_more:
                self._to_feed.set()
            if not self.session.queue_bytes:
                await self._to_write.wait()

    async def _watch(self) -> None:
        while (deadline := self.session.next_deadline()) is not None:
            self._to_watch.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._to_watch.wait()
            except TimeoutError:
                self.session.expire(_now())
                self._to_write.set()

    async def _feed(self) -> None:
        while True:
            await self._to_feed.wait()
            self._to_feed.clear()
            try:
                await self._mark_sent()
                await self._feed_some()
            except STORE_AWAY as error:
                self._metrics.count("device_feed_failures")
                logger.warning("the log of %s cannot be read now: %s", self.key[0], error)
                self._log_has_more = True
                await asyncio.sleep(RETRY_S)
                self._to_feed.set()

    # -- down ----------------------------------------------------------------------------

    async def _feed_some(self) -> None:
        """Queue one page of the log; the writer asks for the next when this one has left."""
        if self.session.phase is not Phase.LIVE or not self._log_has_more:
            return
        if self._open_commands:
            taken = self.session.queue(self._open_commands, _now())
            del self._open_commands[:taken]
            self._poke()
            if self._open_commands:
                return
        self.session.skip_to(self._floor_seq)
        assert self.device is not None
        greeting, self._log_has_more = self._greetings, False
        async with self._sessions.pool.acquire() as conn:
            page = await commands.after(conn, self.device.id, self.session.read_seq, FEED_PAGE_LEN)
        if greeting != self._greetings or self.session.phase is not Phase.LIVE:
            self._log_has_more = True  # a new hello came in between: its cursor counts
            return
        now = self._sessions.clock()
        taken = self.session.queue([self._downlink(command, now) for command in page], _now())
        if taken < len(page) or len(page) == FEED_PAGE_LEN:
            self._log_has_more = True
        self._poke()

    def _downlink(self, command: Command, now: datetime) -> Downlink:
        """As the session sends it. A task that is over arrives as a notice of what was missed."""
        expired = command.expires_at is not None and command.expires_at <= now
        over = command.seq <= self._head_at_hello and command.id not in self._open_ids
        kind, body = command.kind, command.body
        if kind == "task" and (expired or over):
            kind = "notice"
            body = {"ref": command.id, "why": "expired" if expired else "closed"} | {
                name: body[name] for name in ("order", "number", "incident") if name in body
            }
        return Downlink(
            seq=command.seq,
            id=command.id,
            kind=kind,
            priority=command.priority,
            body=body,
            expires_ms=None if command.expires_at is None else unix_ms(command.expires_at),
        )

    async def _mark_sent(self) -> None:
        if not self._unmarked:
            return
        ids = list(self._unmarked)
        async with self._sessions.pool.acquire() as conn:
            await commands.mark_sent(conn, ids, at=self._sessions.clock())
        del self._unmarked[: len(ids)]
        self._metrics.count("commands_sent", len(ids))

    # -- up ------------------------------------------------------------------------------

    async def _handle(self, event: Event) -> None:
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
                await self._take_state(state)
            case PingReceived(i=i, battery_pct=battery_pct):
                self._take_ping(i, battery_pct)
            case Duplicate():
                self._metrics.count("records_duplicate")
            case Gap():
                self._metrics.count("records_gap")

    async def _greet(self, hello: Hello) -> None:
        self._greetings += 1
        self._open_commands = []
        if not await self._authenticate(hello):
            self._metrics.count("device_refused")
            self.session.close(CloseCode.AUTH, "device or token not accepted")
            return
        await self._sessions.admit(self)
        self._uplink = Uplink(self._sessions, *self.key)
        await self._uplink.flush()
        now = self._sessions.clock()
        async with self._sessions.pool.acquire() as conn, conn.transaction():
            opening = await devices.open_session(
                conn,
                device_id=hello.dev,
                install_id=hello.inst,
                epoch=hello.epoch,
                cursor=hello.cur,
                up_acked=hello.up_acked,
                app=hello.app.replace("\0", ""),
                now=now,
            )
            still_open = await commands.open_for(conn, hello.dev, now=now)
        if self.session.closing is not None:
            return  # replaced, or the server is stopping
        if opening.up_was_lost:
            self._metrics.count("uplink_tail_lost")
            logger.warning("%s had more acknowledged than is stored here", hello.dev)
        self._uplink.track = Track(opening.newest)
        self._start(hello, opening, still_open, now)

    def _start(
        self, hello: Hello, opening: devices.Opening, still_open: list[Command], now: datetime
    ) -> None:
        self.session.welcome(
            epoch=opening.epoch,
            resumed=opening.resumed,
            head_seq=opening.head_seq,
            up_n=opening.up_seq,
            now=_now(),
            unix_ms=unix_ms(now),
        )
        self._head_at_hello = opening.head_seq
        self._floor_seq = opening.floor_seq
        self._open_ids = frozenset(command.id for command in still_open)
        self._open_commands = [
            self._downlink(command, now)
            for command in still_open
            if self.session.read_seq < command.seq <= opening.floor_seq
        ]
        if hello.bat is not None:
            self.battery_pct = hello.bat
        self._metrics.count("device_welcomed", resumed=str(opening.resumed).lower())
        self._sessions.announce(self)
        self.log_grew()

    async def _authenticate(self, hello: Hello) -> bool:
        if not (_NAME.fullmatch(hello.dev) and _NAME.fullmatch(hello.inst)):
            return False
        token = self._header_token or hello.tok
        async with self._sessions.pool.acquire() as conn:
            found = await devices.authenticate(conn, hello.dev, token)
        if found is None:
            return False  # who it was until now stays: the registry knows it by that
        self.device = found
        return True

    async def _take_state(self, state: State) -> None:
        stored = await self._uplink.take_state(state)
        if stored < state.n:
            self.session.close(TRY_AGAIN_LATER, "out of step with the store")
        self.session.ack(stored, _now())

    def _take_ping(self, i: int, battery_pct: int | None) -> None:
        self.session.pong(i, _now(), unix_ms=unix_ms(self._sessions.clock()))
        if battery_pct is not None and battery_pct != self.battery_pct and self.device is not None:
            self.battery_pct = battery_pct
            self._sessions.announce(self)

    # -- inside --------------------------------------------------------------------------

    def _poke(self) -> None:
        self._to_write.set()
        self._to_watch.set()

    async def _say_goodbye(self) -> None:
        closing = self.session.closing
        if closing is None or self._socket.client_state is WebSocketState.DISCONNECTED:
            return
        self._metrics.count("device_closed", code=str(closing.code))
        try:
            async with asyncio.timeout(CLOSE_S_MAX):
                await self._socket.close(closing.code, closing.reason)
        except (WebSocketDisconnect, TimeoutError):
            logger.info("a device was gone before its close frame (%d)", closing.code)


def unix_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _now() -> float:
    return asyncio.get_running_loop().time()
