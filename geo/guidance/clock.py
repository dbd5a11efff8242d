"""When each metre of a route is reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from geo.guidance.wayside import leg_lengths_m

if TYPE_CHECKING:
    from geo.ground import Route
    from geo.roadmap import RoadMap


def clock(roadmap: RoadMap, route: Route) -> Callable[[float], float]:
    """From metres along the route to the seconds after which a unit at median pace is there."""
    ends_m = np.concatenate(([0.0], np.cumsum(leg_lengths_m(roadmap, route.legs))))
    ends_s = np.concatenate(([0.0], np.cumsum(route.turn_s + route.leg_s)))
    return lambda at_m: float(np.interp(at_m, ends_m, ends_s))
