"""The nearest road to a position: once per fix, then kept.

Trees over the pieces of the edges, in metres of the map's projection. Only edges a car may use
in at least one direction count; ferries do not. Maps hold roads that nothing connects to the rest
(a gap in the drawing, a track cut off by the map's edge): such an island counts only where it is
clearly nearer than the main network. Knows no travel time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from shapely import STRtree

from geo.errors import NoRouteError
from geo.projection import projection, require_inside
from geo.roadmap import BARRIER_CLASS_MIN, Barrier, EdgeFlag, RoadMap

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

PIECE_POINTS: Final = 16
"""Shape points per tree entry: long winding edges have boxes too wide to search by. Measured:
30 µs a query with 8 or 16, a fifth to a third more with 2 or with whole edges."""


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
        self._bounds = roadmap.meta.bounds
        self._projection = projection(roadmap.meta.crs)
        usable, connected = drivable(roadmap), _on_main_network(roadmap)
        self._main = _Tree(_cut(roadmap, np.flatnonzero(usable & connected)))
        self._islands = _Tree(_cut(roadmap, np.flatnonzero(usable & ~connected)))

    def snap(self, lon: float, lat: float) -> Snap:
        """The nearest place on a drivable road.

        Raises OffMapError outside the map's bounds, NoRouteError when the nearest road is farther
        than SNAP_M_MAX.
        """
        require_inside(self._bounds, lon, lat)
        point = shapely.Point(self._projection.point_to_metres(lon, lat))
        main = self._main.nearest(point, SNAP_M_MAX)
        island = self._islands.nearest(
            point, SNAP_M_MAX if main is None else main.distance_m - ISLAND_NEARER_M
        )
        nearest = island or main
        if nearest is None:
            raise NoRouteError(f"no road within {SNAP_M_MAX / 1000:.0f} km of {lon:.5f}, {lat:.5f}")
        return self._on_piece(nearest, point)

    def drop_offs(self, lon: float, lat: float) -> list[Snap]:
        """The nearest place on each of the DROP_OFFS_MAX nearest roads, best first.

        The first is the one `snap` gives, where that gives any. Raises OffMapError outside the
        map's bounds, NoRouteError farther than WALK_M_MAX from any road.
        """
        require_inside(self._bounds, lon, lat)
        point = shapely.Point(self._projection.point_to_metres(lon, lat))
        nearest = self._main.nearest(point, WALK_M_MAX)
        if nearest is None:
            raise NoRouteError(f"no road within {WALK_M_MAX / 1000:.0f} km of {lon:.5f}, {lat:.5f}")
        radius_m = DROP_OFF_FACTOR * nearest.distance_m + DROP_OFF_M
        found = [self._on_piece(near, point) for near in self._main.within(point, radius_m)]
        if nearest.distance_m <= SNAP_M_MAX:
            first = self.snap(lon, lat)
            found = [first, *(each for each in found if each.edge != first.edge)]
        return found[:DROP_OFFS_MAX]

    def _on_piece(self, near: _Near, point: shapely.Point) -> Snap:
        pieces, piece = near.pieces, near.piece
        line = pieces.lines[piece]
        along_m = float(shapely.line_locate_point(line, point))
        place = shapely.line_interpolate_point(line, along_m)
        lon, lat = self._projection.point_to_degrees(place.x, place.y)
        length_m = float(pieces.edge_length_m[piece])
        before_m = float(pieces.before_m[piece])
        fraction = (before_m + along_m) / length_m if length_m > 0.0 else 0.0
        return Snap(
            edge=int(pieces.edge[piece]),
            fraction=min(max(fraction, 0.0), 1.0),
            lon=lon,
            lat=lat,
            distance_m=near.distance_m,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pieces:
    """Edges cut into short lines; lengths in projected metres."""

    lines: NDArray[np.object_]
    edge: NDArray[np.int64]
    before_m: NDArray[np.float64]
    """Length of the edge before this piece."""
    edge_length_m: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Near:
    pieces: _Pieces
    piece: int
    distance_m: float


class _Tree:
    """The nearest of some pieces."""

    def __init__(self, pieces: _Pieces) -> None:
        self._pieces = pieces
        self._tree = STRtree(pieces.lines)

    def nearest(self, point: shapely.Point, distance_m_max: float) -> _Near | None:
        if distance_m_max <= 0.0 or not len(self._pieces.edge):
            return None
        found, distances = self._tree.query_nearest(
            point, max_distance=distance_m_max, return_distance=True, all_matches=False
        )
        if not found.size:
            return None
        return _Near(pieces=self._pieces, piece=int(found[0]), distance_m=float(distances[0]))

    def within(self, point: shapely.Point, radius_m: float) -> list[_Near]:
        """The nearest piece of each edge within a radius, nearest first."""
        found = self._tree.query(point, predicate="dwithin", distance=radius_m)
        distances = shapely.distance(self._pieces.lines[found], point)
        by_distance = np.argsort(distances, kind="stable")
        _, first = np.unique(self._pieces.edge[found[by_distance]], return_index=True)
        best = by_distance[np.sort(first)]
        return [
            _Near(pieces=self._pieces, piece=int(found[at]), distance_m=float(distances[at]))
            for at in best[:DROP_OFFS_MAX]
        ]


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


def _cut(roadmap: RoadMap, edges: NDArray[np.int64]) -> _Pieces:
    """Every PIECE_POINTS - 1 segments of an edge become one line; neighbours share a point."""
    first = roadmap.edge_first_point
    segments = (first[edges + 1] - first[edges] - 1).astype(np.int64)
    step = PIECE_POINTS - 1
    counts = -(-segments // step)
    owner = np.repeat(np.arange(len(edges)), counts)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    start = first[edges][owner] + nth * step
    stop = np.minimum(start + step, first[edges + 1][owner] - 1)

    metres = projection(roadmap.meta.crs).to_metres(roadmap.point_lonlat)
    along_m = np.zeros(len(metres))
    along_m[1:] = np.cumsum(np.hypot(*np.diff(metres, axis=0).T))

    sizes = stop - start + 1
    line_of_point = np.repeat(np.arange(len(owner)), sizes)
    within = np.arange(len(line_of_point)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    points = metres[np.repeat(start, sizes) + within]
    return _Pieces(
        lines=shapely.linestrings(points, indices=line_of_point),
        edge=edges[owner],
        before_m=along_m[start] - along_m[first[edges]][owner],
        edge_length_m=(along_m[first[edges + 1] - 1] - along_m[first[edges]])[owner],
    )
