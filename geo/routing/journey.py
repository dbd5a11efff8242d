"""What a search between two places comes to: the legs driven, and where the time goes.

Legs are kept as arrays; one of them is made when it is looked at, and so are the times of turns.
Knows no graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Legs(Sequence[Leg]):
    """L legs in driving order. All are whole edges, but for the beginning of the first and the end
    of the last."""

    arc: Ints
    """(L,)"""
    begin: float
    """Where on its edge the first begins, 0 at the tail, 1 at the head, by length."""
    finish: float
    """Where on its edge the last ends."""

    @classmethod
    def along(cls, arc: Ints, begin: float | None = None, finish: float | None = None) -> Legs:
        """Over arcs, one or more; from the beginning of the first and to the end of the last where
        nothing else is said."""
        return cls(
            arc=arc,
            begin=float(arc[0] & 1) if begin is None else begin,
            finish=float(~arc[-1] & 1) if finish is None else finish,
        )

    @cached_property
    def edge(self) -> Ints:
        """(L,)"""
        return self.arc >> 1

    @cached_property
    def start(self) -> Floats:
        """(L,) where on its edge each begins."""
        start = (self.arc & 1).astype(np.float64)
        start[:1] = self.begin
        return start

    @cached_property
    def end(self) -> Floats:
        """(L,) where on its edge each ends."""
        end = (~self.arc & 1).astype(np.float64)
        end[-1:] = self.finish
        return end

    @property
    def share(self) -> Floats:
        """(L,) of its edge that each leg covers."""
        covered: Floats = np.abs(self.end - self.start)
        return covered

    def parts(self) -> Iterator[tuple[int, float, float]]:
        """Number, start and end of those that may be less than their edge: the first, the last."""
        last = len(self) - 1
        if last > 0:
            yield 0, self.begin, float(~self.arc[0] & 1)
            yield last, float(self.arc[last] & 1), self.finish
        elif last == 0:
            yield 0, self.begin, self.finish

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
        if isinstance(index, int):
            return Leg(edge=int(arc) >> 1, start=float(start), end=float(end))
        if not len(arc):
            return NO_LEGS
        return Legs(arc=arc, begin=float(start[0]), finish=float(end[-1]))


NO_LEGS: Final = Legs(arc=np.empty(0, dtype=np.int64), begin=0.0, finish=0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Journey:
    """A way and where its time goes: `leg_ms` and `turn_ms` add up to `total_ms`."""

    total_ms: int
    legs: Legs
    leg_ms: Millis
    """(L,) along each leg."""
    between_ms: Callable[[], NDArray[np.integer]]
    """Works out (L - 1,) of the turns, the same at any time and on any thread."""

    @cached_property
    def turn_ms(self) -> Millis:
        """(L,) before each leg: setting off, then turns."""
        if not self.legs:
            return self.leg_ms
        turn_ms = np.zeros(len(self.legs), dtype=np.int64)
        turn_ms[1:] = self.between_ms()
        turn_ms[0] = self.total_ms - self.leg_ms.sum() - turn_ms.sum()
        return turn_ms


_NO_TIMES: Final = np.empty(0, dtype=np.int64)

NOWHERE: Final = Journey(total_ms=0, legs=NO_LEGS, leg_ms=_NO_TIMES, between_ms=lambda: _NO_TIMES)
"""From a place to itself."""
