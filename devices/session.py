"""Server side of one device's connection: the conversation of docs/protocol.md, without I/O.

Theory
------
                hello                welcome()
    NEW ───────────────▶ OPENING ──────────────▶ LIVE ──┐ hello (the client saw a gap)
     │                      ▲                           │
     │                      └───────────────────────────┘
     └──── broken rule, silence, slow reader, close() from any phase ────▶ CLOSED

    frame    NEW            OPENING                   LIVE
    hello    HelloReceived  ignored: one welcome      HelloReceived, OPENING again
                            answers both
    up       4003           dropped, not acked: the   n = last + 1: the record's event
                            client sends again from   n <= last:    Duplicate, acked again
                            `welcome.up`              n above that: Gap, not acked
    ping     4003           ignored: the welcome      PingReceived
                            is the answer

* Nothing but `welcome` leaves before the hello has been answered; then commands in order of `seq`,
  each naming the one before it. The log is the buffer: `queue` takes what there is room for, and
  the caller offers the rest again, starting after `read_seq`.
* `last` is what was taken in order, `acked` what the caller says is durable. Only `ack` moves the
  latter, and only it is ever acknowledged.
* A record that is well-numbered but unbelievable (a battery of 153 %) is refused, not an error:
  closing would make the device send it again for ever.
* Time is an argument: `now` in monotonic seconds. `next_deadline` says when to call `expire`.

Knows no token, no database and no socket: who the device is and what its log holds, the caller
tells with `welcome` and `queue`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from protocols import native
from protocols.errors import FrameTooLarge, ProtocolError
from protocols.native import CloseCode, Hello, Location, Ping, State

Priority = Literal["routine", "priority", "emergency"]

GOING_AWAY = 1001
"""Close code of a dead link (RFC 6455 §7.4.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """Named maxima and times of one connection."""

    hello_s: float = 10
    """From the handshake to the hello."""
    heartbeat_s: int = native.HEARTBEAT_S
    heartbeats_missed_max: int = 2
    """Silence of so many intervals means the link is dead."""
    ack_interval_s: float = 1
    """Between two acknowledgements, unless `ack_records_max` wait."""
    ack_records_max: int = 50
    send_queue_bytes_max: int = 256 * 1024
    """Frames that wait for the peer to read; beyond it the peer is a slow consumer."""
    send_stalled_s: float = 30
    """How long the oldest frame may wait before the peer is a slow consumer."""
    frames_per_s_max: float = 50
    """Above it reading slows down (`throttle_s`); a backlog is worth waiting for, not closing."""
    frames_burst_max: int = 2000
    """So many at once are read at full speed: the backlog of a long dead zone."""
    hello_cost_frames: int = 50
    """A hello costs the database; it counts as so many frames."""


class Phase(StrEnum):
    NEW = "new"
    OPENING = "opening"
    LIVE = "live"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Why the connection ends; the close frame carries both."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Downlink:
    """One command of the device's log, as `queue` takes it. `expires_ms` is Unix milliseconds."""

    seq: int
    id: str
    kind: str
    priority: Priority
    body: dict[str, Any]
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloReceived:
    """The device says who it is; answer with `welcome`, or `close`."""

    hello: Hello


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationReceived:
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class StateReceived:
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRefused:
    """A numbered record whose values no device can mean. It is stored as nothing and acked."""

    n: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """A record taken before."""

    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A record ahead of the one that must come next."""

    n: int
    expected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PingReceived:
    """Answer with `pong`."""

    i: int
    battery_pct: int | None


Event = (
    HelloReceived
    | LocationReceived
    | StateReceived
    | RecordRefused
    | Duplicate
    | Gap
    | PingReceived
)


class DeviceSession:
    """One connection, from the handshake to its close."""

    def __init__(self, limits: SessionLimits | None = None, *, now: float) -> None:
        self.limits = limits or SessionLimits()
        self.phase = Phase.NEW
        self.closing: Close | None = None
        """Set once; the caller sends it and forgets the session."""
        self.hello: Hello | None = None
        self.last_n = 0
        """Highest uplink record taken in order."""
        self.acked_n = 0
        """Highest uplink record known to be durable."""
        self.read_seq = 0
        """The downlink log has been read up to here; ask it for what comes after."""
        self._tail_seq = 0
        """`seq` of the last command queued: the next one's `prev`."""
        self._events: deque[Event] = deque()
        self._queue: deque[tuple[bytes, str | None]] = deque()
        self._queue_bytes = 0
        self._queued_at: float | None = None
        """Since when the oldest frame waits."""
        self._sent_ids: list[str] = []
        self._opened_at = now
        self._heard_at = now
        self._ack_sent_n = 0
        self._ack_sent_at = float("-inf")
        self._ack_owed = False
        self._budget = float(self.limits.frames_burst_max)
        self._budget_at = now

    # -- what came in --------------------------------------------------------------------

    def receive(self, frame: str | bytes, now: float) -> None:
        """Take one text frame. What it means comes from `events`; a broken rule closes."""
        if self.phase is Phase.CLOSED:
            return
        self._heard_at = now
        self._spend(1, now)
        try:
            self._take(frame, now)
        except ProtocolError as error:
            self.close(error.code, error.reason)

    def events(self) -> list[Event]:
        """What was received since the last call, in order."""
        taken = list(self._events)
        self._events.clear()
        return taken

    def throttle_s(self, now: float) -> float:
        """How long to wait before reading the next frame; 0 below the rate limit."""
        self._refill(now)
        return max(0.0, -self._budget / self.limits.frames_per_s_max)

    def _take(self, frame: str | bytes, now: float) -> None:
        try:
            message = native.decode_client(frame)
        except FrameTooLarge:
            raise
        except ProtocolError:
            if self.phase is Phase.NEW or (n := native.record_number(frame)) is None:
                raise
            self._record(n, RecordRefused(n=n, reason="malformed"), now)
            return
        match message:
            case Hello():
                self._greet(message, now)
            case _ if self.phase is Phase.NEW:
                raise ProtocolError("say hello first")
            case Location():
                self._record(message.n, LocationReceived(location=message), now)
            case State():
                self._record(message.n, StateReceived(state=message), now)
            case Ping() if self.phase is Phase.LIVE:
                self._events.append(PingReceived(i=message.i, battery_pct=message.bat))

    def _greet(self, hello: Hello, now: float) -> None:
        if self.hello is not None and (hello.dev, hello.inst) != (self.hello.dev, self.hello.inst):
            raise ProtocolError("another device on the same connection")
        if self.phase is Phase.OPENING:
            return
        self._spend(self.limits.hello_cost_frames - 1, now)
        self.hello = hello
        self.phase = Phase.OPENING
        self._ack_owed = False
        self._drop_queue()
        self._events.append(HelloReceived(hello=hello))

    def _record(self, n: int, event: Event, now: float) -> None:
        if self.phase is Phase.OPENING or n > self.last_n + 1:
            self._events.append(Gap(n=n, expected=self.last_n + 1))
        elif n <= self.last_n:
            self._events.append(Duplicate(n=n))
            self._owe_ack(now)
        else:
            self.last_n = n
            self._events.append(event)

    # -- what the caller knows -----------------------------------------------------------

    def welcome(
        self, *, epoch: str, resumed: bool, head_seq: int, up_n: int, now: float, unix_ms: int
    ) -> None:
        """Answer the hello. After `resumed=False` queue what is still open, then `skip_to(head)`;
        later sessions of that device skip to the same place."""
        assert self.phase is Phase.OPENING
        assert self.hello is not None
        self.phase = Phase.LIVE
        self.read_seq = self._tail_seq = self.hello.cur if resumed else 0
        self.last_n = self.acked_n = self._ack_sent_n = up_n
        self._ack_owed = False
        message = native.Welcome(
            epoch=epoch,
            resumed=resumed,
            head=head_seq,
            up=up_n,
            hb=self.limits.heartbeat_s,
            now=unix_ms,
        )
        self._push(native.encode(message), now)

    def queue(self, commands: Sequence[Downlink], now: float) -> int:
        """Send these, lowest `seq` first; those sent before are passed over.

        Returns how many were dealt with: the rest found no room, and are to be read from the log
        again (after `read_seq`) when the peer has taken what waits.
        """
        assert self.phase is Phase.LIVE
        for count, command in enumerate(commands):
            if command.seq <= self._tail_seq:
                continue
            frame = native.encode(
                native.Command(
                    seq=command.seq,
                    prev=self._tail_seq,
                    id=command.id,
                    kind=command.kind,
                    pri=command.priority,
                    exp=command.expires_ms,
                    body=command.body,
                )
            )
            if self._queue and self._queue_bytes + len(frame) > self.limits.send_queue_bytes_max:
                return count
            self._enqueue(frame, now, command.id)
            self._tail_seq = command.seq
            self.read_seq = max(self.read_seq, command.seq)
        return len(commands)

    def skip_to(self, seq: int) -> None:
        """Nothing else up to `seq` needs sending: the log goes on after it."""
        self.read_seq = max(self.read_seq, seq)

    def ack(self, up_n: int, now: float) -> None:
        """Everything up to `up_n` is durable; tell the device, together with what comes soon."""
        if self.phase is not Phase.LIVE or up_n <= self.acked_n:
            return
        self.acked_n = up_n
        self.last_n = max(self.last_n, up_n)
        self._owe_ack(now)

    def pong(self, i: int, now: float, *, unix_ms: int) -> None:
        """Answer a ping."""
        if self.phase is Phase.LIVE:
            self._push(native.encode(native.Pong(i=i, now=unix_ms)), now)

    def close(self, code: int, reason: str) -> None:
        """End the connection; the first reason stands."""
        if self.phase is Phase.CLOSED:
            return
        self.phase = Phase.CLOSED
        self.closing = Close(code=int(code), reason=reason)
        self._drop_queue()

    # -- what goes out -------------------------------------------------------------------

    def data_to_send(self) -> list[bytes]:
        """The frames to write now, in order. Write them all before asking again."""
        frames = [frame for frame, _ in self._queue]
        self._sent_ids += [command_id for _, command_id in self._queue if command_id]
        self._drop_queue()
        return frames

    def commands_sent(self) -> list[str]:
        """Ids of the commands whose frames `data_to_send` gave out since the last call."""
        taken, self._sent_ids = self._sent_ids, []
        return taken

    @property
    def queue_bytes(self) -> int:
        """What waits for the peer to read: a gauge."""
        return self._queue_bytes

    # -- time ----------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When to call `expire`; None once closed."""
        if self.phase is Phase.CLOSED:
            return None
        deadlines = [self._silent_at()]
        if self.phase is Phase.NEW:
            deadlines.append(self._opened_at + self.limits.hello_s)
        if self._queued_at is not None:
            deadlines.append(self._queued_at + self.limits.send_stalled_s)
        if self._ack_owed:
            deadlines.append(self._ack_sent_at + self.limits.ack_interval_s)
        return min(deadlines)

    def expire(self, now: float) -> None:
        """Do what is due at `now`."""
        if self.phase is Phase.CLOSED:
            return
        if self.phase is Phase.NEW and now >= self._opened_at + self.limits.hello_s:
            self.close(CloseCode.PROTOCOL, "no hello")
        elif now >= self._silent_at():
            self.close(GOING_AWAY, "silent for too long")
        elif self._queued_at is not None and now >= self._queued_at + self.limits.send_stalled_s:
            self.close(CloseCode.SLOW_CONSUMER, "reading too slowly")
        elif self._ack_owed:
            self._owe_ack(now)

    def _silent_at(self) -> float:
        return self._heard_at + self.limits.heartbeat_s * self.limits.heartbeats_missed_max

    # -- acknowledgements, queue, budget -------------------------------------------------

    def _owe_ack(self, now: float) -> None:
        """Acknowledge at once if the last time is long ago or much waits; else a little later."""
        self._ack_owed = True
        waiting = self.acked_n - self._ack_sent_n
        due = now >= self._ack_sent_at + self.limits.ack_interval_s
        if due or waiting >= self.limits.ack_records_max:
            self._ack_owed = False
            self._ack_sent_n = self.acked_n
            self._ack_sent_at = now
            self._push(native.encode(native.Ack(up=self.acked_n)), now)

    def _push(self, frame: bytes, now: float) -> None:
        """Queue a frame that cannot be read again later, unlike a command."""
        if self._queue_bytes + len(frame) > self.limits.send_queue_bytes_max:
            self.close(CloseCode.SLOW_CONSUMER, "reading too slowly")
        else:
            self._enqueue(frame, now)

    def _enqueue(self, frame: bytes, now: float, command_id: str | None = None) -> None:
        if self._queued_at is None:
            self._queued_at = now
        self._queue.append((frame, command_id))
        self._queue_bytes += len(frame)

    def _drop_queue(self) -> None:
        self._queue.clear()
        self._queue_bytes = 0
        self._queued_at = None

    def _spend(self, frames: int, now: float) -> None:
        self._refill(now)
        self._budget -= frames

    def _refill(self, now: float) -> None:
        gained = (now - self._budget_at) * self.limits.frames_per_s_max
        self._budget = min(self._budget + gained, float(self.limits.frames_burst_max))
        self._budget_at = now
