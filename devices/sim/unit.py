"""One simulated unit: vehicle, crew, and what they do from order to order.

    STANDBY ⇄ PATROL                                   between jobs, at or near home
       │ order
       ▼
    READING → ANSWERING → TURNOUT → DRIVING → ARRIVED → ON_SCENE → RETURNING → STANDBY
                  └ declined ┘                                         │ order: READING again

Simulated seconds only; `step` lets time pass and returns what the crew reports through the
handset. The crew obeys the newest order: another one, or a cancellation, ends the one in hand.
Knows no socket, no battery and no signal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from random import Random
from typing import Final

from devices.sim.movement import Drive
from devices.sim.officers import Crew, Priority
from devices.sim.packs import Mode
from devices.sim.roads import Roads
from geo.errors import GeoError, NoRouteError
from geo.snap import Snap
from protocols.native import Report

WALK_MPS: Final = 1.4
"""Foot patrols, on the same roads."""
STANDBY_S_MEAN: Final = 2400.0
"""Until a unit goes on patrol."""
PATROL_DEG: Final = 0.06
"""How far from home a patrol goes, as half a box: some 6 km."""
PAUSE_S_MEAN: Final = 420.0
"""At the far end of a patrol."""
OUTSIDE_SHARE: Final = 0.35
"""Units that are out on the road when the simulation begins."""


class Activity(StrEnum):
    STANDBY = "standby"
    PATROL = "patrol"
    READING = "reading"
    ANSWERING = "answering"
    TURNOUT = "turnout"
    DRIVING = "driving"
    ARRIVED = "arrived"
    ON_SCENE = "on_scene"
    RETURNING = "returning"


IN_JOB: Final = frozenset(
    {
        Activity.READING,
        Activity.ANSWERING,
        Activity.TURNOUT,
        Activity.DRIVING,
        Activity.ARRIVED,
        Activity.ON_SCENE,
    }
)


ASKED_MAX = 20
"""Questions that wait for the crew to read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An order as the handset shows it."""

    command_id: str
    order_id: str
    lon: float
    lat: float
    type: str
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One step that the crew reports."""

    command_id: str
    step: Report
    reason: str = ""
    note: str = ""


class SimUnit:
    """Moves and answers; one per unit of the fleet."""

    def __init__(
        self,
        *,
        roads: Roads,
        home: Snap,
        rng: Random,
        on_foot: bool = False,
        mute: bool = False,
        language: str = "en",
    ) -> None:
        """`mute`: a person answers the unit's orders; the crew drives there and stays till the end.

        `on_foot`: walking speed. `language`: of reasons and notes, "en" or "zh".
        """
        self._roads, self._rng = roads, rng
        self.home = home
        self._speed_mps_max = WALK_MPS if on_foot else inf
        self._mute = mute
        self._crew = Crew(rng, language=language)
        self._here = home
        self._drive: Drive | None = None
        self._until_s = 0.0
        """Simulated time at which the present activity ends, unless driving ends it."""
        self._notes_left = 0
        self._note_at_s = 0.0
        self._last_s: float | None = None
        self._said: list[Said] = []
        self._asked: dict[str, float] = {}
        """What a person answers with yes, by command id, and when he has read it."""
        self.job: Job | None = None
        self.activity = Activity.STANDBY
        self.metres = 0.0
        """Driven so far."""
        self._stand_by(0.0)
        if rng.random() < OUTSIDE_SHARE:
            outside = roads.random_place(rng, home, PATROL_DEG / 2.0)
            self._here = outside if roads.connected(home, outside) else home
            self._until_s = 0.0

    # -- what others see ---------------------------------------------------------------------

    @property
    def place(self) -> Snap:
        """On the road, where it is now."""
        return self._drive.place if self._drive is not None else self._here

    @property
    def speed_mps(self) -> float:
        return self._drive.speed_mps if self._drive is not None else 0.0

    @property
    def heading_deg(self) -> float | None:
        return self._drive.heading_deg if self._drive is not None else None

    @property
    def moving(self) -> bool:
        return self._drive is not None

    @property
    def at_home(self) -> bool:
        return self._drive is None and self._here is self.home

    @property
    def reads(self) -> bool:
        """Whether somebody looks at the handset: an order, or the way."""
        return self.activity in (Activity.READING, Activity.ANSWERING, Activity.DRIVING)

    @property
    def camera_mode(self) -> Mode:
        """At a scene it records, in an emergency it streams as well."""
        if self.activity not in (Activity.ARRIVED, Activity.ON_SCENE):
            return "standby"
        urgent = self.job is not None and self.job.priority == "emergency"
        return "stream" if urgent else "record"

    # -- what it is told ---------------------------------------------------------------------

    def order(self, job: Job, now_s: float) -> None:
        """The handset shows an order; the newest counts."""
        if self.job is not None and self.job.command_id == job.command_id:
            return
        self._halt()
        self.job = job
        self._enter(Activity.READING, now_s + self._crew.looks_after_s())

    def cancel(self, command_id: str, now_s: float) -> None:
        """The order is off: go home."""
        if self.job is not None and self.job.command_id == command_id:
            self._halt()
            self.job = None
            self._go_home(now_s)

    def ask(self, command_id: str, now_s: float) -> None:
        """The handset asks to let go of an order, or whether all is well; the crew says yes.

        Asked more than `ASKED_MAX` at once, it answers the newest.
        """
        while len(self._asked) >= ASKED_MAX:
            del self._asked[next(iter(self._asked))]
        self._asked.setdefault(command_id, now_s + self._crew.looks_after_s())

    # -- time --------------------------------------------------------------------------------

    def step(self, now_s: float) -> list[Said]:
        """Live until `now_s`; what the crew reported meanwhile, in order."""
        last_s = now_s if self._last_s is None else self._last_s
        self._last_s = now_s
        if self._drive is not None:
            self._move(max(0.0, now_s - last_s), now_s)
        while self._drive is None and now_s >= self._until_s:
            self._next(self._until_s if self.job is not None else now_s)
        if self.activity is Activity.ON_SCENE and self._notes_left and now_s >= self._note_at_s:
            self._notes_left -= 1
            self._say(Report.FEEDBACK, note=self._crew.note())
        for command_id in [each for each, read_s in self._asked.items() if now_s >= read_s]:
            del self._asked[command_id]
            if not self._mute:
                self._said += [
                    Said(command_id=command_id, step=step)
                    for step in (Report.SHOWN, Report.ACCEPTED)
                ]
        said, self._said = self._said, []
        return said

    def _move(self, seconds: float, now_s: float) -> None:
        assert self._drive is not None
        before_m = self._drive.driven_m
        over_s = self._drive.advance(seconds)
        self.metres += self._drive.driven_m - before_m
        if self._drive.arrived:
            self._halt()
            if self.activity is Activity.DRIVING:
                arrived_s = now_s - over_s
                self._enter(Activity.ARRIVED, arrived_s + self._crew.reports_arrival_after_s())
            elif self.activity is Activity.PATROL:
                self._until_s = now_s + self._rng.expovariate(1.0 / PAUSE_S_MEAN)
            else:
                self._here = self.home
                self._stand_by(now_s)

    def _next(self, now_s: float) -> None:
        """The present activity is over."""
        match self.activity:
            case Activity.STANDBY:
                self._patrol(now_s)
            case Activity.PATROL | Activity.RETURNING:
                self._go_home(now_s)
            case Activity.READING:
                self._say(Report.SHOWN)
                assert self.job is not None
                self._enter(
                    Activity.ANSWERING, now_s + self._crew.answers_after_s(self.job.priority)
                )
            case Activity.ANSWERING:
                self._answer(now_s)
            case Activity.TURNOUT:
                self._set_out(now_s)
            case Activity.ARRIVED:
                self._arrive(now_s)
            case Activity.ON_SCENE:
                self._leave(now_s)
            case Activity.DRIVING:
                raise AssertionError("driving ends by arriving")

    def _answer(self, now_s: float) -> None:
        assert self.job is not None
        reason = self._crew.declines(self.job.priority)
        if reason is not None and not self._mute:
            self._decline(reason, now_s)
            return
        in_car = not self.at_home
        self._say(Report.ACCEPTED)
        self._enter(Activity.TURNOUT, now_s + self._crew.leaves_after_s(in_car=in_car))

    def _set_out(self, now_s: float) -> None:
        assert self.job is not None
        try:
            path = self._roads.path(self._here, self._roads.snap(self.job.lon, self.job.lat))
        except GeoError as error:
            self._decline(str(error), now_s)
            return
        self._say(Report.EN_ROUTE)
        self._drive = Drive(path, pace=self._crew.pace(), speed_mps_max=self._speed_mps_max)
        self._enter(Activity.DRIVING, now_s)

    def _arrive(self, now_s: float) -> None:
        assert self.job is not None
        self._say(Report.ON_SCENE)
        stay_s = inf if self._mute else self._crew.stays_s(self.job.type)
        self._notes_left, self._note_at_s = 1, now_s + stay_s * self._rng.uniform(0.25, 0.6)
        self._enter(Activity.ON_SCENE, now_s + stay_s)

    def _leave(self, now_s: float) -> None:
        if self._notes_left:
            self._say(Report.FEEDBACK, note=self._crew.note())
        self._notes_left = 0
        self._say(Report.DONE, note=self._crew.closing_note())
        self.job = None
        self._go_home(now_s)

    def _decline(self, reason: str, now_s: float) -> None:
        self._say(Report.DECLINED, reason=reason)
        self.job = None
        self._go_home(now_s)

    # -- between jobs ------------------------------------------------------------------------

    def _patrol(self, now_s: float) -> None:
        goal = self._roads.random_place(self._rng, self.home, PATROL_DEG)
        if not self._depart(goal, Activity.PATROL, now_s):
            self._stand_by(now_s)

    def _go_home(self, now_s: float) -> None:
        if self._here is self.home or not self._depart(self.home, Activity.RETURNING, now_s):
            self._stand_by(now_s)

    def _depart(self, goal: Snap, activity: Activity, now_s: float) -> bool:
        try:
            path = self._roads.path(self._here, goal)
        except NoRouteError:
            return False
        self._drive = Drive(path, pace=self._crew.pace(), speed_mps_max=self._speed_mps_max)
        self._enter(activity, now_s)
        return True

    def _stand_by(self, now_s: float) -> None:
        self._enter(Activity.STANDBY, now_s + self._rng.expovariate(1.0 / STANDBY_S_MEAN))

    def _halt(self) -> None:
        if self._drive is not None:
            self._here, self._drive = self._drive.place, None

    def _enter(self, activity: Activity, until_s: float) -> None:
        self.activity, self._until_s = activity, until_s

    def _say(self, step: Report, *, reason: str = "", note: str = "") -> None:
        assert self.job is not None
        if self._mute:
            return
        self._said.append(Said(command_id=self.job.command_id, step=step, reason=reason, note=note))
