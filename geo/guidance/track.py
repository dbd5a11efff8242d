"""A route as a device keeps it: a thin line with metres along it.

The line is for following by eye and for telling how far along somebody is, so every point of it
says where on the route it lies: a device need not know that roads have heights.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.roadmap import RoadMap

if TYPE_CHECKING:
    from geo.ground import Route

TOLERANCE_M: Final = 2.0
"""What a thin line may be beside the road: less than its width."""

POINTS_MAX: Final = 5_000
"""Of one line; a longer one is drawn more coarsely."""

DEGREE_M: Final = 111_195.0
"""A degree of latitude."""

Floats = NDArray[np.float64]


def track(route: Route) -> Floats:
    """(k, 3) longitude, latitude, metres from the start, k >= 2; POINTS_MAX at most."""
    squeeze = np.array([np.cos(np.radians(route.lonlat[0, 1])), 1.0]) * DEGREE_M
    flat_m = route.lonlat * squeeze
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(flat_m, axis=0).T))))
    scale = route.distance_m / along[-1] if along[-1] > 0.0 else 0.0
    line = np.column_stack((flat_m, along * scale))
    tolerance_m = TOLERANCE_M
    thin = _thinned(line, tolerance_m)
    while len(thin) > POINTS_MAX:
        tolerance_m *= 2.0
        thin = _thinned(line, tolerance_m)
    thin[:, :2] /= squeeze
    return thin


def _thinned(line: Floats, tolerance_m: float) -> Floats:
    simple = shapely.simplify(shapely.linestrings(line), tolerance_m, preserve_topology=False)
    coordinates: Floats = shapely.get_coordinates(simple, include_z=True)
    return coordinates


def shapes_near(
    roadmap: RoadMap, edges: Collection[int], line: Floats, *, within_m: float, most: int
) -> list[Floats]:
    """(k, 2) lines of those of these edges that come so near to a line, the nearest `most`."""
    squeeze = np.array([np.cos(np.radians(line[0, 1])), 1.0]) * DEGREE_M
    way = shapely.linestrings(line[:, :2] * squeeze)
    found: list[tuple[float, int, Floats]] = []
    for edge in edges:
        first, last = roadmap.edge_first_point[edge : edge + 2]
        shape = np.asarray(roadmap.point_lonlat[first:last], dtype=np.float64)
        far_m = float(shapely.distance(way, shapely.linestrings(shape * squeeze)))
        if far_m <= within_m:
            found.append((far_m, edge, shape))
    return [shape for _, _, shape in sorted(found, key=lambda each: each[:2])[:most]]
