"""Every place on a road that a fix may have come from: for map matching.

Unlike `geo.snap`, which gives the one nearest road, this finds all of them within a radius, and of
one road every place where it comes near: the legs of a hairpin are two places on one edge.
Bounded: the nearest CANDIDATES_MAX places of a fix. Knows no order of fixes and no route.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from geo.projection import projection
from geo.roadmap import RoadMap
from geo.snap import drivable

CANDIDATES_MAX: Final = 8
"""Places of one fix; the nearest are kept."""

STRIP_SEGMENTS: Final = 15
"""Segments per tree entry: long winding edges have boxes too wide to search by."""

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
        steps_m = np.hypot(*np.diff(self._metres, axis=0).T)
        self._along_m = np.concatenate(([0.0], np.cumsum(steps_m)))
        self._first_point = np.asarray(roadmap.edge_first_point)
        edges = np.flatnonzero(drivable(roadmap))
        self._edge, self._start, self._stop = _strips(self._first_point, edges)
        self._tree = STRtree(self._lines())

    def near(self, metres: Floats, radius_m: Floats) -> Candidates:
        """Places within `radius_m` (n,) of each of the fixes (n, 2), in projected metres."""
        points = shapely.points(metres)
        fix, strip = self._tree.query(points, predicate="dwithin", distance=radius_m)
        counts = self._stop[strip] - self._start[strip]
        owner = np.repeat(np.arange(len(fix)), counts)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        fix, edge = fix[owner], self._edge[strip][owner]
        segment = self._start[strip][owner] + within
        share, away_m = self._closest(metres[fix], segment)
        order = np.lexsort((segment, fix))
        fix, edge, segment = fix[order], edge[order], segment[order]
        share, away_m = share[order], away_m[order]
        kept = _valleys(fix, edge, segment, away_m) & (away_m <= radius_m[fix])
        fix, edge, segment = fix[kept], edge[kept], segment[kept]
        fraction = self._fraction(edge, segment, share[kept])
        return _nearest(len(metres), fix, edge, fraction, away_m[kept])

    def _lines(self) -> NDArray[np.object_]:
        sizes = self._stop - self._start + 1
        line = np.repeat(np.arange(len(sizes)), sizes)
        within = np.arange(len(line)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        lines: NDArray[np.object_] = shapely.linestrings(
            self._metres[self._start[line] + within], indices=line
        )
        return lines

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


def _strips(first_point: Ints, edges: Ints) -> tuple[Ints, Ints, Ints]:
    """Edges cut into runs of segments: edge, first and last point of each run."""
    segments = first_point[edges + 1] - first_point[edges] - 1
    counts = -(-segments // STRIP_SEGMENTS)
    owner = np.repeat(np.arange(len(edges)), counts)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    start = first_point[edges][owner] + nth * STRIP_SEGMENTS
    stop = np.minimum(start + STRIP_SEGMENTS, first_point[edges + 1][owner] - 1)
    return edges[owner], start, stop


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
