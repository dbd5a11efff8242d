"""The nearest road to a position: once per fix, then kept.

Only edges a car may use in at least one direction count; ferries do not. Maps hold roads that
nothing connects to the rest (a gap in the drawing, a track cut off by the map's edge): such an
island counts only where it is clearly nearer than the main network. Knows no travel time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from geo.errors import NoRouteError
from geo.nearroads import Near, NearRoads
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
        metres = self._projection.to_metres(np.asarray(roadmap.point_lonlat))
        self._main = NearRoads(roadmap, np.flatnonzero(usable & connected), metres)
        self._islands = NearRoads(roadmap, np.flatnonzero(usable & ~connected), metres)

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
        found = [self._snap_of(near) for near in self._main.within(point, radius_m, DROP_OFFS_MAX)]
        if nearest.distance_m <= SNAP_M_MAX:
            first = self.snap(lon, lat)
            found = [first, *(each for each in found if each.edge != first.edge)]
        return found[:DROP_OFFS_MAX]

    def _snap_of(self, near: Near) -> Snap:
        lon, lat = self._projection.point_to_degrees(*near.place)
        return Snap(
            edge=near.edge,
            fraction=near.fraction,
            lon=lon,
            lat=lat,
            distance_m=near.distance_m,
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
