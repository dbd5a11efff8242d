"""Watches the cameras of all jobs: which will not last, which are silent, what was done and helped.

Once a round every open order is looked at. What a person must see to is an item of the worklist,
with what could be done about it; items and mitigations are rows, so a watch survives a restart, and
of several processes one says a thing. What an item says is `server.batteryitems`'; what becomes of
a mitigation is seen to by `server.mitigationwatch`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from server.batteryitems import about_camera, bare_body, short_body
from server.dispatch.batteryrules import Rules
from server.dispatch.endurance import Heard, heard, short
from server.dispatch.mitigation import TAKEOVERS_LEN_MAX, Takeover
from server.dispatch.orders import is_answered
from server.dispatch.worklist import ItemKind
from server.jobbatteries import CAMERA, JobBatteries, JobCamera
from server.metrics import Metrics
from server.mitigationviews import MitigationView
from server.mitigationwatch import MitigationWatch
from server.ports import Clock, FanOut, LiveUnits, RadioOutlook
from server.routing import RoutingBusy
from server.stores import (
    batteryjobs,
    incidents,
    journal,
    mitigation_rows,
    order_rows,
    worklist,
)
from server.stores.away import STORE_AWAY
from server.stores.batteryjobs import Asked, BatteryJob
from server.stores.steps import Hint
from server.stores.worklist import About
from server.views import DeviceView, RecommendationView, UnitView
from server.watchviews import WorkItemView

logger = logging.getLogger(__name__)

ROUND_S: Final = 10.0
"""Between two looks at all jobs."""

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
        self._mitigations = MitigationWatch(
            pool=pool, fanout=fanout, radio=radio, rules=rules, clock=clock
        )

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
            await self._mitigations.follow(view, order_over=order_over)

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
            body = bare_body(job, camera.id) | {
                "level_pct": camera.battery_pct,
                "heard_at": camera.last_seen_at,
            }
            await self._raise(ItemKind.CAMERA_DARK, job, about_camera(job, camera.id), body)
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
        body = short_body(job, camera, recommended, takeovers, self._rules)
        body |= {"second": recommended is not None}
        await self._raise(ItemKind.BATTERY_SHORT, job, about_camera(job, camera.device_id), body)

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
            order = await mitigation_rows.order_of(conn, job.order_id)
            if order is None or order.closed_at is not None:
                return  # it ended since this round began
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

    def _publish(self, hints: Iterable[Hint]) -> None:
        for topic, payload in hints:
            self._fanout.publish(topic, payload)


def _same(item: WorkItemView, about: About, body: dict[str, Any]) -> bool:
    return item.order_id == about.order_id and item.body.get("second") == body.get("second")
