"""Watches the cameras of all jobs: which will not last, which are silent, what was done and helped.

Once a round every open order is looked at. What a person must see to is an item of the worklist,
with what could be done about it; items and mitigations are rows, so a watch survives a restart, and
of several processes one says a thing. A mitigation that is done is measured against the drain that
was expected of it; one that nobody answers, or whose order is over, ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from server.dispatch.drain import Measured, Reading, measure
from server.dispatch.endurance import LIKELY, SURELY, Heard, Rules, heard, lasts_min, short
from server.dispatch.mitigation import (
    MEASURABLE,
    TAKEOVERS_LEN_MAX,
    Mitigation,
    Proposal,
    Takeover,
    propose,
)
from server.dispatch.orders import is_answered
from server.dispatch.worklist import ItemKind
from server.jobbatteries import CAMERA, JobBatteries, JobCamera, does
from server.metrics import Metrics
from server.mitigationviews import MeasuredView, MitigationView
from server.ports import Clock, FanOut, LiveUnits, RadioOutlook
from server.routing import RoutingBusy
from server.stores import (
    batteryjobs,
    incidents,
    journal,
    mitigation_rows,
    mitigations,
    order_rows,
    worklist,
)
from server.stores.away import STORE_AWAY
from server.stores.batteryjobs import Asked, BatteryJob
from server.stores.steps import Hint, Marked
from server.stores.worklist import About
from server.views import DeviceView, RecommendationView, UnitView
from server.watchviews import WorkItemView

logger = logging.getLogger(__name__)

ROUND_S: Final = 10.0
"""Between two looks at all jobs."""
ACTIONS_LEN_MAX: Final = 3
"""Proposals of one item."""

Recommend = Callable[[str], Awaitable[RecommendationView]]
"""Incident id → its units ranked, kept and logged as asked for by the system. `RoutingBusy`."""
Items = Mapping[tuple[str, str], WorkItemView]
"""Open items by kind and subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a round begins with."""

    jobs: list[BatteryJob]
    asked: dict[str, Asked]
    items: Items
    open: list[tuple[MitigationView, bool]]


class BatteryWatch:
    """`run` looks until cancelled."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        live: LiveUnits,
        jobs: JobBatteries,
        radio: RadioOutlook,
        recommend: Recommend,
        rules: Rules,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._pool, self._fanout, self._live, self._jobs = pool, fanout, live, jobs
        self._radio, self._recommend, self._rules = radio, recommend, rules
        self._clock, self._metrics = clock, metrics or Metrics()

    async def run(self) -> None:
        """A round now and then, until cancelled."""
        while True:
            try:
                await self.round()
            except STORE_AWAY as error:
                self._metrics.count("battery_watch_store_failures")
                logger.warning("nobody looks at batteries on jobs, PostgreSQL is away: %s", error)
            await asyncio.sleep(ROUND_S)

    async def round(self) -> None:
        """Look at every job once, and at everything that was asked for."""
        async with self._pool.acquire() as conn:
            found = _Found(
                jobs=await batteryjobs.jobs(conn),
                asked=await batteryjobs.asked(conn),
                items=await batteryjobs.open_items(conn),
                open=await mitigation_rows.open_all(conn),
            )
        found = replace(found, items=await self._settle_old(found))
        for job in found.jobs:
            unit = self._live.unit(job.unit_id)
            if unit is not None:
                await self._look(unit, job, found)
        for view, order_over in found.open:
            await self._follow(view, order_over=order_over)

    # -- one job -------------------------------------------------------------------------

    async def _look(self, unit: UnitView, job: BatteryJob, found: _Found) -> None:
        now = self._clock()
        cameras = self._jobs.cameras(unit, job, now, asked=found.asked)
        by_id = {each.device_id: each for each in cameras}
        for device in unit.devices:
            if device.kind != CAMERA:
                continue
            if is_answered(job.state):  # before, the timers of the order say who is not there
                dark = found.items.get((ItemKind.CAMERA_DARK, f"device:{device.id}"))
                who = self._heard(unit, device, now, was_dark=dark is not None)
                await self._dark(device, who, job, dark)
                if who is Heard.BOTH_SILENT:
                    await self._silent(unit, job, found.items)
            if device.id in by_id:
                await self._short(by_id[device.id], unit, job, found.items)

    def _heard(self, unit: UnitView, camera: DeviceView, now: datetime, *, was_dark: bool) -> Heard:
        return heard(
            camera_at=camera.last_seen_at,
            others_at=[each.last_seen_at for each in unit.devices if each.id != camera.id],
            now=now,
            expected_back=self._radio.expected_back(unit.id) is not None,
            rules=self._rules,
            was_dark=was_dark,
        )

    async def _dark(
        self, camera: DeviceView, who: Heard, job: BatteryJob, open_one: WorkItemView | None
    ) -> None:
        """The camera is silent, the officer is not."""
        if who is Heard.CAMERA_DARK and open_one is None:
            body = _body(job, camera.id) | {
                "level_pct": camera.battery_pct,
                "heard_at": camera.last_seen_at,
            }
            await self._raise(ItemKind.CAMERA_DARK, job, _about(job, camera.id), body)
        elif open_one is not None and who is not Heard.CAMERA_DARK:
            await self._settle(open_one, "heard" if who is Heard.BOTH else str(who))

    async def _silent(self, unit: UnitView, job: BatteryJob, items: Items) -> None:
        """Nobody of the unit is heard, and nothing explains it."""
        subject = f"unit:{unit.id}"
        known = (ItemKind.UNIT_SILENT, ItemKind.NOT_BACK)
        if any((kind, subject) in items for kind in known):
            return
        seen = [each.last_seen_at for each in unit.devices if each.last_seen_at is not None]
        about = About(
            subject=subject,
            order_id=job.order_id,
            incident_id=job.incident_id,
            unit_id=unit.id,
        )
        body = {"number": job.number, "call_sign": job.call_sign, "heard_at": max(seen)}
        await self._raise(ItemKind.UNIT_SILENT, job, about, body)

    async def _short(
        self, camera: JobCamera, unit: UnitView, job: BatteryJob, items: Items
    ) -> None:
        """The camera will not last; said again when a second one is needed."""
        open_one = items.get((ItemKind.BATTERY_SHORT, f"device:{camera.device_id}"))
        mine = open_one if open_one is not None and open_one.order_id == job.order_id else None
        p_last = camera.prospect.p_last
        if not short(p_last, self._rules, was_short=mine is not None):
            if open_one is not None:
                await self._settle(open_one, "lasts")
            return
        second = camera.prospect.evidence and p_last < self._rules.second_below
        if mine is not None and (not second or mine.body.get("second")):
            return
        recommended, takeovers = await self._takeovers(job) if second else (None, [])
        if mine is not None and recommended is None:
            return  # it is said already; who could take over is asked again in the next round
        camera = await self._jobs.with_spares(camera, unit, job, self._clock())
        body = _short_body(job, camera, recommended, takeovers, self._rules)
        body |= {"second": recommended is not None}
        await self._raise(ItemKind.BATTERY_SHORT, job, _about(job, camera.device_id), body)

    async def _takeovers(self, job: BatteryJob) -> tuple[RecommendationView | None, list[Takeover]]:
        """Cameras of units that are free, by their time to the scene."""
        try:
            recommended = await self._recommend(job.incident_id)
        except RoutingBusy:
            self._metrics.count("battery_watch_routing_busy")
            return None, []
        now, found = self._clock(), []
        for each in recommended.candidates[:TAKEOVERS_LEN_MAX]:
            unit = self._live.unit(each.unit_id)
            if unit is None or each.eta_s is None:
                continue
            if (made := self._jobs.lasts(unit, job, now, eta_s=each.eta_s)) is not None:
                found.append(made)
        return recommended, found

    # -- what is said --------------------------------------------------------------------

    async def _raise(
        self, kind: ItemKind, job: BatteryJob, about: About, body: dict[str, Any]
    ) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            await incidents.lock(conn, job.incident_id)
            await order_rows.lock(conn, job.order_id)
            items = await batteryjobs.open_items(conn)
            open_one = items.get((kind, about.subject))
            if open_one is not None and _same(open_one, about, body):
                return  # another process was quicker
            item = await worklist.raise_item(conn, kind, about, body=body, at=self._clock())
            await journal.append_all(conn, item.entries)
        self._metrics.count("battery_items", kind=str(kind))
        self._publish(item.hints)

    async def _settle(self, item: WorkItemView, why: str) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            done = await worklist.settle(conn, item.id, by="system", at=self._clock(), why=why)
            await journal.append_all(conn, done.entries if done else ())
        self._publish(done.hints if done else ())

    async def _settle_old(self, found: _Found) -> Items:
        """A camera's trouble ends with its job, a silent unit's when it is heard; what is left."""
        now, soon = self._clock(), timedelta(seconds=self._rules.camera_dark_s)
        running = {job.order_id for job in found.jobs}
        rest = dict(found.items)
        for key, item in found.items.items():
            why = None
            if item.kind in (ItemKind.BATTERY_SHORT, ItemKind.CAMERA_DARK):
                why = None if item.order_id in running else "order_over"
            elif item.kind == ItemKind.UNIT_SILENT:
                unit = self._live.unit(item.unit_id or "")
                seen = [] if unit is None else [each.last_seen_at for each in unit.devices]
                why = "heard" if any(at is not None and now - at <= soon for at in seen) else None
            if why is not None:
                await self._settle(item, why)
                del rest[key]
        return rest

    # -- what was asked for --------------------------------------------------------------

    async def _follow(self, view: MitigationView, *, order_over: bool) -> None:
        now = self._clock()
        waiting = view.answered_at is None
        if order_over:
            await self._step(view, lambda conn, order: _end(conn, view, order, now))
        elif waiting and await self._late(view, now):
            await self._step(view, lambda conn, order: _unanswered(conn, view, order, now))
        elif not waiting and view.measured is None and view.kind in MEASURABLE:
            measured = await self._measure(view)
            if measured is not None:
                await self._step(
                    view,
                    lambda conn, order: mitigations.measured(conn, view, order, measured, now),
                )

    async def _late(self, view: MitigationView, now: datetime) -> bool:
        """Nobody answered in time; a unit in a known dead zone has until it is expected back."""
        async with self._pool.acquire() as conn:
            order = await mitigation_rows.order_of(conn, view.order_id)
        assert order is not None, "orders are never deleted"
        due_at = view.sent_at + timedelta(seconds=self._rules.answer_s)
        back = self._radio.expected_back(order.unit_id)
        return now > (due_at if back is None else max(due_at, back.at_latest))

    async def _measure(self, view: MitigationView) -> MeasuredView | None:
        """What drained since it is done; None: too little was seen yet."""
        assert view.answered_at is not None
        async with self._pool.acquire() as conn:
            levels = await mitigation_rows.levels(conn, view.device_id, view.answered_at)
        readings = [
            Reading(
                at=each.at,
                level_pct=float(each.level_pct),
                charging=each.charging,
                fits=does(each.mode, view.expected.loads),
            )
            for each in levels
        ]
        found = measure(readings, charging=view.expected.charging)
        return None if found is None else _measured_view(found, view)

    async def _step(
        self, view: MitigationView, work: Callable[[Any, Any], Awaitable[Marked]]
    ) -> None:
        """One step of a mitigation under the lock of its order."""
        async with self._pool.acquire() as conn, conn.transaction():
            incident_id = await order_rows.incident_of(conn, view.order_id)
            assert incident_id is not None, "orders are never deleted"
            await incidents.lock(conn, incident_id)
            await order_rows.lock(conn, view.order_id)
            order = await mitigation_rows.order_of(conn, view.order_id)
            done = await work(conn, order)
            await journal.append_all(conn, done.entries)
        self._publish(done.hints)

    def _publish(self, hints: Iterable[Hint]) -> None:
        for topic, payload in hints:
            self._fanout.publish(topic, payload)


async def _end(conn: Any, view: MitigationView, order: Any, at: datetime) -> Marked:
    return await mitigations.end(conn, view, order, by="system", at=at, why="order_over")


async def _unanswered(conn: Any, view: MitigationView, order: Any, at: datetime) -> Marked:
    return await mitigations.answered(conn, view, order, "unanswered", by="system", at=at)


def _measured_view(found: Measured, view: MitigationView) -> MeasuredView:
    change = found.drain_pct_per_h - view.expected.drain_before_pct_per_h
    return MeasuredView(
        drain_pct_per_h=round(found.drain_pct_per_h, 2),
        error_pct_per_h=round(found.error_pct_per_h, 2),
        change_pct_per_h=round(change, 2),
        steps=found.steps,
        minutes=round(found.minutes, 1),
    )


def _same(item: WorkItemView, about: About, body: dict[str, Any]) -> bool:
    return item.order_id == about.order_id and item.body.get("second") == body.get("second")


def _about(job: BatteryJob, device_id: str) -> About:
    return About(
        subject=f"device:{device_id}",
        order_id=job.order_id,
        incident_id=job.incident_id,
        unit_id=job.unit_id,
    )


def _body(job: BatteryJob, device_id: str) -> dict[str, Any]:
    return {"number": job.number, "call_sign": job.call_sign, "device": device_id}


def _short_body(
    job: BatteryJob,
    camera: JobCamera,
    recommended: RecommendationView | None,
    takeovers: list[Takeover],
    rules: Rules,
) -> dict[str, Any]:
    """What the dispatcher reads, and can do by one key."""
    own = camera.prospect
    prospect = replace(own, takeovers=(*own.takeovers, *takeovers))
    made = propose(prospect, attach_below=1.01, second_below=rules.second_below)
    second = next((each for each in made if each.kind is Mitigation.SECOND_CAMERA), None)
    elsewhere = second is not None and second.values["unit_id"] != job.unit_id
    handover = (
        _handover(second, recommended)
        if second is not None and elsewhere and recommended is not None
        else None
    )
    here = [each for each in made if each is not second or not elsewhere]
    return _body(job, camera.device_id) | {
        "level_pct": camera.level_pct,
        "p_last_pct": round(100.0 * own.p_last),
        "job_min": round(own.job_min),
        "likely_min": _whole(lasts_min(own.outlook, own.plan, LIKELY)),
        "surely_min": _whole(lasts_min(own.outlook, own.plan, SURELY)),
        "actions": [_action(each) for each in here[:ACTIONS_LEN_MAX]],
        "handover": handover,
    }


def _action(proposal: Proposal) -> dict[str, Any]:
    change = proposal.drain_after_pct_per_h - proposal.drain_before_pct_per_h
    return {
        "kind": str(proposal.kind),
        "p_after_pct": round(100.0 * proposal.p_after),
        "change_pct_per_h": round(change, 1),
        "values": proposal.values,
    }


def _handover(second: Proposal, recommended: RecommendationView) -> dict[str, Any]:
    """Another unit whose camera goes on recording: an order of its own, which a person accepts."""
    return {
        "recommendation_id": recommended.id,
        "unit_id": second.values["unit_id"],
        "call_sign": second.values["unit"],
        "camera": second.values["camera"],
        "eta_min": second.values["eta_min"],
        "p_after_pct": round(100.0 * second.p_after),
    }


def _whole(minutes: float | None) -> int | None:
    return None if minutes is None else round(minutes)
