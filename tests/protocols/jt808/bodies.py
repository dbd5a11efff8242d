"""Hypothesis strategies for every body, made from its declaration."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from hypothesis import strategies as st

from protocols.jt808.fields import (
    Bytes,
    Clock,
    Codec,
    Counted,
    Dialect,
    Digits,
    Number,
    Size,
    Text,
    Writer,
    bytes_of,
    text_of,
)
from protocols.jt808.layout import Body, ByYear, Layout, Many, Part, When, _is_there, fields_of
from protocols.jt808.location import Batched, Located, Location
from protocols.jt808.media import MediaUpload
from protocols.jt808.parameters import Parameter, ParameterList
from protocols.jt808.records import Driver
from protocols.jt808.vendor import BinaryClock, ShortBatched

LOCATIONS_MAX = 3
instants = st.integers(978_336_000, 4_102_358_399).map(lambda at: datetime.fromtimestamp(at, UTC))
"""2001-01-01T08:00Z to the end of 2099 in China."""
numbers16 = st.integers(0, 0xFFFF)
numbers32 = st.integers(0, 0xFFFFFFFF)
items = st.tuples(st.integers(0, 255), st.binary(max_size=40))


def texts(bytes_max: int) -> st.SearchStrategy[str]:
    """Of characters that GBK has, without padding at the ends."""
    shown = st.text(st.characters(codec="gbk", exclude_characters="\0 "), max_size=bytes_max // 2)
    return shown.filter(lambda text: text_of(bytes_of(text)) == text)


def locations(*, items_max: int = 5, has_clock: bool = False) -> st.SearchStrategy[Location]:
    return st.builds(
        Location,
        alarm_bits=numbers32,
        status_bits=numbers32,
        latitude_e6=numbers32,
        longitude_e6=numbers32,
        altitude_m=st.integers(-0x8000, 0x7FFF),
        speed_dkmh=numbers16,
        direction=numbers16,
        observed_at=instants if has_clock else st.none() | instants,
        items=st.lists(items, max_size=items_max).map(tuple),
        tail=st.sampled_from([b"", b"\x01"]) if items_max else st.just(b""),
    )


def values(codec: Codec, dialect: Dialect) -> st.SearchStrategy[Any]:
    """What a field may hold."""
    match codec:
        case When():
            return values(codec.codec, dialect)
        case ByYear():
            return values(codec.of(dialect), dialect)
        case Number(size=size):
            return st.integers(0, (1 << 8 * size) - 1)
        case Bytes(size=Size() as size):
            return st.binary(min_size=size.of(dialect), max_size=size.of(dialect))
        case Bytes() | Counted():
            return st.binary(max_size=60)
        case Text(within=Bytes(size=Size() as size)):
            return texts(size.of(dialect))
        case Text():
            return texts(60)
        case Digits(size=size):
            return st.text("0123456789", min_size=2 * size, max_size=2 * size)
        case Clock() | BinaryClock():
            return st.none() | instants
        case Part(layout=layout):
            return layouts(layout, dialect)
        case Many(entry=entry):
            return st.lists(values(entry, dialect), max_size=3).map(tuple)
        case Located(size=size):
            return locations(items_max=5 if size is None else 0)
        case Batched():
            return st.lists(locations(), max_size=LOCATIONS_MAX).map(tuple)
        case ShortBatched():
            return st.lists(locations(items_max=2), max_size=LOCATIONS_MAX).map(tuple)
        case ParameterList():
            parameter = st.builds(Parameter, id=numbers32, data=st.binary(max_size=255))
            return st.lists(parameter, max_size=3).map(tuple)
    raise TypeError(f"no strategy for {codec}")


@st.composite
def layouts(draw: st.DrawFn, layout: type[Layout], dialect: Dialect) -> Any:
    """A body or a part of one; what its own values or the year leave out is blank."""
    if layout is MediaUpload:
        return draw(uploads(dialect))
    drawn: dict[str, Any] = {}
    for name, codec in fields_of(layout):
        is_there = _is_there(codec, partial(drawn.__getitem__), Writer(dialect))
        drawn[name] = draw(values(codec, dialect)) if is_there else codec.blank
    if layout is Driver:
        drawn["status"] = draw(st.sampled_from([1, 2]))
    return layout(**drawn)


def uploads(dialect: Dialect) -> st.SearchStrategy[MediaUpload]:
    """2013's has a location with a clock, 2011's begins with the data."""
    byte = st.integers(0, 255)
    located = locations(items_max=0, has_clock=True)
    build = partial(
        st.builds, MediaUpload, media=numbers32, kind=byte, format=byte, event=byte, channel=byte
    )
    with_place = build(location=located, data=st.binary(max_size=60))
    if dialect is Dialect.Y2019:
        return with_place
    return with_place | build(data=st.binary(max_size=60).map(lambda data: b"\xff" * 28 + data))


def bodies(body: type[Body], dialect: Dialect) -> st.SearchStrategy[Body]:
    return layouts(body, dialect)
