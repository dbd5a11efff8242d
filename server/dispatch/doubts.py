"""What speaks against a unit, in words: what makes its travel time, or its order's arrival, less
sure than it looks, and what the score counts beside the travel time.

Knows no other unit: who comes before whom is said by `server.dispatch.standing`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from devices.battery.model import Load
from geo.walk import Walk
from server.dispatch.contest import Contender, Scene
from server.dispatch.reasons import Reason, battery_reasons, minutes
from server.dispatch.runcards import Term
from server.dispatch.score import HOUR_S, is_foreign, is_unfit, lacking, overtime_s, snowed_m
from server.dispatch.weights import REST_H, TIRED_H
from server.views import UnitKind

POSITION_OLD_S: Final = 120.0
"""An older fix is said to be old: a car may be 2 km from it."""
OFF_ROAD_M: Final = 150.0
"""Farther from a road than this, the walk to it is said."""
SNOWED_M: Final = 50.0
"""Shorter stretches of track in snow are not worth a word."""
_KINDS: Final[Mapping[UnitKind, str]] = {
    "patrol_car": "a patrol car",
    "off_road": "a four-wheel drive",
    "motorcycle": "a motorcycle",
    "foot": "a unit on foot",
}


def doubts(scene: Scene, one: Contender) -> list[Reason]:
    """Everything that a dispatcher should know before sending it."""
    return [
        *_position_doubts(one),
        *_road_doubts(scene, one),
        *_device_doubts(scene, one),
        *_fit_doubts(scene, one),
        *_crew_doubts(scene, one),
        *_left_doubts(one),
        *battery_reasons(one.batteries),
    ]


def _left_doubts(one: Contender) -> list[Reason]:
    """Who has nobody near while it is away."""
    left = one.left
    if left is None or left.people == 0:
        return []
    limit_min = round(left.limit_s / 60.0)
    values: dict[str, str | float | int] = {
        "people": left.people,
        "places": left.places,
        "limit": limit_min,
        "worst": left.worst,
    }
    text = f"leaves {left.people:,} people in {left.places} villages without a free unit within"
    if left.worst_next_s is None:
        text = f"{text} {limit_min} min; nobody else is near {left.worst}"
        return [Reason(code="leaves_nobody", values=values, text=text)]
    values["min"] = minutes(left.worst_next_s)
    text = f"{text} {limit_min} min; the next is {values['min']:g} min from {left.worst}"
    return [Reason(code="leaves", values=values, text=text)]


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
    found = []
    if one.position_age_s is not None and one.off_road_m is None:
        found.append(Reason(code="unit_off_road", text="unreachable: no road near the unit"))
    elif one.position_age_s is not None and one.eta_s is None:
        found.append(Reason(code="no_route", text="unreachable: no road leads to the place"))
    elif one.off_road_m is not None and one.off_road_m > OFF_ROAD_M:
        found.append(_walk_to_road(one.off_road_m))
    if one.eta_s is not None and one.turnout_s > 0.0:
        found.append(_turnout(one.turnout_s))
    if one.eta_s is not None and one.road_closed:
        text = "the road at the place is closed: the time counts driving into it slowly"
        found.append(Reason(code="closed_at_place", text=text))
    if one.walk is not None and one.walk.distance_m > OFF_ROAD_M:
        found.append(_last_stretch(one.walk))
    return found


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


def _device_doubts(scene: Scene, one: Contender) -> list[Reason]:
    found = []
    if not one.has_device:
        text = "no device shows it the order: tell it by voice"
        found.append(Reason(code="no_device", text=text))
    elif not one.connected:
        text = "not connected: the order waits for the signal"
        found.append(Reason(code="not_connected", text=text))
    if not one.has_camera and scene.recording is not Load.STANDBY:
        found.append(Reason(code="no_camera", text="no body camera: nothing is recorded"))
    return found


def _fit_doubts(scene: Scene, one: Contender) -> list[Reason]:
    """Crew and vehicle beside what the run card asks for."""
    found = []
    if missing := lacking(scene, one):
        values, names = _named(missing)
        text = f"nobody of its crew has: {names}"
        found.append(Reason(code="lacks_skills", values=values, text=text))
    if is_unfit(scene, one):
        text = f"{_KINDS[one.kind]} is not what such a call asks for"
        found.append(Reason(code="unfit_kind", values={"kind": one.kind}, text=text))
    if one.eta_s is not None and (metres := snowed_m(one)) >= SNOWED_M:
        metres = round(metres, -1)
        text = f"{metres:.0f} m of its way on tracks in snow or ice, without four-wheel drive"
        found.append(Reason(code="snowy_track", values={"m": metres}, text=text))
    if is_foreign(scene, one):
        text = f"the place is in the area of {scene.area}"
        found.append(Reason(code="other_area", values={"station": scene.area}, text=text))
    return found


def remarks(scene: Scene) -> list[Reason]:
    """What is to be known of the whole choice, whoever is sent."""
    if not scene.absent_skills:
        return []
    values, names = _named(scene.absent_skills)
    return [Reason(code="nobody_has", values=values, text=f"no unit has: {names}")]


def _named(skills: Sequence[Term]) -> tuple[dict[str, str | float | int], str]:
    """Their words for the dictionaries, and for the log."""
    english = ", ".join(each.en for each in skills)
    return {"skills": english, "skills_zh": "、".join(each.zh for each in skills)}, english


def _crew_doubts(scene: Scene, one: Contender) -> list[Reason]:
    """Its hours."""
    found = []
    if (late := minutes(overtime_s(scene, one))) >= 1.0:
        text = f"its shift ends {late:.0f} min before the job does"
        found.append(Reason(code="overtime", values={"min": round(late)}, text=text))
    if one.on_duty_s is not None and one.on_duty_s > TIRED_H * HOUR_S:
        hours = round(one.on_duty_s / HOUR_S, 1)
        text = f"on duty for {hours:g} h already"
        found.append(Reason(code="long_on_duty", values={"h": hours}, text=text))
    if one.rest_s is not None and one.rest_s < REST_H * HOUR_S:
        hours = round(one.rest_s / HOUR_S, 1)
        text = f"only {hours:g} h of rest before this shift"
        found.append(Reason(code="short_rest", values={"h": hours}, text=text))
    return found
