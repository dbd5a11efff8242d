"""What a plan for all open incidents is made of: the incidents, the units, scores, and the rules.

Values and what they may be; knows no plan (`server.dispatch.assignment`). Scores are seconds as the
ranking counts them: travel time and what counts as beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.views import Priority

UNITS_MAX: Final = 1_000
INCIDENTS_MAX: Final = 200
"""Open at once; a county that has more needs its neighbours, not a plan."""
PLACES_MAX: Final = 400
"""Units that they want together."""
WANTED_MAX: Final = 10
RULE_S_MAX: Final = 86_400.0
SCORE_S_MAX: Final = 86_400.0
"""Who is farther away than a day cannot come."""

WEIGHT: Final = {"emergency": 50.0, "priority": 10.0, "routine": 1.0}
"""Of a second that the first unit of an incident takes. Starting values: a routine call that has
waited nine hours goes before a priority call that has just come."""
WAITED_S_MAX: Final = 86_400.0
"""After a day nothing becomes more urgent."""

Floats = NDArray[np.float64]


class Standing(StrEnum):
    """Of a unit: can be sent; drives to an incident; cannot be sent before it is done."""

    FREE = "free"
    UNDER_WAY = "under_way"
    BUSY = "busy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a unit under way may be called off. Starting values, all in seconds.

    A saving is counted for the incident the unit is sent to, and the plan must be better by as
    much all in all, what the released incident loses taken off.
    """

    diverts: bool = True
    """False: whoever is under way stays so."""
    saves_s: float = 600.0
    """To an incident of the same or a lower priority, or to be relieved: saves at least this."""
    rise_saves_s: float = 120.0
    """To an incident of a higher priority: at least this, so that no noise of a fix diverts."""
    to_go_s: float = 180.0
    """Nobody is diverted who is there sooner than this."""
    diversions_max: int = 1
    """Of a unit until it has been at a place, and of an incident that loses its unit."""
    keep_s: float = 30.0
    """By so much must another plan be better than what was proposed before."""
    unserved_s: float = 3_600.0
    """An incident without a unit counts as if one were so far away; it has waited beside."""

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot be."""
        for each in fields(self):
            if each.name.endswith("_s") and not 0.0 <= getattr(self, each.name) <= RULE_S_MAX:
                raise ValueError(f"{each.name} takes 0 to {RULE_S_MAX:.0f} seconds")
        if self.diversions_max < 0:
            raise ValueError("diversions_max takes 0 or more")


RULE_NAMES: Final = tuple(each.name for each in fields(Rules) if each.name.endswith("_s"))
"""Those that are settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIncident:
    """An incident that waits for units, or for units to arrive."""

    incident_id: str
    priority: Priority
    waited_s: float
    """Since the call."""
    wanted: int = 1
    """Units that it is to have and that are not at the place: under way, or still to be sent."""
    there: int = 0
    """Units at the place already: whoever comes is not the first."""
    released: int = 0
    """How often it has lost a unit under way to another incident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """A unit that may be sent, or is on its way, or will be free some time."""

    unit_id: str
    call_sign: str = ""
    """Of two that are as good, the first by call sign is sent, as in a ranking."""
    standing: Standing = Standing.FREE
    incident_id: str | None = None
    """Where it is under way to. None for one that is free; a busy one's does not matter."""
    remaining_s: float | None = None
    """Until it is there, of one under way. None: not known, so it is left alone."""
    diversions: int = 0
    """How often it has been diverted since it was last free."""
    pinned: bool = False
    """A person wants it to go on where it goes."""
    proposed: str | None = None
    """The incident that the plan before this one wanted to send it to."""
    let_go: bool = False
    """The plan before this one wanted it relieved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Incidents, units and scores of one moment, by id and by call sign."""

    incidents: tuple[OpenIncident, ...]
    units: tuple[Mover, ...]
    score_s: Floats
    """(U, I) whole seconds, inf where it cannot be."""
    later_s: Floats
    """(U, I) the same once the unit is done with its job."""
    goes_to: tuple[int | None, ...]
    """(U,) number of the incident that each is under way to."""
    weight: Floats
    """(I,) of a second that the first unit takes."""
    waited_s: Floats
    """(I,)"""
    places: tuple[int, ...]
    """(I,) how many units each is to have: no fewer than are under way already."""

    @classmethod
    def of(
        cls,
        incidents: Sequence[OpenIncident],
        units: Sequence[Mover],
        score_s: Floats,
        later_s: Floats | None,
    ) -> Asked:
        """Raises ValueError for what does not fit together."""
        _check(incidents, units, score_s, later_s)
        rows = sorted(range(len(units)), key=lambda at: (units[at].call_sign, units[at].unit_id))
        columns = sorted(range(len(incidents)), key=lambda at: incidents[at].incident_id)
        ours, theirs = [units[row] for row in rows], [incidents[at] for at in columns]
        numbers = {each.incident_id: number for number, each in enumerate(theirs)}
        goes_to = tuple(
            numbers[str(each.incident_id)] if each.standing is Standing.UNDER_WAY else None
            for each in ours
        )
        under_way = Counter(goes_to)
        later = np.full(score_s.shape, np.inf) if later_s is None else later_s
        scores = _whole(score_s[np.ix_(rows, columns)])
        for row, (each, goal) in enumerate(zip(ours, goes_to, strict=True)):
            if each.standing is Standing.BUSY:
                scores[row] = np.inf
            elif goal is not None and not np.isfinite(scores[row, goal]):
                scores[row, goal] = min(each.remaining_s or 0.0, SCORE_S_MAX)
        return cls(
            incidents=tuple(theirs),
            units=tuple(ours),
            score_s=_whole(scores),
            later_s=_whole(later[np.ix_(rows, columns)]),
            goes_to=goes_to,
            weight=np.array([WEIGHT[each.priority] for each in theirs]),
            waited_s=np.array([min(each.waited_s, WAITED_S_MAX) for each in theirs]),
            places=tuple(max(each.wanted, under_way[number]) for number, each in enumerate(theirs)),
        )

    def firsts(self) -> Asked:
        """The same where nobody is sent to an incident that has somebody."""
        under_way = Counter(self.goes_to)
        return replace(
            self,
            places=tuple(
                max(under_way[number], min(places, int(each.there == 0)))
                for number, (each, places) in enumerate(
                    zip(self.incidents, self.places, strict=True)
                )
            ),
        )

    def forgetful(self) -> Asked:
        """The same as if nothing had been proposed before."""
        units = tuple(replace(each, proposed=None, let_go=False) for each in self.units)
        return replace(self, units=units)

    def on_it(self, incident: int) -> int:
        """How many units are there or under way."""
        return self.incidents[incident].there + self.goes_to.count(incident)

    def own(self, unit: int) -> int:
        """The incident that a unit is under way to."""
        own = self.goes_to[unit]
        assert own is not None, self.units[unit].unit_id
        return own


def _whole(seconds: Floats) -> Floats:
    """A unit must not win by the noise of a fix."""
    return np.where(seconds <= SCORE_S_MAX, np.round(seconds), np.inf)


def _check(
    incidents: Sequence[OpenIncident],
    units: Sequence[Mover],
    score_s: Floats,
    later_s: Floats | None,
) -> None:
    shape = (len(units), len(incidents))
    if len(units) > UNITS_MAX or len(incidents) > INCIDENTS_MAX:
        raise ValueError(f"a plan is of at most {UNITS_MAX} units and {INCIDENTS_MAX} incidents")
    if score_s.shape != shape or (later_s is not None and later_s.shape != shape):
        raise ValueError(f"scores of {shape[0]} units for {shape[1]} incidents are needed")
    if (score_s < 0.0).any() or (later_s is not None and (later_s < 0.0).any()):
        raise ValueError("a score is not below 0 s")
    known = {each.incident_id for each in incidents}
    if len(known) < len(incidents) or len({each.unit_id for each in units}) < len(units):
        raise ValueError("an incident or a unit is named twice")
    places = sum(one.wanted for one in incidents)
    if places > PLACES_MAX:
        raise ValueError(f"{places} units are wanted at once; a plan is of at most {PLACES_MAX}")
    for one in incidents:
        if not 0 <= one.wanted <= WANTED_MAX:
            raise ValueError(f"{one.incident_id} wants {one.wanted} units; 0 to {WANTED_MAX}")
        if one.there < 0:
            raise ValueError(f"{one.incident_id} has {one.there} units; 0 or more")
    for each in units:
        if each.standing is Standing.UNDER_WAY and each.incident_id not in known:
            raise ValueError(
                f"{each.unit_id} is under way to {each.incident_id}, which is not open"
            )
