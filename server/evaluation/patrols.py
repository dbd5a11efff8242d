"""What units do between jobs: at their station, to a village near it and back; crews change."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Final

from geo.driving.vehicles import Mode
from geo.errors import NoRouteError
from server.evaluation.agenda import Agenda
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

    def __init__(self, scenario: Scenario, agenda: Agenda, movement: Movement) -> None:
        self._scenario, self._agenda, self._movement = scenario, agenda, movement

    def begin(self, unit: Unit) -> None:
        """The run begins with everybody at home."""
        self._rest(unit)
        self._agenda.at(shift_change_s(unit.number), partial(self._next_crew, unit))

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
        if not goals:
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
        unit.pack_due = True
        if unit.doing is Doing.AT_HOME:
            self._rest(unit)
        self._agenda.after(SHIFT_S, partial(self._next_crew, unit))


def shift_change_s(number: int) -> float:
    """When the first crew of a unit hands over: every other unit an hour later."""
    return SHIFT_BEGINS_S + HOUR_S * (number % 2)
