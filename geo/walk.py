"""The last stretch on foot: from where a vehicle can stop to a place beside or beyond the roads.

Straight over the ground, sampled from the map's elevation, at Tobler's speed off paths
(`geo.driving.foot`); steeper than ZIGZAG_PCT nobody walks straight up or down, so height beyond
that costs the longer way of a zigzag. Footpaths are not on the map: where one leads there, it is
quicker. Knows no travel time by road.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo import grid
from geo.driving.conditions import Condition
from geo.driving.foot import OFF_PATH_FACTOR, walking_mps
from geo.driving.speed import Profile
from geo.driving.vehicles import Mode
from geo.projection import Projection, projection
from geo.roadmap import Elevation, RoadMap
from geo.snap import Snap, SnapIndex

SAMPLE_M: Final = 60.0
"""m. Between heights along the line: somewhat finer than a 3 arc-second grid."""

SAMPLES_MAX: Final = 2_000

ZIGZAG_PCT: Final = 100.0 / 3.5
"""%. The slope on which Tobler's walker gains, and loses, height quickest: the maximum of
g exp(-3.5 (g + 0.05)) lies at g = 1 / 3.5."""

BESIDE_ROAD_M: Final = 25.0
"""m. Up to here a place is at the road: the width of a yard, and of a fix's error."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A way on foot."""

    duration_s: float
    distance_m: float
    """As the crow flies."""
    climb_m: float
    descent_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DropOff:
    """A place on the road to stop at, and the walk from there."""

    snap: Snap
    walk: Walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    """The ways to one place: over roads to one of the drop-offs, then on foot."""

    lon: float
    lat: float
    drop_offs: tuple[DropOff, ...]
    """The one nearest to the place first; at least one."""

    @property
    def nearest(self) -> DropOff:
        return self.drop_offs[0]


NO_WALK: Final = Walk(duration_s=0.0, distance_m=0.0, climb_m=0.0, descent_m=0.0)


def approach(
    roadmap: RoadMap, index: SnapIndex, lon: float, lat: float, profile: Profile
) -> Approach:
    """Where a vehicle can stop for a place, and the walk from there.

    Raises OffMapError outside the map, NoRouteError farther than WALK_M_MAX from any road.
    """
    snaps = index.drop_offs(lon, lat)
    found = walks(
        snaps,
        (lon, lat),
        elevation=roadmap.elevation,
        projected=projection(roadmap.meta.crs),
        condition=profile.condition,
        urgent=profile.mode is Mode.URGENT,
    )
    pairs = zip(snaps, found, strict=True)
    return Approach(
        lon=lon, lat=lat, drop_offs=tuple(DropOff(snap=snap, walk=walk) for snap, walk in pairs)
    )


def walks(
    snaps: Sequence[Snap],
    lonlat: tuple[float, float],
    *,
    elevation: Elevation | None,
    projected: Projection,
    condition: Condition | None = None,
    urgent: bool = False,
) -> list[Walk]:
    """From each place on a road to the one place in degrees. Unknown heights count as level."""
    if not snaps:
        return []
    places = projected.to_metres(np.array([lonlat, *((snap.lon, snap.lat) for snap in snaps)]))
    way_m = places[0] - places[1:]
    far = np.flatnonzero(np.hypot(*way_m.T) > BESIDE_ROAD_M)
    over_land = _over_land(
        places[1:][far], way_m[far], elevation, projected, condition or Condition(), urgent=urgent
    )
    found = dict(zip(far.tolist(), over_land, strict=True))
    return [found.get(number, NO_WALK) for number in range(len(snaps))]


def _over_land(
    starts_m: Floats,
    way_m: Floats,
    elevation: Elevation | None,
    projected: Projection,
    condition: Condition,
    *,
    urgent: bool,
) -> list[Walk]:
    """From each of (K, 2) places along its straight way, all sampled in one pass."""
    distance_m = np.hypot(*way_m.T)
    pieces = np.rint(distance_m / SAMPLE_M).clip(1, SAMPLES_MAX).astype(np.int64)
    line = np.repeat(np.arange(len(pieces)), pieces + 1)
    nth = np.arange(len(line)) - np.repeat(np.cumsum(pieces + 1) - pieces - 1, pieces + 1)
    points = starts_m[line] + (nth / pieces[line])[:, None] * way_m[line]
    height_m = np.full(len(line), np.nan)
    if elevation is not None:
        height_m = grid.sample(elevation, projected.to_degrees(points))
    ahead = 1 + np.flatnonzero(nth[1:])  # not from the end of one line to the start of the next
    line, rise_m = line[ahead], np.nan_to_num(height_m[ahead] - height_m[ahead - 1])
    step_m, icy = (distance_m / pieces)[line], _icy(height_m[ahead], condition)
    took_s = np.bincount(line, _seconds(step_m, rise_m, icy, condition, urgent=urgent))
    climb_m, descent_m = (np.bincount(line, each.clip(min=0.0)) for each in (rise_m, -rise_m))
    columns = (each.tolist() for each in (took_s, distance_m, climb_m, descent_m))
    return [
        Walk(duration_s=took_s, distance_m=distance_m, climb_m=climb_m, descent_m=descent_m)
        for took_s, distance_m, climb_m, descent_m in zip(*columns, strict=True)
    ]


def _icy(height_m: Floats, condition: Condition) -> NDArray[np.bool_]:
    if condition.ice_above_m is None:
        return np.zeros(len(height_m), dtype=np.bool_)
    return np.nan_to_num(height_m, nan=-np.inf) >= condition.ice_above_m


def _seconds(
    step_m: Floats, rise_m: Floats, icy: NDArray[np.bool_], condition: Condition, *, urgent: bool
) -> Floats:
    """Of each piece; where it is steeper than ZIGZAG_PCT, as long as a zigzag of that slope."""
    way_m = np.maximum(step_m, np.abs(rise_m) / (ZIGZAG_PCT / 100.0))
    grade_pct = 100.0 * rise_m / way_m
    speed_mps = OFF_PATH_FACTOR * walking_mps(grade_pct, icy, condition, urgent=urgent)
    seconds: Floats = way_m / speed_mps
    return seconds
