"""The life of one order: a table, and one function that applies it.

Theory
------
An order belongs to one unit. Whoever reports about it (a device, an officer through a device, the
dispatcher who heard it by voice, our own clock) says "this order is now X"; `decide` answers what
becomes of it.

* Receipt is a machine's word (`delivered`, `shown`); from `standby` on it is a person's word, and
  the report must name an officer of the unit. A machine can never answer for one. Where the way it
  came by brings a person's answer and no badge, it counts as that and no more: see `answers`.
* States only rise: issued < delivered < shown < standby < accepted < en_route < on_scene
  < feedback < an end. Steps may be jumped over: a report that was lost, or came by the unit's other
  device, must not hold up a later truth. A report at or below the present rank is *late*: history,
  no change.
* `standby` ("wait, until …") repeats, and so does `feedback`. Feedback before arrival is a note on
  the way and leaves the state where it is, so that the arrival still counts when it comes.
* `unable` ends the order from anywhere before arrival, and needs a reason; at the scene an order
  ends by `done`. Only the dispatcher cancels, at any time, with a reason.
* `recalled`, `superseded` (by another order to the same unit) and `handed_over` (to another unit)
  are asked for first, and are the end only once a person of the unit confirms: until then the unit
  may be acting on it, whatever the room wishes. Only what was asked for can be confirmed.
* `expired` and `undeliverable` are our clock's word, and only while nobody has accepted:
  undeliverable when not even a machine had it.
* What comes after an end changes nothing.
* Every applied report raises `ver` by one. A person at a console acts on what he saw: he names
  the `ver` he saw, and another one means *stale* (compare-and-set). Devices name none: their
  reports are facts, and the ranks put them in order.

   issued ─▶ delivered ─▶ shown ─▶ standby ─▶ accepted ─▶ en_route ─▶ on_scene ⇄ feedback ─▶ done
     └──────────┴───────────┴─────────┴───────────┴──────────┴─▶ unable
     └──────────┴───────────┴─────────┴─▶ expired; undeliverable from issued alone
     └── anywhere before an end ─▶ cancelled; when asked for: recalled, superseded, handed_over

*Escalated* is not a state: an order that nobody answered can still be accepted. What happens beside
the states (`Mark`) stands in the order's history and leaves the rank alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class OrderState(StrEnum):
    """States of an order; also what a report says."""

    ISSUED = "issued"
    DELIVERED = "delivered"
    SHOWN = "shown"
    STANDBY = "standby"
    ACCEPTED = "accepted"
    UNABLE = "unable"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    FEEDBACK = "feedback"
    DONE = "done"
    CANCELLED = "cancelled"
    RECALLED = "recalled"
    SUPERSEDED = "superseded"
    HANDED_OVER = "handed_over"
    EXPIRED = "expired"
    UNDELIVERABLE = "undeliverable"


class Mark(StrEnum):
    """What happens to an order beside its states."""

    REPEATED = "repeated"
    """Announced once more, because nobody had answered."""
    ESCALATED = "escalated"
    RECALL_REQUESTED = "recall_requested"
    RECALL_DECLINED = "recall_declined"
    """A person of the unit goes on with the order, and said why."""
    WELFARE_ASKED = "welfare_asked"
    WELFARE_OK = "welfare_ok"
    WELFARE_ALARM = "welfare_alarm"
    """A person of the unit is not all right."""
    LEADER_TOOK = "leader_took"
    """Nobody of the unit answered, and its leader sees to it."""
    LEADER_DECLINED = "leader_declined"
    AT_PLACE = "at_place"
    """By its position the unit is there; its own word is `on_scene`."""


class Speaker(StrEnum):
    """Who reports."""

    DEVICE = "device"
    """Through a device: its machine, or an officer who names himself."""
    DISPATCHER = "dispatcher"
    """At the console: what the unit said by voice, or the dispatcher's own will."""
    CLOCK = "clock"
    """Ours: a time ran out."""


class Why(StrEnum):
    """Why a report did not change the order."""

    LATE = "late"
    """At or below the present rank."""
    CLOSED = "closed"
    """The order was over."""
    NOT_ALLOWED = "not_allowed"
    """Not from this state, or not by this speaker."""
    STALE = "stale"
    """The dispatcher had seen another version."""
    NO_REASON = "no_reason"
    """`unable` and `cancelled` say why."""
    NO_BADGE = "no_badge"
    """A person's step without a person."""
    TOO_LATE = "too_late"
    """What was asked for was given up meanwhile."""
    NOT_IN_UNIT = "not_in_unit"
    """The badge is not of an officer of the unit."""


_S = OrderState

BY_MACHINE = frozenset({_S.DELIVERED, _S.SHOWN})
"""Steps a device takes by itself."""
BY_OFFICER = frozenset(
    {_S.STANDBY, _S.ACCEPTED, _S.UNABLE, _S.EN_ROUTE, _S.ON_SCENE, _S.FEEDBACK, _S.DONE}
)
"""Steps a person of the unit takes."""
CONFIRMED = frozenset({_S.RECALLED, _S.SUPERSEDED, _S.HANDED_OVER})
"""Ends that are asked for, and that a person of the unit confirms."""
BY_CLOCK = frozenset({_S.EXPIRED, _S.UNDELIVERABLE})
"""Ends of an order that nobody accepted in time."""
MAY_SAY: dict[Speaker, frozenset[OrderState]] = {
    Speaker.DEVICE: BY_MACHINE | BY_OFFICER | CONFIRMED,
    Speaker.DISPATCHER: BY_OFFICER | CONFIRMED | {_S.CANCELLED},
    Speaker.CLOCK: BY_CLOCK,
}
NEEDS_REASON = frozenset({_S.UNABLE, _S.CANCELLED})

ENDS = frozenset({_S.UNABLE, _S.DONE, _S.CANCELLED}) | CONFIRMED | BY_CLOCK
_WAY = (
    *(_S.ISSUED, _S.DELIVERED, _S.SHOWN, _S.STANDBY),
    *(_S.ACCEPTED, _S.EN_ROUTE, _S.ON_SCENE, _S.FEEDBACK),
)
RANK: dict[OrderState, int] = {
    **{state: rank for rank, state in enumerate(_WAY)},
    **dict.fromkeys(ENDS, len(_WAY)),
}
"""Never falls during the life of an order."""


def _to(*states: OrderState) -> dict[OrderState, OrderState]:
    return {state: state for state in states}


_ANY_TIME = _to(_S.CANCELLED, *sorted(CONFIRMED))
_UNANSWERED = _to(_S.UNABLE, _S.EXPIRED)

TRANSITIONS: dict[OrderState, dict[OrderState, OrderState]] = {
    # present state: {what is reported: the state it makes}
    _S.ISSUED: _ANY_TIME
    | _UNANSWERED
    | _to(_S.DELIVERED, _S.SHOWN, _S.STANDBY, _S.ACCEPTED, _S.EN_ROUTE, _S.ON_SCENE, _S.DONE)
    | _to(_S.UNDELIVERABLE),
    _S.DELIVERED: _ANY_TIME
    | _UNANSWERED
    | _to(_S.SHOWN, _S.STANDBY, _S.ACCEPTED, _S.EN_ROUTE, _S.ON_SCENE, _S.DONE),
    _S.SHOWN: _ANY_TIME
    | _UNANSWERED
    | _to(_S.STANDBY, _S.ACCEPTED, _S.EN_ROUTE, _S.ON_SCENE, _S.DONE),
    _S.STANDBY: _ANY_TIME
    | _UNANSWERED
    | _to(_S.STANDBY, _S.ACCEPTED, _S.EN_ROUTE, _S.ON_SCENE, _S.DONE),
    _S.ACCEPTED: _ANY_TIME
    | _to(_S.UNABLE, _S.EN_ROUTE, _S.ON_SCENE, _S.DONE)
    | {_S.FEEDBACK: _S.ACCEPTED},
    _S.EN_ROUTE: _ANY_TIME | _to(_S.UNABLE, _S.ON_SCENE, _S.DONE) | {_S.FEEDBACK: _S.EN_ROUTE},
    _S.ON_SCENE: _ANY_TIME | _to(_S.FEEDBACK, _S.DONE),
    _S.FEEDBACK: _ANY_TIME | _to(_S.FEEDBACK, _S.DONE),
    **{end: {} for end in sorted(ENDS)},
}

STANDBY_MAX = timedelta(minutes=30)
"""Longer is no answer but a refusal: the dispatcher needs another unit."""
STANDBY_UNSAID = timedelta(minutes=2)
"""Where a unit says "wait" and not until when (starting value)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One report about an order."""

    state: OrderState
    speaker: Speaker
    badge: str = ""
    """Of the officer who takes the step; devices only."""
    unnamed: bool = False
    """A person of the unit takes it, and nobody knows which."""
    reason: str = ""
    seen_ver: int | None = None
    """The version the dispatcher acted on; None from devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of the order. `why` is None exactly when the report was applied."""

    state: OrderState
    ver: int
    why: Why | None = None

    @property
    def applied(self) -> bool:
        return self.why is None


def is_closed(state: OrderState) -> bool:
    """Whether the order is over."""
    return state in ENDS


def is_answered(state: OrderState) -> bool:
    """Whether a person of the unit has taken the order on, and it is not over."""
    return RANK[_S.ACCEPTED] <= RANK[state] and state not in ENDS


def standby_until(asked: datetime | None, now: datetime) -> datetime:
    """Until when an order waits that a unit put off; at most `STANDBY_MAX` from now."""
    return min(max(asked or now + STANDBY_UNSAID, now), now + STANDBY_MAX)


def unanswerable(badge: str, crew: frozenset[str], *, unnamed: bool = False) -> Why | None:
    """Why a person with this badge cannot answer for the unit; None: he can.

    `unnamed`: it is a person of the unit, by a way that cannot say which.
    """
    if not badge:
        return None if unnamed else Why.NO_BADGE
    return None if badge in crew else Why.NOT_IN_UNIT


def decide(
    state: OrderState,
    ver: int,
    said: Statement,
    *,
    crew: frozenset[str],
    asked: OrderState | None = None,
) -> Verdict:
    """Apply one report to an order in `state` at `ver`.

    `crew`: the badges of its unit; `asked`: the end that a recall waits to be confirmed as.
    """
    if (objection := _objection(ver, said, crew)) is not None:
        return Verdict(state=state, ver=ver, why=objection)
    if (after := TRANSITIONS[state].get(said.state)) is None:
        return Verdict(state=state, ver=ver, why=_why_not(state, said.state))
    if said.state in CONFIRMED and said.state is not asked:
        return Verdict(state=state, ver=ver, why=Why.NOT_ALLOWED)
    return Verdict(state=after, ver=ver + 1)


def _objection(ver: int, said: Statement, crew: frozenset[str]) -> Why | None:
    """What is wrong with the report itself, whatever the order's state allows."""
    if said.state not in MAY_SAY[said.speaker]:
        return Why.NOT_ALLOWED
    by_person = said.speaker is Speaker.DEVICE and said.state not in BY_MACHINE
    if by_person:
        why = unanswerable(said.badge, crew, unnamed=said.unnamed)
        if why is not None:
            return why
    if said.state in NEEDS_REASON and not said.reason.strip():
        return Why.NO_REASON
    if said.seen_ver is not None and said.seen_ver != ver:
        return Why.STALE
    return None


def _why_not(state: OrderState, reported: OrderState) -> Why:
    if is_closed(state):
        # The unit's other device may catch up on its receipts long after the order is over.
        return Why.LATE if reported in BY_MACHINE or reported is state else Why.CLOSED
    return Why.LATE if RANK[reported] <= RANK[state] else Why.NOT_ALLOWED
