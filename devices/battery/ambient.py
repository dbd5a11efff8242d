"""How cold it is about a device that does not say: by height, night and weather.

A standard atmosphere shifted to the county's own mean; ice and snow on the roads say more than the
mean does. Knows no season and no weather service.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from devices.battery.model import Floats
from geo.driving.conditions import Condition, Weather

LAPSE_C_PER_KM: Final = 6.5
"""ICAO standard atmosphere (Doc 7488), as is the temperature at sea level."""
SEA_LEVEL_C: Final = 15.0
SEA_LEVEL_C_MIN: Final = -40.0
SEA_LEVEL_C_MAX: Final = 50.0
NIGHT_C: Final = 6.0
"""Colder than the day's mean. Starting value."""
FREEZING_C: Final = 0.0
"""At most, while it snows, and from the height up from which roads are icy."""
AMBIENT_C_MIN: Final = -40.0


def ambient_c(
    height_m: Floats, condition: Condition, *, sea_level_c: float = SEA_LEVEL_C
) -> Floats:
    """°C at heights above sea level; NaN where a height is."""
    air_c = sea_level_c - LAPSE_C_PER_KM * height_m / 1000.0
    if condition.night:
        air_c = air_c - NIGHT_C
    if condition.weather is Weather.SNOW:
        air_c = np.minimum(air_c, FREEZING_C)
    if condition.ice_above_m is not None:
        icy = FREEZING_C - LAPSE_C_PER_KM * (height_m - condition.ice_above_m) / 1000.0
        air_c = np.where(height_m >= condition.ice_above_m, np.minimum(air_c, icy), air_c)
    return np.maximum(air_c, AMBIENT_C_MIN)
