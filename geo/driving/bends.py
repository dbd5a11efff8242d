"""How fast a bend can be taken: by comfort and grip, and by how far round it one sees.

Constants and formulas for one point of road, on arrays. Knows neither maps nor vehicles.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

KMH_PER_MPS: Final = 3.6

V85_GRADES_PCT: Final = (-6.5, -2.0, 0.0, 2.0, 6.5)
V85_KMH: Final = (102.10, 105.98, 104.82, 104.82, 96.61)
V85_KMH_M: Final = (3077.13, 3709.90, 3574.51, 3574.51, 2752.19)
"""V85 = a - b/R, km/h and m, on two-lane rural roads, for grades -9 ... -4, -4 ... 0, 0 ... 4 and
4 ... 9 %: FHWA-RD-99-171 (Fitzpatrick et al. 2000). Each holds in the middle of its band, the
third also on level ground; between them a and b run evenly, where the source jumps."""

V85_RADIUS_M_MIN: Final = 100.2
"""m. The source holds from 100 m; here its two climbing bands meet."""

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
    wide = curve_factor * _v85_kmh(radius_m, grade_pct)
    share = ((radius_m - LOW_RADIUS_M) / (BLENDED_RADIUS_M - LOW_RADIUS_M)).clip(0.0, 1.0)
    blended: Floats = tight + share * (wide - tight)
    return blended


def grip_speed_kmh(radius_m: Floats, lateral_mps2: Floats) -> Floats:
    """Speed at which a bend needs all the grip there is across the road, km/h; inf if straight."""
    speed: Floats = KMH_PER_MPS * np.sqrt(lateral_mps2 * radius_m)
    return speed


def sight_m(radius_m: Floats) -> Floats:
    """How far one sees round a bend, m: S = 2 R acos(1 - M/R), M = SIGHT_OFFSET_M.

    At most WIDE_SIGHT_M_MAX; half the circle where it is tighter than M.
    """
    radius = np.minimum(radius_m, WIDE_SIGHT_M_MAX**2)  # wider ones see farther than that
    seen: Floats = 2.0 * radius * np.arccos((1.0 - SIGHT_OFFSET_M / radius).clip(min=0.0))
    return seen.clip(max=WIDE_SIGHT_M_MAX)


def sight_speed_kmh(sight_m: Floats, reaction_s: float, stopping_mps2: Floats) -> Floats:
    """Speed from which one stops within what is seen: v = b (-t + sqrt(t^2 + 2 S / b)), km/h."""
    squared = reaction_s**2 + 2.0 * sight_m / stopping_mps2
    speed: Floats = KMH_PER_MPS * stopping_mps2 * (np.sqrt(squared) - reaction_s)
    return speed


def _v85_kmh(radius_m: Floats, grade_pct: Floats) -> Floats:
    free_kmh = np.interp(grade_pct, V85_GRADES_PCT, V85_KMH)
    lost_kmh_m = np.interp(grade_pct, V85_GRADES_PCT, V85_KMH_M)
    v85: Floats = free_kmh - lost_kmh_m / np.maximum(radius_m, V85_RADIUS_M_MIN)
    return v85
