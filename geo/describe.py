"""Where a point is, in words: "Sispony, CS-340 km 3.2"."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.spatial import KDTree

from geo.linear import LinearIndex
from geo.roadmap import Place, RoadMap

ROAD_M_MAX = 150.0
"""A point this near a road is said to be on it."""
AT_PLACE_M_MAX = 1500.0
"""Nearer than this to a place, its name alone is enough."""
COMPASS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")

Floats = NDArray[np.float64]


class Describer:
    """Names points by the nearest place and the road they lie on. Not thread-safe on first use."""

    def __init__(self, roadmap: RoadMap, linear: LinearIndex | None = None) -> None:
        self._map = roadmap
        self._linear = linear or LinearIndex(roadmap)
        self._metric = Transformer.from_crs("EPSG:4326", roadmap.meta.crs, always_xy=True)
        self._places = [place for place in roadmap.places if place.kind != "station"]
        self._place_tree = KDTree(self._project(_lonlat(self._places))) if self._places else None
        self._named = np.flatnonzero((roadmap.edge_ref >= 0) | (roadmap.edge_name >= 0))
        self._lines = self._edge_lines()
        self._roads = shapely.STRtree(self._lines)

    def describe(self, lon: float, lat: float) -> str:
        """The nearest place, and the road with its kilometre; "" where the map has neither.

        Away from a place its distance and the compass direction from it are added:
        "Sispony 2.4 km NE".
        """
        at = self._project(np.array([[lon, lat]]))[0]
        return ", ".join(filter(None, (self._place(at), self._road(at))))

    def _place(self, at: Floats) -> str:
        if self._place_tree is None:
            return ""
        away_m, index = self._place_tree.query(at)
        name = self._places[int(index)].name
        if away_m <= AT_PLACE_M_MAX:
            return name
        dx, dy = at - self._place_tree.data[int(index)]
        point = COMPASS[round(np.degrees(np.arctan2(dx, dy)) / 45.0) % 8]
        return f"{name} {away_m / 1000:.1f} km {point}"

    def _road(self, at: Floats) -> str:
        point = shapely.Point(at)
        near = self._roads.query_nearest(point, max_distance=ROAD_M_MAX, all_matches=False)
        if not len(near):
            return ""
        edge, line = int(self._named[near[0]]), self._lines[near[0]]
        stone = self._linear.kilometre(
            edge, shapely.line_locate_point(line, point, normalized=True)
        )
        if stone:
            return f"{stone[0]} km {stone[1]:.1f}"
        return self._map.names[int(self._map.edge_name[edge])]

    def _edge_lines(self) -> NDArray[np.object_]:
        first = self._map.edge_first_point
        counts = np.diff(first)[self._named]
        offset = np.concatenate([[0], np.cumsum(counts)])
        points = np.arange(offset[-1]) + np.repeat(first[self._named] - offset[:-1], counts)
        xy = self._project(np.asarray(self._map.point_lonlat[points]))
        rows = np.repeat(np.arange(len(counts)), counts)
        return np.asarray(shapely.linestrings(xy, indices=rows), dtype=object)

    def _project(self, lonlat: Floats) -> Floats:
        if not len(lonlat):
            return np.empty((0, 2))
        return np.stack(self._metric.transform(lonlat[:, 0], lonlat[:, 1]), axis=1)


def _lonlat(places: list[Place]) -> Floats:
    return np.array([(place.lon, place.lat) for place in places])
