"""How long it takes from one place to anywhere on the roads: what isochrones and coverage stand on.

Knows neither outlines nor villages, only places on edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from geo.ground import Ground
    from geo.snap import Snap

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Travel times from one source. Plain values: it may leave the thread of its Ground."""

    source: Snap
    limit_s: float
    ends_s: Floats
    """(M, 2) seconds until the edge can be driven from its tail (0), from its head (1); inf beyond
    the limit."""
    arc_s: Floats
    """(2M,) seconds along each arc, inf if closed."""

    @classmethod
    def of(cls, ground: Ground, source: Snap, limit_s: float) -> Reach:
        """On the thread of the Ground."""
        ends_s = ground.reach_edges(source, limit_s)
        return cls(source=source, limit_s=limit_s, ends_s=ends_s, arc_s=ground.arc_s)

    def edges(self) -> Ints:
        """The edges of which some part is reached, ascending."""
        reached = np.flatnonzero(np.isfinite(self.ends_s).any(axis=1))
        return np.union1d(reached, [self.source.edge])

    def at(self, edge: Ints, fraction: Floats) -> Floats:
        """(K,) seconds to places on edges, fraction 0 at the tail and 1 at the head; inf beyond.

        Like the router, it shares out the time along an edge by length.
        """
        found: Floats = np.minimum(
            self.ends_s[edge, 0] + _part(self.arc_s[2 * edge], fraction),
            self.ends_s[edge, 1] + _part(self.arc_s[2 * edge + 1], 1.0 - fraction),
        )
        own = np.flatnonzero(edge == self.source.edge)
        ahead = fraction[own] - self.source.fraction
        arcs = 2 * self.source.edge + (ahead < 0.0)
        found[own] = np.minimum(found[own], _part(self.arc_s[arcs], np.abs(ahead)))
        found[found > self.limit_s] = np.inf
        return found


def _part(arc_s: Floats, share: Floats) -> Floats:
    """Time along a share of an arc; none of a closed one is still no time."""
    along: Floats = np.where(share > 0.0, arc_s, 0.0) * share
    return along
