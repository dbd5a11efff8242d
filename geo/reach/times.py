"""How long it takes to anywhere on the roads: what isochrones and coverage stand on.

From the nearest in time of one or more places. Knows neither outlines nor villages, only places on
edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from geo.departure import Departure, Start, snap_of
from geo.roadmap import RoadMap

if TYPE_CHECKING:
    from geo.driving.speed import Profile
    from geo.ground import Ground

SOURCES_MAX: Final = 200
"""Places to start from."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Travel times from the nearest source. Plain values: it may leave the thread of its Ground."""

    roadmap: RoadMap
    sources: tuple[Start, ...]
    limit_s: float
    ends_s: Floats
    """(M, 2) seconds until the edge can be driven from its tail (0), from its head (1); inf beyond
    the limit."""
    arc_s: Floats
    """(2M,) seconds along each arc, inf if closed."""

    @classmethod
    def of(
        cls,
        ground: Ground,
        sources: Sequence[Start],
        limit_s: float,
        *,
        profile: Profile | None = None,
    ) -> Reach:
        """On the thread of the Ground. Raises ValueError without a source, or with too many."""
        _check(sources)
        ends_s = ground.reach_edges(sources[0], limit_s, profile=profile)
        for source in sources[1:]:
            more_s = ground.reach_edges(source, limit_s, profile=profile)
            np.minimum(ends_s, more_s, out=ends_s)
        return cls(
            roadmap=ground.roadmap,
            sources=tuple(sources),
            limit_s=limit_s,
            ends_s=ends_s,
            arc_s=ground.arc_s_of(profile),
        )

    def joined(self, other: Reach) -> Reach:
        """From the nearest of the sources of both, as far as both go, on the roads of this one.

        Raises ValueError if that makes too many sources.
        """
        sources = self.sources + other.sources
        _check(sources)
        return replace(
            self,
            sources=sources,
            limit_s=min(self.limit_s, other.limit_s),
            ends_s=np.minimum(self.ends_s, other.ends_s),
        )

    def edges(self) -> Ints:
        """The edges of which some part is reached, ascending."""
        reached = np.flatnonzero(np.isfinite(self.ends_s).any(axis=1))
        return np.union1d(reached, [snap_of(source).edge for source in self.sources])

    def at(self, edge: Ints, fraction: Floats) -> Floats:
        """(K,) seconds to places on edges, fraction 0 at the tail and 1 at the head; inf beyond.

        Like the router, it shares out the time along an edge by length, and takes a place exactly
        on an end of an edge as being at that junction, whatever the edge forbids.
        """
        found: Floats = np.minimum(
            self.ends_s[edge, 0] + _part(self.arc_s[2 * edge], fraction),
            self.ends_s[edge, 1] + _part(self.arc_s[2 * edge + 1], 1.0 - fraction),
        )
        for source in self.sources:
            own = np.flatnonzero(edge == snap_of(source).edge)
            found[own] = np.minimum(found[own], self._own_s(source, fraction[own]))
        node_s = self._node_s()
        for share, ends in ((0.0, self.roadmap.edge_tail), (1.0, self.roadmap.edge_head)):
            there = np.flatnonzero(fraction == share)
            found[there] = np.minimum(found[there], node_s[ends[edge[there]]])
        found[found > self.limit_s] = np.inf
        return found

    def _own_s(self, source: Start, fraction: Floats) -> Floats:
        """From a source to places on its own edge, without leaving it."""
        snap, delays_s = snap_of(source), np.zeros(2)
        if isinstance(source, Departure):
            delays_s = np.array(source.delays_s)
        ahead = fraction - snap.fraction
        back = (ahead < 0.0).astype(np.int64)
        own_s: Floats = delays_s[back] + _part(self.arc_s[2 * snap.edge + back], np.abs(ahead))
        return own_s

    def _node_s(self) -> Floats:
        """(N,) seconds to each junction, by whichever road."""
        by_arc = self.ends_s + self.arc_s.reshape(-1, 2)
        node_s = np.full(self.roadmap.node_count, np.inf)
        np.minimum.at(node_s, self.roadmap.edge_head, by_arc[:, 0])
        np.minimum.at(node_s, self.roadmap.edge_tail, by_arc[:, 1])
        for source in self.sources:
            edge = snap_of(source).edge
            ends = [self.roadmap.edge_tail[edge], self.roadmap.edge_head[edge]]
            np.minimum.at(node_s, ends, self._own_s(source, np.array([0.0, 1.0])))
        return node_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """The soonest of several reaches, of vehicles that may each take their own time."""

    parts: tuple[Reach, ...]
    """Of one map, at least one."""

    def __post_init__(self) -> None:
        """Raises ValueError without a part, or with too many sources together."""
        _check([source for part in self.parts for source in part.sources])

    @property
    def roadmap(self) -> RoadMap:
        return self.parts[0].roadmap

    @property
    def limit_s(self) -> float:
        """As far as all go."""
        return min(part.limit_s for part in self.parts)

    def edges(self) -> Ints:
        """See `Reach.edges`."""
        return np.unique(np.concatenate([part.edges() for part in self.parts]))

    def at(self, edge: Ints, fraction: Floats) -> Floats:
        """See `Reach.at`."""
        found: Floats = np.minimum.reduce([part.at(edge, fraction) for part in self.parts])
        return found


def _check(sources: Sequence[Start]) -> None:
    if not 1 <= len(sources) <= SOURCES_MAX:
        raise ValueError(f"1 to {SOURCES_MAX} places to start from")


def _part(arc_s: Floats, share: Floats) -> Floats:
    """Time along a share of an arc; none of a closed one is still no time."""
    along: Floats = np.where(share > 0.0, arc_s, 0.0) * share
    return along
