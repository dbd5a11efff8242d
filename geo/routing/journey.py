"""What a search between two places comes to: the legs driven, and where the time goes.

Legs are kept as arrays; one of them is made when it is looked at. Knows no graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, overload

import numpy as np
from numpy.typing import NDArray

from geo.routing.engine import Millis

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A whole or partial edge, in driving order; `start` > `end` runs head to tail."""

    edge: int
    start: float
    end: float

    @property
    def arc(self) -> int:
        """The arc driven: 2 * edge towards the head, 2 * edge + 1 towards the tail."""
        return 2 * self.edge + (self.start > self.end)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Legs(Sequence[Leg]):
    """L legs in driving order."""

    arc: Ints
    """(L,)"""
    start: Floats
    """(L,) where on its edge each begins, 0 at the tail, 1 at the head, by length."""
    end: Floats

    @classmethod
    def along(cls, arc: Ints) -> Legs:
        """Whole edges."""
        start = (arc & 1).astype(np.float64)
        return cls(arc=arc, start=start, end=1.0 - start)

    @property
    def edge(self) -> Ints:
        """(L,)"""
        return self.arc >> 1

    @property
    def share(self) -> Floats:
        """(L,) of its edge that each leg covers."""
        covered: Floats = np.abs(self.end - self.start)
        return covered

    def __len__(self) -> int:
        return len(self.arc)

    def __iter__(self) -> Iterator[Leg]:
        fields = (self.edge.tolist(), self.start.tolist(), self.end.tolist())
        for edge, start, end in zip(*fields, strict=True):
            yield Leg(edge=edge, start=start, end=end)

    @overload
    def __getitem__(self, index: int) -> Leg: ...

    @overload
    def __getitem__(self, index: slice) -> Legs: ...

    def __getitem__(self, index: int | slice) -> Leg | Legs:
        arc, start, end = self.arc[index], self.start[index], self.end[index]
        if isinstance(index, slice):
            return Legs(arc=arc, start=start, end=end)
        return Leg(edge=int(arc) >> 1, start=float(start), end=float(end))


NO_LEGS: Final = Legs.along(np.empty(0, dtype=np.int64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A way and where its time goes: `leg_ms` and `turn_ms` add up to `total_ms`."""

    total_ms: int
    legs: Legs
    leg_ms: Millis
    """(L,) along each leg."""
    turn_ms: Millis
    """(L,) before each leg: setting off, then turns."""
