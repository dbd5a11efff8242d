"""Every place on a road that a fix may have come from: for map matching.

Unlike `geo.snap`, which gives the one nearest road, this finds all of them within a radius, and of
one road every place where it comes near: the legs of a hairpin are two places on one edge.
Bounded: the nearest CANDIDATES_MAX places of a fix. Knows no order of fixes and no route.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.nearroads import RoadPieces, lengths_along_m
from geo.projection import projection
from geo.roadmap import RoadMap
from geo.routing.arcgraph import ranges
from geo.snap import drivable

CANDIDATES_MAX: Final = 8
"""Places of one fix; the nearest are kept."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """C places of n fixes, those of fix i at `first[i]:first[i + 1]`, the nearest first."""

    first: Ints
    """(n + 1,)"""
    edge: Ints
    """(C,)"""
    fraction: Floats
    """(C,) 0 at the edge's tail, 1 at its head, by length."""
    distance_m: Floats
    """(C,) from the fix to the road."""


class RoadPlaces:
    """Finds candidates on the drivable roads of one map."""

    def __init__(self, roadmap: RoadMap) -> None:
        self.projection = projection(roadmap.meta.crs)
        self._metres = self.projection.to_metres(np.asarray(roadmap.point_lonlat))
        self._along_m = lengths_along_m(self._metres)
        self._first_point = np.asarray(roadmap.edge_first_point)
        edges = np.flatnonzero(drivable(roadmap))
        self._pieces = RoadPieces(roadmap, edges, self._metres, self._along_m)

    def near(self, metres: Floats, radius_m: Floats) -> Candidates:
        """Places within `radius_m` (n,) of each of the fixes (n, 2), in projected metres."""
        fix, piece = self._pieces.around_each(metres, radius_m)
        start, stop = self._pieces.start[piece], self._pieces.stop[piece]
        fix = fix.repeat(stop - start)
        edge = self._pieces.edge[piece].astype(np.int64).repeat(stop - start)
        segment = ranges(start, stop)
        share, away_m = self._closest(metres[fix], segment)
        order = np.lexsort((segment, fix))
        fix, edge, segment = fix[order], edge[order], segment[order]
        share, away_m = share[order], away_m[order]
        kept = _valleys(fix, edge, segment, away_m) & (away_m <= radius_m[fix])
        fix, edge, segment = fix[kept], edge[kept], segment[kept]
        fraction = self._fraction(edge, segment, share[kept])
        return _nearest(len(metres), fix, edge, fraction, away_m[kept])

    def _closest(self, points: Floats, segment: Ints) -> tuple[Floats, Floats]:
        """Share along each segment of the place nearest to each point, and how far that is."""
        start, step = self._metres[segment], self._metres[segment + 1] - self._metres[segment]
        length2 = (step**2).sum(axis=1)
        ahead = ((points - start) * step).sum(axis=1)
        share = (ahead / np.where(length2 > 0.0, length2, 1.0)).clip(0.0, 1.0)
        off = points - start - share[:, None] * step
        return share, np.hypot(off[:, 0], off[:, 1])

    def _fraction(self, edge: Ints, segment: Ints, share: Floats) -> Floats:
        along = self._along_m
        begin, end = along[self._first_point[edge]], along[self._first_point[edge + 1] - 1]
        at_m = along[segment] + share * (along[segment + 1] - along[segment])
        length_m = end - begin
        fraction: Floats = (at_m - begin) / np.where(length_m > 0.0, length_m, 1.0)
        return fraction.clip(0.0, 1.0)


def _valleys(fix: Ints, edge: Ints, segment: Ints, away_m: Floats) -> NDArray[np.bool_]:
    """Which segments are nearer to their fix than their neighbours along the road.

    Of two equally near neighbours (the place is the point between them) the first counts.
    """
    joined = (fix[1:] == fix[:-1]) & (edge[1:] == edge[:-1]) & (segment[1:] == segment[:-1] + 1)
    lower_than_next = np.ones(len(fix), dtype=np.bool_)
    lower_than_next[:-1] = ~joined | (away_m[:-1] <= away_m[1:])
    lower_than_last = np.ones(len(fix), dtype=np.bool_)
    lower_than_last[1:] = ~joined | (away_m[1:] < away_m[:-1])
    return lower_than_next & lower_than_last


def _nearest(fixes: int, fix: Ints, edge: Ints, fraction: Floats, away_m: Floats) -> Candidates:
    order = np.lexsort((away_m, fix))
    fix, edge, fraction, away_m = fix[order], edge[order], fraction[order], away_m[order]
    first = np.searchsorted(fix, np.arange(fixes + 1))
    kept = np.arange(len(fix)) - first[fix] < CANDIDATES_MAX
    return Candidates(
        first=np.searchsorted(fix[kept], np.arange(fixes + 1)),
        edge=edge[kept],
        fraction=fraction[kept],
        distance_m=away_m[kept],
    )
