"""The nearest of some roads, and all within a radius, measured in metres of the map's projection.

Places at short intervals along the roads stand for them in a tree: the nearest road has one that is
no farther away than the nearest of all of them and half an interval. Only what comes within that
is measured, exactly; a tree of the roads' lines takes many times the memory. Knows no rule of
which roads count.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geo.projection import projection
from geo.roadmap import RoadMap
from geo.routing.arcgraph import ranges

INTERVAL_M: Final = 100.0
"""Between places that stand for a road, at most. Measured: 95 µs a position with 50 and with 100,
which takes less memory, a fifth more with 200."""

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
    fraction: float
    """0 at the edge's tail, 1 at its head, by length."""
    place: Metres
    distance_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """S segments, each from a shape point to the next, and the place on it nearest to a position.

    One from a piece of road to the next piece is none: it is infinitely far.
    """

    piece: NDArray[np.int32]
    """(S + 1,) of each shape point."""
    point: Ints
    """(S + 1,)"""
    length_m: Floats
    """(S,)"""
    share: Floats
    """(S,) that lies before the place."""
    place: Floats
    """(S, 2)"""
    distance_m: Floats
    """(S,)"""


class RoadPieces:
    """P pieces of some edges, found by their places."""

    def __init__(self, roadmap: RoadMap, edges: Ints, metres: Floats, along_m: Floats) -> None:
        """`metres` (K, 2), `along_m` (K,): all shape points of the map, and how far along all of
        them; not kept."""
        self.edge, self.start, self.stop = _pieces(roadmap.edge_first_point, edges)
        """(P,) edge, first and last shape point of each."""
        places, self._piece = _stand_ins(metres, along_m, self.start, self.stop)
        self._tree = cKDTree(places, leafsize=LEAF_PLACES) if len(places) else None

    def nearest_place_m(self, point: Metres, distance_m_max: float) -> float:
        """How far the nearest place is; inf where no piece comes as near as that."""
        if self._tree is None:
            return np.inf
        found_m, _ = self._tree.query(point, distance_upper_bound=distance_m_max + INTERVAL_M)
        return float(found_m)

    def around(self, point: Metres, radius_m: float) -> NDArray[np.int32]:
        """All pieces that come within a radius, and some that do not, ascending."""
        if self._tree is None:
            return self._piece
        return np.unique(self._piece[self._tree.query_ball_point(point, radius_m + INTERVAL_M / 2)])

    def around_each(self, points: Floats, radius_m: Floats) -> tuple[Ints, NDArray[np.int32]]:
        """`around` of each of (n, 2) points: which point, and the piece; by point."""
        if self._tree is None or not len(points):
            return np.empty(0, dtype=np.int64), self._piece[:0]
        found = self._tree.query_ball_point(points, radius_m + INTERVAL_M / 2)
        point = np.arange(len(points)).repeat([len(each) for each in found])
        place = np.fromiter(chain.from_iterable(found), dtype=np.int64, count=len(point))
        pairs = np.unique(point * len(self.edge) + self._piece[place])
        point, piece = np.divmod(pairs, len(self.edge))
        return point, piece.astype(np.int32)


class NearRoads:
    """The nearest of some edges."""

    def __init__(self, roadmap: RoadMap, edges: Ints, metres: Floats) -> None:
        """`metres`: (K, 2) all shape points of the map, which are not kept."""
        self._projection = projection(roadmap.meta.crs)
        self._points = np.asarray(roadmap.point_lonlat)
        first_point, along_m = roadmap.edge_first_point, lengths_along_m(metres)
        self._pieces = pieces = RoadPieces(roadmap, edges, metres, along_m)
        begin_m = along_m[first_point[pieces.edge]]
        self._before_m = along_m[pieces.start] - begin_m
        """(P,) of its edge, before each piece."""
        self._edge_m = along_m[first_point[pieces.edge + 1] - 1] - begin_m
        """(P,) the whole edge of each piece."""

    def nearest(self, point: Metres, distance_m_max: float) -> Near | None:
        """None where none is as near as that."""
        if distance_m_max <= 0.0:
            return None
        upper_m = self._pieces.nearest_place_m(point, distance_m_max)
        if upper_m == np.inf:
            return None
        measured = self._measured(point, upper_m)
        near = self._near(measured, int(measured.distance_m.argmin()))
        return near if near.distance_m <= distance_m_max else None

    def within(self, point: Metres, radius_m: float, count_max: int) -> list[Near]:
        """The nearest place of each of the nearest edges within a radius, nearest first."""
        measured = self._measured(point, radius_m)
        inside = np.flatnonzero(measured.distance_m <= radius_m)
        by_distance = inside[np.argsort(measured.distance_m[inside], kind="stable")]
        edges = self._pieces.edge[measured.piece[by_distance]]
        _, first = np.unique(edges, return_index=True)
        best = by_distance[np.sort(first)][:count_max]
        return [self._near(measured, at) for at in best.tolist()]

    def _near(self, measured: _Measured, at: int) -> Near:
        piece = int(measured.piece[at])
        begin = at - int(measured.point[at] - self._pieces.start[piece])
        along_m = measured.length_m[begin:at].sum() + measured.share[at] * measured.length_m[at]
        edge_m = float(self._edge_m[piece])
        fraction = float(self._before_m[piece] + along_m) / edge_m if edge_m > 0.0 else 0.0
        east, north = measured.place[at].tolist()
        return Near(
            edge=int(self._pieces.edge[piece]),
            fraction=min(max(fraction, 0.0), 1.0),
            place=(east, north),
            distance_m=float(measured.distance_m[at]),
        )

    def _measured(self, point: Metres, radius_m: float) -> _Measured:
        """All segments that come within a radius, and some that do not."""
        piece = self._pieces.around(point, radius_m)
        start, stop = self._pieces.start[piece], self._pieces.stop[piece]
        points = ranges(start, stop + 1)
        metres = self._projection.to_metres(self._points[points])
        step, off = np.diff(metres, axis=0), np.asarray(point) - metres[:-1]
        length_m = np.hypot(*step.T)
        whole2 = np.where(length_m > 0.0, length_m, 1.0) ** 2
        share = ((off * step).sum(axis=1) / whole2).clip(0.0, 1.0)
        place = metres[:-1] + share[:, None] * step
        distance_m = np.hypot(*(place - point).T)
        counts = stop + 1 - start
        distance_m[counts.cumsum()[:-1] - 1] = np.inf  # from one piece to the next
        return _Measured(
            piece=piece.repeat(counts),
            point=points,
            length_m=length_m,
            share=share,
            place=place,
            distance_m=distance_m,
        )


def lengths_along_m(metres: Floats) -> Floats:
    """(K,) from the first of all shape points to each, one edge after the other."""
    along_m = np.zeros(len(metres))
    along_m[1:] = np.hypot(*np.diff(metres, axis=0).T).cumsum()
    return along_m


def _pieces(first_point: Ints, edges: Ints) -> tuple[NDArray[np.int32], Ints, Ints]:
    """Edges cut into pieces of at most PIECE_SEGMENTS: edge, first and last point of each."""
    segments = first_point[edges + 1] - first_point[edges] - 1
    counts = -(-segments // PIECE_SEGMENTS)
    start = ranges(np.zeros_like(counts), counts) * PIECE_SEGMENTS
    start += first_point[edges].repeat(counts)
    stop = np.minimum(start + PIECE_SEGMENTS, (first_point[edges + 1] - 1).repeat(counts))
    return edges.repeat(counts).astype(np.int32), start, stop


def _stand_ins(
    metres: Floats, along_m: Floats, start: Ints, stop: Ints
) -> tuple[Floats, NDArray[np.int32]]:
    """(K, 2) places in the middle of the intervals into which pieces are parted, and (K,) which
    piece each is on. `metres`, `along_m`: all shape points, and how far along all of them."""
    length_m = along_m[stop] - along_m[start]
    counts = np.maximum(np.ceil(length_m / INTERVAL_M), 1).astype(np.int64)
    nth = ranges(np.zeros_like(counts), counts)
    at_m = along_m[start].repeat(counts) + (nth + 0.5) * (length_m / counts).repeat(counts)
    places = [np.interp(at_m, along_m, metres[:, axis]) for axis in (0, 1)]
    return np.column_stack(places), np.arange(len(start), dtype=np.int32).repeat(counts)
