"""Which unit to send: every unit with its travel time, its batteries, and the reasons in words.

Ranked by travel time and by what batteries that may not last count as beside it
(`server.dispatch.battery`); other doubts are said, not weighed, because the dispatcher decides. No
unit is hidden: a unit off duty or busy is listed apart with the reason, a unit without a travel
time ranks after those with one. Pure: same input, same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from devices.battery.model import Load
from geo.walk import Walk
from server.dispatch.battery import Job, Prospect, cost_s
from server.dispatch.reasons import Reason, battery_reasons, minutes
from server.views import Priority, UnitStatus

POSITION_OLD_S = 120.0
"""An older fix is said to be old: a car may be 2 km from it."""
OFF_ROAD_M = 150.0
"""Farther from a road than this, the walk to it is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """What is known of one unit at the moment of the recommendation."""

    unit_id: str
    call_sign: str
    status: UnitStatus
    order_number: int | None
    """Of its open order."""
    position_age_s: float | None
    """None: no position."""
    off_road_m: float | None
    """From its fix to the nearest road; None: no road near it."""
    eta_s: float | None
    """Turnout, then by road, then on foot. None: no position, or no road leads to the place."""
    walk: Walk | None
    """The part of it on foot; None without a travel time."""
    road_closed: bool
    """The road where it stops is closed: the travel time counts driving into it, slowly."""
    batteries: tuple[Prospect, ...]
    """Its own batteries over this job, as far as they are known of."""
    has_device: bool
    """Whether any device of it can show an order."""
    connected: bool
    """Whether any such device is connected now."""
    turnout_s: float = 0.0
    """The part of it before the unit drives."""
    in_need: bool = False
    """Its own officer is the one who calls for help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the ranking needs to know of the incident."""

    scene_s: float
    recording: Load
    """What a body camera does there."""
    priority: Priority = "priority"
    temp_c: float | None = None
    """Outdoors; None: unknown."""
    no_road: str = ""
    """Why nobody can be sent there by road, in words for a person; empty: somebody can."""

    def job(self, eta_s: float) -> Job:
        """What lies before a battery of a unit that takes so long to get there."""
        return Job(
            travel_s=eta_s, scene_s=self.scene_s, recording=self.recording, temp_c=self.temp_c
        )

    def battery_cost_s(self, one: Contender) -> float:
        """What a unit's batteries count as; those of a unit nobody knows the time of: nothing."""
        if one.eta_s is None:
            return 0.0
        return cost_s(one.batteries, priority=self.priority, recording=self.recording)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One unit in a recommendation; `rank` 1 is best, None: excluded."""

    contender: Contender
    rank: int | None
    battery_cost_s: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Every unit exactly once."""

    candidates: tuple[Ranked, ...]
    excluded: tuple[Ranked, ...]


def rank(scene: Scene, contenders: Sequence[Contender]) -> Ranking:
    """Order all units; see the module's docstring."""
    costs_s = {one.unit_id: scene.battery_cost_s(one) for one in contenders}
    ordered = sorted(contenders, key=lambda one: _sort_key(one, costs_s[one.unit_id]))
    eligible = [one for one in ordered if _can_go(one)]
    others = [one for one in ordered if not _can_go(one)]
    return Ranking(
        candidates=tuple(
            _ranked(
                scene,
                one,
                number,
                (*_place_in_line(one, eligible, number), *_doubts(scene, one)),
            )
            for number, one in enumerate(eligible, start=1)
        ),
        excluded=tuple(
            _ranked(scene, one, None, (_exclusion(one), *_doubts(scene, one))) for one in others
        ),
    )


def _can_go(one: Contender) -> bool:
    return one.status is UnitStatus.AVAILABLE and not one.in_need


def _sort_key(one: Contender, cost_s: float) -> tuple[float, str, str]:
    """Whole seconds: a unit must not win by the noise of a fix. Then by call sign, then by id."""
    worth_s = math.inf if one.eta_s is None else float(round(one.eta_s + cost_s))
    return worth_s, one.call_sign, one.unit_id


def _ranked(
    scene: Scene, one: Contender, number: int | None, reasons: tuple[Reason, ...]
) -> Ranked:
    return Ranked(
        contender=one,
        rank=number,
        battery_cost_s=scene.battery_cost_s(one),
        reasons=(*reasons, *battery_reasons(one.batteries)),
    )


def _place_in_line(one: Contender, eligible: Sequence[Contender], number: int) -> list[Reason]:
    """Closest, or by how much later than the best; or that batteries turned it."""
    if len(eligible) == 1:
        return [Reason(code="only_unit", text="the only available unit")]
    best = eligible[0]
    if one.eta_s is None or best.eta_s is None:
        return []
    closest = min(
        (each for each in eligible if each.eta_s is not None), key=lambda each: each.eta_s or 0.0
    )
    if one is not best:
        return [_behind(one.eta_s - best.eta_s, best, number)]
    sooner = minutes(best.eta_s - (closest.eta_s or 0.0))
    if sooner == 0.0:
        return [Reason(code="closest", text="closest by road")]
    return [
        Reason(
            code="lasts_better",
            values={"min": sooner, "than": closest.call_sign},
            text=f"{sooner:g} min after {closest.call_sign}, whose batteries may not last",
        )
    ]


def _behind(later_s: float, best: Contender, number: int) -> Reason:
    later = minutes(later_s)
    values: dict[str, str | float | int] = {
        "min": abs(later),
        "than": best.call_sign,
        "rank": number,
    }
    if later >= 0.0:
        text = f"number {number}, {later:g} min after {best.call_sign}"
        return Reason(code="later", values=values, text=text)
    text = (
        f"number {number}: {-later:g} min before {best.call_sign}, but its batteries may not last"
    )
    return Reason(code="sooner_may_not_last", values=values, text=text)


def _exclusion(one: Contender) -> Reason:
    if one.in_need:
        return Reason(code="in_need", text="is the one who calls for help")
    if one.order_number is not None:
        return Reason(
            code="busy",
            values={"order": one.order_number},
            text=f"busy with order #{one.order_number}",
        )
    if one.status is UnitStatus.OFF_DUTY:
        return Reason(code="off_duty", text="off duty")
    return Reason(code="not_available", values={"status": one.status}, text=f"{one.status}")


def _doubts(scene: Scene, one: Contender) -> list[Reason]:
    """What makes the travel time, or the order's arrival, less sure than it looks."""
    return [*_position_doubts(one), *_road_doubts(scene, one), *_device_doubts(one)]


def _position_doubts(one: Contender) -> list[Reason]:
    if one.position_age_s is None:
        return [Reason(code="no_position", text="no position")]
    if one.position_age_s <= POSITION_OLD_S:
        return []
    age = math.floor(one.position_age_s / 60)
    return [Reason(code="position_old", values={"min": age}, text=f"position is {age} min old")]


def _road_doubts(scene: Scene, one: Contender) -> list[Reason]:
    if scene.no_road:
        return [Reason(code="place_unreachable", text=scene.no_road)]
    doubts = []
    if one.position_age_s is not None and one.off_road_m is None:
        doubts.append(Reason(code="unit_off_road", text="unreachable: no road near the unit"))
    elif one.position_age_s is not None and one.eta_s is None:
        doubts.append(Reason(code="no_route", text="unreachable: no road leads to the place"))
    elif one.off_road_m is not None and one.off_road_m > OFF_ROAD_M:
        doubts.append(_walk_to_road(one.off_road_m))
    if one.eta_s is not None and one.turnout_s > 0.0:
        doubts.append(_turnout(one.turnout_s))
    if one.eta_s is not None and one.road_closed:
        text = "the road at the place is closed: the time counts driving into it slowly"
        doubts.append(Reason(code="closed_at_place", text=text))
    if one.walk is not None and one.walk.distance_m > OFF_ROAD_M:
        doubts.append(_last_stretch(one.walk))
    return doubts


def _turnout(turnout_s: float) -> Reason:
    took = minutes(turnout_s)
    return Reason(
        code="turnout", values={"min": took}, text=f"{took:g} min of it until the unit sets off"
    )


def _walk_to_road(distance_m: float) -> Reason:
    metres = round(distance_m, -1)
    return Reason(
        code="walk_to_road",
        values={"m": metres},
        text=f"{metres:.0f} m from the unit to the road, not in the travel time",
    )


def _last_stretch(walk: Walk) -> Reason:
    metres, climb = round(walk.distance_m, -1), round(walk.climb_m, -1)
    took = minutes(walk.duration_s)
    return Reason(
        code="walk_to_place",
        values={"m": metres, "min": took, "climb_m": climb},
        text=f"{took:g} min of it on foot from the road: {metres:.0f} m, {climb:.0f} m up",
    )


def _device_doubts(one: Contender) -> list[Reason]:
    if not one.has_device:
        return [Reason(code="no_device", text="no device shows it the order: tell it by voice")]
    if not one.connected:
        return [Reason(code="not_connected", text="not connected: the order waits for the signal")]
    return []
