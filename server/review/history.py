"""What happened to incidents and orders, as milestones: what everything is reckoned from.

A milestone is the moment something happened, by the best word there is of it, and not the moment it
was heard of: a report out of a dead zone comes late and says when it was. Knows no store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from server.dispatch.orders import OrderState
from server.views import Priority

LATE: Final = timedelta(seconds=30)
"""A report that came so long after what it tells waited somewhere (`dispatch.clock.QUICK_S`)."""


class Milestone(StrEnum):
    """Of a call and of an order for it, as they follow each other."""

    CALLED = "called"
    """It came in from outside; known of what the inbox took."""
    CREATED = "created"
    """The incident was opened."""
    ISSUED = "issued"
    DELIVERED = "delivered"
    """A machine of the unit had the order."""
    ACCEPTED = "accepted"
    """A person of the unit took it on."""
    MOVING = "moving"
    ON_SCENE = "on_scene"
    FEEDBACK = "feedback"
    """The first from the scene."""
    CLEAR = "clear"
    """The unit is done with it."""
    CLOSED = "closed"
    """The incident was closed."""


ORDER: Final = tuple(Milestone)
OF_STATE: Final[Mapping[OrderState, Milestone]] = {
    OrderState.DELIVERED: Milestone.DELIVERED,
    OrderState.SHOWN: Milestone.DELIVERED,
    OrderState.ACCEPTED: Milestone.ACCEPTED,
    OrderState.EN_ROUTE: Milestone.MOVING,
    OrderState.ON_SCENE: Milestone.ON_SCENE,
    OrderState.FEEDBACK: Milestone.FEEDBACK,
    OrderState.DONE: Milestone.CLEAR,
}
"""Which reports tell of which milestone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When something happened."""

    at: datetime
    late: bool = False
    """We heard of it more than LATE after it."""
    moved: bool = False
    """Its clock put it where it cannot be: before what led to it, or after we heard of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One report of a step of an order."""

    state: OrderState
    device_at: datetime | None
    """By the device's clock; None: it was not told through a device."""
    clock_offset_s: float | None
    """How far that clock was ahead of ours, as estimated; None: not known."""
    server_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPast:
    """One order for one unit."""

    id: str
    unit_id: str
    issued_at: datetime
    ended_at: datetime | None
    """None: it runs."""
    steps: Mapping[Milestone, Moment]
    """Of DELIVERED to CLEAR, those that were told of."""
    seen_at_place: datetime | None = None
    """Since when the unit was at the place by its position, whatever it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentPast:
    """One incident and its orders, oldest first."""

    id: str
    type: str
    priority: Priority
    lon: float
    lat: float
    called_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None
    orders: tuple[OrderPast, ...] = field(default=())

    @property
    def first_there(self) -> OrderPast | None:
        """The order whose unit was at the scene first, by its own word."""
        there = [each for each in self.orders if Milestone.ON_SCENE in each.steps]
        return min(there, key=lambda each: each.steps[Milestone.ON_SCENE].at, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A report that tells of a milestone."""

    milestone: Milestone
    moment: Moment
    heard_at: datetime


def words_of(told: Iterable[Told], *, issued_at: datetime, ended_at: datetime | None) -> list[Word]:
    """What tells of the milestones of an order, as it came.

    What is told to have happened after the end of the order tells nothing of it. Feedback that came
    from the way, and was told before the arrival was, is none from the scene.
    """
    words = [
        Word(milestone=milestone, moment=_moment(each, issued_at), heard_at=each.server_at)
        for each in told
        if (milestone := OF_STATE.get(each.state)) is not None
    ]
    kept = [each for each in words if ended_at is None or each.moment.at <= ended_at]
    arrivals = [each for each in kept if each.milestone is Milestone.ON_SCENE]
    there_at = min((each.moment.at for each in arrivals), default=None)
    told_at = min((each.heard_at for each in arrivals), default=None)
    return [
        each
        for each in kept
        if each.milestone is not Milestone.FEEDBACK
        or (there_at is not None and each.moment.at >= there_at)
        or (told_at is not None and each.heard_at >= told_at)
    ]


def steps_of(
    told: Iterable[Told], *, issued_at: datetime, ended_at: datetime | None
) -> dict[Milestone, Moment]:
    """The earliest word of each milestone of an order; as `words_of`."""
    found: dict[Milestone, Moment] = {}
    for each in words_of(told, issued_at=issued_at, ended_at=ended_at):
        if each.milestone not in found or each.moment.at < found[each.milestone].at:
            found[each.milestone] = each.moment
    return found


def _moment(told: Told, issued_at: datetime) -> Moment:
    """By the device's clock put right, never before the order nor after we heard of it."""
    if told.device_at is None:
        return Moment(at=told.server_at)
    at = told.device_at - timedelta(seconds=told.clock_offset_s or 0.0)
    inside = min(max(at, issued_at), max(told.server_at, issued_at))
    moved = abs(at - inside) > timedelta(seconds=1)
    return Moment(at=inside, late=told.server_at - inside > LATE, moved=moved)
