"""Holes in a grid of heights, filled. Works on `Elevation` alone."""

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
