"""All open incidents at once: who is sent where, who is diverted, and who waits for whom. Pure.

One incident has a ranking (`server.dispatch.ranking`); several compete for the same units. `plan`
shares them out (`matching`): the sum of what every incident waits, weighed by its priority, is as
small as it can be, nobody is kept back to wait for a better moment, and a unit under way is called
off only by the rules (`diversion`), against the plan that leaves everybody under way alone. A plan
is a proposal: nothing here sends anybody. Same input in any order, same plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.dispatch import matching
from server.dispatch.demand import Asked, Floats, Mover, OpenIncident, Rules, Standing
from server.dispatch.diversion import Diversion, diversion, lawful
from server.dispatch.matching import NOBODY
from server.dispatch.sharing import Outcome, Sent, under_way


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A free unit to be sent to an incident now."""

    incident_id: str
    unit_id: str
    score_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """An incident that lacks units, most urgent first in a plan."""

    incident_id: str
    missing: int
    next: Sent | None
    """Whoever is foreseen to be there first once free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is proposed. Units under way that are not named go on where they go."""

    assignments: tuple[Assignment, ...]
    diversions: tuple[Diversion, ...]
    waiting: tuple[Wait, ...]
    weighed_s: float
    """What all wait from now on, weighed by priority; only to compare plans of one moment."""
    unchanged_weighed_s: float
    """The same if nobody under way were diverted: never less."""


def plan(
    incidents: Sequence[OpenIncident],
    units: Sequence[Mover],
    score_s: Floats,
    later_s: Floats | None = None,
    rules: Rules = Rules(),  # noqa: B008 - frozen
) -> Plan:
    """What to do now for all of them.

    `score_s`: (U, I) seconds of each unit for each incident from where it is, inf where it cannot
    be sent; those of busy units do not count. `later_s`: (U, I) the same once a unit under way or
    busy is done with its job, that time included; without it, nobody is diverted to a more urgent
    incident whose own incident gets no other unit at once.

    Raises ValueError for what does not fit together.
    """
    asked = Asked.of(incidents, units, score_s, later_s)
    alone, unmoved = asked.forgetful(), under_way(asked)
    before = Outcome.of(alone, rules, matching.match(alone, rules, unmoved))
    if rules.diverts:
        after = lawful(asked, rules, before)
    else:
        after = Outcome.of(asked, rules, matching.match(asked, rules, unmoved))
    return Plan(
        assignments=tuple(_assignments(after)),
        diversions=tuple(diversion(before, after, unit) for unit in after.called_off()),
        waiting=tuple(_waiting(after)),
        weighed_s=after.weighed_s,
        unchanged_weighed_s=before.weighed_s,
    )


def _assignments(outcome: Outcome) -> list[Assignment]:
    asked = outcome.asked
    return [
        Assignment(
            incident_id=asked.incidents[goal].incident_id,
            unit_id=each.unit_id,
            score_s=float(asked.score_s[unit, goal]),
        )
        for unit, (each, goal) in enumerate(zip(asked.units, outcome.goes_to.tolist(), strict=True))
        if each.standing is Standing.FREE and goal != NOBODY
    ]


def _waiting(outcome: Outcome) -> list[Wait]:
    """Most urgent first, then oldest."""
    asked, lacking = outcome.asked, matching.missing(outcome.asked, outcome.goes_to)

    def urgency(number: int) -> tuple[float, float, int]:
        return -float(asked.weight[number]), -asked.incidents[number].waited_s, number

    return [
        Wait(
            incident_id=asked.incidents[number].incident_id,
            missing=lacking[number],
            next=next((one for one in outcome.lines[number] if one.after_job), None),
        )
        for number in sorted(lacking, key=urgency)
    ]
