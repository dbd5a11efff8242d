"""What a choice is made from: the scene, and what is known of each unit at that moment.

Everything that the score and the ranking look at stands in these two, and nothing of it changes:
the same scene and the same contenders give the same recommendation, whenever it is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass

from devices.battery.model import Load
from geo.walk import Walk
from server.dispatch.battery import Job, Prospect
from server.dispatch.cover import Left
from server.dispatch.runcards import Term
from server.dispatch.weights import SHIFT_H
from server.views import Priority, UnitKind, UnitStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A police station, where it stands."""

    name: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """What is known of one unit at the moment of the recommendation."""

    unit_id: str
    call_sign: str
    status: UnitStatus
    order_number: int | None
    """Of its open order."""
    position_age_s: float | None
    """None: no position."""
    off_road_m: float | None
    """From its fix to the nearest road; None: no road near it."""
    eta_s: float | None
    """Median: turnout, then by road, then on foot. None: no position, or no road leads there."""
    walk: Walk | None
    """The part of it on foot; None without a travel time."""
    road_closed: bool
    """The road where it stops is closed: the travel time counts driving into it, slowly."""
    batteries: tuple[Prospect, ...]
    """Its own batteries over this job, as far as they are known of."""
    has_device: bool
    """Whether any device of it can show an order."""
    connected: bool
    """Whether any such device is connected now."""
    has_camera: bool = True
    """Whether it has a body camera."""
    turnout_s: float = 0.0
    """The part of the travel time before the unit drives."""
    in_need: bool = False
    """Its own officer is the one who calls for help."""
    log_sd: float = 0.0
    """Standard deviation of ln(travel time)."""
    coverage_s: float = 0.0
    """What others wait longer while it is away, as seconds of travel; 0 or more."""
    left: Left | None = None
    """What the county is left with while it is away; None: nobody knows."""
    on_duty_s: float | None = None
    """Since its shift began; None: off duty, or nobody knows."""
    rest_s: float | None = None
    """Of whoever of its crew rested least before this shift; None: nobody knows."""
    kind: UnitKind = "patrol_car"
    skills: tuple[str, ...] = ()
    """Codes of what anybody of its crew can do, in order."""
    station: str | None = None
    """Its own."""
    snowy_track_m: float = 0.0
    """Of its way: tracks in snow or ice, where that way was looked at."""
    crew_len: int = 0
    """How many officers; 0: nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the choice needs to know of the incident."""

    scene_s: float
    recording: Load
    """What a body camera does there."""
    priority: Priority = "priority"
    temp_c: float | None = None
    """Outdoors; None: unknown."""
    no_road: str = ""
    """Why nobody can be sent there by road, in words for a person; empty: somebody can."""
    skills: tuple[Term, ...] = ()
    """That the run card asks for and somebody in the county has, in its order."""
    absent_skills: tuple[Term, ...] = ()
    """That it asks for and nobody has, so that they say nothing of whom to send."""
    kinds: tuple[UnitKind, ...] = ()
    """Kinds of units that are fit for it; none: any."""
    area: str = ""
    """The station in whose area it is; empty: unknown."""
    shift_s: float = SHIFT_H * 3600.0
    """How long a shift is."""
    units: int = 1
    """That the run card asks for."""
    on_it: int = 0
    """Units that are there or on the way, and that nobody wants back."""
    violence: bool = False
    """A weapon or violence is to be expected: nobody goes alone."""
    deadline_s: float | None = None
    """From now, within which the first unit should be there; None: nobody says."""
    no_signal: bool = False
    """The place lies where we know of no radio."""

    def job(self, eta_s: float) -> Job:
        """What lies before a battery of a unit that takes so long to get there."""
        return Job(
            travel_s=eta_s, scene_s=self.scene_s, recording=self.recording, temp_c=self.temp_c
        )
