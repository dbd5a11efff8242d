"""How cold it truly is about a simulated officer: by height and hour of the day.

A day in the open is warmest in the afternoon; the air gets colder upwards as in a standard
atmosphere. Knows no weather and no season but the mean it is given.
"""

from __future__ import annotations

from math import cos, tau
from typing import Final

LAPSE_C_PER_KM: Final = 6.5
"""ICAO standard atmosphere (Doc 7488)."""
SEA_LEVEL_C: Final = 15.0
SWING_C: Final = 6.0
"""Warmer than the mean at the warmest, colder at the coldest. Starting value."""
WARMEST_H: Final = 15.0
INDOORS_C: Final = 18.0
"""At the station and in the car. Starting value."""
NIGHT_H: Final = (20.0, 6.0)
"""From when to when it is dark. Starting value."""


def outdoors_c(height_m: float, hour: float, *, sea_level_c: float = SEA_LEVEL_C) -> float:
    """°C; `hour` of the day, local, 0 to 24."""
    swing_c = SWING_C * cos(tau * (hour - WARMEST_H) / 24.0)
    return sea_level_c - LAPSE_C_PER_KM * height_m / 1000.0 + swing_c


def is_dark(hour: float) -> bool:
    """Whether a camera needs its infrared light."""
    begins, ends = NIGHT_H
    return hour >= begins or hour < ends
