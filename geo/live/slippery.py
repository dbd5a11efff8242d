"""How much of a way is a track in snow or ice: what its travel time does not say.

A travel time counts that everybody goes slowly there. Whether a car without four-wheel drive gets
through at all, and gets out again, no time says. Knows no vehicle and no search.
"""

from __future__ import annotations

import numpy as np

from geo.driving.conditions import Condition, Weather
from geo.live.conditionfield import ConditionField
from geo.roadmap import RoadClass, RoadMap
from geo.routing.journey import Legs


def slippery_tracks_m(
    roadmap: RoadMap, legs: Legs, county: Condition, weather: ConditionField | None
) -> float:
    """Metres along the legs; `weather` where it differs from the county's, None: nowhere."""
    if not legs:
        return 0.0
    total_m, share = 0.0, legs.share
    for row in np.flatnonzero(roadmap.edge_class[legs.edge] == RoadClass.TRACK).tolist():
        edge = int(legs.edge[row])
        if _is_slippery(roadmap, edge, county if weather is None else weather.of(edge)):
            total_m += float(roadmap.edge_length_m[edge]) * float(share[row])
    return total_m


def _is_slippery(roadmap: RoadMap, edge: int, condition: Condition) -> bool:
    """Snow, or ice at its highest point; of unknown height only where ice lies down to the sea."""
    if condition.weather is Weather.SNOW:
        return True
    if condition.ice_above_m is None:
        return False
    first, last = roadmap.edge_first_point[edge : edge + 2]
    heights_m = np.nan_to_num(roadmap.point_ele_m[first:last], nan=0.0)
    return bool(heights_m.max() >= condition.ice_above_m)
