"""A set of run cards as TOML that people edit, and the set that comes with Ridgeline.

What `write` gives, `read` takes, value for value. A file says which version it was written from, so
that nobody takes back unseen what another has saved meanwhile.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from server.dispatch.runcardform import Problem, RunCardsError, parse
from server.dispatch.runcards import RunCards, plain

CHARS_MAX: Final = 1_000_000
VERSION_MAX: Final = 2**63 - 1
BYTE_ORDER_MARK: Final = "\ufeff"
"""That some editors put before a text."""
SHIPPED_FILE: Final = "runcards.toml"
BASED_ON: Final = "based_on"
HEADER: Final = """\
# Run cards: what each type of incident asks for. docs/run-cards.md explains every field.
# Numbers are starting values, to calibrate on the county's own log.
# Check this file with `ridgeline runcards check FILE`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """What a file says."""

    cards: RunCards
    based_on: int | None
    """The version that was written to be edited; None: the file does not say."""


def read(text: str) -> Edited:
    """Raises `RunCardsError` that names every bad value, or where the text is no TOML."""
    if len(text) > CHARS_MAX:
        raise _no_file(f"is longer than {CHARS_MAX} characters")
    try:
        said = tomllib.loads(text.removeprefix(BYTE_ORDER_MARK))
    except RecursionError:
        raise _no_file("is no TOML of run cards: tables within tables without end") from None
    except ValueError as error:  # a `TOMLDecodeError`, or a number of thousands of digits
        raise _no_file(f"is no TOML: {error}") from None
    based_on = said.pop(BASED_ON, None)
    if based_on is not None and not (type(based_on) is int and 0 <= based_on <= VERSION_MAX):
        problem = Problem(card="", field=BASED_ON, code="no_version", values={})
        raise RunCardsError([problem])
    return Edited(cards=parse(said), based_on=based_on)


def write(cards: RunCards) -> str:
    """As TOML, one card after the other, with the version that it is to be edited from."""
    body = plain(cards)
    parts = [HEADER, f"{BASED_ON} = {cards.version}\n"]
    parts += [_terms(name, body[name]) for name in ("skills", "equipment")]
    parts += ["\n".join(("[[cards]]", *_card(each))) + "\n" for each in body["cards"]]
    return "\n".join(parts)


@cache
def shipped() -> RunCards:
    """The set that comes with Ridgeline: starting values."""
    return read((files(__package__) / SHIPPED_FILE).read_text(encoding="utf-8")).cards


def _no_file(says: str) -> RunCardsError:
    return RunCardsError([Problem(card="", field="", code="no_file", values={"value": says})])


def _terms(name: str, terms: Sequence[Mapping[str, str]]) -> str:
    return f"{name} = {_rows(terms)}\n"


def _card(card: Mapping[str, Any]) -> Iterator[str]:
    for name, value in card.items():
        if name == "steps":
            yield f"{name} = {_rows(value)}"
        elif name != "timers" or value:
            yield f"{name} = {_value(value)}"


def _rows(rows: Sequence[Mapping[str, str]]) -> str:
    return "".join(("[\n", *(f"  {_value(each)},\n" for each in rows), "]")) if rows else "[]"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {_value(each)}' for name, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)  # a TOML basic string, number or truth value
