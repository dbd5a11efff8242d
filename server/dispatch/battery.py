"""How long batteries last over a job.

A job is a plan: the road with what the incident asks of a camera, the scene, and the road back.
Each battery of a candidate outlasts it with a probability; what that is worth beside the travel
time says `server.dispatch.weights`. Knows no clock and no unit; levels that were never told stay
unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Final

import numpy as np

from devices.battery.model import Floats, Load, exposure_h, level_of, mask_of
from devices.battery.modes import EXTRAS
from devices.battery.outlook import Basis, Leg, Outlooks, exposures_of
from devices.battery.record import pack
from devices.battery.reports import Counts, Ints
from server.dispatch.reckoned import Reckoned
from server.views import DeviceKind

P_GOOD: Final = 0.8
"""What lasts with less is worth a word, and a mitigation. Starting value."""
UNKNOWN_P: Final = 0.5
"""Of a level that was never told. Starting value."""
STREAMS: Final = frozenset({Load.STREAM_LOW, Load.STREAM_HIGH})
OWN_BATTERY: Final = frozenset[DeviceKind]({"body_camera", "handset"})
"""Kinds that do not hang on a vehicle's supply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """One device's battery as it stands."""

    device_id: str
    kind: DeviceKind
    model: str = ""
    """Empty: unknown."""
    level_pct: float | None
    """As reported last, whatever its age; None: never."""
    level_at: datetime | None
    loads: frozenset[Load] = frozenset({Load.STANDBY})
    """What it does now."""
    charging: bool = False
    temp_c: float | None = None
    """Of the battery as reported, else outdoors; None: unknown."""
    warmer_c: float = 0.0
    """Than outdoors, by its own word."""
    weak: float = 0.0
    """1.0: weak signal."""
    counts: Counts = field(default_factory=Counts)

    def leg(self, minutes: float = 60.0) -> Leg:
        """So long as it goes on now."""
        return Leg(
            loads=self.loads,
            minutes=minutes,
            temp_c=self.temp_c,
            weak=self.weak,
            charging=self.charging,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Endurance:
    """Many batteries at one moment."""

    at: datetime
    batteries: Mapping[str, Battery]
    """By device id."""
    index: Mapping[str, int]
    """Device id to its row; devices that never told a level have none."""
    basis: Basis
    outlooks: Outlooks
    version: int | None = None
    """Of what models have in common, in force; None: starting values."""

    def rows(self, asked: Sequence[tuple[str, object]]) -> Ints:
        """Of devices that told a level."""
        return np.array([self.index[each] for each, _ in asked], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What lies before a battery."""

    travel_s: float
    """There, and the same back."""
    scene_s: float
    recording: Load
    """What a body camera does at the scene."""
    temp_c: float | None = None
    """Outdoors at the scene; None: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """One battery over a job."""

    battery: Battery
    p_last: float | None
    """Probability that it outlasts the job; None: its level is unknown."""
    age_s: float = 0.0
    """Of its level."""
    p_recording: float | None = None
    """The same if it only records, where it is to stream and may not last; else None."""
    now_pct: float = 0.0
    """Level as it is expected, now, on arrival and at the end, 0 … 100; 0 where unknown."""
    arrival_pct: float = 0.0
    end_pct: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """What becomes of batteries, and what that was reckoned with."""

    prospects: tuple[Prospect, ...]
    reckoned: Reckoned


def plan(battery: Battery, job: Job, recording: Load | None = None) -> tuple[Leg, Leg, Leg]:
    """The way, the scene, the way back; a camera records from the order on where there is need to.

    On a charger (in the car, as a rule) it is taken to hold its level until the scene. `recording`
    stands for what the job asks of a camera at the scene.
    """
    scene_load, road_load = _loads(battery, recording or job.recording)
    scene_c, road_c = _temperatures(battery, job)

    def leg(load: Load, seconds: float, temp_c: float | None, charging: bool = False) -> Leg:
        loads = _with_extras(load, battery.loads)
        return Leg(
            loads=loads, minutes=seconds / 60, temp_c=temp_c, weak=battery.weak, charging=charging
        )

    back = leg(road_load, job.travel_s, road_c)
    there = leg(road_load, job.travel_s, road_c, charging=True) if battery.charging else back
    return there, leg(scene_load, job.scene_s, scene_c), back


def foresee(asked: Sequence[tuple[str, Job]], endurance: Endurance) -> Foresight:
    """Each device over its job, all at once; devices that are not known of are left out."""
    told = [(each, job) for each, job in asked if each in endurance.index]
    rows = endurance.rows(told)
    hours = _exposures(told, endurance)
    basis = endurance.basis.only(rows)
    lasts = endurance.outlooks.only(rows).p_last(hours.all).tolist()
    spared = _recording_only(told, lasts, endurance)
    levels = _levels(basis, hours)
    known = {
        each: Prospect(
            battery=endurance.batteries[each],
            p_last=p_last,
            age_s=_age_s(endurance.batteries[each], endurance.at),
            p_recording=spared.get(each),
            now_pct=now,
            arrival_pct=arrival,
            end_pct=end,
        )
        for (each, _), p_last, (now, arrival, end) in zip(told, lasts, levels, strict=True)
    }
    return Foresight(
        prospects=tuple(
            known.get(each) or Prospect(battery=endurance.batteries[each], p_last=None)
            for each, _ in asked
            if each in endurance.batteries
        ),
        reckoned=Reckoned(
            version=endurance.version,
            device_ids=tuple(each for each, _ in told),
            numbers=pack(basis, hours.all),
        ),
    )


def camera_risk(prospects: Sequence[Prospect], recording: Load) -> float:
    """Chance that no camera lasts the job, 0 to 1; of two the better one counts.

    Where the job needs a recording, no camera counts as an empty one; else none is missed.
    """
    if recording is Load.STANDBY:
        return 0.0
    return 1.0 - max((_p(each) for each in _of("body_camera", prospects)), default=0.0)


def handset_risk(prospects: Sequence[Prospect]) -> float:
    """Chance that no handset lasts the job, 0 to 1; of two the better one counts. None: 0."""
    return 1.0 - max((_p(each) for each in _of("handset", prospects)), default=1.0)


def _age_s(battery: Battery, now: datetime) -> float:
    return 0.0 if battery.level_at is None else max((now - battery.level_at).total_seconds(), 0.0)


def _p(prospect: Prospect) -> float:
    return UNKNOWN_P if prospect.p_last is None else prospect.p_last


def _of(kind: DeviceKind, prospects: Sequence[Prospect]) -> list[Prospect]:
    return [each for each in prospects if each.battery.kind == kind]


def _loads(battery: Battery, recording: Load) -> tuple[Load, Load]:
    """At the scene, and on the road."""
    if battery.kind != "body_camera" or recording is Load.STANDBY:
        return Load.STANDBY, Load.STANDBY
    return recording, Load.RECORD


def _temperatures(battery: Battery, job: Job) -> tuple[float | None, float | None]:
    """At the scene, and on the road; None: unknown."""
    scene_c = battery.temp_c if job.temp_c is None else job.temp_c + battery.warmer_c
    if battery.temp_c is None or scene_c is None:
        return scene_c, scene_c
    return scene_c, (battery.temp_c + scene_c) / 2


@cache
def _with_extras(load: Load, present: frozenset[Load]) -> frozenset[Load]:
    """With the screen and the infrared light, where they are on now."""
    return frozenset({load}) | (present & EXTRAS)


def _recording_only(
    told: Sequence[tuple[str, Job]], lasts: Sequence[float], endurance: Endurance
) -> dict[str, float]:
    """Of cameras that are to stream and may not last: how they would if they recorded alone."""
    spared = [
        (each, job)
        for (each, job), p_last in zip(told, lasts, strict=True)
        if p_last < P_GOOD
        and job.recording in STREAMS
        and endurance.batteries[each].kind == "body_camera"
    ]
    hours = _exposures(spared, endurance, Load.RECORD)
    found = endurance.outlooks.only(endurance.rows(spared)).p_last(hours.all)
    return dict(zip((each for each, _ in spared), found.tolist(), strict=True))


def _levels(basis: Basis, hours: _Hours) -> list[list[float]]:
    """What gauges will most likely show: now, on arrival, at the end."""
    now = basis.charge_pct()
    arrival = now - basis.use_pct(hours.there)
    shown = level_of(np.stack([now, arrival, now - basis.use_pct(hours.all)], axis=1))
    found: list[list[float]] = np.clip(shown, 0.0, 100.0).tolist()
    return found


@dataclass(frozen=True, slots=True)
class _Hours:
    """Exposure of D batteries over their jobs, (D, 6) each."""

    there: Floats
    all: Floats


def _exposures(
    told: Sequence[tuple[str, Job]], endurance: Endurance, recording: Load | None = None
) -> _Hours:
    """What `exposures_of` says of every `plan`, all at once: a legion of legs takes its time."""
    rows = [_parts(endurance.batteries[each], job, recording) for each, job in told]
    if not rows:
        return _Hours(exposures_of([]), exposures_of([]))
    travel_h, scene_h, road_c, scene_c, weak, charging, road, scene = np.array(rows).T
    road, scene = road.astype(np.int64), scene.astype(np.int64)
    there = exposure_h(np.where(charging > 0.0, 0.0, travel_h), road, road_c, weak)
    at_scene = exposure_h(scene_h, scene, scene_c, weak)
    return _Hours(there, there + at_scene + exposure_h(travel_h, road, road_c, weak))


def _parts(battery: Battery, job: Job, recording: Load | None) -> tuple[float, ...]:
    """`plan` as numbers: hours and temperatures (nan: unknown) of road and scene, then masks."""
    scene_load, road_load = _loads(battery, recording or job.recording)
    scene_c, road_c = _temperatures(battery, job)
    return (
        job.travel_s / 60 / 60.0,
        job.scene_s / 60 / 60.0,
        np.nan if road_c is None else road_c,
        np.nan if scene_c is None else scene_c,
        battery.weak,
        battery.charging,
        _mask(road_load, battery.loads),
        _mask(scene_load, battery.loads),
    )


@cache
def _mask(load: Load, present: frozenset[Load]) -> int:
    return mask_of(_with_extras(load, present))
