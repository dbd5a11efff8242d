"""Places on edges, many at once. Knows no graph and no travel time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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

    def rows(self) -> Iterator[tuple[int, float, list[int]]]:
        """Edge, fraction and the two delays of each."""
        columns = (self.edge.tolist(), self.fraction.tolist(), self.delay_ms.tolist())
        return zip(*columns, strict=True)

    @property
    def last_arc(self) -> Ints:
        """(K,) of a place at the very end of its edge, the arc that ends there."""
        last: Ints = 2 * self.edge + (self.fraction == 0.0)
        return last
