"""Where two who drive to one place come together before it: on the way that both of them drive.

Two ways to one place are the same from some junction on, at the latest from the last one, unless
they come from two sides. Of the junctions on this common way the pair meets at the last one that
is far enough from the place and has signal, so that they arrive together and can still be told.
Knows no unit and no rule of when two go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.ground import Route
from geo.roadmap import RoadMap

STAND_OFF_M: Final = 500.0
"""By road, from where the pair meets to the place: out of sight (starting value)."""
JUNCTION_EDGES_MIN: Final = 3

Ints = NDArray[np.int64]
Silent = Callable[[int, float], bool]
"""Whether there is no radio at an edge and a share of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A junction on both ways; seconds are medians from now."""

    lon: float
    lat: float
    first_s: float
    """When the one is there."""
    second_s: float
    """And the other."""
    rest_s: float
    """From there to where the road is left."""
    rest_m: float
    has_signal: bool


def degrees(roadmap: RoadMap) -> Ints:
    """(N,) how many edges meet at each node."""
    count = len(roadmap.node_lonlat)
    ends = np.concatenate((roadmap.edge_tail, roadmap.edge_head))
    return np.bincount(ends, minlength=count)


def meeting(
    roadmap: RoadMap,
    degree: Ints,
    first: Route,
    second: Route,
    silent: Silent,
    *,
    stand_off_m: float = STAND_OFF_M,
) -> Meeting | None:
    """Where the two come together; None: from two sides, or nearer to the place than that.

    `degree` as `degrees` gives it. Where no junction of the common way has signal, it is the one
    where that way begins.
    """
    found: Meeting | None = None
    shared = _shared_legs(first, second)
    for back in range(1, shared + 1):
        node = _tail(roadmap, int(first.legs.arc[-back]))
        if back < shared and degree[node] < JUNCTION_EDGES_MIN:
            continue
        at = _at(roadmap, first, second, back, silent)
        if at is None or at.rest_m < stand_off_m:
            continue
        found = at
        if at.has_signal:
            break
    return found


def _shared_legs(first: Route, second: Route) -> int:
    """How many last legs are the same; 0 where they stop at two places."""
    one, other = first.legs, second.legs
    if not len(one) or not len(other) or one.finish != other.finish:
        return 0
    count = min(len(one), len(other))
    same = one.arc[-count:][::-1] == other.arc[-count:][::-1]
    return count if same.all() else int(np.argmin(same))


def _at(roadmap: RoadMap, first: Route, second: Route, back: int, silent: Silent) -> Meeting | None:
    """The junction before the last `back` legs; None where one of the two sets off behind it."""
    if back >= len(first.legs) or back >= len(second.legs):
        return None
    arc = int(first.legs.arc[-back])
    lon, lat = roadmap.node_lonlat[_tail(roadmap, arc)].tolist()
    first_s, second_s = _before(first, back), _before(second, back)
    return Meeting(
        lon=lon,
        lat=lat,
        first_s=first_s,
        second_s=second_s,
        rest_s=first.duration_s - first_s,
        rest_m=_rest_m(roadmap, first, back),
        has_signal=not silent(arc >> 1, float(arc & 1)),
    )


def _before(route: Route, back: int) -> float:
    """Seconds until the last `back` legs begin."""
    passed = len(route.legs) - back
    return float(route.turn_s[:passed].sum() + route.leg_s[:passed].sum())


def _rest_m(roadmap: RoadMap, route: Route, back: int) -> float:
    arc: Ints = route.legs.arc[-back:]
    lengths = np.asarray(roadmap.edge_length_m, np.float64)[arc >> 1]
    last = abs(route.legs.finish - float(arc[-1] & 1))
    return float(lengths[:-1].sum() + lengths[-1] * last)


def _tail(roadmap: RoadMap, arc: int) -> int:
    ends = roadmap.edge_head if arc & 1 else roadmap.edge_tail
    return int(ends[arc >> 1])
