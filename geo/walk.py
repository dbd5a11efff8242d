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
    end = np.array(projected.point_to_metres(*lonlat))
    found = []
    for snap in snaps:
        start = np.array(projected.point_to_metres(snap.lon, snap.lat))
        found.append(
            _walk(start, end, elevation, projected, condition or Condition(), urgent=urgent)
        )
    return found


def _walk(
    start: Floats,
    end: Floats,
    elevation: Elevation | None,
    projected: Projection,
    condition: Condition,
    *,
    urgent: bool,
) -> Walk:
    distance_m = float(np.hypot(*(end - start)))
    if distance_m <= BESIDE_ROAD_M:
        return NO_WALK
    pieces = min(max(round(distance_m / SAMPLE_M), 1), SAMPLES_MAX)
    points = start + np.linspace(0.0, 1.0, pieces + 1)[:, None] * (end - start)
    height_m = np.full(pieces + 1, np.nan)
    if elevation is not None:
        height_m = grid.sample(elevation, projected.to_degrees(points))
    rise_m = np.nan_to_num(np.diff(height_m))
    step_m = np.full(pieces, distance_m / pieces)
    icy = np.zeros(pieces, dtype=np.bool_)
    if condition.ice_above_m is not None:
        icy = np.nan_to_num(height_m[1:], nan=-np.inf) >= condition.ice_above_m
    return Walk(
        duration_s=float(_seconds(step_m, rise_m, icy, condition, urgent=urgent).sum()),
        distance_m=distance_m,
        climb_m=float(rise_m.clip(min=0.0).sum()),
        descent_m=float((-rise_m).clip(min=0.0).sum()),
    )


def _seconds(
    step_m: Floats, rise_m: Floats, icy: NDArray[np.bool_], condition: Condition, *, urgent: bool
) -> Floats:
    """Of each piece; where it is steeper than ZIGZAG_PCT, as long as a zigzag of that slope."""
    way_m = np.maximum(step_m, np.abs(rise_m) / (ZIGZAG_PCT / 100.0))
    grade_pct = 100.0 * rise_m / way_m
    speed_mps = OFF_PATH_FACTOR * walking_mps(grade_pct, icy, condition, urgent=urgent)
    seconds: Floats = way_m / speed_mps
    return seconds
