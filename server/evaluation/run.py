"""One policy through one scenario, event by event.

    call → handled → open ─▶ chosen → ordered → heard → yes → sets off → on scene → done
                      ▲                  │        │             │
                      └─ chosen again ◀──┴ no word┴ no          ┴ called off, if the policy does

Whenever something changes (a call, a unit that gets free, a no) all open calls are looked at again.
An order reaches a crew where it has signal; until then it waits, and is given to somebody else when
it has waited as long as the product waits for an answer. So does the word that a unit is free. A
unit that is sent elsewhere starts from where it is, as it is headed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from geo.departure import Departure
from server.dispatch.cover import STEADY_S
from server.dispatch.timers import PEACE_ORDINARY, PEACE_URGENT
from server.dispatch.travel import MODE_OF_PRIORITY
from server.evaluation.agenda import Agenda
from server.evaluation.cameras import TICK_S, Cameras
from server.evaluation.care import Care
from server.evaluation.county import County
from server.evaluation.inspection import Inspector
from server.evaluation.lookout import Lookout
from server.evaluation.movement import Movement
from server.evaluation.moveups import MoveUps
from server.evaluation.patrols import Patrols
from server.evaluation.policies import Policy
from server.evaluation.room import Choice, Room
from server.evaluation.scenario import DAY_S, Answer, Scenario
from server.evaluation.units import Doing, Job, Unit

ASK_AGAIN_S: Final = 600.0
"""Until a unit that said no, or nothing, is asked once more."""
CONTACT_S: Final = 30.0
"""Between two tries to reach a unit without signal: what a device takes to come back."""
REVIEW_S: Final = 300.0
"""Between two looks at units under way, where nothing else happens."""
JOBS_AT_ONCE_MAX: Final = 20
"""In one plan, the most urgent and then the oldest: what lies behind them nobody is free for."""
PATIENCE_S: Final = 2 * DAY_S
"""After the last day the run goes on until every job is done, but not longer than this."""
URGENCY: Final = {"emergency": 0, "priority": 1, "routine": 2}

Tell = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Order:
    """To one unit, for one job."""

    choice: Choice
    job: Job
    answer: Answer
    given_up_s: float
    """When somebody else is asked, if there was no word until then."""
    relieves: Unit | None
    """Whoever may turn back once this unit has said yes."""

    @property
    def unit(self) -> Unit:
        return self.choice.unit


class Run:
    """Make one, `live`, and look at its `jobs`."""

    def __init__(self, county: County, scenario: Scenario, policy: Policy) -> None:
        self._scenario, self._policy = scenario, policy
        self._agenda = Agenda()
        self.inspector = Inspector(county.least_s)
        self.cameras = Cameras(scenario, self.inspector, heard=policy.batteries)
        self._care = Care(county, scenario, self.cameras, mitigates=policy.mitigates)
        self._movement = Movement(county, self._agenda, self.inspector, self._care)
        self._patrols = Patrols(scenario, self._agenda, self._movement, self._dispatch)
        self._lookout = Lookout(county.posts, self._movement) if policy.covers else None
        self._room = Room(
            county, scenario, policy, self._agenda, self._movement, self.cameras, self._lookout
        )
        self.move_ups = MoveUps(scenario, county.posts, self._agenda, self._movement, self._patrols)
        self.jobs = [Job(call=call) for call in scenario.calls]
        self._open: list[Job] = []
        """Handled, and nobody is there."""
        self._left = len(self.jobs)
        self._units = [
            Unit(number=number, post=post, at=Departure(snap=post.station.snap))
            for number, post in enumerate(scenario.posts)
        ]

    def live(self, tell: Tell = lambda share: None) -> list[Job]:
        """Until every job is done, or nobody has come for too long (`Job.answered`). `tell` hears
        the share that is done.

        Raises InvariantBroken.
        """
        for job in self.jobs:
            self._agenda.at(job.call.at_s + job.call.handling_s, partial(self._handled, job))
        for unit in self._units:
            self._patrols.begin(unit)
        self._agenda.after(TICK_S, self._tick)
        if self._policy.diverts:
            self._agenda.after(REVIEW_S, self._review)
        if self._lookout is not None:
            self._look(self._lookout)
        over_s = self._scenario.ends_s + PATIENCE_S
        while self._left and self._agenda.now_s < over_s and self._agenda.step():
            self.inspector.time(self._agenda.now_s)
            tell(1.0 - self._left / len(self.jobs))
        self._give_up()
        return self.jobs

    def _give_up(self) -> None:
        """On calls that the county was too small for."""
        waiting = [job for job in self.jobs if not job.answered]
        for job in waiting:
            job.given_up_s = self._agenda.now_s
        served = {id(unit.job) for unit in self._units}
        idle = any(
            self._room.choose(job, self._units) for job in self._open if id(job) not in served
        )
        self.inspector.given_up(len(waiting), idle=idle)

    def _handled(self, job: Job) -> None:
        self._open.append(job)
        self._dispatch()

    def _tick(self) -> None:
        self.cameras.tick(self._agenda.now_s)
        for unit in self._units:
            if unit.doing in (Doing.EN_ROUTE, Doing.ON_SCENE):
                self._care.remedy(unit, self._agenda.now_s)
        self._agenda.after(TICK_S, self._tick)

    def _review(self) -> None:
        if any(unit.drives_to_job for unit in self._units):
            self._dispatch()
        self._agenda.after(REVIEW_S, self._review)

    def _look(self, lookout: Lookout) -> None:
        """At cover, as often as a move must hold to be proposed."""
        served = {id(unit.job) for unit in self._units}
        waiting = sum(id(job) not in served for job in self._open)
        seen = lookout.look(self._units, self._agenda.now_s, waiting)
        if self._policy.moves_up:
            self.move_ups.consider(seen)
        self._agenda.after(STEADY_S, partial(self._look, lookout))

    # -- choosing ------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Send whom there is, for all that is open."""
        if not self._open or not any(unit.is_free or unit.drives_to_job for unit in self._units):
            return
        if self._policy.plans:
            self._follow_plan()
        else:
            self._one_by_one()

    def _one_by_one(self) -> None:
        served = {id(unit.job) for unit in self._units}
        for job in sorted(self._open, key=_urgency):
            if id(job) not in served and (choice := self._room.choose(job, self._units)):
                self._order(choice, job)

    def _follow_plan(self) -> None:
        jobs = self._to_plan()
        if not jobs:
            return
        plan, choices = self._room.plan(jobs, self._units)
        units = {unit.call_sign: unit for unit in self._units}
        called_off = {each.released_id: each for each in plan.diversions}
        for each in plan.assignments:
            off = called_off.get(each.incident_id)
            if off is None or off.incident_id is None:
                relieved = None if off is None else units[off.unit_id]
                self._order(*choices.of(each.unit_id, each.incident_id), relieves=relieved)
        for off in plan.diversions:
            if off.incident_id is not None:
                self._ask(*choices.of(off.unit_id, off.incident_id))

    def _to_plan(self) -> list[Job]:
        """Open jobs but those that their unit is asked to leave, and what nobody is free for."""
        goals = {id(unit.job if unit.asked is None else unit.asked) for unit in self._units}
        leaving = {id(unit.job) for unit in self._units if unit.asked is not None} - goals
        waiting = [job for job in self._open if id(job) not in goals | leaving]
        going = [job for job in self._open if id(job) in goals]
        return going + sorted(waiting, key=_urgency)[:JOBS_AT_ONCE_MAX]

    # -- an order ------------------------------------------------------------------------------

    def _make(self, choice: Choice, job: Job, relieves: Unit | None) -> Order:
        pace = PEACE_ORDINARY if job.call.priority == "routine" else PEACE_URGENT
        at_home = choice.unit.doing is Doing.AT_HOME
        asked = f"{job.call.number}-{job.attempts}"
        answer = self._scenario.answer(asked, job.call.priority, at_home=at_home)
        job.attempts += 1
        given_up_s = self._agenda.now_s + pace.escalate_s
        return Order(
            choice=choice, job=job, answer=answer, given_up_s=given_up_s, relieves=relieves
        )

    def _order(self, choice: Choice, job: Job, *, relieves: Unit | None = None) -> None:
        order = self._make(choice, job, relieves)
        self.inspector.takes(order.unit.call_sign, job.call.number)
        order.unit.job = job
        job.ordered_s = self._agenda.now_s
        self._reach(order)

    def _reach(self, order: Order) -> None:
        """The crew goes on with what it does until it hears of the order."""
        now_s, unit = self._agenda.now_s, order.unit
        if unit.job is not order.job:
            return
        if now_s >= order.given_up_s:
            self._unanswered(order)
        elif order.answer.silent or not self._movement.in_contact(unit):
            next_s = order.given_up_s if order.answer.silent else now_s + CONTACT_S
            self._agenda.at(min(next_s, order.given_up_s), partial(self._reach, order))
        else:
            self._read(order)

    def _read(self, order: Order) -> None:
        """It stops where it is."""
        unit = order.unit
        at_home = unit.doing is Doing.AT_HOME
        self._movement.halt(unit)
        self._movement.do(unit, Doing.ORDERED)
        self.cameras.watch(unit.number, self._agenda.now_s)
        says = self._declined if order.answer.declines else partial(self._accepted, at_home=at_home)
        self._movement.after(order.answer.answers_s, unit, partial(says, order))

    def _unanswered(self, order: Order) -> None:
        """Somebody else is asked; the crew goes on with what it does."""
        self._refuse(order)
        self._release(order.unit, order.job)
        self._dispatch()

    def _declined(self, order: Order) -> None:
        self._refuse(order)
        self._release(order.unit, order.job)
        self._patrols.go_home(order.unit)
        self._dispatch()

    def _refuse(self, order: Order) -> None:
        order.job.refused.add(order.unit.call_sign)
        self._agenda.after(ASK_AGAIN_S, partial(self._forgive, order))

    def _forgive(self, order: Order) -> None:
        order.job.refused.discard(order.unit.call_sign)
        self._dispatch()

    def _accepted(self, order: Order, *, at_home: bool) -> None:
        unit, job = order.unit, order.job
        self._foretell(order)
        if order.relieves is not None:
            self._relieve(order.relieves, job)
        changes_s = self._care.remedy(unit, self._agenda.now_s, spare_here=at_home)
        leaves_s = order.answer.leaves_s + changes_s
        self._movement.after(leaves_s, unit, partial(self._set_out, order))

    def _foretell(self, order: Order) -> None:
        job, choice = order.job, order.choice
        job.unit, job.eta_s, job.later_s = order.unit.call_sign, choice.eta_s, choice.later_s

    def _release(self, unit: Unit, job: Job) -> None:
        self.inspector.leaves(unit.call_sign, job.call.number)
        unit.job, unit.recalled = None, False

    # -- calling off ---------------------------------------------------------------------------

    def _ask(self, choice: Choice, job: Job) -> None:
        """A unit under way to take another job; it drives on until it has said yes."""
        order = self._make(choice, job, None)
        order.unit.asked = job
        if order.answer.silent:
            self._agenda.at(order.given_up_s, partial(self._stays, order))
            return
        says = self._stays if order.answer.declines else self._diverted
        self._agenda.after(order.answer.answers_s, partial(says, order))

    def _stays(self, order: Order) -> None:
        if order.unit.asked is order.job:
            order.unit.asked = None
        self._refuse(order)
        self._dispatch()

    def _diverted(self, order: Order) -> None:
        unit, job, old = order.unit, order.job, order.unit.job
        if old is None or unit.asked is not job or not unit.drives_to_job:
            self._stays(order)  # it is there by now, or nobody needs it any more
            return
        unit.asked = None
        self._release(unit, old)
        old.released += 1
        self.inspector.takes(unit.call_sign, job.call.number)
        unit.job, unit.diversions = job, unit.diversions + 1
        job.ordered_s = self._agenda.now_s
        self._movement.halt(unit)
        self._movement.do(unit, Doing.ORDERED)
        self.cameras.watch(unit.number, self._agenda.now_s)
        self._accepted(order, at_home=False)
        self._dispatch()

    def _relieve(self, unit: Unit, job: Job) -> None:
        """Another unit is there much sooner: this one may turn back, if it still drives, hears of
        it and says yes before it is there."""
        if unit.job is not job or not unit.drives_to_job or not self._movement.in_contact(unit):
            return
        asked = f"{job.call.number}-recall-{job.attempts}"
        answer = self._scenario.answer(asked, job.call.priority, at_home=False)
        if not (answer.silent or answer.declines):
            unit.recalled = True
            self._movement.after(answer.answers_s, unit, partial(self._relieved, unit, job))

    def _relieved(self, unit: Unit, job: Job) -> None:
        unit.recalled = False
        if unit.drives_to_job:
            job.released += 1
            self._turn_back(unit, job)

    def _turn_back(self, unit: Unit, job: Job) -> None:
        self._release(unit, job)
        unit.asked, unit.diversions = None, 0
        self._movement.halt(unit)
        self._patrols.go_home(unit)

    # -- a job ---------------------------------------------------------------------------------

    def _set_out(self, order: Order) -> None:
        unit, job, stop = order.unit, order.job, order.choice.stop
        job.set_out_s = self._agenda.now_s
        self._movement.do(unit, Doing.EN_ROUTE)
        there = partial(self._stopped, order)
        mode = MODE_OF_PRIORITY[job.call.priority]
        self._movement.drive(unit, stop.snap, mode, order.answer.pace, there)

    def _stopped(self, order: Order) -> None:
        walk_s = order.choice.stop.walk.duration_s
        self._movement.after(walk_s, order.unit, partial(self._arrived, order))

    def _arrived(self, order: Order) -> None:
        unit, job = order.unit, order.job
        if job.answered:  # nobody could tell it on the way
            walk_s = order.choice.stop.walk.duration_s
            self._movement.after(walk_s, unit, partial(self._turn_back, unit, job))
            return
        job.arrived_s = self._agenda.now_s
        self._open.remove(job)
        self._foretell(order)
        unit.asked, unit.diversions, unit.recalled = None, 0, False
        self._movement.do(unit, Doing.ON_SCENE)
        self._care.remedy(unit, job.arrived_s)
        stays_s = job.call.scene_s + order.choice.stop.walk.duration_s
        self._movement.after(stays_s, unit, partial(self._done, order))
        for other in self._units:
            if other.asked is job:
                other.asked = None
            if other.job is job and other is not unit:
                self._not_needed(other, job)

    def _not_needed(self, unit: Unit, job: Job) -> None:
        """Somebody is there before it: it turns back once it hears so, and goes on where it walks
        already. An order that has not been heard is void."""
        if unit.job is not job or unit.on_foot:
            return
        if unit.doing not in (Doing.ORDERED, Doing.EN_ROUTE):
            self._release(unit, job)
        elif self._movement.in_contact(unit):
            self._turn_back(unit, job)
        else:
            self._agenda.after(CONTACT_S, partial(self._not_needed, unit, job))

    def _done(self, order: Order) -> None:
        unit, job = order.unit, order.job
        job.done_s = self._agenda.now_s
        job.camera_alive = self.cameras.lived(unit.number, job.done_s)
        self._left -= 1
        self._release(unit, job)
        unit.heard = False
        self._patrols.go_home(unit)
        self._listen(unit)

    def _listen(self, unit: Unit) -> None:
        """The room hears that it is free where it has signal."""
        if not self._movement.in_contact(unit):
            self._agenda.after(CONTACT_S, partial(self._listen, unit))
            return
        unit.heard = True
        self._dispatch()


def _urgency(job: Job) -> tuple[int, float]:
    return URGENCY[job.call.priority], job.call.at_s
