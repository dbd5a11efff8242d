"""Messages of vendors and of T/JSATL12 that are met beside the standard."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Self

from protocols.jt808.fields import (
    Bytes,
    Dialect,
    Number,
    Reader,
    Size,
    Text,
    Writer,
    clock_of,
    instant_of,
)
from protocols.jt808.layout import (
    U8,
    U16,
    U32,
    Body,
    ByYear,
    Layout,
    Many,
    Part,
    Rest,
    Text8,
    TextRest,
    Time,
)
from protocols.jt808.location import BASIC_BYTES, Location, bytes_of_location, location_of

_BATTERY_BYTES = 7


class VendorTimeQuery(Body, frozen=True, kw_only=True):
    """0x0109."""

    ID: ClassVar[int] = 0x0109


class BinaryClock:
    """Year WORD, then month, day, hour, minute and second in a byte each, UTC."""

    blank = None

    def read(self, source: Reader) -> datetime | None:
        year = source.number(2)
        month, day, hour, minute, second = source.take(5)
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            return None

    def write(self, value: datetime | None, target: Writer) -> None:
        if value is None:
            target.data += bytes(7)
            return
        at = value.astimezone(UTC)
        target.number(at.year, 2)
        target.data += bytes((at.month, at.day, at.hour, at.minute, at.second))


class VendorTimeAnswer(Body, frozen=True, kw_only=True):
    """0x8109."""

    ID: ClassVar[int] = 0x8109
    at: Annotated[datetime | None, BinaryClock()]
    result: U8 = 0


class ShortBatched:
    """Locations, each behind a length of one byte, up to the end of the body."""

    blank: tuple[Location, ...] = ()

    def read(self, source: Reader) -> tuple[Location, ...]:
        locations = []
        while source.left:
            data = source.take(min(source.number(1), source.left))
            if len(data) >= BASIC_BYTES:
                locations.append(location_of(data))
        return tuple(locations)

    def write(self, value: tuple[Location, ...], target: Writer) -> None:
        for location in value:
            data = bytes_of_location(location)
            target.number(len(data), 1)
            target.data += data


class ShortBatch(Body, frozen=True, kw_only=True):
    """0x0210, a twin of 0x0704 without its head; with 7 bytes it is a battery and a time."""

    ID: ClassVar[int] = 0x0210
    battery_pct: int | None = None
    at: datetime | None = None
    locations: Annotated[tuple[Location, ...], ShortBatched()] = ()

    @classmethod
    def decode(cls, data: bytes, dialect: Dialect) -> Self:
        if len(data) != _BATTERY_BYTES:
            return super().decode(data, dialect)
        return cls(battery_pct=data[0], at=instant_of(data[1:]))

    def encode(self, dialect: Dialect) -> bytes:
        if self.battery_pct is None:
            return super().encode(dialect)
        clock = bytes(6) if self.at is None else clock_of(self.at)
        return bytes((self.battery_pct,)) + clock


class VendorText(Body, frozen=True, kw_only=True):
    """0x6006: a text that the terminal sends."""

    ID: ClassVar[int] = 0x6006
    encoding: U8
    text: TextRest


class AlarmLabel(Layout, frozen=True, kw_only=True):
    """T/JSATL12: which alarm a file belongs to."""

    terminal: Annotated[str, Text(Bytes(Size(7, in_2019=30)))]
    at: Time
    sequence: U8
    files: U8
    reserved: Annotated[int, ByYear(Number(1), in_2019=Number(2))] = 0


class AlarmFile(Layout, frozen=True, kw_only=True):
    name: Text8
    bytes: U32


class AlarmFiles(Body, frozen=True, kw_only=True):
    """0x1210: the files of an alarm, said to the server that takes them."""

    ID: ClassVar[int] = 0x1210
    terminal: Annotated[str, Text(Bytes(Size(7, in_2019=30)))]
    label: Annotated[AlarmLabel, Part(AlarmLabel)]
    alarm: Annotated[str, Text(Bytes(Size(32)))]
    """The platform's number of the alarm."""
    kind: U8
    files: Annotated[tuple[AlarmFile, ...], Many(Part(AlarmFile), Size(1))]


class AlarmFileComes(Body, frozen=True, kw_only=True):
    """0x1211: this file begins."""

    ID: ClassVar[int] = 0x1211
    name: Text8
    kind: U8
    bytes: U32


class AlarmFileCame(Body, frozen=True, kw_only=True):
    """0x1212: this file is complete."""

    ID: ClassVar[int] = 0x1212
    name: Text8
    kind: U8
    bytes: U32


class AskAlarmFiles(Body, frozen=True, kw_only=True):
    """0x9208: send the files of this alarm to that server."""

    ID: ClassVar[int] = 0x9208
    host: Text8
    tcp_port: U16
    udp_port: U16
    label: Annotated[AlarmLabel, Part(AlarmLabel)]
    alarm: Annotated[str, Text(Bytes(Size(32)))]
    reserved: Rest = b""


class Gap(Layout, frozen=True, kw_only=True):
    offset: U32
    bytes: U32


class AlarmFileAnswer(Body, frozen=True, kw_only=True):
    """0x9212: the file is complete (`result` 0), or these parts of it are missing (1)."""

    ID: ClassVar[int] = 0x9212
    name: Text8
    kind: U8
    result: U8
    gaps: Annotated[tuple[Gap, ...], Many(Part(Gap), Size(1))]
