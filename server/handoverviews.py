"""What people see at the change of shift, and of reminders. The same rules as in `server.views`."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from server.intakeviews import IntakeView
from server.roadviews import RoadsView
from server.stanceviews import StanceView
from server.views import IncidentView, SosView
from server.watchviews import WorkItemView


class ReminderView(Struct, frozen=True, kw_only=True):
    """Something that somebody wants to hear of again."""

    id: str
    text: str
    due_at: datetime
    incident_id: str | None
    incident_number: int | None
    set_by: str
    set_at: datetime


class DoneView(Struct, frozen=True, kw_only=True):
    """What happened since the handover before."""

    opened: int
    closed: int
    orders: int
    calls_for_help: int
    received: int
    """Warnings and tasks."""


class LastHandoverView(Struct, frozen=True, kw_only=True):
    """The one before."""

    at: datetime
    taken_by: str
    note: str


class HandoverView(Struct, frozen=True, kw_only=True):
    """Everything that whoever takes the room must know."""

    at: datetime
    since: datetime
    last: LastHandoverView | None
    done: DoneView
    stance: StanceView
    sos: list[SosView]
    """Calls for help that nobody has acknowledged."""
    work: list[WorkItemView]
    """Open items, gravest first; at most 200."""
    work_open: int
    incidents: list[IncidentView]
    """That are not closed, the most urgent first."""
    inbox: list[IntakeView]
    """That wait; at most 200."""
    inbox_open: int
    reminders: list[ReminderView]
    """That wait, soonest first."""
    roads: RoadsView
    units: dict[str, int]
    """How many units by status."""
    silent: list[str]
    """Call signs of units on duty that no device of theirs connects."""
