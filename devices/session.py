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

from collections.abc import Sequence
from enum import StrEnum

from devices.session_events import (
    Close,
    Downlink,
    Duplicate,
    Event,
    Gap,
    HelloReceived,
    PingReceived,
    received,
    salvaged,
)
from devices.session_flow import AckPacing, Budget, SendQueue, SessionLimits
from protocols import native
from protocols.errors import FrameTooLarge, ProtocolError
from protocols.native import CloseCode, Hello, Location, Ping, Sos, State

GOING_AWAY = 1001
"""Close code of a dead link (RFC 6455 §7.4.1)."""


class Phase(StrEnum):
    NEW = "new"
    OPENING = "opening"
    LIVE = "live"
    CLOSED = "closed"


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
        self.heartbeat_s = self.limits.heartbeat_s
        """As the peer was told; `heartbeats_missed_max` of silence and it is given up."""
        self.offer = ""
        """A checkpoint of the command log that goes with the next acknowledgement."""
        self._events: list[Event] = []
        self._queue = SendQueue(self.limits.send_queue_bytes_max)
        self._acks = AckPacing(self.limits)
        self.budget = Budget(self.limits, now)
        """The connection's own, until the caller puts one in its place that several share."""
        self._opened_at = now
        self._heard_at = now

    # -- what came in --------------------------------------------------------------------

    def receive(self, frame: str | bytes, now: float) -> None:
        """Take one text frame. What it means comes from `events`; a broken rule closes."""
        if self.phase is Phase.CLOSED:
            return
        self._heard_at = now
        self.budget.spend(1, now)
        try:
            self._take(frame, now)
        except ProtocolError as error:
            self.close(error.code, error.reason)

    def events(self) -> list[Event]:
        """What was received since the last call, in order."""
        taken, self._events = self._events, []
        return taken

    def throttle_s(self, now: float) -> float:
        """How long to wait before reading the next frame; 0 below the rate limit."""
        return self.budget.wait_s(now)

    def _take(self, frame: str | bytes, now: float) -> None:
        try:
            message = native.decode_client(frame)
        except FrameTooLarge:
            raise
        except ProtocolError:
            if self.phase is Phase.NEW or (n := native.record_number(frame)) is None:
                raise
            self._record(n, salvaged(n, frame), now)
            return
        match message:
            case Hello():
                self._greet(message, now)
            case _ if self.phase is Phase.NEW:
                raise ProtocolError("say hello first")
            case Location() | State() | Sos():
                self._record(message.n, received(message), now)
            case Ping() if self.phase is Phase.LIVE:
                self._events.append(PingReceived(i=message.i, battery_pct=message.bat))

    def _greet(self, hello: Hello, now: float) -> None:
        if self.hello is not None and (hello.dev, hello.inst) != (self.hello.dev, self.hello.inst):
            raise ProtocolError("another device on the same connection")
        if self.phase is Phase.OPENING:
            return
        self.budget.spend(self.limits.hello_cost_frames - 1, now)
        self.hello = hello
        self.phase = Phase.OPENING
        self._acks.owed = False
        self._queue.drop()
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
        self,
        *,
        epoch: str,
        resumed: bool,
        head_seq: int,
        up_n: int,
        now: float,
        unix_ms: int,
        on_duty: bool = True,
        checkpoint: str = "",
    ) -> None:
        """Answer the hello. After `resumed=False` queue what is still open, then `skip_to(head)`;
        later sessions of that device skip to the same place."""
        assert self.phase is Phase.OPENING
        assert self.hello is not None
        self.phase = Phase.LIVE
        self.read_seq = self._tail_seq = self.hello.cur if resumed else 0
        self.last_n = self.acked_n = up_n
        self._acks.start(up_n)
        self.heartbeat_s = self.limits.interval_s(on_duty=on_duty)
        message = native.Welcome(
            epoch=epoch,
            resumed=resumed,
            head=head_seq,
            up=up_n,
            hb=self.heartbeat_s,
            now=unix_ms,
            ckpt=checkpoint,
        )
        self._push(native.encode(message), now)

    def set_duty(self, *, on_duty: bool, now: float, unix_ms: int) -> None:
        """The heartbeat follows the unit's shift: a pong nobody asked for tells the new one."""
        interval_s = self.limits.interval_s(on_duty=on_duty)
        if self.phase is Phase.LIVE and interval_s != self.heartbeat_s:
            self.heartbeat_s = interval_s
            self._heard_at = now  # a shorter silence than before counts from now on
            self._push(native.encode(native.Pong(i=0, now=unix_ms, hb=interval_s)), now)

    def queue(self, commands: Sequence[Downlink], now: float) -> int:
        """Send these, lowest `seq` first; those sent before are passed over.

        Returns how many were dealt with: the rest found no room, and are to be read from the log
        again (after `read_seq`) when the peer has taken what waits.
        """
        assert self.phase is Phase.LIVE
        for count, command in enumerate(commands):
            if command.seq <= self._tail_seq:
                continue
            frame = command.frame(prev=self._tail_seq)
            if len(self._queue) and not self._queue.has_room(frame):
                return count
            self._queue.put(frame, now, command.id)
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

    def ack_now(self, now: float) -> None:
        """Send the acknowledgement that is owed, if any, without waiting for its time."""
        if self._acks.owed:
            self._acks.sent(self.acked_n, now)
            offer, self.offer = self.offer, ""
            self._push(native.encode(native.Ack(up=self.acked_n, ckpt=offer)), now)

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
        self._queue.drop()

    # -- what goes out -------------------------------------------------------------------

    def data_to_send(self) -> list[bytes]:
        """The frames to write now, in order. Write them all before asking again."""
        return self._queue.take()

    def commands_sent(self) -> list[str]:
        """Ids of the commands whose frames `data_to_send` gave out since the last call."""
        return self._queue.taken_ids()

    @property
    def queue_bytes(self) -> int:
        """What waits for the peer to read: a gauge."""
        return self._queue.bytes_waiting

    # -- time ----------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When to call `expire`; None once closed."""
        if self.phase is Phase.CLOSED:
            return None
        deadlines = [self._silent_at()]
        if self.phase is Phase.NEW:
            deadlines.append(self._opened_at + self.limits.hello_s)
        if self._queue.waits_since is not None:
            deadlines.append(self._queue.waits_since + self.limits.send_stalled_s)
        if self._acks.owed:
            deadlines.append(self._acks.due_at)
        return min(deadlines)

    def expire(self, now: float) -> None:
        """Do what is due at `now`."""
        if self.phase is Phase.CLOSED:
            return
        waits_since = self._queue.waits_since
        if self.phase is Phase.NEW and now >= self._opened_at + self.limits.hello_s:
            self.close(CloseCode.PROTOCOL, "no hello")
        elif now >= self._silent_at():
            self.close(GOING_AWAY, "silent for too long")
        elif waits_since is not None and now >= waits_since + self.limits.send_stalled_s:
            self.close(CloseCode.SLOW_CONSUMER, "reading too slowly")
        elif self._acks.owed:
            self._owe_ack(now)

    # -- inside --------------------------------------------------------------------------

    def _silent_at(self) -> float:
        return self._heard_at + self.heartbeat_s * self.limits.heartbeats_missed_max

    def _owe_ack(self, now: float) -> None:
        self._acks.owed = True
        if self._acks.is_due(self.acked_n, now):
            self.ack_now(now)

    def _push(self, frame: bytes, now: float) -> None:
        """Queue a frame that cannot be read again later, unlike a command."""
        if self._queue.has_room(frame):
            self._queue.put(frame, now)
        else:
            self.close(CloseCode.SLOW_CONSUMER, "reading too slowly")
