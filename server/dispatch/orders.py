"""The life of one order: a table, and one function that applies it.

Theory
------
An order belongs to one unit. Whoever reports about it (a device, an officer through a device, the
dispatcher who heard it by voice) says "this order is now X"; `decide` answers what becomes of it.

* Receipt is a machine's word (`delivered`, `shown`); from `accepted` on it is a person's word, and
  the report must name an officer of the unit. A machine can never accept.
* States only rise: issued < delivered < shown < accepted < en_route < on_scene < feedback < done.
  Steps may be jumped over: a report that was lost, or came by the unit's other device, must not
  hold up a later truth. A report at or below the present rank is *late*: history, no change.
* `feedback` repeats. Before arrival it is a note on the way and leaves the state where it is,
  so that the arrival still counts when it comes.
* `unable` ends the order from anywhere before arrival, and needs a reason; at the scene an order
  ends by `done`. Only the dispatcher cancels, at any time, with a reason.
* `unable`, `done` and `cancelled` are the ends; what comes after an end changes nothing.
* Every applied report raises `ver` by one. A person at a console acts on what he saw: he names
  the `ver` he saw, and another one means *stale* (compare-and-set). Devices name none: their
  reports are facts, and the ranks put them in order.

                issued ─▶ delivered ─▶ shown ─▶ accepted ─▶ en_route ─▶ on_scene ⇄ feedback ─▶ done
                   └──────────┴──────────┴─────────┴───────────┴─▶ unable
                   └── anywhere before an end ──▶ cancelled

Time-outs, escalation, recall with confirmation and supersession are not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OrderState(StrEnum):
    """States of an order; also what a report says."""

    ISSUED = "issued"
    DELIVERED = "delivered"
    SHOWN = "shown"
    ACCEPTED = "accepted"
    UNABLE = "unable"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    FEEDBACK = "feedback"
    DONE = "done"
    CANCELLED = "cancelled"


class Speaker(StrEnum):
    """Who reports."""

    DEVICE = "device"
    """Through a device: its machine, or an officer who names himself."""
    DISPATCHER = "dispatcher"
    """At the console: what the unit said by voice, or the dispatcher's own will."""


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
    NOT_IN_UNIT = "not_in_unit"
    """The badge is not of an officer of the unit."""


_S = OrderState

RANK: dict[OrderState, int] = {
    _S.ISSUED: 0,
    _S.DELIVERED: 1,
    _S.SHOWN: 2,
    _S.ACCEPTED: 3,
    _S.EN_ROUTE: 4,
    _S.ON_SCENE: 5,
    _S.FEEDBACK: 6,
    _S.UNABLE: 7,
    _S.DONE: 7,
    _S.CANCELLED: 7,
}
"""Never falls during the life of an order."""

TRANSITIONS: dict[OrderState, dict[OrderState, OrderState]] = {
    # present state: {what is reported: the state it makes}
    _S.ISSUED: {
        _S.DELIVERED: _S.DELIVERED,
        _S.SHOWN: _S.SHOWN,
        _S.ACCEPTED: _S.ACCEPTED,
        _S.UNABLE: _S.UNABLE,
        _S.EN_ROUTE: _S.EN_ROUTE,
        _S.ON_SCENE: _S.ON_SCENE,
        _S.DONE: _S.DONE,
        _S.CANCELLED: _S.CANCELLED,
    },
    _S.DELIVERED: {
        _S.SHOWN: _S.SHOWN,
        _S.ACCEPTED: _S.ACCEPTED,
        _S.UNABLE: _S.UNABLE,
        _S.EN_ROUTE: _S.EN_ROUTE,
        _S.ON_SCENE: _S.ON_SCENE,
        _S.DONE: _S.DONE,
        _S.CANCELLED: _S.CANCELLED,
    },
    _S.SHOWN: {
        _S.ACCEPTED: _S.ACCEPTED,
        _S.UNABLE: _S.UNABLE,
        _S.EN_ROUTE: _S.EN_ROUTE,
        _S.ON_SCENE: _S.ON_SCENE,
        _S.DONE: _S.DONE,
        _S.CANCELLED: _S.CANCELLED,
    },
    _S.ACCEPTED: {
        _S.UNABLE: _S.UNABLE,
        _S.EN_ROUTE: _S.EN_ROUTE,
        _S.ON_SCENE: _S.ON_SCENE,
        _S.FEEDBACK: _S.ACCEPTED,
        _S.DONE: _S.DONE,
        _S.CANCELLED: _S.CANCELLED,
    },
    _S.EN_ROUTE: {
        _S.UNABLE: _S.UNABLE,
        _S.ON_SCENE: _S.ON_SCENE,
        _S.FEEDBACK: _S.EN_ROUTE,
        _S.DONE: _S.DONE,
        _S.CANCELLED: _S.CANCELLED,
    },
    _S.ON_SCENE: {
        _S.FEEDBACK: _S.FEEDBACK,
        _S.DONE: _S.DONE,
        _S.CANCELLED: _S.CANCELLED,
    },
    _S.FEEDBACK: {
        _S.FEEDBACK: _S.FEEDBACK,
        _S.DONE: _S.DONE,
        _S.CANCELLED: _S.CANCELLED,
    },
    _S.UNABLE: {},
    _S.DONE: {},
    _S.CANCELLED: {},
}

BY_MACHINE = frozenset({_S.DELIVERED, _S.SHOWN})
"""Steps a device takes by itself."""
BY_OFFICER = frozenset({_S.ACCEPTED, _S.UNABLE, _S.EN_ROUTE, _S.ON_SCENE, _S.FEEDBACK, _S.DONE})
"""Steps a person of the unit takes."""
MAY_SAY: dict[Speaker, frozenset[OrderState]] = {
    Speaker.DEVICE: BY_MACHINE | BY_OFFICER,
    Speaker.DISPATCHER: BY_OFFICER | {_S.CANCELLED},
}
NEEDS_REASON = frozenset({_S.UNABLE, _S.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One report about an order."""

    state: OrderState
    speaker: Speaker
    badge: str = ""
    """Of the officer who takes the step; devices only."""
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
    return not TRANSITIONS[state]


def decide(state: OrderState, ver: int, said: Statement, *, crew: frozenset[str]) -> Verdict:
    """Apply one report to an order in `state` at `ver`; `crew` are the badges of its unit."""
    if (objection := _objection(state, ver, said, crew)) is not None:
        return Verdict(state=state, ver=ver, why=objection)
    if (after := TRANSITIONS[state].get(said.state)) is None:
        return Verdict(state=state, ver=ver, why=_why_not(state, said.state))
    return Verdict(state=after, ver=ver + 1)


def _objection(state: OrderState, ver: int, said: Statement, crew: frozenset[str]) -> Why | None:
    """What is wrong with the report itself, whatever the order's state allows."""
    if said.state not in MAY_SAY[said.speaker]:
        return Why.NOT_ALLOWED
    if said.speaker is Speaker.DEVICE and said.state in BY_OFFICER:
        if not said.badge:
            return Why.NO_BADGE
        if said.badge not in crew:
            return Why.NOT_IN_UNIT
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
