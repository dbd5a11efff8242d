"""The speed no station is driven faster than: all terms of the model put together.

    v_cap = min(desired, surface, width, curve, grip, sight) * descent * weather
    v_cap = min(v_cap, law in routine, thick fog)

What depends on the edge alone is worked out once per profile, what depends on the place per
station. The terms themselves are in `geo.driving.desired`, `geo.driving.bends`, `geo.driving.law`,
`geo.driving.weather`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from geo.driving import bends, desired, foot, law, weather
from geo.driving.conditions import Condition
from geo.driving.stations import Stations
from geo.driving.vehicles import MODES, VEHICLES, Mode, Vehicle
from geo.roadmap import EdgeFlag, RoadClass, RoadMap

DESCENT_FACTOR_PER_PCT: Final = 0.015
"""Speed lost per % of descent beyond DESCENT_FREE_PCT: low gear, longer stopping.
Starting value."""

DESCENT_FACTOR_MIN: Final = 0.5
"""Share of speed kept on any descent."""

DESCENT_FREE_PCT: Final = 4.0
"""%. Descents up to here cost nothing: the bound of the gentle band of V85."""

WIDE_VIEW: Final = (RoadClass.MOTORWAY, RoadClass.TRUNK)
"""Classes on which one sees up to `bends.WIDE_SIGHT_M_MAX`."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeCaps:
    """What a drive of one kind may do on each of the M edges; (2, M) is tail to head, and back."""

    mode: Mode
    condition: Condition
    free_kmh: Floats
    """(2, M) by class or limit, surface and width."""
    limit_kmh: Floats
    """(2, M) of law; inf where none is heeded."""
    lateral_mps2: Floats
    """(M,) that the driver accepts in bends."""
    factor: Floats
    """(M,) of weather and night on every speed."""
    sight_share: Floats
    """(M,) of what is seen that one may need to stop: half where someone else may come."""
    sight_m_max: Floats
    """(M,)"""
    fixed_kmh: Floats
    """(M,) of ferries; NaN elsewhere."""

    @classmethod
    def of(cls, roadmap: RoadMap, vehicle: Vehicle, mode: Mode, condition: Condition) -> Self:
        car, constants = VEHICLES[vehicle], MODES[mode]
        both_ways = (False, True)
        rough = np.minimum(desired.rough_cap_kmh(roadmap, car), desired.width_cap_kmh(roadmap, car))
        wished = np.stack([desired.desired_kmh(roadmap, car, backward=back) for back in both_ways])
        limit = np.stack([law.limit_kmh(roadmap, backward=back) for back in both_ways])
        lateral = desired.table(constants.lateral_mps2)[desired.effective_surface(roadmap)]
        seen_m = _sight_m_max(roadmap, condition)
        ferry = (roadmap.edge_flags & int(EdgeFlag.FERRY)) != 0
        return cls(
            mode=mode,
            condition=condition,
            free_kmh=np.minimum(wished * constants.desired_factor, rough),
            limit_kmh=limit if constants.heeds_limits else np.full_like(limit, np.inf),
            lateral_mps2=lateral * desired.lateral_factor(roadmap, car),
            factor=weather.speed_factor(roadmap, condition),
            sight_share=np.where(desired.single_track(roadmap), 0.5, 1.0),
            sight_m_max=seen_m,
            fixed_kmh=np.where(ferry, desired.FERRY_KMH, np.nan),
        )


def station_caps_mps(edges: EdgeCaps, stations: Stations) -> Floats:
    """(2, K) m/s, driven along the chains and back."""
    height_m, condition = stations.height_m, edges.condition
    grip = weather.friction(height_m, condition)
    either_way = np.minimum(_seen_kmh(edges, stations, grip), _held_kmh(stations, grip))
    icy = weather.icy(height_m, condition)
    return np.stack(
        [_one_way_mps(edges, stations, either_way, icy, back) for back in (False, True)]
    )


def _one_way_mps(
    edges: EdgeCaps, stations: Stations, either_way_kmh: Floats, icy: Bools, back: bool
) -> Floats:
    edge = stations.edge
    grade_pct = -stations.grade_pct if back else stations.grade_pct
    way = (stations.along == back).astype(np.int64)
    curve = bends.curve_speed_kmh(
        stations.radius_m, grade_pct, edges.lateral_mps2[edge], MODES[edges.mode].curve_factor
    )
    kmh = np.minimum(np.minimum(edges.free_kmh[way, edge], curve), either_way_kmh)
    kmh *= descent_factor(grade_pct) * edges.factor[edge]
    kmh = np.minimum(
        np.minimum(kmh, weather.fog_cap_kmh(edges.condition)), edges.limit_kmh[way, edge]
    )
    if MODES[edges.mode].heeds_limits:
        kmh = np.minimum(kmh, law.place_limit_kmh(grade_pct, icy))
    fixed = edges.fixed_kmh[edge]
    mps: Floats = np.where(np.isnan(fixed), kmh, fixed) / bends.KMH_PER_MPS
    return mps


def walking_caps_mps(stations: Stations, mode: Mode, condition: Condition) -> Floats:
    """(2, K) the same on foot: the slope alone counts."""
    icy = weather.icy(stations.height_m, condition)
    both_ways = np.stack((stations.grade_pct, -stations.grade_pct))
    return foot.walking_mps(both_ways, icy, condition, urgent=mode is Mode.URGENT)


def descent_factor(grade_pct: Floats) -> Floats:
    """Share of the speed that is kept on a steep descent."""
    beyond = np.maximum(-grade_pct - DESCENT_FREE_PCT, 0.0)
    factor: Floats = 1.0 - DESCENT_FACTOR_PER_PCT * beyond
    return factor.clip(min=DESCENT_FACTOR_MIN)


def _held_kmh(stations: Stations, grip: Floats) -> Floats:
    """By the grip across the road."""
    return bends.grip_speed_kmh(stations.radius_m, weather.lateral_mps2(grip))


def _seen_kmh(edges: EdgeCaps, stations: Stations, grip: Floats) -> Floats:
    """By stopping within what is seen round the bend."""
    edge, constants = stations.edge, MODES[edges.mode]
    seen_m = np.minimum(bends.sight_m(stations.radius_m), edges.sight_m_max[edge])
    stopping = np.minimum(constants.stopping_mps2, weather.stopping_mps2(grip))
    return bends.sight_speed_kmh(seen_m * edges.sight_share[edge], constants.reaction_s, stopping)


def _sight_m_max(roadmap: RoadMap, condition: Condition) -> Floats:
    wide = np.isin(roadmap.edge_class, WIDE_VIEW)
    seen = np.where(wide, bends.WIDE_SIGHT_M_MAX, bends.SIGHT_M_MAX)
    fog_m = condition.fog_visibility_m
    return seen if fog_m is None else np.minimum(seen, fog_m)
