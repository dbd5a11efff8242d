"""Simulated drivers whose true times are known: routes, hidden truth, fixes with noise.

Between two shape points a driver goes at an even speed; what an arc takes is the caller's to say.
Fixes come at an interval, each off by a normal error in both directions, like a receiver's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.errors import NoRouteError, OffMapError
from geo.ground import Ground, Route
from geo.learning.track import Track
from geo.projection import projection
from geo.roadmap import RoadMap
from geo.routing.journey import Legs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


OFF_DEG = 5e-4
"""How far beside a shape point a place may be: so that few ends lie on junctions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A route cut at shape points: k places, k - 1 pieces."""

    metres: Floats
    """(k, 2) in the map's projection."""
    arc: Ints
    """(k - 1,) of each piece: 2e forward, 2e + 1 backward."""
    share: Floats
    """(k - 1,) of its arc that each piece is, by length."""
    new_leg: NDArray[np.bool_]
    """(k - 1,) whether a leg begins with the piece."""

    legs: Legs
    turn_s: Floats
    """(len(legs),) modelled seconds lost before each leg."""
    duration_s: float
    """As modelled."""

    @property
    def arcs(self) -> Ints:
        """Arcs in driving order, each once a passage."""
        return self.legs.arc

    @property
    def arc_share(self) -> Floats:
        """Driven share of each of `arcs`."""
        return self.legs.share

    def piece_s(self, arc_s: Floats) -> Floats:
        """(k - 1,) seconds of each piece, from seconds per whole arc (2M,).

        What a turn costs is lost half in the piece before it and half in the piece after.
        """
        seconds = arc_s[self.arc] * self.share
        first = np.flatnonzero(self.new_leg)
        seconds[first] += self.turn_s / 2.0
        seconds[(first - 1).clip(min=0)] += self.turn_s / 2.0
        return seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """A track with the truth behind it."""

    track: Track
    edge: Ints
    """(n,) the edge each fix was really on."""
    way_m: Floats
    """(n,) and how far along the way."""
    duration_s: float


def way_of(roadmap: RoadMap, route: Route) -> Way:
    """The way of a route; `NoRouteError` if it leads nowhere."""
    metres, arc, share, new_leg = [], [], [], []
    for leg in route.legs:
        shape = projection(roadmap.meta.crs).to_metres(np.asarray(roadmap.shape(leg.edge)))
        along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(shape, axis=0).T))))
        along /= along[-1]
        low, high = sorted((leg.start, leg.end))
        at = np.concatenate(([low], along[(along > low) & (along < high)], [high]))
        points = np.column_stack([np.interp(at, along, axis) for axis in shape.T])
        backward = leg.start > leg.end
        metres.append(points[::-1] if backward else points)
        share.append(np.diff(at)[::-1] if backward else np.diff(at))
        new_leg.append(np.arange(len(at) - 1) == 0)
        arc.append(np.full(len(at) - 1, 2 * leg.edge + int(backward)))
    if not arc:
        raise NoRouteError("the route ends where it begins")
    joined = [metres[0], *(part[1:] for part in metres[1:])]
    return Way(
        metres=np.concatenate(joined),
        arc=np.concatenate(arc),
        share=np.concatenate(share),
        new_leg=np.concatenate(new_leg),
        legs=route.legs,
        turn_s=route.turn_s,
        duration_s=route.duration_s,
    )


def drive(
    roadmap: RoadMap,
    way: Way,
    piece_s: Floats,
    rng: np.random.Generator,
    *,
    interval_s: float,
    noise_m: float,
    stops: Sequence[tuple[float, float]] = (),
    start_s: float = 0.0,
) -> Driven:
    """Drive a way in so many seconds a piece, with `stops` (after so many seconds, so long)."""
    at_s = np.concatenate(([0.0], np.cumsum(piece_s)))
    places = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(way.metres, axis=0).T))))
    here_m = places
    stops = sorted(stops, reverse=True)  # the last first, so that the others keep their times
    for after_s, long_s in stops:
        stop_m = np.interp(after_s, at_s, here_m)
        index = int(np.searchsorted(at_s, after_s))
        at_s = np.concatenate((at_s[:index], [after_s, after_s + long_s], at_s[index:] + long_s))
        here_m = np.concatenate((here_m[:index], [stop_m, stop_m], here_m[index:]))
    times = np.append(np.arange(0.0, at_s[-1], interval_s), at_s[-1])
    true_m = np.interp(times, at_s, here_m)
    true = np.column_stack([np.interp(true_m, places, axis) for axis in way.metres.T])
    seen = true + rng.normal(0.0, noise_m, true.shape)
    piece = (np.searchsorted(places, true_m, side="right") - 1).clip(0, len(way.arc) - 1)
    return Driven(
        track=Track.of(times + start_s, projection(roadmap.meta.crs).to_degrees(seen)),
        edge=way.arc[piece] >> 1,
        way_m=true_m,
        duration_s=float(at_s[-1]),
    )


def random_ways(ground: Ground, count: int, rng: np.random.Generator, km_min: float) -> list[Way]:
    """Routes between random places on the road, each at least so long."""
    points = np.asarray(ground.roadmap.point_lonlat)
    found: list[Way] = []
    while len(found) < count:
        ends = points[rng.integers(0, len(points), 2)] + rng.normal(0.0, OFF_DEG, (2, 2))
        try:
            route = ground.route(*(ground.snap(lon, lat) for lon, lat in ends.tolist()))
        except (NoRouteError, OffMapError):
            continue  # no car gets from the one to the other
        if route.distance_m >= km_min * 1000.0:
            found.append(way_of(ground.roadmap, route))
    return found
