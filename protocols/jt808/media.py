"""Bodies about photographs, sound and video that a terminal keeps: 0x08xx and 0x88xx.

Bodies of 2011 have no location in 0x0801.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from protocols.jt808.fields import Dialect, Number, Size, instant_of
from protocols.jt808.layout import U8, U16, U32, Body, Layout, Many, Part, Rest, Time, When
from protocols.jt808.location import BASIC_BYTES, Located, Location

_HEAD_BYTES = 8


class MediaEvent(Body, frozen=True, kw_only=True):
    """0x0800: there is something new. `kind` 0 image, 1 sound, 2 video."""

    ID: ClassVar[int] = 0x0800
    media: U32
    kind: U8
    format: U8
    event: U8
    channel: U8


class MediaUpload(Body, frozen=True, kw_only=True):
    """0x0801; in packages nearly always."""

    ID: ClassVar[int] = 0x0801
    media: U32
    kind: U8
    format: U8
    event: U8
    channel: U8
    location: Annotated[
        Location | None, When(codec=Located(BASIC_BYTES), unless=frozenset({Dialect.Y2011}))
    ] = None
    data: Rest = b""

    @classmethod
    def decode(cls, data: bytes, dialect: Dialect) -> Self:
        """2011 is told from 2013 by the clock that a location ends with. Raises `MalformedBody`."""
        if dialect is Dialect.Y2013 and not _has_location(data):
            dialect = Dialect.Y2011
        return super().decode(data, dialect)

    def encode(self, dialect: Dialect) -> bytes:
        if self.location is None and dialect is Dialect.Y2013:
            dialect = Dialect.Y2011
        return super().encode(dialect)


def _has_location(data: bytes) -> bool:
    clock = data[_HEAD_BYTES + BASIC_BYTES - 6 : _HEAD_BYTES + BASIC_BYTES]
    return len(clock) == 6 and (not any(clock) or instant_of(clock) is not None)


class MediaUploadAnswer(Body, frozen=True, kw_only=True):
    """0x8800: these packages are missing; none: all is there."""

    ID: ClassVar[int] = 0x8800
    media: U32
    numbers: Annotated[
        tuple[int, ...], When(codec=Many(Number(2), Size(1)), tail=True, omits_blank=True)
    ] = ()


class Shoot(Body, frozen=True, kw_only=True):
    """0x8801: take photographs, answered by 0x0805."""

    ID: ClassVar[int] = 0x8801
    channel: U8
    command: U16
    """So many photographs; 0 stop, 0xFFFF video."""
    interval_s: U16
    save: U8
    """1: keep it, 0: send it at once."""
    resolution: U8
    quality: U8
    brightness: U8
    contrast: U8
    saturation: U8
    hue: U8


class ShootAnswer(Body, frozen=True, kw_only=True):
    """0x0805: 0 done, 1 failed, 2 no such channel."""

    ID: ClassVar[int] = 0x0805
    answers: U16
    result: U8
    media: Annotated[
        tuple[int, ...], When(codec=Many(Number(4), Size(2)), tail=True, omits_blank=True)
    ] = ()


class SearchMedia(Body, frozen=True, kw_only=True):
    """0x8802, answered by 0x0802. No time: any."""

    ID: ClassVar[int] = 0x8802
    kind: U8
    channel: U8
    event: U8
    begins_at: Time
    ends_at: Time


class FoundMedia(Layout, frozen=True, kw_only=True):
    media: U32
    kind: U8
    channel: U8
    event: U8
    location: Annotated[Location, Located(BASIC_BYTES)]


class MediaFound(Body, frozen=True, kw_only=True):
    """0x0802."""

    ID: ClassVar[int] = 0x0802
    answers: U16
    found: Annotated[tuple[FoundMedia, ...], Many(Part(FoundMedia), Size(2))]


class UploadMedia(Body, frozen=True, kw_only=True):
    """0x8803: send what is kept of this time; `delete` 1: and delete it."""

    ID: ClassVar[int] = 0x8803
    kind: U8
    channel: U8
    event: U8
    begins_at: Time
    ends_at: Time
    delete: U8


class Record(Body, frozen=True, kw_only=True):
    """0x8804: record sound, or stop (`command` 0); `seconds` 0: until stopped."""

    ID: ClassVar[int] = 0x8804
    command: U8
    seconds: U16
    save: U8
    sampling: U8


class UploadOneMedia(Body, frozen=True, kw_only=True):
    """0x8805."""

    ID: ClassVar[int] = 0x8805
    media: U32
    delete: U8
