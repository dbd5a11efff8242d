"""When a unit under way may be called off, and what comes of it. Pure.

A plan with diversions is held against the one without (`server.dispatch.assignment`): each saves as
much as `Rules` ask, and whoever it leaves gets another unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from server.dispatch import matching
from server.dispatch.demand import Asked, Rules
from server.dispatch.matching import NOBODY, Pair
from server.dispatch.sharing import Outcome, Sent, under_way

TRIES_MAX: Final = 50
"""Plans whose diversions break a rule, one less each time; then nobody is diverted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversion:
    """A unit under way to be called off, and what comes of it for both incidents."""

    unit_id: str
    released_id: str
    """The incident it is called off from,"""
    remaining_s: float
    """where it would have been in so many seconds."""
    instead: Sent
    """Who comes there now."""
    incident_id: str | None
    """Where it is sent. None: relieved, because `instead` is there sooner."""
    score_s: float | None
    """When it is there; None if relieved."""
    otherwise: Sent | None
    """Who would come to `incident_id` if nobody were diverted. None: nobody that is known of."""
    saves_s: float | None
    """For `incident_id`, or if relieved for `released_id`. None: nobody came otherwise."""
    rises: bool
    """The incident it is sent to is more urgent than the one it leaves."""

    @property
    def costs_s(self) -> float:
        """How much later the released incident gets somebody; below 0: sooner."""
        return self.instead.score_s - self.remaining_s


def lawful(asked: Asked, rules: Rules, before: Outcome) -> Outcome:
    """The best plan found whose every diversion keeps the rules, and that is no worse than
    `before`, which knows nothing of earlier plans.

    What was proposed before stands while it is lawful and no other plan is better by a margin; so
    under facts that do not change no plan follows another that comes back.
    """
    alone = matching.match(asked, rules, under_way(asked))
    tries = [Outcome.of(asked, rules, alone), _barring(asked, rules, before)]
    if (firsts := asked.firsts()).places != asked.places:
        # Of few units a second one for one incident must not keep the first from another.
        unmoved = Outcome.of(firsts, rules, matching.match(firsts, rules, under_way(asked)))
        first = _barring(firsts, rules, unmoved)
        tries.append(Outcome.of(asked, rules, matching.fill(asked, rules, first.goes_to)))
    best = min((each for each in tries if _lawful(rules, before, each)), key=_weighed_s)
    said = matching.as_proposed(asked, rules)
    if said is None:
        return best
    kept = Outcome.of(asked, rules, said)
    return kept if _lawful(rules, before, kept) and _stands(rules, kept, best) else best


def _weighed_s(outcome: Outcome) -> float:
    return outcome.weighed_s


def _lawful(rules: Rules, before: Outcome, found: Outcome) -> bool:
    asked = found.asked
    return all(
        not _left_alone(asked, rules, unit) and _keeps(rules, before, found, unit)
        for unit in found.called_off()
    )


def _stands(rules: Rules, kept: Outcome, other: Outcome) -> bool:
    """Whether what was proposed is no worse than another plan, or hardly."""
    differ = np.flatnonzero(kept.goes_to != other.goes_to)
    goals = {int(each.goes_to[unit]) for each in (kept, other) for unit in differ} - {NOBODY}
    heaviest = max((float(kept.asked.weight[each]) for each in goals), default=0.0)
    return kept.weighed_s <= other.weighed_s + heaviest * rules.keep_s


def _barring(asked: Asked, rules: Rules, before: Outcome) -> Outcome:
    """The best plan but for diversions that break a rule, and for none that is worse than leaving
    everybody alone."""
    fixed = {unit for unit in under_way(asked) if _left_alone(asked, rules, unit)}
    barred: set[Pair] = set()
    for _ in range(TRIES_MAX):
        found = Outcome.of(asked, rules, matching.match(asked, rules, fixed, barred))
        broken = [unit for unit in found.called_off() if not _keeps(rules, before, found, unit)]
        if not broken:
            return found if found.weighed_s <= before.weighed_s else before
        for unit in broken:
            if found.goal(unit) == NOBODY:
                fixed.add(unit)
            else:
                barred.add((unit, found.goal(unit)))
    return before


def _left_alone(asked: Asked, rules: Rules, unit: int) -> bool:
    one, own = asked.units[unit], asked.own(unit)
    return (
        one.pinned
        or one.remaining_s is None
        or one.remaining_s < rules.to_go_s
        or one.diversions >= rules.diversions_max
        or asked.incidents[own].released >= rules.diversions_max
    )


def _keeps(rules: Rules, before: Outcome, after: Outcome, unit: int) -> bool:
    """Whether calling this unit off is within the rules."""
    if (cover := _instead(before, after, unit)) is None:
        return False
    asked, own, goal = after.asked, after.asked.own(unit), after.goal(unit)
    rises = goal != NOBODY and asked.weight[goal] > asked.weight[own]
    falls = goal != NOBODY and asked.weight[goal] < asked.weight[own]
    if cover.after_job and not rises:
        return False
    if goal != NOBODY and _joins(after, goal):
        return False
    if falls and cover.score_s > asked.score_s[unit, own]:
        return False
    saves_s = _saves_s(before, after, unit, cover)
    least_s = rules.rise_saves_s if rises else rules.saves_s
    if saves_s is None or saves_s >= least_s:
        return True
    return saves_s >= least_s - rules.keep_s and _proposed(asked, unit, goal, cover)


def _joins(after: Outcome, goal: int) -> bool:
    """Whether units under way to others are sent beside those that are on an incident."""
    asked = after.asked
    sent = [unit for unit in after.called_off() if after.goal(unit) == goal]
    gone = [unit for unit in after.called_off() if asked.goes_to[unit] == goal]
    return len(sent) > len(gone) + (asked.on_it(goal) == 0)


def _proposed(asked: Asked, unit: int, goal: int, cover: Sent) -> bool:
    """The plan before this one said the same."""
    if goal != NOBODY:
        return asked.units[unit].proposed == asked.incidents[goal].incident_id
    own = asked.units[unit].incident_id
    return any(each.unit_id == cover.unit_id and each.proposed == own for each in asked.units)


def _instead(before: Outcome, after: Outcome, unit: int) -> Sent | None:
    """Who comes to the incident that loses this unit, and would not have."""
    gone, come = _changes(before, after, after.asked.own(unit))
    return _beside(unit, before, gone, come)


def _otherwise(before: Outcome, after: Outcome, unit: int) -> Sent | None:
    """Who would have come to the incident that this unit is sent to, and does not."""
    gone, come = _changes(before, after, after.goal(unit))
    return _beside(unit, after, come, gone)


def _changes(before: Outcome, after: Outcome, incident: int) -> tuple[list[Sent], list[Sent]]:
    """Who does not come there any more, and who does now, each first to last."""
    old, new = before.lines[incident], after.lines[incident]
    was, comes = ({(one.unit_id, one.after_job) for one in line} for line in (old, new))
    return (
        [one for one in old if (one.unit_id, one.after_job) not in comes],
        [one for one in new if (one.unit_id, one.after_job) not in was],
    )


def _beside(unit: int, outcome: Outcome, line: list[Sent], others: list[Sent]) -> Sent | None:
    """The one of the others with this unit's number in its line."""
    unit_id = outcome.asked.units[unit].unit_id
    place = next(n for n, one in enumerate(line) if one.unit_id == unit_id)
    return others[place] if place < len(others) else None


def _saves_s(before: Outcome, after: Outcome, unit: int, cover: Sent) -> float | None:
    goal, own = after.goal(unit), after.asked.own(unit)
    if goal == NOBODY:
        return float(after.asked.score_s[unit, own]) - cover.score_s
    otherwise = _otherwise(before, after, unit)
    if otherwise is None:
        return None
    return otherwise.score_s - float(after.asked.score_s[unit, goal])


def diversion(before: Outcome, after: Outcome, unit: int) -> Diversion:
    asked, goal, own = after.asked, after.goal(unit), after.asked.own(unit)
    instead = _instead(before, after, unit)
    assert instead is not None, asked.units[unit].unit_id
    relieved = goal == NOBODY
    return Diversion(
        unit_id=asked.units[unit].unit_id,
        released_id=asked.incidents[own].incident_id,
        remaining_s=float(asked.score_s[unit, own]),
        instead=instead,
        incident_id=None if relieved else asked.incidents[goal].incident_id,
        score_s=None if relieved else float(asked.score_s[unit, goal]),
        otherwise=None if relieved else _otherwise(before, after, unit),
        saves_s=_saves_s(before, after, unit, instead),
        rises=not relieved and asked.weight[goal] > asked.weight[own],
    )
