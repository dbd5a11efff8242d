"""When to worry about an order: what is due when, from what is known of it.

The watch of an order is a function of facts. `plan` names for each kind of timer the moment it is
due; who keeps the plan stores it, and a timer fires once for each moment. When the facts change,
the plan is made again: what is not in it any more has lost its cause, what moved is due anew, what
stayed and has fired stays silent. So nothing is ever "cancelled" or "restarted", and after a crash
the plan is simply made again.

Starting values, all of them settings, are the table of the county's design: for urgent and ordinary
incidents in peace, and for war. A unit inside a known dead zone is not silent: its timers stretch
until it is expected back, and ring when it does not come out.

Knows no store and no clock; `server.timekeeper` keeps the plan.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum

from server.dispatch.orders import RANK, OrderState, is_answered, is_closed


class TimerKind(StrEnum):
    """What is waited for; in the order in which they fire when all are due."""

    RECEIPT = "receipt"
    """A machine's word that the order arrived."""
    REPEAT = "repeat"
    """Nobody answered: the order is announced once more."""
    ACCEPTANCE = "acceptance"
    ESCALATE = "escalate"
    """To the leader, with the next-best unit."""
    SUPERVISOR = "supervisor"
    EXPIRY = "expiry"
    DEPARTURE = "departure"
    ARRIVAL = "arrival"
    FEEDBACK = "feedback"
    WELFARE = "welfare"
    """To ask a lone officer whether all is well."""
    WELFARE_ANSWER = "welfare_answer"
    RECALL = "recall"
    """A person's word that the unit has let go of the order."""
    END_RECEIPT = "end_receipt"
    """A machine's word that the unit knows of the end of an order that it was on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """One column of the table; seconds from what the field names."""

    receipt_s: float
    """From issuing; and from the end of an order that the room cancelled."""
    repeat_s: float
    """From issuing, or from the end of a standby; so the next three."""
    acceptance_s: float
    escalate_s: float
    supervisor_s: float
    departure_s: float
    """From acceptance."""
    arrival_margin_s: float
    """Beyond the time that nine journeys in ten keep."""
    arrival_unknown_s: float
    """From departure, where nobody could say how long the way is."""
    feedback_s: float
    """From arrival."""
    feedback_again_s: float
    """From the last word; 0: the first is enough."""
    welfare_s: float
    """From the last word of a lone officer at the scene."""
    welfare_answer_s: float
    recall_s: float
    """From asking for the order back."""

    def __post_init__(self) -> None:
        steps = (self.repeat_s, self.acceptance_s, self.escalate_s, self.supervisor_s)
        if list(steps) != sorted(steps):
            raise ValueError("repeat_s, acceptance_s, escalate_s, supervisor_s must rise")


PEACE_URGENT = Pace(
    receipt_s=10,
    repeat_s=15,
    acceptance_s=30,
    escalate_s=60,
    supervisor_s=120,
    departure_s=90,
    arrival_margin_s=0,
    arrival_unknown_s=3600,
    feedback_s=300,
    feedback_again_s=0,
    welfare_s=600,
    welfare_answer_s=60,
    recall_s=60,
)
PEACE_ORDINARY = Pace(
    receipt_s=30,
    repeat_s=90,
    acceptance_s=180,
    escalate_s=300,
    supervisor_s=600,
    departure_s=300,
    arrival_margin_s=600,
    arrival_unknown_s=5400,
    feedback_s=600,
    feedback_again_s=0,
    welfare_s=1200,
    welfare_answer_s=120,
    recall_s=180,
)
WAR = Pace(
    receipt_s=5,
    repeat_s=10,
    acceptance_s=20,
    escalate_s=40,
    supervisor_s=80,
    departure_s=60,
    arrival_margin_s=0,
    arrival_unknown_s=3600,
    feedback_s=180,
    feedback_again_s=600,
    welfare_s=600,
    welfare_answer_s=60,
    recall_s=40,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerTable:
    """All timers of a county."""

    peace_urgent: Pace = PEACE_URGENT
    peace_ordinary: Pace = PEACE_ORDINARY
    war: Pace = WAR

    def pace(self, stance: Stance, *, urgent: bool) -> Pace:
        """The column that holds."""
        if stance.war:
            return self.war
        return self.peace_urgent if urgent else self.peace_ordinary


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """The signed order by which better assignments are offered without asking."""

    number: int
    reason: str

    @property
    def actor(self) -> str:
        """Who acts where nobody else does, as the command log has it."""
        return f"stance:{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    """Peace or war, as far as orders are concerned; `server.dispatch.stance` says which holds."""

    war: bool = False
    offers: bool = False
    """Whether in war the next-best unit is sent without asking when nobody answers."""
    off_duty_reports: bool = False
    """Whether in war devices of units off duty report as often as those on duty."""
    mandate: Mandate | None = None
    """In war, where its order says so: better assignments are offered without asking."""


PACE_NAMES = tuple(each.name for each in fields(Pace))
URGENT = frozenset({"emergency", "priority"})
"""Priorities of incidents that the urgent column is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the watch knows of an order. Moments are the server's, not the device's."""

    state: OrderState
    issued_at: datetime
    expires_at: datetime
    standby_until: datetime | None = None
    accepted_at: datetime | None = None
    en_route_at: datetime | None = None
    on_scene_at: datetime | None = None
    heard_at: datetime | None = None
    """The last word of a person of the unit."""
    welfare_asked_at: datetime | None = None
    eta_p90_s: float | None = None
    """That nine journeys in ten keep, as reckoned when the order was issued."""
    alone: bool = False
    """The crew is one person."""
    recall_asked_at: datetime | None = None
    """None also when the unit declined to let go."""
    closed_at: datetime | None = None
    end_received: bool = False
    """A device of the unit has the notice that the order is over."""


def plan(order: Watched, pace: Pace) -> dict[TimerKind, datetime]:
    """What is due when; of an order that is over, only that its unit knows."""
    if is_closed(order.state):
        return _over(order, pace)
    if order.recall_asked_at is not None:
        due = {TimerKind.RECALL: order.recall_asked_at + _s(pace.recall_s)}
        return due | _expiry(order) | _welfare(order, pace)
    if not is_answered(order.state):
        return _unanswered(order, pace) | _expiry(order)
    return _on_the_way(order, pace) | _at_the_scene(order, pace) | _welfare(order, pace)


def stretch(kind: TimerKind, due_at: datetime, back_at: datetime | None) -> datetime | None:
    """When a timer rings of a unit that a dead zone keeps silent; None: when it is due.

    `back_at`: silent still then, the unit is missing; None: nothing explains its silence. An order
    expires wherever its unit is.
    """
    if kind is TimerKind.EXPIRY or back_at is None or back_at <= due_at:
        return None
    return back_at


def _unanswered(order: Watched, pace: Pace) -> dict[TimerKind, datetime]:
    since = order.standby_until or order.issued_at
    due = {
        TimerKind.REPEAT: since + _s(pace.repeat_s),
        TimerKind.ACCEPTANCE: since + _s(pace.acceptance_s),
        TimerKind.ESCALATE: since + _s(pace.escalate_s),
        TimerKind.SUPERVISOR: since + _s(pace.supervisor_s),
    }
    if order.state is OrderState.ISSUED:
        due[TimerKind.RECEIPT] = order.issued_at + _s(pace.receipt_s)
    return due


def _expiry(order: Watched) -> dict[TimerKind, datetime]:
    return {} if is_answered(order.state) else {TimerKind.EXPIRY: order.expires_at}


def _over(order: Watched, pace: Pace) -> dict[TimerKind, datetime]:
    """A unit that had taken it on may still be acting on it; every other end is its own word."""
    on_it = order.state is OrderState.CANCELLED and order.accepted_at is not None
    if not on_it or order.closed_at is None or order.end_received:
        return {}
    return {TimerKind.END_RECEIPT: order.closed_at + _s(pace.receipt_s)}


def _on_the_way(order: Watched, pace: Pace) -> dict[TimerKind, datetime]:
    if RANK[order.state] >= RANK[OrderState.ON_SCENE]:
        return {}
    assert order.accepted_at is not None, "an answered order was accepted at some time"
    departure_at = order.accepted_at + _s(pace.departure_s)
    left_at = order.en_route_at or departure_at
    way_s = pace.arrival_unknown_s if order.eta_p90_s is None else order.eta_p90_s
    due = {TimerKind.ARRIVAL: left_at + _s(way_s + pace.arrival_margin_s)}
    if order.state is OrderState.ACCEPTED:
        due[TimerKind.DEPARTURE] = departure_at
    return due


def _at_the_scene(order: Watched, pace: Pace) -> dict[TimerKind, datetime]:
    if order.state is OrderState.ON_SCENE:
        assert order.on_scene_at is not None
        return {TimerKind.FEEDBACK: order.on_scene_at + _s(pace.feedback_s)}
    if order.state is OrderState.FEEDBACK and pace.feedback_again_s and order.heard_at:
        return {TimerKind.FEEDBACK: order.heard_at + _s(pace.feedback_again_s)}
    return {}


def _welfare(order: Watched, pace: Pace) -> dict[TimerKind, datetime]:
    """A lone officer at the scene is asked once after each silence; whoever was asked, by the clock
    or by a dispatcher, must answer."""
    if RANK[order.state] < RANK[OrderState.ON_SCENE] or order.heard_at is None:
        return {}
    asked_at = order.welfare_asked_at
    if asked_at is not None and asked_at > order.heard_at:
        return {TimerKind.WELFARE_ANSWER: asked_at + _s(pace.welfare_answer_s)}
    return {TimerKind.WELFARE: order.heard_at + _s(pace.welfare_s)} if order.alone else {}


def _s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
