"""What is said to the person at a terminal, in the form that its year of the standard has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from protocols.jt808.fields import Dialect, bytes_of
from protocols.jt808.orders import (
    TEXT_BYTES_MAX,
    Choice,
    Question,
    TextClass,
    TextFlag,
    TextMessage,
    TextType,
)

QUESTION_BYTES_MAX: Final = 255
"""Of a question's text: its length is one byte."""
CUT: Final = "…"
CLASS_BITS: Final = 0b11
"""Of the flags, where 2019 has the class of a text."""


def a_text(text: str, dialect: Dialect, *, urgent: bool) -> TextMessage:
    """Shown and spoken; cut at `TEXT_BYTES_MAX`."""
    return TextMessage(
        flags=_how(dialect, urgent=urgent),
        kind=TextType.NOTICE,
        text=clipped(text, TEXT_BYTES_MAX),
    )


def a_question(text: str, choices: Sequence[str], *, urgent: bool) -> Question:
    """With its answers, numbered from 1; 2019 left the layout to the years before it."""
    flags = TextFlag.SPEAK | (TextFlag.EMERGENCY if urgent else 0)
    return Question(
        flags=flags,
        text=clipped(text, QUESTION_BYTES_MAX),
        choices=tuple(Choice(id=n, text=each) for n, each in enumerate(choices, start=1)),
    )


def fits_question(text: str) -> bool:
    """Whether a question holds it whole."""
    return len(bytes_of(text)) <= QUESTION_BYTES_MAX


def is_urgent(message: TextMessage, dialect: Dialect) -> bool:
    if dialect is Dialect.Y2019:
        return message.flags & CLASS_BITS == TextClass.EMERGENCY
    return bool(message.flags & TextFlag.EMERGENCY)


def clipped(text: str, bytes_max: int) -> str:
    """As much of it as so many GBK bytes hold, and a sign that there was more."""
    if len(bytes_of(text)) <= bytes_max:
        return text
    room = bytes_max - len(bytes_of(CUT))
    size, kept = 0, []
    for letter in text:
        size += len(bytes_of(letter))
        if size > room:
            break
        kept.append(letter)
    return "".join(kept) + CUT


def _how(dialect: Dialect, *, urgent: bool) -> int:
    shown = TextFlag.SHOW | TextFlag.SPEAK
    if dialect is Dialect.Y2019:
        return shown | (TextClass.EMERGENCY if urgent else TextClass.NOTICE)
    return shown | (TextFlag.EMERGENCY if urgent else 0)
