"""A terminal's side of a JT/T 808 link, without I/O: a car's tracker, for tests and trials.

Theory
------
         connected            0x8100, code          0x8001
    OFF ───────────▶ GREETING ───────────▶ SAYING ─────────▶ ONLINE
     ▲                  │ with a code: 0x0102 at once           │
     └─── disconnected ─┴───────── give up, refused ────────────┘

* Reports are kept until they are answered. While there is no link they are kept too, the oldest
  dropped when there are too many, and go out as backfill (0x0704 type 1) once there is one again;
  2011 has no batches and sends them one by one.
* Whatever the platform wants is answered at once, by what this terminal can: a question needs a
  person, who answers in his own time. Without a keypad it is refused as not supported.
* The alarm stays on in every report until the platform has taken it.

Time is an argument: `now` in monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from devices.jt808.outbox import Outbox
from devices.jt808.sayings import is_urgent
from devices.jt808.terminal_events import (
    AlarmTaken,
    Event,
    IntervalChanged,
    LetIn,
    Ordered,
    QuestionAsked,
    Refused,
    TextShown,
)
from protocols.jt808.channel import Channel, Received
from protocols.jt808.codec import BadFrame, Unknown, id_of
from protocols.jt808.fields import Dialect
from protocols.jt808.flags import Alarm
from protocols.jt808.header import phone_of
from protocols.jt808.layout import Body
from protocols.jt808.location import BatchReport, Location, LocationAnswer, LocationReport
from protocols.jt808.orders import (
    AlarmConfirmation,
    Answer,
    Question,
    TemporaryTracking,
    TextMessage,
    WhereNow,
)
from protocols.jt808.packets import Missing
from protocols.jt808.session import (
    Authentication,
    Heartbeat,
    PlatformAnswer,
    RegisterResult,
    Registration,
    RegistrationAnswer,
    ResendRequest,
    Result,
    TerminalAnswer,
    TerminalResendRequest,
)

KEPT_MAX: Final = 10_000
"""Reports that wait for the platform: a day and a quarter at 10 s. The oldest make room."""
BATCH_LEN: Final = 20
"""Reports of one batch; at 35 bytes they fit one frame, with more items they go in packages."""
IN_FLIGHT_MAX: Final = 16
CHOSEN_MAX: Final = 16
"""Answers of a person that are kept; the oldest makes room."""
ANSWER_S: Final = 10.0
RESENDS_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """What a terminal is, and says of itself."""

    phone: str
    """Digits, or the hex of the phone bytes."""
    dialect: Dialect = Dialect.Y2013
    maker: str = "RDGLN"
    model: str = "SIM"
    terminal: str = "SIM0001"
    plate: str = ""
    imei: str = ""
    has_keypad: bool = True
    """Whether a person can answer a question on it."""
    heartbeat_s: float = 60.0
    interval_s: float = 10.0


class Phase(StrEnum):
    OFF = "off"
    GREETING = "greeting"
    SAYING = "saying"
    ONLINE = "online"


class TerminalSession:
    """One terminal over all its connections; the caller connects, and asks `closing`."""

    def __init__(self, make: Make, *, code: str = "") -> None:
        self.make = make
        self.phase = Phase.OFF
        self.code = code
        """From a registration; with one, the terminal does not register again."""
        self.closing: str | None = None
        """Why the connection is to be closed."""
        self.alarm = False
        self.settings: dict[int, bytes] = {}
        """Parameters that the platform set, by id."""
        self._phone = phone_of(make.phone, make.dialect)
        self._channel = self._new_channel()
        self._outbox = Outbox(answer_s=ANSWER_S, resends_max=RESENDS_MAX, len_max=IN_FLIGHT_MAX)
        self._in_flight: dict[int, tuple[Location, ...]] = {}
        """Reports that were sent and not answered, by serial."""
        self._chosen: dict[int, int] = {}
        """Answers of a person that the platform may not have, by the question's serial."""
        self._answers: dict[int, int] = {}
        """The question's serial of each that is on its way, by its own."""
        self._kept: deque[Location] = deque(maxlen=KEPT_MAX)
        self._events: list[Event] = []
        self._out: list[bytes] = []
        self._said_at = 0.0
        self._interval_s = make.interval_s
        self._tracked: tuple[float, float] | None = None
        """Temporary interval, and until when it holds."""
        self._last: Location | None = None

    @property
    def kept_count(self) -> int:
        """Reports that wait, those in flight included."""
        return len(self._kept) + sum(len(each) for each in self._in_flight.values())

    def interval_s(self, now: float) -> float:
        """Between two reports."""
        if self._tracked is not None and now < self._tracked[1]:
            return self._tracked[0]
        return self._interval_s

    # -- the link ------------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """A connection stands: register, or say who we are."""
        self.closing = None
        self._channel = self._new_channel()
        if self.code:
            self._say_who(now)
            return
        self.phase = Phase.GREETING
        make = self.make
        registration = Registration(
            province=53,
            city=3500,
            maker=make.maker,
            model=make.model,
            terminal=make.terminal,
            plate_colour=1 if make.plate else 0,
            plate=make.plate,
        )
        self._ask(registration, now)

    def disconnected(self) -> None:
        """The connection is gone; what was not answered is kept."""
        self.phase = Phase.OFF
        self._outbox = Outbox(answer_s=ANSWER_S, resends_max=RESENDS_MAX, len_max=IN_FLIGHT_MAX)
        unanswered = [each for batch in self._in_flight.values() for each in batch]
        self._in_flight.clear()
        self._answers.clear()
        self._out.clear()
        for location in reversed(unanswered):
            if len(self._kept) < KEPT_MAX:
                self._kept.appendleft(location)

    def _say_who(self, now: float) -> None:
        self.phase = Phase.SAYING
        software = "1.0" if self.make.dialect is Dialect.Y2019 else ""
        self._ask(Authentication(code=self.code, imei=self.make.imei, software=software), now)

    # -- what the terminal wants ---------------------------------------------------------

    def report(self, location: Location, now: float) -> None:
        """One more report; sent when the platform can have it, kept until then."""
        if self.alarm:
            bits = location.alarm_bits | Alarm.EMERGENCY
            location = msgspec.structs.replace(location, alarm_bits=bits)
        self._last = location
        if self.phase is not Phase.ONLINE or self._outbox.is_full:
            self._kept.append(location)
            return
        self._in_flight[self._ask(LocationReport(location=location), now)] = (location,)

    def choose(self, serial: int, choice: int, now: float) -> None:
        """A person answers a question; said until the platform has it, also on a later link."""
        self._chosen[serial] = choice
        while len(self._chosen) > CHOSEN_MAX:
            del self._chosen[next(iter(self._chosen))]
        if self.phase is Phase.ONLINE:
            self._answers[self._ask(Answer(answers=serial, choice=choice), now)] = serial

    # -- what came in --------------------------------------------------------------------

    def receive(self, data: bytes, now: float, *, is_stream: bool = True) -> None:
        read = self._channel.receive if is_stream else self._channel.receive_datagram
        for event in read(data, now):
            match event:
                case Received() if event.header.phone == self._phone:
                    self._take(event, now)
                case BadFrame() if event.is_answerable and event.header is not None:
                    self._answer(event.header.serial, event.header.message_id, Result.BAD_MESSAGE)
                case Missing():
                    numbers = event.numbers
                    first = event.header.first_serial
                    self._say(TerminalResendRequest(first_serial=first, numbers=numbers))
                case _:
                    pass
        self._channel.phone, self._channel.dialect = self._phone, self.make.dialect

    def _take(self, received: Received, now: float) -> None:
        message, serial = received.message, received.header.serial
        match message:
            case PlatformAnswer():
                self._answered(message, now)
            case RegistrationAnswer():
                self._registered(message, now)
            case ResendRequest():
                self._out += self._channel.send_again(message.first_serial, message.numbers)
            case Question() if not self.make.has_keypad:
                self._answer(serial, Question.ID, Result.NOT_SUPPORTED)
            case Question():
                choices = tuple((each.id, each.text) for each in message.choices)
                self._answer(serial, Question.ID, Result.OK)
                self._events.append(
                    QuestionAsked(serial=serial, text=message.text, choices=choices)
                )
            case WhereNow():
                where = self._last or Location()
                self._say(LocationAnswer(answers=serial, location=where))
            case Unknown():
                self._answer(serial, message.message_id, Result.NOT_SUPPORTED)
            case _:
                self._obey(message, now)
                self._answer(serial, id_of(message), Result.OK)

    def _obey(self, message: Body, now: float) -> None:
        match message:
            case TextMessage():
                self._events.append(
                    TextShown(text=message.text, urgent=is_urgent(message, self.make.dialect))
                )
            case TemporaryTracking():
                until = now + message.validity_s
                interval_s = float(message.interval_s)
                self._tracked = (interval_s, until) if message.interval_s else None
                self._events.append(IntervalChanged())
            case AlarmConfirmation():
                if message.alarm_bits & Alarm.EMERGENCY and self.alarm:
                    self.alarm = False
                    self._events.append(AlarmTaken())
            case _:
                self._events.append(Ordered(message=message))

    def _registered(self, answer: RegistrationAnswer, now: float) -> None:
        if self._outbox.answered(answer.answers, Registration.ID) is None:
            return
        if answer.result != RegisterResult.OK:
            self._refuse(f"registration: {RegisterResult(answer.result).name.lower()}")
            return
        self.code = answer.code
        self._say_who(now)

    def _answered(self, answer: PlatformAnswer, now: float) -> None:
        waiting = self._outbox.answered(answer.answers, answer.answers_id)
        if waiting is None:
            return
        if answer.answers_id == Authentication.ID:
            self._let_in(answer, now)
            return
        if answer.answers_id == Registration.ID:
            self._refuse(f"registration: result {answer.result}")
            return
        if answer.result == Result.ALARM_HANDLED and self.alarm:
            self.alarm = False
            self._events.append(AlarmTaken())
        if (question := self._answers.pop(answer.answers, None)) is not None:
            self._chosen.pop(question, None)
        batch = self._in_flight.pop(answer.answers, ())
        if answer.result == Result.FAILED and batch:
            self._kept.extend(batch)
            self._refuse("the platform does not take reports")
            return
        self._flush(now)

    def _let_in(self, answer: PlatformAnswer, now: float) -> None:
        if answer.result != Result.OK:
            self.code = ""
            self._refuse(f"authentication: result {answer.result}")
            return
        self.phase = Phase.ONLINE
        self._events.append(LetIn())
        for serial, choice in list(self._chosen.items()):
            self.choose(serial, choice, now)
        self._flush(now)

    def _refuse(self, why: str) -> None:
        self.closing = why
        self._events.append(Refused(why=why))

    def _flush(self, now: float) -> None:
        """Send on what was kept, one batch at a time: it is durable when it is answered."""
        waits = any(len(each) > 1 for each in self._in_flight.values())
        if self.phase is not Phase.ONLINE or not self._kept or waits or self._outbox.is_full:
            return
        if self.make.dialect is Dialect.Y2011:
            one = self._kept.popleft()
            self._in_flight[self._ask(LocationReport(location=one), now)] = (one,)
            return
        count = min(BATCH_LEN, len(self._kept))
        batch = tuple(self._kept.popleft() for _ in range(count))
        self._in_flight[self._ask(BatchReport.of(batch, backfill=True), now)] = batch

    # -- what goes out -------------------------------------------------------------------

    def events(self) -> list[Event]:
        taken, self._events = self._events, []
        return taken

    def data_to_send(self, now: float) -> list[bytes]:
        """Frames to write now, in order."""
        taken, self._out = self._out, []
        if taken:
            self._said_at = now
        return taken

    def _ask(self, message: Body, now: float) -> int:
        """Say something that the platform answers; its serial."""
        sent = self._channel.send(message)
        self._out += sent.frames
        self._outbox.put(b"".join(sent.frames), now, serial=sent.serial, message_id=id_of(message))
        return sent.serial

    def _say(self, message: Body) -> None:
        self._out += self._channel.send(message).frames

    def _answer(self, serial: int, message_id: int, result: Result) -> None:
        self._say(TerminalAnswer(answers=serial, answers_id=message_id, result=result))

    # -- time ----------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When to call `expire`; None without a link."""
        if self.phase is Phase.OFF or self.closing is not None:
            return None
        waits = (self._outbox.next_deadline(), self._channel.next_deadline())
        heartbeat = self._said_at + self.make.heartbeat_s
        return min([heartbeat, *(each for each in waits if each is not None)])

    def expire(self, now: float) -> None:
        """Do what is due at `now`."""
        if self.phase is Phase.OFF or self.closing is not None:
            return
        self._channel.expire(now)
        self._out += self._outbox.frames_due(now)
        if self._outbox.given_up():
            self.closing = "the platform does not answer"
        elif self.phase is Phase.ONLINE and now >= self._said_at + self.make.heartbeat_s:
            self._ask(Heartbeat(), now)

    def _new_channel(self) -> Channel:
        return Channel(phone=self._phone, dialect=self.make.dialect)
