"""Reference device client: the device's side of docs/protocol.md, without I/O, to be ported.

Whoever builds a device can follow this file, `devices.link` and `devices.client_logs` line by line
in another language. They need from their surroundings: a way to open and close a WebSocket, one
timer, a small durable store (`Storage`), a source of randomness, and two clocks: `now`, monotonic
seconds for timers, and Unix milliseconds for the records the caller hands in.

Theory
------
              connecting           connected         welcome
    WAITING ─────────────▶ OPENING ──────────▶ GREETING ──────▶ LIVE ──┐ gap in the commands:
       ▲                      │                   │              │  ▲   │ hello again
       └── back-off ──────────┴───────────────────┴──────────────┘  └───┘
    4002 (token refused), a refused handshake: STOPPED, until `start`

* What must be kept, and kept together, is `devices.client_logs`; when to connect, ping and give up
  is `devices.link`; here is what is said.
* A command is taken only if `prev` is not beyond the cursor; otherwise one is missing, and the
  client says hello again. Commands that arrive between hello and welcome are left: the hello named
  the cursor, so they come again.
* Another epoch: the cursor falls to 0, the inbox stays. `Unrecovered` tells the user.
* Frames may be lost at will: records are sent again from the last acknowledged one on every new
  connection, and when acknowledgements do not come.
* The peer is dead after two heartbeats in which nothing was heard; a ping is sent after the first.
  The server sets the interval, and may change it with any pong.
* Reconnection waits 1, 2, 4 … 60 s, each time a random share of it (full jitter), and not at all
  when the network has just changed; after 4001 (replaced) one to two minutes.
* If the store fails, nothing of the step counts: the client starts over from what is stored, and
  says so.

Drive it like this: call `receive`, `report…` or `expire`; then write all `frames_to_send`, handle
all `events`, close the connection if `closing` says so, and sleep until `next_deadline`.
"""

from __future__ import annotations

import random
from typing import Final

import msgspec

from devices.client_events import (
    Connected,
    Event,
    StoreTrouble,
    Unrecovered,
)
from devices.client_logs import ClientLogs
from devices.errors import OutboxFull, StorageFailed
from devices.inbox import Inbox
from devices.link import Link, Phase
from devices.outbox import Outbox
from devices.storage import Storage
from protocols import native
from protocols.errors import ProtocolError
from protocols.native import (
    Ack,
    Command,
    Limits,
    Location,
    Pong,
    Report,
    Sos,
    SosSays,
    State,
    Welcome,
)

STORE_AGAIN_S: Final = 10.0
"""After a store that failed where nothing hurries."""


class DeviceClient(Link):
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
        super().__init__(rng=rng, now=now)
        self.device_id = device_id
        self.battery_pct: int | None = None
        """The caller keeps it current; sent with hello and ping."""
        self.net = ""
        """The network in use ("4g", "wifi"), for the server's eyes."""
        self._rng = rng
        self._token, self._app, self._caps = token, app, list(caps)
        self.logs = ClientLogs(storage, rng)
        self._store_again_at = now
        self._events += self.logs.unfinished()

    @property
    def inbox(self) -> Inbox:
        return self.logs.inbox

    @property
    def outbox(self) -> Outbox:
        return self.logs.outbox

    # -- what the device tells ---------------------------------------------------------------

    def report_location(self, location: Location, now: float) -> None:
        """Keep one fix for sending; its `n` is ignored. Raises StorageFailed."""
        self.logs.add_location(location)

    def report(
        self,
        command_id: str,
        step: Report,
        *,
        at_ms: int,
        by: str = "",
        reason: str = "",
        note: str = "",
        did: Limits | None = None,
        lon: float | None = None,
        lat: float | None = None,
    ) -> None:
        """Keep one step of an order for sending; durable on return.

        Call `expire` first: an order whose time has run out is not to be accepted any more.
        `by`: badge of the officer, needed from `accepted` on; `reason`: needed with `declined`;
        `did`: with `applied`, the limits that the device keeps now.
        Raises ValueError without them, UnknownCommand, OrderOver once the order has ended here,
        OutboxFull, StorageFailed.
        """
        self._events += self.logs.report(
            State(
                n=0,
                id=command_id,
                s=step,
                at=at_ms,
                by=by,
                reason=reason,
                note=note,
                did=did,
                lon=lon,
                lat=lat,
            )
        )

    def call_for_help(
        self,
        now: float,
        *,
        at_ms: int,
        by: str = "",
        note: str = "",
        lon: float | None = None,
        lat: float | None = None,
        fix_ms: int | None = None,
    ) -> str:
        """Raise an SOS; durable on return, and sent before everything else. Its name.

        A client that waits to connect does not wait any longer.
        `by`: badge of the officer; `lon`, `lat`: the last position, however old, taken at
        `fix_ms`. A notice with `why: "heard"` and this name as `ref` says that a dispatcher has
        seen it. Raises OutboxFull when so many calls wait already, StorageFailed.
        """
        name = f"{self._rng.getrandbits(96):024x}"
        self.logs.say_sos(
            Sos(
                n=0, id=name, at=at_ms, by=by, note=note, lon=lon, lat=lat, fix=fix_ms,
                bat=self.battery_pct,
            )
        )  # fmt: skip
        self._hurry(now)
        return name

    def withdraw_call(self, name: str, *, at_ms: int, by: str = "", note: str = "") -> None:
        """Say that a call was a false alarm. A dispatcher still looks at it. Raises as above."""
        self.logs.say_sos(Sos(n=0, id=name, s=SosSays.WITHDRAWN, at=at_ms, by=by, note=note))

    # -- what came in ------------------------------------------------------------------------

    def receive(self, frame: str | bytes, now: float) -> None:
        """Take one text frame. A broken rule, or a failing store, closes the connection."""
        if not self._is_open():
            return
        self._heartbeat.heard(now)
        try:
            match native.decode_server(frame):
                case Welcome() as welcome:
                    self._welcomed(welcome, now)
                case Command() as command:
                    self._command(command, now)
                case Ack() as ack:
                    self._acknowledged(ack, now)
                case Pong() as pong:
                    self._ponged(pong, now)
        except ProtocolError as error:
            self._close(error.code, error.reason)
        except (StorageFailed, OutboxFull) as error:
            self._store_failed(error)

    def _welcomed(self, welcome: Welcome, now: float) -> None:
        if self.phase is not Phase.GREETING:
            return  # a duplicate
        if welcome.up > self.outbox.numbers.last:
            self._reinstall()
            return
        self._set_clock(welcome.now, now)
        known = self.inbox.cursor.epoch
        lost = self.logs.welcomed(welcome)
        self._greeted(welcome.hb, now)
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
        self._events += self.logs.take(command, self.server_ms(now) or 0)

    def _acknowledged(self, ack: Ack, now: float) -> None:
        if self.phase is Phase.LIVE and self.logs.acknowledged(ack, self.server_ms(now) or 0):
            self._resend.acknowledged(now, more=self.outbox.in_flight_len > 0)

    def _ponged(self, pong: Pong, now: float) -> None:
        if self._heartbeat.answers(pong.i):
            self._set_clock(pong.now, now)
        if pong.hb is not None:
            self._heartbeat.interval_s = float(pong.hb)

    # -- what goes out -----------------------------------------------------------------------

    def frames_to_send(self, now: float) -> list[bytes]:
        """Frames to write now, in order; each is durable already where it must be."""
        if not self._is_open():
            return []
        frames = []
        if self._say_hello:
            self._say_hello = False
            frames.append(native.encode(self.hello()))
        if self.phase is Phase.LIVE:
            frames += self._live_frames(now)
        if frames:
            self._heartbeat.sent(now)
        return frames

    def hello(self) -> native.Hello:
        """What a connection begins with, as things stand now."""
        return msgspec.structs.replace(
            self.logs.hello(self.device_id),
            tok=self._token,
            caps=self._caps,
            app=self._app,
            net=self.net,
            bat=self.battery_pct,
        )

    def events(self) -> list[Event]:
        """What happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    def _live_frames(self, now: float) -> list[bytes]:
        frames = []
        try:
            records = self.logs.records()
        except StorageFailed as error:
            self._store_failed(error)
            return []
        if self._say_ping:
            self._say_ping = False
            i = self._heartbeat.next_ping(now)
            frames.append(native.encode(native.Ping(i=i, bat=self.battery_pct)))
        if records:
            self._resend.sent(now)
        return frames + [native.encode(record) for record in records]

    # -- inside ------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """Do what is due at `now`."""
        super().expire(now)
        if self._is_open() and self._resend.is_due(now):
            self.outbox.rewind()
        if (expiry_at := self._expiry_at()) is not None and now >= expiry_at:
            self._expire_orders(now)

    def next_deadline(self) -> float | None:
        """When to call `expire`, or to connect while WAITING; None: nothing is due."""
        due = (super().next_deadline(), self._expiry_at())
        return min((each for each in due if each is not None), default=None)

    def _expiry_at(self) -> float | None:
        """When the next order ends by itself; never before the server has told the time."""
        expiry_ms = self.inbox.next_expiry_ms()
        if expiry_ms is None or self._server_ms_at_0 is None:
            return None
        return max(self._store_again_at, (expiry_ms + 1 - self._server_ms_at_0) / 1000)

    def _expire_orders(self, now: float) -> None:
        try:
            self._events += self.logs.expire(self.server_ms(now) or 0)
        except StorageFailed as error:
            self._store_again_at = now + STORE_AGAIN_S
            self._events.append(StoreTrouble(text=str(error)))

    def _reinstall(self) -> None:
        """The server has records of us that we never numbered: our store was set back."""
        self.logs.reinstall()
        self._events.append(Unrecovered(commands=False, reports_lost=0))
        self._close(1001, "store set back, new installation")

    def _store_failed(self, error: StorageFailed | OutboxFull) -> None:
        self.logs.load()  # whatever was staged is gone
        self._events.append(StoreTrouble(text=str(error)))
        self._close(1001, "storage failed")
