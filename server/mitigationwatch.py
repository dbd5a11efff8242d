"""What becomes of a mitigation: one that nobody answers, or whose order is over, ends; one that is
done is measured against the drain that was expected of it.

Each step is under the lock of its order. Knows no camera and nothing of when to ask for one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from server.dispatch.batteryrules import Rules
from server.dispatch.drain import Measured, Reading, measure
from server.dispatch.mitigation import MEASURABLE
from server.jobbatteries import does
from server.mitigationviews import MeasuredView, MitigationView
from server.ports import Clock, FanOut, RadioOutlook
from server.stores import incidents, journal, mitigation_rows, mitigations, order_rows
from server.stores.steps import Marked


class MitigationWatch:
    """Looked after by whoever looks at all that are open, now and then."""

    def __init__(
        self, *, pool: Any, fanout: FanOut, radio: RadioOutlook, rules: Rules, clock: Clock
    ) -> None:
        self._pool, self._fanout, self._radio = pool, fanout, radio
        self._rules, self._clock = rules, clock

    async def follow(self, view: MitigationView, *, order_over: bool) -> None:
        """One look at a mitigation that is open."""
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
        for topic, payload in done.hints:
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
