"""What a terminal's side of the link tells whoever plays the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.jt808.layout import Body


@dataclass(frozen=True, slots=True, kw_only=True)
class LetIn:
    """The platform knows this terminal: reports go out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The platform does not."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextShown:
    """On the display, and spoken; the platform has the terminal's receipt."""

    text: str
    urgent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAsked:
    """A person is to choose: answer with `choose`."""

    serial: int
    text: str
    choices: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmTaken:
    """A person at the platform has taken the alarm: it is off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalChanged:
    """Reports come at another pace from now on: see `TerminalSession.interval_s`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """Anything else that the platform wants of the terminal; it is answered already."""

    message: Body


Event = LetIn | Refused | TextShown | QuestionAsked | AlarmTaken | IntervalChanged | Ordered
