"""What people see of what is done about batteries. The same rules as in `server.views`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct


class MitigationsStruct(Struct, frozen=True, kw_only=True):
    """Common options of these views."""


class EffectView(MitigationsStruct, frozen=True):
    """What a mitigation would bring, reckoned from what is known of the battery."""

    p_before: float
    """Probability that the battery lasts the job without it, and with it."""
    p_after: float
    drain_before_pct_per_h: float
    drain_after_pct_per_h: float
    loads: list[str]
    """What the device does then (`devices.battery.model.Load`): the drain is measured only so."""
    charging: bool
    values: dict[str, str | float]
    """Of the words: `station`, `detour_min`, `camera`, `unit`, `unit_id`, `eta_min`."""


class ProposalView(MitigationsStruct, frozen=True):
    """Something that could be done now."""

    kind: str
    """`server.dispatch.mitigation.Mitigation`."""
    by_device: bool
    """The device does it itself; else a person is asked."""
    effect: EffectView
    instruction: dict[str, str]
    """By language, `en` and `zh`; so the next."""
    words: dict[str, str]


class MeasuredView(MitigationsStruct, frozen=True):
    """What really drained."""

    drain_pct_per_h: float
    error_pct_per_h: float
    """Standard error."""
    change_pct_per_h: float
    """Against the drain expected without it."""
    steps: int
    minutes: float


MitigationState = Literal[
    "sent", "received", "shown", "applied", "accepted", "declined", "refused", "unanswered"
]


class MitigationView(MitigationsStruct, frozen=True):
    """Something that was asked for."""

    id: str
    number: int
    kind: str
    device_id: str
    order_id: str
    by_device: bool
    state: MitigationState
    expected: EffectView
    sent_by: str
    sent_at: datetime
    answered_by: str | None
    answered_at: datetime | None
    reason: str
    measured: MeasuredView | None
    measured_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    ended_why: str


class CameraView(MitigationsStruct, frozen=True):
    """One battery in one job, and what could be done about it."""

    device_id: str
    level_pct: int | None
    p_last: float
    job_min: float
    likely_min: float | None
    """Minutes that it lasts, as likely more as less; None: to the end of the job."""
    surely_min: float | None
    """Nine times in ten more."""
    proposals: list[ProposalView]


class OrderBatteriesView(MitigationsStruct, frozen=True):
    """The batteries of one order: GET /api/orders/{id}/mitigations."""

    cameras: list[CameraView]
    mitigations: list[MitigationView]
    """Newest first."""
