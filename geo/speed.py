"""How fast a police vehicle drives each road: the speed model and its constants.

    v = min(desired(class, limit, mode), surface, curve(radius, grade), climb(grade)) * descent

per piece of road (`geo.pieces`), then integrated along the edge. Stock routers stop at the first
two terms; in the mountains the others decide. Speeds are steady-state: braking before a bend and
gathering speed after it belong between `piece_speeds_mps` and `edge_times_s`, on the same pieces.

Standing of the numbers: those with a source are from it; "starting value" marks our own, to be
calibrated on tracks. Knows no graph search and no weather yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.conditions import Condition as Condition
from geo.pieces import Pieces, pieces_of
from geo.roadmap import EdgeFlag, RoadClass, RoadMap, Surface
from geo.routing.engine import CLOSED, Weights
from geo.vehicles import Mode as Mode
from geo.vehicles import Vehicle as Vehicle

DRY: Final = Condition()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who drives, how, on what: each profile gives one set of travel times."""

    vehicle: Vehicle = Vehicle.PATROL_CAR
    mode: Mode = Mode.ROUTINE
    condition: Condition = DRY


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeConstants:
    """What differs between driving in routine and driving with urgency."""

    desired_factor: float
    """On the desired speed. Urgent: physics of curve-limited roads allows 14 to 20 %; urban siren
    figures (Ho & Lindquist 2001: 31 %) must not be carried to the mountains. Starting value."""
    curve_factor: float
    """On V85. Starting value."""
    lateral_mps2: dict[Surface, float]
    """m/s2 across the car in bends under LOW_RADIUS_M: 2.2 / 3.0 paved, 1.2 to 2.0 unpaved.
    Never higher on a worse surface. Starting values."""


MODES: Final = {
    Mode.ROUTINE: ModeConstants(
        desired_factor=1.0,
        curve_factor=0.87,
        lateral_mps2={
            Surface.UNKNOWN: 2.2,
            Surface.PAVED: 2.2,
            Surface.COMPACTED: 2.0,
            Surface.PAVING_STONES: 2.0,
            Surface.GRAVEL: 1.7,
            Surface.COBBLESTONE: 1.7,
            Surface.EARTH: 1.5,
            Surface.MUD: 1.2,
        },
    ),
    Mode.URGENT: ModeConstants(
        desired_factor=1.15,
        curve_factor=1.0,
        lateral_mps2={
            Surface.UNKNOWN: 3.0,
            Surface.PAVED: 3.0,
            Surface.COMPACTED: 2.4,
            Surface.PAVING_STONES: 2.4,
            Surface.GRAVEL: 2.0,
            Surface.COBBLESTONE: 2.0,
            Surface.EARTH: 1.8,
            Surface.MUD: 1.5,
        },
    ),
}

CLASS_KMH: Final = {
    RoadClass.MOTORWAY: 90.0,  # OSRM profiles/car.lua
    RoadClass.TRUNK: 85.0,  # OSRM
    RoadClass.PRIMARY: 65.0,  # OSRM, GraphHopper
    RoadClass.SECONDARY: 60.0,  # GraphHopper CarAverageSpeedParser
    RoadClass.TERTIARY: 50.0,  # GraphHopper
    RoadClass.UNCLASSIFIED: 30.0,  # GraphHopper
    RoadClass.RESIDENTIAL: 30.0,  # GraphHopper
    RoadClass.LIVING_STREET: 10.0,  # OSRM
    RoadClass.SERVICE: 20.0,  # GraphHopper
    RoadClass.TRACK: 15.0,  # GraphHopper, grade 2
}
"""km/h. Desired speed where no limit is tagged. For the lower classes OSRM's figures (40, 25, 25,
15) already hold the bends that we reckon apart, so GraphHopper's are taken."""

LINK_FACTOR: Final = 0.5
"""Ramps against their road: OSRM gives motorway_link 45 of 90, tertiary_link 20 of 40."""

MAXSPEED_FACTOR: Final = 0.8
"""Share of a tagged limit that is driven on average: OSRM `speed_reduction`."""

FERRY_KMH: Final = 5.0
"""km/h. OSRM `route_speeds.ferry`."""

SURFACE_KMH: Final = {
    Surface.UNKNOWN: np.inf,
    Surface.PAVED: np.inf,
    Surface.COMPACTED: 80.0,
    Surface.PAVING_STONES: 60.0,
    Surface.GRAVEL: 40.0,
    Surface.COBBLESTONE: 30.0,
    Surface.EARTH: 20.0,
    Surface.MUD: 10.0,
}
"""km/h. Caps, OSRM `surface_speeds`; set by comfort and damage, so the same in every mode."""

V85_BANDS: Final = {
    "steep_down": (102.10, 3077.13),  # -9 <= G < -4 %
    "down": (105.98, 3709.90),  # -4 <= G < 0
    "up": (104.82, 3574.51),  # 0 <= G < 4
    "steep_up": (96.61, 2752.19),  # 4 <= G < 9
}
"""V85 = a - b/R, km/h and m, for two-lane rural roads: FHWA-RD-99-171 (Fitzpatrick et al. 2000)."""

V85_KNOTS_PCT: Final = (-6.5, -2.0, 0.0, 2.0, 6.5)
"""%. Middles of the bands, and level ground: speed runs evenly between them instead of jumping."""

LOW_RADIUS_M: Final = 100.0
"""m. V85 holds from here up; below, lateral acceleration limits (V85 turns negative at 30 m)."""

BLENDED_RADIUS_M: Final = 200.0
"""m. From here up V85 alone; between the two radii they are blended. Starting value."""

DESCENT_FACTOR_PER_PCT: Final = 0.015
"""Speed lost per % of descent beyond DESCENT_FREE_PCT: low gear, longer stopping.
Starting value."""

DESCENT_FACTOR_MIN: Final = 0.5
"""Share of speed kept on any descent."""

DESCENT_FREE_PCT: Final = 4.0
"""%. Descents up to here cost nothing: the bound of the gentle band of V85."""

MASS_KG: Final = 1640.0
"""kg. BRouter's kinematic car."""

POWER_W: Final = 85_000.0
"""W. Engine of a plain patrol car. Starting value."""

POWER_SHARE: Final = 0.6
"""Share of the engine's power a driver uses on a climb. Starting value."""

ROLLING: Final = 0.015
"""Rolling resistance, share of weight: 232 N of 1640 kg (BRouter)."""

DRAG_KG_PER_M: Final = 0.35
"""N/(m/s)2. Air drag; BRouter 0.4. Starting value."""

GRAVITY_MPS2: Final = 9.81

SPEED_KMH_MIN: Final = 3.0
"""km/h. A car on a road it may use moves at least at walking pace."""

KMH_PER_MPS: Final = 3.6

SPEED_TABLE_MPS: Final = 70.0
"""m/s. Upper end of the search for the speed that power can hold."""


def travel_times_ms(roadmap: RoadMap, profile: Profile) -> Weights:
    """(2M,) milliseconds per arc: 2e tail to head of edge e, 2e + 1 back; CLOSED if forbidden.

    Open arcs take at least 1 ms. Unknown heights count as level, unknown surfaces as paved
    (gravel on tracks).
    """
    seconds = np.empty((roadmap.edge_count, 2))
    for pieces in pieces_of(roadmap):
        stop = pieces.first_edge + len(pieces.start) - 1
        for direction in (0, 1):
            speeds = piece_speeds_mps(roadmap, pieces, profile, backward=bool(direction))
            seconds[pieces.first_edge : stop, direction] = edge_times_s(pieces, speeds)
    times = np.rint(seconds * 1000.0).clip(1, CLOSED - 1).astype(np.uint32)
    for direction, flag in enumerate((EdgeFlag.CLOSED_FORWARD, EdgeFlag.CLOSED_BACKWARD)):
        times[(roadmap.edge_flags & int(flag)) != 0, direction] = CLOSED
    return times.ravel()


def edge_times_s(pieces: Pieces, speeds_mps: NDArray[np.float64]) -> NDArray[np.float64]:
    """(E,) seconds over each edge at the given speed of each of its pieces."""
    return np.add.reduceat(pieces.length_m / speeds_mps, pieces.start[:-1])


def piece_speeds_mps(
    roadmap: RoadMap, pieces: Pieces, profile: Profile, *, backward: bool
) -> NDArray[np.float64]:
    """(K,) steady speed on each piece, driven head to tail if `backward`."""
    mode = MODES[profile.mode]
    grade_pct = -pieces.grade_pct if backward else pieces.grade_pct
    surface = effective_surface(roadmap)[pieces.edge]
    cap_kmh = edge_caps_kmh(roadmap, mode, backward=backward)[pieces.edge]
    lateral = _table(mode.lateral_mps2)[surface]
    curve_kmh = curve_speed_kmh(pieces.radius_m, grade_pct, lateral, mode.curve_factor)
    kmh = np.minimum(np.minimum(cap_kmh, curve_kmh), climb_speed_kmh(grade_pct))
    kmh = kmh * descent_factor(grade_pct)
    ferry = (roadmap.edge_flags[pieces.edge] & int(EdgeFlag.FERRY)) != 0
    kmh[ferry] = FERRY_KMH
    return np.maximum(kmh, SPEED_KMH_MIN) / KMH_PER_MPS


def edge_caps_kmh(roadmap: RoadMap, mode: ModeConstants, *, backward: bool) -> NDArray[np.float64]:
    """(M,) speed by class or tagged limit, and surface, before the shape of the road counts."""
    by_class = _table(CLASS_KMH)[roadmap.edge_class]
    is_link = (roadmap.edge_flags & int(EdgeFlag.LINK)) != 0
    by_class = np.where(is_link, by_class * LINK_FACTOR, by_class)
    limit = roadmap.edge_maxspeed_kmh[:, int(backward)].astype(np.float64)
    desired = np.where(limit > 0.0, limit * MAXSPEED_FACTOR, by_class) * mode.desired_factor
    return np.minimum(desired, _table(SURFACE_KMH)[effective_surface(roadmap)])


def effective_surface(roadmap: RoadMap) -> NDArray[np.uint8]:
    """(M,) the tagged surface, or what an untagged road of the class most likely has."""
    unknown_track = (roadmap.edge_surface == Surface.UNKNOWN) & (
        roadmap.edge_class == RoadClass.TRACK
    )
    return np.where(unknown_track, np.uint8(Surface.GRAVEL), roadmap.edge_surface)


def curve_speed_kmh(
    radius_m: NDArray[np.float64],
    grade_pct: NDArray[np.float64],
    lateral_mps2: NDArray[np.float64],
    curve_factor: float,
) -> NDArray[np.float64]:
    """Speed a bend allows, km/h. Never rises as the radius falls or as a climb steepens.

    Up to LOW_RADIUS_M v = sqrt(a R); from BLENDED_RADIUS_M k * V85; evenly blended between.
    """
    tight = KMH_PER_MPS * np.sqrt(lateral_mps2 * np.minimum(radius_m, BLENDED_RADIUS_M))
    wide = curve_factor * _v85_kmh(np.maximum(radius_m, LOW_RADIUS_M), grade_pct)
    share = ((radius_m - LOW_RADIUS_M) / (BLENDED_RADIUS_M - LOW_RADIUS_M)).clip(0.0, 1.0)
    blended: NDArray[np.float64] = tight + share * (wide - tight)
    return blended


def climb_speed_kmh(grade_pct: NDArray[np.float64]) -> NDArray[np.float64]:
    """Speed the engine can hold on a climb, km/h: power = rolling + gravity + drag."""
    hold_mps: NDArray[np.float64] = np.interp(grade_pct, _CLIMB_PCT, _CLIMB_MPS)
    return KMH_PER_MPS * hold_mps


def descent_factor(grade_pct: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the speed that is kept on a steep descent."""
    beyond = np.maximum(-grade_pct - DESCENT_FREE_PCT, 0.0)
    factor: NDArray[np.float64] = 1.0 - DESCENT_FACTOR_PER_PCT * beyond
    return factor.clip(min=DESCENT_FACTOR_MIN)


def _v85_kmh(radius_m: NDArray[np.float64], grade_pct: NDArray[np.float64]) -> NDArray[np.float64]:
    steep_down, down, up, steep_up = (a - b / radius_m for a, b in V85_BANDS.values())
    steep_up = np.minimum(steep_up, up)
    knots = np.stack((steep_down, down, up, up, steep_up))
    grade = grade_pct.clip(V85_KNOTS_PCT[0], V85_KNOTS_PCT[-1])
    right = np.searchsorted(V85_KNOTS_PCT, grade, side="right").clip(1, len(V85_KNOTS_PCT) - 1)
    left_pct, right_pct = np.take(V85_KNOTS_PCT, right - 1), np.take(V85_KNOTS_PCT, right)
    share = (grade - left_pct) / (right_pct - left_pct)
    at = np.arange(len(radius_m))
    low, high = knots[right - 1, at], knots[right, at]
    between: NDArray[np.float64] = low + share * (high - low)
    return between


def _hold_speed_mps(grade_pct: float) -> float:
    """The speed at which POWER_SHARE of the engine just balances the resistance, by bisection."""
    low, high = 0.0, SPEED_TABLE_MPS
    for _ in range(50):
        speed = (low + high) / 2.0
        force_n = MASS_KG * GRAVITY_MPS2 * (ROLLING + grade_pct / 100.0) + DRAG_KG_PER_M * speed**2
        low, high = (speed, high) if force_n * speed < POWER_SHARE * POWER_W else (low, speed)
    return low


def _table(values: Mapping[RoadClass, float] | Mapping[Surface, float]) -> NDArray[np.float64]:
    """The values by number, to index with an array of numbers."""
    return np.array([value for _, value in sorted(values.items())])


_CLIMB_PCT: Final = np.linspace(0.0, 20.0, 41)
_CLIMB_MPS: Final = np.array([_hold_speed_mps(float(grade)) for grade in _CLIMB_PCT])
