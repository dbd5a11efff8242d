"""Metres on the ground for one map: its metric projection and its bounds.

Every map names one projected coordinate system (a UTM zone). Knows no road.
"""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj.exceptions import CRSError

from geo.errors import MapFolderError, OffMapError

WGS84: Final = "EPSG:4326"
PROJECTIONS_MAX: Final = 8
"""Transformers kept in memory: one process serves one map, tests a few."""


class Projection:
    """WGS-84 degrees to metres of one projected coordinate system, and back."""

    __slots__ = ("_backward", "_forward", "crs")

    def __init__(self, crs: str) -> None:
        """`crs`: e.g. "EPSG:32631". Raises MapFolderError if it names no projection."""
        self.crs = crs
        try:
            self._forward = Transformer.from_crs(WGS84, crs, always_xy=True)
            self._backward = Transformer.from_crs(crs, WGS84, always_xy=True)
        except CRSError as error:
            raise MapFolderError(f"the map names an unknown projection {crs!r}") from error

    def to_metres(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        """(k, 2) degrees to (k, 2) metres east, north."""
        east, north = self._forward.transform(lonlat[:, 0], lonlat[:, 1])
        return np.column_stack((east, north))

    def to_degrees(self, metres: NDArray[np.float64]) -> NDArray[np.float64]:
        """(k, 2) metres east, north to (k, 2) degrees."""
        lon, lat = self._backward.transform(metres[:, 0], metres[:, 1])
        return np.column_stack((lon, lat))

    def point_to_metres(self, lon: float, lat: float) -> tuple[float, float]:
        east, north = self._forward.transform(lon, lat)
        return float(east), float(north)

    def point_to_degrees(self, east_m: float, north_m: float) -> tuple[float, float]:
        lon, lat = self._backward.transform(east_m, north_m)
        return float(lon), float(lat)


@lru_cache(maxsize=PROJECTIONS_MAX)
def projection(crs: str) -> Projection:
    """The projection of that name; making one costs milliseconds, so it is kept."""
    return Projection(crs)


def require_inside(bounds: tuple[float, float, float, float], lon: float, lat: float) -> None:
    """Raise OffMapError unless the position lies in west, south, east, north (degrees)."""
    if not (isfinite(lon) and isfinite(lat)):
        raise OffMapError(f"{lon}, {lat} is not a position")
    west, south, east, north = bounds
    if not (west <= lon <= east and south <= lat <= north):
        raise OffMapError(
            f"{lon:.5f}, {lat:.5f} lies off the map "
            f"(longitude {west:.3f} to {east:.3f}, latitude {south:.3f} to {north:.3f})"
        )
