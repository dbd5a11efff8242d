"""What weather, ice, fog and night do to driving: grip, sight, and how much slower people go.

Starting values but for the law. Knows conditions and flags of roads, no vehicle.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.driving.conditions import Condition, Weather
from geo.driving.vehicles import GRAVITY_MPS2
from geo.roadmap import EdgeFlag, RoadClass, RoadMap

FRICTION: Final = {
    Weather.DRY: 0.7,
    Weather.RAIN: 0.4,
    Weather.HEAVY_RAIN: 0.4,
    Weather.SNOW: 0.2,
}
"""Grip between tyre and road, share of weight."""

ICE_FRICTION: Final = 0.1

LATERAL_SHARE: Final = 0.5
"""Share of the grip that a driver uses across, and along, the road."""

STOPPING_SHARE: Final = 0.8
"""Share of the grip that an emergency stop uses."""

SPEED_FACTOR: Final = {
    Weather.DRY: 1.0,
    Weather.RAIN: 0.93,
    Weather.HEAVY_RAIN: 0.85,
    Weather.SNOW: 0.75,
}
"""On every speed. Free-flow speeds fall by 2 to 17 % in rain and by 5 to 40 % in snow
(FHWA Road Weather Management, "How do weather events impact roads?")."""

NIGHT_FACTOR: Final = 0.92
"""On every speed where no lamps are."""

LIT_CLASSES: Final = (RoadClass.RESIDENTIAL, RoadClass.LIVING_STREET)
"""Lit unless tagged otherwise; all other roads are dark unless tagged otherwise."""

THICK_FOG_M: Final = 50.0
THICK_FOG_KMH: Final = 30.0
"""km/h when one sees less than THICK_FOG_M: Implementing Regulations of the Road Traffic Safety
Law of China, art. 46; kept in urgent driving too."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def icy(height_m: Floats, condition: Condition) -> Bools:
    """Where the ice begins at or below; unknown heights are icy only if it lies down to the sea."""
    if condition.ice_above_m is None:
        return np.zeros(len(height_m), dtype=np.bool_)
    known: Bools = np.nan_to_num(height_m, nan=0.0) >= condition.ice_above_m
    return known


def friction(height_m: Floats, condition: Condition) -> Floats:
    """Grip at each height."""
    return np.where(icy(height_m, condition), ICE_FRICTION, FRICTION[condition.weather])


def lateral_mps2(grip: Floats) -> Floats:
    """Acceleration that a driver asks of the tyres at most, across or along the road."""
    return LATERAL_SHARE * GRAVITY_MPS2 * grip


def stopping_mps2(grip: Floats) -> Floats:
    return STOPPING_SHARE * GRAVITY_MPS2 * grip


def speed_factor(roadmap: RoadMap, condition: Condition) -> Floats:
    """(M,) on every speed: weather, and night where it is dark."""
    factor = np.full(roadmap.edge_count, SPEED_FACTOR[condition.weather])
    if condition.night:
        factor[dark(roadmap)] *= NIGHT_FACTOR
    return factor


def dark(roadmap: RoadMap) -> Bools:
    """(M,) roads without lamps."""
    flags = roadmap.edge_flags
    lit = np.isin(roadmap.edge_class, LIT_CLASSES) | ((flags & int(EdgeFlag.LIT)) != 0)
    unlit: Bools = ~lit | ((flags & int(EdgeFlag.UNLIT)) != 0)
    return unlit


def fog_cap_kmh(condition: Condition) -> float:
    """inf without thick fog."""
    seen_m = condition.fog_visibility_m
    return THICK_FOG_KMH if seen_m is not None and seen_m < THICK_FOG_M else np.inf
