"""Bodies that a session is made of: answers, heartbeat, registration, authentication, time."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, ClassVar, Self

from protocols.jt808.fields import Bytes, Counted, Dialect, MalformedBody, Number, Size, Text
from protocols.jt808.layout import (
    ONLY_2019,
    U8,
    U16,
    Body,
    ByYear,
    Many,
    TimeUtc,
    When,
)

_STATE_BYTES = 3
_FULL_PCT = 100
REGISTRATION_2013_BYTES = 37
"""2011 and 2013 share a header; only the length of this body tells them apart."""


class Result(IntEnum):
    """Of a general answer."""

    OK = 0
    FAILED = 1
    BAD_MESSAGE = 2
    NOT_SUPPORTED = 3
    ALARM_HANDLED = 4
    """Of the platform alone: the alarm of this report is taken."""


class RegisterResult(IntEnum):
    OK = 0
    VEHICLE_REGISTERED = 1
    NO_SUCH_VEHICLE = 2
    TERMINAL_REGISTERED = 3
    NO_SUCH_TERMINAL = 4


class _Answer(Body, frozen=True, kw_only=True):
    answers: U16
    """Serial of the message that is answered."""
    answers_id: U16
    """And its id."""
    result: U8


class TerminalAnswer(_Answer, frozen=True, kw_only=True):
    """0x0001: the terminal's general answer; it speaks of the device, never of a person."""

    ID: ClassVar[int] = 0x0001


class PlatformAnswer(_Answer, frozen=True, kw_only=True):
    """0x8001: the platform's general answer."""

    ID: ClassVar[int] = 0x8001


class Heartbeat(Body, frozen=True, kw_only=True):
    """0x0002; the standard gives it no body, some terminals do."""

    ID: ClassVar[int] = 0x0002

    @property
    def battery_pct(self) -> int | None:
        """Three bytes are battery, signal and status (seen from Xinchun)."""
        is_known = len(self.extra) == _STATE_BYTES and self.extra[0] <= _FULL_PCT
        return self.extra[0] if is_known else None


class Logout(Body, frozen=True, kw_only=True):
    """0x0003."""

    ID: ClassVar[int] = 0x0003


class TimeQuery(Body, frozen=True, kw_only=True):
    """0x0004 (2019): what time is it?"""

    ID: ClassVar[int] = 0x0004


class TimeAnswer(Body, frozen=True, kw_only=True):
    """0x8004 (2019): the only time in UTC."""

    ID: ClassVar[int] = 0x8004
    at: TimeUtc


class ResendRequest(Body, frozen=True, kw_only=True):
    """0x8003: the platform asks for packages that it lacks."""

    ID: ClassVar[int] = 0x8003
    first_serial: U16
    numbers: Annotated[tuple[int, ...], Many(Number(2), Size(1, in_2019=2))]


class TerminalResendRequest(Body, frozen=True, kw_only=True):
    """0x0005 (2019): the terminal asks for packages that it lacks."""

    ID: ClassVar[int] = 0x0005
    first_serial: U16
    numbers: Annotated[tuple[int, ...], Many(Number(2), Size(2))]


class LinkCheck(Body, frozen=True, kw_only=True):
    """0x8204 (2019): are you there?"""

    ID: ClassVar[int] = 0x8204


class Registration(Body, frozen=True, kw_only=True):
    """0x0100. The plate of a body camera carries anything: an officer's number, zeros."""

    ID: ClassVar[int] = 0x0100
    province: U16 = 0
    city: U16 = 0
    maker: Annotated[str, Text(Bytes(Size(5, in_2019=11)))] = ""
    model: Annotated[str, Text(Bytes(Size(20, in_2011=8, in_2019=30)))] = ""
    terminal: Annotated[str, Text(Bytes(Size(7, in_2019=30)))] = ""
    """The id that the maker gave it."""
    plate_colour: U8 = 0
    plate: Annotated[str, Text(Bytes(), is_padded=True)] = ""

    @classmethod
    def decode(cls, data: bytes, dialect: Dialect) -> Self:
        """2011 is told from 2013 by the length. Raises `MalformedBody`."""
        return super().decode(data, registration_dialect(data, dialect))


def registration_dialect(data: bytes, dialect: Dialect) -> Dialect:
    """The year of a 0x0100 with this body."""
    if dialect is Dialect.Y2019:
        return dialect
    return Dialect.Y2013 if len(data) >= REGISTRATION_2013_BYTES else Dialect.Y2011


class RegistrationAnswer(Body, frozen=True, kw_only=True):
    """0x8100. `code` only where the result is 0."""

    ID: ClassVar[int] = 0x8100
    answers: U16
    result: U8
    code: Annotated[str, When(codec=Text(Bytes()), tail=True)] = ""


class Authentication(Body, frozen=True, kw_only=True):
    """0x0102: the code from the registration. 2019 puts its length in front, IMEI and software
    behind (the offsets that its table prints are wrong); some of its terminals send the code alone.
    """

    ID: ClassVar[int] = 0x0102
    code: Annotated[str, ByYear(Text(Bytes()), in_2019=Text(Counted(1)))] = ""
    imei: Annotated[str, When(codec=Text(Bytes(Size(15))), years=ONLY_2019, tail=True)] = ""
    software: Annotated[str, When(codec=Text(Bytes(Size(20))), years=ONLY_2019, tail=True)] = ""

    @classmethod
    def decode(cls, data: bytes, dialect: Dialect) -> Self:
        """A 2019 body that holds no such parts is a code, as before 2019."""
        try:
            return super().decode(data, dialect)
        except MalformedBody:
            return super().decode(data, Dialect.Y2013)
