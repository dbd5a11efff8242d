"""Who comes before whom, and what would have to be otherwise: the order of two units in words.

A person can judge a recommendation only by what it hangs on. So the first and the runner-up are
told with what lies between them, and with the smallest single thing that would turn their order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from server.dispatch.contest import Contender
from server.dispatch.reasons import Reason, minutes
from server.dispatch.score import PARTS, Part, Score

FLIP_STEP_S: Final = 6.0
"""A tenth of a minute: what a person is told, rounded up so that it surely turns the order."""

_WHOSE: Final[Mapping[Part, str]] = {
    "risk": "whose way is less sure",
    "camera": "whose batteries may not last",
    "handset": "whose batteries may not last",
    "coverage": "who would leave more people without a unit",
    "shift": "whose crew is near the end of its hours",
    "skills": "whose crew lacks skills that are asked for",
    "vehicle": "whose vehicle is less fit for it",
    "area": "who belongs to another area",
}
_BUT: Final[Mapping[Part, str]] = {
    "risk": "its way is less sure",
    "camera": "its batteries may not last",
    "handset": "its batteries may not last",
    "coverage": "it would leave more people without a unit",
    "shift": "its crew is near the end of its hours",
    "skills": "its crew lacks skills that are asked for",
    "vehicle": "its vehicle is less fit for it",
    "area": "it belongs to another area",
}
_IF: Final[Mapping[Part, str]] = {
    "risk": "its travel time were certain",
    "camera": "it had a charged camera",
    "handset": "its handset were charged",
    "coverage": "nobody were left without a unit",
    "shift": "its crew were fresh",
    "skills": "its crew had the skills that are asked for",
    "vehicle": "its vehicle were fit for the job and the way",
    "area": "the place were in its own area",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A unit with what it counts as; None: nobody knows its travel time."""

    one: Contender
    score: Score | None

    @property
    def key(self) -> tuple[float, str, str]:
        """The order of units. Whole seconds: none wins by the noise of a fix. Then by call sign,
        then by id."""
        return self.key_at(self.score)

    def key_at(self, score: Score | None) -> tuple[float, str, str]:
        """As it would stand with another score."""
        total_s = math.inf if score is None else float(round(score.total_s))
        return total_s, self.one.call_sign, self.one.unit_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """The smallest single change that puts the runner-up first."""

    part: Part | Literal["eta"]
    """`eta`: no doubt alone decides; only being there sooner would."""
    gain_s: float
    """What that change takes off its score."""
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerUp:
    """The second, and what keeps it from being first."""

    unit_id: str
    call_sign: str
    margin_s: float
    """Between its score and the first's."""
    flip: Flip


def runner_up(eligible: Sequence[Scored]) -> RunnerUp | None:
    """Of units in their order; None where less than two have a travel time."""
    timed = [each for each in eligible[:2] if each.score is not None]
    if len(timed) < 2:
        return None
    first, second = timed
    assert first.score is not None
    assert second.score is not None
    return RunnerUp(
        unit_id=second.one.unit_id,
        call_sign=second.one.call_sign,
        margin_s=max(second.score.total_s - first.score.total_s, 0.0),
        flip=_flip(first, second, second.score),
    )


def place_in_line(each: Scored, eligible: Sequence[Scored], number: int) -> list[Reason]:
    """Closest, or by how much later than the best; or what turned it."""
    if len(eligible) == 1:
        return [Reason(code="only_unit", text="the only available unit")]
    best = eligible[0]
    if each.one.eta_s is None or best.one.eta_s is None:
        return []
    if each is not best:
        return [_behind(each, best, each.one.eta_s - best.one.eta_s, number)]
    closest = min(
        (other for other in eligible if other.score is not None),
        key=lambda other: (other.one.eta_s, other.key),
    )
    later = minutes(best.one.eta_s - (closest.one.eta_s or 0.0))
    if later == 0.0:
        return [Reason(code="closest", text="closest by road")]
    part = _decisive(closest, best)
    than = closest.one.call_sign
    return [
        Reason(
            code=_code("lasts_better", "ahead", part),
            values={"min": later, "than": than},
            text=f"{later:g} min after {than}, {_WHOSE[part]}",
        )
    ]


def _behind(each: Scored, best: Scored, later_s: float, number: int) -> Reason:
    later, than = minutes(later_s), best.one.call_sign
    values: dict[str, str | float | int] = {"min": abs(later), "than": than, "rank": number}
    if later == 0.0 and each.key[0] > best.key[0]:
        part = _decisive(each, best)
        return Reason(
            code=_code("level_may_not_last", "level", part),
            values=values,
            text=f"number {number}: as soon there as {than}, but {_BUT[part]}",
        )
    if later >= 0.0:
        text = f"number {number}, {later:g} min after {than}"
        return Reason(code="later", values=values, text=text)
    part = _decisive(each, best)
    return Reason(
        code=_code("sooner_may_not_last", "sooner", part),
        values=values,
        text=f"number {number}: {-later:g} min before {than}, but {_BUT[part]}",
    )


def _code(of_batteries: str, prefix: str, part: Part) -> str:
    return of_batteries if part in ("camera", "handset") else f"{prefix}_{part}"


def _decisive(sooner: Scored, best: Scored) -> Part:
    """What keeps a unit that is sooner there behind the best most."""
    assert sooner.score is not None
    assert best.score is not None
    mine, other = _doubted_s(sooner, sooner.score), _doubted_s(best, best.score)
    return max(PARTS, key=lambda part: mine[part] - other[part])


def _doubted_s(each: Scored, score: Score) -> dict[Part, float]:
    """By part; that it is expected later than its median is a part of the risk."""
    parts = {part: score.part_s(part) for part in PARTS}
    parts["risk"] += score.eta_s - (each.one.eta_s or 0.0)
    return parts


def _flip(first: Scored, second: Scored, score: Score) -> Flip:
    """The smallest doubt without which the second would be first; if none is enough, minutes."""
    enough = [part for part in PARTS if second.key_at(score.without(part)) < first.key]
    name = second.one.call_sign
    if enough:
        part = min(enough, key=score.part_s)
        return Flip(
            part=part,
            gain_s=score.part_s(part),
            reason=Reason(
                code=f"flip_{part}",
                values={"unit": name},
                text=f"{name} would be first if {_IF[part]}",
            ),
        )
    gain_s = FLIP_STEP_S * math.ceil((second.key[0] - first.key[0] + 1.0) / FLIP_STEP_S)
    sooner = minutes(gain_s)
    return Flip(
        part="eta",
        gain_s=gain_s,
        reason=Reason(
            code="flip_eta",
            values={"unit": name, "min": sooner},
            text=f"{name} would be first if it were {sooner:g} min sooner there",
        ),
    )
