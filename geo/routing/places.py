"""Places on edges, many at once, and the arcs they touch. Knows no graph and no travel time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from geo.routing.engine import CLOSED, SEEDS_MAX, Millis, Seeds

Ints = NDArray[np.int64]

_EDGE, _FRACTION = attrgetter("edge"), attrgetter("fraction")


class OnEdge(Protocol):
    """A place on a road: `geo.snap.Snap` is one."""

    @property
    def edge(self) -> int: ...

    @property
    def fraction(self) -> float:
        """0 at the tail, 1 at the head, by length."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """K places on edges."""

    edge: Ints
    fraction: NDArray[np.float64]
    inside: NDArray[np.bool_]
    """(K,) in the middle of the edge, not at its very end."""
    delay_ms: Millis
    """(K, 2) what it takes to start towards the head, towards the tail; not heeded of ends."""

    @classmethod
    def of(cls, places: Sequence[OnEdge], delay_ms: Millis | None = None) -> Self:
        """Raises ValueError for fractions and delays that cannot be."""
        edge = np.fromiter(map(_EDGE, places), np.int64, len(places))
        fraction = np.fromiter(map(_FRACTION, places), np.float64, len(places))
        if not ((fraction >= 0.0) & (fraction <= 1.0)).all():
            raise ValueError("a fraction lies between 0 and 1")
        if delay_ms is None:
            delay_ms = np.zeros((len(places), 2), dtype=np.int64)
        elif delay_ms.shape != (len(places), 2) or ((delay_ms < 0) | (delay_ms >= CLOSED)).any():
            raise ValueError("two delays for each place, from 0 to below CLOSED")
        inside = (fraction > 0.0) & (fraction < 1.0)
        return cls(edge=edge, fraction=fraction, inside=inside, delay_ms=delay_ms)

    def take(self, index: int) -> Self:
        """One of them."""
        row = slice(index, index + 1)
        return type(self)(
            edge=self.edge[row],
            fraction=self.fraction[row],
            inside=self.inside[row],
            delay_ms=self.delay_ms[row],
        )

    def __len__(self) -> int:
        return len(self.edge)

    @property
    def last_arc(self) -> Ints:
        """(K,) of a place at the very end of its edge, the arc that ends there."""
        last: Ints = 2 * self.edge + (self.fraction == 0.0)
        return last


@dataclass(frozen=True, slots=True, kw_only=True)
class Touching:
    """P arcs that K places touch, by place: from the arc's beginning to the place."""

    row: Ints
    """(P,) which place, ascending."""
    arc: Ints
    offset_ms: Millis

    @classmethod
    def inside(cls, places: Places, of_edges_ms: Millis) -> Self:
        """Both arcs of the edges that places are inside of, by (K, 2) times; closed ones not."""
        usable = places.inside[:, None] & (of_edges_ms < CLOSED)
        row, side = np.nonzero(usable)
        return cls(row=row, arc=2 * places.edge[row] + side, offset_ms=of_edges_ms[usable])

    def and_also(self, row: Ints, arc: Ints, offset_ms: Millis) -> Self:
        """Some more, closed ones not."""
        usable = offset_ms < CLOSED
        rows = np.concatenate((self.row, row[usable]))
        by_row = np.argsort(rows, kind="stable")
        return type(self)(
            row=rows[by_row],
            arc=np.concatenate((self.arc, arc[usable]))[by_row],
            offset_ms=np.concatenate((self.offset_ms, offset_ms[usable]))[by_row],
        )

    @property
    def first(self) -> Ints:
        """Where in the arcs each place that touches any begins."""
        begins = np.ones(len(self.row), dtype=np.bool_)
        begins[1:] = self.row[1:] != self.row[:-1]
        return np.flatnonzero(begins)

    def seeds(self, rows: int) -> list[Seeds | None]:
        """For each of K places what the engine starts or ends with; None where no arc is open."""
        first = np.searchsorted(self.row, np.arange(rows + 1)).tolist()
        arcs, offsets = self.arc.tolist(), self.offset_ms.tolist()
        return [
            Seeds(nodes=tuple(arcs[a:b][:SEEDS_MAX]), offsets_ms=tuple(offsets[a:b][:SEEDS_MAX]))
            if b > a
            else None
            for a, b in pairwise(first)
        ]

    def moved(self, shift_ms: int) -> Self:
        """The same, later."""
        return type(self)(row=self.row, arc=self.arc, offset_ms=self.offset_ms + shift_ms)
