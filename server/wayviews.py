"""The way to a scene, turn by turn, as the handset gets it over HTTP.

The TypeScript types in web/src/handset/way.ts mirror these. Pure.
"""

from __future__ import annotations

from datetime import datetime

from geo.guidance.steps import Step
from geo.guidance.wayside import Caution
from geo.guidance.wording import say, say_caution
from server.views import View


class CautionView(View, frozen=True):
    """A stretch of the way to be minded; metres from its start."""

    hazard: str
    at_m: float
    length_m: float
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
    cautions: list[CautionView]


class OrderRouteView(View, frozen=True):
    """The way to the scene from where the unit was."""

    order_id: str
    computed_at: datetime
    duration_s: float
    distance_m: float
    steps: list[StepView]


def step_view(step: Step) -> StepView:
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
        cautions=[_caution_view(each, step.at_m) for each in step.cautions],
    )


def _caution_view(caution: Caution, from_m: float) -> CautionView:
    return CautionView(
        hazard=caution.hazard,
        at_m=round(caution.at_m, 1),
        length_m=round(caution.length_m, 1),
        text={
            "en": say_caution(caution, "en", from_m=from_m),
            "zh": say_caution(caution, "zh", from_m=from_m),
        },
    )
