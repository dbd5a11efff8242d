"""The kinds of values that JT/T 808 bodies are made of: how each is read and written.

Integers are big-endian, text is GBK without terminator, decimal numbers are BCD, times are GMT+8
(JT/T 808-2019 §4.1, §4.2). Each kind is a codec; `layout` strings them together to bodies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, Final, Protocol

CHINA: Final = timedelta(hours=8)
"""What its clocks are ahead of UTC."""
GREENWICH: Final = timedelta(0)
PADDING: Final = b"\0 "
"""What fills a text of fixed length: zeros behind by the standard, spaces and zeros as seen."""
_BCD: Final = tuple(
    10 * (byte >> 4) + (byte & 15) if byte >> 4 <= 9 and byte & 15 <= 9 else -1
    for byte in range(256)
)


class Dialect(IntEnum):
    """The year of the standard. 2011 and 2013 share the header and differ in few bodies."""

    Y2011 = 2011
    Y2013 = 2013
    Y2019 = 2019


class MalformedBody(ValueError):
    """A body does not hold what its message id asks for.

    `partial`: what was read before, fields by name or the entries of a list.
    """

    def __init__(self, why: str, partial: Mapping[str, Any] | tuple[Any, ...] = ()) -> None:
        super().__init__(why)
        self.partial = partial


class CannotEncode(ValueError):
    """A value does not fit the field it is meant for."""


class Reader:
    """A cursor over one body that never runs past its end."""

    __slots__ = ("_at", "_data", "dialect")

    def __init__(self, data: bytes, dialect: Dialect) -> None:
        self._data = data
        self._at = 0
        self.dialect = dialect

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """The next `count` bytes. Raises `MalformedBody`."""
        if count > self.left:
            raise MalformedBody(f"{count} bytes wanted at {self._at}, {self.left} are left")
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def rest(self) -> bytes:
        return self.take(self.left)


class Writer:
    """A body that is being written."""

    __slots__ = ("data", "dialect")

    def __init__(self, dialect: Dialect) -> None:
        self.data = bytearray()
        self.dialect = dialect

    def number(self, value: int, size: int) -> None:
        if not 0 <= value < 1 << 8 * size:
            raise CannotEncode(f"{value} does not fit {size} bytes")
        self.data += value.to_bytes(size)


class Codec(Protocol):
    """How a field is read and written; `blank` stands where the field is absent."""

    @property
    def blank(self) -> Any: ...

    def read(self, source: Reader) -> Any:
        """Raises `MalformedBody`."""

    def write(self, value: Any, target: Writer) -> None:
        """Raises `CannotEncode`."""


@dataclass(frozen=True, slots=True)
class Number:
    """An unsigned integer of so many bytes."""

    size: int
    blank: int = 0

    def read(self, source: Reader) -> int:
        return source.number(self.size)

    def write(self, value: int, target: Writer) -> None:
        target.number(value, self.size)


class Size:
    """A number of bytes that is not the same in every year."""

    def __init__(self, size: int, *, in_2011: int | None = None, in_2019: int | None = None):
        self._sizes = {
            Dialect.Y2011: size if in_2011 is None else in_2011,
            Dialect.Y2013: size,
            Dialect.Y2019: size if in_2019 is None else in_2019,
        }

    def of(self, dialect: Dialect) -> int:
        return self._sizes[dialect]


@dataclass(frozen=True, slots=True)
class Bytes:
    """So many bytes as they are; None: all that are left."""

    size: Size | None = None
    blank: bytes = b""

    def read(self, source: Reader) -> bytes:
        return source.rest() if self.size is None else source.take(self.size.of(source.dialect))

    def write(self, value: bytes, target: Writer) -> None:
        if self.size is not None and len(value) != self.size.of(target.dialect):
            raise CannotEncode(
                f"{len(value)} bytes given, {self.size.of(target.dialect)} are wanted"
            )
        target.data += value


@dataclass(frozen=True, slots=True)
class Counted:
    """Bytes behind a number that says how many."""

    prefix: int
    blank: bytes = b""

    def read(self, source: Reader) -> bytes:
        return source.take(source.number(self.prefix))

    def write(self, value: bytes, target: Writer) -> None:
        target.number(len(value), self.prefix)
        target.data += value


@dataclass(frozen=True, slots=True)
class Text:
    """GBK text in the given bytes. Of fixed length: without its padding, padded behind."""

    within: Bytes | Counted
    is_padded: bool = False
    """Also where the length is not fixed."""
    blank: str = ""

    def read(self, source: Reader) -> str:
        data = self.within.read(source)
        is_fixed = isinstance(self.within, Bytes) and self.within.size is not None
        return text_of(data.strip(PADDING) if is_fixed or self.is_padded else data)

    def write(self, value: str, target: Writer) -> None:
        data = bytes_of(value)
        if isinstance(self.within, Bytes) and self.within.size is not None:
            wanted = self.within.size.of(target.dialect)
            if len(data) > wanted:
                raise CannotEncode(f"{value!r} takes {len(data)} bytes, {wanted} are there")
            data = data.ljust(wanted, b"\0")
        self.within.write(data, target)


@dataclass(frozen=True, slots=True)
class Digits:
    """A BCD number as its digits; a nibble over 9 is a hex letter."""

    size: int
    blank: str = ""

    def read(self, source: Reader) -> str:
        return source.take(self.size).hex()

    def write(self, value: str, target: Writer) -> None:
        padded = value.rjust(2 * self.size, "0")
        try:
            data = bytes.fromhex(padded)
        except ValueError as error:
            raise CannotEncode(f"{value!r} are no digits") from error
        if len(data) != self.size:
            raise CannotEncode(f"{value!r} has more than {2 * self.size} digits")
        target.data += data


@dataclass(frozen=True, slots=True)
class Clock:
    """BCD `YY MM DD hh mm ss` as aware UTC; None: no time, written as zeros."""

    ahead: timedelta = CHINA
    blank: None = None

    def read(self, source: Reader) -> datetime | None:
        return instant_of(source.take(6), self.ahead)

    def write(self, value: datetime | None, target: Writer) -> None:
        target.data += bytes(6) if value is None else clock_of(value, self.ahead)


def text_of(data: bytes) -> str:
    """GBK to text: what is no character is replaced, never an error."""
    return data.decode("gb18030", "replace")


def bytes_of(text: str) -> bytes:
    """Text as GBK: a character that a terminal's GBK does not have becomes a question mark."""
    return text.encode("gbk", "replace")


def instant_of(clock: bytes, ahead: timedelta = CHINA) -> datetime | None:
    """The instant that 6 bytes of BCD name; None where they name none.

    Refused: nibbles over 9, months and days that do not exist, the year 00 of a clock that was
    never set. `ahead`: of UTC.
    """
    year, month, day, hour, minute, second = clock
    if (years := _BCD[year]) <= 0:
        return None
    try:
        local = datetime(
            2000 + years,
            _BCD[month],
            _BCD[day],
            _BCD[hour],
            _BCD[minute],
            _BCD[second],
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return local - ahead


def clock_of(at: datetime, ahead: timedelta = CHINA) -> bytes:
    """An aware instant as 6 bytes of BCD. Raises `CannotEncode` outside 2001 to 2099."""
    local = at.astimezone(UTC) + ahead
    if not 2001 <= local.year <= 2099:
        raise CannotEncode(f"{at.isoformat()} is not between 2001 and 2099")
    return bytes.fromhex(local.strftime("%y%m%d%H%M%S"))
