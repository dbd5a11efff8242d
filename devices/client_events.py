"""What a device's user learns from its client: events, past tense, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from protocols.native import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """The server answered; commands and reports flow."""

    resumed: bool
    """False: the server could not continue where this device stood; so on first contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected:
    """The connection, or the attempt to make one, is over; another follows by itself."""

    code: int | None
    """Of the close frame; None: none came."""
    reason: str
    retry_at: float
    """Monotonic seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """No further attempt until `start`: token refused (4002), or asked to."""

    code: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandArrived:
    """A task, or a question about one, to show; or limits, to keep and to answer with `applied`. It
    is stored, and its receipt is on the way."""

    command: Command
    again: bool
    """It had been shown before the program was last restarted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandMissed:
    """What arrived after its time, or waited for somebody until then: to be known, not done."""

    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEnded:
    """Over by somebody else's word, or by time: not to be done or answered any more."""

    command: Command
    """The task, not the notice; or what was asked about it."""
    why: str
    """cancelled; expired; done, unable: said by the unit's other device or by voice; closed. Of a
    question also the last step of its task: done, declined."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeArrived:
    """A notice about nothing that is open here."""

    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrecovered:
    """Something may be missing, and nobody can say what."""

    commands: bool
    """The server's log began anew; open orders were sent again, older news is gone."""
    reports_lost: int
    """Reports the server once had and has lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTrouble:
    """The durable store failed and the client went back to what is stored; or it is full, and what
    came was refused."""

    text: str


Event: TypeAlias = (
    Connected
    | Disconnected
    | Stopped
    | CommandArrived
    | CommandMissed
    | OrderEnded
    | NoticeArrived
    | Unrecovered
    | StoreTrouble
)
