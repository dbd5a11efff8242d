"""Ways of choosing a unit, from the crow's flight to all that the product weighs.

Each puts its own reckoning before the product's ranking or plan, so that they differ by what they
know and by nothing else.

straight_line  the nearest as the crow flies
road_class     the quickest by road at a speed by class, tagged limit and surface
road           the quickest by our travel times of a patrol car
battery_blind  all the product knows of who drives what, from where and when, but no battery
battery_choice all the product knows, but nothing is done about a camera that may not last
mitigations    chosen as battery_blind does, and what the product proposes for cameras is done
one_by_one     all the product knows, and what it proposes for cameras is done
all_at_once    the same, units shared out among all open calls
full_no_cover  the same, and units under way called off where the rules allow it
full_no_move_ups  the same, and what the county is left with counts, as in the product's score
full           the same, and units wait at other posts where the product proposes it
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.snap import Snap
from geo.walk import Approach
from server.dispatch.ranking import Contender, Ranking, Scene, rank
from server.evaluation.county import County

CROW_MPS: Final = 11.0
"""What a crow's way counts as; any number gives the same order."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whom to send, as the product sees it at one moment."""

    county: County
    scene: Scene
    goal: Approach
    contenders: Sequence[Contender]
    places: Sequence[Snap]
    """Where each of them is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One way of choosing."""

    name: str
    sees: Callable[[Question], Sequence[Contender]]
    """The units as this policy knows them; the product's own ranking, or plan, does the rest."""
    batteries: bool = False
    """Whether it asks what is known of batteries."""
    mitigates: bool = False
    """Whether the room does what is proposed for a camera that may not last."""
    plans: bool = False
    """Whether all open calls are shared out at once; else each takes the best unit left, most
    urgent and then oldest first."""
    diverts: bool = False
    """Whether that plan may call off units under way."""
    covers: bool = False
    """Whether it counts what the county is left with while a unit is away."""
    moves_up: bool = False
    """Whether units wait at another post where that is proposed."""

    def rank(self, question: Question) -> Ranking:
        return rank(question.scene, self.sees(question))


def _straight_line(question: Question) -> Sequence[Contender]:
    goal = question.goal
    apart_m = question.county.apart_m(question.places, goal.lon, goal.lat)
    return _by(question, apart_m / CROW_MPS)


def _road_class(question: Question) -> Sequence[Contender]:
    goal = question.goal.nearest.snap
    return _by(question, question.county.class_speed.times_s(question.places, [goal])[:, 0])


def _road(question: Question) -> Sequence[Contender]:
    ground = question.county.ground
    return _by(question, ground.etas(question.places, question.goal.nearest.snap))


def _battery_blind(question: Question) -> Sequence[Contender]:
    return [replace(one, batteries=()) for one in question.contenders]


def _all(question: Question) -> Sequence[Contender]:
    return question.contenders


def _by(question: Question, times_s: Floats) -> Sequence[Contender]:
    """By other times and nothing else."""
    pairs = zip(question.contenders, times_s.tolist(), strict=True)
    return [_knowing(one, time_s) for one, time_s in pairs]


def _knowing(one: Contender, time_s: float) -> Contender:
    """Whom no road leads there nobody sends."""
    eta_s = time_s if np.isfinite(time_s) and one.eta_s is not None else None
    return replace(one, eta_s=eta_s, walk=None, turnout_s=0.0, batteries=())


_FULL: Final = Policy(
    name="full",
    sees=_all,
    batteries=True,
    mitigates=True,
    plans=True,
    diverts=True,
    covers=True,
    moves_up=True,
)
POLICIES: Final = {
    policy.name: policy
    for policy in (
        Policy(name="straight_line", sees=_straight_line),
        Policy(name="road_class", sees=_road_class),
        Policy(name="road", sees=_road),
        Policy(name="battery_blind", sees=_battery_blind),
        Policy(name="battery_choice", sees=_all, batteries=True),
        Policy(name="mitigations", sees=_battery_blind, batteries=True, mitigates=True),
        Policy(name="one_by_one", sees=_all, batteries=True, mitigates=True),
        Policy(name="all_at_once", sees=_all, batteries=True, mitigates=True, plans=True),
        _FULL,
        replace(_FULL, name="full_no_move_ups", moves_up=False),
        replace(_FULL, name="full_no_cover", moves_up=False, covers=False),
    )
}
