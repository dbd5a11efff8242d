"""How long a unit takes from its order until it drives: keys, coats, the way to the car.

Who sits at a station has to get up first, who is on the road only to understand the order. Knows no
unit and no road.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from geo.driving.vehicles import Mode

TURNOUT_S_MAX: Final = 3_600.0

MOVING_MPS: Final = 1.5
"""m/s. From here on a unit is not inside its station, however near: a brisk walk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnout:
    """Seconds, 0 to TURNOUT_S_MAX. Starting values; NFPA 1710 allows an ambulance 60 s from its
    station."""

    station_routine_s: float = 120.0
    """At its own station, not in a hurry."""
    station_urgent_s: float = 60.0
    """At its own station, in an emergency."""
    road_s: float = 0.0
    """Anywhere else."""

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot be."""
        for each in fields(self):
            if not 0.0 <= getattr(self, each.name) <= TURNOUT_S_MAX:
                raise ValueError(f"{each.name} takes 0 to {TURNOUT_S_MAX:.0f} seconds")

    def seconds(self, mode: Mode, *, at_station: bool) -> float:
        """Of one unit."""
        if not at_station:
            return self.road_s
        return self.station_urgent_s if mode is Mode.URGENT else self.station_routine_s


AT_ONCE: Final = Turnout(station_routine_s=0.0, station_urgent_s=0.0)
