"""Whether each camera lasts its shift as planned.

What a shift asks of a camera is not known beforehand: jobs come by chance, so many an hour on
average, each with minutes of recording and of streaming; in between it stands by. The averages are
those of the unit's own shifts, drawn to the county's, drawn to starting values; they weigh as much
as so many hours and jobs would, so a new unit begins with them and an old one does without. The
probability of lasting is over both the chances of the battery and the number of jobs.

Knows no store and no clock: times are minutes from now. What to do is `shiftadvice`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp
from typing import Final

import numpy as np

from devices.battery.model import Floats, Load, charge_of
from devices.battery.outlook import Leg, Outlook, exposures_of
from server.dispatch.spares import LonLat

LASTS_MIN: Final = 0.8
"""From it a camera is said to last; below it a remedy is looked for. Starting value."""
SUPPOSED_MIN: Final = 0.5
"""The same for a camera nobody has watched: it is said to fail where it likelier does than not, for
what differs between cameras alone keeps a full one below LASTS_MIN. Starting value."""
JOBS_PER_H: Final = 0.25
"""Two in a shift of eight hours. Starting value, as are the next two."""
RECORD_MIN: Final = 30.0
STREAM_MIN: Final = 10.0
"""Of one job."""
STARTING_H: Final = 80.0
"""The starting values weigh as much as so many hours on duty of the county …"""
COUNTY_H: Final = 40.0
"""… and the county's as much as so many of the unit."""
STARTING_JOBS: Final = 20.0
COUNTY_JOBS: Final = 10.0
"""The same for the minutes of a job."""
JOBS_MAX: Final = 12
"""More in one shift count as so many."""
CHARGE_PCT_PER_H: Final = 40.0
"""Of a device that nobody has seen charging. Starting value."""
HORIZON_MIN: Final = 24 * 60.0
"""Nobody looks further ahead."""
NOTHING_H: Final = 1e-9
STEP_MIN: Final = 15.0

FULL_PCT: Final = float(charge_of(np.array([100.0]))[0])
_STEPS: Final = np.arange(0.0, HORIZON_MIN + STEP_MIN / 2, STEP_MIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What a unit did, or a county did, in the weeks that are looked at."""

    on_duty_h: float = 0.0
    jobs: int = 0
    """With somebody on scene."""
    record_min: float = 0.0
    stream_min: float = 0.0

    def __add__(self, other: Worked) -> Worked:
        return Worked(
            on_duty_h=self.on_duty_h + other.on_duty_h,
            jobs=self.jobs + other.jobs,
            record_min=self.record_min + other.record_min,
            stream_min=self.stream_min + other.stream_min,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is expected of a unit."""

    jobs_per_h: float = JOBS_PER_H
    record_min: float = RECORD_MIN
    """Of one job, as the next."""
    stream_min: float = STREAM_MIN

    def drawn_to(self, seen: Worked, *, weight_h: float, weight_jobs: float) -> Work:
        """By what was seen; this counts as much as so many hours and jobs."""
        jobs = seen.jobs + weight_jobs
        return Work(
            jobs_per_h=(seen.jobs + self.jobs_per_h * weight_h) / (seen.on_duty_h + weight_h),
            record_min=(seen.record_min + self.record_min * weight_jobs) / jobs,
            stream_min=(seen.stream_min + self.stream_min * weight_jobs) / jobs,
        )


def expected_work(unit: Worked, county: Worked) -> Work:
    """Of a unit, by its own past and that of all units."""
    usual = Work().drawn_to(county, weight_h=STARTING_H, weight_jobs=STARTING_JOBS)
    return usual.drawn_to(unit, weight_h=COUNTY_H, weight_jobs=COUNTY_JOBS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """When a unit is on duty."""

    begins_min: float = 0.0
    """0: it is."""
    minutes: float
    """From then, or from now, to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera before or in a shift."""

    device_id: str
    model: str
    unit_id: str
    station: str | None
    """Of its unit."""
    at: LonLat | None
    """The unit, or else its station."""
    drives: bool
    """Its unit has a vehicle to charge in."""
    learned: bool
    """It told how it drains itself, beside what is supposed of its model."""
    outlook: Outlook
    """As of now; before the shift, as of its last report."""
    idle: Leg
    """How it stands by: as cold as it will be, and with what signal."""
    job: tuple[Leg, ...] = ()
    """What is left of the present job."""
    charging: bool = False
    charge_pct_per_h: float = CHARGE_PCT_PER_H
    work: Work = Work()
    shift: Shift


class Demand:
    """What a shift takes of a camera."""

    def __init__(self, camera: Camera) -> None:
        self._work = camera.work
        each = (Load.RECORD, Load.STREAM_LOW, Load.STANDBY)
        self._per_h = exposures_of(
            [[replace(camera.idle, loads=frozenset({load}), minutes=60.0)] for load in each]
        )
        """(3, 6) exposure of an hour of each."""
        self._ends = np.cumsum([0.0, *(leg.minutes for leg in camera.job)])
        self._used = np.cumsum(exposures_of([[], *([leg] for leg in camera.job)]), axis=0)
        """(L + 1, 6) exposure of the present job until the end of each leg."""
        minutes = camera.shift.minutes
        self._left_h = max(minutes - float(self._ends[-1]), 0.0) / 60.0
        self.jobs = self._work.jobs_per_h * self._left_h
        """Expected after the present one."""
        self.chances = _poisson(self.jobs)
        self.of_shift: Floats = (
            self._of_job(np.array([minutes])) + self.split(np.arange(JOBS_MAX + 1.0)) @ self._per_h
        )
        """(13, 6) exposure with so many jobs after the present one, from none."""

    def split(self, jobs: Floats) -> Floats:
        """(N, 3) hours of recording, streaming and standing by with so many jobs, (N,)."""
        wanted = np.outer(jobs, [self._work.record_min, self._work.stream_min]) / 60.0
        wanted_h = wanted.sum(axis=1, keepdims=True)
        busy = wanted * np.minimum(1.0, self._left_h / np.maximum(wanted_h, NOTHING_H))
        rest = np.maximum(self._left_h - busy.sum(axis=1, keepdims=True), 0.0)
        return np.hstack([busy, rest])

    def until(self, minutes: Floats) -> Floats:
        """(T, 6) exposure until these minutes, (T,), jobs spread evenly; also beyond the shift."""
        shares = self.split(np.array([self.jobs]))[0]
        mixed = shares / shares.sum() if shares.sum() > 0.0 else np.array([0.0, 0.0, 1.0])
        after_h = np.maximum(minutes - self._ends[-1], 0.0) / 60.0
        return np.asarray(self._of_job(minutes) + after_h[:, None] * (mixed @ self._per_h))

    def _of_job(self, minutes: Floats) -> Floats:
        """(T, 6) exposure of the present job until these minutes."""
        return np.stack([np.interp(minutes, self._ends, load) for load in self._used.T], axis=1)


def _poisson(mean: float) -> Floats:
    """(13,) chances of so many jobs; the last: of so many or more."""
    chances = np.cumprod([exp(-mean), *(mean / number for number in range(1, JOBS_MAX + 1))])
    chances[-1] = 1.0 - chances[:-1].sum()
    return np.asarray(chances)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPlan:
    """What lies ahead of one camera."""

    camera: Camera
    demand: Demand
    jobs: float
    """Expected, the present one not among them; with the minutes of all of them, and the rest."""
    record_min: float
    stream_min: float
    standby_min: float
    p_lasts: float
    empty_min: tuple[float | None, float | None, float | None]
    """From now: one in ten, half, nine in ten are empty by then as planned. None: not within
    HORIZON_MIN of the shift's beginning."""

    @property
    def lasts(self) -> bool:
        return self.p_lasts >= LASTS_MIN

    @property
    def fails(self) -> bool:
        """Something is to be done. What neither lasts nor fails is not known yet."""
        return self.p_lasts < (LASTS_MIN if self.camera.learned else SUPPOSED_MIN)

    def p_with(self, *, extra_pct: float = 0.0, outlook: Outlook | None = None) -> float:
        """Probability of lasting with some charge more, or with another camera's futures."""
        return _p_lasts(self.camera, self.demand, outlook or self.camera.outlook, extra_pct)

    @property
    def dies(self) -> tuple[float, float, str]:
        """A key to sort by: the likeliest to die first, then the soonest."""
        _, likely, _ = self.empty_min
        return self.p_lasts, HORIZON_MIN if likely is None else likely, self.camera.device_id


def ahead(camera: Camera) -> CameraPlan:
    """As planned, if nothing is done."""
    demand = Demand(camera)
    record_h, stream_h, standby_h = demand.split(np.array([demand.jobs]))[0].tolist()
    return CameraPlan(
        camera=camera,
        demand=demand,
        jobs=demand.jobs,
        record_min=60.0 * record_h,
        stream_min=60.0 * stream_h,
        standby_min=60.0 * standby_h,
        p_lasts=_p_lasts(camera, demand, camera.outlook, 0.0),
        empty_min=_empty_min(camera, demand),
    )


def _p_lasts(camera: Camera, demand: Demand, outlook: Outlook, extra_pct: float) -> float:
    charge = _charge(camera, outlook) + extra_pct
    return float(outlook.p_each(demand.of_shift, charge) @ demand.chances)


def _charge(camera: Camera, outlook: Outlook) -> Floats:
    """(F,) at the beginning of the shift: what is on a charger until then gains."""
    if not camera.charging or camera.shift.begins_min <= 0.0:
        return outlook.charge_pct
    gained = camera.charge_pct_per_h * camera.shift.begins_min / 60.0
    return np.minimum(outlook.charge_pct + gained, np.maximum(outlook.charge_pct, FULL_PCT))


def _empty_min(camera: Camera, demand: Demand) -> tuple[float | None, float | None, float | None]:
    """By when one in ten, half, nine in ten are empty."""
    charge = _charge(camera, camera.outlook)
    empty = 1.0 - camera.outlook.p_each(demand.until(_STEPS), charge)
    early, likely, late = (_reaches(empty, share) for share in (0.1, 0.5, 0.9))
    begins = camera.shift.begins_min
    return _after(begins, early), _after(begins, likely), _after(begins, late)


def _reaches(empty: Floats, share: float) -> float | None:
    """Minutes, between steps on a straight line; None: not within the horizon."""
    if empty[-1] < share:
        return None
    return float(np.interp(share, np.maximum.accumulate(empty), _STEPS))


def _after(begins_min: float, minutes: float | None) -> float | None:
    return None if minutes is None else begins_min + minutes
