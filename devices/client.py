"""Reference device client: the device's side of docs/protocol.md, without I/O, to be ported.

Whoever builds a device can follow this file line by line in another language. It needs from its
surroundings: a way to open and close a WebSocket, one timer, a small durable store (`Storage`), a
source of randomness, and two clocks: `now`, monotonic seconds for timers, and Unix milliseconds
for the records the caller hands in.

Theory
------
              connecting           connected         welcome
    WAITING ─────────────▶ OPENING ──────────▶ GREETING ──────▶ LIVE ──┐ gap in the commands:
       ▲                      │                   │              │  ▲   │ hello again
       └── back-off ──────────┴───────────────────┴──────────────┘  └───┘
    4001 (replaced), 4002 (token refused), a refused handshake: STOPPED, until `start`

* A command is stored, its receipt queued and the cursor moved in one atomic step; only then is it
  shown to anyone. A command whose id is known moves the cursor and nothing else.
* A command is taken only if `prev` is not beyond the cursor; otherwise one is missing, and the
  client says hello again. Commands that arrive between hello and welcome are left: the hello named
  the cursor, so they come again.
* Another epoch: the cursor falls to 0, the inbox stays. `Unrecovered` tells the user.
* A report is durable before anything else happens with it, and its number `n` before its frame
  leaves (`devices.outbox`). Frames may then be lost at will: they are sent again from the last
  acknowledged one on every new connection, and when acknowledgements do not come.
* The peer is dead after two heartbeats in which nothing was heard; a ping is sent after the first.
* Reconnection waits 1, 2, 4 … 60 s, each time a random share of it (full jitter), and not at all
  when the network has just changed.
* If the store fails, nothing of the step counts: the client starts over from what is stored, and
  says so.

Drive it like this: call `receive`, `report…` or `expire`; then write all `frames_to_send`, handle
all `events`, close the connection if `closing` says so, and sleep until `next_deadline`.
"""

from __future__ import annotations

import random
from enum import StrEnum
from typing import Final

from devices.client_events import (
    CommandArrived,
    CommandMissed,
    Connected,
    Disconnected,
    Event,
    NoticeArrived,
    OrderEnded,
    Stopped,
    StoreTrouble,
    Unrecovered,
)
from devices.errors import OrderOver, OutboxFull, StorageFailed
from devices.inbox import ENDS, Entry, Inbox, Over
from devices.link_timers import BACKOFF_S_MAX, STABLE_S, Backoff, Heartbeat
from devices.outbox import Outbox
from devices.storage import Batch, Storage
from protocols import native
from protocols.errors import ProtocolError
from protocols.native import Ack, CloseCode, Command, Location, Pong, Report, State, Welcome

WELCOME_S_MAX: Final = 20.0
"""From hello to welcome; a slower server is given up and tried again."""
RESEND_S_FIRST: Final = 10.0
"""Without an acknowledgement; doubled each time, up to BACKOFF_S_MAX."""
HELLOS_MAX: Final = 10
"""Hellos of one connection without a command in between: the server's log has a hole."""

INSTALL_KEY: Final = "inst"
NEEDS_BADGE: Final = frozenset(
    {
        Report.ACCEPTED,
        Report.DECLINED,
        Report.EN_ROUTE,
        Report.ON_SCENE,
        Report.FEEDBACK,
        Report.DONE,
    }
)


class Phase(StrEnum):
    WAITING = "waiting"
    """No connection; the next attempt is due at `connect_at`."""
    OPENING = "opening"
    GREETING = "greeting"
    LIVE = "live"
    STOPPED = "stopped"


class DeviceClient:
    """One device, across all its connections."""

    def __init__(
        self,
        *,
        device_id: str,
        storage: Storage,
        rng: random.Random,
        now: float,
        token: str = "",
        app: str = "",
        caps: tuple[str, ...] = (),
    ) -> None:
        """Start up from what is stored; raises StorageFailed if it cannot be read.

        `rng`: `random.SystemRandom()` on a device. `token` goes into the hello; leave it empty
        where the Authorization header carries it. Orders not finished are in the first `events`.
        """
        self.device_id = device_id
        self.phase = Phase.WAITING
        self.connect_at = now
        """When to connect, while WAITING; monotonic seconds."""
        self.closing: tuple[int, str] | None = None
        """Close the connection with this code and reason, then call `disconnected`."""
        self.battery_pct: int | None = None
        """The caller keeps it current; sent with hello and ping."""
        self.net = ""
        """The network in use ("4g", "wifi"), for the server's eyes."""
        self._storage, self._rng = storage, rng
        self._backoff, self._heartbeat = Backoff(rng), Heartbeat(now)
        self._token, self._app, self._caps = token, app, list(caps)
        self._at_once = False
        self._hellos = 0
        self._say_hello = self._say_ping = False
        self._greeted_at = now
        self._live_at: float | None = None
        self._resend_at: float | None = None
        self._resend_s = RESEND_S_FIRST
        self._server_ms_at_0: float | None = None
        self._events: list[Event] = []
        self._load()
        for entry in self.inbox.unfinished():
            self._events.append(CommandArrived(command=entry.command, again=entry.shown))

    # -- the connection, as the shell sees it -----------------------------------------------

    def connecting(self) -> None:
        """An attempt to connect begins."""
        assert self.phase is Phase.WAITING
        self.phase = Phase.OPENING

    def connected(self, now: float) -> None:
        """The WebSocket is open: say hello."""
        assert self.phase is Phase.OPENING
        self._heartbeat.start(now)
        self._hellos = 0
        self._hello(now)

    def disconnected(self, now: float, *, code: int | None = None, reason: str = "") -> None:
        """The connection, or the attempt, is over. `code`: of the close frame, if one came."""
        if self.phase is Phase.WAITING:
            return
        if self._live_at is not None and now - self._live_at >= STABLE_S:
            self._backoff.reset()
        self._live_at = self._resend_at = self.closing = None
        self._say_hello = self._say_ping = False
        if self.phase is Phase.STOPPED:
            return
        if code in (CloseCode.REPLACED, CloseCode.AUTH):
            self.stop(code, reason)
            return
        self.phase = Phase.WAITING
        self.connect_at = now if self._at_once else now + self._backoff.wait_s(code, reason)
        self._at_once = False
        self._events.append(Disconnected(code=code, reason=reason, retry_at=self.connect_at))

    def refused(self, reason: str) -> None:
        """The server refused the handshake for good (401, 403): the token is not valid."""
        self.stop(CloseCode.AUTH, reason)

    def stop(self, code: int | None = None, reason: str = "") -> None:
        """Stay away until `start`. Reports are still taken and kept."""
        self.phase = Phase.STOPPED
        self._events.append(Stopped(code=code, reason=reason))

    def start(self, now: float) -> None:
        """Connect at once: after `stop`, a new token, or the user's wish."""
        if self.phase is Phase.STOPPED:
            self.phase = Phase.WAITING
        self._backoff.reset()
        self.connect_at = now

    def network_changed(self, now: float) -> None:
        """The system reports another network, or the signal's return: do not wait.

        An open connection belongs to the old network; it is closed.
        """
        self._backoff.reset()
        if self.phase is Phase.WAITING:
            self.connect_at = now
        elif self.phase in (Phase.GREETING, Phase.LIVE):
            self._at_once = True
            self._close(1001, "network changed")

    # -- what the device tells ---------------------------------------------------------------

    def report_location(self, location: Location, now: float) -> None:
        """Keep one fix for sending; its `n` is ignored. Raises StorageFailed."""
        self.outbox.add_location(location)
        self._commit()

    def report(
        self,
        command_id: str,
        step: Report,
        *,
        at_ms: int,
        by: str = "",
        reason: str = "",
        note: str = "",
        lon: float | None = None,
        lat: float | None = None,
    ) -> None:
        """Keep one step of an order for sending; durable on return.

        `by`: badge of the officer, needed from `accepted` on; `reason`: needed with `declined`.
        Raises ValueError without them, UnknownCommand, OrderOver once the order has ended here,
        OutboxFull, StorageFailed.
        """
        if step in NEEDS_BADGE and not by:
            raise ValueError(f"{step} is an officer's word: it needs his badge")
        if step is Report.DECLINED and not reason.strip():
            raise ValueError("declining an order needs a reason")
        entry = self.inbox.entry(command_id)
        if entry.over is not None:
            raise OrderOver(f"the order is over here: {entry.over}")
        state = State(
            n=0, id=command_id, s=step, at=at_ms, by=by, reason=reason, note=note, lon=lon, lat=lat
        )
        self.outbox.add_state(state)
        self.inbox.note(entry, state)
        self._commit()

    # -- what came in ------------------------------------------------------------------------

    def receive(self, frame: str | bytes, now: float) -> None:
        """Take one text frame. A broken rule, or a failing store, closes the connection."""
        if self.closing is not None or self.phase not in (Phase.GREETING, Phase.LIVE):
            return
        self._heartbeat.heard(now)
        try:
            match native.decode_server(frame):
                case Welcome() as welcome:
                    self._welcomed(welcome, now)
                case Command() as command:
                    self._command(command, now)
                case Ack(up=up):
                    self._acknowledged(up, now)
                case Pong(i=i, now=server_ms):
                    self._ponged(i, server_ms, now)
        except ProtocolError as error:
            self._close(error.code, error.reason)
        except (StorageFailed, OutboxFull) as error:
            self._store_failed(error)

    def server_ms(self, now: float) -> int | None:
        """Unix milliseconds by the server's clock; None before the first welcome."""
        base = self._server_ms_at_0
        return None if base is None else round(base + now * 1000)

    def _welcomed(self, welcome: Welcome, now: float) -> None:
        if self.phase is not Phase.GREETING:
            return  # a duplicate
        if welcome.up > self.outbox.numbers.last:
            self._reinstall()
            return
        self._set_clock(welcome.now, now)
        known = self.inbox.cursor.epoch
        lost = max(0, self.outbox.numbers.acked - welcome.up)
        if not welcome.resumed or welcome.epoch != known:
            self.inbox.start_epoch(welcome.epoch)
        if lost:
            self.outbox.restart_after(welcome.up)
        self.outbox.acknowledge(welcome.up)
        self.outbox.rewind()
        self._commit()
        self.phase = Phase.LIVE
        self._live_at = now
        self._heartbeat.interval_s = float(max(1, welcome.hb))
        self._resend_s, self._resend_at = RESEND_S_FIRST, None
        self._events.append(Connected(resumed=welcome.resumed))
        if lost or (known and not welcome.resumed):
            self._events.append(Unrecovered(commands=not welcome.resumed, reports_lost=lost))

    def _command(self, command: Command, now: float) -> None:
        if self.phase is not Phase.LIVE or command.seq <= self.inbox.cursor.seq:
            return
        if command.prev > self.inbox.cursor.seq:
            self._hello(now)
            return
        self._hellos = 0
        entry = self.inbox.store(command)
        if entry is None:
            events = self._known(command)
            self._commit()
            self._events += events
            return
        # A machine's word: by the server's clock, which the welcome gave us.
        receipt = State(n=0, id=command.id, s=Report.RECEIVED, at=self.server_ms(now) or 0)
        self.outbox.add_state(receipt)
        self.inbox.note(entry, receipt)
        events = self._meaning(entry, now)
        self._commit()
        self._events += events

    def _meaning(self, entry: Entry, now: float) -> list[Event]:
        """What a new command means to the user; marks what is over already."""
        command = entry.command
        if command.kind == "notice":
            return self._notice(entry)
        if command.exp is not None and (self.server_ms(now) or 0) > command.exp:
            self.inbox.end(entry, Over.EXPIRED)
            return [CommandMissed(command=command)]
        return [CommandArrived(command=command, again=False)]

    def _notice(self, entry: Entry) -> list[Event]:
        self.inbox.end(entry, Over.NOTED)
        ended = self._end_meant(entry.command)
        return ended or [NoticeArrived(command=entry.command)]

    def _end_meant(self, notice: Command) -> list[Event]:
        """End the tasks that a notice names, if its `why` ends tasks."""
        why, text = str(notice.body.get("why", "")), str(notice.body.get("text", ""))
        if why not in ENDS:
            return []
        meant = self.inbox.meant_by(str(notice.body.get("ref", "")))
        for task in meant:
            self.inbox.end(task, ENDS[why])
        return [OrderEnded(command=task.command, why=why, text=text) for task in meant]

    def _known(self, command: Command) -> list[Event]:
        """The server sends what is here already: after a new epoch.

        It did not know that this was received, and may have lost more: the last step is said again.
        A task that comes as a notice is over.
        """
        last = self.inbox.entry(command.id).last
        if last is not None:
            self.outbox.add_state(last)
        return self._end_meant(command) if command.kind == "notice" else []

    def _acknowledged(self, up: int, now: float) -> None:
        if self.phase is Phase.LIVE and self.outbox.acknowledge(up):
            # Not committed by itself: if it is lost, the next welcome says it again.
            self._resend_s = RESEND_S_FIRST
            self._resend_at = now + self._resend_s if self.outbox.in_flight_len else None

    def _ponged(self, i: int, server_ms: int, now: float) -> None:
        if self._heartbeat.answers(i):
            self._set_clock(server_ms, now)

    def _set_clock(self, server_ms: int, now: float) -> None:
        self._server_ms_at_0 = server_ms - now * 1000

    # -- what goes out -----------------------------------------------------------------------

    def frames_to_send(self, now: float) -> list[bytes]:
        """Frames to write now, in order; each is durable already where it must be."""
        if self.closing is not None or self.phase not in (Phase.GREETING, Phase.LIVE):
            return []
        frames = []
        if self._say_hello:
            self._say_hello = False
            frames.append(native.encode(self._hello_message()))
        if self.phase is Phase.LIVE:
            frames += self._live_frames(now)
        if frames:
            self._heartbeat.sent(now)
        return frames

    def events(self) -> list[Event]:
        """What happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    def _live_frames(self, now: float) -> list[bytes]:
        frames = []
        try:
            records = self.outbox.take()
            self._commit()
        except StorageFailed as error:
            self._store_failed(error)
            return []
        if self._say_ping:
            self._say_ping = False
            i = self._heartbeat.next_ping(now)
            frames.append(native.encode(native.Ping(i=i, bat=self.battery_pct)))
        if records and self._resend_at is None:
            self._resend_at = now + self._resend_s
        return frames + [native.encode(record) for record in records]

    def _hello_message(self) -> native.Hello:
        cursor = self.inbox.cursor
        return native.Hello(
            dev=self.device_id,
            inst=self._install_id,
            tok=self._token,
            epoch=cursor.epoch,
            cur=cursor.seq,
            up_acked=self.outbox.numbers.acked,
            caps=self._caps,
            app=self._app,
            net=self.net,
            bat=self.battery_pct,
        )

    # -- time --------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When to call `expire`, or to connect while WAITING; None: nothing is due."""
        match self.phase:
            case Phase.WAITING:
                return self.connect_at
            case Phase.GREETING:
                return self._greeted_at + WELCOME_S_MAX
            case Phase.LIVE:
                due = [self._heartbeat.ping_at, self._heartbeat.dead_at]
                if self._resend_at is not None:
                    due.append(self._resend_at)
                return min(due)
            case Phase.OPENING | Phase.STOPPED:
                return None

    def expire(self, now: float) -> None:
        """Do what is due at `now`."""
        if self.phase is Phase.GREETING and now >= self._greeted_at + WELCOME_S_MAX:
            self._close(1001, "no welcome")
        if self.phase is not Phase.LIVE or self.closing is not None:
            return
        if now >= self._heartbeat.dead_at:
            self._close(1001, "nothing heard for too long")
            return
        if now >= self._heartbeat.ping_at:
            self._say_ping = True
        if self._resend_at is not None and now >= self._resend_at:
            self.outbox.rewind()
            self._resend_s = min(2 * self._resend_s, BACKOFF_S_MAX)
            self._resend_at = None

    # -- inside ------------------------------------------------------------------------------

    def _hello(self, now: float) -> None:
        self._hellos += 1
        if self._hellos > HELLOS_MAX:
            self._close(CloseCode.PROTOCOL, "the commands do not follow on each other")
            return
        self.phase = Phase.GREETING
        self._greeted_at = now
        self._say_hello = True

    def _close(self, code: int, reason: str) -> None:
        if self.closing is None:
            self.closing = (int(code), reason)

    def _load(self) -> None:
        saved = self._storage.load()
        self._batch = Batch(self._storage)
        self.inbox = Inbox(self._batch, saved)
        self.outbox = Outbox(self._batch, saved)
        self._install_id = saved.get(INSTALL_KEY, b"").decode() or self._new_install_id()
        self._batch.commit()

    def _new_install_id(self) -> str:
        install_id = f"{self._rng.getrandbits(96):024x}"
        self._batch.put(INSTALL_KEY, install_id.encode())
        return install_id

    def _reinstall(self) -> None:
        """The server has records of us that we never numbered: our store was set back."""
        self._install_id = self._new_install_id()
        self.outbox.restart_after(0)
        self._commit()
        self._events.append(Unrecovered(commands=False, reports_lost=0))
        self._close(1001, "store set back, new installation")

    def _commit(self) -> None:
        try:
            self._batch.commit()
        except StorageFailed:
            self._load()
            raise

    def _store_failed(self, error: StorageFailed | OutboxFull) -> None:
        self._load()  # whatever was staged is gone
        self._events.append(StoreTrouble(text=str(error)))
        self._close(1001, "storage failed")
