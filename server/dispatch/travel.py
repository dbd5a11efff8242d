"""Who travels and how: from a unit and an incident to a profile of the travel-time model.

The same tables serve recommending a unit and learning from its drives. Knows no road.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from geo.driving.conditions import Condition
from geo.driving.vehicles import Mode, Vehicle
from geo.ground import Route
from geo.snap import Snap
from geo.walk import DropOff
from server.dispatch.contenders import position_age_s
from server.dispatch.doubts import POSITION_OLD_S
from server.views import UnitView

VEHICLE_OF_KIND: Final = {
    "patrol_car": Vehicle.PATROL_CAR,
    "off_road": Vehicle.FOUR_BY_FOUR,
    "motorcycle": Vehicle.MOTORCYCLE,
    "foot": Vehicle.FOOT,
}

MODE_OF_PRIORITY: Final = {
    "routine": Mode.ROUTINE,
    "priority": Mode.ROUTINE,
    "emergency": Mode.URGENT,
}
"""Only an emergency is driven to with urgency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traveller:
    """A unit where it is, as it moves."""

    snap: Snap
    vehicle: Vehicle = Vehicle.PATROL_CAR
    heading_deg: float | None = None
    speed_mps: float | None = None
    turnout_s: float = 0.0
    """Before it sets off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """When a unit would be at a place, and where it leaves the road."""

    eta_s: float
    """By road, and then on foot."""
    drop_off: DropOff


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """The way of one unit to a place: the road, and where to leave it."""

    route: Route
    drop_off: DropOff

    @property
    def duration_s(self) -> float:
        """By road, and then on foot: what an `Arrival` foretells."""
        return self.route.duration_s + self.drop_off.walk.duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How everybody drives that a question is about."""

    mode: Mode = Mode.ROUTINE
    condition: Condition | None = None
    """Assumed everywhere; None: what holds now, and where it does."""


def traveller(unit: UnitView, snap: Snap, now: datetime, *, turnout_s: float = 0.0) -> Traveller:
    """A unit as it was at its newest fix; where an old one was headed says nothing."""
    position = unit.position
    fresh = position is not None and position_age_s(position, now) <= POSITION_OLD_S
    return Traveller(
        snap=snap,
        vehicle=VEHICLE_OF_KIND[unit.kind],
        heading_deg=position.heading_deg if position is not None and fresh else None,
        speed_mps=position.speed_mps if position is not None and fresh else None,
        turnout_s=turnout_s,
    )
