"""Frames of JT/T 808 in a stream of bytes: delimiters, escapes, the check byte.

JT/T 808-2019 §4.4. A frame is `7e`, the escaped header, body and check, `7e`. `Splitter` takes
bytes as they come and bounds what it keeps; it does not know what a header is.
"""

from __future__ import annotations

from typing import Final

DELIMITER: Final = b"\x7e"
ESCAPE: Final = b"\x7d"
FRAME_BYTES_MAX: Final = 4096
"""Between two delimiters, escaped: twice the 2,090 that the standard needs at most."""
_BYTE_BITS: Final = 8


class Splitter:
    """The bytes of one connection in any pieces; what lies between two delimiters out.

    Bytes outside of frames are skipped, two delimiters in a row are one, one may end a frame and
    begin the next. What grows over `FRAME_BYTES_MAX` is dropped up to the next delimiter.
    """

    def __init__(self) -> None:
        self._kept = bytearray()
        self._is_inside = False
        self.skipped_bytes = 0
        """Outside of frames and in those that grew too long."""
        self.oversize = 0
        """Frames that grew too long."""

    @property
    def kept_bytes(self) -> int:
        """Of a frame whose end has not come."""
        return len(self._kept)

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that `data` completes, still escaped and without delimiters."""
        if not self._kept and data[:1] == DELIMITER == data[-1:] and len(data) <= FRAME_BYTES_MAX:
            self._is_inside = True
            return [frame for frame in data.split(DELIMITER) if frame]
        first, *others = data.split(DELIMITER)
        frames: list[bytes] = []
        self._keep(first)
        for piece in others:
            if self._kept:
                frames.append(bytes(self._kept))
                self._kept.clear()
            self._is_inside = True
            self._keep(piece)
        return frames

    def _keep(self, piece: bytes) -> None:
        if not self._is_inside:
            self.skipped_bytes += len(piece)
        elif len(self._kept) + len(piece) > FRAME_BYTES_MAX:
            self.skipped_bytes += len(self._kept) + len(piece)
            self.oversize += 1
            self._kept.clear()
            self._is_inside = False
        else:
            self._kept += piece


def unescape(data: bytes) -> bytes:
    """A frame without delimiters, `7d 02` and `7d 01` undone.

    ValueError: another byte, or none, follows a `7d`.
    """
    if ESCAPE not in data:
        return data
    first, *others = data.split(ESCAPE)
    parts = [first]
    for piece in others:
        if piece[:1] == b"\x02":
            parts += (DELIMITER, piece[1:])
        elif piece[:1] == b"\x01":
            parts += (ESCAPE, piece[1:])
        else:
            raise ValueError(f"7d {piece[:1].hex() or 'and the end'} is no escape")
    return b"".join(parts)


def escape(data: bytes) -> bytes:
    """The other way: `7d` first, then `7e`."""
    return data.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


def wrap(checked: bytes) -> bytes:
    """Header and body with their check byte, escaped, between delimiters."""
    return DELIMITER + escape(checked + bytes((check_of(checked),))) + DELIMITER


def check_of(data: bytes) -> int:
    """Exclusive or of all bytes.

    As one integer whose upper half is laid over its lower half until a byte is left: a few
    operations on long integers in place of one for each byte.
    """
    folded = int.from_bytes(data)
    half = 4 << (len(data) - 1).bit_length()
    while half >= _BYTE_BITS:
        folded ^= folded >> half
        half >>= 1
    return folded & 0xFF
