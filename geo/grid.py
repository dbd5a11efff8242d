"""Heights on a grid: read one between the cells. Voids are closed by `geo.voids`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.roadmap import Elevation


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
