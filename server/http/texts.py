"""Patterns of the texts that the API takes, and how a refusal names them. Knows no field."""

from __future__ import annotations

_UNSEEN = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""Control characters, and those that turn the direction of what follows (Unicode UAX #9): with
them one name can look like another, or break a line of a log."""

NO_NUL = r"\A[^\x00]*\Z"
"""PostgreSQL stores no NUL."""
NOT_BLANK = r"\A(?=[\s\S]*\S)[^\x00]*\Z"
"""A text that says something."""
_words = {
    NO_NUL: "a text without NUL characters",
    NOT_BLANK: "a text that is not blank, without NUL characters",
}


def name_of(len_max: int) -> str:
    """What is shown as somebody's or something's name: one line, not blank, only what is seen."""
    pattern = rf"\A(?=[\s\S]*\S)[^{_UNSEEN}]{{1,{len_max}}}\Z"
    _words[pattern] = f"a name of 1 to {len_max} characters on one line"
    return pattern


def in_words(refusal: str) -> str:
    """What msgspec says about a value that does not match one of our patterns, for people."""
    for pattern, words in _words.items():
        refusal = refusal.replace(f"`str` matching regex {pattern!r}", words)
    return refusal
