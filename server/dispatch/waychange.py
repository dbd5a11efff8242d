"""Whether a unit has another way than the one it was given: by other roads, or not in its time.

Compares two ways to the same place of which the second begins somewhere along the first, or off it.
Starting values: a handset is to be told when it would show another road, or a time that is off by a
minute and by a tenth.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from geo.ground import Route

LATER_S_MIN: Final = 60.0
LATER_SHARE_MIN: Final = 0.1


def is_another(given: Route, now: Route) -> bool:
    """Whether what lies ahead `now` differs from the rest of the way that was `given`."""
    if not len(now.legs):
        return False  # it is there
    passed = np.flatnonzero(given.legs.arc == now.legs.arc[0])
    if not len(passed):
        return True
    at = int(passed[0])
    if not np.array_equal(given.legs.arc[at:], now.legs.arc):
        return True
    # Beyond the road that it is on now: whole roads, the same on both.
    given_s, now_s = _after(given, at), _after(now, 0)
    return abs(now_s - given_s) > max(LATER_S_MIN, LATER_SHARE_MIN * given_s)


def _after(way: Route, leg: int) -> float:
    return float(way.leg_s[leg + 1 :].sum() + way.turn_s[leg + 1 :].sum())
