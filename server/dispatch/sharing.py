"""One way of sharing units out, and who is then where, first to last. Knows no rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from server.dispatch import matching
from server.dispatch.demand import Asked, Rules
from server.dispatch.matching import NOBODY, Ints, Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A unit at an incident, some time from now."""

    unit_id: str
    score_s: float
    after_job: bool = False
    """Once it is done with what it does now: a hope, not an order."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way of sharing units out."""

    asked: Asked
    goes_to: Ints
    lines: tuple[tuple[Sent, ...], ...]
    """(I,) who is at each, first to last: those on their way, then those who come once free."""
    weighed_s: float

    @classmethod
    def of(cls, asked: Asked, rules: Rules, goes_to: Ints) -> Outcome:
        lacking = matching.missing(asked, goes_to)
        return cls(
            asked=asked,
            goes_to=goes_to,
            lines=_lines(asked, goes_to, matching.next_free(asked, goes_to, lacking)),
            weighed_s=matching.weighed(asked, rules, goes_to),
        )

    def goal(self, unit: int) -> int:
        """The incident a unit goes to, or NOBODY."""
        return int(self.goes_to[unit])

    def called_off(self) -> list[int]:
        """Units that do not go on where they are under way to."""
        return [
            unit
            for unit, own in enumerate(self.asked.goes_to)
            if own is not None and self.goes_to[unit] != own
        ]


def _lines(asked: Asked, goes_to: Ints, later: Iterable[Pair]) -> tuple[tuple[Sent, ...], ...]:
    now: list[list[Sent]] = [[] for _ in asked.incidents]
    hoped: list[list[Sent]] = [[] for _ in asked.incidents]
    for unit in np.flatnonzero(goes_to != NOBODY).tolist():
        goal = int(goes_to[unit])
        score_s = float(asked.score_s[unit, goal])
        now[goal].append(Sent(unit_id=asked.units[unit].unit_id, score_s=score_s))
    for unit, goal in later:
        score_s = float(asked.later_s[unit, goal])
        one = Sent(unit_id=asked.units[unit].unit_id, score_s=score_s, after_job=True)
        hoped[goal].append(one)
    pairs = zip(now, hoped, strict=True)
    return tuple((*sorted(ours, key=_when), *sorted(then, key=_when)) for ours, then in pairs)


def _when(one: Sent) -> tuple[float, str]:
    return one.score_s, one.unit_id


def under_way(asked: Asked) -> set[int]:
    """Units by number."""
    return {unit for unit, own in enumerate(asked.goes_to) if own is not None}
