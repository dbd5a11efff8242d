"""What people see of the inbox. The same rules as in `server.views`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from server.views import OrderView, Priority

IntakeKind = Literal["warning", "task"]
IntakeOutcome = Literal["opened", "noted", "over"]


class IntakeView(Struct, frozen=True, kw_only=True):
    """A warning or a task from outside, and what became of it."""

    id: str
    number: int
    kind: IntakeKind
    source: str
    """Who says it, as people would."""
    urgency: Priority
    text: str
    place: str
    """In words; may be empty."""
    lon: float | None
    lat: float | None
    from_at: datetime | None
    """When it begins; None: now."""
    until_at: datetime | None
    """Then it is over by itself; None: when somebody has seen to it."""
    received_by: str
    received_at: datetime
    outcome: IntakeOutcome | None
    """None: nobody has made anything of it yet."""
    why: str
    incident_id: str | None
    """What was opened for it."""
    settled_by: str | None
    settled_at: datetime | None


class IntakePageView(Struct, frozen=True, kw_only=True):
    """One page of the inbox, newest first."""

    items: list[IntakeView]
    open: int
    """How many wait in all."""
    next: int | None
    """`before` of the following page; None at the end."""


class OutletPageView(Struct, frozen=True, kw_only=True):
    """One page of the outlet: every order by its number, newest first."""

    orders: list[OrderView]
    next: int | None
    """`before` of the following page; None at the end."""
