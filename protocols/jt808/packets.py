"""Long messages: put together from the packages that come, parted into those that go.

JT/T 808-2019 §4.4.3, 8.4. The packages of a message have consecutive serials and are numbered from
1, so its first serial names it. What lacks is asked for with 0x8003 (or the terminal's 0x0005) and
comes again unchanged. What is kept is bounded in number, bytes and time.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

import msgspec

from protocols.jt808.codec import BadFrame, Packet, Why, encode
from protocols.jt808.fields import CannotEncode
from protocols.jt808.header import BODY_BYTES_MAX, SERIALS, Header

PACKAGES_MAX: Final = 200
"""Of one message: about 200 KB, a photograph."""
OPEN_MAX: Final = 8
"""Messages in the making; a ninth takes the place of the one that has waited longest."""
DONE_REMEMBERED: Final = 32
"""Whose late or repeated packages are known for what they are."""
QUIET_S: Final = 3.0
"""Since the last package, before what lacks is asked for."""
ASKS_MAX: Final = 3
TIMEOUT_S: Final = 60.0
"""Since the last package, before the message is given up."""
KEPT_MAX: Final = 4
"""Messages sent in packages that can be asked for again."""

_Key = tuple[bytes, int, int]


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """All packages of a message came."""

    body: bytes
    packages: tuple[Header, ...]
    """Their headers in the order of the numbers: each wants its answer."""


class PackageTaken(msgspec.Struct, frozen=True, kw_only=True):
    """A package came, new or again, and its message is not whole by it."""

    header: Header
    is_news: bool


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """These packages did not come: ask for them."""

    header: Header
    """Of a package that did."""
    numbers: tuple[int, ...]


class GaveUp(msgspec.Struct, frozen=True, kw_only=True):
    """A message stays incomplete; what came of it is dropped."""

    header: Header
    came: int
    is_crowded_out: bool
    """Not by time: `OPEN_MAX` newer ones needed its place."""


@dataclass(slots=True)
class _Open:
    header: Header
    heard_at: float
    ask_at: float
    asks: int = 0
    parts: dict[int, Packet] = field(default_factory=dict)

    @property
    def lacks(self) -> tuple[int, ...]:
        return tuple(n for n in range(1, self.header.total + 1) if n not in self.parts)

    @property
    def due_at(self) -> float:
        gives_up_at = self.heard_at + TIMEOUT_S
        return min(self.ask_at, gives_up_at) if self.asks < ASKS_MAX else gives_up_at


class Assembly:
    """Packages in any order, repeated or lost; `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._open: OrderedDict[_Key, _Open] = OrderedDict()
        self._done: OrderedDict[_Key, None] = OrderedDict()

    @property
    def kept_bytes(self) -> int:
        return sum(len(p.body) for each in self._open.values() for p in each.parts.values())

    def take(
        self, packet: Packet, now: float
    ) -> list[Whole | PackageTaken | Missing | GaveUp | BadFrame]:
        """One package; its message, once it is whole."""
        header = packet.header
        if not 1 <= header.number <= header.total <= PACKAGES_MAX:
            return [_no_package(packet)]
        key = (header.phone, header.message_id, header.first_serial)
        if key in self._done:
            return [PackageTaken(header=header, is_news=False)]
        making = self._open.get(key)
        if making is not None and making.header.total != header.total:
            return [_no_package(packet)]
        gave_up = self._make_room() if making is None else []
        making = making or self._open.setdefault(key, _Open(header, now, now + QUIET_S))
        is_news = header.number not in making.parts
        making.parts.setdefault(header.number, packet)
        making.heard_at, making.ask_at = now, now + QUIET_S
        self._open.move_to_end(key)
        if len(making.parts) == header.total:
            return [*gave_up, self._finish(key, making)]
        taken = PackageTaken(header=header, is_news=is_news)
        ended = header.number == header.total and not making.asks
        return [*gave_up, taken, *(self._ask(making, now) if ended else ())]

    def next_deadline(self) -> float | None:
        """When `expire` has something to do."""
        return min((each.due_at for each in self._open.values()), default=None)

    def expire(self, now: float) -> list[Missing | GaveUp]:
        """What to ask for, and what there is no more hope for."""
        events: list[Missing | GaveUp] = []
        for key, making in list(self._open.items()):
            if now >= making.heard_at + TIMEOUT_S:
                del self._open[key]
                events.append(_given_up(making, crowded_out=False))
            elif now >= making.due_at:
                events += self._ask(making, now)
        return events

    def _ask(self, making: _Open, now: float) -> list[Missing]:
        making.asks += 1
        making.ask_at = now + QUIET_S * (making.asks + 1)
        return [Missing(header=making.header, numbers=making.lacks)]

    def _finish(self, key: _Key, making: _Open) -> Whole:
        del self._open[key]
        self._done[key] = None
        if len(self._done) > DONE_REMEMBERED:
            self._done.popitem(last=False)
        parts = [making.parts[number] for number in sorted(making.parts)]
        return Whole(
            body=b"".join(part.body for part in parts),
            packages=tuple(part.header for part in parts),
        )

    def _make_room(self) -> list[GaveUp]:
        if len(self._open) < OPEN_MAX:
            return []
        _, oldest = self._open.popitem(last=False)
        return [_given_up(oldest, crowded_out=True)]


def _no_package(packet: Packet) -> BadFrame:
    header = packet.header
    return BadFrame(
        why=Why.PACKAGE,
        detail=f"package {header.number} of {header.total}, {PACKAGES_MAX} at most",
        raw=packet.body,
        header=header,
        body=packet.body,
    )


def _given_up(making: _Open, *, crowded_out: bool) -> GaveUp:
    return GaveUp(header=making.header, came=len(making.parts), is_crowded_out=crowded_out)


class Sender:
    """Frames of one side of a connection: counts serials, parts what is long, keeps it a while."""

    def __init__(self, *, serial: int = 0) -> None:
        self._serial = serial
        self._kept: OrderedDict[int, tuple[bytes, ...]] = OrderedDict()

    def frames(self, header: Header, body: bytes) -> tuple[int, tuple[bytes, ...]]:
        """The first serial and the frames of a message. Raises `CannotEncode`.

        Of `header` the addressing counts; serial and numbering are this sender's.
        """
        parts = [body[at : at + BODY_BYTES_MAX] for at in range(0, len(body), BODY_BYTES_MAX)]
        total = len(parts)
        if total > PACKAGES_MAX:
            raise CannotEncode(f"{len(body)} bytes need {total} packages, {PACKAGES_MAX} at most")
        first = self._serial
        frames = tuple(
            encode(
                msgspec.structs.replace(
                    header,
                    serial=(first + index) % SERIALS,
                    total=total if total > 1 else 0,
                    number=index + 1 if total > 1 else 0,
                ),
                part,
            )
            for index, part in enumerate(parts or [b""])
        )
        self._serial = (first + len(frames)) % SERIALS
        if total > 1:
            self._keep(first, frames)
        return first, frames

    def again(self, first_serial: int, numbers: tuple[int, ...]) -> tuple[bytes, ...]:
        """The packages that the other side lacks, unchanged; none of what is not kept any more."""
        frames = self._kept.get(first_serial, ())
        return tuple(frames[n - 1] for n in dict.fromkeys(numbers) if 1 <= n <= len(frames))

    def _keep(self, first: int, frames: tuple[bytes, ...]) -> None:
        self._kept.pop(first, None)
        self._kept[first] = frames
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
