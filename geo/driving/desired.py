"""How fast a road is driven before its shape counts: class, limit, surface, evenness, width; and
which roads a vehicle cannot use at all.

Standing of the numbers: those with a source are from it; "starting value" marks our own.
Everything is (M,) per edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from geo.driving.vehicles import (
    UNEVEN_LATERAL_FACTOR,
    VEHICLES,
    Vehicle,
    VehicleConstants,
)
from geo.roadmap import EdgeFlag, RoadClass, RoadMap, Smoothness, Surface

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

TRACK_KMH: Final = {
    Surface.UNKNOWN: 15.0,
    Surface.PAVED: 20.0,  # GraphHopper, grade 1
    Surface.PAVING_STONES: 15.0,
    Surface.COMPACTED: 15.0,  # grade 2
    Surface.GRAVEL: 10.0,  # grade 3
    Surface.COBBLESTONE: 10.0,
    Surface.EARTH: 10.0,
    Surface.MUD: 5.0,
}
"""km/h. Desired speed on tracks: GraphHopper by `tracktype`, which `geo.mapmaking.tags` reads as
surface."""

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

LOOSE: Final = frozenset({Surface.COMPACTED, Surface.GRAVEL, Surface.EARTH, Surface.MUD})

SMOOTHNESS_KMH: Final = {
    Smoothness.UNKNOWN: np.inf,
    Smoothness.EXCELLENT: np.inf,
    Smoothness.GOOD: np.inf,
    Smoothness.INTERMEDIATE: 80.0,
    Smoothness.BAD: 40.0,
    Smoothness.VERY_BAD: 20.0,
    Smoothness.HORRIBLE: 10.0,
    Smoothness.VERY_HORRIBLE: 5.0,
    Smoothness.IMPASSABLE: 0.0,
}
"""km/h. Caps, OSRM `smoothness_speeds`. HDM-4's roughness limit 3.6 * 0.203 / (1.15e-3 IRI) says
64 km/h at IRI 10 (bad) and 32 at IRI 20 (very bad): the same order."""

SINGLE_TRACK_M: Final = 4.5
"""m. Up to this wide a road takes one vehicle at a time: road bed of China's one-lane fourth class
(JTG B01-2014)."""

NARROW_KMH: Final = 20.0
NARROW_KMH_PER_M: Final = 40.0
"""km/h where a vehicle fills its lane, and more for every metre it does not. Starting values."""

CLEARANCE_M_MIN: Final = 0.3
"""m. Less than this beside the vehicle and it does not go in. Starting value."""

_Number = TypeVar("_Number", bound=IntEnum)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def desired_kmh(roadmap: RoadMap, vehicle: VehicleConstants, *, backward: bool) -> Floats:
    """Speed by tagged limit or class."""
    by_class = table(CLASS_KMH)[roadmap.edge_class]
    is_track = roadmap.edge_class == RoadClass.TRACK
    on_track = table(TRACK_KMH)[roadmap.edge_surface]
    on_track *= np.where(roadmap.edge_surface == Surface.PAVED, 1.0, vehicle.rough_factor)
    by_class = np.where(is_track, on_track, by_class)
    is_link = (roadmap.edge_flags & int(EdgeFlag.LINK)) != 0
    by_class = np.where(is_link, by_class * LINK_FACTOR, by_class)
    limit = roadmap.edge_maxspeed_kmh[:, int(backward)].astype(np.float64)
    return np.where(limit > 0.0, limit * MAXSPEED_FACTOR, by_class)


def rough_cap_kmh(roadmap: RoadMap, vehicle: VehicleConstants) -> Floats:
    """Speed that surface and evenness allow."""
    cap = np.minimum(
        table(SURFACE_KMH)[effective_surface(roadmap)],
        table(SMOOTHNESS_KMH)[roadmap.edge_smoothness],
    )
    return cap * vehicle.rough_factor


def width_cap_kmh(roadmap: RoadMap, vehicle: VehicleConstants) -> Floats:
    """Speed that the room beside the vehicle allows; inf where no width is tagged."""
    beside_m = _lane_m(roadmap) - vehicle.width_m
    return NARROW_KMH + NARROW_KMH_PER_M * np.maximum(beside_m, 0.0)


def single_track(roadmap: RoadMap) -> Bools:
    """Where oncoming vehicles cannot pass: by width, else by lanes; untagged tracks."""
    shut = (roadmap.edge_flags & _EITHER_WAY_SHUT) != 0
    width_m = roadmap.edge_width_dm / 10.0
    by_lanes = (roadmap.edge_lanes == 1) | (
        (roadmap.edge_lanes == 0) & (roadmap.edge_class == RoadClass.TRACK)
    )
    narrow = np.where(width_m > 0.0, width_m <= SINGLE_TRACK_M, by_lanes)
    only: Bools = narrow & ~shut
    return only


def effective_surface(roadmap: RoadMap) -> NDArray[np.uint8]:
    """The tagged surface, or what an untagged road of the class most likely has."""
    unknown_track = (roadmap.edge_surface == Surface.UNKNOWN) & (
        roadmap.edge_class == RoadClass.TRACK
    )
    return np.where(unknown_track, np.uint8(Surface.GRAVEL), roadmap.edge_surface)


def loose(roadmap: RoadMap) -> Bools:
    """Unpaved roads."""
    return np.isin(effective_surface(roadmap), list(LOOSE))


def lateral_factor(roadmap: RoadMap, vehicle: VehicleConstants) -> Floats:
    """On what is accepted in bends: less in a high car, and in any on uneven roads; unpaved ones
    have that in their table already."""
    uneven = (roadmap.edge_smoothness >= Smoothness.BAD) | (
        roadmap.edge_surface == Surface.COBBLESTONE
    )
    on_uneven = min(vehicle.lateral_factor, UNEVEN_LATERAL_FACTOR)
    paved = np.where(uneven, on_uneven, vehicle.lateral_factor)
    return np.where(loose(roadmap), 1.0, paved)


def impassable(roadmap: RoadMap, vehicle: Vehicle) -> Bools:
    """Roads that this vehicle cannot use, whoever allows it. On foot: motorways and ferries."""
    if vehicle is Vehicle.FOOT:
        ferry = (roadmap.edge_flags & int(EdgeFlag.FERRY)) != 0
        not_for_walkers: Bools = ferry | (roadmap.edge_class == RoadClass.MOTORWAY)
        return not_for_walkers
    car = VEHICLES[vehicle]
    too_narrow = _width_m(roadmap) < car.width_m + CLEARANCE_M_MIN
    too_rough = roadmap.edge_smoothness > car.worst_smoothness
    soft = np.isin(roadmap.edge_surface, list(car.shut_surfaces))
    shut: Bools = soft | too_rough | too_narrow
    return shut


def _width_m(roadmap: RoadMap) -> Floats:
    """Width of the carriageway; inf where untagged."""
    return np.where(roadmap.edge_width_dm > 0, roadmap.edge_width_dm / 10.0, np.inf)


def _lane_m(roadmap: RoadMap) -> Floats:
    """Width a vehicle has for itself: half of a road for two, all of any other."""
    one_way = (roadmap.edge_flags & _EITHER_WAY_SHUT) != 0
    whole = single_track(roadmap) | one_way
    return np.where(whole, _width_m(roadmap), _width_m(roadmap) / 2.0)


def table(values: Mapping[_Number, float]) -> Floats:
    """The values by number, to index with an array of numbers."""
    return np.array([value for _, value in sorted(values.items())])


_EITHER_WAY_SHUT = int(EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD)
