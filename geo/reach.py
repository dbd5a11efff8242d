"""How long it takes to anywhere on the roads: what isochrones and coverage stand on.

From the nearest in time of one or more places. Knows neither outlines nor villages, only places on
edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from geo.ground import Ground
    from geo.snap import Snap

SOURCES_MAX: Final = 200
"""Places to start from."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Travel times from the nearest source. Plain values: it may leave the thread of its Ground."""

    sources: tuple[Snap, ...]
    limit_s: float
    ends_s: Floats
    """(M, 2) seconds until the edge can be driven from its tail (0), from its head (1); inf beyond
    the limit."""
    arc_s: Floats
    """(2M,) seconds along each arc, inf if closed."""

    @classmethod
    def of(cls, ground: Ground, sources: Sequence[Snap], limit_s: float) -> Reach:
        """On the thread of the Ground. Raises ValueError without a source, or with too many."""
        _check(sources)
        ends_s = ground.reach_edges(sources[0], limit_s)
        for source in sources[1:]:
            np.minimum(ends_s, ground.reach_edges(source, limit_s), out=ends_s)
        return cls(sources=tuple(sources), limit_s=limit_s, ends_s=ends_s, arc_s=ground.arc_s)

    def joined(self, other: Reach) -> Reach:
        """From the nearest of the sources of both, as far as both go, on the roads of this one.

        Raises ValueError if that makes too many sources.
        """
        sources = self.sources + other.sources
        _check(sources)
        return Reach(
            sources=sources,
            limit_s=min(self.limit_s, other.limit_s),
            ends_s=np.minimum(self.ends_s, other.ends_s),
            arc_s=self.arc_s,
        )

    def edges(self) -> Ints:
        """The edges of which some part is reached, ascending."""
        reached = np.flatnonzero(np.isfinite(self.ends_s).any(axis=1))
        return np.union1d(reached, [source.edge for source in self.sources])

    def at(self, edge: Ints, fraction: Floats) -> Floats:
        """(K,) seconds to places on edges, fraction 0 at the tail and 1 at the head; inf beyond.

        Like the router, it shares out the time along an edge by length.
        """
        found: Floats = np.minimum(
            self.ends_s[edge, 0] + _part(self.arc_s[2 * edge], fraction),
            self.ends_s[edge, 1] + _part(self.arc_s[2 * edge + 1], 1.0 - fraction),
        )
        for source in self.sources:
            own = np.flatnonzero(edge == source.edge)
            ahead = fraction[own] - source.fraction
            arcs = 2 * source.edge + (ahead < 0.0)
            found[own] = np.minimum(found[own], _part(self.arc_s[arcs], np.abs(ahead)))
        found[found > self.limit_s] = np.inf
        return found


def _check(sources: Sequence[Snap]) -> None:
    if not 1 <= len(sources) <= SOURCES_MAX:
        raise ValueError(f"1 to {SOURCES_MAX} places to start from")


def _part(arc_s: Floats, share: Floats) -> Floats:
    """Time along a share of an arc; none of a closed one is still no time."""
    along: Floats = np.where(share > 0.0, arc_s, 0.0) * share
    return along
