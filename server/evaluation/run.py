"""One policy through one scenario, event by event.

    call → handled → chosen → ordered ─ no ─▶ chosen again, of the others
                        │        └ yes → sets off → on scene → done → home or the next call
                        └ nobody free: waits; whoever gets free takes the most urgent, then oldest

Between jobs units sit at their station, patrol to a village near it and come back. A unit that is
sent elsewhere starts from where it is, as it is headed. Nobody is diverted from a job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from typing import Final

import numpy as np

from devices.battery.ambient import ambient_c
from devices.sim.climate import is_dark
from geo.departure import Departure
from geo.driving.conditions import Condition
from geo.driving.vehicles import Mode
from geo.snap import Snap
from geo.walk import Approach, DropOff
from server.dispatch.battery import foresee
from server.dispatch.ranking import Contender, Scene
from server.dispatch.travel import MODE_OF_PRIORITY
from server.dispatch.turnout import Turnout
from server.evaluation.agenda import Agenda, Happening
from server.evaluation.cameras import TICK_S, Cameras
from server.evaluation.care import Care
from server.evaluation.county import County
from server.evaluation.inspection import Inspector
from server.evaluation.policies import Policy, Question
from server.evaluation.scenario import DAY_S, HOUR_S, Call, Scenario
from server.evaluation.trips import Trip
from server.evaluation.units import Doing, Job, Unit
from server.views import UnitStatus

AT_STATION_S_MEAN: Final = 2_400.0
"""Between two patrols."""
AT_GOAL_S_MEAN: Final = 1_200.0
"""At a village, until going home. Starting values."""
PATROL_PACE: Final = 0.9
SHIFT_S: Final = DAY_S / 2.0
SHIFT_BEGINS_S: Final = 7.0 * HOUR_S
DOCKED_SHARE: Final = 0.25
"""Of stays at home during which the crew hangs its camera on the charger. Starting value."""
ASK_AGAIN_S: Final = 600.0
"""Until units that said no are asked once more, where nobody else gets free."""
PATIENCE_S: Final = 2 * DAY_S
"""A job that is open so long after the last call is a mistake of ours."""
URGENCY: Final = {"emergency": 0, "priority": 1, "routine": 2}

Tell = Callable[[float], None]


class Run:
    """Make one, `live`, and look at its `jobs`."""

    def __init__(self, county: County, scenario: Scenario, policy: Policy) -> None:
        self._county, self._scenario, self._policy = county, scenario, policy
        self._agenda = Agenda()
        self._turnout = Turnout()
        self.inspector = Inspector(county.least_s)
        self.cameras = Cameras(scenario, self.inspector, heard=policy.batteries)
        self._care = Care(county, scenario, self.cameras, mitigates=policy.mitigates)
        self.jobs = [Job(call=call) for call in scenario.calls]
        self._waiting: list[Job] = []
        self._open = len(self.jobs)
        self._units = {
            post.call_sign: Unit(number=number, post=post, at=Departure(snap=post.station.snap))
            for number, post in enumerate(scenario.posts)
        }

    def live(self, tell: Tell = lambda share: None) -> list[Job]:
        """Until every call is answered and its job done. `tell` hears the share that is done.

        Raises InvariantBroken.
        """
        for job in self.jobs:
            self._agenda.at(job.call.at_s, partial(self._called, job))
        for unit in self._units.values():
            self._rest(unit)
            self._agenda.at(shift_change_s(unit.number), partial(self._next_crew, unit))
        self._agenda.after(TICK_S, self._tick)
        while self._open and self._agenda.step():
            self.inspector.time(self._agenda.now_s)
            assert self._agenda.now_s < self._scenario.ends_s + PATIENCE_S, "jobs do not end"
            tell(1.0 - self._open / len(self.jobs))
        return self.jobs

    # -- choosing ------------------------------------------------------------------------------

    def _called(self, job: Job) -> None:
        self._agenda.after(job.call.handling_s, partial(self._choose, job))

    def _choose(self, job: Job) -> None:
        """Send somebody, or let the call wait."""
        units = [unit for unit in self._units.values() if unit.call_sign not in job.refused]
        if not any(unit.status is UnitStatus.AVAILABLE for unit in units):
            self._wait(job)
            return
        goal = self._county.approach(job.call.lon, job.call.lat)
        known, drop_offs = self._contenders(units, goal, MODE_OF_PRIORITY[job.call.priority])
        scene = self._scene(job.call)
        if self._policy.batteries:
            known = self._with_batteries(known, scene)
        ranking = self._policy.rank(
            Question(
                county=self._county,
                scene=scene,
                goal=goal,
                contenders=known,
                places=[self._place(unit).snap for unit in units],
            )
        )
        best = ranking.candidates[0].contender if ranking.candidates else None
        if best is None or best.eta_s is None:
            self._wait(job)
            return
        number = next(n for n, one in enumerate(known) if one.unit_id == best.unit_id)
        job.eta_s = known[number].eta_s
        job.later_s = _later_s(known, number)
        self._order(units[number], job, drop_offs[number])

    def _contenders(
        self, units: Sequence[Unit], goal: Approach, mode: Mode
    ) -> tuple[list[Contender], list[DropOff]]:
        """What the product knows of each, and where each would stop."""
        eta_s, stops = np.full(len(units), np.inf), np.zeros(len(units), dtype=np.int64)
        for vehicle in {unit.post.vehicle for unit in units}:
            rows = [n for n, unit in enumerate(units) if unit.post.vehicle is vehicle]
            starts = [self._start(units[row], mode) for row in rows]
            profile = units[rows[0]].profile(mode)
            eta_s[rows], stops[rows] = self._county.ground.arrivals(starts, goal, profile=profile)
        drop_offs = [goal.drop_offs[stop] for stop in stops.tolist()]
        known = [
            self._contender(unit, each_s, drop_off, mode)
            for unit, each_s, drop_off in zip(units, eta_s.tolist(), drop_offs, strict=True)
        ]
        return known, drop_offs

    def _start(self, unit: Unit, mode: Mode) -> Departure:
        """As the product supposes that it sets off."""
        at_station = unit.doing is Doing.AT_HOME
        turnout_s = self._turnout.seconds(mode, at_station=at_station)
        return replace(self._place(unit), turnout_s=turnout_s)

    def _contender(self, unit: Unit, eta_s: float, drop_off: DropOff, mode: Mode) -> Contender:
        reachable = np.isfinite(eta_s)
        return Contender(
            unit_id=unit.call_sign,
            call_sign=unit.call_sign,
            status=unit.status,
            order_number=None if unit.job is None else unit.job.call.number,
            position_age_s=0.0,
            off_road_m=0.0,
            eta_s=eta_s if reachable else None,
            walk=drop_off.walk if reachable else None,
            road_closed=False,
            turnout_s=self._start(unit, mode).turnout_s,
            batteries=(),
            has_device=True,
            connected=True,
        )

    def _scene(self, call: Call) -> Scene:
        """With the cold that the product supposes at the place."""
        now_s, height_m = self._agenda.now_s, self._county.height_m(call.lon, call.lat)
        condition = Condition(night=is_dark(now_s % DAY_S / HOUR_S))
        sea_level_c = self._scenario.sea_level_c
        return Scene(
            scene_s=call.type.scene_min * 60.0,
            recording=call.type.recording,
            priority=call.priority,
            temp_c=float(ambient_c(np.array(height_m), condition, sea_level_c=sea_level_c)),
        )

    def _with_batteries(self, known: Sequence[Contender], scene: Scene) -> list[Contender]:
        """With what the product foresees of each camera."""
        numbers = {one.unit_id: str(self._units[one.unit_id].number) for one in known}
        jobs = [
            (numbers[one.unit_id], scene.job(one.eta_s)) for one in known if one.eta_s is not None
        ]
        found = foresee(jobs, self.cameras.endurance()).prospects
        prospects = {each.battery.device_id: (each,) for each in found}
        return [replace(one, batteries=prospects.get(numbers[one.unit_id], ())) for one in known]

    def _wait(self, job: Job) -> None:
        """For whoever gets free; those who said no are asked again then, or after a while."""
        job.refused.clear()
        self._waiting.append(job)
        self._agenda.after(ASK_AGAIN_S, partial(self._ask_again, job))

    def _ask_again(self, job: Job) -> None:
        if job in self._waiting:
            self._waiting.remove(job)
            self._choose(job)

    # -- a job ---------------------------------------------------------------------------------

    def _order(self, unit: Unit, job: Job, stop: DropOff) -> None:
        """The crew stops where it is and reads."""
        now_s, at_home = self._agenda.now_s, unit.doing is Doing.AT_HOME
        answer = self._scenario.answer(job.call, job.attempts, at_home=at_home)
        job.attempts += 1
        self.inspector.takes(unit.call_sign, job.call.number)
        self._halt(unit)
        unit.job = job
        self._do(unit, Doing.ORDERED)
        self.cameras.watch(unit.number, now_s)
        if answer.declines:
            self._agenda.after(answer.answers_s, partial(self._declined, unit, job))
            return
        job.unit, job.ordered_s = unit.call_sign, now_s
        leaves_s = (
            answer.answers_s + answer.leaves_s + self._care.remedy(unit, now_s, spare_here=at_home)
        )
        self._agenda.after(leaves_s, partial(self._set_out, unit, job, stop, answer.pace))

    def _declined(self, unit: Unit, job: Job) -> None:
        job.refused.add(unit.call_sign)
        self._end(unit, job)
        self._choose(job)

    def _set_out(self, unit: Unit, job: Job, stop: DropOff, pace: float) -> None:
        job.set_out_s = self._agenda.now_s
        self._do(unit, Doing.EN_ROUTE)
        mode = MODE_OF_PRIORITY[job.call.priority]
        self._drive(unit, stop.snap, mode, pace, partial(self._stopped, unit, job, stop))

    def _stopped(self, unit: Unit, job: Job, stop: DropOff) -> None:
        self._agenda.after(stop.walk.duration_s, partial(self._arrived, unit, job, stop))

    def _arrived(self, unit: Unit, job: Job, stop: DropOff) -> None:
        job.arrived_s = self._agenda.now_s
        self._do(unit, Doing.ON_SCENE)
        self._care.remedy(unit, job.arrived_s)
        stays_s = job.call.scene_s + stop.walk.duration_s
        self._agenda.after(stays_s, partial(self._done, unit, job))

    def _done(self, unit: Unit, job: Job) -> None:
        job.done_s = self._agenda.now_s
        job.camera_alive = self.cameras.lived(unit.number, job.done_s)
        self._open -= 1
        self._end(unit, job)

    def _end(self, unit: Unit, job: Job) -> None:
        """The unit is free: for the most urgent of those who wait, or to go home."""
        self.inspector.leaves(unit.call_sign, job.call.number)
        unit.job = None
        self._go_home(unit)
        if self._waiting:
            waiting = min(self._waiting, key=_urgency)
            self._waiting.remove(waiting)
            self._choose(waiting)

    # -- between jobs --------------------------------------------------------------------------

    def _rest(self, unit: Unit) -> None:
        """At home, until the next patrol."""
        rng = Random(f"{self._scenario.seed}-{unit.call_sign}-{unit.outings}")
        unit.outings += 1
        unit.docked, unit.measures = rng.random() < DOCKED_SHARE, frozenset()
        self._do(unit, Doing.AT_HOME, fresh_pack=unit.pack_due)
        leaves_s = rng.expovariate(1.0 / AT_STATION_S_MEAN)
        self._agenda.after(leaves_s, self._still(unit, partial(self._patrol, unit, rng)))

    def _patrol(self, unit: Unit, rng: Random) -> None:
        goals = unit.post.station.goals
        if not goals:
            self._rest(unit)
            return
        self._do(unit, Doing.PATROL)
        stays_s = rng.expovariate(1.0 / AT_GOAL_S_MEAN)
        there = partial(self._linger, unit, stays_s)
        self._drive(unit, rng.choice(goals), Mode.ROUTINE, PATROL_PACE, there)

    def _linger(self, unit: Unit, stays_s: float) -> None:
        self._agenda.after(stays_s, self._still(unit, partial(self._go_home, unit)))

    def _go_home(self, unit: Unit) -> None:
        self._do(unit, Doing.RETURNING)
        home = unit.post.station.snap
        self._drive(unit, home, Mode.ROUTINE, PATROL_PACE, partial(self._rest, unit))

    # -- batteries -----------------------------------------------------------------------------

    def _tick(self) -> None:
        self.cameras.tick(self._agenda.now_s)
        for unit in self._units.values():
            if unit.doing in (Doing.EN_ROUTE, Doing.ON_SCENE):
                self._care.remedy(unit, self._agenda.now_s)
        self._agenda.after(TICK_S, self._tick)

    def _next_crew(self, unit: Unit) -> None:
        """Its camera comes from the charger; a crew that is out changes when it comes home."""
        unit.pack_due = True
        if unit.doing is Doing.AT_HOME:
            self._rest(unit)
        self._agenda.after(SHIFT_S, partial(self._next_crew, unit))

    # -- moving --------------------------------------------------------------------------------

    def _do(self, unit: Unit, doing: Doing, *, fresh_pack: bool = False) -> None:
        unit.doing = doing
        unit.turn += 1
        self._care.goes_on(unit, self._agenda.now_s, fresh_pack=fresh_pack)
        unit.pack_due &= not fresh_pack

    def _still(self, unit: Unit, happening: Happening) -> Happening:
        """What happens only if the unit has not been told anything else by then."""
        turn = unit.turn

        def happen() -> None:
            if unit.turn == turn:
                happening()

        return happen

    def _place(self, unit: Unit) -> Departure:
        return unit.place(self._agenda.now_s, self._county.roadmap)

    def _drive(self, unit: Unit, goal: Snap, mode: Mode, pace: float, there: Happening) -> None:
        """From where it is; without a road it stays, as the map has no way back for some."""
        now_s, profile = self._agenda.now_s, unit.profile(mode)
        self.inspector.sets_off(unit.call_sign, unit.at.snap, now_s)
        way = self._county.way(unit.at, goal, profile)
        unit.trip, unit.driving = Trip(way=way, began_s=now_s, pace=pace), mode
        self._agenda.at(unit.trip.ends_s, self._still(unit, partial(self._there, unit, there)))

    def _there(self, unit: Unit, then: Happening) -> None:
        self._halt(unit)
        unit.at = Departure(snap=unit.at.snap)  # parked, it may leave either way
        then()

    def _halt(self, unit: Unit) -> None:
        """Stop where it is."""
        if unit.trip is None:
            return
        now_s = self._agenda.now_s
        unit.at, unit.trip = self._place(unit), None
        self.inspector.stands(unit.call_sign, unit.at.snap, unit.profile(unit.driving), now_s)


def shift_change_s(number: int) -> float:
    """When the first crew of a unit hands over: every other unit an hour later."""
    return SHIFT_BEGINS_S + HOUR_S * (number % 2)


def _later_s(known: Sequence[Contender], chosen: int) -> float:
    """How much later than the first of those free."""
    free_s = [
        one.eta_s for one in known if one.status is UnitStatus.AVAILABLE and one.eta_s is not None
    ]
    return (known[chosen].eta_s or 0.0) - min(free_s, default=0.0)


def _urgency(job: Job) -> tuple[int, float]:
    return URGENCY[job.call.priority], job.call.at_s
