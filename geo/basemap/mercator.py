"""Web Mercator as fractions of the world: (0, 0) north-west, (1, 1) south-east; tiles in z/x/y.

Projected on the sphere, as all web maps do (EPSG:3857).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS_M = 6_378_137.0
WORLD_M = 2 * np.pi * EARTH_RADIUS_M
LAT_MAX = 85.0511287798066

Floats = NDArray[np.float64]


def to_world(lonlat: Floats) -> Floats:
    """(k, 2) degrees to (k, 2) fractions of the world's width and height."""
    lat = np.radians(np.clip(lonlat[:, 1], -LAT_MAX, LAT_MAX))
    x = lonlat[:, 0] / 360.0 + 0.5
    y = 0.5 - np.arctanh(np.sin(lat)) / (2 * np.pi)
    return np.stack([x, y], axis=1)


def to_lon(x: Floats) -> Floats:
    """Longitude in degrees at a fraction of the world's width."""
    return (x - 0.5) * 360.0


def to_lat(y: Floats) -> Floats:
    """Latitude in degrees at a fraction of the world's height."""
    lat: Floats = np.degrees(np.arctan(np.sinh((0.5 - y) * 2 * np.pi)))
    return lat


def is_tile(z: int, x: int, y: int) -> bool:
    """Whether such a tile exists."""
    return z >= 0 and 0 <= x < 2**z and 0 <= y < 2**z
