"""Which unit to send: every unit with its score, its place, and the reasons in words.

Ordered by `server.dispatch.score`: travel time, and what doubts about a unit count as beside it,
within bounds. The dispatcher decides, so no unit is hidden: one that is off duty or busy is listed
apart with the reason, one without a travel time comes after those with one, and where nobody can be
sent the first to ask is named. Pure: same input, same bytes.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from server.dispatch.contest import Contender, Scene
from server.dispatch.doubts import doubts
from server.dispatch.eligibility import can_go, exclusion, proposal
from server.dispatch.reasons import Reason
from server.dispatch.score import Score, score
from server.dispatch.standing import Scored, place_in_line
from server.dispatch.turning import RunnerUp, runner_up

__all__ = ["Contender", "Ranked", "Ranking", "Scene", "leading", "rank", "rank_scored", "scored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One unit in a recommendation; `rank` 1 is best, None: excluded."""

    contender: Contender
    rank: int | None
    score: Score | None
    """None: nobody knows its travel time."""
    reasons: tuple[Reason, ...]

    @property
    def battery_cost_s(self) -> float:
        """What its batteries count as."""
        return 0.0 if self.score is None else self.score.battery_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Every unit exactly once."""

    candidates: tuple[Ranked, ...]
    excluded: tuple[Ranked, ...]
    runner_up: RunnerUp | None
    """None: there are not two units whose travel time is known."""
    proposed_id: str | None
    """The excluded unit that is worth asking; its last reason says why. None: none is."""


def rank(scene: Scene, contenders: Sequence[Contender]) -> Ranking:
    """Order all units; see the module's docstring."""
    return rank_scored(scene, [scored(scene, one) for one in contenders])


def scored(scene: Scene, one: Contender) -> Scored:
    """A unit with what it counts as."""
    return Scored(one=one, score=score(scene, one))


def rank_scored(scene: Scene, units: Sequence[Scored]) -> Ranking:
    """`rank` where it is known what they count as."""
    ordered = sorted(units, key=lambda each: each.key)
    eligible = [each for each in ordered if can_go(each.one)]
    others = [each for each in ordered if not can_go(each.one)]
    asked = proposal(scene.priority, [each.one for each in eligible], [each.one for each in others])
    proposed_id = None if asked is None else asked.unit_id
    return Ranking(
        candidates=tuple(
            _ranked(scene, each, number, place_in_line(each, eligible, number))
            for number, each in enumerate(eligible, start=1)
        ),
        excluded=tuple(
            _ranked(
                scene,
                each,
                None,
                [exclusion(each.one)],
                () if asked is None or each.one.unit_id != proposed_id else (asked.reason,),
            )
            for each in others
        ),
        runner_up=runner_up(scene, eligible),
        proposed_id=proposed_id,
    )


def leading(units: Sequence[Scored], count: int) -> list[Contender]:
    """The first so many that `rank` would name and whose travel time is known; no words."""
    able = [each for each in units if each.score is not None and can_go(each.one)]
    return [each.one for each in heapq.nsmallest(count, able, key=lambda each: each.key)]


def _ranked(
    scene: Scene,
    each: Scored,
    number: int | None,
    place: Sequence[Reason],
    proposed: Sequence[Reason] = (),
) -> Ranked:
    return Ranked(
        contender=each.one,
        rank=number,
        score=each.score,
        reasons=(*place, *doubts(scene, each.one), *proposed),
    )
