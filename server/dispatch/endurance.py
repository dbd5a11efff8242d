"""Whether a camera lasts what lies ahead of it in this job, and whether anybody is still heard.

What lies ahead is reckoned from how far the order has come: the rest of the way, the rest of the
time at the scene, the way back. An alert follows the probability of lasting to that end, with two
thresholds so that it does not flutter; not a percentage of the battery, which says nothing of the
job. A camera that fell silent is told apart from a unit that did, and both from a dead zone.

Knows no store and no clock; `server.batterywatch` looks. Every number is a starting value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from devices.battery.model import Load
from devices.battery.outlook import Leg, Outlook
from server.dispatch.batteryrules import Rules
from server.dispatch.mitigation import Part, Plan, Stretch, split
from server.dispatch.orders import RANK, OrderState

WAY_UNKNOWN_S: Final = 1800.0
"""s. Of an order that nobody could reckon a time for."""
WAY_LEFT_S_MIN: Final = 60.0
"""s. Of a unit that should have arrived and has not said so."""
SCENE_LEFT_S_MIN: Final = 600.0
"""s. Nobody leaves a scene by the clock: so much is always taken to lie ahead."""
LIKELY, SURELY = 0.5, 0.9
_MINUTE_STEPS: Final = 10
"""Halvings of the job: to a thousandth of it."""

STANDBY, RECORD = frozenset({Load.STANDBY}), frozenset({Load.RECORD})
_AT_WORK: Final = frozenset({Load.RECORD, Load.STREAM_LOW, Load.STREAM_HIGH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An open order, as far as it says what lies ahead."""

    state: OrderState
    en_route_at: datetime | None
    on_scene_at: datetime | None
    eta_s: float | None
    """As reckoned when it was given."""
    scene_s: float
    """Usual for its kind of incident."""


def ahead(
    work: Work,
    now: datetime,
    *,
    present: frozenset[Load],
    scene: frozenset[Load],
    temp_c: float | None = None,
    weak: float = 0.0,
    charging: bool = False,
) -> Plan:
    """What lies before a camera from now on; who charges it in the car does so until the scene.

    `present`: what it does now; `scene`: what it is to do there. Who is there goes on as he does,
    if that is more than nothing; on the way back a camera that had something to record records.
    """
    way_s = WAY_UNKNOWN_S if work.eta_s is None else work.eta_s
    there = RANK[work.state] >= RANK[OrderState.ON_SCENE]
    travel_s = 0.0 if there else _way_left_s(work, way_s, now)
    scene_s = work.scene_s if not there else _scene_left_s(work, now)
    parts = (
        (Part.TRAVEL, present, travel_s),
        (Part.SCENE, present if there and present & _AT_WORK else scene, scene_s),
        (Part.RETURN, RECORD if scene & _AT_WORK else STANDBY, way_s),
    )
    return tuple(
        Stretch(
            part=part,
            leg=Leg(
                loads=loads,
                minutes=s / 60.0,
                temp_c=temp_c,
                weak=weak,
                charging=charging and part is Part.TRAVEL,
            ),
        )
        for part, loads, s in parts
        if s > 0.0
    )


def lasts_min(outlook: Outlook, plan: Plan, probability: float) -> float | None:
    """Minutes along the plan that a battery lasts with this probability; None: to its end."""
    legs = [each.leg for each in plan]
    if outlook.p_last(legs) >= probability:
        return None
    low, high = 0.0, sum(leg.minutes for leg in legs)
    for _ in range(_MINUTE_STEPS):
        middle = (low + high) / 2.0
        if outlook.p_last(split(plan, middle)[0]) >= probability:
            low = middle
        else:
            high = middle
    return low


def short(p_last: float, rules: Rules, *, was_short: bool) -> bool:
    """Whether a person must know that a camera will not last its job."""
    return p_last < (rules.clear_above if was_short else rules.alert_below)


class Heard(StrEnum):
    """Who of a unit is still there."""

    BOTH = "both"
    CAMERA_DARK = "camera_dark"
    """The officer can be reached."""
    BOTH_SILENT = "both_silent"
    IN_DEAD_ZONE = "in_dead_zone"
    """Silent, and expected back."""


def heard(
    *,
    camera_at: datetime | None,
    others_at: Sequence[datetime | None],
    now: datetime,
    expected_back: bool,
    rules: Rules,
    was_dark: bool = False,
) -> Heard:
    """Tell a dark camera from a silent unit from a known dead zone.

    `camera_at`, `others_at`: when each was heard last; None: never. A device that was never heard
    is not missing, and a unit that has only cameras is not told apart from its camera. `was_dark`:
    it is said already; the officer then counts as heard until the unit is silent, so that one who
    reports seldom does not end what his camera did not.
    """
    if camera_at is None or now - camera_at <= timedelta(seconds=rules.camera_dark_s):
        return Heard.BOTH
    if expected_back:
        return Heard.IN_DEAD_ZONE
    others = [at for at in others_at if at is not None]
    reachable_s = max(rules.silent_s, rules.camera_dark_s) if was_dark else rules.camera_dark_s
    if any(now - at <= timedelta(seconds=reachable_s) for at in others):
        return Heard.CAMERA_DARK
    last = max([camera_at, *others])
    return Heard.BOTH_SILENT if now - last > timedelta(seconds=rules.silent_s) else Heard.BOTH


def _way_left_s(work: Work, way_s: float, now: datetime) -> float:
    if work.en_route_at is None:
        return way_s
    return max(way_s - (now - work.en_route_at).total_seconds(), WAY_LEFT_S_MIN)


def _scene_left_s(work: Work, now: datetime) -> float:
    if work.on_scene_at is None:
        return work.scene_s
    return max(work.scene_s - (now - work.on_scene_at).total_seconds(), SCENE_LEFT_S_MIN)
