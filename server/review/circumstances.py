"""What held when an order was given: peace or war, day or night, over what roads it went.

Roads are told in four groups, because ten classes would leave too few drives in each; a drive
belongs to the group that most of its metres went over. By metres, not by minutes: the minutes are
what is measured, and a slow piece must not choose its own group. Knows no store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.driving.conditions import Condition, Weather
from geo.driving.sun import is_night
from geo.roadmap import RoadClass, RoadMap
from server.dispatch.stance import StanceMode, StanceOrder, held_then
from server.review.measures import UNKNOWN, Axis


class RoadGroup(StrEnum):
    """国省道, 县道, 乡村道, 机耕道."""

    MAIN = "main"
    COUNTY = "county"
    VILLAGE = "village"
    TRACK = "track"


OF_CLASS: Final[Mapping[RoadClass, RoadGroup]] = {
    RoadClass.MOTORWAY: RoadGroup.MAIN,
    RoadClass.TRUNK: RoadGroup.MAIN,
    RoadClass.PRIMARY: RoadGroup.MAIN,
    RoadClass.SECONDARY: RoadGroup.COUNTY,
    RoadClass.TERTIARY: RoadGroup.COUNTY,
    RoadClass.UNCLASSIFIED: RoadGroup.VILLAGE,
    RoadClass.RESIDENTIAL: RoadGroup.VILLAGE,
    RoadClass.LIVING_STREET: RoadGroup.VILLAGE,
    RoadClass.SERVICE: RoadGroup.VILLAGE,
    RoadClass.TRACK: RoadGroup.TRACK,
}
_GROUPS: Final = (RoadGroup.MAIN, RoadGroup.COUNTY, RoadGroup.VILLAGE, RoadGroup.TRACK)
_NUMBER_OF_CLASS: Final = np.array([_GROUPS.index(OF_CLASS[each]) for each in RoadClass])

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def road_of(roadmap: RoadMap, arcs: Ints, shares: Floats) -> tuple[RoadGroup | None, float]:
    """The group that most of a drive went over, and its metres, from the (A,) arcs of the map and
    the share of each that was driven. None: it went over nothing."""
    edges = arcs >> 1
    metres = shares * roadmap.edge_length_m[edges]
    groups = np.bincount(
        _NUMBER_OF_CLASS[roadmap.edge_class[edges]], weights=metres, minlength=len(_GROUPS)
    )
    length_m = float(metres.sum())
    return (_GROUPS[int(np.argmax(groups))], length_m) if length_m > 0.0 else (None, 0.0)


def held_at(
    at: datetime,
    place: tuple[float, float],
    *,
    priority: str,
    stances: Sequence[StanceOrder],
    road: RoadGroup | None,
    condition: str | None,
) -> dict[Axis, str]:
    """`place`: lon, lat; `road`, `condition` of the drive, None where it was not matched."""
    order = held_then(stances, at)
    return {
        Axis.MODE: (StanceMode.PEACE if order is None else order.mode).value,
        Axis.ROAD: UNKNOWN if road is None else road.value,
        Axis.DAYLIGHT: "night" if is_night(at, *place) else "day",
        Axis.PRIORITY: priority,
        Axis.WEATHER: UNKNOWN if condition is None else weather_of(condition),
    }


def weather_of(condition: str) -> str:
    """What a condition says of the sky and the ice, without figures; the hour is daylight's."""
    found = Condition.parse(condition)
    parts = [
        "" if found.weather is Weather.DRY else found.weather.value,
        "" if found.fog_visibility_m is None else "fog",
        "" if found.ice_above_m is None else "ice",
    ]
    return "+".join(filter(None, parts)) or Weather.DRY.value
