"""Where the loop broke: instruction, delivered, shown, accepted, moving, on scene, feedback, clear.

Each link of an order begins with one step and ends with the next. It broke where the next step came
after the moment that its timer waits for (`server.dispatch.timers`), or never. Why is told from
what was recorded beside it, and from nothing else; where that explains nothing, it says so. What
happened is kept apart from what was heard: a step in time that the room heard of late did not
break, but the room could not know.

Knows no store and no words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from server.dispatch.orders import OrderState
from server.review.causes import causes_of
from server.review.links import BROKEN, Cause, Link, LinkTime, Verdict, Why
from server.review.measures import PROCESS_S
from server.review.steps import STEPS, Heard, Past, Step

_LINKS: Final = tuple(zip(list(Link)[1:-1], STEPS[:-1], STEPS[1:], strict=True))


def links_of(order: Past, now: datetime) -> list[LinkTime]:
    """The links of one order, in their order."""
    return list(_links(order, now))


def decision_link(
    begins_at: datetime,
    first_order_at: datetime | None,
    closed_at: datetime | None,
    now: datetime,
    *,
    nobody_free: bool,
) -> LinkTime:
    """From the call to the first order: NFPA 1225 wants it within 60 s nine times in ten. An
    incident that was closed before that needed nobody."""
    due_at = begins_at + timedelta(seconds=PROCESS_S)
    verdict = _verdict(due_at, first_order_at, ended_at=closed_at, taken_back=True, now=now)
    late = Why.UNDECIDED if first_order_at is None else Why.DECIDED_LATE
    why = Why.NOBODY_FREE if nobody_free else late
    return LinkTime(
        link=Link.DECISION,
        verdict=verdict,
        begins_at=begins_at,
        ends_at=first_order_at,
        due_at=due_at,
        heard_at=first_order_at,
        causes=(Cause(why=why),) if verdict in BROKEN else (),
    )


def closing_link(cleared_at: datetime | None, closed_at: datetime | None) -> LinkTime:
    """From the last unit that was done to the end of the incident; no timer waits for it."""
    verdict = Verdict.UNTIMED if closed_at is not None else Verdict.WAITING
    return LinkTime(
        link=Link.CLOSING,
        verdict=Verdict.NOT_REACHED if cleared_at is None else verdict,
        begins_at=cleared_at,
        ends_at=None if cleared_at is None else closed_at,
        due_at=None,
        heard_at=closed_at,
    )


def _links(order: Past, now: datetime) -> Iterator[LinkTime]:
    reached = True
    for link, begins, ends in _LINKS:
        begin, due_at = _begin(order, begins), _due_at(link, order)
        end = order.steps.get(ends) or _in_its_place(link, order, due_at)
        if end is None and _told_on(order, ends, due_at):
            verdict = Verdict.UNTOLD
        elif end is None and not reached:
            verdict = Verdict.NOT_REACHED
        else:
            reached = end is not None
            verdict = _verdict(
                _patience(link, order) if end is None else due_at,
                None if end is None else end.at,
                ended_at=order.ended_at,
                taken_back=order.end in _BY_THE_ROOM,
                now=now,
            )
        found = LinkTime(
            link=link,
            verdict=verdict,
            begins_at=None if verdict is Verdict.NOT_REACHED else begin,
            ends_at=None if end is None else end.at,
            due_at=None if verdict is Verdict.NOT_REACHED else due_at,
            heard_at=None if end is None else end.heard_at,
        )
        yield replace(found, causes=causes_of(found, order, now))


def _in_its_place(link: Link, order: Past, due_at: datetime | None) -> Heard | None:
    """Who says "on the way" has taken it on. Where that is the first word of a person and came
    after an answer was due, the answer came with it; else it came before, untold."""
    if link is not Link.ACCEPTANCE or due_at is None:
        return None
    later = (order.steps[step] for step in _AFTER_ACCEPTANCE if step in order.steps)
    first = min(later, key=lambda each: each.at, default=None)
    return first if first is not None and first.at > due_at else None


def _told_on(order: Past, ends: Step, due_at: datetime | None) -> bool:
    """Whether something was told that is not without this step.

    Feedback is a word and nothing else: what was not told until it was due did not take place.
    """
    later = [order.steps[step] for step in STEPS[STEPS.index(ends) + 1 :] if step in order.steps]
    if ends is Step.FEEDBACK and due_at is not None:
        return any(each.at <= due_at for each in later)
    answered = order.end is OrderState.UNABLE or order.standby_until is not None
    return bool(later) or (answered and ends in (Step.DELIVERED, Step.SHOWN))


_BY_THE_ROOM: Final = frozenset(
    {OrderState.CANCELLED, OrderState.RECALLED, OrderState.SUPERSEDED, OrderState.HANDED_OVER}
)


_AFTER_ACCEPTANCE: Final = STEPS[STEPS.index(Step.ACCEPTED) + 1 :]


def _begin(order: Past, begins: Step) -> datetime | None:
    """When the link began: with the last step before it that anybody told of."""
    for step in reversed(STEPS[: STEPS.index(begins) + 1]):
        if step in order.steps:
            return order.steps[step].at
    return None


def _due_at(link: Link, order: Past) -> datetime | None:
    """What its timer waits for: as `server.dispatch.timers` plans it, from what happened."""
    issued_at = order.steps[Step.ISSUED].at
    accepted, there = order.steps.get(Step.ACCEPTED), order.steps.get(Step.ON_SCENE)
    pace = order.pace
    match link:
        case Link.DELIVERY:
            return issued_at + _s(pace.receipt_s)
        case Link.ACCEPTANCE:
            return (order.standby_until or issued_at) + _s(pace.acceptance_s)
        case Link.DEPARTURE if accepted is not None:
            return accepted.at + _s(pace.departure_s)
        case Link.DRIVE if (left_at := _left_at(order)) is not None:
            way_s = pace.arrival_unknown_s if order.eta is None else order.eta.p90_s
            return left_at + _s(way_s + pace.arrival_margin_s)
        case Link.FEEDBACK if there is not None:
            return there.at + _s(pace.feedback_s)
        case _:
            return None


def _left_at(order: Past) -> datetime | None:
    """When it set off; where nobody told, when it should have."""
    moving, accepted = order.steps.get(Step.MOVING), order.steps.get(Step.ACCEPTED)
    if moving is not None:
        return moving.at
    return None if accepted is None else accepted.at + _s(order.pace.departure_s)


def _patience(link: Link, order: Past) -> datetime | None:
    """How long a step is waited for: of one without a timer, as long as for the one after it."""
    return _due_at(Link.ACCEPTANCE if link is Link.DISPLAY else link, order)


def _verdict(
    due_at: datetime | None,
    ends_at: datetime | None,
    *,
    ended_at: datetime | None,
    taken_back: bool,
    now: datetime,
) -> Verdict:
    if ends_at is not None:
        if due_at is None:
            return Verdict.UNTIMED
        return Verdict.IN_TIME if ends_at <= due_at else Verdict.LATE
    over = due_at is not None and (ended_at or now) > due_at
    if ended_at is None:
        return Verdict.OVERDUE if over else Verdict.WAITING
    return Verdict.ENDED if taken_back and not over else Verdict.NEVER


def _s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
