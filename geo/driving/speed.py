"""How fast a police vehicle drives each road: one set of travel times per profile.

    v_cap = min(desired, surface, width, curve, grip, sight, law in routine)

at every station along the road (`geo.driving.stations`), then as fast as acceleration and braking
allow (`geo.driving.drive`), then summed along each edge. Stock routers stop at the first two
terms; in the mountains the others decide. Speeds run without a seam from edge to edge of a chain
(`geo.driving.chains`); what turning off it costs is `turn_times_ms`.

The terms and their constants live in `geo.driving.desired`, `geo.driving.bends`,
`geo.driving.law`, `geo.driving.weather`, `geo.driving.foot` and `geo.driving.vehicles`. Knows no
graph search and no live road state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.driving import desired, turning, weather
from geo.driving.caps import EdgeCaps, station_caps_mps, walking_caps_mps
from geo.driving.chains import chains_of
from geo.driving.conditions import DRY
from geo.driving.conditions import Condition as Condition
from geo.driving.drive import Road, drive, seconds_between
from geo.driving.stations import Stations, drawn_lengths_m, stations_of
from geo.driving.vehicles import MODES, POWER_SHARE, VEHICLES
from geo.driving.vehicles import Mode as Mode
from geo.driving.vehicles import Vehicle as Vehicle
from geo.roadmap import EdgeFlag, RoadMap
from geo.routing.engine import CLOSED, Weights

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who drives, how, on what: each profile gives one set of travel times."""

    vehicle: Vehicle = Vehicle.PATROL_CAR
    mode: Mode = Mode.ROUTINE
    condition: Condition = DRY


@dataclass(frozen=True, slots=True, kw_only=True)
class ArcSpeeds:
    """What driving every arc takes: arc 2e is edge e tail to head, 2e + 1 back."""

    times_ms: Weights
    """(2M,) CLOSED where forbidden."""
    arc_end_speeds_mps: Floats
    """(2M, 2) speed at the arc's beginning and at its end, in the direction it is driven."""
    next_arc: NDArray[np.int64]
    """(2M,) the arc that goes straight on from each arc's end, -1 where the road ends. Both have
    the same speed where they meet: that way costs nothing more. Every other turn costs
    `turn_times_ms` of the speeds at the two ends that meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """Stations driven along their chains, and back."""

    stations: Stations
    cap_mps: Floats
    speed_mps: Floats
    """(2, K) along and back, both in the stations' order."""


class Driver:
    """Drives stations of one map in one profile."""

    def __init__(self, roadmap: RoadMap, profile: Profile) -> None:
        self._profile = profile
        self._edges = (
            None
            if profile.vehicle is Vehicle.FOOT
            else EdgeCaps.of(roadmap, profile.vehicle, profile.mode, profile.condition)
        )

    def drive(self, stations: Stations) -> Driven:
        """Speeds at the stations; walkers are always at their cap."""
        if self._edges is None:
            walk = walking_caps_mps(stations, self._profile.mode, self._profile.condition)
            return Driven(stations=stations, cap_mps=walk, speed_mps=walk)
        cap = station_caps_mps(self._edges, stations)
        return Driven(
            stations=stations, cap_mps=cap, speed_mps=_drive(stations, cap, self._profile)
        )


def travel_times_ms(
    roadmap: RoadMap, profile: Profile, *, factors: NDArray[np.float32] | None = None
) -> Weights:
    """(2M,) milliseconds per arc: 2e tail to head of edge e, 2e + 1 back; CLOSED if forbidden.

    `factors` (2M,) multiply the modelled times. Open arcs take at least 1 ms. Unknown heights
    count as level, unknown surfaces as paved (gravel on tracks). Raises ValueError for factors of
    the wrong shape, or not finite and positive.
    """
    return with_factors(arc_speeds(roadmap, profile).times_ms, factors)


def with_factors(times_ms: Weights, factors: NDArray[np.float32] | None) -> Weights:
    """The same times multiplied, the closed ones left closed."""
    if factors is None:
        return times_ms
    if factors.shape != times_ms.shape or not (np.isfinite(factors) & (factors > 0.0)).all():
        raise ValueError(f"factors must be {times_ms.shape} finite positive numbers")
    scaled = np.rint(times_ms * factors.astype(np.float64)).clip(1, CLOSED - 1).astype(np.uint32)
    return np.where(times_ms == CLOSED, np.uint32(CLOSED), scaled)


def arc_speeds(roadmap: RoadMap, profile: Profile) -> ArcSpeeds:
    """Travel times, and the speeds at both ends of every arc, for turns to join on."""
    chains = chains_of(roadmap)
    seconds = np.empty(2 * roadmap.edge_count)
    ends_mps = np.empty((2 * roadmap.edge_count, 2))
    icy = np.zeros(roadmap.edge_count, dtype=np.bool_)
    driver = Driver(roadmap, profile)
    for stations in stations_of(roadmap, chains):
        _lay_on_arcs(driver.drive(stations), seconds, ends_mps)
        icy[stations.edge[weather.icy(stations.height_m, profile.condition)]] = True
    seconds *= np.repeat(_true_to_drawn(roadmap), 2)
    crossing_s = np.repeat(roadmap.edge_crossing_s, 2)
    seconds = np.where(crossing_s > 0.0, crossing_s, seconds)
    times = np.rint(seconds * 1000.0).clip(1, CLOSED - 1).astype(np.uint32)
    times[_shut(roadmap, profile, icy)] = CLOSED
    return ArcSpeeds(times_ms=times, arc_end_speeds_mps=ends_mps, next_arc=chains.next_arc)


def turn_times_ms(
    angle_deg: Floats, v_in_mps: Floats, v_out_mps: Floats, profile: Profile
) -> NDArray[np.uint32]:
    """(K,) milliseconds lost on turns of these changes of direction (0 … 180 degrees) between arcs
    driven at these speeds: `geo.driving.turning`."""
    return turning.turn_times_ms(
        angle_deg,
        v_in_mps,
        v_out_mps,
        vehicle=profile.vehicle,
        mode=profile.mode,
        condition=profile.condition,
    )


def _drive(stations: Stations, cap_mps: Floats, profile: Profile) -> Floats:
    """(2, K) speed along the chains and back."""
    car, mode = VEHICLES[profile.vehicle], MODES[profile.mode]
    grip = weather.friction(stations.height_m, profile.condition)
    held = stations.there_and_back(np.stack((weather.lateral_mps2(grip),) * 2))
    count = len(stations.at_m)
    road = Road(
        start=np.concatenate((stations.start[:-1], stations.start + count)),
        step_m=np.tile(stations.step_m, 2),
        cap_mps=stations.there_and_back(cap_mps),
        grade_pct=stations.there_and_back(np.stack((stations.grade_pct, -stations.grade_pct))),
        acceleration_mps2=np.minimum(held, mode.acceleration_mps2 * car.acceleration_factor),
        braking_mps2=np.minimum(held, mode.braking_mps2),
    )
    speed = drive(
        road,
        power_w_per_kg=POWER_SHARE * car.power_w / car.mass_kg,
        drag_per_m=car.drag_kg_per_m / car.mass_kg,
    )
    return np.stack((speed[:count], speed[count:][stations.mirror]))


def _lay_on_arcs(chunk: Driven, seconds: Floats, ends_mps: Floats) -> None:
    """Fill in the arcs of the edges of this chunk: time, and speed at both ends."""
    stations = chunk.stations
    for backward, speed in enumerate(chunk.speed_mps):
        clock = np.cumsum(seconds_between(stations.start, stations.step_m, speed))
        begin, end = stations.begin_m, stations.end_m
        passed = np.interp(end, stations.at_m, clock) - np.interp(begin, stations.at_m, clock)
        at_ends = np.stack([np.interp(at, stations.at_m, speed) for at in (begin, end)], axis=1)
        arc = 2 * stations.line_edge + (stations.line_forward == bool(backward))
        seconds[arc] = passed
        ends_mps[arc] = at_ends[:, ::-1] if backward else at_ends


def _true_to_drawn(roadmap: RoadMap) -> Floats:
    """(M,) length on the ground over length in the map's projection; 1 where there is neither."""
    drawn = drawn_lengths_m(roadmap)
    true = roadmap.edge_length_m.astype(np.float64)
    known = np.isfinite(true) & (true > 0.0) & (drawn > 0.0)
    return np.divide(true, drawn, out=np.ones(len(true)), where=known)


def _shut(roadmap: RoadMap, profile: Profile, icy: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(2M,) arcs that this vehicle cannot or must not take. Walkers heed no one-way signs."""
    shut = np.repeat(desired.impassable(roadmap, profile.vehicle), 2)
    if profile.vehicle is Vehicle.FOOT:
        return shut
    for backward, flag in enumerate((EdgeFlag.CLOSED_FORWARD, EdgeFlag.CLOSED_BACKWARD)):
        shut[backward::2] |= (roadmap.edge_flags & int(flag)) != 0
    if VEHICLES[profile.vehicle].stays_off_ice:
        shut |= np.repeat(icy, 2)
    return shut
