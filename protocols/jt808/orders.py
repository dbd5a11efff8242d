"""Bodies by which the platform speaks to a terminal and the person at it, and their answers."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Annotated, ClassVar

from protocols.jt808.fields import Bytes, Number, Size, Text
from protocols.jt808.layout import (
    ONLY_2019,
    U8,
    U16,
    U32,
    Body,
    ByYear,
    Layout,
    Many,
    Part,
    Text8,
    Text16,
    TextRest,
    When,
)

TEXT_BYTES_MAX = 900
"""GBK bytes of one text: 1,024 are allowed, 1,023 fit a frame with nothing else."""


class TextFlag(IntFlag):
    """Of 0x8300 in 2011 and 2013; of 0x8302 the first, third and fourth alone."""

    EMERGENCY = 1 << 0
    SHOW = 1 << 2
    SPEAK = 1 << 3
    ADVERTISE = 1 << 4
    CAN_FAULT = 1 << 5


class TextClass(IntEnum):
    """2019 has these in bits 0 and 1 of the flags instead of the emergency bit."""

    SERVICE = 1
    EMERGENCY = 2
    NOTICE = 3


class TextType(IntEnum):
    NOTICE = 1
    SERVICE = 2


class TextMessage(Body, frozen=True, kw_only=True):
    """0x8300: text on the terminal. Its answer 0x0001 says that the device has it, no more."""

    ID: ClassVar[int] = 0x8300
    flags: U8
    kind: Annotated[int, When(codec=Number(1), years=ONLY_2019)] = 0
    text: TextRest


class Choice(Layout, frozen=True, kw_only=True):
    """One answer that a question offers."""

    id: U8
    text: Text16


class Question(Body, frozen=True, kw_only=True):
    """0x8302: a question with the answers to choose from; 2019 keeps the id without its layout."""

    ID: ClassVar[int] = 0x8302
    flags: U8
    text: Text8
    choices: Annotated[tuple[Choice, ...], Many(Part(Choice))] = ()


class Answer(Body, frozen=True, kw_only=True):
    """0x0302: what a person chose, the standard's only word of a person."""

    ID: ClassVar[int] = 0x0302
    answers: U16
    choice: U8


class WhereNow(Body, frozen=True, kw_only=True):
    """0x8201: answered by 0x0201."""

    ID: ClassVar[int] = 0x8201


class TemporaryTracking(Body, frozen=True, kw_only=True):
    """0x8202: a report each `interval_s` for `validity_s`, then as before; 0 stops it now."""

    ID: ClassVar[int] = 0x8202
    interval_s: U16
    validity_s: Annotated[int, When(codec=Number(4), tail=True, omits_blank=True)] = 0


class AlarmConfirmation(Body, frozen=True, kw_only=True):
    """0x8203: a person at the platform took these alarms. `report` 0: of all reports."""

    ID: ClassVar[int] = 0x8203
    report: U16
    """Serial of the report with the alarm."""
    alarm_bits: U32


class EventReport(Body, frozen=True, kw_only=True):
    """0x0301: the person chose an event of the list that 0x8301 set."""

    ID: ClassVar[int] = 0x0301
    event: U8


class Event(Layout, frozen=True, kw_only=True):
    """An event that a person can report."""

    id: U8
    text: Text8


class EventList(Body, frozen=True, kw_only=True):
    """0x8301: action 0 deletes all, 1 replaces, 2 appends, 3 changes, 4 deletes these."""

    ID: ClassVar[int] = 0x8301
    action: U8
    events: Annotated[
        tuple[Event, ...], When(codec=Many(Part(Event), Size(1)), tail=True, omits_blank=True)
    ] = ()


class NewsChoice(Body, frozen=True, kw_only=True):
    """0x0303: the person wants this kind of news (`wanted` 1), or no more (0)."""

    ID: ClassVar[int] = 0x0303
    kind: U8
    wanted: U8


class NewsKind(Layout, frozen=True, kw_only=True):
    kind: U8
    name: Text16


class NewsMenu(Body, frozen=True, kw_only=True):
    """0x8303; action as in 0x8301."""

    ID: ClassVar[int] = 0x8303
    action: U8
    kinds: Annotated[
        tuple[NewsKind, ...], When(codec=Many(Part(NewsKind), Size(1)), tail=True, omits_blank=True)
    ] = ()


class News(Body, frozen=True, kw_only=True):
    """0x8304."""

    ID: ClassVar[int] = 0x8304
    kind: U8
    text: Text16


class CallBack(Body, frozen=True, kw_only=True):
    """0x8400: call this number; `listen` 1: only to be heard. Some pad the number, most do not."""

    ID: ClassVar[int] = 0x8400
    listen: U8
    number: Annotated[str, Text(Bytes(), is_padded=True)]


class Contact(Layout, frozen=True, kw_only=True):
    """`direction`: 1 may call in, 2 may be called, 3 both."""

    direction: U8
    number: Text8
    name: Text8


class PhoneBook(Body, frozen=True, kw_only=True):
    """0x8401: action 0 deletes all, 1 replaces, 2 appends, 3 changes."""

    ID: ClassVar[int] = 0x8401
    action: U8
    contacts: Annotated[
        tuple[Contact, ...], When(codec=Many(Part(Contact), Size(1)), tail=True, omits_blank=True)
    ] = ()


class VehicleControl(Body, frozen=True, kw_only=True):
    """0x8500, answered by 0x0500. Before 2019 `control` is flags, bit 0 the doors; in 2019 a
    type, 1 the doors, whose `value` 0 unlocks."""

    ID: ClassVar[int] = 0x8500
    control: Annotated[int, ByYear(Number(1), in_2019=Number(2))]
    value: Annotated[int, When(codec=Number(1), years=ONLY_2019, tail=True)] = 0
