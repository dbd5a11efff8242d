"""One connection with a terminal or a platform: bytes in, messages out, and the other way.

Says nothing of its own accord: who answers what is the session's business. Time is an argument.
"""

from __future__ import annotations

from typing import Final

import msgspec

from protocols.jt808.codec import BadFrame, Why, id_of, interpret, read
from protocols.jt808.fields import Dialect
from protocols.jt808.framing import FRAME_BYTES_MAX, Splitter
from protocols.jt808.header import Header
from protocols.jt808.layout import Body
from protocols.jt808.packets import Assembly, GaveUp, Missing, PackageTaken, Sender, Whole


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A message came whole."""

    header: Header
    """Of its first package, where it came in several."""
    message: Body
    packages: tuple[Header, ...] = ()
    """Headers of all, where it came in several."""

    @property
    def headers(self) -> tuple[Header, ...]:
        """Of every frame that is to be answered."""
        return self.packages or (self.header,)


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    serial: int
    """Of the first frame: what an answer names."""
    frames: tuple[bytes, ...]


_OVERSIZE: Final = BadFrame(
    why=Why.OVERSIZE, detail=f"a frame over {FRAME_BYTES_MAX} bytes", raw=b""
)

Event = Received | BadFrame | PackageTaken | Missing | GaveUp


class Channel:
    """Both directions. Answers in the layout, version and phone that the other side used last."""

    def __init__(self, *, phone: bytes = bytes(6), dialect: Dialect = Dialect.Y2013) -> None:
        self.phone = phone
        self.dialect = dialect
        self.version = 1
        self._splitter = Splitter()
        self._assembly = Assembly()
        self._sender = Sender()

    @property
    def kept_bytes(self) -> int:
        """Of frames and messages that are not complete."""
        return self._splitter.kept_bytes + self._assembly.kept_bytes

    @property
    def skipped_bytes(self) -> int:
        """Outside of frames, and in frames that grew too long."""
        return self._splitter.skipped_bytes

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Bytes of a stream in any pieces."""
        return self._receive(self._splitter, data, now)

    def receive_datagram(self, data: bytes, now: float) -> list[Event]:
        """Whole frames alone: what a datagram does not finish is lost with it."""
        return self._receive(Splitter(), data, now)

    def next_deadline(self) -> float | None:
        return self._assembly.next_deadline()

    def expire(self, now: float) -> list[Missing | GaveUp]:
        return self._assembly.expire(now)

    def send(self, message: Body) -> Sent:
        """The frames of a message to the other side. Raises `CannotEncode`."""
        header = Header(
            message_id=id_of(message),
            phone=self.phone,
            serial=0,
            dialect=self.dialect,
            version=self.version,
        )
        serial, frames = self._sender.frames(header, message.encode(self.dialect))
        return Sent(serial=serial, frames=frames)

    def send_again(self, first_serial: int, numbers: tuple[int, ...]) -> tuple[bytes, ...]:
        """Packages of a message sent before, as the other side asked for them."""
        return self._sender.again(first_serial, numbers)

    def _receive(self, splitter: Splitter, data: bytes, now: float) -> list[Event]:
        oversize_before = splitter.oversize
        events: list[Event] = []
        for frame in splitter.feed(data):
            events += self._take(frame, now)
        events += [_OVERSIZE] * (splitter.oversize - oversize_before)
        return events

    def _take(self, frame: bytes, now: float) -> list[Event]:
        packet = read(frame)
        if isinstance(packet, BadFrame):
            return [packet]
        header = packet.header
        self.phone, self.dialect, self.version = header.phone, header.dialect, header.version
        if not header.is_package:
            return [_received(header, packet.body)]
        return [
            _received(event.packages[0], event.body, event.packages)
            if isinstance(event, Whole)
            else event
            for event in self._assembly.take(packet, now)
        ]


def _received(header: Header, body: bytes, packages: tuple[Header, ...] = ()) -> Event:
    message = interpret(header, body)
    if isinstance(message, BadFrame):
        return message
    return Received(header=header, message=message, packages=packages)
