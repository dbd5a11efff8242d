"""The words under which an entry of the command log is found, and the question that finds them.

Two sorts, which never meet, because only the second has a colon:

    words   of actor, subject, kind and the body's values, in lower case: letters and digits in a
            row; Chinese and Japanese, which part no words, as each two characters in a row
    marks   `actor:…`, `subject:…`, `kind:…` (also of its first parts), and whoever is named,
            wherever in the body: `unit:…` (id or call sign), `officer:…` (badge), `incident:…` (id)

Full-width letters, digits and signs are as good as others. A question is a PostgreSQL `tsquery`
over them. Knows no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final

WORD_LEN_MAX: Final = 80
"""Characters of a word that count."""
WORDS_MAX: Final = 2_000
"""Different words of one entry; what comes later in it is not found by its words."""
BEGINNING_LEN_MIN: Final = 2
"""From so many characters on the last word may be the beginning of one."""

_HALF_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_FULL_WIDTH: Final = {narrow: wide for wide, narrow in _HALF_WIDTH.items()}
_HAN: Final = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PARTS: Final = re.compile(rf"(?P<han>[{_HAN}]+)|(?P<word>[^\W_{_HAN}]+)")
_NAMED: Final = {
    "unit": "unit",
    "units": "unit",
    "call_sign": "unit",
    "passed_over": "unit",
    "officer": "officer",
    "officers": "officer",
    "badge": "officer",
    "officer_badge": "officer",
    "incident": "incident",
}
"""Key of a body: what its strings name."""


def mark(name: str, value: str) -> str:
    """The one word that says this of an entry, letter case ignored."""
    return f"{name}:{'_'.join(half_width(value).lower().split())}"[:WORD_LEN_MAX]


def of_entry(*, actor: str, subject: str, kind: str, body: Any) -> list[str]:
    """Each once, at most `WORDS_MAX`, none with white space in it."""
    found = dict.fromkeys(_marks(actor, subject, kind))
    for word in _of_values(body, ""):
        if len(found) >= WORDS_MAX:
            break
        found[word] = None
    return list(found)


def asked(text: str) -> str | None:
    """Finds all entries that have the text, where it begins with a word; None: no word is in it.

    Its last word may go on. Whoever asks compares the text itself with what was found.
    """
    questions = dict.fromkeys(
        both(terms)
        for each in (half_width(text).lower(), text.lower())  # entries from before have the second
        if (terms := [term for part in _PARTS.finditer(each) for term in _terms(part, len(each))])
    )
    return " | ".join(f"({each})" for each in questions) if questions else None


def half_width(text: str) -> str:
    """As most keyboards write it."""
    return text if text.isascii() else text.translate(_HALF_WIDTH)


def ways_of(text: str) -> list[str]:
    """How somebody may have written it: so, all in half or in full width; databases know the case
    of half-width letters alone."""
    half = half_width(text)
    full = (each.translate(_FULL_WIDTH) for each in (half, half.lower(), half.upper()))
    return list(dict.fromkeys((text, half, *full)))


def exactly(words: Iterable[str]) -> str:
    """Entries with any of these."""
    return f"({' | '.join(map(_quoted, words))})"


def both(questions: Sequence[str]) -> str:
    """Entries that answer all of them."""
    return " & ".join(f"({each})" if " | " in each else each for each in questions)


def _marks(actor: str, subject: str, kind: str) -> Iterator[str]:
    yield mark("actor", actor)
    yield mark("subject", subject)
    yield from (mark("kind", first) for first in accumulate(kind.split("."), "{}.{}".format))
    for who in (actor, subject):
        name, _, value = who.partition(":")
        if name in _NAMED.values():
            yield mark(name, value)
        yield from _words(who)
    yield from _words(kind)


def _of_values(value: Any, name: str) -> Iterator[str]:
    match value:
        case dict():
            for key, each in value.items():
                yield from _of_values(each, key)
        case list():
            for each in value:
                yield from _of_values(each, name)
        case str():
            if value and name in _NAMED:
                yield mark(_NAMED[name], value)
            yield from _words(value)
        case int() | float() | Decimal() if not isinstance(value, bool):
            yield from _words(format(value, "f") if isinstance(value, Decimal) else str(value))


def _words(text: str) -> Iterator[str]:
    for part in _PARTS.finditer(half_width(text).lower()):
        if part.lastgroup == "word":
            yield part[0][:WORD_LEN_MAX]
        else:  # the last alone, so that one character finds it, too
            yield from (part[0][at : at + 2] for at in range(len(part[0])))


def _terms(part: re.Match[str], text_len: int) -> Iterator[str]:
    found = part[0]
    if part.lastgroup == "han":
        if len(found) == 1:
            yield f"{_quoted(found)}:*"
        yield from (_quoted(found[at : at + 2]) for at in range(len(found) - 1))
        return
    goes_on = part.end() == text_len and len(found) >= BEGINNING_LEN_MIN
    yield _quoted(found[:WORD_LEN_MAX]) + (":*" if goes_on else "")


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
