"""The nearest road to a position: once per fix, then kept.

Places at short intervals along the edges stand for them in a tree: the nearest road has one that is
no farther away than the nearest of all of them and half an interval. Only what comes within that
is measured, exactly, in metres of the map's projection; a tree of the lines themselves takes many
times the memory. Only edges a car may use
in at least one direction count; ferries do not. Maps hold roads that nothing connects to the rest
(a gap in the drawing, a track cut off by the map's edge): such an island counts only where it is
clearly nearer than the main network. Knows no travel time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from geo.errors import NoRouteError
from geo.projection import projection, require_inside
from geo.roadmap import BARRIER_CLASS_MIN, Barrier, EdgeFlag, RoadMap
from geo.routing.arcgraph import ranges

SNAP_M_MAX: Final = 3_000.0
"""Beyond it a place is not on the road network: the rest is a walk."""

ISLAND_NEARER_M: Final = 50.0
"""An island's road must be nearer than the main network's by this much: more than the error of a
fix or of a drawing, less than the distance between two roads one can tell apart."""

WALK_M_MAX: Final = 20_000.0
"""A place farther from every road is not reached on foot either: half a day and more."""

DROP_OFFS_MAX: Final = 6
"""Roads near a place from which one could walk to it."""

DROP_OFF_FACTOR: Final = 1.5
DROP_OFF_M: Final = 200.0
"""How much farther than the nearest road another one may lie: on the near side of the river, or
above the place instead of below. Starting values."""

INTERVAL_M: Final = 100.0
"""Between places that stand for a road, at most: fewer take less memory and mean more to measure.
Starting value."""

PIECE_SEGMENTS: Final = 15
"""Segments that are measured together, at most."""

LEAF_PLACES: Final = 64
"""Of the tree, which has a node of 80 bytes for half as many."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Metres = tuple[float, float]
"""East, north."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snap:
    """A position brought to the road."""

    edge: int
    fraction: float
    """0 at the edge's tail, 1 at its head, by length."""
    lon: float
    lat: float
    """On the road, degrees."""
    distance_m: float
    """From the position to the road."""


class SnapIndex:
    """Finds the nearest drivable road of one map."""

    def __init__(self, roadmap: RoadMap) -> None:
        self._roadmap, self._bounds = roadmap, roadmap.meta.bounds
        self._projection = projection(roadmap.meta.crs)
        usable, connected = drivable(roadmap), _on_main_network(roadmap)
        self._main = _Roads(roadmap, np.flatnonzero(usable & connected))
        self._islands = _Roads(roadmap, np.flatnonzero(usable & ~connected))

    def snap(self, lon: float, lat: float) -> Snap:
        """The nearest place on a drivable road.

        Raises OffMapError outside the map's bounds, NoRouteError when the nearest road is farther
        than SNAP_M_MAX.
        """
        require_inside(self._bounds, lon, lat)
        point = self._projection.point_to_metres(lon, lat)
        main = self._main.nearest(point, SNAP_M_MAX)
        island = self._islands.nearest(
            point, SNAP_M_MAX if main is None else main.distance_m - ISLAND_NEARER_M
        )
        nearest = island or main
        if nearest is None:
            raise NoRouteError(f"no road within {SNAP_M_MAX / 1000:.0f} km of {lon:.5f}, {lat:.5f}")
        return self._snap_of(nearest)

    def drop_offs(self, lon: float, lat: float) -> list[Snap]:
        """The nearest place on each of the DROP_OFFS_MAX nearest roads, best first.

        The first is the one `snap` gives, where that gives any. Raises OffMapError outside the
        map's bounds, NoRouteError farther than WALK_M_MAX from any road.
        """
        require_inside(self._bounds, lon, lat)
        point = self._projection.point_to_metres(lon, lat)
        nearest = self._main.nearest(point, WALK_M_MAX)
        if nearest is None:
            raise NoRouteError(f"no road within {WALK_M_MAX / 1000:.0f} km of {lon:.5f}, {lat:.5f}")
        radius_m = DROP_OFF_FACTOR * nearest.distance_m + DROP_OFF_M
        found = [self._snap_of(near) for near in self._main.within(point, radius_m)]
        if nearest.distance_m <= SNAP_M_MAX:
            first = self.snap(lon, lat)
            found = [first, *(each for each in found if each.edge != first.edge)]
        return found[:DROP_OFFS_MAX]

    def _snap_of(self, near: _Near) -> Snap:
        steps_m = np.hypot(*np.diff(edge_metres(self._roadmap, near.edge), axis=0).T)
        before = near.point - int(self._roadmap.edge_first_point[near.edge])
        along_m = float(steps_m[:before].sum() + near.share * steps_m[before])
        length_m = float(steps_m.sum())
        lon, lat = self._projection.point_to_degrees(*near.place)
        return Snap(
            edge=near.edge,
            fraction=min(max(along_m / length_m, 0.0), 1.0) if length_m > 0.0 else 0.0,
            lon=lon,
            lat=lat,
            distance_m=near.distance_m,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Near:
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

    def near(self, at: int) -> _Near:
        east, north = self.place[at].tolist()
        return _Near(
            edge=int(self.edge[at]),
            point=int(self.point[at]),
            share=float(self.share[at]),
            place=(east, north),
            distance_m=float(self.distance_m[at]),
        )


class _Roads:
    """The nearest of some edges."""

    def __init__(self, roadmap: RoadMap, edges: Ints) -> None:
        self._projection = projection(roadmap.meta.crs)
        self._points = np.asarray(roadmap.point_lonlat)
        self._edge, self._start, self._stop = _pieces(roadmap.edge_first_point, edges)
        metres = self._projection.to_metres(self._points)
        places, self._piece = _stand_ins(metres, self._start, self._stop)
        self._tree = cKDTree(places, leafsize=LEAF_PLACES) if len(places) else None

    def nearest(self, point: Metres, distance_m_max: float) -> _Near | None:
        if distance_m_max <= 0.0 or self._tree is None:
            return None
        upper_m, _ = self._tree.query(point, distance_upper_bound=distance_m_max + INTERVAL_M)
        if upper_m == np.inf:
            return None
        measured = self._measured(point, float(upper_m))
        near = measured.near(int(measured.distance_m.argmin()))
        return near if near.distance_m <= distance_m_max else None

    def within(self, point: Metres, radius_m: float) -> list[_Near]:
        """The nearest place of each edge within a radius, nearest first."""
        measured = self._measured(point, radius_m)
        inside = np.flatnonzero(measured.distance_m <= radius_m)
        by_distance = inside[np.argsort(measured.distance_m[inside], kind="stable")]
        _, first = np.unique(measured.edge[by_distance], return_index=True)
        return [measured.near(at) for at in by_distance[np.sort(first)][:DROP_OFFS_MAX].tolist()]

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


def drivable(roadmap: RoadMap) -> NDArray[np.bool_]:
    """(M,) edges with a road under them that a car may use in at least one direction."""
    closed = int(EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD)
    flags = roadmap.edge_flags
    wanted: NDArray[np.bool_] = ((flags & closed) != closed) & ((flags & int(EdgeFlag.FERRY)) == 0)
    return wanted


def _on_main_network(roadmap: RoadMap) -> NDArray[np.bool_]:
    """(M,) edges of the part of the map with the greatest length of road, one-ways either way."""
    closed = int(EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD)
    joins = (roadmap.edge_flags & closed) != closed
    tail, head = _past_barriers(roadmap)
    size = roadmap.node_count + 2 * roadmap.edge_count
    graph = csr_array((np.ones(int(joins.sum())), (tail[joins], head[joins])), shape=(size, size))
    _, part = connected_components(graph, directed=False)
    length_m = np.bincount(part[tail[joins]], roadmap.edge_length_m[joins], minlength=1)
    main: NDArray[np.bool_] = part[tail] == length_m.argmax()
    return main


def _past_barriers(roadmap: RoadMap) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(M,) node at either end of each edge; one of its own where a barrier keeps cars apart."""
    stopped = np.isin(roadmap.node_barrier, (Barrier.POSTS, Barrier.HEAP))
    minor = roadmap.edge_class >= BARRIER_CLASS_MIN
    own = roadmap.node_count + np.arange(2 * roadmap.edge_count).reshape(-1, 2)
    tail, head = (
        np.where(minor & stopped[ends], own[:, side], ends)
        for side, ends in enumerate((roadmap.edge_tail, roadmap.edge_head))
    )
    return tail, head


def edge_metres(roadmap: RoadMap, edge: int) -> NDArray[np.float64]:
    """Shape of one edge in projected metres, (k, 2)."""
    return projection(roadmap.meta.crs).to_metres(roadmap.shape(edge))


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
