"""Checkpoints of the command log that a device keeps for others: it is a witness.

The newest is shown with every report; of the days before, one each, so that whoever doubts the log
finds what it was then on many devices. A checkpoint of a shorter log never takes the place of one
of a longer: a server that has lost entries is to be told so. Nothing here is verified: that is for
whoever reads them, with the log's public key. Times are Unix milliseconds, by a clock that may have
been wrong: none of those before came later than the one that comes now.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from devices.storage import Batch

KEY: Final = "ckpt"
DAYS_MAX: Final = 30
DAY_MS: Final = 86_400_000
_DIGITS_MAX: Final = 18


class Kept(Struct, frozen=True, kw_only=True):
    """One, and when it came."""

    note: str
    at: int


class Checkpoints:
    """Changes are staged in the batch; they are durable when the owner commits it."""

    def __init__(self, batch: Batch, saved: dict[str, bytes]) -> None:
        self._batch = batch
        self.kept: list[Kept] = []
        """Oldest first."""
        if KEY in saved:
            self.kept = msgspec.json.decode(saved[KEY], type=list[Kept])

    @property
    def newest(self) -> str:
        """To be shown; "" before the first."""
        return self.kept[-1].note if self.kept else ""

    def take(self, note: str, unix_ms: int) -> None:
        """Keep one that the server gave, if it is of a longer log, or of another one."""
        origin, size = _of(note)
        known_origin, known_size = _of(self.newest)
        if size == 0 or (origin == known_origin and size <= known_size):
            return
        came = Kept(note=note, at=unix_ms)
        before = [Kept(note=each.note, at=min(each.at, unix_ms)) for each in self.kept]
        same_day = len(before) > 1 and before[-1].at - before[-2].at < DAY_MS
        kept = before[:-1] if same_day else before
        self.kept = [*kept, came][-DAYS_MAX:]
        self._batch.put(KEY, msgspec.json.encode(self.kept))


def _of(note: str) -> tuple[str, int]:
    """Name and size of the log; size 0: no checkpoint."""
    origin, _, rest = note.partition("\n")
    size = rest.partition("\n")[0]
    return origin, int(size) if size.isdecimal() and len(size) <= _DIGITS_MAX else 0
