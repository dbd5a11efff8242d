"""Walking speed on slopes.

Tobler, W. (1993), "Three presentations on geographical analysis and modeling", NCGIA TR 93-1:
6 exp(-3.5 |S + 0.05|) km/h on paths. DIN 33466 (signposting of footpaths), the check on it:
4 km/h level, 300 m an hour up, 500 m down; the longer of both times and half of the shorter.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.driving.conditions import Condition, Weather

OFF_PATH_FACTOR: Final = 0.6
"""On speed away from roads and paths (Tobler)."""

URGENT_FACTOR: Final = 1.25
"""On speed with urgency: a brisk walk. Starting value."""

NIGHT_FACTOR: Final = 0.7
"""On speed at night. Starting value."""

WEATHER_FACTOR: Final = {
    Weather.DRY: 1.0,
    Weather.RAIN: 0.95,
    Weather.HEAVY_RAIN: 0.9,
    Weather.SNOW: 0.6,
}
"""On speed. Starting values."""

ICE_FACTOR: Final = 0.5
"""On speed. Starting value."""

KMH_PER_MPS: Final = 3.6

DIN_LEVEL_KMH: Final = 4.0
DIN_UP_M_PER_H: Final = 300.0
DIN_DOWN_M_PER_H: Final = 500.0

Floats = NDArray[np.float64]


def tobler_mps(grade_pct: Floats) -> Floats:
    """Speed along the ground on a path, m/s; fastest at 5 % down."""
    speed: Floats = 6.0 * np.exp(-3.5 * np.abs(grade_pct / 100.0 + 0.05)) / KMH_PER_MPS
    return speed


def walking_mps(
    grade_pct: Floats, icy: NDArray[np.bool_], condition: Condition, *, urgent: bool = False
) -> Floats:
    """The same in this weather and at this hour."""
    factor = WEATHER_FACTOR[condition.weather]
    factor *= NIGHT_FACTOR if condition.night else 1.0
    factor *= URGENT_FACTOR if urgent else 1.0
    return tobler_mps(grade_pct) * factor * np.where(icy, ICE_FACTOR, 1.0)


def din_33466_s(length_m: float, up_m: float, down_m: float) -> float:
    """Seconds for a walk by DIN 33466."""
    level_h = length_m / 1000.0 / DIN_LEVEL_KMH
    height_h = up_m / DIN_UP_M_PER_H + down_m / DIN_DOWN_M_PER_H
    return 3600.0 * (max(level_h, height_h) + min(level_h, height_h) / 2.0)
