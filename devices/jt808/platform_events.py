"""What the platform's side of a JT/T 808 link tells its caller.

A `Ticket` stands for one message of the terminal that waits for the caller's answer; the terminal
says the message again until it has one, so nothing is answered before it is durable.
"""

from __future__ import annotations

from dataclasses import dataclass

from devices.jt808.memory import Said
from protocols.jt808.layout import Body
from protocols.jt808.location import Location
from protocols.jt808.session import Authentication, Registration


@dataclass(frozen=True, slots=True)
class Ticket:
    """One message that waits for our answer."""

    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Registering:
    """It wants to be known: answer with `answer_registration`."""

    ticket: Ticket
    registration: Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticating:
    """It says who it is: answer, and `admit` it or not."""

    ticket: Ticket
    authentication: Authentication


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """It says where it is, or was."""

    ticket: Ticket
    locations: tuple[Location, ...]
    backfill: bool = False
    """Kept where there was no network: history, whatever its time."""
    key: str = ""
    """Of the query that this answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The terminal's word on a message of ours: it has it (0), or not. Never a person's word."""

    key: str
    message_id: int
    result: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A message of ours was sent as often as it may be, and nothing came."""

    key: str
    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chose:
    """A person chose an answer to the question that had this serial, perhaps on an older link."""

    ticket: Ticket
    serial: int
    choice: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeAsked:
    """Answer with `tell_time`."""

    ticket: Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Anything else that has a meaning; it is answered already. `key`: of our query, if it is one's
    answer."""

    message: Body
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A frame that says nothing reliable; the link stays."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidAgain:
    """A message that is known already: its answer goes out again."""

    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherTerminal:
    """A frame of another terminal on this link; it is told that it failed."""


Event = (
    Registering
    | Authenticating
    | Located
    | Answered
    | Unanswered
    | Chose
    | TimeAsked
    | Heard
    | Unreadable
    | SaidAgain
    | OtherTerminal
)
