"""One frame to one message and back. A malformed frame is a value that says why, never an error.

`read` looks at frame and header, `interpret` at the body: between the two, `packets` puts the
packages of a long message together.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

import msgspec

from protocols.jt808 import header as headers
from protocols.jt808.catalogue import BODIES
from protocols.jt808.fields import CannotEncode, MalformedBody
from protocols.jt808.framing import check_of, unescape, wrap
from protocols.jt808.header import Header
from protocols.jt808.layout import Body

FRAME_BYTES_MIN = 13
"""The shorter header and the check byte."""


class Why(StrEnum):
    """What is wrong with a frame."""

    OVERSIZE = "oversize"
    ESCAPE = "escape"
    SHORT = "short"
    CHECK = "check"
    LENGTH = "length"
    PACKAGE = "package"
    ENCRYPTED = "encrypted"
    BODY = "body"


class BadFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A frame that says nothing reliable; the connection stays.

    The header is there where it could be read: a wrong check byte makes it a guess, which nobody
    answers.
    """

    why: Why
    detail: str
    raw: bytes
    """Unescaped, as far as it could be."""
    header: Header | None = None
    body: bytes = b""
    partial: Mapping[str, Any] = {}
    """Fields of the body before the one that could not be read."""

    @property
    def is_answerable(self) -> bool:
        """The sender is known for certain, so it gets its 0x8001: bad message, not supported."""
        return self.header is not None and self.why is not Why.CHECK


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """A frame whose check byte and length are right; its body is not looked at."""

    header: Header
    body: bytes


class Unknown(Body, frozen=True, kw_only=True):
    """A message that this codec has no layout for: all of its body is `extra`."""

    ID: ClassVar[int] = -1
    message_id: int


def read(escaped: bytes) -> Packet | BadFrame:
    """What lies between two delimiters."""
    try:
        frame = unescape(escaped)
    except ValueError as error:
        return BadFrame(why=Why.ESCAPE, detail=str(error), raw=escaped)
    return read_unescaped(frame)


def read_unescaped(frame: bytes) -> Packet | BadFrame:
    """A frame whose escapes are undone, with its check byte, without delimiters."""
    if len(frame) < FRAME_BYTES_MIN:
        return BadFrame(why=Why.SHORT, detail=f"{len(frame)} bytes", raw=frame)
    try:
        header, body_at = headers.parse(frame)
    except ValueError as error:
        return BadFrame(why=Why.SHORT, detail=str(error), raw=frame)
    if body_at >= len(frame):
        return BadFrame(why=Why.SHORT, detail="no check byte behind the header", raw=frame)
    body = frame[body_at:-1]
    is_good = len(body) == header.body_bytes and not header.encryption and not check_of(frame)
    if is_good:
        return Packet(header=header, body=body)
    why, detail = _wrong_with(frame, header, body)
    return BadFrame(why=why, detail=detail, raw=frame, header=header, body=body)


def _wrong_with(frame: bytes, header: Header, body: bytes) -> tuple[Why, str]:
    if check_of(frame):
        return Why.CHECK, f"check byte {frame[-1]:02x}, {check_of(frame[:-1]):02x} is right"
    if len(body) != header.body_bytes:
        return Why.LENGTH, f"body of {len(body)} bytes, its header says {header.body_bytes}"
    return Why.ENCRYPTED, f"encryption {header.encryption} is not supported"


def interpret(header: Header, body: bytes) -> Body | BadFrame:
    """The message in a whole body."""
    layout = BODIES.get(header.message_id)
    if layout is None:
        return Unknown(message_id=header.message_id, extra=body)
    try:
        return layout.decode(body, header.dialect)
    except MalformedBody as error:
        return BadFrame(
            why=Why.BODY,
            detail=str(error),
            raw=body,
            header=header,
            body=body,
            partial=dict(error.partial),
        )


def decode(escaped: bytes) -> tuple[Header, Body] | BadFrame:
    """`read` and `interpret` for a message that is whole. A package alone is a `BadFrame`."""
    packet = read(escaped)
    if isinstance(packet, BadFrame):
        return packet
    message = interpret(packet.header, packet.body)
    return message if isinstance(message, BadFrame) else (packet.header, message)


def id_of(message: Body) -> int:
    return message.message_id if isinstance(message, Unknown) else message.ID


def encode(header: Header, body: bytes) -> bytes:
    """One frame on the wire. Raises `CannotEncode`, over 1,023 bytes of body, too."""
    try:
        return wrap(headers.build(header, len(body)) + body)
    except OverflowError as error:
        raise CannotEncode(f"header: {error}") from error
