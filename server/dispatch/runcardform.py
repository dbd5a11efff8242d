"""Run cards from the plain form that files, the database and the HTTP API share, checked.

Every bad value is named with its card and field, all of them at once. Knows no file.
"""

from __future__ import annotations

import re
import unicodedata
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
MAY_BE_ZERO: Final = frozenset({"feedback_again_s", "arrival_margin_s"})

SAYS: Final[Mapping[str, str]] = {
    "no_table": "must be a table of fields",
    "no_field": "there is no such field; {known} are",
    "no_list": "must be a list",
    "too_many": "has {count} entries; at most {most} are allowed",
    "twice": "{value} is there twice",
    "no_code": "must be 1 to 40 of a-z, 0-9 and _, a letter first",
    "taken": "this word is taken; choose another",
    "no_text": "must be a text of 1 to {most} characters",
    "no_line": "must be one line without control characters",
    "no_choice": "must be one of {known}",
    "unknown": "{value} is not known; {known} are",
    "no_whole": "must be a whole number from 1 to {most}",
    "no_truth": "must be true or false",
    "no_seconds": "must be {least} to {most} seconds",
    "not_rising": "{known} must rise",
    "no_help": "{value} is missing: a call for help opens one",
    "no_file": "The file {value}.",
    "no_version": "must be the number of a version, 0 or more",
}
"""What is wrong with a value, by code; the faces have the same in other languages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A bad value, and what would be a good one."""

    card: str
    """Its code, `skills` or `equipment`; its place (`card 3`) where it has no code; empty: the
    set."""
    field: str
    code: str
    """Of `SAYS`."""
    values: Mapping[str, str | int]

    @property
    def says(self) -> str:
        return SAYS[self.code].format_map(self.values)

    def plain(self) -> dict[str, Any]:
        """As programs read it."""
        return {
            "card": self.card,
            "field": self.field,
            "code": self.code,
            "values": dict(self.values),
            "says": self.says,
        }

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
        check.bad("", "cards", "no_help", value=OFFICER_NEEDS_HELP)
    if check.problems:
        raise RunCardsError(check.problems)
    return RunCards(
        version=version, cards=tuple(cards), skills=tuple(skills), equipment=tuple(equipment)
    )


def parse_card(said: object) -> RunCard:
    """One card by itself, whatever skills and equipment it names. Raises `RunCardsError`."""
    check = _Check()
    body = said if isinstance(said, dict) else {}
    names = {name: body.get(name) for name in ("skills", "equipment")}
    known = {name: set(map(str, each)) for name, each in names.items() if isinstance(each, list)}
    card = _card(check, said, 1, {"skills": set(), "equipment": set()} | known)
    if check.problems:
        raise RunCardsError(check.problems)
    return card


def _card(check: _Check, said: object, number: int, known: Mapping[str, set[str]]) -> RunCard:
    of = _name(said, f"card {number}")
    body = check.table(said, CARD_FIELDS, of, "")
    if of in TAKEN:
        check.bad(of, "code", "taken")
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


def _name(said: object, otherwise: str) -> str:
    """By which a card or a term is told: its code, or its place."""
    named = said.get("code") if isinstance(said, dict) else None
    return named[:NAME_LEN_MAX] if isinstance(named, str) and named else otherwise


def _is_line(text: str) -> bool:
    """Printable, with whatever spaces a script uses (the wide one of Chinese among them)."""
    return all(each.isprintable() or unicodedata.category(each) == "Zs" for each in text)


class _Check:
    """Takes values out of a plain form; a bad one is noted, and something harmless taken."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def bad(self, card: str, name: str, code: str, **values: str | int) -> None:
        self.problems.append(Problem(card=card, field=name, code=code, values=values))

    def table(self, said: object, names: Sequence[str], card: str, name: str) -> dict[str, Any]:
        if not isinstance(said, dict):
            self.bad(card, name, "no_table")
            return {}
        for other in sorted(str(key) for key in said.keys() - set(names)):
            self.bad(card, other[:NAME_LEN_MAX], "no_field", known=", ".join(names))
        return said

    def listed(self, said: object, len_max: int, card: str, name: str) -> list[Any]:
        if not isinstance(said, list):
            self.bad(card, name, "no_list")
            return []
        if len(said) > len_max:
            self.bad(card, name, "too_many", count=len(said), most=len_max)
        return said[:len_max]

    def unique(self, values: Sequence[str], card: str, name: str) -> None:
        for value in sorted({each for each in values if values.count(each) > 1}):
            self.bad(card, name, "twice", value=value[:NAME_LEN_MAX])

    def code(self, body: dict[str, Any], card: str, name: str = "code") -> str:
        value = body.get("code")
        if not isinstance(value, str) or not CODE.fullmatch(value):
            self.bad(card, name, "no_code")
            return card
        return value

    def text(self, body: dict[str, Any], name: str, len_max: int, card: str, at: str = "") -> str:
        value = body.get(name)
        if not isinstance(value, str) or not 1 <= len(value.strip()) <= len_max:
            self.bad(card, at or name, "no_text", most=len_max)
            return ""
        if not _is_line(value):
            self.bad(card, at or name, "no_line")
        return value.strip()

    def one_of(self, body: dict[str, Any], name: str, choices: Sequence[str], card: str) -> Any:
        value = body.get(name)
        if value not in choices:
            self.bad(card, name, "no_choice", known=", ".join(choices))
            return choices[0]
        return value

    def some_of(
        self, body: dict[str, Any], name: str, choices: Sequence[str], card: str
    ) -> Iterator[Any]:
        found = self.listed(body.get(name, []), TERMS_MAX, card, name)
        for value in found:
            if value not in choices:
                said = repr(str(value)[:NAME_LEN_MAX])
                self.bad(card, name, "unknown", value=said, known=", ".join(choices) or "none")
            else:
                yield value
        self.unique([str(each) for each in found], card, name)

    def whole(
        self, body: dict[str, Any], name: str, high: int, card: str, default: int | None = None
    ) -> int:
        value = body.get(name, default)
        if type(value) is not int or not 1 <= value <= high:
            self.bad(card, name, "no_whole", most=high)
            return 1
        return value

    def yes(self, body: dict[str, Any], name: str, card: str) -> bool:
        value = body.get(name, False)
        if not isinstance(value, bool):
            self.bad(card, name, "no_truth")
            return False
        return value

    def terms(self, body: dict[str, Any], name: str) -> list[Term]:
        found = []
        for number, said in enumerate(self.listed(body.get(name, []), TERMS_MAX, "", name), 1):
            one = self.table(said, ("code", "en", "zh"), name, str(number))
            at = _name(said, str(number))
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
            low = 0 if name in MAY_BE_ZERO else 1
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (is_number and low <= value <= TIMER_S_MAX):  # so no nan, and no integer too big
                at = f"timers.{name}"[:NAME_LEN_MAX]
                self.bad(card, at, "no_seconds", least=low, most=round(TIMER_S_MAX))
            elif name in PACE_FIELDS:
                found[name] = float(value)
        rising = [found[name] for name in PACE_ORDER if name in found]
        if rising != sorted(rising):
            self.bad(card, "timers", "not_rising", known=", ".join(PACE_ORDER))
        return found
