"""Who comes before whom, in words.

A person can judge a recommendation only by what it hangs on: whoever is first although another is
there before it, and whoever is not although it is there before or as soon, says what decided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from server.dispatch.contest import Contender
from server.dispatch.reasons import Reason, minutes
from server.dispatch.score import PARTS, Part, Score

Topic = Literal[
    "risk", "may_not_last", "no_camera", "coverage", "shift", "skills", "vehicle", "area"
]
_WHOSE: Final[Mapping[Topic, str]] = {
    "risk": "whose way is less sure",
    "may_not_last": "whose batteries may not last",
    "no_camera": "who has no camera",
    "coverage": "whose leaving would make others wait longer",
    "shift": "whose crew is near the end of its hours",
    "skills": "whose crew lacks skills that are asked for",
    "vehicle": "whose vehicle is less fit for it",
    "area": "who belongs to another area",
}
_BUT: Final[Mapping[Topic, str]] = {
    "risk": "its way is less sure",
    "may_not_last": "its batteries may not last",
    "no_camera": "it has no camera",
    "coverage": "its leaving would make others wait longer",
    "shift": "its crew is near the end of its hours",
    "skills": "its crew lacks skills that are asked for",
    "vehicle": "its vehicle is less fit for it",
    "area": "it belongs to another area",
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
    topic, than = _topic(_decisive(closest, best), closest.one), closest.one.call_sign
    return [
        Reason(
            code="lasts_better" if topic == "may_not_last" else f"ahead_{topic}",
            values={"min": later, "than": than},
            text=f"{later:g} min after {than}, {_WHOSE[topic]}",
        )
    ]


def _behind(each: Scored, best: Scored, later_s: float, number: int) -> Reason:
    later, than = minutes(later_s), best.one.call_sign
    values: dict[str, str | float | int] = {"min": abs(later), "than": than, "rank": number}
    if later > 0.0:
        text = f"number {number}, {later:g} min after {than}"
        return Reason(code="later", values=values, text=text)
    part = _decisive(each, best)
    topic = _topic(part, each.one)
    if later < 0.0:
        text = f"number {number}: {-later:g} min before {than}, but {_BUT[topic]}"
        return Reason(code=f"sooner_{topic}", values=values, text=text)
    text = f"number {number}: as soon there as {than}"
    told = each.key[0] > best.key[0] and _apart_s(each, best)[part] > max(later_s, 0.0)
    if not told:  # seconds of the way, or the call sign, put it there
        return Reason(code="level", values=values, text=text)
    return Reason(code=f"level_{topic}", values=values, text=f"{text}, but {_BUT[topic]}")


def _topic(part: Part, one: Contender) -> Topic:
    """What is said of a unit that a part keeps back."""
    if part == "camera" and not one.has_camera:
        return "no_camera"
    return "may_not_last" if part == "camera" or part == "handset" else part


def _decisive(sooner: Scored, best: Scored) -> Part:
    """What keeps a unit that is sooner there behind the best most."""
    apart_s = _apart_s(sooner, best)
    return max(PARTS, key=lambda part: apart_s[part])


def _apart_s(each: Scored, best: Scored) -> dict[Part, float]:
    """What a unit counts as more than the best, by part."""
    assert each.score is not None
    assert best.score is not None
    mine, other = _doubted_s(each, each.score), _doubted_s(best, best.score)
    return {part: mine[part] - other[part] for part in PARTS}


def _doubted_s(each: Scored, score: Score) -> dict[Part, float]:
    """By part; that it is expected later than its median is a part of the risk."""
    parts = {part: score.part_s(part) for part in PARTS}
    parts["risk"] += score.eta_s - (each.one.eta_s or 0.0)
    return parts
