"""The bytes of Protocol Buffers: varints and fields, as far as TAK's messages need them.

`takproto` on PyPI writes these messages, too, but it cannot turn them back into XML, loses what it
has no field for, and brings Google's runtime and its generated, untyped classes along. It stands in
the tests as the other implementation. Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from protocols.cot.errors import MalformedEvent

VARINT_BYTES_MAX = 10
FIELDS_MAX = 4096
"""Of one message, unknown ones with them."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DOUBLE = struct.Struct("<d")


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """Value and the position behind it; None: it does not end here. Raises `MalformedEvent`."""
    value = 0
    for size in range(VARINT_BYTES_MAX):
        if at + size >= len(data):
            return None
        byte = data[at + size]
        value |= (byte & 0x7F) << (7 * size)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + size + 1
    raise MalformedEvent("a varint of more than 10 bytes")


class Fields:
    """The fields of one message that was read. Of a number said twice, the last one counts."""

    def __init__(self, data: bytes) -> None:
        """Raises `MalformedEvent`."""
        self._numbers: dict[int, int] = {}
        self._doubles: dict[int, float] = {}
        self._parts: dict[int, list[bytes]] = {}
        for count, (field, kind, value) in enumerate(_fields(data)):
            if count >= FIELDS_MAX:
                raise MalformedEvent(f"more than {FIELDS_MAX} fields in one message")
            if isinstance(value, int):
                self._numbers[field] = value
            elif kind == _FIXED64:
                self._doubles[field] = _DOUBLE.unpack(value)[0]
            elif kind == _BYTES:
                self._parts.setdefault(field, []).append(value)

    def uint(self, field: int) -> int:
        return self._numbers.get(field, 0)

    def double(self, field: int) -> float:
        return self._doubles.get(field, 0.0)

    def text(self, field: int) -> str:
        """Raises `MalformedEvent`."""
        try:
            return self._parts.get(field, [b""])[-1].decode()
        except UnicodeDecodeError:
            raise MalformedEvent(f"field {field} is not UTF-8") from None

    def message(self, field: int) -> Fields | None:
        """A message within; parts of it that came apart are one. Raises `MalformedEvent`."""
        parts = self._parts.get(field)
        return None if parts is None else Fields(b"".join(parts))


def _fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _whole(read_varint(data, at))
        field, kind = tag >> 3, tag & 7
        if field == 0:
            raise MalformedEvent("a field without a number")
        if kind == _VARINT:
            value, at = _whole(read_varint(data, at))
            yield field, kind, value
            continue
        size, at = _size(data, at, kind)
        if size > len(data) - at:
            raise MalformedEvent(f"field {field} is cut short")
        yield field, kind, data[at : at + size]
        at += size


def _size(data: bytes, at: int, kind: int) -> tuple[int, int]:
    if kind == _BYTES:
        return _whole(read_varint(data, at))
    if kind == _FIXED64:
        return 8, at
    if kind == _FIXED32:
        return 4, at
    raise MalformedEvent(f"wire type {kind} is not known")


def _whole(read: tuple[int, int] | None) -> tuple[int, int]:
    if read is None:
        raise MalformedEvent("a number is cut short")
    return read


class Writer:
    """A message being written, in the order of the calls; what is empty or 0 is left out."""

    def __init__(self) -> None:
        self._out = bytearray()

    def __bytes__(self) -> bytes:
        return bytes(self._out)

    def uint(self, field: int, value: int) -> None:
        if value:
            self._out += varint(field << 3 | _VARINT) + varint(value)

    def double(self, field: int, value: float) -> None:
        if value:
            self._out += varint(field << 3 | _FIXED64) + _DOUBLE.pack(value)

    def text(self, field: int, value: str) -> None:
        if value:
            self.message(field, value.encode(errors="replace"))

    def message(self, field: int, value: bytes) -> None:
        """Written even when empty: that it is there says something."""
        self._out += varint(field << 3 | _BYTES) + varint(len(value)) + value
