"""How long people take, and what they say. Log-normal times; all numbers are starting values.

Machines answer in milliseconds, officers do not: the time from the tone to the tap, the walk to
the car and the talk at the scene are most of a job, and every one of them differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import Final, Literal

Priority = Literal["routine", "priority", "emergency"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A log-normal time, cut at both ends. Seconds."""

    median_s: float
    sigma: float
    low_s: float
    high_s: float

    def draw(self, rng: Random, factor: float = 1.0) -> float:
        seconds = exp(rng.gauss(log(self.median_s * factor), self.sigma))
        return min(max(seconds, self.low_s), self.high_s)


LOOK: Final = Spread(median_s=2.0, sigma=0.3, low_s=0.5, high_s=5.0)
"""From receipt to the order on the screen, read out."""
ANSWER: Final[dict[Priority, Spread]] = {
    "routine": Spread(median_s=14.0, sigma=0.7, low_s=3.0, high_s=150.0),
    "priority": Spread(median_s=10.0, sigma=0.6, low_s=2.0, high_s=90.0),
    "emergency": Spread(median_s=7.0, sigma=0.5, low_s=2.0, high_s=45.0),
}
"""From the screen to the tap."""
TURNOUT_AT_STATION: Final = Spread(median_s=45.0, sigma=0.5, low_s=10.0, high_s=180.0)
TURNOUT_IN_CAR: Final = Spread(median_s=8.0, sigma=0.5, low_s=2.0, high_s=40.0)
"""From the tap to the wheels turning."""
ARRIVAL_TAP: Final = Spread(median_s=8.0, sigma=0.6, low_s=2.0, high_s=60.0)
"""From standing at the scene to saying so."""
SCENE_SIGMA: Final = 0.35
SCENE_S_MIN: Final = 60.0
SCENE_S_MAX: Final = 3 * 3600.0
SCENE_MIN_DEFAULT: Final = 15.0
SCENE_MIN: Final = {
    "suspicious_activity": 2.5,
    "request_for_help": 3.0,
    "neighbour_dispute": 12.0,
    "public_disorder": 12.0,
    "theft": 15.0,
    "domestic_violence": 18.0,
    "assault": 18.0,
    "robbery": 20.0,
    "traffic_collision": 20.0,
    "road_blocked": 25.0,
    "armed_threat": 30.0,
    "wildfire": 35.0,
    "missing_person": 40.0,
    "mountain_rescue": 50.0,
}
"""Median minutes at the scene, shorter than in life so that a watched hour holds whole jobs."""
DECLINE_SHARE: Final[dict[Priority, float]] = {"routine": 0.06, "priority": 0.03, "emergency": 0.01}
DECLINE_REASONS: Final = {
    "en": (
        "Vehicle fault, cannot drive",
        "Escorting a detained person",
        "Fuel too low for the way there and back",
        "Already helping at an accident on the road",
    ),
    "zh": ("车辆故障，无法出动", "正在押送人员", "油量不足以往返", "正在处理路上的事故"),
}
NOTES: Final = {
    "en": (
        "On scene, situation under control",
        "Talked with both sides, statements taken",
        "No injuries, photographs taken",
        "Caller found and cared for",
        "Road partly passable, traffic is guided past",
    ),
    "zh": (
        "已到现场，情况可控",
        "已与双方谈话并做笔录",
        "无人受伤，已拍照取证",
        "已找到报警人并妥善安置",
        "道路部分通行，正在疏导交通",
    ),
}
CLOSING_NOTES: Final = {
    "en": ("Settled, returning", "Handed over, returning", "Warned, nothing further"),
    "zh": ("已处理完毕，返回", "已移交，返回", "已教育告诫，无其他情况"),
}


class Crew:
    """The officers of one unit: quick or slow as people are, the same all shift."""

    def __init__(self, rng: Random, *, language: str = "en") -> None:
        self._rng = rng
        self._slowness = exp(rng.gauss(0.0, 0.25))
        self._language = language if language in NOTES else "en"

    def looks_after_s(self) -> float:
        return LOOK.draw(self._rng)

    def answers_after_s(self, priority: Priority) -> float:
        return ANSWER[priority].draw(self._rng, self._slowness)

    def leaves_after_s(self, *, in_car: bool) -> float:
        return (TURNOUT_IN_CAR if in_car else TURNOUT_AT_STATION).draw(self._rng, self._slowness)

    def reports_arrival_after_s(self) -> float:
        return ARRIVAL_TAP.draw(self._rng, self._slowness)

    def stays_s(self, incident_type: str) -> float:
        minutes = SCENE_MIN.get(incident_type, SCENE_MIN_DEFAULT)
        spread = Spread(
            median_s=60.0 * minutes, sigma=SCENE_SIGMA, low_s=SCENE_S_MIN, high_s=SCENE_S_MAX
        )
        return spread.draw(self._rng)

    def pace(self) -> float:
        """Share of the model's speed on one trip, at most 1."""
        return self._rng.uniform(0.85, 1.0)

    def declines(self, priority: Priority) -> str | None:
        """A reason not to go, seldom."""
        if self._rng.random() >= DECLINE_SHARE[priority]:
            return None
        return self._rng.choice(DECLINE_REASONS[self._language])

    def note(self) -> str:
        return self._rng.choice(NOTES[self._language])

    def closing_note(self) -> str:
        return self._rng.choice(CLOSING_NOTES[self._language])
