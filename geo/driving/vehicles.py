"""Who goes and how: kinds of vehicle, ways of driving, and their constants.

Standing of the numbers: those with a source are from it; "starting value" marks our own, to be
calibrated on tracks. Knows no road; what a road makes of a vehicle is `geo.driving.speed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from geo.roadmap import Smoothness, Surface


class Vehicle(StrEnum):
    PATROL_CAR = "patrol_car"
    FOUR_BY_FOUR = "four_by_four"
    MOTORCYCLE = "motorcycle"
    FOOT = "foot"


class Mode(StrEnum):
    ROUTINE = "routine"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleConstants:
    """What a vehicle can do. Foot has none: `geo.driving.foot`."""

    mass_kg: float
    power_w: float
    drag_kg_per_m: float
    """N/(m/s)2."""
    width_m: float
    acceleration_factor: float
    """On the acceleration that the mode asks for."""
    lateral_factor: float
    """On what the driver accepts in bends of paved roads: how high the car stands. On unpaved ones
    all slide before they tip."""
    rough_factor: float
    """On the speeds that rough surfaces, uneven roads and unpaved tracks allow: ground clearance,
    wheels, suspension."""
    shut_surfaces: frozenset[Surface]
    worst_smoothness: Smoothness
    """Worse roads are closed to it (wiki.openstreetmap.org, Key:smoothness, "usable by")."""
    stays_off_ice: bool


VEHICLES: Final = {
    # BRouter's kinematic car: 1640 kg, 0.4 N/(m/s)2; power and width of a plain saloon.
    Vehicle.PATROL_CAR: VehicleConstants(
        mass_kg=1640.0,
        power_w=85_000.0,
        drag_kg_per_m=0.35,
        width_m=1.8,
        acceleration_factor=1.0,
        lateral_factor=1.0,
        rough_factor=1.0,
        shut_surfaces=frozenset({Surface.MUD}),
        worst_smoothness=Smoothness.VERY_BAD,
        stays_off_ice=False,
    ),
    # A body-on-frame off-road car, no wider than a saloon: between a BJ212 (1.75 m) and a Prado
    # (1.89 m). Starting values; on no unpaved or uneven road is it the slower one.
    Vehicle.FOUR_BY_FOUR: VehicleConstants(
        mass_kg=2300.0,
        power_w=120_000.0,
        drag_kg_per_m=0.5,
        width_m=1.8,
        acceleration_factor=1.0,
        lateral_factor=0.92,
        rough_factor=1.3,
        shut_surfaces=frozenset(),
        worst_smoothness=Smoothness.VERY_HORRIBLE,
        stays_off_ice=False,
    ),
    # A 650 cm3 police motorcycle with its rider. Starting values.
    Vehicle.MOTORCYCLE: VehicleConstants(
        mass_kg=320.0,
        power_w=40_000.0,
        drag_kg_per_m=0.35,
        width_m=0.9,
        acceleration_factor=1.3,
        lateral_factor=1.0,
        rough_factor=1.1,
        shut_surfaces=frozenset({Surface.MUD}),
        worst_smoothness=Smoothness.HORRIBLE,
        stays_off_ice=True,
    ),
}

UNEVEN_LATERAL_FACTOR: Final = 0.92
"""As low as a high car's where paved roads are uneven, for whoever drives: the wheels do not stay
on the ground. Starting value."""

POWER_SHARE: Final = 0.6
"""Share of the engine's power a driver uses. Starting value."""

ROLLING: Final = 0.015
"""Rolling resistance, share of weight: 232 N of 1640 kg (BRouter)."""

GRAVITY_MPS2: Final = 9.81


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeConstants:
    """What differs between driving in routine and driving with urgency. Starting values."""

    desired_factor: float
    """On the desired speed. Urgent: physics of curve-limited roads allows 14 to 20 %; urban siren
    figures (Ho & Lindquist 2001: 31 %) must not be carried to the mountains."""
    curve_factor: float
    """On V85."""
    acceleration_mps2: float
    """Largest that a driver asks for."""
    braking_mps2: float
    reaction_s: float
    """From seeing to braking, for what comes round the bend."""
    stopping_mps2: float
    """How hard the driver trusts to brake for it."""
    heeds_limits: bool
    """Urgent duty is exempt where safe: Road Traffic Safety Law of China, art. 53."""
    lateral_mps2: dict[Surface, float]
    """Across the car in bends under `geo.driving.bends.LOW_RADIUS_M`: 2.2 / 3.0 paved, 1.2 to 2.0
    unpaved. Never higher on a worse surface."""


MODES: Final = {
    Mode.ROUTINE: ModeConstants(
        desired_factor=1.0,
        curve_factor=0.87,
        acceleration_mps2=1.2,
        braking_mps2=1.5,
        reaction_s=1.5,
        stopping_mps2=3.0,
        heeds_limits=True,
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
        acceleration_mps2=2.0,
        braking_mps2=2.5,
        reaction_s=1.0,
        stopping_mps2=4.0,
        heeds_limits=False,
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
