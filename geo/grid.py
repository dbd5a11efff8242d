"""Heights on a grid: fill what is unknown, read a height between the cells.

Works on `Elevation` alone; reading files is `geo.mapmaking.elevation`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from geo.roadmap import Elevation

FILL_REACH_CELLS = 60
"""A void further than this from known ground stays unknown (about 5 km on a 3 arc-second grid)."""
RELAX_STEPS = 40

Heights = NDArray[np.float32]


def filled(elevation: Elevation) -> Elevation:
    """The same grid with its voids filled smoothly from their rims.

    SRTM has voids (steep faces, water); interpolating over them unfilled gives absurd heights.
    """
    void = ~np.isfinite(elevation.height_m)
    if not void.any() or void.all():
        return elevation
    distance, nearest = ndimage.distance_transform_edt(void, return_indices=True)
    height = np.where(void, elevation.height_m[tuple(nearest)], elevation.height_m)
    rows, columns = _window(void & (distance <= FILL_REACH_CELLS))
    _relax(height[rows, columns], void[rows, columns])
    height[distance > FILL_REACH_CELLS] = np.nan
    return replace(elevation, height_m=height.astype(np.float32))


def _window(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(max(rows[0] - 1, 0), rows[-1] + 2), slice(max(columns[0] - 1, 0), columns[-1] + 2)


def _relax(height: NDArray[np.float32], void: NDArray[np.bool_]) -> None:
    """Smooth the void cells in place towards the mean of their neighbours."""
    for _ in range(RELAX_STEPS if height.size else 0):
        height[void] = ndimage.uniform_filter(height, 3, mode="nearest")[void]


def sample(elevation: Elevation, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bilinear heights in metres at (k, 2) degrees; NaN off the grid or next to unknown cells."""
    rows, columns = elevation.height_m.shape
    x = (lonlat[:, 0] - elevation.west) / elevation.step_lon
    y = (elevation.north - lonlat[:, 1]) / elevation.step_lat
    inside = (x >= -0.5) & (x <= columns - 0.5) & (y >= -0.5) & (y <= rows - 0.5)
    x, y = np.clip(x, 0, columns - 1), np.clip(y, 0, rows - 1)
    left = np.minimum(x.astype(np.int64), max(columns - 2, 0))
    top = np.minimum(y.astype(np.int64), max(rows - 2, 0))
    right, bottom = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
    dx, dy = x - left, y - top
    grid = np.asarray(elevation.height_m)  # a mapped file is slow to slice
    upper = grid[top, left] * (1 - dx) + grid[top, right] * dx
    lower = grid[bottom, left] * (1 - dx) + grid[bottom, right] * dx
    heights: NDArray[np.float64] = np.where(inside, upper * (1 - dy) + lower * dy, np.nan)
    return heights
