"""Frames in what a person pasted: escaped or not, with delimiters or without, in lines of a log.

A log often has frames whose escapes are undone, so that `7e` and `7d` stand within them. What is
whole when it is read by the rules of the wire is read so; else the length in its header is tried.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from protocols.jt808 import header as headers
from protocols.jt808.codec import BadFrame, Packet, Why, read, read_unescaped
from protocols.jt808.framing import DELIMITER, check_of

_MARKS: Final = re.compile(r"\(byte\)|0x|\\x", re.IGNORECASE)
_GAPS: Final = r"[\s,;:|_'\"\[\](){}<>-]"
_BETWEEN: Final = re.compile(f"{_MARKS.pattern}|{_GAPS}", re.IGNORECASE)
_FRAME_BYTES_MIN: Final = 13
"""A header of 2013 and the check byte."""
_FRAME_IN_TEXT: Final = re.compile(
    rf"(?<![0-9a-z])(?:7e(?:{_GAPS}*[0-9a-f]{{2}})+|[0-9a-f]{{26,}}(?![0-9a-z]))", re.IGNORECASE
)
"""From a delimiter on, or a word that is long enough for a header and a check byte."""
_OFFSET: Final = re.compile(r"\s*(?:0x)?([0-9a-f]{4,8}):?\s+", re.IGNORECASE)
_OFFSET_LINE_BYTES_MAX: Final = 64
_PAIRS: Final = re.compile(r"(?:[0-9a-f]{2})+", re.IGNORECASE)


def frames_of_texts(texts: Sequence[str]) -> list[Packet | BadFrame]:
    """Frames in hex, in one text or several. ValueError: none of it is hex.

    A text may hold frames, a word may be one, or all be pieces of a dump; where that leaves
    something unread, lines may have offsets in front, or words of a log around the frames. What
    gives most good frames is meant.
    """
    words = [word for text in texts for word in text.split()]
    plain = [_all_hex(parts) for parts in (texts, words, ["".join(words)])]
    best = max(filter(None, plain), key=_goodness, default=None)
    if best and all(isinstance(frame, Packet) for frame in best):
        return best
    lines = [line for text in texts for line in text.splitlines()]
    readings = (_with_offsets(lines), _in_text(lines), _in_text(["\n".join(lines)]))
    loose = max(filter(None, readings), key=_goodness, default=None)
    if loose and (not best or _goodness(loose) > _goodness(best)):
        return loose
    if best is None and None in plain:
        raise ValueError(f"{' '.join(words)[:60]!r} is no hex")
    return best or []


def _goodness(frames: Sequence[Packet | BadFrame]) -> tuple[int, int]:
    good = sum(isinstance(frame, Packet) for frame in frames)
    return good, good - len(frames)


def _all_hex(parts: Sequence[str]) -> list[Packet | BadFrame] | None:
    """Each part as hex and nothing else; None where one is not."""
    try:
        digits = [_hex(part) for part in parts]
    except ValueError:
        return None
    return [frame for each in digits for frame in frames_in(bytes.fromhex(each))]


def _in_text(parts: Sequence[str]) -> list[Packet | BadFrame]:
    """The frames that stand among other words: times, addresses, names of programs."""
    return [
        frame
        for part in parts
        for run in _FRAME_IN_TEXT.findall(_MARKS.sub(" ", part))
        for frame in frames_in(_to_delimiter(bytes.fromhex(_hex(run))))
    ]


def _to_delimiter(data: bytes) -> bytes:
    """Without a number or a time behind the last frame, too short to be one."""
    end = data.rfind(DELIMITER) + 1
    is_closed = data[:1] == DELIMITER and end > 1 and data[end - 2 : end - 1] != DELIMITER
    tail = data[end:]
    is_number = len(tail) < _FRAME_BYTES_MIN and tail.hex().isdecimal()
    return data[:end] if is_closed and is_number else data


def _with_offsets(lines: Sequence[str]) -> list[Packet | BadFrame]:
    """A dump with the place of its first byte in front of each line, and perhaps text behind.

    How many bytes a line has is known from the next one.
    """
    starts = [found for line in lines if line.strip() and (found := _OFFSET.match(line))]
    data = bytearray()
    for index, start in enumerate(starts):
        following = starts[index + 1] if index + 1 < len(starts) else None
        offset = int(start[1], 16)
        size = (int(following[1], 16) if following else offset + _OFFSET_LINE_BYTES_MAX) - offset
        if offset != len(data) or not 0 < size <= _OFFSET_LINE_BYTES_MAX:
            return []
        for word in start.string[start.end() :].split():
            if len(data) >= offset + size or not _PAIRS.fullmatch(word):
                break
            data += bytes.fromhex(word)
        del data[offset + size :]
    return frames_in(_to_delimiter(bytes(data)))


def frames_in(data: bytes) -> list[Packet | BadFrame]:
    """Every frame, good or bad, in the order of the bytes."""
    frames: list[Packet | BadFrame] = []
    at = 0
    while at < len(data):
        if data[at : at + 1] == DELIMITER:
            at += 1
            continue
        frame, at = _next(data, at)
        frames.append(frame)
    has_prefix = len(frames) > 1 and not data.startswith(DELIMITER)
    return frames[1:] if has_prefix and isinstance(frames[0], BadFrame) else frames


def _next(data: bytes, at: int) -> tuple[Packet | BadFrame, int]:
    """The frame that begins at `at`, and where what follows it begins."""
    found = data.find(DELIMITER, at)
    end = len(data) if found < 0 else found
    on_wire = read(data[at:end])
    if isinstance(on_wire, Packet):
        return on_wire, end
    said_end = _end_by_header(data, at)
    if said_end is not None:
        return read_unescaped(data[at:said_end]), said_end
    if on_wire.why is Why.ESCAPE:
        return read_unescaped(data[at:end]), end
    return on_wire, end


def _end_by_header(data: bytes, at: int) -> int | None:
    """Where the frame ends if no escapes are in it; None where no end can be there."""
    try:
        header, body_at = headers.parse(data[at : at + headers.HEADER_BYTES_MAX])
    except ValueError:
        return None
    end = at + body_at + header.body_bytes + 1
    is_closed = data[end : end + 1] == DELIMITER
    return end if is_closed or (end == len(data) and not check_of(data[at:end])) else None


def _hex(text: str) -> str:
    """Its digits alone, without half a byte at the end. ValueError: there is something else."""
    digits = _BETWEEN.sub("", text).lower()
    if not re.fullmatch("[0-9a-f]*", digits):
        raise ValueError(f"{text[:60]!r} is no hex")
    return digits[: len(digits) // 2 * 2]
