"""From milestones to times: how long each part of a response took, or has taken so far.

An interval begins with one milestone and ends with a later one. Where the end is not known it still
says something, and what it says is kept apart (`Outcome`):

* it runs: the time is at least what it has lasted (right-censored, now);
* the order ended before it came so far: at least what it had lasted then (right-censored, at the
  end). That such an order would have gone on like the others is a supposition;
* a later step was told, this one never was: it happened some time before, and no more is known.

Intervals of an incident end with the first order that gets there. Knows no store and no statistic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from server.review.history import ORDER, IncidentPast, Milestone, Moment, OrderPast


class Interval(StrEnum):
    """What is measured, in the order it is shown."""

    CALL_TO_CREATED = "call_to_created"
    CREATED_TO_ISSUED = "created_to_issued"
    """To the first order of the incident."""
    ISSUED_TO_DELIVERED = "issued_to_delivered"
    DELIVERED_TO_ACCEPTED = "delivered_to_accepted"
    ACCEPTED_TO_MOVING = "accepted_to_moving"
    MOVING_TO_ON_SCENE = "moving_to_on_scene"
    """The drive, by what the unit says."""
    ON_SCENE_TO_FEEDBACK = "on_scene_to_feedback"
    FEEDBACK_TO_CLEAR = "feedback_to_clear"
    CLEAR_TO_CLOSED = "clear_to_closed"
    """From the last unit that was done to the end of the incident."""
    PROCESS = "process"
    """From the call, or the opening where that is all there is, to the first order."""
    MOVING_TO_PLACE = "moving_to_place"
    """The drive, by the unit's positions."""
    RESPONSE = "response"
    """From the call, or the opening, to the first unit at the scene."""


class Outcome(StrEnum):
    """What is known of the end of an interval."""

    FINISHED = "finished"
    OPEN = "open"
    """It runs."""
    ENDED = "ended"
    """The order, or the incident, ended before."""
    SKIPPED = "skipped"
    """A later step was told, this one never was."""
    NO_BEGINNING = "no_beginning"
    """The end was told, the beginning never was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One interval of one order or incident."""

    interval: Interval
    outcome: Outcome
    seconds: float = 0.0
    """How long it took; of OPEN and ENDED, how long it had lasted."""
    late: bool = False
    """One of its ends was heard of late."""
    moved: bool = False
    """A clock put one of its ends where it cannot be."""


_OF_ORDER: Final = (
    (Interval.ISSUED_TO_DELIVERED, Milestone.ISSUED, Milestone.DELIVERED),
    (Interval.DELIVERED_TO_ACCEPTED, Milestone.DELIVERED, Milestone.ACCEPTED),
    (Interval.ACCEPTED_TO_MOVING, Milestone.ACCEPTED, Milestone.MOVING),
    (Interval.MOVING_TO_ON_SCENE, Milestone.MOVING, Milestone.ON_SCENE),
    (Interval.ON_SCENE_TO_FEEDBACK, Milestone.ON_SCENE, Milestone.FEEDBACK),
    (Interval.FEEDBACK_TO_CLEAR, Milestone.FEEDBACK, Milestone.CLEAR),
)


def of_order(order: OrderPast, now: datetime) -> Iterator[Span]:
    """The intervals of one order that has got so far."""
    steps = {Milestone.ISSUED: Moment(at=order.issued_at), **order.steps}
    for interval, begins, ends in _OF_ORDER:
        begin, end = steps.get(begins), steps.get(ends)
        later = any(each in steps for each in ORDER[ORDER.index(ends) + 1 :])
        if begin is None and end is not None:
            yield Span(interval=interval, outcome=Outcome.NO_BEGINNING)
        elif begin is not None:
            yield _span(interval, begin, end, skipped=later, ended_at=order.ended_at, now=now)
    yield from _seen_drive(order, now)


def _seen_drive(order: OrderPast, now: datetime) -> Iterator[Span]:
    if (begin := order.steps.get(Milestone.MOVING)) is None:
        return
    end = None if order.seen_at_place is None else Moment(at=order.seen_at_place)
    yield _span(
        Interval.MOVING_TO_PLACE,
        begin,
        end,
        skipped=Milestone.ON_SCENE in order.steps,
        ended_at=order.ended_at,
        now=now,
    )


def of_incident(incident: IncidentPast, now: datetime) -> Iterator[Span]:
    """The intervals of the incident as a whole."""
    opened = Moment(at=incident.opened_at)
    called = None if incident.called_at is None else Moment(at=incident.called_at)
    first = min((each.issued_at for each in incident.orders), default=None)
    issued = None if first is None else Moment(at=first)
    there = incident.first_there
    arrived = None if there is None else there.steps[Milestone.ON_SCENE]

    untold = any(Milestone.CLEAR in each.steps for each in incident.orders)

    def until(
        interval: Interval, begin: Moment, end: Moment | None, *, skipped: bool = False
    ) -> Span:
        return _span(interval, begin, end, skipped=skipped, ended_at=incident.closed_at, now=now)

    if called is not None:
        yield until(Interval.CALL_TO_CREATED, called, opened)
    yield until(Interval.CREATED_TO_ISSUED, opened, issued)
    yield until(Interval.PROCESS, called or opened, issued)
    yield until(Interval.RESPONSE, called or opened, arrived, skipped=untold)
    yield from _closing(incident, now)


def _closing(incident: IncidentPast, now: datetime) -> Iterator[Span]:
    clear = [each.steps.get(Milestone.CLEAR) for each in incident.orders]
    done = [each for each in clear if each is not None]
    if not done or any(each.ended_at is None for each in incident.orders):
        return
    last = max(done, key=lambda each: each.at)
    closed = None if incident.closed_at is None else Moment(at=incident.closed_at)
    yield _span(Interval.CLEAR_TO_CLOSED, last, closed, skipped=False, ended_at=None, now=now)


def _span(
    interval: Interval,
    begin: Moment,
    end: Moment | None,
    *,
    skipped: bool,
    ended_at: datetime | None,
    now: datetime,
) -> Span:
    if end is None and skipped:
        return Span(interval=interval, outcome=Outcome.SKIPPED)
    if end is None:
        outcome = Outcome.OPEN if ended_at is None else Outcome.ENDED
        return Span(
            interval=interval,
            outcome=outcome,
            seconds=_seconds((ended_at or now) - begin.at),
            late=begin.late,
            moved=begin.moved,
        )
    backwards = end.at < begin.at
    return Span(
        interval=interval,
        outcome=Outcome.FINISHED,
        seconds=_seconds(end.at - begin.at),
        late=begin.late or end.late,
        moved=begin.moved or end.moved or backwards,
    )


def _seconds(span: timedelta) -> float:
    """Two clocks that disagree make no time negative."""
    return max(0.0, span.total_seconds())
