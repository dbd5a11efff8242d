"""What people see of a span of time that is over: where units were, and what was known of it when.

Two clocks go through all of it: when something happened (`at`) and when the server heard of it
(`heard_at`, or `lag_s` after). The same rules as in `server.views`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from server.views import DeviceKind, Priority, UnitKind, View


class PastUnitView(View, frozen=True):
    id: str
    call_sign: str
    kind: UnitKind


class TrackView(View, frozen=True):
    """What one device said while it was in one unit, in columns by the time it was observed."""

    unit_id: str
    device_id: str
    device_kind: DeviceKind
    at_s: list[float]
    """Observed so many seconds after `since`; below 0: before."""
    lag_s: list[float]
    """Heard so many seconds after that."""
    run: list[int]
    """Number of the unbroken piece: nobody knows where the unit was between two pieces."""
    lon: list[float]
    lat: list[float]
    speed_mps: list[float | None]
    heading_deg: list[int | None]
    battery_pct: list[int | None]
    charging: list[bool]


class PastIncidentView(View, frozen=True):
    id: str
    number: int
    type: str
    priority: Priority
    place: str
    lon: float
    lat: float
    opened_at: datetime
    closed_at: datetime | None
    outcome: str


class PastStepView(View, frozen=True):
    """A step that moved an order."""

    state: str
    at: datetime
    """By the clock of the device that told it, put right."""
    heard_at: datetime


class PastOrderView(View, frozen=True):
    id: str
    number: int
    incident_id: str
    unit_id: str
    issued_at: datetime
    closed_at: datetime | None
    steps: list[PastStepView]
    """All of them, as they came, from its beginning."""


class ShiftView(View, frozen=True):
    unit_id: str
    on_at: datetime
    off_at: datetime | None


class SilenceView(View, frozen=True):
    """A unit silent in a dead zone."""

    unit_id: str
    silent_since: datetime
    foretold_at: datetime
    """When the room was told."""
    back_at: datetime
    """Expected then; as likely sooner as later."""
    latest_at: datetime
    overdue_at: datetime | None
    ended_at: datetime | None


class PastRoadView(View, frozen=True):
    """A road closed or slowed, or a condition."""

    kind: Literal["closed", "slow", "condition"]
    place: str
    reason: str
    condition: str
    """Of a condition: `rain,night`."""
    begun_at: datetime
    ended_at: datetime | None
    lines: list[list[tuple[float, float]]] | None
    """Where it lies, on today's map; None: it cannot be told, or all of the county."""


class HappeningView(View, frozen=True):
    """One entry of the command log, and when what it tells of happened."""

    at: datetime
    heard_at: datetime
    seq: int
    kind: str
    actor: str
    subject: str
    body: dict[str, Any]
    redacted: list[str]


class PlaybackView(View, frozen=True):
    since: datetime
    until: datetime
    step_s: float
    """Of each device at most one fix in so many seconds is here."""
    thinned: bool
    """More was left out than was asked for: there is too much for one answer."""
    coarse: bool
    """Of part of the span one position in a quarter of an hour is left of each device, to 1 km."""
    stale_s: float
    """Beyond so many seconds between two fixes nobody knows where a unit was."""
    units: list[PastUnitView]
    tracks: list[TrackView]
    shifts: list[ShiftView]
    silences: list[SilenceView]
    incidents: list[PastIncidentView]
    orders: list[PastOrderView]
    roads: list[PastRoadView]
    happenings: list[HappeningView]
    """By when they were heard of."""
    happenings_left_out: bool
    """There are more; the first ones of the span are missing."""


class TrackPageView(View, frozen=True):
    """Tracks of some devices, as often as was asked for."""

    since: datetime
    until: datetime
    step_s: float
    units: list[PastUnitView]
    """Those of the tracks."""
    tracks: list[TrackView]
    next_after: str | None
    """Of the next page; None: these were the last."""
