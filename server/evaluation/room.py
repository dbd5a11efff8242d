"""The room: what it knows of units and calls at one moment, and whom it chooses by that.

The decision is the product's own: `server.dispatch.ranking` for a call alone,
`server.dispatch.assignment` for all that are open. Knows nothing of what will happen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.battery.ambient import ambient_c
from devices.sim.climate import is_dark
from geo.departure import Departure
from geo.driving.conditions import Condition
from geo.driving.vehicles import Mode
from geo.walk import DropOff
from server.dispatch import assignment
from server.dispatch.assignment import Plan
from server.dispatch.battery import Prospect, foresee
from server.dispatch.demand import Floats, Mover, OpenIncident, Rules, Standing
from server.dispatch.ranking import Contender, Scene
from server.dispatch.score import score
from server.dispatch.travel import MODE_OF_PRIORITY
from server.dispatch.turnout import Turnout
from server.evaluation.agenda import Agenda
from server.evaluation.cameras import Cameras
from server.evaluation.county import County
from server.evaluation.lookout import Lookout
from server.evaluation.movement import Movement
from server.evaluation.policies import Policy, Question
from server.evaluation.scenario import DAY_S, HOUR_S, Scenario
from server.evaluation.units import Doing, Job, Unit

BATTERIES_KEPT_S: Final = 900.0
"""What is foreseen of cameras for a call is asked anew after so long."""
ENDS_S_MIN: Final = 120.0
"""Nobody is foreseen to be free sooner."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A unit for a call, and what was foretold."""

    unit: Unit
    stop: DropOff
    eta_s: float
    later_s: float
    """Than the first of those free that did not refuse it and go nowhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Units and calls at one moment."""

    units: Sequence[Unit]
    places: Sequence[Departure]
    jobs: Sequence[Job]
    eta_s: Floats
    """(U, J) turnout, road and walk; inf where no road leads."""
    stops: Ints
    """(U, J) which drop-off of the call."""

    def choice(
        self, row: int, column: int, stop: DropOff, elsewhere: AbstractSet[str] = frozenset()
    ) -> Choice:
        """`elsewhere`: units that go to other calls at the same moment."""
        not_free = elsewhere | self.jobs[column].refused
        free_s = [
            float(self.eta_s[n, column])
            for n, each in enumerate(self.units)
            if each.is_free and each.call_sign not in not_free
        ]
        eta_s = float(self.eta_s[row, column])
        return Choice(
            unit=self.units[row],
            stop=stop,
            eta_s=eta_s,
            later_s=eta_s - min([each for each in free_s if isfinite(each)], default=eta_s),
        )


class Room:
    """Of one run."""

    def __init__(
        self,
        county: County,
        scenario: Scenario,
        policy: Policy,
        agenda: Agenda,
        movement: Movement,
        cameras: Cameras,
        lookout: Lookout | None,
    ) -> None:
        """`lookout`: None, and nothing is said of what the county is left with."""
        self._county, self._scenario, self._policy = county, scenario, policy
        self._agenda, self._movement, self._cameras = agenda, movement, cameras
        self._lookout, self._turnout = lookout, Turnout()
        self._foreseen: dict[int, tuple[float, Mapping[str, tuple[Prospect, ...]]]] = {}
        self._rules = Rules(diverts=policy.diverts)

    def choose(self, job: Job, units: Sequence[Unit]) -> Choice | None:
        """Whom the policy ranks first of those free; None: nobody can go."""
        asked = [unit for unit in units if unit.call_sign not in job.refused]
        if not any(unit.is_free for unit in asked):
            return None
        sight = self._look(asked, [job])
        ranking = self._policy.rank(self._question(sight, 0, range(len(asked))))
        best = ranking.candidates[0].contender if ranking.candidates else None
        if best is None or best.eta_s is None:
            return None
        row = next(n for n, unit in enumerate(asked) if unit.call_sign == best.unit_id)
        return self._choice(sight, row, 0)

    def plan(self, jobs: Sequence[Job], units: Sequence[Unit]) -> tuple[Plan, Choices]:
        """What the product proposes for all open calls."""
        sight = self._look(units, jobs)
        score_s = np.column_stack([self._scores(sight, n) for n in range(len(jobs))])
        found = assignment.plan(
            [self._incident(job) for job in jobs],
            [self._mover(sight, row) for row in range(len(units))],
            score_s,
            self._later_s(sight),
            self._rules,
        )
        return found, Choices(self, sight, found)

    # -- what is known -------------------------------------------------------------------------

    def _look(self, units: Sequence[Unit], jobs: Sequence[Job]) -> Sight:
        """Arrivals of everybody everywhere, asked of the router by vehicle and by urgency."""
        places = [self._movement.place(unit) for unit in units]
        eta_s = np.full((len(units), len(jobs)), np.inf)
        sight = Sight(
            units=units,
            places=places,
            jobs=jobs,
            eta_s=eta_s,
            stops=np.zeros(eta_s.shape, dtype=np.int64),
        )
        for mode in sorted({_mode(job) for job in jobs}):
            columns = [n for n, job in enumerate(jobs) if _mode(job) is mode]
            for vehicle in sorted({unit.post.vehicle for unit in units}):
                rows = [n for n, unit in enumerate(units) if unit.post.vehicle is vehicle]
                self._arrivals(sight, rows, columns)
        return sight

    def _arrivals(self, sight: Sight, rows: Sequence[int], columns: Sequence[int]) -> None:
        """Of units of one kind for calls of one urgency."""
        mode = _mode(sight.jobs[columns[0]])
        starts = [
            replace(sight.places[row], turnout_s=self._turnout_s(sight.units[row], mode))
            for row in rows
        ]
        fleet = self._county.ground.fleet(starts)
        ways = [self._stops(sight.jobs[column]) for column in columns]
        targets = [each.snap for way in ways for each in way]
        profile = sight.units[rows[0]].profile(mode)
        drive_s = self._county.ground.matrix(fleet, targets, profile=profile)
        first = 0
        for column, way in zip(columns, ways, strict=True):
            total_s = drive_s[:, first : first + len(way)]
            total_s = total_s + np.array([each.walk.duration_s for each in way])
            sight.stops[rows, column] = total_s.argmin(axis=1)
            sight.eta_s[rows, column] = total_s.min(axis=1)
            first += len(way)

    def _stops(self, job: Job) -> Sequence[DropOff]:
        return self._county.approach(job.call.lon, job.call.lat).drop_offs

    def _choice(
        self, sight: Sight, row: int, column: int, elsewhere: AbstractSet[str] = frozenset()
    ) -> Choice:
        stop = self._stops(sight.jobs[column])[int(sight.stops[row, column])]
        return sight.choice(row, column, stop, elsewhere)

    def _turnout_s(self, unit: Unit, mode: Mode) -> float:
        """As the product supposes."""
        return self._turnout.seconds(mode, at_station=unit.doing is Doing.AT_HOME)

    def _question(self, sight: Sight, column: int, rows: Sequence[int]) -> Question:
        """Of some of the units."""
        job = sight.jobs[column]
        scene = self._scene(job)
        prospects: Mapping[str, tuple[Prospect, ...]] = {}
        if self._policy.batteries:
            prospects = self._prospects(sight, column, scene)
        return Question(
            county=self._county,
            scene=scene,
            goal=self._county.approach(job.call.lon, job.call.lat),
            contenders=[self._contender(sight, row, column, prospects) for row in rows],
            places=[sight.places[row].snap for row in rows],
        )

    def _contender(
        self, sight: Sight, row: int, column: int, prospects: Mapping[str, tuple[Prospect, ...]]
    ) -> Contender:
        unit, job, eta_s = sight.units[row], sight.jobs[column], float(sight.eta_s[row, column])
        reachable = isfinite(eta_s)
        stop = self._stops(job)[int(sight.stops[row, column])]
        left = self._lookout.left(unit) if self._lookout is not None and reachable else None
        away_s = 2.0 * eta_s + job.call.type.scene_min * 60.0
        return Contender(
            unit_id=unit.call_sign,
            call_sign=unit.call_sign,
            status=unit.status,
            order_number=None if unit.job is None else unit.job.call.number,
            position_age_s=0.0,
            off_road_m=0.0,
            eta_s=eta_s if reachable else None,
            walk=stop.walk if reachable else None,
            road_closed=False,
            turnout_s=self._turnout_s(unit, _mode(job)),
            batteries=prospects.get(unit.call_sign, ()),
            has_device=True,
            connected=True,
            left=left,
            coverage_s=0.0 if left is None else left.cost_s(away_s),
        )

    def _scene(self, job: Job) -> Scene:
        """With the cold that the product supposes at the place."""
        call = job.call
        height_m = self._county.height_m(call.lon, call.lat)
        condition = Condition(night=is_dark(self._agenda.now_s % DAY_S / HOUR_S))
        sea_level_c = self._scenario.sea_level_c
        return Scene(
            scene_s=call.type.scene_min * 60.0,
            recording=call.type.recording,
            priority=call.priority,
            temp_c=float(ambient_c(np.array(height_m), condition, sea_level_c=sea_level_c)),
        )

    def _prospects(
        self, sight: Sight, column: int, scene: Scene
    ) -> Mapping[str, tuple[Prospect, ...]]:
        """What the product foresees of each camera, by unit."""
        now_s, number = self._agenda.now_s, sight.jobs[column].call.number
        names = {str(unit.number): unit.call_sign for unit in sight.units}
        asked = [
            (device, scene.job(eta_s))
            for device, eta_s in zip(names, sight.eta_s[:, column].tolist(), strict=True)
            if isfinite(eta_s)
        ]
        kept = self._foreseen.get(number)
        fresh = kept is not None and now_s - kept[0] < BATTERIES_KEPT_S
        if kept is not None and fresh and all(names[device] in kept[1] for device, _ in asked):
            return kept[1]
        prospects: dict[str, tuple[Prospect, ...]] = {
            names[each.battery.device_id]: (each,)
            for each in foresee(asked, self._cameras.endurance()).prospects
        }
        self._foreseen[number] = now_s, prospects
        return prospects

    # -- all at once ---------------------------------------------------------------------------

    def _scores(self, sight: Sight, column: int) -> Floats:
        """(U,) of each unit for one call, as the ranking counts; inf for those it refused."""
        job = sight.jobs[column]
        scores_s = np.full(len(sight.units), np.inf)
        rows = [n for n, unit in enumerate(sight.units) if _may_come(unit, job)]
        if rows:
            question = self._question(sight, column, rows)
            found = [score(question.scene, one) for one in self._policy.sees(question)]
            scores_s[rows] = [np.inf if each is None else each.total_s for each in found]
        return scores_s

    def _incident(self, job: Job) -> OpenIncident:
        return OpenIncident(
            incident_id=f"{job.call.number:06}",
            priority=job.call.priority,
            waited_s=self._agenda.now_s - job.call.at_s,
            released=job.released,
        )

    def _mover(self, sight: Sight, row: int) -> Mover:
        """One under way is left alone until it drives, out of contact, and while it is asked; one
        that goes where somebody is already is busy until it hears so."""
        unit = sight.units[row]
        goal = unit.job if unit.asked is None else unit.asked
        standing = Standing.FREE if unit.is_free else Standing.BUSY
        if goal is not None and not goal.answered:
            standing = Standing.UNDER_WAY
        if goal is None or standing is not Standing.UNDER_WAY:
            return Mover(unit_id=unit.call_sign, call_sign=unit.call_sign, standing=standing)
        column = next(n for n, job in enumerate(sight.jobs) if job is goal)
        remaining_s = float(sight.eta_s[row, column])
        asked = unit.recalled or unit.asked is not None
        settled = unit.drives_to_job and not asked and isfinite(remaining_s)
        return Mover(
            unit_id=unit.call_sign,
            call_sign=unit.call_sign,
            standing=standing,
            incident_id=f"{goal.call.number:06}",
            remaining_s=remaining_s if isfinite(remaining_s) else None,
            diversions=unit.diversions,
            pinned=not settled or not self._movement.in_contact(unit),
        )

    def _later_s(self, sight: Sight) -> Floats:
        """(U, J) once each is done with its job: to the place, the scene, back past here."""
        ends_s = np.array([self._ends_s(sight, row) for row in range(len(sight.units))])
        return ends_s[:, None] + sight.eta_s

    def _ends_s(self, sight: Sight, row: int) -> float:
        unit, now_s = sight.units[row], self._agenda.now_s
        if unit.job is None:
            return float("inf")
        scene_s = unit.job.call.type.scene_min * 60.0
        if unit.doing is Doing.ON_SCENE:
            return max(unit.job.arrived_s + scene_s - now_s, ENDS_S_MIN)
        own = next((n for n, job in enumerate(sight.jobs) if job is unit.job), None)
        return float("inf") if own is None else 2.0 * float(sight.eta_s[row, own]) + scene_s


@dataclass(frozen=True, slots=True)
class Choices:
    """A plan's ids back to units and calls."""

    _room: Room
    _sight: Sight
    _plan: Plan

    def of(self, unit_id: str, incident_id: str) -> tuple[Choice, Job]:
        """Whom a plan sends where."""
        row = next(n for n, unit in enumerate(self._sight.units) if unit.call_sign == unit_id)
        column = next(
            n for n, job in enumerate(self._sight.jobs) if job.call.number == int(incident_id)
        )
        elsewhere = {
            each.unit_id for each in self._plan.assignments if each.incident_id != incident_id
        }
        return self._room._choice(self._sight, row, column, elsewhere), self._sight.jobs[column]


def _may_come(unit: Unit, job: Job) -> bool:
    if unit.job is job:
        return True
    return (unit.is_free or unit.drives_to_job) and unit.call_sign not in job.refused


def _mode(job: Job) -> Mode:
    return MODE_OF_PRIORITY[job.call.priority]
