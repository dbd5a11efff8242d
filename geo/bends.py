"""How fast a bend can be taken: by comfort and grip, and by how far round it one sees.

Constants and formulas for one point of road, on arrays. Knows neither maps nor vehicles.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

KMH_PER_MPS: Final = 3.6

V85_BANDS: Final = {
    "steep_down": (102.10, 3077.13),  # -9 <= G < -4 %
    "down": (105.98, 3709.90),  # -4 <= G < 0
    "up": (104.82, 3574.51),  # 0 <= G < 4
    "steep_up": (96.61, 2752.19),  # 4 <= G < 9
}
"""V85 = a - b/R, km/h and m, for two-lane rural roads: FHWA-RD-99-171 (Fitzpatrick et al. 2000)."""

V85_KNOTS_PCT: Final = (-6.5, -2.0, 0.0, 2.0, 6.5)
"""%. Middles of the bands, and level ground: speed runs evenly between them instead of jumping."""

LOW_RADIUS_M: Final = 100.0
"""m. V85 holds from here up; below, lateral acceleration limits (V85 turns negative at 30 m)."""

BLENDED_RADIUS_M: Final = 200.0
"""m. From here up V85 alone; between the two radii they are blended. Starting value."""

SIGHT_OFFSET_M: Final = 3.5
"""m. From the driver's line to the bank or wall that hides the road ahead. Starting value."""

SIGHT_M_MAX: Final = 150.0
"""m. What is seen of a straight mountain road, over crests and past trees. Starting value."""

WIDE_SIGHT_M_MAX: Final = 300.0
"""m. The same of motorways and trunk roads. Starting value."""

Floats = NDArray[np.float64]


def curve_speed_kmh(
    radius_m: Floats, grade_pct: Floats, lateral_mps2: Floats, curve_factor: float
) -> Floats:
    """Speed a bend allows, km/h. Never rises as the radius falls or as a climb steepens.

    Up to LOW_RADIUS_M v = sqrt(a R); from BLENDED_RADIUS_M k * V85; evenly blended between.
    """
    tight = KMH_PER_MPS * np.sqrt(lateral_mps2 * np.minimum(radius_m, BLENDED_RADIUS_M))
    wide = curve_factor * _v85_kmh(np.maximum(radius_m, LOW_RADIUS_M), grade_pct)
    share = ((radius_m - LOW_RADIUS_M) / (BLENDED_RADIUS_M - LOW_RADIUS_M)).clip(0.0, 1.0)
    blended: Floats = tight + share * (wide - tight)
    return blended


def grip_speed_kmh(radius_m: Floats, lateral_mps2: Floats) -> Floats:
    """Speed at which a bend needs all the grip there is across the road, km/h; inf if straight."""
    speed: Floats = KMH_PER_MPS * np.sqrt(lateral_mps2 * radius_m)
    return speed


def sight_m(radius_m: Floats) -> Floats:
    """How far one sees round a bend, m: S = 2 R acos(1 - M/R), M = SIGHT_OFFSET_M.

    At most WIDE_SIGHT_M_MAX; once the whole circle is in sight (R <= M/2), its length.
    """
    radius = np.minimum(radius_m, WIDE_SIGHT_M_MAX**2)  # wider ones see farther than that
    seen: Floats = 2.0 * radius * np.arccos((1.0 - SIGHT_OFFSET_M / radius).clip(min=-1.0))
    return seen.clip(max=WIDE_SIGHT_M_MAX)


def sight_speed_kmh(sight_m: Floats, reaction_s: float, stopping_mps2: Floats) -> Floats:
    """Speed from which one stops within what is seen: v = b (-t + sqrt(t^2 + 2 S / b)), km/h."""
    squared = reaction_s**2 + 2.0 * sight_m / stopping_mps2
    speed: Floats = KMH_PER_MPS * stopping_mps2 * (np.sqrt(squared) - reaction_s)
    return speed


def _v85_kmh(radius_m: Floats, grade_pct: Floats) -> Floats:
    steep_down, down, up, steep_up = (a - b / radius_m for a, b in V85_BANDS.values())
    steep_up = np.minimum(steep_up, up)
    knots = np.stack((steep_down, down, up, up, steep_up))
    grade = grade_pct.clip(V85_KNOTS_PCT[0], V85_KNOTS_PCT[-1])
    right = np.searchsorted(V85_KNOTS_PCT, grade, side="right").clip(1, len(V85_KNOTS_PCT) - 1)
    left_pct, right_pct = np.take(V85_KNOTS_PCT, right - 1), np.take(V85_KNOTS_PCT, right)
    share = (grade - left_pct) / (right_pct - left_pct)
    at = np.arange(len(radius_m))
    low, high = knots[right - 1, at], knots[right, at]
    between: Floats = low + share * (high - low)
    return between
