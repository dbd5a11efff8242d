"""What is known of one order afterwards: its steps by two clocks, and what was recorded beside.

A step has the moment that it happened, by the clock of the device that told it, and the moment that
the room heard of it first. Knows no store and no rule of what is late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from geo.eta import Eta
from server.dispatch.orders import OrderState
from server.dispatch.timers import Pace
from server.dispatch.worklist import ItemKind
from server.review.history import LATE, Milestone, Told, Word, words_of


class Step(StrEnum):
    """Of an order, in their order."""

    ISSUED = "issued"
    DELIVERED = "delivered"
    SHOWN = "shown"
    ACCEPTED = "accepted"
    MOVING = "moving"
    ON_SCENE = "on_scene"
    FEEDBACK = "feedback"
    CLEAR = "clear"


STEPS: Final = tuple(Step)
_OF_MILESTONE: Final = {
    Milestone.DELIVERED: Step.DELIVERED,
    Milestone.ACCEPTED: Step.ACCEPTED,
    Milestone.MOVING: Step.MOVING,
    Milestone.ON_SCENE: Step.ON_SCENE,
    Milestone.FEEDBACK: Step.FEEDBACK,
    Milestone.CLEAR: Step.CLEAR,
}
_AS_SHOWN: Final = {Milestone.DELIVERED: Step.SHOWN}
"""Of the reports that it is on a screen alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A step: when it happened, and when the room heard of it first."""

    at: datetime
    heard_at: datetime

    @property
    def told_late(self) -> bool:
        return self.heard_at - self.at > LATE


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTo:
    """One device that the order was to be shown on."""

    device_id: str
    sent_at: datetime | None
    """None: it never connected."""
    refused_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """A time in which nothing of a unit was heard, whatever it reported afterwards."""

    since: datetime
    until: datetime | None
    """None: to the end of what was looked at."""
    level_pct: int | None
    """The lowest that a battery of it had said last; None: none had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadZone:
    """A silence that was foretold."""

    since: datetime
    until: datetime | None
    place: Mapping[str, str]
    """Where radio comes back, by language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """All that is known of an order."""

    steps: Mapping[Step, Heard]
    """Those that were told of, ISSUED among them."""
    pace: Pace
    """That its timers ran by."""
    ended_at: datetime | None
    """None: it runs."""
    end: OrderState | None = None
    reason: str = ""
    """Of the end."""
    successor: int | None = None
    """Number of the order that took its place."""
    standby_until: datetime | None = None
    seen_at_place: datetime | None = None
    eta: Eta | None = None
    """As recommended, from the order on."""
    sent: tuple[SentTo, ...] = ()
    quiets: tuple[Quiet, ...] = ()
    dead_zones: tuple[DeadZone, ...] = ()
    troubles: Mapping[ItemKind, datetime] = field(default_factory=dict)
    """What the room had to see to about this order, and when."""


def heard_steps(
    told: Sequence[Told], *, issued_at: datetime, ended_at: datetime | None
) -> dict[Step, Heard]:
    """The steps of an order from what was told of it, as it came."""
    found = {Step.ISSUED: Heard(at=issued_at, heard_at=issued_at)}
    shown = [each for each in told if each.state is OrderState.SHOWN]
    for step_of, words in ((_OF_MILESTONE.get, told), (_AS_SHOWN.get, shown)):
        for word in words_of(words, issued_at=issued_at, ended_at=ended_at):
            if (step := step_of(word.milestone)) is not None:
                found[step] = _earlier(found.get(step), word)
    return {step: found[step] for step in STEPS if step in found}


def _earlier(found: Heard | None, word: Word) -> Heard:
    """When a step happened by the earliest word of it, and when the first word came."""
    if found is None:
        return Heard(at=word.moment.at, heard_at=word.heard_at)
    return Heard(at=min(found.at, word.moment.at), heard_at=min(found.heard_at, word.heard_at))


def quiets(
    heard: Sequence[tuple[datetime, str, int | None]],
    since: datetime,
    until: datetime,
    *,
    longer_than: timedelta,
) -> tuple[Quiet, ...]:
    """Times between `since` and `until` in which no device of a unit was heard for so long.

    `heard`: when, by which device, and what its battery had; in any order, also from before.
    """
    levels: dict[str, int] = {}
    found: list[Quiet] = []
    last: datetime | None = None
    for at, device_id, level in sorted(heard, key=lambda each: each[0]):
        if last is not None and at > since and last < until and at - last > longer_than:
            found.append(_quiet(last, at, levels))
        last = at
        if level is not None:
            levels[device_id] = level
    if last is not None and until - last > longer_than:
        found.append(_quiet(last, None, levels))
    return tuple(found)


def _quiet(since: datetime, until: datetime | None, levels: Mapping[str, int]) -> Quiet:
    return Quiet(since=since, until=until, level_pct=min(levels.values(), default=None))
