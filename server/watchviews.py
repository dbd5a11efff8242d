"""What people see of the watch over orders: recalls, timers, escalation, and the worklist.

The same rules as in `server.views`, which embeds these in an order and in the console's feed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct


class WatchView(Struct, frozen=True, kw_only=True):
    """Common options of these views."""


class RecallView(WatchView, frozen=True):
    """An order that the room wants back; it ends when a person of the unit confirms."""

    why: Literal["recalled", "superseded", "handed_over"]
    """The state that it ends in."""
    state: Literal["requested", "delivered", "shown", "declined"]
    reason: str
    by: str
    at: datetime


class TimerView(WatchView, frozen=True):
    """Something that is waited for."""

    kind: str
    """`server.dispatch.timers.TimerKind`."""
    due_at: datetime
    """When it rings; the unit's way out of a dead zone reckoned in."""
    expected_back: bool
    """It is stretched: the unit is in a known dead zone."""
    fired_at: datetime | None


class ProposalView(WatchView, frozen=True):
    """The next-best unit for an order that nobody answers."""

    recommendation_id: str
    unit_id: str
    call_sign: str
    eta_s: float | None
    eta_p90_s: float | None


class LeaderView(WatchView, frozen=True):
    """Who leads a unit: an officer of its crew, or of the shift."""

    badge: str
    name: str
    phone: str
    """Empty where the roster has none."""
    call_sign: str | None
    """Of the unit that he is in himself."""


class EscalationView(WatchView, frozen=True):
    """Nobody answered: who is asked, and what is proposed."""

    id: str
    level: Literal["leader", "supervisor"]
    opened_at: datetime
    proposal: ProposalView | None
    offered_order_ids: list[str]
    """Orders that others have in its place: sent by a dispatcher, or as war allows."""
    leader: LeaderView | None = None
    """As the roster had him when it was opened."""
    leader_devices: list[str] = []
    """That he was asked on; empty: call him."""
    leader_answer: Literal["accepted", "declined"] | None = None
    """That he sees to it, or cannot."""
    leader_reason: str = ""
    leader_answered_at: datetime | None = None


class WorkItemView(WatchView, frozen=True):
    """Something a person must see to."""

    id: str
    number: int
    kind: str
    """`server.dispatch.worklist.ItemKind`, or of another part of the room."""
    severity: Literal["notice", "warning", "alarm"]
    subject: str
    """`order:<id>`, `device:<id>`, `unit:<id>` or `incident:<id>`."""
    order_id: str | None
    incident_id: str | None
    unit_id: str | None
    body: dict[str, object]
    times: int
    """How often it happened while it was open."""
    raised_at: datetime
    """The last time."""
    claimed_by: str | None
    claimed_at: datetime | None
    settled_at: datetime | None
    settled_by: str | None
    """`system`: its cause is gone."""
    why: str
    """A person's words, or the code of what took the cause away."""


class WorkPageView(WatchView, frozen=True):
    """One page of the worklist."""

    items: list[WorkItemView]
    open: int
    """How many are open in all."""
    next: int | None
    """`before` of the following page; None at the end."""
