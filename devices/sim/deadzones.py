"""Where there is no signal: low stretches of road, far from towns.

A mast on a town's ridge covers the town and the open valley; a gorge behind a bend it does not
reach. Without coverage data the map itself must do: a road point that lies well below the mean
height around it, and away from where people live, is taken for the bottom of a gorge. Without
heights, remote road points alone. A believable guess for a simulator, no prediction.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from devices.sim.movement import METRES_PER_DEGREE, distance_m
from geo.roadmap import Elevation, RoadMap

ZONES_MAX: Final = 40
AREA_KM2_PER_ZONE: Final = 90.0
RADIUS_M: Final = (500.0, 1400.0)
WEAK_FACTOR: Final = 1.6
"""About a zone the signal is weak as far as this times its radius. Starting value."""
APART_M: Final = 2500.0
"""Between two zones' centres: a county has gaps in its coverage, not coverage in its gaps."""
TOWN_M: Final = 2500.0
"""No zone's centre so near a town; half of it from a village."""
AROUND_M: Final = 1500.0
"""Half the side of the square whose mean height counts as "around"."""
BELOW_M: Final = 60.0
"""So much below its surroundings, a road point lies in a gorge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadZone:
    lon: float
    lat: float
    radius_m: float

    def covers(self, lon: float, lat: float) -> bool:
        return distance_m(self.lon, self.lat, lon, lat) <= self.radius_m


class DeadZones:
    """All of one map's."""

    def __init__(self, zones: list[DeadZone]) -> None:
        self.zones = zones
        self._centres = np.array([[zone.lon, zone.lat] for zone in zones]).reshape(-1, 2)
        self._radii_m = np.array([zone.radius_m for zone in zones])

    def covers(self, lon: float, lat: float) -> bool:
        """Whether there is no signal at a place."""
        if not len(self._radii_m):
            return False
        away_m = _away_m(self._centres, lon, lat)
        return bool((away_m <= self._radii_m).any())

    def weakens(self, lon: float, lat: float) -> bool:
        """Whether the signal is weak at a place: in a zone, or about it."""
        if not len(self._radii_m):
            return False
        return bool((_away_m(self._centres, lon, lat) <= WEAK_FACTOR * self._radii_m).any())

    @classmethod
    def of(cls, roadmap: RoadMap, rng: Random) -> DeadZones:
        """Derive them from a map; the same seed gives the same zones."""
        points = _candidates(roadmap)
        wanted = min(ZONES_MAX, round(_area_km2(roadmap) / AREA_KM2_PER_ZONE))
        order = rng.sample(range(len(points)), len(points))
        zones: list[DeadZone] = []
        for index in order:
            if len(zones) >= wanted:
                break
            lon, lat = points[index].tolist()
            if all(distance_m(zone.lon, zone.lat, lon, lat) >= APART_M for zone in zones):
                zones.append(DeadZone(lon=lon, lat=lat, radius_m=rng.uniform(*RADIUS_M)))
        return cls(zones)


def _candidates(roadmap: RoadMap) -> NDArray[np.float64]:
    """(k, 2) middle points of edges where a zone may lie."""
    middle = (roadmap.edge_first_point[:-1] + roadmap.edge_first_point[1:]) // 2
    points = np.asarray(roadmap.point_lonlat[middle])
    remote = np.ones(len(points), dtype=bool)
    for place in roadmap.places:
        near_m = {"town": TOWN_M, "village": TOWN_M / 2.0, "station": TOWN_M}.get(place.kind, 0.0)
        if near_m:
            remote &= _away_m(points, place.lon, place.lat) > near_m
    points = points[remote]
    if roadmap.elevation is None or not len(points):
        return points
    depth_m = _depth_m(roadmap.elevation, points)
    return points[depth_m >= BELOW_M]


def _depth_m(elevation: Elevation, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each point lies below the mean height around it; 0 where unknown."""
    height_m = np.asarray(elevation.height_m, dtype=np.float64)
    known = np.isfinite(height_m)
    filled = np.where(known, height_m, float(height_m[known].mean()) if known.any() else 0.0)
    rows = max(1, round(2 * AROUND_M / (elevation.step_lat * METRES_PER_DEGREE)))
    squeeze = np.cos(np.radians(elevation.north))
    columns = max(1, round(2 * AROUND_M / (elevation.step_lon * METRES_PER_DEGREE * squeeze)))
    depth = uniform_filter(filled, size=(rows, columns), mode="nearest") - filled
    row = np.rint((elevation.north - points[:, 1]) / elevation.step_lat).astype(int)
    column = np.rint((points[:, 0] - elevation.west) / elevation.step_lon).astype(int)
    row, column = row.clip(0, depth.shape[0] - 1), column.clip(0, depth.shape[1] - 1)
    found: NDArray[np.float64] = np.where(known[row, column], depth[row, column], 0.0)
    return found


def _away_m(points: NDArray[np.float64], lon: float, lat: float) -> NDArray[np.float64]:
    east = (points[:, 0] - lon) * np.cos(np.radians(lat))
    return np.asarray(np.hypot(east, points[:, 1] - lat) * METRES_PER_DEGREE)


def _area_km2(roadmap: RoadMap) -> float:
    west, south, east, north = roadmap.meta.bounds
    width = (east - west) * np.cos(np.radians((south + north) / 2.0))
    return float(width * (north - south)) * (METRES_PER_DEGREE / 1000.0) ** 2
