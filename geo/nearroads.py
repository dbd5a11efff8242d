"""The nearest of some roads, and all within a radius, measured in metres of the map's projection.

Places at short intervals along the roads stand for them in a tree: the nearest road has one that is
no farther away than the nearest of all of them and half an interval. Only what comes within that
is measured, exactly; a tree of the roads' lines takes many times the memory. Knows no rule of
which roads count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geo.projection import projection
from geo.roadmap import RoadMap
from geo.routing.arcgraph import ranges

INTERVAL_M: Final = 100.0
"""Between places that stand for a road, at most: fewer take less memory and mean more to measure.
Starting value."""

PIECE_SEGMENTS: Final = 15
"""Segments that are measured together, at most."""

LEAF_PLACES: Final = 64
"""Of the tree, which has a node of 80 bytes for half as many."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Metres: TypeAlias = tuple[float, float]
"""East, north."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Where an edge is nearest to a position."""

    edge: int
    point: int
    """Of the map's shape points, the last before it."""
    share: float
    """Of the way from there to the next point, by length."""
    place: Metres
    distance_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """S segments, each from a shape point to the next, and the place on it nearest to a position.

    One from a piece of road to the next piece is none: it is infinitely far.
    """

    edge: NDArray[np.int32]
    """(S + 1,) of each shape point."""
    point: Ints
    """(S + 1,)"""
    share: Floats
    """(S,)"""
    place: Floats
    """(S, 2)"""
    distance_m: Floats
    """(S,)"""

    def near(self, at: int) -> Near:
        east, north = self.place[at].tolist()
        return Near(
            edge=int(self.edge[at]),
            point=int(self.point[at]),
            share=float(self.share[at]),
            place=(east, north),
            distance_m=float(self.distance_m[at]),
        )


class NearRoads:
    """The nearest of some edges."""

    def __init__(self, roadmap: RoadMap, edges: Ints, metres: Floats) -> None:
        """`metres`: (K, 2) all shape points of the map, which are not kept."""
        self._projection = projection(roadmap.meta.crs)
        self._points = np.asarray(roadmap.point_lonlat)
        self._edge, self._start, self._stop = _pieces(roadmap.edge_first_point, edges)
        places, self._piece = _stand_ins(metres, self._start, self._stop)
        self._tree = cKDTree(places, leafsize=LEAF_PLACES) if len(places) else None

    def nearest(self, point: Metres, distance_m_max: float) -> Near | None:
        """None where none is as near as that."""
        if distance_m_max <= 0.0 or self._tree is None:
            return None
        upper_m, _ = self._tree.query(point, distance_upper_bound=distance_m_max + INTERVAL_M)
        if upper_m == np.inf:
            return None
        measured = self._measured(point, float(upper_m))
        near = measured.near(int(measured.distance_m.argmin()))
        return near if near.distance_m <= distance_m_max else None

    def within(self, point: Metres, radius_m: float, count_max: int) -> list[Near]:
        """The nearest place of each of the nearest edges within a radius, nearest first."""
        if self._tree is None:
            return []
        measured = self._measured(point, radius_m)
        inside = np.flatnonzero(measured.distance_m <= radius_m)
        by_distance = inside[np.argsort(measured.distance_m[inside], kind="stable")]
        _, first = np.unique(measured.edge[by_distance], return_index=True)
        return [measured.near(at) for at in by_distance[np.sort(first)][:count_max].tolist()]

    def _measured(self, point: Metres, radius_m: float) -> _Measured:
        """All segments that come within a radius, and some that do not."""
        assert self._tree is not None
        found = self._tree.query_ball_point(point, radius_m + INTERVAL_M / 2)
        piece = np.unique(self._piece[found])
        start, stop = self._start[piece], self._stop[piece]
        points = ranges(start, stop + 1)
        metres = self._projection.to_metres(self._points[points])
        step, off = np.diff(metres, axis=0), np.asarray(point) - metres[:-1]
        length2 = (step**2).sum(axis=1)
        share = ((off * step).sum(axis=1) / np.where(length2 > 0.0, length2, 1.0)).clip(0.0, 1.0)
        place = metres[:-1] + share[:, None] * step
        distance_m = np.hypot(*(place - point).T)
        counts = stop + 1 - start
        distance_m[counts.cumsum()[:-1] - 1] = np.inf  # from one piece to the next
        return _Measured(
            edge=self._edge[piece].repeat(counts),
            point=points,
            share=share,
            place=place,
            distance_m=distance_m,
        )


def _pieces(first_point: Ints, edges: Ints) -> tuple[NDArray[np.int32], Ints, Ints]:
    """Edges cut into pieces of at most PIECE_SEGMENTS: edge, first and last point of each."""
    segments = first_point[edges + 1] - first_point[edges] - 1
    counts = -(-segments // PIECE_SEGMENTS)
    start = ranges(np.zeros_like(counts), counts) * PIECE_SEGMENTS
    start += first_point[edges].repeat(counts)
    stop = np.minimum(start + PIECE_SEGMENTS, (first_point[edges + 1] - 1).repeat(counts))
    return edges.repeat(counts).astype(np.int32), start, stop


def _stand_ins(metres: Floats, start: Ints, stop: Ints) -> tuple[Floats, NDArray[np.int32]]:
    """(K, 2) places in the middle of the intervals into which pieces are parted, and (K,) which
    piece each is on. `metres`: all shape points."""
    along_m = np.zeros(len(metres))
    along_m[1:] = np.hypot(*np.diff(metres, axis=0).T).cumsum()
    length_m = along_m[stop] - along_m[start]
    counts = np.maximum(np.ceil(length_m / INTERVAL_M), 1).astype(np.int64)
    nth = ranges(np.zeros_like(counts), counts)
    at_m = along_m[start].repeat(counts) + (nth + 0.5) * (length_m / counts).repeat(counts)
    places = [np.interp(at_m, along_m, metres[:, axis]) for axis in (0, 1)]
    return np.column_stack(places), np.arange(len(start), dtype=np.int32).repeat(counts)
