"""What each unit counts as for a scene: the travel time, and every doubt about it, in seconds.

    score = E[T] + lambda (P90 - median) + battery + coverage + shift + mismatch

with E[T] = median exp(s^2 / 2) of the lognormal travel time (`geo.eta`). Everything but the first
term is a share of a bound that depends on the priority (`server.dispatch.weights`), so no doubt
and no sum of doubts keeps back a unit that is there clearly sooner. Terms add up and know nothing
of each other or of other units: what one unit counts as never depends on who else was asked.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import exp
from typing import Final, Literal, get_args

from geo.eta import Eta
from server.dispatch.battery import camera_risk, handset_risk
from server.dispatch.contest import Contender, Scene
from server.dispatch.runcards import Term
from server.dispatch.weights import (
    BOUNDS,
    OVERTIME_H_MAX,
    OVERTIME_WEIGHT,
    REST_H,
    REST_WEIGHT,
    RISK_SHARE,
    SNOWY_TRACK_M_MAX,
    SNOWY_TRACK_WEIGHT,
    TIRED_H,
    TIRED_H_MAX,
    TIRED_WEIGHT,
)

Part = Literal["risk", "camera", "handset", "coverage", "shift", "skills", "vehicle", "area"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
"""Everything beside the travel time."""
FOUR_WHEELS_OR_FEET: Final = frozenset({"off_road", "foot"})
"""Kinds that go on in snow on a track."""
HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One unit's terms in seconds, each 0 or more; the least sum is best."""

    eta_s: float
    """Expected, which is later than the median."""
    risk_s: float = 0.0
    camera_s: float = 0.0
    handset_s: float = 0.0
    coverage_s: float = 0.0
    shift_s: float = 0.0
    skills_s: float = 0.0
    vehicle_s: float = 0.0
    area_s: float = 0.0

    @property
    def battery_s(self) -> float:
        return self.camera_s + self.handset_s

    @property
    def mismatch_s(self) -> float:
        return self.skills_s + self.vehicle_s + self.area_s

    @property
    def doubts_s(self) -> float:
        """Everything beside the travel time."""
        return self.risk_s + self.battery_s + self.coverage_s + self.shift_s + self.mismatch_s

    @property
    def total_s(self) -> float:
        return self.eta_s + self.doubts_s

    def part_s(self, part: Part) -> float:
        found: float = getattr(self, f"{part}_s")
        return found


assert {f"{part}_s" for part in PARTS} | {"eta_s"} == {each.name for each in fields(Score)}


def score(scene: Scene, one: Contender) -> Score | None:
    """None: nobody knows when it would be there."""
    if one.eta_s is None:
        return None
    bounds = BOUNDS[scene.priority]
    eta = Eta(median_s=one.eta_s, log_sd=one.log_sd)
    unsure_s = RISK_SHARE * (eta.p90_s - eta.median_s)
    return Score(
        eta_s=eta.median_s * exp(eta.log_sd**2 / 2.0),
        risk_s=_nearing(unsure_s, 60.0 * bounds.risk_min),
        camera_s=60.0 * bounds.camera_min * camera_risk(one.batteries, scene.recording),
        handset_s=60.0 * bounds.handset_min * handset_risk(one.batteries),
        coverage_s=_nearing(one.coverage_s, 60.0 * bounds.coverage_min),
        shift_s=60.0 * bounds.shift_min * _shift_share(scene, one, one.eta_s),
        skills_s=60.0 * bounds.skills_min * _skills_share(scene, one),
        vehicle_s=60.0 * bounds.vehicle_min * _vehicle_share(scene, one),
        area_s=60.0 * bounds.area_min * is_foreign(scene, one),
    )


def overtime_s(scene: Scene, one: Contender) -> float:
    """By which the whole job, the way back included, outlasts the unit's shift; 0 if it does not.

    Unknown beginnings of shifts, and times, count as none.
    """
    if one.on_duty_s is None or one.eta_s is None:
        return 0.0
    return max(one.on_duty_s + _job_s(scene, one.eta_s) - scene.shift_s, 0.0)


def lacking(scene: Scene, one: Contender) -> tuple[Term, ...]:
    """Skills that the run card asks for and nobody of the crew has."""
    return tuple(each for each in scene.skills if each.code not in one.skills)


def is_unfit(scene: Scene, one: Contender) -> bool:
    """Whether its kind is none of those the run card names."""
    return bool(scene.kinds) and one.kind not in scene.kinds


def snowed_m(one: Contender) -> float:
    """Of its way: tracks in snow or ice that its vehicle is not made for."""
    return 0.0 if one.kind in FOUR_WHEELS_OR_FEET else one.snowy_track_m


def is_foreign(scene: Scene, one: Contender) -> bool:
    """Whether another station answers for the place; not where either is unknown."""
    return bool(scene.area) and one.station is not None and one.station != scene.area


def _job_s(scene: Scene, eta_s: float) -> float:
    return 2.0 * eta_s + scene.scene_s


def _shift_share(scene: Scene, one: Contender, eta_s: float) -> float:
    tired = 0.0
    if one.on_duty_s is not None:
        ends_h = (one.on_duty_s + _job_s(scene, eta_s)) / HOUR_S
        tired = _bounded((ends_h - TIRED_H) / (TIRED_H_MAX - TIRED_H), 1.0)
    unrested = 0.0
    if one.rest_s is not None:
        unrested = _bounded(1.0 - one.rest_s / (REST_H * HOUR_S), 1.0)
    late = _bounded(overtime_s(scene, one) / (OVERTIME_H_MAX * HOUR_S), 1.0)
    return OVERTIME_WEIGHT * late + TIRED_WEIGHT * tired + REST_WEIGHT * unrested


def _skills_share(scene: Scene, one: Contender) -> float:
    return len(lacking(scene, one)) / len(scene.skills) if scene.skills else 0.0


def _vehicle_share(scene: Scene, one: Contender) -> float:
    snowed = _bounded(snowed_m(one) / SNOWY_TRACK_M_MAX, 1.0)
    return SNOWY_TRACK_WEIGHT * snowed + (1.0 - SNOWY_TRACK_WEIGHT) * is_unfit(scene, one)


def _nearing(value: float, bound: float) -> float:
    """As it is while it is small, towards the bound as it grows: more always counts as more."""
    return bound * value / (bound + value) if value > 0.0 else 0.0


def _bounded(value: float, highest: float) -> float:
    return min(max(value, 0.0), highest)
