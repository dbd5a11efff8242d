"""What units do between jobs: at their station, to a village near it and back; crews change."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Final

from geo.driving.vehicles import Mode
from geo.errors import NoRouteError
from server.evaluation.agenda import Agenda, Happening
from server.evaluation.movement import Movement
from server.evaluation.scenario import DAY_S, HOUR_S, Scenario
from server.evaluation.units import Doing, Unit

AT_STATION_S_MEAN: Final = 2_400.0
"""Between two patrols."""
AT_GOAL_S_MEAN: Final = 1_200.0
"""At a village, until going home. Starting values."""
PATROL_PACE: Final = 0.9
SHIFT_S: Final = DAY_S / 2.0
SHIFT_BEGINS_S: Final = 7.0 * HOUR_S
DOCKED_SHARE: Final = 0.25
"""Of stays at home during which the crew hangs its camera on the charger. Starting value."""


class Patrols:
    """Of all units of one run."""

    def __init__(
        self, scenario: Scenario, agenda: Agenda, movement: Movement, comes: Happening
    ) -> None:
        """`comes`: somebody has come on duty."""
        self._scenario, self._agenda, self._movement = scenario, agenda, movement
        self._comes = comes

    def begin(self, unit: Unit) -> None:
        """The run begins with everybody at home; who has shifts, off duty."""
        unit.on_duty = unit.post.shifts is None
        self._rest(unit)
        if unit.on_duty:
            self._agenda.at(shift_change_s(unit.number), partial(self._next_crew, unit))
        self._plan_shift(unit, 0)

    def go_home(self, unit: Unit) -> None:
        """And go on from there. Where no road leads home it stands, free, and tries again: a place
        that one reaches on foot may lie by a road that leads nowhere else."""
        self._movement.do(unit, Doing.RETURNING)
        home = unit.post.station.snap
        try:
            self._movement.drive(unit, home, Mode.ROUTINE, PATROL_PACE, partial(self._rest, unit))
        except NoRouteError:
            self._linger(unit, AT_GOAL_S_MEAN)

    def _rest(self, unit: Unit) -> None:
        """At home, until the next patrol."""
        rng = Random(f"{self._scenario.seed}-{unit.call_sign}-{unit.outings}")
        unit.outings += 1
        unit.docked, unit.measures = rng.random() < DOCKED_SHARE, frozenset()
        self._movement.do(unit, Doing.AT_HOME, fresh_pack=unit.pack_due)
        leaves_s = rng.expovariate(1.0 / AT_STATION_S_MEAN)
        self._movement.after(leaves_s, unit, partial(self._patrol, unit, rng))

    def _patrol(self, unit: Unit, rng: Random) -> None:
        goals = unit.post.station.goals
        if not goals or not unit.on_duty:
            self._rest(unit)
            return
        self._movement.do(unit, Doing.PATROL)
        stays_s = rng.expovariate(1.0 / AT_GOAL_S_MEAN)
        there = partial(self._linger, unit, stays_s)
        self._movement.drive(unit, rng.choice(goals), Mode.ROUTINE, PATROL_PACE, there)

    def _linger(self, unit: Unit, stays_s: float) -> None:
        self._movement.after(stays_s, unit, partial(self.go_home, unit))

    def _next_crew(self, unit: Unit) -> None:
        """Its camera comes from the charger; a crew that is out changes when it comes home."""
        self._change(unit)
        self._agenda.after(SHIFT_S, partial(self._next_crew, unit))

    def _change(self, unit: Unit) -> None:
        unit.pack_due = True
        if unit.doing is Doing.AT_HOME:
            self._rest(unit)

    def _plan_shift(self, unit: Unit, number: int) -> None:
        for on_s, off_s in (unit.post.shifts or ())[number : number + 1]:
            self._agenda.at(on_s, partial(self._comes_on, unit))
            self._agenda.at(off_s, partial(self._goes_off, unit, number))

    def _comes_on(self, unit: Unit) -> None:
        unit.on_duty = True
        self._change(unit)
        self._comes()

    def _goes_off(self, unit: Unit, number: int) -> None:
        """Home; whoever has a job ends it first."""
        self._plan_shift(unit, number + 1)
        unit.on_duty = False
        if unit.job is None and unit.doing not in (Doing.AT_HOME, Doing.RETURNING):
            self._movement.halt(unit)
            self.go_home(unit)


def shift_change_s(number: int) -> float:
    """When the first crew of a unit hands over: every other unit an hour later."""
    return SHIFT_BEGINS_S + HOUR_S * (number % 2)
