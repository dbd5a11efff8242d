"""The temperature outdoors at places of this county. Knows no device."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from devices.battery.ambient import SEA_LEVEL_C, ambient_c
from geo.driving.conditions import Condition
from geo.grid import sample
from geo.roadmap import Elevation

Floats = NDArray[np.float64]


class Ambient:
    """By the map's heights and the condition that holds in the county."""

    def __init__(
        self,
        elevation: Elevation | None,
        condition: Callable[[], Condition] = Condition,
        *,
        sea_level_c: float = SEA_LEVEL_C,
    ) -> None:
        self._elevation, self._condition, self._sea_level_c = elevation, condition, sea_level_c

    def at(self, lonlat: Floats) -> Floats:
        """(k,) °C at (k, 2) degrees; NaN where the map knows no height."""
        if self._elevation is None:
            return np.full(len(lonlat), np.nan)
        height_m = np.full(len(lonlat), np.nan)
        known = np.isfinite(lonlat).all(axis=1)
        height_m[known] = sample(self._elevation, lonlat[known])
        return ambient_c(height_m, self._condition(), sea_level_c=self._sea_level_c)
