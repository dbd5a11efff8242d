"""Steps and cautions in words, Chinese and English.

Names of roads and places are said as the map writes them. Knows nothing of how a route is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, assert_never

from geo.guidance.steps import Bend, Maneuver, Step
from geo.guidance.wayside import Caution, Hazard
from geo.roadmap import RoadClass

Language = Literal["en", "zh"]

_COMPASS: Final = {
    "en": (
        "north",
        "north-east",
        "east",
        "south-east",
        "south",
        "south-west",
        "west",
        "north-west",
    ),
    "zh": ("北", "东北", "东", "东南", "南", "西南", "西", "西北"),
}
_BENDS: Final[Mapping[Language, Mapping[Bend, str]]] = {
    "en": {
        Bend.STRAIGHT: "go straight on",
        Bend.SLIGHT_RIGHT: "keep right",
        Bend.RIGHT: "turn right",
        Bend.SHARP_RIGHT: "turn sharp right",
        Bend.SLIGHT_LEFT: "keep left",
        Bend.LEFT: "turn left",
        Bend.SHARP_LEFT: "turn sharp left",
    },
    "zh": {
        Bend.STRAIGHT: "直行",
        Bend.SLIGHT_RIGHT: "靠右行驶",
        Bend.RIGHT: "右转",
        Bend.SHARP_RIGHT: "向右急转",
        Bend.SLIGHT_LEFT: "靠左行驶",
        Bend.LEFT: "左转",
        Bend.SHARP_LEFT: "向左急转",
    },
}
_UNNAMED: Final = {
    "en": {RoadClass.TRACK: "the track", RoadClass.SERVICE: "the service road"},
    "zh": {RoadClass.TRACK: "机耕路", RoadClass.SERVICE: "支路"},
}
_HAZARDS: Final = {
    "en": {
        Hazard.SINGLE_TRACK: "single track",
        Hazard.TUNNEL: "tunnel",
        Hazard.FERRY: "ferry",
        Hazard.DEAD_ZONE: "no radio signal",
    },
    "zh": {
        Hazard.SINGLE_TRACK: "单车道",
        Hazard.TUNNEL: "隧道",
        Hazard.FERRY: "渡口",
        Hazard.DEAD_ZONE: "无信号路段",
    },
}


def say(step: Step, language: Language) -> str:
    """One step as a sentence, distance included."""
    what, english = act(step, language), language == "en"
    match step.maneuver:
        case Maneuver.ARRIVE | Maneuver.WALK:
            return f"{what}." if english else f"{what}。"
        case _:
            far = distance(step.distance_m, language)
            return f"{what}, {far}." if english else f"{what}，行驶{far}。"


def act(step: Step, language: Language) -> str:
    """What is to be done at a step, without how far it goes after it; no full stop."""
    english = language == "en"
    match step.maneuver:
        case Maneuver.ARRIVE:
            return "You have arrived" if english else "到达目的地"
        case Maneuver.WALK:
            return _said_walk(step, language)
        case Maneuver.DEPART:
            way = direction(step.heading_deg or 0.0, language)
            what = f"Head {way}" if english else f"向{way}出发"
            on = f" on {_road(step, language)}" if english else f"，沿{_road(step, language)}"
        case Maneuver.CONTINUE:
            what = "Continue" if english else "继续"
            on = f" on {_road(step, language)}" if english else f"沿{_road(step, language)}"
        case Maneuver.TURN:
            bend = _BENDS[language][step.bend or Bend.STRAIGHT]
            what = bend.capitalize() if english else bend
            on = _onto(step, language)
        case Maneuver.U_TURN:
            what, on = ("Turn round", "") if english else ("掉头", "")
        case Maneuver.ROUNDABOUT:
            what, on = _said_roundabout(step, language)
        case Maneuver.FERRY:
            what, on = ("Take the ferry", "") if english else ("乘渡船", "")
        case _:
            assert_never(step.maneuver)
    return f"{what}{on}"


def say_caution(caution: Caution, language: Language, *, from_m: float = 0.0) -> str:
    """One caution, and how far after `from_m` of the route it begins."""
    english = language == "en"
    if caution.hazard is Hazard.CLOSURE_BESIDE:
        what = f"{caution.road} closed beside the way" if english else f"旁边{caution.road}封闭"
        if not caution.road:
            what = "a road beside the way is closed" if english else "旁边道路封闭"
    elif caution.hazard is Hazard.STEEP_DESCENT:
        grade = abs(round(caution.grade_pct or 0.0))
        what = f"steep descent, {grade} %" if english else f"陡下坡，坡度{grade}%"
    else:
        what = _HAZARDS[language][caution.hazard]
    if caution.length_m > 0.0:
        length = distance(caution.length_m, language)
        what = f"{what}, {length} long" if english else f"{what}，长{length}"
    ahead_m = caution.at_m - from_m
    if ahead_m < 50.0:
        return what
    ahead = distance(ahead_m, language)
    return f"after {ahead}: {what}" if english else f"{ahead}后：{what}"


def distance(distance_m: float, language: Language) -> str:
    """Metres to tens, from 1 km on kilometres to tenths."""
    if distance_m < 995.0:
        return f"{round(distance_m, -1):.0f}" + (" m" if language == "en" else "米")
    return f"{distance_m / 1000.0:.1f}" + (" km" if language == "en" else "公里")


def direction(heading_deg: float, language: Language) -> str:
    """One of eight compass points."""
    return _COMPASS[language][round(heading_deg / 45.0) % 8]


def _said_walk(step: Step, language: Language) -> str:
    far, way = distance(step.distance_m, language), direction(step.heading_deg or 0.0, language)
    if language == "en":
        return f"Walk {far} {way} to the place, as the crow flies"
    return f"下车步行，向{way}直线距离{far}"


def _said_roundabout(step: Step, language: Language) -> tuple[str, str]:
    english = language == "en"
    if step.exit is None:
        return ("Enter the roundabout", "") if english else ("进入环岛", "")
    if english:
        return f"At the roundabout take exit {step.exit}", _onto(step, language)
    return f"进入环岛，从第{step.exit}个出口驶出", _onto(step, language)


def _onto(step: Step, language: Language) -> str:
    road = step.road or _UNNAMED[language].get(step.road_class or RoadClass.UNCLASSIFIED, "")
    if not road:
        return ""
    return f" onto {road}" if language == "en" else f"，进入{road}"


def _road(step: Step, language: Language) -> str:
    unnamed = "the road" if language == "en" else "道路"
    plain = _UNNAMED[language].get(step.road_class or RoadClass.UNCLASSIFIED, unnamed)
    return step.road or plain
