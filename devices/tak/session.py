"""The server's side of one TAK client's stream, without I/O.

Theory
------
        start()           the client asks for version 1
    NEW ───────▶ XML ─────────────────────────────────▶ PROTOBUF
                  │                                        │
                  └──── close(), broken stream, slow ──────┴──▶ CLOSED

* `start` offers protobuf version 1 and says which server this is. The answer to a request leaves as
  XML, before everything that waits; from then on both ends write frames. Who never asks stays on
  XML for ever, and everything works. What comes in is read in either form at any time.
* Each ping is answered at once and in front of the queue: ATAK leaves when it hears nothing for
  25 s. A client that says nothing is no dead client (pytak may only listen), so silence closes
  nothing; a peer that is gone is noticed by its TCP, which has data to deliver to it.
* Who a client is, its certificate says. Its uid is bound to that (`own_uid`), or is what its first
  report says, once the caller has agreed (`Claim` → `bound`). It speaks for that uid alone:

    what                          as whom it must be
    a report of itself            own uid
    chat, receipt, alert          own uid, as sender
    anything else on the map      a uid that nobody else owns; the caller knows (`Said`)
    deletion                      what it owns; the caller knows

  What it says as another is `Refused`: told, counted, and gone. `FOREIGN_IN_A_ROW_MAX` of these in
  a row close the connection.
* Time is an argument: `now` in monotonic seconds, `at` for what events say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from devices.session_flow import Budget, SessionLimits
from devices.tak.naming import PING, why_no_uid
from devices.tak.saying import THE_CLIENT, speaker_of
from devices.tak.sending import Outgoing, Parcel
from protocols.cot import control
from protocols.cot.event import Event
from protocols.cot.stream import BadEvent, Stream
from protocols.cot.units import is_unit

FOREIGN_IN_A_ROW_MAX: Final = 50
FRIEND: Final = "a-f"
"""How every report of ours begins; the first of a client says who it is."""
WRITE_BYTES_MAX: Final = 64 * 1024
"""Handed out at once: a ping that comes meanwhile is answered behind no more than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakLimits:
    """Named maxima and times of one client's connection."""

    queue_bytes_max: int = 4 * 1024 * 1024
    """Events that wait for the client to read; what is full does, see `devices.tak.sending`."""
    stalled_s: float = 30.0
    """How long what waits may stand still before the client is a slow consumer."""
    events_per_s_max: float = 20.0
    """Above it reading slows down; a report a second and a person who draws stay far below."""
    events_burst_max: int = 500
    """So many at once are read at full speed: what a client kept while it had no signal."""


class Phase(StrEnum):
    NEW = "new"
    XML = "xml"
    PROTOBUF = "protobuf"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Claim:
    """The first report of a client without a uid: may it be this one? `bound` or `close`."""

    uid: str
    event: Event


@dataclass(frozen=True, slots=True)
class Said:
    """An event that the client may say, as far as it is about the client itself."""

    event: Event
    own: bool
    """It is the client's own report, word or alert; else the caller looks whose the uid is."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that was not taken; the stream goes on."""

    reason: str
    uid: str = ""


TakEvent = Claim | Said | Refused


class TakSession:
    """One connection, from its first byte to its close."""

    def __init__(
        self,
        limits: TakLimits | None = None,
        *,
        now: float,
        own_uid: str = "",
        framed: bool = False,
    ) -> None:
        """`own_uid`: the only one that its certificate may speak as, empty where it is still free.
        `framed`: protobuf from the start, without negotiation, as over a WebSocket."""
        self.limits = limits or TakLimits()
        self.phase = Phase.NEW
        self.own_uid = own_uid
        self.closing: str | None = None
        """Why; set once."""
        self.queue = Outgoing(bytes_max=self.limits.queue_bytes_max)
        self.bad_count = 0
        self._framed = framed
        self._stream = Stream()
        self._offer_uid = ""
        self._urgent: list[bytes] = []
        self._events: list[TakEvent] = []
        self._foreign_in_a_row = 0
        self._budget = Budget(
            SessionLimits(
                frames_per_s_max=self.limits.events_per_s_max,
                frames_burst_max=self.limits.events_burst_max,
            ),
            now,
        )
        self._claiming = False
        self._now = now
        self._at: Callable[[], datetime]

    def is_open(self) -> bool:
        return self.closing is None

    # -- coming and going ----------------------------------------------------------------

    def start(self, offer_uid: str, server_version: str, at: datetime) -> None:
        """The connection stands: offer protobuf."""
        assert self.phase is Phase.NEW
        self.phase = Phase.PROTOBUF if self._framed else Phase.XML
        self._offer_uid = offer_uid
        self._say_now(control.offer_protobuf(offer_uid, server_version, at))

    def bound(self, uid: str) -> None:
        """The client speaks as this uid from now on."""
        self.own_uid, self._claiming = uid, False
        self._read_on()

    def refuse_claim(self, reason: str) -> None:
        """It may not be who it says; it may go on listening."""
        self._claiming = False
        self._foreign(reason, "")
        self._read_on()

    def close(self, reason: str) -> None:
        """End the connection; the first reason stands."""
        if self.phase is not Phase.CLOSED:
            self.phase, self.closing = Phase.CLOSED, reason
            self.queue.drop()

    # -- what came in --------------------------------------------------------------------

    def receive(self, data: bytes, at: Callable[[], datetime], now: float) -> None:
        """Take bytes as they came; what they mean comes from `events`."""
        if self.is_open():
            self._at, self._now = at, now
            self._stream.receive(data)
            self._read_on()

    def _read_on(self) -> None:
        """As far as it is known who speaks: what follows a claim waits for its answer."""
        while self.is_open() and not self._claiming and (item := self._stream.next()) is not None:
            self._budget.spend(1, self._now)
            if isinstance(item, BadEvent):
                self._bad(item)
            else:
                self._take(item, self._at)

    def ended(self) -> None:
        """The client sends no more."""
        self.close("the client left")

    def events(self) -> list[TakEvent]:
        """What was received since the last call, in order."""
        taken, self._events = self._events, []
        return taken

    def throttle_s(self, now: float) -> float:
        """How long to wait before reading on; 0 below the rate limit."""
        return self._budget.wait_s(now)

    def _bad(self, item: BadEvent) -> None:
        self.bad_count += 1
        self._events.append(Refused(item.reason))
        if item.is_fatal:
            self.close(item.reason)

    def _take(self, event: Event, at: Callable[[], datetime]) -> None:
        match event.type:
            case control.PING:
                self._say_now(control.pong(at()))
            case control.VERSION_REQUEST:
                self._negotiate(event, at())
            case control.DELETE if event.uid == PING or not control.deleted_uids(event):
                pass  # how pytak says hello
            case _ if event.type.startswith("t-x-takp") or event.type == control.PONG:
                pass
            case _:
                self._judge(event)

    def _negotiate(self, event: Event, at: datetime) -> None:
        if self.phase is not Phase.XML:
            return
        granted = control.requested_version(event) == control.PROTOBUF_VERSION
        self._say_now(control.respond_version(event.uid, granted, at))
        if granted:
            self.phase = Phase.PROTOBUF

    def _judge(self, event: Event) -> None:
        """Whether the client may say this."""
        if self.own_uid and event.uid == self.own_uid and is_unit(event):
            self._accept(event, own=True)
            return
        speaker = speaker_of(event)
        if not self.own_uid and event.type.startswith(FRIEND):
            self._claim(event)
        elif speaker is None:
            self._accept(event, own=False)
        elif self.own_uid and speaker in (self.own_uid, THE_CLIENT):
            self._accept(event, own=True)
        elif self.own_uid:
            self._foreign(f"speaks as {speaker or 'nobody'}", speaker)
        else:
            self._foreign("has not said yet who it is", speaker)

    def _claim(self, event: Event) -> None:
        if (why := why_no_uid(event.uid)) is not None:
            self._foreign(why, event.uid)
        else:
            self._claiming = True
            self._events.append(Claim(event.uid, event))

    def _accept(self, event: Event, *, own: bool) -> None:
        self._foreign_in_a_row = 0
        self._events.append(Said(event, own=own))

    def _foreign(self, reason: str, uid: str) -> None:
        self._events.append(Refused(reason, uid))
        self._foreign_in_a_row += 1
        if self._foreign_in_a_row >= FOREIGN_IN_A_ROW_MAX:
            self.close("speaks as others")

    # -- what goes out -------------------------------------------------------------------

    def tell_position(self, parcel: Parcel, now: float) -> None:
        """Where somebody or something is; the newest of a uid counts."""
        if self.closing is None:
            self.queue.put_position(parcel, now)

    def tell(self, parcel: Parcel, now: float, name: str = "") -> None:
        """Words: never dropped. `name`: given by `told` once it was handed out to be written."""
        if self.closing is None and not self.queue.put_word(parcel, now, name):
            self.close("reading too slowly")

    def data_to_send(self, now: float) -> list[bytes]:
        """What to write now. Write it all before asking again, until there is nothing."""
        urgent, self._urgent = self._urgent, []
        if self.closing is not None:
            return []
        as_protobuf = self.phase is Phase.PROTOBUF
        return urgent + self.queue.take(WRITE_BYTES_MAX, now, as_protobuf=as_protobuf)

    def told(self) -> list[str]:
        """Names of the words that `data_to_send` gave out since the last call."""
        return self.queue.taken()

    def _say_now(self, event: Event) -> None:
        parcel = Parcel(event)
        self._urgent.append(parcel.written(as_protobuf=self.phase is Phase.PROTOBUF))

    # -- time ----------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When to call `expire`; None while nothing waits, and once closed."""
        since = self.queue.waits_since
        return None if since is None or self.closing else since + self.limits.stalled_s

    def expire(self, now: float) -> None:
        """Do what is due at `now`."""
        deadline = self.next_deadline()
        if deadline is not None and now >= deadline:
            self.close("reading too slowly")
