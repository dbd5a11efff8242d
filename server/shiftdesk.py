"""Which cameras last their shift as planned: puts together the live picture, the batteries, what
units did lately, spares, and how fast devices charge, for `server.dispatch.shiftadvice`.

The shift that runs: units on duty, each until its own end. The one to come: units that are not on
duty then, with each camera as it reported last, for nobody knows what a camera does that is off.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Any, Final

from msgspec import structs

from devices.battery.model import Load
from devices.battery.outlook import Leg
from server.batteries import Batteries
from server.dispatch.battery import STREAMS, Battery
from server.dispatch.errors import Impossible
from server.dispatch.runcardfile import shipped
from server.dispatch.runcards import RunCards
from server.dispatch.shiftadvice import Advice, Advised, plan_shift
from server.dispatch.shiftplan import (
    CHARGE_PCT_PER_H,
    LASTS_MIN,
    Camera,
    Shift,
    Worked,
    expected_work,
)
from server.dispatch.spares import LonLat, Spare
from server.jobbatteries import CAMERA, CHARGING_KINDS, JobBatteries
from server.oneatatime import TooMany
from server.ports import CardsInForce, Clock, LiveUnits
from server.shiftviews import AdviceView, PastView, ShiftCameraView, ShiftPlanView
from server.stores import batteryjobs, charges, shifts, spares, stations
from server.stores.batteryjobs import Asked, BatteryJob
from server.stores.shifts import Jobs
from server.views import DeviceView, UnitView

PAST_DAYS: Final = 28
"""Whole weeks."""
CHARGES_DAYS: Final = 90
CAMERAS_LEN_MAX: Final = 1_000
"""Planned at once, in seconds and in a thread. Of more, those with the lowest levels."""
WAITING_MAX: Final = 32
"""Plans that wait for one another; more are refused."""
AHEAD_MAX: Final = timedelta(days=28)
"""Nobody plans a shift that begins later; it would say nothing of batteries."""
CHANGE_OVER: Final = timedelta(minutes=30)
"""Who goes off duty up to so long after the shift begins does not belong to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What the database knows."""

    worked: Mapping[str, Worked]
    county: Worked
    spares: Sequence[Spare]
    stations: Mapping[str, LonLat]
    speeds: Mapping[str, float]
    """%/h on the charger, by device."""
    jobs: Mapping[str, BatteryJob]
    """The one that each unit is on."""
    asked: Mapping[str, Asked]
    """What is done for devices meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """One camera, when its unit is on duty."""

    unit: UnitView
    device: DeviceView
    present: Battery | None
    begins_at: datetime
    ends_at: datetime

    @property
    def level_pct(self) -> float | None:
        return None if self.present is None else self.present.level_pct


class ShiftDeskBusy(TooMany):
    """Too many plans wait already; ask again in a moment."""


class ShiftDesk:
    """Plans are reckoned one at a time."""

    def __init__(
        self,
        *,
        pool: Any,
        live: LiveUnits,
        batteries: Batteries,
        jobs: JobBatteries,
        shift: timedelta,
        clock: Clock,
        cards: CardsInForce = shipped,
    ) -> None:
        self._cards = cards
        self._pool, self._live, self._batteries = pool, live, batteries
        self._jobs, self._shift, self._clock = jobs, shift, clock
        self._planning = asyncio.Lock()
        self._waiting = 0

    async def plan(self, begins_at: datetime | None = None) -> ShiftPlanView:
        """The shift that runs, or the one that begins then; one that has begun counts as now.

        Raises `ShiftDeskBusy`, `Impossible` (`too_far`).
        """
        if self._waiting >= WAITING_MAX:
            raise ShiftDeskBusy(f"{WAITING_MAX} plans of shifts wait already")
        self._waiting += 1
        try:
            async with self._planning:
                return await self._plan(begins_at)
        finally:
            self._waiting -= 1

    async def _plan(self, begins_at: datetime | None) -> ShiftPlanView:
        now = self._clock()
        if begins_at is not None and begins_at - now > AHEAD_MAX:
            text = f"A shift is planned at most {AHEAD_MAX.days} days ahead."
            raise Impossible("too_far", text)
        if begins_at is not None:
            begins_at = max(begins_at, now)
        facts = await self._facts(now)
        slots = self._slots(now, begins_at)
        kept = sorted(slots, key=lambda slot: slot.level_pct or 0.0)[:CAMERAS_LEN_MAX]
        cameras = await self._cameras(kept, facts, now, runs=begins_at is None)
        advised = await asyncio.to_thread(plan_shift, list(cameras.values()), facts.spares)
        by_id = {slot.device.id: slot for slot in kept}
        unknown = [slot for slot in kept if slot.device.id not in cameras]
        return ShiftPlanView(
            now=now,
            begins_at=begins_at,
            lasts_min=LASTS_MIN,
            cameras=[
                *(_foretold(each, by_id, now) for each in advised),
                *(_bare(slot) for slot in unknown),
            ],
            left_out=len(slots) - len(kept),
            past=PastView(
                days=PAST_DAYS, on_duty_h=round(facts.county.on_duty_h, 1), jobs=facts.county.jobs
            ),
        )

    async def _facts(self, now: datetime) -> _Facts:
        since = now - timedelta(days=PAST_DAYS)
        async with self._pool.acquire() as conn:
            hours = await shifts.hours_on_duty(conn, since=since, until=now)
            worked = _worked(hours, await shifts.jobs(conn, since=since), self._cards())
            return _Facts(
                worked=worked,
                county=reduce(Worked.__add__, worked.values(), Worked()),
                spares=await spares.load_spares(conn),
                stations={row.name: (row.lon, row.lat) for row in await stations.load_all(conn)},
                speeds=await charges.speeds_pct_per_h(
                    conn, since=now - timedelta(days=CHARGES_DAYS)
                ),
                jobs={job.unit_id: job for job in await batteryjobs.jobs(conn)},
                asked=await batteryjobs.asked(conn),
            )

    def _slots(self, now: datetime, begins_at: datetime | None) -> list[_Slot]:
        """Every camera of the shift."""
        found = []
        for unit in self._live.units():
            span = _span(unit, now, begins_at, self._shift)
            found += [
                _Slot(
                    unit=unit,
                    device=device,
                    present=self._batteries.present(device.id),
                    begins_at=span[0],
                    ends_at=span[1],
                )
                for device in unit.devices
                if span is not None and device.kind == CAMERA
            ]
        return found

    async def _cameras(
        self, slots: Sequence[_Slot], facts: _Facts, now: datetime, *, runs: bool
    ) -> dict[str, Camera]:
        """By device; lets others run after each."""
        found = {}
        for slot in slots:
            camera = self._camera(slot, facts, now, runs=runs)
            if camera is not None:
                found[slot.device.id] = camera
            await asyncio.sleep(0)
        return found

    def _camera(self, slot: _Slot, facts: _Facts, now: datetime, *, runs: bool) -> Camera | None:
        """None: it never told a level."""
        unit, device, present = slot.unit, slot.device, slot.present
        if present is None or present.level_at is None:
            return None
        outlook = self._batteries.outlook_of(device.id, now if runs else present.level_at)
        if outlook is None:
            return None
        at = None if unit.station is None else facts.stations.get(unit.station)
        if runs and unit.position is not None:
            at = unit.position.lon, unit.position.lat
        return Camera(
            device_id=device.id,
            model=device.model,
            unit_id=unit.id,
            station=unit.station,
            at=at,
            drives=unit.kind in CHARGING_KINDS,
            learned=self._batteries.learned(device.id),
            outlook=outlook,
            idle=Leg(
                loads=frozenset({Load.STANDBY}),
                minutes=60.0,
                temp_c=present.temp_c,
                weak=present.weak,
            ),
            job=self._job(slot, facts, now) if runs else (),
            charging=present.charging,
            charge_pct_per_h=facts.speeds.get(device.id, CHARGE_PCT_PER_H),
            work=expected_work(facts.worked.get(unit.id, Worked()), facts.county),
            shift=Shift(
                begins_min=0.0 if runs else _minutes(slot.begins_at - now),
                minutes=_minutes(slot.ends_at - slot.begins_at),
            ),
        )

    def _job(self, slot: _Slot, facts: _Facts, now: datetime) -> tuple[Leg, ...]:
        """What lies ahead of the camera in its unit's present job."""
        job = facts.jobs.get(slot.unit.id)
        if job is None:
            return ()
        cameras = self._jobs.cameras(slot.unit, job, now, asked=facts.asked)
        (mine,) = (each for each in cameras if each.device_id == slot.device.id)
        return tuple(each.leg for each in mine.prospect.plan)


def _span(
    unit: UnitView, now: datetime, begins_at: datetime | None, shift: timedelta
) -> tuple[datetime, datetime] | None:
    """When the unit is on duty in the shift that is asked for; None: not."""
    ends_at = None if unit.on_duty_since is None else unit.on_duty_since + shift
    if begins_at is None:
        return None if ends_at is None else (now, max(ends_at, now))
    if ends_at is not None and ends_at > begins_at + CHANGE_OVER:
        return None
    return begins_at, begins_at + shift


def _worked(hours: Mapping[str, float], jobs: Sequence[Jobs], cards: RunCards) -> dict[str, Worked]:
    """By unit. What a camera does at a scene is what the type of incident asks of it."""
    found: dict[str, Worked] = defaultdict(Worked)
    for unit_id, on_duty_h in hours.items():
        found[unit_id] += Worked(on_duty_h=on_duty_h)
    for each in jobs:
        recording = cards.card(each.type).recording
        found[each.unit_id] += Worked(
            jobs=each.number,
            record_min=each.scene_min if recording is Load.RECORD else 0.0,
            stream_min=each.scene_min if recording in STREAMS else 0.0,
        )
    return found


def _minutes(span: timedelta) -> float:
    return span.total_seconds() / 60.0


# -- views --------------------------------------------------------------------------------


def _bare(slot: _Slot) -> ShiftCameraView:
    """What is known before anything is foretold."""
    present = slot.present
    return ShiftCameraView(
        device_id=slot.device.id,
        model=slot.device.model,
        unit_id=slot.unit.id,
        call_sign=slot.unit.call_sign,
        station=slot.unit.station,
        level_pct=slot.level_pct,
        level_at=None if present is None else present.level_at,
        charging=present is not None and present.charging,
        begins_at=slot.begins_at,
        ends_at=slot.ends_at,
        job_ends_at=None,
        jobs=0.0,
        record_min=0.0,
        stream_min=0.0,
        standby_min=0.0,
        p_lasts=None,
        lasts=False,
        fails=False,
        empty_p10_at=None,
        empty_p50_at=None,
        empty_p90_at=None,
        advice=[],
    )


def _foretold(advised: Advised, slots: Mapping[str, _Slot], now: datetime) -> ShiftCameraView:
    plan = advised.plan
    early, likely, late = (_at(now, minutes) for minutes in plan.empty_min)
    job_min = sum(leg.minutes for leg in plan.camera.job)
    return structs.replace(
        _bare(slots[plan.camera.device_id]),
        job_ends_at=_at(now, job_min) if plan.camera.job else None,
        jobs=round(plan.jobs, 1),
        record_min=round(plan.record_min),
        stream_min=round(plan.stream_min),
        standby_min=round(plan.standby_min),
        p_lasts=round(plan.p_lasts, 3),
        lasts=plan.lasts,
        fails=plan.fails,
        empty_p10_at=early,
        empty_p50_at=likely,
        empty_p90_at=late,
        advice=[_told(each, slots, now) for each in advised.advice],
    )


def _told(advice: Advice, slots: Mapping[str, _Slot], now: datetime) -> AdviceView:
    spare, other = advice.spare, advice.trade_with
    return AdviceView(
        remedy=advice.remedy,
        by_at=now + timedelta(minutes=advice.by_min),
        p_lasts=round(advice.p_lasts, 3),
        charge_min=None if advice.charge_min is None else round(advice.charge_min),
        spare_id=None if spare is None else spare.id,
        label=None if spare is None else spare.label,
        station=None if spare is None else spare.station,
        trade_with=other,
        trade_call_sign=None if other is None else slots[other].unit.call_sign,
    )


def _at(now: datetime, minutes: float | None) -> datetime | None:
    return None if minutes is None else now + timedelta(minutes=minutes)
