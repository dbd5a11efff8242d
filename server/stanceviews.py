"""What people see of peace and war. The same rules as in `server.views`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct


class StanceOrderView(Struct, frozen=True, kw_only=True):
    """One order of peace or war."""

    number: int
    mode: Literal["peace", "war"]
    scope: Literal["county"]
    reason: str
    offers: bool
    """The next-best unit is sent without asking when nobody answers."""
    reoptimise: Literal["proposals", "automatic"]
    authority: Literal["supervisor", "dispatcher"]
    """Who may prolong and end it."""
    off_duty_reports: bool
    issued_by: str
    issued_at: datetime
    expires_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    """`system`: its time was over."""
    end_reason: str


class SignedOrderView(StanceOrderView, frozen=True, kw_only=True):
    """With what proves it: verified offline by `ridgeline stance verify`."""

    note: str
    end_note: str | None
    verifier: str


class StanceView(Struct, frozen=True, kw_only=True):
    """What holds now."""

    mode: Literal["peace", "war"] = "peace"
    order: StanceOrderView | None = None
    """The order that says so; None: peace as every day."""
    hours_max: float = 0.0
    """How long one order of war may last."""


class StanceHistoryView(Struct, frozen=True, kw_only=True):
    """What holds now, and the orders, newest first."""

    now: StanceView
    orders: list[SignedOrderView]
