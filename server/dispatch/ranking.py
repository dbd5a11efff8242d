"""Which unit to send: every unit with its travel time, its batteries, and the reasons in words.

First form: ranked by travel time alone; batteries and doubts are said, not weighed, because the
dispatcher decides. No unit is hidden: a unit off duty or busy is listed apart with the reason, a
unit without a travel time ranks after those with one. Pure: same input, same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from geo.walk import Walk
from server.dispatch.battery import Battery, Job, Mode, Outlook, outlook
from server.dispatch.reasons import Reason, battery_reasons, minutes
from server.views import UnitStatus

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
    batteries: tuple[Battery, ...]
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
    recording: Mode
    no_road: str = ""
    """Why nobody can be sent there by road, in words for a person; empty: somebody can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One unit in a recommendation; `rank` 1 is best, None: excluded."""

    contender: Contender
    rank: int | None
    outlooks: tuple[Outlook, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Every unit exactly once."""

    candidates: tuple[Ranked, ...]
    excluded: tuple[Ranked, ...]


def rank(scene: Scene, contenders: Sequence[Contender]) -> Ranking:
    """Order all units by travel time; see the module's docstring."""
    by_time = sorted(contenders, key=_sort_key)
    eligible = [one for one in by_time if _can_go(one)]
    others = [one for one in by_time if not _can_go(one)]
    best = eligible[0] if eligible else None
    return Ranking(
        candidates=tuple(
            _ranked(
                scene,
                one,
                number,
                (*_place_in_line(one, best, number, len(eligible)), *_doubts(scene, one)),
            )
            for number, one in enumerate(eligible, start=1)
        ),
        excluded=tuple(
            _ranked(scene, one, None, (_exclusion(one), *_doubts(scene, one))) for one in others
        ),
    )


def _can_go(one: Contender) -> bool:
    return one.status is UnitStatus.AVAILABLE and not one.in_need


def _sort_key(one: Contender) -> tuple[float, str, str]:
    """Whole seconds: a unit must not win by the noise of a fix. Then by call sign, then by id."""
    eta_s = math.inf if one.eta_s is None else float(round(one.eta_s))
    return eta_s, one.call_sign, one.unit_id


def _ranked(
    scene: Scene, one: Contender, number: int | None, reasons: tuple[Reason, ...]
) -> Ranked:
    outlooks: list[Outlook] = []
    if one.eta_s is not None:
        job = Job(
            travel_s=one.eta_s,
            scene_s=scene.scene_s,
            return_s=one.eta_s,
            recording=scene.recording,
        )
        outlooks = [found for each in one.batteries if (found := outlook(each, job)) is not None]
    return Ranked(
        contender=one,
        rank=number,
        outlooks=tuple(outlooks),
        reasons=(*reasons, *battery_reasons(one.batteries, outlooks)),
    )


def _place_in_line(
    one: Contender, best: Contender | None, number: int, eligible_len: int
) -> list[Reason]:
    """Closest, or by how much later than the best."""
    if eligible_len == 1:
        return [Reason(code="only_unit", text="the only available unit")]
    if one.eta_s is None or best is None or best.eta_s is None:
        return []
    if one is best:
        return [Reason(code="closest", text="closest by road")]
    later = minutes(one.eta_s - best.eta_s)
    return [
        Reason(
            code="later",
            values={"min": later, "than": best.call_sign, "rank": number},
            text=f"number {number}, {later:g} min after {best.call_sign}",
        )
    ]


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
