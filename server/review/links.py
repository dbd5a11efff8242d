"""A link of the loop: what lies between two steps, how it came out, and why; values alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from server.review.history import LATE


class Link(StrEnum):
    """What lies before each step."""

    DECISION = "decision"
    """From the call, or the opening where that is all there is, to the first order."""
    DELIVERY = "delivery"
    DISPLAY = "display"
    ACCEPTANCE = "acceptance"
    DEPARTURE = "departure"
    DRIVE = "drive"
    FEEDBACK = "feedback"
    CLEARING = "clearing"
    CLOSING = "closing"
    """From the last unit that was done to the end of the incident."""


class Verdict(StrEnum):
    IN_TIME = "in_time"
    UNTIMED = "untimed"
    """It came; no timer waits for it."""
    LATE = "late"
    NEVER = "never"
    """The order ended without it."""
    OVERDUE = "overdue"
    """It has not come, and its time is over."""
    WAITING = "waiting"
    ENDED = "ended"
    """The room took the order back before it was due."""
    UNTOLD = "untold"
    """Nobody told of it, but of what is not without it: it happened, nobody knows when."""
    NOT_REACHED = "not_reached"


BROKEN: Final = frozenset({Verdict.LATE, Verdict.NEVER, Verdict.OVERDUE})


class Why(StrEnum):
    """What explains a broken link; `values` of a `Cause` say the rest."""

    DECIDED_LATE = "decided_late"
    UNDECIDED = "undecided"
    """Nobody was sent, though units were free."""
    NOBODY_FREE = "nobody_free"
    """Nobody could be sent when somebody should have been: no recommendation until then had one."""
    NO_DEVICE = "no_device"
    """The unit had no device that could show the order."""
    REFUSED = "refused"
    """A device said that it cannot show it."""
    OFFLINE = "offline"
    """No device of the unit was connected when the order was there to be sent."""
    DEAD_ZONE = "dead_zone"
    BATTERY_EMPTY = "battery_empty"
    SILENT = "silent"
    """No device of the unit was heard, and nothing explains it."""
    NOBODY_ANSWERED = "nobody_answered"
    """The order was on a screen, and no person answered."""
    CAME_LATE = "came_late"
    """It was delivered or shown only after the answer was due."""
    STANDBY = "standby"
    """The unit asked for time."""
    DECLINED = "declined"
    REASSIGNED = "reassigned"
    """Another unit was sent in its place."""
    SENT_ELSEWHERE = "sent_elsewhere"
    """Its unit was given another order."""
    TAKEN_BACK = "taken_back"
    EXPIRED = "expired"
    UNDELIVERABLE = "undeliverable"
    SLOWER = "slower"
    """The drive took longer than nine in ten were foretold to."""
    STOPPED = "stopped"
    DRIVING_AWAY = "driving_away"
    SAID_LATE = "said_late"
    """By its position the unit was there in time."""
    NO_WORD = "no_word"
    """The unit was heard by its devices, and no person said anything."""
    TOLD_LATE = "told_late"
    """The word came late, whenever it happened."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    why: Why
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTime:
    """One link of one order, or of the incident."""

    link: Link
    verdict: Verdict
    begins_at: datetime | None
    ends_at: datetime | None
    due_at: datetime | None
    """None: no timer waits for it, or nobody knows since when."""
    heard_at: datetime | None = None
    causes: tuple[Cause, ...] = ()

    @property
    def took_s(self) -> float | None:
        if self.begins_at is None or self.ends_at is None:
            return None
        return max(0.0, (self.ends_at - self.begins_at).total_seconds())

    @property
    def heard_late(self) -> bool:
        """Whether it came, and the word of it much later."""
        if self.ends_at is None or self.heard_at is None:
            return False
        return self.heard_at - self.ends_at > LATE

    @property
    def broken(self) -> bool:
        return self.verdict in BROKEN
