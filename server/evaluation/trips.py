"""How units move: along the product's own way, at its own times, or slower.

A trip knows where on the road it is at every moment, so that a unit can be sent elsewhere from
there. Knows no choice and no crew.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians

import numpy as np
from numpy.typing import NDArray

from geo.departure import Departure, Start, snap_of
from geo.ground import Route
from geo.roadmap import RoadMap
from geo.routing.journey import Legs
from geo.snap import Snap

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """The quickest way between two places as the product routes it."""

    source: Snap
    target: Snap
    legs: Legs
    begins_s: Floats
    """(L,) model seconds from the start until each leg is driven, the turn into it behind."""
    ends_s: Floats
    """(L,) and until its end."""

    @classmethod
    def of(cls, route: Route, source: Start, target: Snap) -> Way:
        ends_s = np.cumsum(route.leg_s + route.turn_s)
        return cls(
            source=snap_of(source),
            target=target,
            legs=route.legs,
            begins_s=ends_s - route.leg_s,
            ends_s=ends_s,
        )

    @property
    def duration_s(self) -> float:
        return float(self.ends_s[-1]) if len(self.ends_s) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One unit on a way."""

    way: Way
    began_s: float
    pace: float
    """Share of the model's speed, over 0 and at most 1."""

    def __post_init__(self) -> None:
        if not 0.0 < self.pace <= 1.0:
            raise ValueError(f"a pace of {self.pace} would outrun the road; at most 1")

    @property
    def ends_s(self) -> float:
        """When it is there."""
        return self.began_s + self.way.duration_s / self.pace

    def place(self, now_s: float, roadmap: RoadMap) -> Departure:
        """Where it is, and which way it is headed."""
        way, driven_s = self.way, (now_s - self.began_s) * self.pace
        if not len(way.legs):
            return Departure(snap=way.target)
        if now_s >= self.ends_s:
            return Departure(snap=way.target, ahead=int(way.legs.arc[-1]) & 1)
        at = int(np.searchsorted(way.ends_s, driven_s, side="right").clip(0, len(way.legs) - 1))
        leg_s = float(way.ends_s[at] - way.begins_s[at])
        share = (driven_s - float(way.begins_s[at])) / leg_s if leg_s > 0.0 else 1.0
        leg = way.legs[at]
        fraction = leg.start + min(max(share, 0.0), 1.0) * (leg.end - leg.start)
        return Departure(snap=place_on(roadmap, leg.edge, fraction), ahead=leg.arc & 1)


def place_on(roadmap: RoadMap, edge: int, fraction: float) -> Snap:
    """A place on the road, by share of the length."""
    shape = np.asarray(roadmap.shape(edge))
    east = np.diff(shape[:, 0]) * cos(radians(float(shape[0, 1])))
    along = np.concatenate(([0.0], np.cumsum(np.hypot(east, np.diff(shape[:, 1])))))
    lon, lat = (float(np.interp(fraction * along[-1], along, shape[:, axis])) for axis in (0, 1))
    return Snap(edge=edge, fraction=fraction, lon=lon, lat=lat, distance_m=0.0)
