"""What people see of an incident afterwards. The same rules as in `server.views`.

What nobody knows is None, and `unknown` says why in a code that the dictionaries put into words.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from server.views import DeviceKind, Priority, View


class CauseView(View, frozen=True):
    why: str
    """`server.review.links.Why`."""
    values: dict[str, Any]


class LinkView(View, frozen=True):
    """One link of the loop."""

    link: str
    """`server.review.links.Link`; so the next, `Verdict`."""
    verdict: str
    broken: bool
    begins_at: datetime | None
    ends_at: datetime | None
    due_at: datetime | None
    """What its timer waits for; None: no timer does."""
    heard_at: datetime | None
    """When the room heard that it came."""
    took_s: float | None
    causes: list[CauseView]


class EtaReviewView(View, frozen=True):
    """From the order to the place, as foretold and as it came."""

    median_s: float | None
    p80_s: float | None
    p90_s: float | None
    seen_s: float | None
    """By the unit's positions."""
    said_s: float | None
    """By its own word."""
    actual_s: float | None
    """What is compared: seen, else said; None: it never arrived."""
    percentile: float | None
    """That share of journeys was foretold to be sooner."""


class BatteryReviewView(View, frozen=True):
    """One device's battery over the job."""

    device_id: str
    device_kind: DeviceKind
    foretold_now_pct: float | None
    """As recommended, at the time of the recommendation; None: not reckoned with."""
    foretold_arrival_pct: float | None
    foretold_end_pct: float | None
    p_last: float | None
    level_issued_pct: int | None
    level_arrival_pct: int | None
    level_end_pct: int | None
    charged: bool
    """Charged, or another pack, meanwhile: what drained cannot be told."""
    drain_pct_per_h: float | None
    drain_low: float | None
    drain_high: float | None
    drain_steps: int | None
    """Steps of the gauge that it is known from."""
    at_s: list[float]
    """Seconds after the incident was opened, and the level then: to draw."""
    level_pct: list[int]


class OtherwiseView(View, frozen=True):
    """What another unit would have taken, given how this drive came out."""

    unit_id: str
    call_sign: str
    rank: int
    median_s: float
    low_s: float
    high_s: float
    """Eight times in ten it lies between the two."""
    p_sooner: float | None
    """Than whoever drove; None: he never arrived."""


class HindsightView(View, frozen=True):
    foreseen_s: float | None
    """By the medians of then, so much longer than the quickest."""
    regret_s: float | None
    regret_low_s: float | None
    regret_high_s: float | None
    best: OtherwiseView | None
    others: list[OtherwiseView]
    """The quickest first, at most ten."""
    unknown: list[str]
    """Call signs of those whose travel time nobody knew."""
    tried: list[str]
    """Not compared: they had an order of this incident before, and did not come."""
    excluded: list[str]
    """Not compared: they could not be sent then: busy, off duty, …"""


class DriveReviewView(View, frozen=True):
    """What the drive taught."""

    mode: str
    condition: str
    km: float | None
    driven_s: float
    """Where it counts: standing, and roads other than modelled, are left out."""
    model_s: float | None
    """What the model alone says of the same roads; None: another map."""
    factor: float | None
    """Driven in so many times the model's time."""
    unmatched_s: float
    note: str
    version: int | None
    """The first version of travel times that was learned with it."""


class MitigationReviewView(View, frozen=True):
    device_id: str
    kind: str
    state: str
    expected_change: float
    """Percent an hour; below 0: less drain."""
    measured_change: float | None


class OrderReviewView(View, frozen=True):
    id: str
    number: int
    unit_id: str
    call_sign: str
    state: str
    issued_at: datetime
    ended_at: datetime | None
    end_reason: str
    successor: int | None
    decision_id: str
    links: list[LinkView]
    eta: EtaReviewView
    batteries: list[BatteryReviewView]
    hindsight: HindsightView | None
    """None: the recommendation is gone."""
    drive: DriveReviewView | None
    """None: not matched, or nothing to match."""
    mitigations: list[MitigationReviewView]
    timers_kept: bool
    """False: what its timers were set to is not kept; links are judged by those of today."""
    unknown: list[str]


class ChoiceView(View, frozen=True):
    """A decision against what was recommended."""

    decision_id: str
    recommendation_id: str
    decided_at: datetime
    decided_by: str
    recommended: str | None
    """Call sign of the first in line; None: nobody was."""
    sent: list[str]
    followed: bool
    """Whoever was first in line was sent."""
    automatic: bool
    """Nobody was asked: it was the next in line under an order of war."""
    reason: str
    """Of another choice, as it was given."""


class MomentView(View, frozen=True):
    """One line of the timeline."""

    at: datetime
    heard_at: datetime
    kind: str
    """`incident.opened`, `order.accepted`, `item.not_accepted`, `sos.raised`, …"""
    call_sign: str | None
    order_number: int | None
    who: str
    """Of the command log: `user:li`, `officer:B-7`; empty: nobody."""
    text: str
    """In the words of whoever said it."""
    counts: bool
    """Whether it moved its order; else it came late or was not allowed."""


class ReviewedIncidentView(View, frozen=True):
    id: str
    number: int
    type: str
    type_names: dict[str, str]
    priority: Priority
    note: str
    place: str
    lon: float
    lat: float
    status: str
    called_at: datetime | None
    """When it came in from outside; None: nobody noted that."""
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str | None
    outcome: str


class ReviewPhotoView(View, frozen=True):
    """As `PhotoView`, with the image as far as it is shown."""

    id: str
    number: int
    order: int
    call_sign: str
    by: str
    taken_at: datetime | None
    received_at: datetime
    lon: float | None
    lat: float | None
    sha256: str
    gone: str | None
    small: bytes | None
    """A JPEG; in JSON as Base64. None also beyond the first sixty."""


class ReviewView(View, frozen=True):
    as_of: datetime
    incident: ReviewedIncidentView
    first_there: str | None
    """Call sign; None: nobody arrived, by his word or by his position."""
    first_order: int | None
    """Number of the order that it came with."""
    first_by_position: bool
    """He never said so."""
    response_s: float | None
    """From the call, or the opening, to the first unit at the scene."""
    broke: int
    """Links that broke, of the incident and of all its orders."""
    links: list[LinkView]
    """Of the incident itself."""
    choices: list[ChoiceView]
    orders: list[OrderReviewView]
    moments: list[MomentView]
    """By when they happened."""
    photos: list[ReviewPhotoView]
