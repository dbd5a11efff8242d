"""Which unit goes to which incident so that the weighed sum of waiting is least: one assignment.

Every unit that an incident wants is a place to fill; places are rows, units are columns, and
Kuhn and Munkres' problem is solved exactly (scipy's `linear_sum_assignment`, Crouse 2016). Costs
are whole numbers small enough for a double to hold exactly, with the order of units as their last
digits: so equal plans are told apart the same way everywhere.

What nobody serves counts as if a unit were `Rules.unserved_s` away and for what it has waited: so
the longer a call waits, the more it weighs, and even a routine call's turn comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from server.dispatch.demand import Asked, Floats, Mover, Rules, Standing

FURTHER_SHARE: Final = 0.5
"""And of a second that each further unit takes: the first one counts most."""
NOBODY: Final = -1
SCALE: Final = 2.0**20
"""Above the numbers of units that ties are broken by, summed over all places."""
LEFT_OUT: Final = 2e9
"""More than all costs together: whoever can be sent is."""

Ints = NDArray[np.int64]
Pair = tuple[int, int]
"""A unit and an incident, by number."""


@dataclass(frozen=True, slots=True)
class _Places:
    """Units still to be found, (P,): of which incident, what a second weighs, since when."""

    incident: Ints
    weight: Floats
    far_s: Floats
    """A unit as far away as this is no better than none."""
    more: NDArray[np.bool_]
    """Beside those that are on it: for free units alone."""


def match(
    asked: Asked, rules: Rules, fixed: AbstractSet[int], barred: AbstractSet[Pair] = frozenset()
) -> Ints:
    """(U,) the incident each unit goes to, or NOBODY. `fixed`: units that stay under way.

    Pairs in `barred` are not diverted to each other.
    """
    goes_to = np.full(len(asked.units), NOBODY, dtype=np.int64)
    for unit in fixed:
        goes_to[unit] = asked.own(unit)
    places = _places(asked, rules, goes_to)
    movers = [n for n, each in enumerate(asked.units) if n not in fixed and _can_go(each)]
    cost = _cost(asked, rules, places, movers)
    for column, unit in enumerate(movers):
        if (own := asked.goes_to[unit]) is not None:
            cost[:, column] = _called_off(asked, rules, places, unit, own, cost[:, column])
            for incident in (each for other, each in barred if other == unit):
                cost[places.incident == incident, column] = np.inf
    chosen = _solve(cost, places.weight * places.far_s)
    for row, column in chosen:
        goes_to[movers[column]] = places.incident[row]
    return fill(asked, rules, goes_to)


def fill(asked: Asked, rules: Rules, goes_to: Ints) -> Ints:
    """The same with who is left sent to what is left, however far: nobody is kept back."""
    left = _places(asked, rules, goes_to)
    idle = [
        n
        for n, each in enumerate(asked.units)
        if goes_to[n] == NOBODY and each.standing is Standing.FREE
    ]
    filled = goes_to.copy()
    if len(left.incident) and idle:
        cost = left.weight[:, None] * _scores(asked, idle, left) - _kept(asked, rules, left, idle)
        for row, column in _solve(cost, left.weight * left.far_s + LEFT_OUT):
            filled[idle[column]] = left.incident[row]
    return filled


def as_proposed(asked: Asked, rules: Rules) -> Ints | None:
    """(U,) the plan before this one once more, and who is left sent to what is left.

    None: it cannot be any more.
    """
    numbers = {each.incident_id: number for number, each in enumerate(asked.incidents)}
    goes_to = np.full(len(asked.units), NOBODY, dtype=np.int64)
    for unit, (each, own) in enumerate(zip(asked.units, asked.goes_to, strict=True)):
        goal = numbers.get(each.proposed or "")
        if goal is not None and not np.isfinite(asked.score_s[unit, goal]):
            return None
        if goal is None and own is not None and not each.let_go:
            goal = own
        goes_to[unit] = NOBODY if goal is None else goal
    sent = Counter(goes_to.tolist())
    if any(sent[number] > places for number, places in enumerate(asked.places)):
        return None
    return fill(asked, rules, goes_to)


def weighed(asked: Asked, rules: Rules, goes_to: Ints) -> float:
    """Weighed seconds of one plan: of those sent, and of the places nobody is sent to."""
    total = 0.0
    for number, (places, weight) in enumerate(
        zip(asked.places, asked.weight.tolist(), strict=True)
    ):
        far_s = rules.unserved_s + float(asked.waited_s[number])
        times_s = sorted(asked.score_s[goes_to == number, number].tolist())
        times_s += [far_s] * (places - len(times_s))
        there = asked.incidents[number].there
        for place, each_s in enumerate(times_s, start=there):
            total += weight * _share(place) * min(each_s, far_s)
    return total


def missing(asked: Asked, goes_to: Ints) -> Counter[int]:
    """How many units each incident still lacks, where it does."""
    sent = Counter(each for each in goes_to.tolist() if each != NOBODY)
    lacks = {number: places - sent[number] for number, places in enumerate(asked.places)}
    return Counter({number: count for number, count in lacks.items() if count > 0})


def next_free(asked: Asked, goes_to: Ints, lacking: Counter[int]) -> list[Pair]:
    """Who is foreseen to serve what nobody is sent to, of units that keep what they do."""
    keeps = [unit for unit in range(len(asked.units)) if _keeps(asked, unit, goes_to)]
    rows = [
        (number, asked.incidents[number].there + place)
        for number in sorted(lacking)
        for place in range(asked.places[number] - lacking[number], asked.places[number])
    ]
    if not rows or not keeps:
        return []
    incidents = [number for number, _ in rows]
    weights = _weights(asked, rows)
    cost = weights[:, None] * asked.later_s[np.ix_(keeps, incidents)].T
    solved = _solve(cost, np.full(len(rows), LEFT_OUT))
    return [(keeps[column], incidents[row]) for row, column in solved]


def _keeps(asked: Asked, unit: int, goes_to: Ints) -> bool:
    """What it does now."""
    if asked.units[unit].standing is Standing.BUSY:
        return True
    return asked.goes_to[unit] is not None and asked.goes_to[unit] == goes_to[unit]


def _can_go(unit: Mover) -> bool:
    return unit.standing is not Standing.BUSY


def _places(asked: Asked, rules: Rules, goes_to: Ints) -> _Places:
    """Those that nobody is sent to."""
    rows = list(_rows(asked, goes_to))
    incident = np.array([number for number, _ in rows], dtype=np.int64)
    return _Places(
        incident=incident,
        weight=_weights(asked, rows),
        far_s=np.round(rules.unserved_s + asked.waited_s[incident]),
        more=np.array([place >= max(1, asked.on_it(number)) for number, place in rows], bool),
    )


def _weights(asked: Asked, rows: Sequence[Pair]) -> Floats:
    """(P,) of a second that the unit takes which has this number in line at the incident."""
    return np.array([asked.weight[number] * _share(place) for number, place in rows])


def _share(place: int) -> float:
    """Of an incident's weight that a unit's second counts for; 0: it is the first there."""
    return FURTHER_SHARE if place else 1.0


def _rows(asked: Asked, goes_to: Ints) -> Iterator[Pair]:
    taken = Counter(goes_to.tolist())
    for number, places in enumerate(asked.places):
        there = asked.incidents[number].there
        for place in range(there + taken[number], there + places):
            yield number, place


def _cost(asked: Asked, rules: Rules, places: _Places, movers: Sequence[int]) -> Floats:
    """(P, M) weighed seconds; inf where it cannot be, or would be no better than nobody."""
    score_s = _scores(asked, movers, places)
    near = np.where(score_s < places.far_s[:, None], score_s, np.inf)
    return places.weight[:, None] * near - _kept(asked, rules, places, movers)


def _scores(asked: Asked, units: Sequence[int], places: _Places) -> Floats:
    """(P, M)"""
    return asked.score_s[np.array(units, dtype=np.int64)[None, :], places.incident[:, None]]


def _kept(asked: Asked, rules: Rules, places: _Places, movers: Sequence[int]) -> Floats:
    """(P, M) what counts for the plan that was proposed before."""
    bonus = np.zeros((len(places.incident), len(movers)))
    numbers = {each.incident_id: number for number, each in enumerate(asked.incidents)}
    for column, unit in enumerate(movers):
        number = numbers.get(asked.units[unit].proposed or "")
        if number is not None:
            here = places.incident == number
            bonus[here, column] = places.weight[here] * rules.keep_s
    return bonus


def _called_off(
    asked: Asked, rules: Rules, places: _Places, unit: int, own: int, cost: Floats
) -> Floats:
    """(P,) of one under way, with what it costs to call it off.

    A unit left without a place is relieved, at no cost here: so going on earns what that would
    cost.
    """
    ours, theirs = asked.weight[own], asked.weight[places.incident]
    threshold_s = np.where(theirs > ours, rules.rise_saves_s, rules.saves_s)
    elsewhere = np.where(places.more, np.inf, cost + np.maximum(theirs, ours) * threshold_s)
    goes_on_s = np.minimum(asked.score_s[unit, own], places.far_s)
    called_off: Floats = np.where(places.incident == own, places.weight * goes_on_s, elsewhere)
    relief: Floats = called_off - ours * rules.saves_s
    return relief


def _solve(cost: Floats, unserved: Floats) -> list[Pair]:
    """Places and units, by number; `unserved` is what each place costs that gets nobody."""
    if not cost.size:
        return []
    count, units = cost.shape
    table = np.full((count, units + count), np.inf)
    table[:, :units] = cost * SCALE + np.arange(units)
    table[np.arange(count), units + np.arange(count)] = unserved * SCALE
    rows, columns = linear_sum_assignment(table)
    return [pair for pair in zip(rows.tolist(), columns.tolist(), strict=True) if pair[1] < units]
