"""Bodies as lists of fields: a class declares them, and is read and written by its declaration.

    class Question(Body):
        ID = 0x8302
        flags: U8
        text: Text8

A field's annotation carries its codec. Bytes behind the last field are kept in `extra`: vendors
append to standard bodies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Annotated, Any, ClassVar, Final, Self, get_type_hints

import msgspec

from protocols.jt808.fields import (
    GREENWICH,
    Bytes,
    CannotEncode,
    Clock,
    Codec,
    Counted,
    Dialect,
    MalformedBody,
    Number,
    Reader,
    Size,
    Text,
    Writer,
)

U8 = Annotated[int, Number(1)]
U16 = Annotated[int, Number(2)]
U32 = Annotated[int, Number(4)]
U64 = Annotated[int, Number(8)]
Rest = Annotated[bytes, Bytes()]
Bytes8 = Annotated[bytes, Counted(1)]
Bytes16 = Annotated[bytes, Counted(2)]
Bytes32 = Annotated[bytes, Counted(4)]
Text8 = Annotated[str, Text(Counted(1))]
Text16 = Annotated[str, Text(Counted(2))]
TextRest = Annotated[str, Text(Bytes())]
Time = Annotated[datetime | None, Clock()]
TimeUtc = Annotated[datetime | None, Clock(GREENWICH)]


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """A run of fields. `extra` is no field of the wire: only a whole body has it."""

    @classmethod
    def read(cls, source: Reader) -> Self:
        """Raises `MalformedBody`."""
        return cls(**_read(fields_of(cls), source))

    def write(self, target: Writer) -> None:
        """Raises `CannotEncode`."""
        for name, codec in fields_of(type(self)):
            value = getattr(self, name)
            if _is_there(codec, partial(getattr, self), target) and not _is_omitted(codec, value):
                try:
                    codec.write(value, target)
                except CannotEncode as error:
                    raise CannotEncode(f"{type(self).__name__}.{name}: {error}") from error


class Body(Layout, frozen=True, kw_only=True):
    """The body of a message."""

    ID: ClassVar[int]
    extra: bytes = b""

    @classmethod
    def decode(cls, data: bytes, dialect: Dialect) -> Self:
        """Raises `MalformedBody`, whose `partial` has what could be read."""
        source = Reader(data, dialect)
        values = _read(fields_of(cls), source)
        return cls(**values, extra=source.rest())

    def encode(self, dialect: Dialect) -> bytes:
        """Raises `CannotEncode`."""
        target = Writer(dialect)
        self.write(target)
        return bytes(target.data) + self.extra


@cache
def fields_of(layout: type[Layout]) -> tuple[tuple[str, Codec], ...]:
    """Name and codec of each field, in the order of the wire."""
    hints = get_type_hints(layout, include_extras=True)
    return tuple(
        (name, hints[name].__metadata__[0])
        for name in layout.__struct_fields__
        if hasattr(hints[name], "__metadata__")
    )


def _read(fields: Sequence[tuple[str, Codec]], source: Reader) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, codec in fields:
        if not _is_there(codec, values.__getitem__, source):
            values[name] = codec.blank
            continue
        try:
            values[name] = codec.read(source)
        except MalformedBody as error:
            said = {name: error.partial} if error.partial else {}
            raise MalformedBody(f"{name}: {error}", {**values, **said}) from error
    return values


def _is_there(codec: Codec, value_of: Callable[[str], Any], source: Reader | Writer) -> bool:
    if not isinstance(codec, When):
        return True
    if codec.years and source.dialect not in codec.years:
        return False
    if source.dialect in codec.unless:
        return False
    if codec.bits and not value_of(codec.field) & codec.bits:
        return False
    return not (codec.tail and isinstance(source, Reader) and not source.left)


def _is_omitted(codec: Codec, value: object) -> bool:
    return isinstance(codec, When) and codec.omits_blank and value == codec.blank


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A field that is not always there; what names no condition does not matter."""

    codec: Codec
    years: frozenset[Dialect] = frozenset()
    """These alone; none: all."""
    unless: frozenset[Dialect] = frozenset()
    field: str = ""
    """Name of a number before it, of which one of `bits` must be set."""
    bits: int = 0
    tail: bool = False
    """Left out by those who have nothing to say: absent where the body ends before it."""
    omits_blank: bool = False
    """Of the last field: left out by us, too, where there is nothing to say."""

    @property
    def blank(self) -> Any:
        return self.codec.blank

    def read(self, source: Reader) -> Any:
        return self.codec.read(source)

    def write(self, value: Any, target: Writer) -> None:
        self.codec.write(value, target)


class ByYear:
    """A field that 2019 writes in another way."""

    def __init__(self, codec: Codec, *, in_2019: Codec) -> None:
        self._before, self._in_2019 = codec, in_2019
        self.blank = codec.blank

    def of(self, dialect: Dialect) -> Codec:
        return self._in_2019 if dialect is Dialect.Y2019 else self._before

    def read(self, source: Reader) -> Any:
        return self.of(source.dialect).read(source)

    def write(self, value: Any, target: Writer) -> None:
        self.of(target.dialect).write(value, target)


@dataclass(frozen=True, slots=True)
class Part:
    """A layout within a body."""

    layout: type[Layout]
    blank: None = None

    def read(self, source: Reader) -> Layout:
        return self.layout.read(source)

    def write(self, value: Layout, target: Writer) -> None:
        value.write(target)


@dataclass(frozen=True, slots=True)
class Many:
    """Entries behind their count, or up to the end. Each takes a byte or more: a lie ends soon."""

    entry: Codec
    prefix: Size | None = None
    blank: tuple[()] = ()

    def read(self, source: Reader) -> tuple[Any, ...]:
        count = None if self.prefix is None else source.number(self.prefix.of(source.dialect))
        entries: list[Any] = []
        while source.left if count is None else len(entries) < count:
            try:
                entries.append(self.entry.read(source))
            except MalformedBody as error:
                raise MalformedBody(f"entry {len(entries)}: {error}", tuple(entries)) from error
        return tuple(entries)

    def write(self, value: tuple[Any, ...], target: Writer) -> None:
        if self.prefix is not None:
            target.number(len(value), self.prefix.of(target.dialect))
        for entry in value:
            self.entry.write(entry, target)


ONLY_2019: Final = frozenset({Dialect.Y2019})
