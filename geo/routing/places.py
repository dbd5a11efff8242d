"""Places on edges, many at once. Knows no graph and no travel time.

A value: what a router works out of it can be kept as long as the very same one is asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from geo.routing.engine import CLOSED, Millis

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """K places on edges."""

    edges: Sequence[int]
    fractions: Sequence[float]
    delays_ms: Sequence[Sequence[int]] | None
    """(K, 2) what it takes to start towards the head, towards the tail, None: nothing; not heeded
    of ends."""

    @classmethod
    def of(cls, places: Sequence[OnEdge], delay_ms: Millis | None = None) -> Self:
        """Raises ValueError for fractions and delays that cannot be."""
        edges, fractions = list(map(_EDGE, places)), list(map(_FRACTION, places))
        if not all(0.0 <= fraction <= 1.0 for fraction in fractions):
            raise ValueError("a fraction lies between 0 and 1")
        if delay_ms is None:
            return cls(edges=edges, fractions=fractions, delays_ms=None)
        if delay_ms.shape != (len(places), 2) or ((delay_ms < 0) | (delay_ms >= CLOSED)).any():
            raise ValueError("two delays for each place, from 0 to below CLOSED")
        return cls(edges=edges, fractions=fractions, delays_ms=delay_ms.tolist())

    @classmethod
    def one(cls, place: OnEdge, delays_ms: Sequence[int] | None = None) -> Self:
        """Of a single place: quicker than `of`, and trusts what it is given."""
        return cls(
            edges=(place.edge,),
            fractions=(place.fraction,),
            delays_ms=None if delays_ms is None else (delays_ms,),
        )

    def take(self, rows: Sequence[int]) -> Self:
        """Some of them."""
        delays_ms = self.delays_ms
        return type(self)(
            edges=[self.edges[row] for row in rows],
            fractions=[self.fractions[row] for row in rows],
            delays_ms=None if delays_ms is None else [delays_ms[row] for row in rows],
        )

    def __len__(self) -> int:
        return len(self.edges)

    def rows(self) -> Iterator[tuple[int, float, Sequence[int]]]:
        """Edge, fraction and the two delays of each."""
        delays_ms = [_AT_ONCE] * len(self) if self.delays_ms is None else self.delays_ms
        return zip(self.edges, self.fractions, delays_ms, strict=True)

    @cached_property
    def edge(self) -> Ints:
        """(K,)"""
        return np.array(self.edges, dtype=np.int64)

    @cached_property
    def fraction(self) -> NDArray[np.float64]:
        """(K,)"""
        return np.array(self.fractions, dtype=np.float64)

    @cached_property
    def delay_ms(self) -> Millis:
        """(K, 2)"""
        if self.delays_ms is None:
            return np.zeros((len(self), 2), dtype=np.int64)
        return np.array(self.delays_ms, dtype=np.int64).reshape(-1, 2)

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """(K,) in the middle of the edge, not at its very end."""
        return (self.fraction > 0.0) & (self.fraction < 1.0)

    @cached_property
    def all_inside(self) -> bool:
        return all(0.0 < fraction < 1.0 for fraction in self.fractions)

    @cached_property
    def rows_on(self) -> dict[int, list[int]]:
        """Which of them are on an edge."""
        found: dict[int, list[int]] = {}
        for row, edge in enumerate(self.edges):
            found.setdefault(edge, []).append(row)
        return found

    def stay_off(self, edges: Iterable[int]) -> bool:
        """Whether all are in the middle of other edges."""
        return self.all_inside and self.rows_on.keys().isdisjoint(edges)

    @property
    def last_arc(self) -> Ints:
        """(K,) of a place at the very end of its edge, the arc that ends there."""
        last: Ints = 2 * self.edge + (self.fraction == 0.0)
        return last


_AT_ONCE = (0, 0)
