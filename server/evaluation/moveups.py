"""Units that wait at another post for a while: proposed by the product, sent by a person.

A move that has been proposed for as long as the product waits for is an item of the worklist. The
dispatcher looks at it after a while and takes it, or not; the crew hears of it where it has signal,
says yes or no, drives there and goes home after as long as the run card says. On the way and at the
post it is free: whoever is called turns from where it is.
"""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Final

from devices.sim.officers import Spread
from geo.driving.vehicles import Mode
from geo.errors import NoRouteError
from server.dispatch.cover import NOT_AGAIN_S, STEADY_S
from server.dispatch.runcards import STANDBY_AT_POST
from server.evaluation.agenda import Agenda
from server.evaluation.lookout import Picture
from server.evaluation.movement import Movement
from server.evaluation.patrols import Patrols
from server.evaluation.posts import Posts
from server.evaluation.scenario import Answer, Scenario, at_scene
from server.evaluation.units import Doing, Unit

LOOKS_AT_IT: Final = Spread(median_s=60.0, sigma=0.8, low_s=10.0, high_s=900.0)
"""The dispatcher, from when the item stands on the list. Starting value."""
TAKEN_SHARE: Final = 0.85
"""Of what is proposed; the rest the dispatcher settles with a reason. Starting value."""
Pair = tuple[str, int]
"""A unit by call sign, and a post by number."""


class MoveUps:
    """Of one run."""

    def __init__(
        self,
        scenario: Scenario,
        posts: Posts,
        agenda: Agenda,
        movement: Movement,
        patrols: Patrols,
    ) -> None:
        self._scenario, self._posts = scenario, posts
        self._stay = at_scene(scenario.cards.card(STANDBY_AT_POST))
        self._agenda, self._movement, self._patrols = agenda, movement, patrols
        self._since: dict[Pair, float] = {}
        """Since when each has been proposed without a break."""
        self._settled: dict[Pair, float] = {}
        """Until when nobody thinks of it, or has it on the list."""
        self.moves = 0
        """Units that set out for a post."""

    def consider(self, seen: Picture) -> None:
        """What one look proposes."""
        now_s = self._agenda.now_s
        proposed = {
            (seen.units[each.unit].call_sign, each.post): seen.units[each.unit]
            for each in seen.move_ups
        }
        self._since = {pair: self._since.get(pair, now_s) for pair in proposed}
        for pair, unit in proposed.items():
            steady = now_s - self._since[pair] >= STEADY_S
            if steady and now_s >= self._settled.get(pair, 0.0):
                self._raise(pair, unit)

    def _raise(self, pair: Pair, unit: Unit) -> None:
        rng = Random(f"{self._scenario.seed}-move-{pair}-{self._agenda.now_s:.0f}")
        looks_s = LOOKS_AT_IT.draw(rng)
        self._settled[pair] = self._agenda.now_s + looks_s + NOT_AGAIN_S
        if rng.random() < TAKEN_SHARE:
            self._agenda.after(looks_s, partial(self._send, pair, unit, rng))

    def _send(self, pair: Pair, unit: Unit, rng: Random) -> None:
        """An order like any other, if it still holds and reaches the crew."""
        if pair not in self._since or not self._may_move(unit):
            return
        key = f"post-{rng.random()}"
        answer = self._scenario.answer(key, "routine", at_home=unit.doing is Doing.AT_HOME)
        if not (answer.silent or answer.declines):
            go = partial(self._goes, unit, pair[1], answer, self._stay.draw(rng))
            self._agenda.after(answer.answers_s, go)

    def _goes(self, unit: Unit, post: int, answer: Answer, stays_s: float) -> None:
        if not self._may_move(unit):
            return
        self._movement.halt(unit)
        unit.standby = post
        self._movement.do(unit, Doing.MOVING_UP)
        self.moves += 1
        self._movement.after(answer.leaves_s, unit, partial(self._drive, unit, answer, stays_s))

    def _drive(self, unit: Unit, answer: Answer, stays_s: float) -> None:
        assert unit.standby is not None
        there = partial(self._wait, unit, stays_s)
        try:
            goal = self._posts.snaps[unit.standby]
            self._movement.drive(unit, goal, Mode.ROUTINE, answer.pace, there)
        except NoRouteError:
            self._patrols.go_home(unit)

    def _wait(self, unit: Unit, stays_s: float) -> None:
        self._movement.do(unit, Doing.AT_POST)
        self._movement.after(stays_s, unit, partial(self._patrols.go_home, unit))

    def _may_move(self, unit: Unit) -> bool:
        """It is free, drives to no other post, and hears."""
        return unit.is_free and unit.standby is None and self._movement.in_contact(unit)
