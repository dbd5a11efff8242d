"""Run cards from the plain form that files, the database and the HTTP API share, checked.

Every bad value is named with its card and field, all of them at once. Knows no file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, get_args

from devices.battery.model import Load
from server.dispatch.runcards import (
    OFFICER_NEEDS_HELP,
    PACE_FIELDS,
    PACE_ORDER,
    SHIPPED_VERSION,
    RunCard,
    RunCards,
    Step,
    Term,
)
from server.views import Priority, UnitKind

CARDS_MAX: Final = 100
TERMS_MAX: Final = 100
STEPS_MAX: Final = 20
UNITS_MAX: Final = 10
MINUTES_MAX: Final = 24 * 60
TIMER_S_MAX: Final = 24 * 3600.0
NAME_LEN_MAX: Final = 80
STEP_LEN_MAX: Final = 200
PROBLEMS_MAX: Final = 50
"""Named at once; a file with more is another kind of file."""
CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
TAKEN: Final = frozenset({"skills", "equipment"})
"""No codes of cards: `runcards.changes` uses them."""
RECORDINGS: Final = (Load.STANDBY, Load.RECORD, Load.STREAM_LOW, Load.STREAM_HIGH)
VEHICLES: Final[tuple[str, ...]] = get_args(UnitKind)
PRIORITIES: Final[tuple[str, ...]] = get_args(Priority)
CARD_FIELDS: Final = tuple(each.name for each in fields(RunCard))
MAY_BE_ZERO: Final = "feedback_again_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A bad value, and what would be a good one."""

    card: str
    """Its code, `skills` or `equipment`; its place (`card 3`) where it has no code; empty: the
    set."""
    field: str
    says: str

    def __str__(self) -> str:
        return ": ".join(each for each in (self.card, self.field, self.says) if each)


class RunCardsError(ValueError):
    """A set with bad values."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems[:PROBLEMS_MAX])
        super().__init__("; ".join(map(str, self.problems)))


def parse(said: object, *, version: int = SHIPPED_VERSION) -> RunCards:
    """A set from its plain form. Raises `RunCardsError` with all that is wrong."""
    check = _Check()
    body = check.table(said, ("skills", "equipment", "cards"), "", "")
    skills = check.terms(body, "skills")
    equipment = check.terms(body, "equipment")
    listed = check.listed(body.get("cards", []), CARDS_MAX, "", "cards")
    known = {"skills": {each.code for each in skills}, "equipment": {e.code for e in equipment}}
    cards = [_card(check, each, number, known) for number, each in enumerate(listed, start=1)]
    check.unique([each.code for each in cards], "", "cards")
    if OFFICER_NEEDS_HELP not in {each.code for each in cards}:
        check.bad("", "cards", f"{OFFICER_NEEDS_HELP} is missing: a call for help opens one")
    if check.problems:
        raise RunCardsError(check.problems)
    return RunCards(
        version=version, cards=tuple(cards), skills=tuple(skills), equipment=tuple(equipment)
    )


def _card(check: _Check, said: object, number: int, known: Mapping[str, set[str]]) -> RunCard:
    named = said.get("code") if isinstance(said, dict) else None
    of = named if isinstance(named, str) and named else f"card {number}"
    body = check.table(said, CARD_FIELDS, of, "")
    if named in TAKEN:
        check.bad(of, "code", "this word is taken; choose another")
    recording = check.one_of(body, "recording", [each.value for each in RECORDINGS], of)
    return RunCard(
        code=check.code(body, of),
        en=check.text(body, "en", NAME_LEN_MAX, of),
        zh=check.text(body, "zh", NAME_LEN_MAX, of),
        priority=check.one_of(body, "priority", PRIORITIES, of),
        units=check.whole(body, "units", UNITS_MAX, of, default=1),
        vehicles=tuple(check.some_of(body, "vehicles", VEHICLES, of)),
        skills=tuple(check.some_of(body, "skills", sorted(known["skills"]), of)),
        equipment=tuple(check.some_of(body, "equipment", sorted(known["equipment"]), of)),
        scene_min=check.whole(body, "scene_min", MINUTES_MAX, of),
        recording=Load(recording),
        evidence=check.yes(body, "evidence", of),
        violence=check.yes(body, "violence", of),
        first_arrival_min=check.whole(body, "first_arrival_min", MINUTES_MAX, of),
        timers=check.timers(body.get("timers", {}), of),
        steps=tuple(check.steps(body.get("steps", []), of)),
    )


class _Check:
    """Takes values out of a plain form; a bad one is noted, and something harmless taken."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def bad(self, card: str, name: str, says: str) -> None:
        self.problems.append(Problem(card=card, field=name, says=says))

    def table(self, said: object, names: Sequence[str], card: str, name: str) -> dict[str, Any]:
        if not isinstance(said, dict):
            self.bad(card, name, "must be a table of fields")
            return {}
        for other in sorted(str(key) for key in said.keys() - set(names)):
            self.bad(card, other[:NAME_LEN_MAX], f"there is no such field; {', '.join(names)} are")
        return said

    def listed(self, said: object, len_max: int, card: str, name: str) -> list[Any]:
        if not isinstance(said, list):
            self.bad(card, name, "must be a list")
            return []
        if len(said) > len_max:
            self.bad(card, name, f"has {len(said)} entries; at most {len_max} are allowed")
        return said[:len_max]

    def unique(self, values: Sequence[str], card: str, name: str) -> None:
        for value in sorted({each for each in values if values.count(each) > 1}):
            self.bad(card, name, f"{value} is there twice")

    def code(self, body: dict[str, Any], card: str, name: str = "code") -> str:
        value = body.get("code")
        if not isinstance(value, str) or not CODE.fullmatch(value):
            self.bad(card, name, "must be 1 to 40 of a-z, 0-9 and _, a letter first")
            return card
        return value

    def text(self, body: dict[str, Any], name: str, len_max: int, card: str, at: str = "") -> str:
        value = body.get(name)
        if not isinstance(value, str) or not 1 <= len(value.strip()) <= len_max:
            self.bad(card, at or name, f"must be a text of 1 to {len_max} characters")
            return ""
        if not value.isprintable():
            self.bad(card, at or name, "must be one line without control characters")
        return value.strip()

    def one_of(self, body: dict[str, Any], name: str, choices: Sequence[str], card: str) -> Any:
        value = body.get(name)
        if value not in choices:
            self.bad(card, name, f"must be one of {', '.join(choices)}")
            return choices[0]
        return value

    def some_of(
        self, body: dict[str, Any], name: str, choices: Sequence[str], card: str
    ) -> Iterator[Any]:
        found = self.listed(body.get(name, []), TERMS_MAX, card, name)
        for value in found:
            if value not in choices:
                said = f"{str(value)[:NAME_LEN_MAX]!r} is not known"
                self.bad(card, name, f"{said}; {', '.join(choices) or 'none'} are")
            else:
                yield value
        self.unique([str(each) for each in found], card, name)

    def whole(
        self, body: dict[str, Any], name: str, high: int, card: str, default: int | None = None
    ) -> int:
        value = body.get(name, default)
        if type(value) is not int or not 1 <= value <= high:
            self.bad(card, name, f"must be a whole number from 1 to {high}")
            return 1
        return value

    def yes(self, body: dict[str, Any], name: str, card: str) -> bool:
        value = body.get(name, False)
        if not isinstance(value, bool):
            self.bad(card, name, "must be true or false")
            return False
        return value

    def terms(self, body: dict[str, Any], name: str) -> list[Term]:
        found = []
        for number, said in enumerate(self.listed(body.get(name, []), TERMS_MAX, "", name), 1):
            one = self.table(said, ("code", "en", "zh"), name, str(number))
            named = one.get("code")
            at = named if isinstance(named, str) and named else str(number)
            found.append(
                Term(
                    code=self.code(one, name, at),
                    en=self.text(one, "en", NAME_LEN_MAX, name, f"{at}.en"),
                    zh=self.text(one, "zh", NAME_LEN_MAX, name, f"{at}.zh"),
                )
            )
        self.unique([each.code for each in found], "", name)
        return found

    def steps(self, said: object, card: str) -> Iterator[Step]:
        for number, each in enumerate(self.listed(said, STEPS_MAX, card, "steps"), start=1):
            at = f"steps.{number}"
            one = self.table(each, ("en", "zh"), card, at)
            yield Step(
                en=self.text(one, "en", STEP_LEN_MAX, card, f"{at}.en"),
                zh=self.text(one, "zh", STEP_LEN_MAX, card, f"{at}.zh"),
            )

    def timers(self, said: object, card: str) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, value in self.table(said, PACE_FIELDS, card, "timers").items():
            low = 0 if name == MAY_BE_ZERO else 1
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not (math.isfinite(value) and low <= value <= TIMER_S_MAX)
            ):
                self.bad(card, f"timers.{name}", f"must be {low} to {TIMER_S_MAX:.0f} seconds")
            elif name in PACE_FIELDS:
                found[name] = float(value)
        rising = [found[name] for name in PACE_ORDER if name in found]
        if rising != sorted(rising):
            self.bad(card, "timers", f"{', '.join(PACE_ORDER)} must rise")
        return found
