"""Events out of a connection's bytes, wherever the network has cut them.

XML documents stand back to back, with or without declarations and white space between them; frames
of protobuf begin with a byte that no XML begins with. So a stream is read as it comes, whatever was
negotiated, and a WebSocket's messages are read the same way.

Bounds: one event has `EVENT_BYTES_MAX`, a longer one is passed over and told, up to
`SKIPPED_BYTES_MAX`; between two good events at most `JUNK_BYTES_MAX` of anything else and
`BAD_IN_A_ROW_MAX` bad ones. Past a bound the stream is broken: nobody could say what comes next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from protocols.cot.errors import MalformedEvent, UnsafeXml
from protocols.cot.event import EVENT_BYTES_MAX, Event
from protocols.cot.messages import MAGIC, read_message
from protocols.cot.protobuf import read_varint
from protocols.cot.scanner import Found, Scanner
from protocols.cot.xmltext import read_event

SKIPPED_BYTES_MAX = 4 * 1024 * 1024
"""Of one event that is too long."""
JUNK_BYTES_MAX = 64 * 1024
BAD_IN_A_ROW_MAX = 64
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SPACE = re.compile(rb"(?:[ \t\r\n]|\xef\xbb\xbf)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEvent:
    """Something that came in place of an event."""

    reason: str
    uid: str = ""
    """What it calls itself, and its type, where that much of it could be read."""
    kind: str = ""
    is_fatal: bool = False
    """Nothing more will come of this stream: close the connection."""


class Stream:
    """`receive` bytes, then take what they made with `next` until it is None."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanner = Scanner()
        self._skipped = 0
        """Bytes of the document at hand that were dropped because it is too long."""
        self._to_skip = 0
        """Bytes of a frame that is too long which are still to come."""
        self._junk = 0
        """Since the last good event."""
        self._in_junk = False
        self._bad_in_a_row = 0
        self.is_broken = False

    @property
    def buffered(self) -> int:
        """Bytes that wait for the rest of their event; bounded by `EVENT_BYTES_MAX`."""
        return len(self._buffer)

    def receive(self, data: bytes) -> None:
        """Take all that they made before the next bytes, or they pile up."""
        if not self.is_broken:
            self._buffer += data

    def next(self) -> Event | BadEvent | None:
        """The next event, or what is wrong with it; None: it needs more bytes."""
        while not self.is_broken:
            before = len(self._buffer)
            item = self._next()
            if item is not None:
                return self._count(item)
            if len(self._buffer) == before:
                return None
        return None

    def end(self) -> BadEvent | None:
        """No more bytes will come: what is wrong with the rest."""
        if self.is_broken or not (self._buffer.strip() or self._skipped or self._to_skip):
            return None
        self._break()
        return BadEvent(reason="the last event is cut short", is_fatal=True)

    def _count(self, item: Event | BadEvent) -> Event | BadEvent:
        if isinstance(item, Event):
            self._bad_in_a_row = self._junk = 0
            return item
        self._bad_in_a_row += 1
        if not item.is_fatal and self._bad_in_a_row >= BAD_IN_A_ROW_MAX:
            item = BadEvent(reason=f"{self._bad_in_a_row} bad events in a row", is_fatal=True)
        if item.is_fatal:
            self._break()
        return item

    def _break(self) -> None:
        self.is_broken = True
        self._buffer.clear()

    def _next(self) -> Event | BadEvent | None:
        """One step; None: it took some bytes that are no event, or it needs more."""
        if self._to_skip:
            self._skip_frame()
            return None
        if self._scanner.at or self._skipped:
            return self._document()
        if not self._in_junk:
            self._pass_space()
        if not self._buffer:
            return None
        if self._buffer[0] == MAGIC and not self._in_junk:
            return self._frame()
        start = self._buffer.find(b"<")
        if start != 0:
            return self._pass_junk(start)
        self._in_junk = False
        return self._document()

    def _pass_space(self) -> None:
        space = _SPACE.match(self._buffer)
        if space:
            del self._buffer[: space.end()]

    def _pass_junk(self, end: int) -> BadEvent | None:
        if not self._in_junk and _BYTE_ORDER_MARK.startswith(self._buffer):
            return None
        size = len(self._buffer) if end < 0 else end
        del self._buffer[:size]
        is_first, self._junk = self._junk == 0, self._junk + size
        self._in_junk = end < 0
        if self._junk > JUNK_BYTES_MAX:
            return BadEvent(reason=f"more than {JUNK_BYTES_MAX} bytes of junk", is_fatal=True)
        return BadEvent(reason="bytes that begin no event") if is_first else None

    # -- XML ---------------------------------------------------------------------------------------

    def _document(self) -> Event | BadEvent | None:
        found = self._scanner.read(self._buffer)
        if found is Found.NOTHING:
            return self._wait_for_document()
        if found is Found.DOCTYPE:
            return BadEvent(reason="a document type is not accepted", is_fatal=True)
        size, root_at = self._scanner.at, self._scanner.root_at or 0
        is_long = self._skipped > 0 or size > EVENT_BYTES_MAX
        text = b"" if is_long or found is Found.CUT else bytes(self._buffer[root_at:size])
        del self._buffer[:size]
        self._scanner, self._skipped = Scanner(), 0
        if found is Found.CUT:
            return BadEvent(reason="an event is cut short by the next")
        if is_long:
            return BadEvent(reason=f"an event of more than {EVENT_BYTES_MAX} bytes")
        return _read(text)

    def _wait_for_document(self) -> BadEvent | None:
        if self._skipped or len(self._buffer) > EVENT_BYTES_MAX:
            self._skipped += self._scanner.forget(self._buffer)
        if self._skipped > SKIPPED_BYTES_MAX:
            return BadEvent(
                reason=f"an event of more than {SKIPPED_BYTES_MAX} bytes", is_fatal=True
            )
        return None

    # -- protobuf ----------------------------------------------------------------------------------

    def _frame(self) -> Event | BadEvent | None:
        try:
            length = read_varint(self._buffer, 1)
        except MalformedEvent as error:
            return BadEvent(reason=str(error), is_fatal=True)
        if length is None:
            return None
        size, start = length
        if size > SKIPPED_BYTES_MAX:
            return BadEvent(reason=f"a frame of {size} bytes", is_fatal=True)
        if size > EVENT_BYTES_MAX:
            del self._buffer[:start]
            self._to_skip = size
            return BadEvent(reason=f"an event of more than {EVENT_BYTES_MAX} bytes")
        if len(self._buffer) < start + size:
            return None
        message = bytes(self._buffer[start : start + size])
        del self._buffer[: start + size]
        return _read_frame(message)

    def _skip_frame(self) -> None:
        size = min(self._to_skip, len(self._buffer))
        del self._buffer[:size]
        self._to_skip -= size


def _read(text: bytes) -> Event | BadEvent:
    try:
        return read_event(text)
    except UnsafeXml as error:
        return BadEvent(reason=str(error), is_fatal=True)
    except MalformedEvent as error:
        return BadEvent(reason=str(error), uid=error.uid, kind=error.kind)


def _read_frame(message: bytes) -> Event | BadEvent | None:
    """None: a message about the protocol itself, which holds no event."""
    try:
        return read_message(message)
    except MalformedEvent as error:
        return BadEvent(reason=str(error), uid=error.uid, kind=error.kind)
