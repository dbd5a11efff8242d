"""A set of run cards as TOML that people edit, and the set that comes with Ridgeline.

What `write` gives, `read` takes, value for value.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from server.dispatch.runcardform import Problem, RunCardsError, parse
from server.dispatch.runcards import RunCards, plain

CHARS_MAX: Final = 1_000_000
SHIPPED_FILE: Final = "runcards.toml"
HEADER: Final = """\
# Run cards: what each type of incident asks for. docs/run-cards.md explains every field.
# Numbers are starting values, to calibrate on the county's own log.
# Check this file with `ridgeline runcards check FILE`.
"""


def read(text: str) -> RunCards:
    """Raises `RunCardsError` that names every bad value, or where the text is no TOML."""
    if len(text) > CHARS_MAX:
        raise _no_file(f"is longer than {CHARS_MAX} characters")
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _no_file(f"is no TOML: {error}") from None
    return parse(said)


def write(cards: RunCards) -> str:
    """As TOML, one card after the other."""
    body = plain(cards)
    parts = [HEADER, *(_terms(name, body[name]) for name in ("skills", "equipment"))]
    parts += ["\n".join(("[[cards]]", *_card(each))) + "\n" for each in body["cards"]]
    return "\n".join(parts)


@cache
def shipped() -> RunCards:
    """The set that comes with Ridgeline: starting values."""
    return read((files(__package__) / SHIPPED_FILE).read_text(encoding="utf-8"))


def _no_file(says: str) -> RunCardsError:
    return RunCardsError([Problem(card="", field="", says=f"The file {says}.")])


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
