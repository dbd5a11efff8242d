"""What people see of a shift's cameras. The same rules as in `server.views`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Remedy(StrEnum):
    """What can be done about a camera that will not last its shift."""

    CHARGE = "charge"
    SWAP = "swap"
    POWER_BANK = "power_bank"
    SPARE_CAMERA = "spare_camera"
    TRADE = "trade"
    """With another unit's camera."""


class ShiftView(Struct, frozen=True, kw_only=True):
    """Common options of these views."""


class AdviceView(ShiftView, frozen=True):
    """Something to do about a camera."""

    remedy: Remedy
    by_at: datetime
    """At the latest."""
    p_lasts: float
    """Then."""
    charge_min: float | None
    """How long on the charger."""
    spare_id: str | None
    label: str | None
    station: str | None
    """Where the spare lies; None with a spare: in the unit's own vehicle."""
    trade_with: str | None
    """Device."""
    trade_call_sign: str | None


class ShiftCameraView(ShiftView, frozen=True):
    """One camera of a shift; without a level nothing is foretold of it."""

    device_id: str
    model: str
    unit_id: str
    call_sign: str
    station: str | None
    level_pct: float | None
    level_at: datetime | None
    charging: bool
    begins_at: datetime
    """Of the shift; now, where it runs."""
    ends_at: datetime
    job_ends_at: datetime | None
    """Of the present job, as reckoned."""
    jobs: float
    """Expected after it; and the minutes of all of them, the rest standing by."""
    record_min: float
    stream_min: float
    standby_min: float
    p_lasts: float | None
    lasts: bool
    fails: bool
    """Neither: nobody has watched how it drains, or told its level."""
    empty_p10_at: datetime | None
    """One in ten is empty by then as planned; None: not within a day."""
    empty_p50_at: datetime | None
    empty_p90_at: datetime | None
    advice: list[AdviceView]
    """Best first."""


class PastView(ShiftView, frozen=True):
    """What the expected jobs are drawn from; starting values weigh as much as 80 hours."""

    days: int
    on_duty_h: float
    jobs: int


class ShiftPlanView(ShiftView, frozen=True):
    """Every camera of a shift, the one that dies first at the head."""

    now: datetime
    begins_at: datetime | None
    """Of the shift to come; None: the one that runs."""
    lasts_min: float
    """The probability from which a camera is said to last."""
    cameras: list[ShiftCameraView]
    left_out: int
    """More than CAMERAS_LEN_MAX; those with the highest levels."""
    past: PastView
