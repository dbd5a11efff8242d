"""Where one XML document ends in a stream of them, whatever stands in its quotes and comments.

Lexical alone: it knows tags, quotes, comments, CDATA and declarations, and counts the tags that are
named as the outermost one. Whether the document is well formed is for the parser to say.
"""

from __future__ import annotations

import re
from enum import Enum, auto

NAME_BYTES_MAX = 1024
_NAME_END = re.compile(rb"[\s/>\"'<=]")
_WHOLE_TAG = re.compile(
    rb"<(/?)([^\s/>\"'<=!?][^\s/>\"'<=]{0,1000})(?=[\s/>])"
    rb"(?:[^\"'<>]++|\"[^\"]*+\"|'[^']*+')*+>"
)
"""Most tags are there in one piece, and taken so; any other is read state by state."""
_IN_TAG = re.compile(rb"[\"'<>]")
_SLASH = ord("/")
_OPENER_BYTES_MAX = len(b"<![CDATA[")


class Found(Enum):
    """What the scanner came to."""

    NOTHING = auto()
    """It needs more bytes."""
    END = auto()
    """The end of a document, at `at`."""
    CUT = auto()
    """A document began anew at `at` before the one before it had ended."""
    DOCTYPE = auto()
    """A document type; nobody can tell where it ends without reading it."""


class _State(Enum):
    TEXT = auto()
    NAME = auto()
    TAG = auto()
    DOUBLE = auto()
    SINGLE = auto()
    COMMENT = auto()
    CDATA = auto()
    INSTRUCTION = auto()


_CLOSERS = {
    _State.DOUBLE: (b'"', _State.TAG),
    _State.SINGLE: (b"'", _State.TAG),
    _State.COMMENT: (b"-->", _State.TEXT),
    _State.CDATA: (b"]]>", _State.TEXT),
    _State.INSTRUCTION: (b"?>", _State.TEXT),
}


class Scanner:
    """Reads one document from the start of a buffer, each byte once; the next needs a new one."""

    def __init__(self) -> None:
        self.at = 0
        """How far it has read; the end of the document when it says END."""
        self.root_at: int | None = None
        """Where the outermost element begins, once it has."""
        self._state = _State.TEXT
        self._root = b""
        self._depth = 0
        self._name = b""
        self._is_closing = False

    def read(self, buffer: bytearray) -> Found:
        while True:
            before = (self.at, self._state)
            found = self._step(buffer)
            if found is not Found.NOTHING or before == (self.at, self._state):
                return found

    def forget(self, buffer: bytearray) -> int:
        """Drops what it need not see again; how many bytes that were."""
        size = max(0, self.at - 1)
        del buffer[:size]
        self.at -= size
        return size

    def _step(self, buffer: bytearray) -> Found:
        if self._state is _State.TEXT:
            return self._read_text(buffer)
        if self._state is _State.NAME:
            self._read_name(buffer)
            return Found.NOTHING
        if self._state is _State.TAG:
            return self._read_tag(buffer)
        closer, then = _CLOSERS[self._state]
        end = buffer.find(closer, self.at)
        if end < 0:
            self.at = max(self.at, len(buffer) - len(closer) + 1)
        else:
            self.at = end + len(closer)
            self._state = then
        return Found.NOTHING

    def _read_text(self, buffer: bytearray) -> Found:
        start = buffer.find(b"<", self.at)
        if start < 0:
            self.at = len(buffer)
            return Found.NOTHING
        if tag := _WHOLE_TAG.match(buffer, start):
            return self._take_tag(buffer, tag)
        self.at = start
        return self._read_opener(bytes(buffer[start : start + _OPENER_BYTES_MAX]))

    def _take_tag(self, buffer: bytearray, tag: re.Match[bytes]) -> Found:
        if self.root_at is None:
            self.root_at = tag.start()
        self.at = tag.end()
        self._is_closing, self._name = tag.group(1) == b"/", tag.group(2)
        self._root = self._root or self._name
        return self._end_tag(buffer[self.at - 2] == _SLASH)

    def _read_opener(self, head: bytes) -> Found:
        """Which of the things that begin with `<` this is, where its bytes suffice to tell."""
        if head.startswith(b"<!--"):
            self._begin(_State.COMMENT, 4)
        elif head.startswith(b"<![CDATA["):
            self._begin(_State.CDATA, 9)
        elif head.startswith(b"<!"):
            may_be_more = b"<!--".startswith(head) or b"<![CDATA[".startswith(head)
            return Found.NOTHING if may_be_more else Found.DOCTYPE
        elif head.startswith(b"<?"):
            return self._read_instruction(head)
        elif len(head) >= 2:
            self._is_closing = head.startswith(b"</")
            if self.root_at is None:
                self.root_at = self.at
            self._begin(_State.NAME, 2 if self._is_closing else 1)
        return Found.NOTHING

    def _read_instruction(self, head: bytes) -> Found:
        if len(head) < len(b"<?xml"):
            return Found.NOTHING
        if head.startswith(b"<?xml") and self.root_at is not None:
            return Found.CUT
        self._begin(_State.INSTRUCTION, 2)
        return Found.NOTHING

    def _begin(self, state: _State, size: int) -> None:
        self._state = state
        self.at += size

    def _read_name(self, buffer: bytearray) -> None:
        match = _NAME_END.search(buffer, self.at, self.at + NAME_BYTES_MAX)
        if match is None and len(buffer) - self.at < NAME_BYTES_MAX:
            return
        end = match.start() if match else self.at + NAME_BYTES_MAX
        self._name = bytes(buffer[self.at : end])
        self._root = self._root or self._name
        self._state = _State.TAG
        self.at = end

    def _read_tag(self, buffer: bytearray) -> Found:
        match = _IN_TAG.search(buffer, self.at)
        if not match:
            self.at = len(buffer)
            return Found.NOTHING
        sign, self.at = match.group(), match.end()
        if sign == b"<":
            self.at = match.start()
            return Found.CUT
        if sign == b">":
            self._state = _State.TEXT
            return self._end_tag(buffer[self.at - 2] == _SLASH)
        self._state = _State.DOUBLE if sign == b'"' else _State.SINGLE
        return Found.NOTHING

    def _end_tag(self, is_empty: bool) -> Found:
        if self._name == self._root:
            self._depth += -1 if self._is_closing else 0 if is_empty else 1
        return Found.END if self._depth <= 0 else Found.NOTHING
