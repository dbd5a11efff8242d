"""The silence ahead on a way: where radio ends, where it comes back, and after how long.

Dead stretches with less than JOIN_M between them are one: nobody connects again in so short a time.
Knows no unit and no clock; times are seconds from the start of the route, at its median pace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from geo.guidance.wayside import leg_lengths_m
from geo.radio.pieces import Pieces
from geo.roadmap import RoadMap

if TYPE_CHECKING:
    from geo.ground import Route

JOIN_M: Final = 500.0
"""m. Radio on a shorter stretch than this does not last for a new connection. Starting value."""

SILENCES_MAX: Final = 50
"""Of one route; the first along the way are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A stretch of a route without radio."""

    enter_m: float
    leave_m: float
    """From the start of the route."""
    enter_s: float
    leave_s: float
    enter_at: tuple[int, float]
    leave_at: tuple[int, float]
    """Edge, and the share of it from its tail."""
    to_the_end: bool
    """The route ends before radio comes back."""


def silences(
    roadmap: RoadMap, pieces: Pieces, dead: NDArray[np.bool_], route: Route
) -> list[Silence]:
    """In the order they come; `dead`: (2P,) by directed piece."""
    found: list[Silence] = []
    at_m = at_s = 0.0
    lengths_m = leg_lengths_m(roadmap, route.legs)
    for number, (leg, length_m) in enumerate(zip(route.legs, lengths_m.tolist(), strict=True)):
        at_s += float(route.turn_s[number])
        leg_s = float(route.leg_s[number])
        for start, end in _dead_on(pieces, dead, leg.arc, leg.start, leg.end):
            found.append(
                Silence(
                    enter_m=at_m + start * length_m,
                    leave_m=at_m + end * length_m,
                    enter_s=at_s + start * leg_s,
                    leave_s=at_s + end * leg_s,
                    enter_at=(leg.edge, leg.start + start * (leg.end - leg.start)),
                    leave_at=(leg.edge, leg.start + end * (leg.end - leg.start)),
                    to_the_end=number == len(route.legs) - 1 and end >= 1.0,
                )
            )
        at_m, at_s = at_m + length_m, at_s + leg_s
    return _joined(found)[:SILENCES_MAX]


def _dead_on(
    pieces: Pieces, dead: NDArray[np.bool_], arc: int, start: float, end: float
) -> list[tuple[float, float]]:
    """Dead parts of one leg, as shares of the leg in driving order."""
    back = bool(arc & 1)
    from_share, to_share = (1.0 - start, 1.0 - end) if back else (start, end)
    if to_share <= from_share:
        return []
    directed, low, high = pieces.along(arc, from_share, to_share)
    whole = to_share - from_share
    hit = dead[directed]
    spans = zip((low[hit] - from_share) / whole, (high[hit] - from_share) / whole, strict=True)
    return [(float(low), float(high)) for low, high in spans]


def _joined(found: Sequence[Silence]) -> list[Silence]:
    joined: list[Silence] = []
    for each in found:
        if joined and each.enter_m - joined[-1].leave_m <= JOIN_M:
            joined[-1] = replace(
                joined[-1],
                leave_m=each.leave_m,
                leave_s=each.leave_s,
                leave_at=each.leave_at,
                to_the_end=each.to_the_end,
            )
        else:
            joined.append(each)
    return joined
