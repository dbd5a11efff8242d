"""The platform's side of one JT/T 808 link, without I/O: bytes in, events and frames out.

Theory
------
* Whoever speaks first on the link is its terminal: the phone bytes and the layout (2011 and 2013,
  or 2019) of its first good frame are echoed in all that is said to it.
* Every message of the terminal gets an answer, else it says it again and at last reconnects. What
  must be durable first becomes an event with a `Ticket`, and is answered when the caller says so;
  all else is answered here. A message said again within a while gets the same answer, and no event.
* A frame that cannot be read never costs the link: it is counted, and slows the reading down. One
  whose sender is certain is told that it was bad; a wrong check byte makes the sender a guess, and
  nobody answers a guess.
* What is said to the terminal waits in the outbox for its answer and goes out again as the standard
  says. Commands keep their serial for ever (`outbox.Serials`), so a person's answer counts on
  whatever link it comes. `Unanswered` leaves it to the caller what becomes of the rest.
* A terminal that is not let in within `stranger_s` loses the link, and so does one unheard for
  `silence_s`. A 2019 terminal is asked once before that.

       first good frame          admit
   NEW ───────────────▶ STRANGER ─────▶ KNOWN
    └───────── silence, slow reader, close() ─────────▶ closed

Time is an argument: `now` in monotonic seconds. `next_deadline` says when to call `expire`. Knows
neither devices nor orders: who the terminal is, the caller decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from devices.jt808.limits import LinkLimits
from devices.jt808.line import Line
from devices.jt808.memory import Memory, Said
from devices.jt808.platform_events import (
    Answered,
    Authenticating,
    Chose,
    Event,
    Heard,
    Located,
    OtherTerminal,
    Registering,
    SaidAgain,
    Ticket,
    TimeAsked,
    Unanswered,
    Unreadable,
)
from devices.session_flow import Budget
from protocols.jt808.channel import Channel, Received
from protocols.jt808.codec import BadFrame, Unknown, Why, id_of
from protocols.jt808.fields import Dialect
from protocols.jt808.header import Header
from protocols.jt808.layout import Body
from protocols.jt808.location import BatchReport, LocationAnswer, LocationReport
from protocols.jt808.orders import Answer, Question
from protocols.jt808.packets import GaveUp, Missing, PackageTaken
from protocols.jt808.session import (
    Authentication,
    Heartbeat,
    LinkCheck,
    PlatformAnswer,
    RegisterResult,
    Registration,
    RegistrationAnswer,
    ResendRequest,
    Result,
    TerminalAnswer,
    TimeAnswer,
    TimeQuery,
)

PACKAGES_REMEMBERED_MAX: Final = 400
"""Packages whose answer went out: of two messages of the longest."""
QUERIES: Final[Mapping[int, tuple[int, ...]]] = {
    0x0104: (0x8104, 0x8106),
    0x0107: (0x8107,),
    0x0201: (0x8201,),
    0x0302: (0x8302,),
    0x0500: (0x8500,),
    0x0805: (0x8801,),
    0x1003: (0x9003,),
    0x1205: (0x9205,),
}
"""What each answer that is no general one may be the answer to."""


class PlatformSession(Line):
    """One link, from its first byte to its end."""

    def __init__(
        self, limits: LinkLimits | None = None, *, now: float, is_stream: bool = True
    ) -> None:
        """`is_stream`: TCP; else each `receive` is one datagram of whole frames."""
        super().__init__(limits or LinkLimits())
        self.is_known = False
        """Let in by the caller."""
        self.heard_at = now
        """When the terminal said something last."""
        self.budget = Budget(self.limits.pace, now)
        self._is_stream = is_stream
        self._channel = Channel()
        self._memory = Memory(len_max=self.limits.remembered_max, kept_s=self.limits.remembered_s)
        self._events: list[Event] = []
        self._in_hand: dict[Said, tuple[Header, ...]] = {}
        self._packages_answered: dict[int, None] = {}
        self._opened_at = now
        self._probed = False

    # -- what came in --------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes of the stream, or one datagram. What they mean comes from `events`."""
        if self.closing is not None:
            return
        if self._is_stream:
            found = self._channel.receive(data, now)
        else:
            found = self._channel.receive_datagram(data, now)
        for each in found:
            self._take(each, now)

    def events(self) -> list[Event]:
        """What was received since the last call, in order."""
        taken, self._events = self._events, []
        return taken

    def throttle_s(self, now: float) -> float:
        """How long to wait before reading on; 0 below the rate limit."""
        return self.budget.wait_s(now)

    @property
    def in_hand_count(self) -> int:
        """Messages that wait for our answer: at `limits.in_hand_max` the link is not read."""
        return len(self._in_hand)

    def _take(
        self, found: Received | BadFrame | PackageTaken | Missing | GaveUp, now: float
    ) -> None:
        match found:
            case BadFrame():
                self.budget.spend(self.limits.bad_frame_cost_frames, now)
                self._unreadable(found, now)
            case Received() if self._is_ours(found.header, now):
                self._received(found, now)
            case PackageTaken() if self._is_ours(found.header, now):
                self._package_taken(found.header, now)
            case Missing() if self._is_ours(found.header, now):
                self._ask_for(found, now)
            case GaveUp():
                self._events.append(Unreadable(why="incomplete"))

    def _is_ours(self, header: Header, now: float) -> bool:
        """Whether it is from the link's terminal. The first one makes it so."""
        self.budget.spend(1, now)
        if self.terminal is None:
            self.terminal = header
        if header.phone != self.terminal.phone:
            self._events.append(OtherTerminal())
            self._reply(_general(header, Result.FAILED), now, to=header)
            return False
        self.heard_at, self._probed = now, False
        if header.dialect is not self.terminal.dialect and Dialect.Y2019 in (
            header.dialect,
            self.terminal.dialect,
        ):
            self.terminal = header
        return True

    def _unreadable(self, bad: BadFrame, now: float) -> None:
        self._events.append(Unreadable(why=str(bad.why)))
        header = bad.header
        if header is None or not bad.is_answerable or header.message_id == TerminalAnswer.ID:
            return
        if self.terminal is not None and header.phone != self.terminal.phone:
            return
        self.heard_at = now
        unsupported = bad.why is Why.ENCRYPTED
        result = Result.NOT_SUPPORTED if unsupported else Result.BAD_MESSAGE
        self._reply(_general(header, result), now, to=header)

    def _received(self, received: Received, now: float) -> None:
        header, message = received.header, received.message
        if isinstance(message, TerminalAnswer):
            self._answered(message)
            return
        said = Said(header.serial, header.message_id, hash(message))
        if said in self._in_hand:
            self._events.append(SaidAgain(message_id=header.message_id))
            return
        if not self._memory.is_new(said, now):
            self._events.append(SaidAgain(message_id=header.message_id))
            if (answer := self._memory.answer(said)) is not None:
                self._push(answer, now)
                return
        self._in_hand[said] = received.headers
        self._interpret(Ticket(said), message, now)

    def _interpret(self, ticket: Ticket, message: Body, now: float) -> None:
        match message:
            case Registration():
                self._events.append(Registering(ticket=ticket, registration=message))
            case Authentication():
                self._events.append(Authenticating(ticket=ticket, authentication=message))
            case LocationReport():
                self._events.append(Located(ticket=ticket, locations=(message.location,)))
            case BatchReport():
                self._events.append(
                    Located(
                        ticket=ticket, locations=message.locations, backfill=message.is_backfill
                    )
                )
            case LocationAnswer():
                key = self._query_of(LocationAnswer.ID, message.answers)
                self._events.append(Located(ticket=ticket, locations=(message.location,), key=key))
            case Answer():
                if key := self._query_of(Answer.ID, message.answers):
                    # Some terminals say nothing until a person has answered.
                    self._events.append(Answered(key=key, message_id=Question.ID, result=Result.OK))
                self._events.append(
                    Chose(ticket=ticket, serial=message.answers, choice=message.choice)
                )
            case TimeQuery():
                self._events.append(TimeAsked(ticket=ticket))
            case Heartbeat() | Unknown():
                known = isinstance(message, Heartbeat)
                self._events.append(Heard(message=message))
                self.answer(ticket, Result.OK if known else Result.NOT_SUPPORTED, now)
            case _:
                key = self._query_of(id_of(message), getattr(message, "answers", None))
                self._events.append(Heard(message=message, key=key))
                self.answer(ticket, Result.OK, now)

    def _answered(self, answer: TerminalAnswer) -> None:
        """0x0001: a second one for the same message says nothing new."""
        waiting = self._outbox.answered(answer.answers, answer.answers_id)
        if waiting is not None:
            key, message_id = waiting.key, waiting.message_id
            self._events.append(Answered(key=key, message_id=message_id, result=answer.result))

    def _query_of(self, answer_id: int, serial: int | None) -> str:
        """Key of the message that this is the answer to; it waits no longer."""
        for message_id in QUERIES.get(answer_id, ()):
            found = (
                self._outbox.answered_any(message_id)
                if serial is None
                else self._outbox.answered(serial, message_id)
            )
            if found is not None:
                return found.key
        return ""

    def _package_taken(self, header: Header, now: float) -> None:
        """Each package wants its answer; that of the last one waits until all is durable."""
        if any(header in headers for headers in self._in_hand.values()):
            return
        self._packages_answered[header.serial] = None
        while len(self._packages_answered) > PACKAGES_REMEMBERED_MAX:
            del self._packages_answered[next(iter(self._packages_answered))]
        self._reply(_general(header, Result.OK), now)

    def _ask_for(self, missing: Missing, now: float) -> None:
        request = ResendRequest(first_serial=missing.header.first_serial, numbers=missing.numbers)
        self._reply(request, now)

    # -- what the caller knows -----------------------------------------------------------

    def admit(self) -> None:
        """The terminal is one of ours."""
        self.is_known = True

    def answer(self, ticket: Ticket, result: Result, now: float) -> None:
        """The message was taken, or was not; the terminal says it no more."""
        headers = self._in_hand.pop(ticket.said, ())
        for header in headers:
            if len(headers) > 1 and header.serial in self._packages_answered:
                continue
            frame = self._reply(_general(header, result), now)
            self._memory.answered(ticket.said, frame)

    def answer_registration(
        self, ticket: Ticket, result: RegisterResult, now: float, *, code: str = ""
    ) -> None:
        message = RegistrationAnswer(answers=ticket.said.serial, result=result, code=code)
        self._answer_with(ticket, message, now)

    def tell_time(self, ticket: Ticket, at: datetime, now: float) -> None:
        """What time it is, in UTC."""
        self._answer_with(ticket, TimeAnswer(at=at), now)

    def leave(self, ticket: Ticket) -> None:
        """It could not be taken now: unanswered, it will be said again."""
        self._in_hand.pop(ticket.said, None)
        self._memory.forget(ticket.said)

    # -- inside --------------------------------------------------------------------------

    def _answer_with(self, ticket: Ticket, message: Body, now: float) -> None:
        if self._in_hand.pop(ticket.said, None) is not None:
            self._memory.answered(ticket.said, self._reply(message, now))

    # -- time ----------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When to call `expire`; None once closed."""
        if self.closing is not None:
            return None
        deadlines = [self.heard_at + self.limits.silence_s]
        if not self.is_known:
            deadlines.append(self._opened_at + self.limits.stranger_s)
        if self._may_probe():
            deadlines.append(self.heard_at + self.limits.probe_s)
        if self._queue.waits_since is not None:
            deadlines.append(self._queue.waits_since + self.limits.send_stalled_s)
        waits = (self._outbox.next_deadline(), self._channel.next_deadline())
        return min([*deadlines, *(each for each in waits if each is not None)])

    def expire(self, now: float) -> None:
        """Do what is due at `now`."""
        if self.closing is not None:
            return
        waits_since = self._queue.waits_since
        if now >= self.heard_at + self.limits.silence_s:
            self.close("silent for too long")
        elif not self.is_known and now >= self._opened_at + self.limits.stranger_s:
            self.close("not known")
        elif waits_since is not None and now >= waits_since + self.limits.send_stalled_s:
            self.close("reads too slowly")
        else:
            self._expire_messages(now)

    def _expire_messages(self, now: float) -> None:
        for each in self._channel.expire(now):
            self._take(each, now)
        for frame in self._outbox.frames_due(now):
            self._push(frame, now)
        for waiting in self._outbox.given_up():
            self._events.append(Unanswered(key=waiting.key, message_id=waiting.message_id))
        if self._may_probe() and now >= self.heard_at + self.limits.probe_s:
            self._probed = True
            self.send(LinkCheck(), now, resends_max=0)

    def _may_probe(self) -> bool:
        """Only 2019 knows the question."""
        is_2019 = self.terminal is not None and self.terminal.dialect is Dialect.Y2019
        return is_2019 and self.is_known and not self._probed


def _general(header: Header, result: Result) -> PlatformAnswer:
    return PlatformAnswer(answers=header.serial, answers_id=header.message_id, result=result)
