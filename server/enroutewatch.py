"""Watches every unit that has accepted an order: late, stopped, on the wrong way, there, gone.

Once a round all orders under way are looked at together: what their newest fixes say, and, asked in
few questions of many ways, how long the rest of each way takes (`server.dispatch.enroute` judges).
What a person must know is an item of the worklist, one of a kind for an order, which closes by
itself when it is over. That a unit is at the place by its position is kept beside what it reports.

What was seen is kept in memory; items and arrivals are rows, so that a process that starts goes on
from what the one before had said, and of several processes one says a thing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from server.dispatch.enroute import Drive, follow
from server.dispatch.orders import RANK, OrderState, is_answered
from server.dispatch.sights import ON_THE_WAY, Promise, Rules, Sight, Trouble
from server.dispatch.worklist import ItemKind
from server.metrics import Metrics
from server.ports import Clock, FanOut, LiveUnits
from server.sightings import Sightings
from server.stores import enroute as store
from server.stores import incidents, journal, order_rows, worklist
from server.stores.away import STORE_AWAY
from server.stores.enroute import UnderWay
from server.stores.steps import Hint, about
from server.surveyor import Surveyor, SurveyorBusy
from server.views import PositionView
from server.watchviews import WorkItemView

logger = logging.getLogger(__name__)

ROUND_S: Final = 10.0
"""Between two looks at all units under way."""
AGAIN_MIN: Final = 2.0
"""min by which a time of arrival must differ from what an item says, for it to be said anew."""

Items = Mapping[tuple[str, str], WorkItemView]
"""By kind and order id; of each the last."""


class EnRouteWatch:
    """`run` looks until cancelled."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        live: LiveUnits,
        sightings: Sightings,
        surveyor: Surveyor,
        rules: Rules,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._pool, self._fanout, self._live = pool, fanout, live
        self._sightings, self._surveyor = sightings, surveyor
        self._rules, self._clock = rules, clock
        self._metrics = metrics or Metrics()
        self._listeners: list[Callable[[], None]] = []
        self._drives: dict[str, Drive] = {}
        """By order under way."""
        self._meetings: dict[str, tuple[float, float]] = {}
        """Where a unit waits for the other of its pair, by order under way."""
        self._over: dict[tuple[str, Trouble], datetime] = {}
        """When a trouble of an order under way was over the last time."""

    def on_trouble(self, listener: Callable[[], None]) -> None:
        """Call whenever a trouble of any drive began or is over."""
        self._listeners.append(listener)

    def drive(self, order_id: str) -> Drive | None:
        """How an order under way gets on; None: nobody looked yet, or it is not under way."""
        return self._drives.get(order_id)

    async def run(self) -> None:
        """A round now and then, until cancelled."""
        while True:
            try:
                await self.round()
            except STORE_AWAY as error:
                self._metrics.count("en_route_store_failures")
                logger.warning("nobody looks at units under way, PostgreSQL is away: %s", error)
            await asyncio.sleep(ROUND_S)

    async def round(self) -> None:
        """Look at every order under way once."""
        async with self._pool.acquire() as conn:
            orders = await store.under_way(conn)
            items = await store.items(conn, list(Trouble))
            new = [each.order_id for each in orders if each.order_id not in self._drives]
            meetings = await store.meetings(conn, new) if new else {}
        self._forget({each.order_id for each in orders})
        told = store.by_order(items)
        for each in orders:
            if each.order_id not in self._drives:
                troubles = told.get(each.order_id, frozenset())
                self._drives[each.order_id] = self._resumed(each, troubles)
        self._meetings |= meetings
        for each, sight in await self._sightings.of(orders, self._drives, self._meetings):
            self._follow(each, sight)
            await self._tell(each, items)

    def _resumed(self, order: UnderWay, troubles: frozenset[Trouble]) -> Drive:
        promise = None
        if order.eta_s is not None:
            at = order.accepted_at + timedelta(seconds=order.eta_s)
            promise = Promise(at=at, way_s=order.eta_s)
        return Drive.resumed(
            self._rules,
            promise=promise,
            set_off=order.state is not OrderState.ACCEPTED,
            troubles=troubles,
            arrived_at=order.at_place_at,
        )

    def _forget(self, running: set[str]) -> None:
        self._drives = {key: each for key, each in self._drives.items() if key in running}
        self._meetings = {key: at for key, at in self._meetings.items() if key in running}
        self._over = {key: at for key, at in self._over.items() if key[0] in running}

    def _follow(self, order: UnderWay, sight: Sight) -> None:
        before = self._drives[order.order_id]
        after = follow(before, sight, self._rules, reported_there=_there(order.state))
        self._drives[order.order_id] = after
        for trouble in before.troubles - after.troubles:
            self._over[order.order_id, trouble] = self._clock()
        if after.troubles != before.troubles:
            for listener in self._listeners:
                listener()

    # -- what is said --------------------------------------------------------------------

    async def _tell(self, order: UnderWay, items: Items) -> None:
        drive, position = self._drives[order.order_id], self._position(order)
        if drive.arrived_at is not None and order.at_place_at is None and position is not None:
            await self._mark_at_place(order, position, drive.arrived_at)
        for trouble in Trouble:
            item = items.get((trouble, order.order_id))
            if trouble in drive.troubles:
                if item is None or not self._is_said(order, trouble, item):
                    await self._raise(order, trouble, drive)
                elif item.settled_at is None:
                    await self._amend(item, drive)
            elif item is not None and item.settled_at is None:
                await self._settle(item, "at_place" if drive.arrived_at else "over")

    def _is_said(self, order: UnderWay, trouble: Trouble, item: WorkItemView) -> bool:
        """It is open; or a person settled it while it lasts: not again until it is over.

        Another process may have said it, and be ahead: so what counts is its end here.
        """
        if item.settled_at is None:
            return True
        over = self._over.get((order.order_id, trouble))
        return item.settled_by != "system" and (over is None or over < item.raised_at)

    async def _raise(self, order: UnderWay, trouble: Trouble, drive: Drive) -> None:
        body = await self._body(order, trouble, drive)
        async with self._pool.acquire() as conn, conn.transaction():
            await incidents.lock(conn, order.incident_id)
            locked = await order_rows.lock(conn, order.order_id)
            if not _concerns(trouble, locked.state) or locked.recall_wanted is not None:
                return  # it is another matter since this round began
            said = (await store.items(conn, [trouble])).get((trouble, order.order_id))
            if said is not None and self._is_said(order, trouble, said):
                return  # another process was quicker
            item = await worklist.raise_item(
                conn, ItemKind(trouble), about(locked), body=body, at=self._clock()
            )
            await journal.append_all(conn, item.entries)
        self._metrics.count("en_route_items", kind=str(trouble))
        self._publish(item.hints)

    async def _amend(self, item: WorkItemView, drive: Drive) -> None:
        """Another time of arrival is no new trouble, and worth knowing."""
        if item.kind != Trouble.DRIFT:
            return
        body, said = _times(drive), item.body.get("late_min")
        if isinstance(said, int | float) and abs(body["late_min"] - said) < AGAIN_MIN:
            return
        async with self._pool.acquire() as conn, conn.transaction():
            done = await worklist.amend(conn, ItemKind.ETA_DRIFT, item.subject, body=body)
        self._publish(done.hints if done else ())

    async def _settle(self, item: WorkItemView, why: str) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            done = await worklist.settle(conn, item.id, by="system", at=self._clock(), why=why)
            await journal.append_all(conn, done.entries if done else ())
        self._publish(done.hints if done else ())

    async def _mark_at_place(
        self, order: UnderWay, position: PositionView, since: datetime
    ) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            await incidents.lock(conn, order.incident_id)
            locked = await order_rows.lock(conn, order.order_id)
            done = await store.mark_at_place(conn, locked, position, since=since, at=self._clock())
            await journal.append_all(conn, done.entries)
        self._publish(done.hints)

    async def _body(self, order: UnderWay, trouble: Trouble, drive: Drive) -> dict[str, Any]:
        body: dict[str, Any] = {"number": order.number, "call_sign": order.call_sign}
        if trouble in (Trouble.DRIFT, Trouble.AWAY):
            body |= _times(drive)
        if trouble is Trouble.STOPPED and drive.still is not None:
            body["since"] = drive.still.at
        if trouble is Trouble.LEFT and drive.far is not None:
            body["since"] = drive.far.at
        return body if trouble is Trouble.DRIFT else body | await self._where(order)

    async def _where(self, order: UnderWay) -> dict[str, Any]:
        """In words, by language; nothing where nobody can say just now."""
        snap = self._live.snap(order.unit_id)
        if snap is None:
            return {}
        try:
            (words,) = await self._surveyor.points([(snap.edge, snap.fraction)])
        except SurveyorBusy:
            return {}
        return {"where": words}

    def _position(self, order: UnderWay) -> PositionView | None:
        unit = self._live.unit(order.unit_id)
        return None if unit is None else unit.position

    def _publish(self, hints: Iterable[Hint]) -> None:
        for topic, payload in hints:
            self._fanout.publish(topic, payload)


def _there(state: OrderState) -> bool:
    return RANK[state] >= RANK[OrderState.ON_SCENE]


def _concerns(trouble: Trouble, state: OrderState) -> bool:
    return is_answered(state) and not (trouble in ON_THE_WAY and _there(state))


def _times(drive: Drive) -> dict[str, Any]:
    promised_at = None if drive.promise is None else drive.promise.at
    return {
        "arrives_at": drive.arrives_at,
        "promised_at": promised_at,
        "late_min": round(drive.late_s / 60.0, 1),
    }
