"""What waits for one client to read: news of the map that overtakes itself, and words that do not.

    position   the newest of a uid takes the place of the older one that still waits; the county
               moving costs a slow reader memory for its units, not for its hours
    word       chat, receipts, alerts, deletions: in order, and none is ever dropped

Full: positions give way, the oldest first (their thing is told again before it is stale); where
words alone fill the queue, the client is a slow consumer, and its connection is closed.
Values in, values out; `now` is monotonic seconds.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from protocols.cot.event import Event
from protocols.cot.messages import write_frame
from protocols.cot.xmltext import write_document


@dataclass(slots=True, eq=False)
class Parcel:
    """One event on its way to any number of clients; written once in each form."""

    event: Event
    _xml: bytes | None = field(default=None, init=False)
    _frame: bytes | None = field(default=None, init=False)

    @property
    def xml(self) -> bytes:
        if self._xml is None:
            self._xml = write_document(self.event)
        return self._xml

    @property
    def frame(self) -> bytes:
        if self._frame is None:
            self._frame = write_frame(self.event)
        return self._frame

    def written(self, *, as_protobuf: bool) -> bytes:
        return self.frame if as_protobuf else self.xml


class Outgoing:
    """The queue of one client. Sizes are those of the XML, the larger form."""

    def __init__(self, *, bytes_max: int) -> None:
        self.bytes_waiting = 0
        self.waits_since: float | None = None
        """Since when something waits."""
        self.dropped = 0
        """Positions that gave way, so far."""
        self._bytes_max = bytes_max
        self._positions: OrderedDict[str, Parcel] = OrderedDict()
        self._words: deque[tuple[Parcel, str]] = deque()
        self._words_bytes = 0
        self._taken: list[str] = []

    def __len__(self) -> int:
        return len(self._positions) + len(self._words)

    def put_position(self, parcel: Parcel, now: float) -> None:
        """In the place of the one of its uid that waits, if any."""
        uid = parcel.event.uid
        if (older := self._positions.get(uid)) is not None:
            self.bytes_waiting -= len(older.xml)
        self._positions[uid] = parcel
        self._count(parcel, now)
        self._make_room()

    def put_word(self, parcel: Parcel, now: float, name: str = "") -> bool:
        """False: there is no room for words any more. `name`: told by `taken` once it left."""
        if self._words and self._words_bytes + len(parcel.xml) > self._bytes_max:
            return False
        self._words.append((parcel, name))
        self._words_bytes += len(parcel.xml)
        self._count(parcel, now)
        self._make_room()
        return True

    def withdraw(self, uid: str) -> None:
        """What waits to be said of this uid's position is not true any more."""
        if (waiting := self._positions.pop(uid, None)) is not None:
            self.bytes_waiting -= len(waiting.xml)

    def take(self, bytes_max: int, now: float, *, as_protobuf: bool) -> list[bytes]:
        """What to write now, words first: so much, and at least one; the rest waits from now on."""
        out: list[bytes] = []
        size = 0
        while len(self) and (not out or size < bytes_max):
            if self._words:
                parcel, name = self._words.popleft()
                self._words_bytes -= len(parcel.xml)
                if name:
                    self._taken.append(name)
            else:
                _, parcel = self._positions.popitem(last=False)
            self.bytes_waiting -= len(parcel.xml)
            out.append(parcel.written(as_protobuf=as_protobuf))
            size += len(out[-1])
        self.waits_since = now if len(self) else None
        return out

    def taken(self) -> list[str]:
        """Names of the words that `take` gave out since the last call."""
        names, self._taken = self._taken, []
        return names

    def drop(self) -> None:
        """Forget what waits."""
        self._positions.clear()
        self._words.clear()
        self.bytes_waiting = self._words_bytes = 0
        self.waits_since = None

    def _count(self, parcel: Parcel, now: float) -> None:
        self.bytes_waiting += len(parcel.xml)
        if self.waits_since is None:
            self.waits_since = now

    def _make_room(self) -> None:
        while self.bytes_waiting > self._bytes_max and self._positions:
            _, gone = self._positions.popitem(last=False)
            self.bytes_waiting -= len(gone.xml)
            self.dropped += 1
