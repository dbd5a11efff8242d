"""Run cards: what each type of incident asks for.

Priority, number and kind of units, skills, equipment, minutes at the scene, what the body camera
does there, own timers, and the steps of the checklist. A county's set is one value with a version:
it is changed as a whole, and whoever decides says by which version. Minutes and numbers of the set
that comes with Ridgeline are starting values, to calibrate on the county's own log.

`parse` takes the plain form that files, the database and the HTTP API share, and names every bad
value with its card and field; `plain` gives it back. Knows no file and no store.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Final

from devices.battery.model import Load
from server.dispatch.timers import Pace
from server.views import Priority, UnitKind

SHIPPED_VERSION: Final = 0
"""Of the set that comes with Ridgeline, where no other was ever put in force."""
OFFICER_NEEDS_HELP: Final = "officer_needs_help"
"""A call for help opens an incident of this type, so every set has it."""
STANDBY_AT_POST: Final = "standby"
"""What a unit is sent to do that waits at another post."""
ROOM_TASKS: Final = ("patrol_task", STANDBY_AT_POST)
"""What the room gives itself to do: nobody called."""
OWN_TYPES: Final = frozenset({OFFICER_NEEDS_HELP, STANDBY_AT_POST})
"""That Ridgeline itself opens incidents of, also where a set has no card for them any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A skill or a piece of equipment, with its words."""

    code: str
    en: str
    zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a checklist, as the dispatcher and the officer read it."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCard:
    """What a type of incident usually asks for."""

    code: str
    en: str
    zh: str
    priority: Priority
    """Proposed to the dispatcher, who may choose another."""
    units: int = 1
    """That it usually takes."""
    vehicles: tuple[UnitKind, ...] = ()
    """Kinds of units that fit, the best first; empty: any."""
    skills: tuple[str, ...] = ()
    """Codes of what somebody there must be able to do; the set has their words."""
    equipment: tuple[str, ...] = ()
    """Codes of what must be brought; the set has their words."""
    scene_min: int
    """Usual minutes from on scene to clear."""
    recording: Load
    """What the body camera does at the scene: drives the battery outlook."""
    evidence: bool = False
    """What the camera records may be needed in court: force, injury or an accusation."""
    violence: bool = False
    """A weapon or violence is to be expected: nobody goes alone."""
    first_arrival_min: int
    """Within which the first unit should be there, from the call."""
    timers: Mapping[str, float] = field(default_factory=dict)
    """Own seconds of `Pace`, by its field names; the others are the county's."""
    steps: tuple[Step, ...] = ()
    """The checklist, in order."""


@dataclass(frozen=True, kw_only=True)
class RunCards:
    """A county's whole set, as it is in force under one version."""

    version: int = SHIPPED_VERSION
    cards: tuple[RunCard, ...]
    """In the order in which a dispatcher chooses."""
    skills: tuple[Term, ...] = ()
    equipment: tuple[Term, ...] = ()
    retired: tuple[RunCard, ...] = ()
    """Of types that earlier versions had: for incidents that were opened then, for no new one."""

    @cached_property
    def by_code(self) -> Mapping[str, RunCard]:
        """Those that an incident can be opened with."""
        return {each.code: each for each in self.cards}

    def can_open(self, code: str) -> bool:
        """Whether an incident of this type can be opened now."""
        return code in self.by_code or code in OWN_TYPES

    @cached_property
    def _known(self) -> Mapping[str, RunCard]:
        return {each.code: each for each in (*self.retired, *self.cards)}

    @cached_property
    def names(self) -> Mapping[str, Mapping[str, str]]:
        """Of the types by code and language, those of earlier versions too."""
        return {each.code: {"en": each.en, "zh": each.zh} for each in self._known.values()}

    def named(self, text: str) -> list[str]:
        """Codes of types, of earlier versions too, with this text in a name, whatever its case."""
        wanted = text.casefold()
        return [
            each.code
            for each in self._known.values()
            if wanted in each.en.casefold() or wanted in each.zh.casefold()
        ]

    def card(self, code: str) -> RunCard:
        """Of an incident's type, whenever it was opened; a general one where nobody knows it."""
        return self._known.get(code) or replace(UNKNOWN_TYPE, code=code, en=code, zh=code)


UNKNOWN_TYPE: Final = RunCard(
    code="unknown",
    en="",
    zh="",
    priority="priority",
    scene_min=45,
    recording=Load.RECORD,
    first_arrival_min=30,
)
"""What is supposed of a type that no version has: the median of the types."""

PACE_ORDER: Final = ("repeat_s", "acceptance_s", "escalate_s", "supervisor_s")
PACE_FIELDS: Final = tuple(each.name for each in fields(Pace))
NEVER_AT_ZERO: Final = "feedback_again_s"
"""Of these 0 s are no haste: nothing is asked for again."""


def paced(pace: Pace, card: RunCard, *, war: bool) -> Pace:
    """The county's timers with the card's own; in war only those that are sooner.

    Steps that must rise go on rising: one that would come before the step before it comes with it.
    """
    if not card.timers:
        return pace
    own = {
        name: _sooner(name, seconds, getattr(pace, name)) if war else seconds
        for name, seconds in card.timers.items()
    }
    least_s = 0.0
    for name in PACE_ORDER:
        least_s = max(own.get(name, getattr(pace, name)), least_s)
        own[name] = least_s
    return replace(pace, **own)


def _sooner(name: str, one_s: float, other_s: float) -> float:
    if name == NEVER_AT_ZERO:
        return min(one_s, other_s, key=lambda seconds: seconds or math.inf)
    return min(one_s, other_s)


def changes(before: RunCards, after: RunCards) -> dict[str, list[str]]:
    """What another set changes, by code of card: names of fields; `added`, `removed`, `moved`.

    Under `skills` and `equipment`: the codes of terms that differ, or that stand elsewhere.
    """
    found: dict[str, list[str]] = {}
    for name in ("skills", "equipment"):
        if codes := _other_terms(getattr(before, name), getattr(after, name)):
            found[name] = codes
    for card in after.cards:
        if (old := before.by_code.get(card.code)) is None:
            found[card.code] = ["added"]
        elif other := [f.name for f in fields(RunCard) if _differs(old, card, f.name)]:
            found[card.code] = other
    for card in before.cards:
        if card.code not in after.by_code:
            found[card.code] = ["removed"]
    for code in _moved(before.by_code, after.by_code):
        found[code] = [*found.get(code, []), "moved"]
    return found


def _differs(old: RunCard, new: RunCard, name: str) -> bool:
    return bool(getattr(old, name) != getattr(new, name))


def _other_terms(before: Sequence[Term], after: Sequence[Term]) -> list[str]:
    other = {each.code for each in {*before} ^ {*after}}
    moved = _moved([each.code for each in before], [each.code for each in after])
    return sorted(other.union(moved))


def _moved(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """Codes that stand elsewhere among those that both have."""
    was, is_ = list(before), list(after)
    both = {*was} & {*is_}
    old, new = ([code for code in codes if code in both] for codes in (was, is_))
    return [code for code, there in zip(new, old, strict=True) if code != there]


def plain(cards: RunCards) -> dict[str, Any]:
    """The form that files, the database and the HTTP API share; without version and retired."""
    return {
        "skills": [_plain_words(each) for each in cards.skills],
        "equipment": [_plain_words(each) for each in cards.equipment],
        "cards": [plain_card(each) for each in cards.cards],
    }


def plain_card(card: RunCard) -> dict[str, Any]:
    """One card of `plain`."""
    return {
        "code": card.code,
        "en": card.en,
        "zh": card.zh,
        "priority": card.priority,
        "units": card.units,
        "vehicles": list(card.vehicles),
        "skills": list(card.skills),
        "equipment": list(card.equipment),
        "scene_min": card.scene_min,
        "recording": card.recording.value,
        "evidence": card.evidence,
        "violence": card.violence,
        "first_arrival_min": card.first_arrival_min,
        "timers": dict(card.timers),
        "steps": [{"en": each.en, "zh": each.zh} for each in card.steps],
    }


def _plain_words(term: Term) -> dict[str, str]:
    return {"code": term.code, "en": term.en, "zh": term.zh}
