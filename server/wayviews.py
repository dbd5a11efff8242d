"""The way to a scene, turn by turn, as the handset gets it over HTTP.

The TypeScript types in web/src/handset/way.ts mirror these. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from geo.guidance.steps import Step
from geo.guidance.wayside import Caution
from geo.guidance.wording import act, say, say_caution
from server.views import View


class CautionView(View, frozen=True):
    """A stretch of the way to be minded; metres from its start."""

    hazard: str
    at_m: float
    length_m: float
    at_s: float
    duration_s: float
    """When it begins, from the start of the way, and how long it lasts, at median pace."""
    text: dict[str, str]
    """By language, `en` and `zh`."""


class StepView(View, frozen=True):
    """One instruction on the way, and the stretch to the next."""

    maneuver: str
    bend: str | None
    exit: int | None
    at_m: float
    distance_m: float
    duration_s: float
    lon: float
    lat: float
    road: str
    text: dict[str, str]
    """By language, `en` and `zh`."""
    act: dict[str, str]
    """The same without the distance after it: what is said shortly before."""
    cautions: list[CautionView]


class OrderRouteView(View, frozen=True):
    """The way to the scene from where the unit was."""

    order_id: str
    computed_at: datetime
    duration_s: float
    distance_m: float
    map_id: str
    """Of the map whose tiles show it."""
    line: list[tuple[float, float, float]]
    """Longitude, latitude, metres from the start; thin, but never further from the road than its
    width."""
    closed: list[list[tuple[float, float]]]
    """Roads closed now near the way, longitude and latitude."""
    steps: list[StepView]


Seconds = Callable[[float], float]
"""From metres along the way."""


def line_view(track: NDArray[np.float64]) -> list[tuple[float, float, float]]:
    """To a metre."""
    return [(round(lon, 5), round(lat, 5), round(at_m)) for lon, lat, at_m in track.tolist()]


def shape_view(shape: NDArray[np.float64]) -> list[tuple[float, float]]:
    """To a metre."""
    return [(round(lon, 5), round(lat, 5)) for lon, lat in shape.tolist()]


def step_view(step: Step, seconds_at: Seconds) -> StepView:
    """With the words in both languages."""
    return StepView(
        maneuver=step.maneuver,
        bend=step.bend,
        exit=step.exit,
        at_m=round(step.at_m, 1),
        distance_m=round(step.distance_m, 1),
        duration_s=round(step.duration_s, 1),
        lon=round(step.lon, 6),
        lat=round(step.lat, 6),
        road=step.road,
        text={"en": say(step, "en"), "zh": say(step, "zh")},
        act={"en": act(step, "en"), "zh": act(step, "zh")},
        cautions=[_caution_view(each, step.at_m, seconds_at) for each in step.cautions],
    )


def _caution_view(caution: Caution, from_m: float, seconds_at: Seconds) -> CautionView:
    at_s = seconds_at(caution.at_m)
    return CautionView(
        hazard=caution.hazard,
        at_m=round(caution.at_m, 1),
        length_m=round(caution.length_m, 1),
        at_s=round(at_s, 1),
        duration_s=round(seconds_at(caution.at_m + caution.length_m) - at_s, 1),
        text={
            "en": say_caution(caution, "en", from_m=from_m),
            "zh": say_caution(caution, "zh", from_m=from_m),
        },
    )
