"""What the terms of a score may count as, by priority: all the weights of a recommendation.

Every term but the travel time itself is a share, 0 to 1, of its bound here. So a person can see in
one table what may outweigh what: on an emergency nothing keeps back a unit that would be there
clearly sooner. All are starting values, to be set by a county with its own log (docs/dispatch.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from server.views import Priority

RULES: Final = 8
"""Of the rules by which units are scored, ranked and their reasons found: every recommendation is
recorded with this number. Raise it whenever the same premises may give another answer: a weight, a
bound, a reason. A test holds it to that (tests/server/test_decision_record.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Minutes of travel that each doubt about a unit counts as at most."""

    risk_min: float
    """Its way is less sure."""
    camera_min: float
    """No camera lasts the job."""
    handset_min: float
    """Nor a handset. Half a camera's: the officer has a radio."""
    coverage_min: float
    """What nobody covers once it has left."""
    shift_min: float
    """The job goes on after its shift, or the crew is tired."""
    skills_min: float
    """Nobody of the crew can do what the run card asks for."""
    vehicle_min: float
    """Its vehicle is not fit for the job, or for the way."""
    area_min: float
    """The place is another station's. Least of all: whoever is there sooner is welcome."""

    @property
    def total_min(self) -> float:
        """A unit that would be there sooner by more than this is first, whatever speaks against
        it."""
        battery_min = self.camera_min + self.handset_min
        mismatch_min = self.skills_min + self.vehicle_min + self.area_min
        return self.risk_min + battery_min + self.coverage_min + self.shift_min + mismatch_min


BOUNDS: Final[Mapping[Priority, Bounds]] = {
    "routine": Bounds(
        risk_min=4.0,
        camera_min=10.0,
        handset_min=5.0,
        coverage_min=6.0,
        shift_min=10.0,
        skills_min=8.0,
        vehicle_min=8.0,
        area_min=4.0,
    ),
    "priority": Bounds(
        risk_min=3.0,
        camera_min=6.0,
        handset_min=3.0,
        coverage_min=3.0,
        shift_min=2.0,
        skills_min=4.0,
        vehicle_min=4.0,
        area_min=1.0,
    ),
    "emergency": Bounds(
        risk_min=1.5,
        camera_min=1.5,
        handset_min=0.75,
        coverage_min=0.5,
        shift_min=0.25,
        skills_min=0.7,
        vehicle_min=0.7,
        area_min=0.1,
    ),
}
"""Together at most 55, 26 and 6 minutes."""

RISK_SHARE: Final = 0.15
"""Of the minutes between the median and what nine journeys in ten keep: lambda."""

SHIFT_H: Final = 8.0
"""Of a unit's shift, from when it came on duty, where nothing else is set."""
OVERTIME_H_MAX: Final = 2.0
"""A job that goes on so long after the shift counts in full."""
TIRED_H, TIRED_H_MAX = 8.0, 12.0
"""On duty at the end of the job. Accidents at work grow from the eighth hour on and are about twice
as frequent in the twelfth (Folkard and Tucker, Occup. Med. 53, 2003)."""
REST_H: Final = 11.0
"""Between two shifts; less counts by what is missing (directive 2003/88/EC, article 3)."""
OVERTIME_WEIGHT, TIRED_WEIGHT, REST_WEIGHT = 0.6, 0.2, 0.2
"""Of the bound of the shift; together 1."""

SNOWY_TRACK_M_MAX: Final = 2_000.0
"""Of a way on tracks in snow or ice that makes a vehicle without four-wheel drive unfit in full."""
SNOWY_TRACK_WEIGHT: Final = 0.5
"""Of the bound of the vehicle; the rest is for kinds that the run card does not name."""
