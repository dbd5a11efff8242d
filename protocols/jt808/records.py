"""Bodies that carry other devices' data through: recorder, waybill, driver, CAN bus, anything."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import msgspec

from protocols.jt808.fields import (
    Bytes,
    Counted,
    Dialect,
    Digits,
    MalformedBody,
    Number,
    Reader,
    Size,
    Text,
    Writer,
    instant_of,
)
from protocols.jt808.layout import (
    ONLY_2019,
    U8,
    U16,
    U32,
    Body,
    Bytes32,
    Layout,
    Many,
    Part,
    Rest,
    Text8,
    Time,
    When,
)


class AskRecorder(Body, frozen=True, kw_only=True):
    """0x8700: collect from the driving recorder (GB/T 19056)."""

    ID: ClassVar[int] = 0x8700
    command: U8
    data: Rest = b""


class RecorderData(Body, frozen=True, kw_only=True):
    """0x0700."""

    ID: ClassVar[int] = 0x0700
    answers: U16
    command: U8
    data: Rest = b""


class SetRecorder(Body, frozen=True, kw_only=True):
    """0x8701."""

    ID: ClassVar[int] = 0x8701
    command: U8
    data: Rest = b""


class Waybill(Body, frozen=True, kw_only=True):
    """0x0701: a text, as its vendor writes it."""

    ID: ClassVar[int] = 0x0701
    text: Annotated[str, Text(Counted(4))]


class AskDriver(Body, frozen=True, kw_only=True):
    """0x8702."""

    ID: ClassVar[int] = 0x8702


class _Driver2011(Layout, frozen=True, kw_only=True):
    """0x0702 of 2011, which says neither when nor whether a card was put in."""

    name: Text8
    identity: Annotated[str, Text(Bytes(Size(20)))]
    licence: Annotated[str, Text(Bytes(Size(40)))]
    authority: Text8


class Driver(Body, frozen=True, kw_only=True):
    """0x0702: a driver's card was put in (`status` 1) or taken out (2, nothing follows).

    `card_result` 0: the card could be read. In 2011 `status` is 0 and nothing is said of the card.
    """

    ID: ClassVar[int] = 0x0702
    status: U8
    at: Time = None
    card_result: Annotated[int, When(codec=Number(1), tail=True)] = 0
    name: Annotated[str, When(codec=Text(Counted(1)), tail=True)] = ""
    licence: Annotated[str, When(codec=Text(Bytes(Size(20))), tail=True)] = ""
    authority: Annotated[str, When(codec=Text(Counted(1)), tail=True)] = ""
    valid_until: Annotated[str, When(codec=Digits(4), tail=True)] = ""
    """YYYYMMDD."""
    identity: Annotated[str, When(codec=Text(Bytes(Size(20))), years=ONLY_2019, tail=True)] = ""

    @classmethod
    def decode(cls, data: bytes, dialect: Dialect) -> Self:
        """2011 is told from 2013 by what comes before the name. Raises `MalformedBody`."""
        if dialect is Dialect.Y2019 or _has_status(data):
            return super().decode(data, dialect)
        source = Reader(data, Dialect.Y2011)
        try:
            said = _Driver2011.read(source)
        except MalformedBody:
            return super().decode(data, dialect)
        if source.left:
            return super().decode(data, dialect)
        return cls(status=0, **msgspec.structs.asdict(said))

    def encode(self, dialect: Dialect) -> bytes:
        if dialect is not Dialect.Y2011:
            return super().encode(dialect)
        said = _Driver2011(
            name=self.name,
            identity=self.identity,
            licence=self.licence,
            authority=self.authority,
        )
        target = Writer(dialect)
        said.write(target)
        return bytes(target.data) + self.extra


def _has_status(data: bytes) -> bool:
    clock = data[1:7]
    is_clock = len(clock) < 6 or not any(clock) or instant_of(clock) is not None
    return data[:1] in (b"\1", b"\2") and is_clock


class CanItem(Layout, frozen=True, kw_only=True):
    """`id`: bit 31 the channel, 30 extended, 29 averaged, below the CAN id."""

    id: U32
    data: Annotated[bytes, Bytes(Size(8))]


class CanData(Body, frozen=True, kw_only=True):
    """0x0705."""

    ID: ClassVar[int] = 0x0705
    count: U16
    clock: Annotated[str, Digits(5)]
    """Time of the first: hhmmss and milliseconds."""
    frames: Annotated[tuple[CanItem, ...], Many(Part(CanItem))]


class _Transparent(Body, frozen=True, kw_only=True):
    kind: U8
    """0 GNSS details, 0x0B IC card, 0x41 and 0x42 serial ports, from 0xF0 on the user's."""
    data: Rest = b""


class TransparentUp(_Transparent, frozen=True, kw_only=True):
    """0x0900."""

    ID: ClassVar[int] = 0x0900


class TransparentDown(_Transparent, frozen=True, kw_only=True):
    """0x8900."""

    ID: ClassVar[int] = 0x8900


class Compressed(Body, frozen=True, kw_only=True):
    """0x0901: gzip of a message."""

    ID: ClassVar[int] = 0x0901
    data: Bytes32
