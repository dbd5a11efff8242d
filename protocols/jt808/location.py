"""Where a terminal is: the 28 bytes and the items of 0x0200, alone, in batches and in other bodies.

JT/T 808-2019 §8.12; the standards print offset 21 for the time, 22 is right.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Final, Self

import msgspec

from protocols.jt808.fields import (
    CannotEncode,
    Dialect,
    MalformedBody,
    Reader,
    Writer,
    clock_of,
    instant_of,
)
from protocols.jt808.flags import ALARMS, STATUS, Alarm, Status, names_of
from protocols.jt808.items import ItemValues, values_of
from protocols.jt808.layout import U8, U16, Body

BASIC_BYTES: Final = 28
_BASIC: Final = struct.Struct(">IIIIhHH6s")
_DEGREE: Final = 1_000_000
_HEADING_MAX: Final = 360
_EMERGENCY: Final = Alarm.EMERGENCY.value
_FIXED: Final = Status.FIXED.value
_SOUTH: Final = Status.SOUTH.value
_WEST: Final = Status.WEST.value
_GCJ02: Final = Status.GCJ02.value
_CHARGING: Final = Status.CHARGING.value

Item = tuple[int, bytes]


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """One report: what the terminal says, read but not judged by a clock or a map."""

    alarm_bits: int = 0
    status_bits: int = 0
    latitude_e6: int = 0
    """Magnitude in 10⁻⁶ degrees as sent; `lat` has the sign."""
    longitude_e6: int = 0
    altitude_m: int = 0
    """Read as signed, though the text says otherwise: terminals at the sea do."""
    speed_dkmh: int = 0
    """0.1 km/h."""
    direction: int = 0
    """As sent: degrees clockwise from north, but 360 and 0xFFFF are seen."""
    observed_at: datetime | None = None
    """UTC; None where the clock names no time."""
    clock: bytes = b""
    """The clock's bytes, kept where they name no time; empty for zeros."""
    items: tuple[Item, ...] = ()
    tail: bytes = b""
    """What follows the last whole item: an item that overran the body, or a vendor's own."""

    @property
    def lat(self) -> float:
        """Degrees, south negative; may be out of range."""
        magnitude = self.latitude_e6 / _DEGREE
        return -magnitude if self.status_bits & _SOUTH else magnitude

    @property
    def lon(self) -> float:
        """Degrees, west negative; may be out of range."""
        magnitude = self.longitude_e6 / _DEGREE
        return -magnitude if self.status_bits & _WEST else magnitude

    @property
    def has_fix(self) -> bool:
        """The terminal calls the position valid, and it is a place: not 0, 0 and not off the globe.

        Some terminals swap latitude and longitude; what they send is out of range in China.
        """
        return self.is_fixed and self.is_place

    @property
    def is_fixed(self) -> bool:
        """The terminal calls the position valid."""
        return bool(self.status_bits & _FIXED)

    @property
    def is_place(self) -> bool:
        in_range = self.latitude_e6 <= 90 * _DEGREE and self.longitude_e6 <= 180 * _DEGREE
        return in_range and bool(self.latitude_e6 or self.longitude_e6)

    @property
    def is_gcj02(self) -> bool:
        """The coordinates went through the security plug-in: GCJ-02."""
        return bool(self.status_bits & _GCJ02)

    @property
    def speed_kmh(self) -> float:
        return self.speed_dkmh / 10

    @property
    def heading_deg(self) -> int | None:
        """0 to 359, clockwise from north; None where none is known."""
        return self.direction % _HEADING_MAX if self.direction <= _HEADING_MAX else None

    @property
    def is_sos(self) -> bool:
        return bool(self.alarm_bits & _EMERGENCY)

    @property
    def alarms(self) -> tuple[str, ...]:
        return names_of(ALARMS, self.alarm_bits)

    @property
    def status(self) -> tuple[str, ...]:
        return names_of(STATUS, self.status_bits)

    @property
    def items_whole(self) -> bool:
        return not self.tail

    @property
    def charging(self) -> bool | None:
        """Of a vendor's item or a vendor's status bit; None: nobody says."""
        if (said := self.values.charging) is not None:
            return said
        return True if self.status_bits & _CHARGING else None

    @property
    def values(self) -> ItemValues:
        """What the items say, battery and signal among it."""
        return values_of(self.items)


def location_of(data: bytes) -> Location:
    """A report from its bytes. Raises `MalformedBody` under 28 of them; items never raise."""
    if len(data) < BASIC_BYTES:
        raise MalformedBody(f"{len(data)} bytes, a location takes {BASIC_BYTES}")
    alarm, status, lat, lon, altitude, speed, direction, clock = _BASIC.unpack_from(data)
    observed_at = instant_of(clock)
    items, tail = split_items(data, BASIC_BYTES)
    return Location(
        alarm_bits=alarm,
        status_bits=status,
        latitude_e6=lat,
        longitude_e6=lon,
        altitude_m=altitude,
        speed_dkmh=speed,
        direction=direction,
        observed_at=observed_at,
        clock=clock if observed_at is None and any(clock) else b"",
        items=items,
        tail=tail,
    )


def split_items(data: bytes, at: int = 0) -> tuple[tuple[Item, ...], bytes]:
    """Items from `at` on, and what is left where one overruns the end."""
    items = []
    end = len(data)
    while at + 2 <= end:
        after = at + 2 + data[at + 1]
        if after > end:
            break
        items.append((data[at], data[at + 2 : after]))
        at = after
    return tuple(items), data[at:]


def bytes_of_location(location: Location) -> bytes:
    """The other way. Raises `CannotEncode`."""
    at = location.observed_at
    try:
        basic = _BASIC.pack(
            location.alarm_bits,
            location.status_bits,
            location.latitude_e6,
            location.longitude_e6,
            location.altitude_m,
            location.speed_dkmh,
            location.direction,
            (location.clock or bytes(6)) if at is None else clock_of(at),
        )
        items = [bytes((item_id, len(value))) + value for item_id, value in location.items]
    except (struct.error, ValueError) as error:
        raise CannotEncode(f"location: {error}") from error
    return b"".join((basic, *items, location.tail))


@dataclass(frozen=True, slots=True)
class Located:
    """A location in the midst of a body, in `size` bytes or in all that are left."""

    size: int | None = None
    blank: None = None

    def read(self, source: Reader) -> Location:
        return location_of(source.rest() if self.size is None else source.take(self.size))

    def write(self, value: Location, target: Writer) -> None:
        target.data += bytes_of_location(value)


class Batched:
    """Locations behind a count, each behind its length.

    A count or a length that promises more than came does not cost the reports that are whole:
    what is acknowledged is deleted by the terminal.
    """

    blank: tuple[Location, ...] = ()

    def read(self, source: Reader) -> tuple[Location, ...]:
        locations = []
        while source.left >= 2:
            data = source.take(min(source.number(2), source.left))
            if len(data) >= BASIC_BYTES:
                locations.append(location_of(data))
        return tuple(locations)

    def write(self, value: tuple[Location, ...], target: Writer) -> None:
        for location in value:
            data = bytes_of_location(location)
            target.number(len(data), 2)
            target.data += data


class LocationReport(Body, frozen=True, kw_only=True):
    """0x0200: where the terminal is."""

    ID: ClassVar[int] = 0x0200
    location: Annotated[Location, Located()]

    @classmethod
    def decode(cls, data: bytes, dialect: Dialect) -> Self:
        """Without the detour over the declaration: nearly every message is one."""
        return cls(location=location_of(data))


class LocationAnswer(Body, frozen=True, kw_only=True):
    """0x0201: the answer to 0x8201, where are you now."""

    ID: ClassVar[int] = 0x0201
    answers: U16
    location: Annotated[Location, Located()]


class VehicleControlAnswer(Body, frozen=True, kw_only=True):
    """0x0500: the answer to 0x8500."""

    ID: ClassVar[int] = 0x0500
    answers: U16
    location: Annotated[Location, Located()]


class BatchReport(Body, frozen=True, kw_only=True):
    """0x0704: reports that were kept. `backfill`: from where there was no network, so history."""

    ID: ClassVar[int] = 0x0704
    count: U16
    kind: U8
    locations: Annotated[tuple[Location, ...], Batched()]

    @property
    def is_backfill(self) -> bool:
        return self.kind == 1

    @property
    def is_whole(self) -> bool:
        return self.count == len(self.locations)

    @classmethod
    def of(cls, locations: tuple[Location, ...], *, backfill: bool) -> Self:
        return cls(count=len(locations), kind=int(backfill), locations=locations)
