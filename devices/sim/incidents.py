"""What happens in the county, and when: a seeded stream, the same for the same seed and map.

Arrivals are a Poisson process; places are near villages, by population. Knows no server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from devices.sim.movement import METRES_PER_DEGREE
from geo.roadmap import Place

Priority = Literal["routine", "priority", "emergency"]

SPREAD_M: Final = 500.0
"""Standard deviation of an incident's distance from its village, per axis."""
TRIES_MAX: Final = 30
FIRST_AFTER_S: Final = (8.0, 40.0)
"""The first incidents of a run come at these times, so that nobody waits for something to see."""
QUICK_TYPES: Final = ("request_for_help", "suspicious_activity")
"""What those first ones are."""
POPULATION_MIN: Final = 50
"""Counted for a place whose population is not known."""
WEIGHTS: Final = {
    "request_for_help": 18.0,
    "neighbour_dispute": 16.0,
    "traffic_collision": 14.0,
    "suspicious_activity": 12.0,
    "theft": 10.0,
    "public_disorder": 9.0,
    "fraud": 8.0,
    "domestic_violence": 6.0,
    "road_blocked": 5.0,
    "missing_person": 3.0,
    "assault": 3.0,
    "mental_crisis": 2.0,
    "wildfire": 1.5,
    "mountain_rescue": 1.5,
    "robbery": 0.7,
    "suicide_threat": 0.5,
    "flood": 0.5,
    "crowd": 0.5,
    "armed_threat": 0.3,
    "officer_needs_help": 0.2,
    "patrol_task": 0.0,
    "standby": 0.0,
}
"""How often, relative to each other. Starting values; an unknown type counts 1. Tasks that the room
gives itself do not happen."""
NOTES: Final = {
    "en": {
        "traffic_collision": "Two vehicles, one in the ditch; caller says nobody is trapped",
        "road_blocked": "Rocks on the road after the bend, about one lane free",
        "assault": "Several people fighting outside a shop",
        "theft": "Motorcycle gone from the yard since last night",
        "missing_person": "Elderly man not back from the fields since noon",
        "neighbour_dispute": "Quarrel over the water channel, voices are loud",
        "request_for_help": "Elderly caller alone, asks for somebody to look in",
        "suspicious_activity": "Unknown van parked at the school for an hour",
        "public_disorder": "Drunk man shouting in the street",
        "wildfire": "Smoke above the terraces, wind up the slope",
        "mountain_rescue": "Walker with a hurt leg on the path above the village",
    },
    "zh": {
        "traffic_collision": "两车相撞，一车滑入边沟，报警人称无人被困",
        "road_blocked": "弯道后落石，仅剩一条车道",
        "assault": "商店门口多人打架",
        "theft": "院内摩托车昨夜被盗",
        "missing_person": "老人中午下地后未归",
        "neighbour_dispute": "因水渠争吵，情绪激动",
        "request_for_help": "独居老人求助，请派人上门查看",
        "suspicious_activity": "学校旁有不明车辆停留一小时",
        "public_disorder": "醉酒男子当街叫骂",
        "wildfire": "梯田上方冒烟，风往坡上吹",
        "mountain_rescue": "村后山路有人腿部受伤",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """An incident type as the server names it."""

    code: str
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One incident to come."""

    number: int
    at_s: float
    """Simulated seconds from the start of the run."""
    type: str
    priority: Priority
    note: str
    lon: float
    lat: float


def stream(
    *,
    seed: int | str,
    places: Sequence[Place],
    kinds: Sequence[Kind],
    per_hour: float,
    on_road: Callable[[float, float], tuple[float, float] | None],
    language: str = "en",
    first_after_s: Sequence[float] = FIRST_AFTER_S,
) -> Iterator[Planned]:
    """Endless, in order of time; empty when `per_hour` is 0. `first_after_s`: when the first come.

    `on_road` moves a place to a road that units can reach, or says None: draw again.
    Raises ValueError without a village or a kind.
    """
    inhabited = [place for place in places if place.kind in ("town", "village", "hamlet")]
    if not inhabited or not kinds:
        raise ValueError("incidents need at least one village on the map and one incident type")
    rng = Random(f"incidents-{seed}")
    by_code = {kind.code: kind for kind in kinds}
    at_s, number = 0.0, 0
    while per_hour > 0.0:
        first = number < len(first_after_s)
        at_s = first_after_s[number] if first else at_s + rng.expovariate(per_hour / 3600.0)
        place = _somewhere(rng, inhabited, on_road)
        kind = _kind(rng, by_code, quick=first)
        number += 1
        yield Planned(
            number=number,
            at_s=at_s,
            type=kind.code,
            priority=kind.priority,
            note=NOTES.get(language, NOTES["en"]).get(kind.code, ""),
            lon=place[0],
            lat=place[1],
        )


def _kind(rng: Random, by_code: dict[str, Kind], *, quick: bool) -> Kind:
    easy = [code for code in by_code if quick and code in QUICK_TYPES]
    codes = easy or list(by_code)
    return by_code[rng.choices(codes, [WEIGHTS.get(code, 1.0) for code in codes])[0]]


def _somewhere(
    rng: Random,
    places: Sequence[Place],
    on_road: Callable[[float, float], tuple[float, float] | None],
) -> tuple[float, float]:
    weights = [max(place.population, POPULATION_MIN) for place in places]
    sigma_deg = SPREAD_M / METRES_PER_DEGREE
    for _ in range(TRIES_MAX):
        place = rng.choices(places, weights)[0]
        found = on_road(place.lon + rng.gauss(0, sigma_deg), place.lat + rng.gauss(0, sigma_deg))
        if found is not None:
            return found
    raise ValueError("no village of the map lies on a road that units can reach")


def language_of(places: Sequence[Place]) -> str:
    """The county's language, by the script of its names: "zh" or "en"."""
    chinese = sum(any("一" <= letter <= "鿿" for letter in place.name) for place in places)
    return "zh" if chinese * 2 > len(places) else "en"
