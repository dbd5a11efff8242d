"""What a dispatcher does about batteries: look, ask for a mitigation, take it back, hear by voice.

Each step is one transaction, published after its commit, as in `server.pipeline`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.dispatch.mitigation import Mitigation, Proposal, offered
from server.jobbatteries import JobBatteries, JobCamera
from server.mitigationviews import MitigationView, OrderBatteriesView
from server.ports import Clock, FanOut, LiveUnits
from server.stores import batteryjobs, incidents, journal, mitigation_rows, mitigations, order_rows
from server.stores.mitigation_rows import OrderOf
from server.stores.steps import Hint, Marked


class MitigationDesk:
    """The steps. `by` is who acts: `user:<username>`."""

    def __init__(
        self, *, pool: Any, fanout: FanOut, live: LiveUnits, jobs: JobBatteries, clock: Clock
    ) -> None:
        self._pool, self._fanout, self._live = pool, fanout, live
        self._jobs, self._clock = jobs, clock

    async def look(self, order_id: str) -> OrderBatteriesView:
        """The batteries of an order and what is or could be done. Raises `NotFound`."""
        async with self._pool.acquire() as conn:
            if await mitigation_rows.order_of(conn, order_id) is None:
                raise NotFound("not_found", "There is no such order.")
            asked = await mitigation_rows.of_order(conn, order_id)
        return OrderBatteriesView(
            cameras=[self._jobs.view(each) for each in await self._cameras(order_id)],
            mitigations=asked,
        )

    async def send(
        self, order_id: str, *, device_id: str, kind: Mitigation, by: str
    ) -> MitigationView:
        """Ask for a mitigation; asked twice, the open one is given back.

        Raises `NotFound`, `Conflict` (`order_over`, `no_effect`, `stale`), `Impossible`
        (`no_device`).
        """
        cameras = await self._cameras(order_id)
        camera = next((each for each in cameras if each.device_id == device_id), None)
        async with self._pool.acquire() as conn, conn.transaction():
            order = await _locked(conn, order_id)
            if order.closed_at is not None:
                raise Conflict("order_over", f"Order {order.number} is over.")
            running = await mitigation_rows.open_one(conn, device_id, kind)
            ended = Marked()
            if running is not None:
                theirs = await mitigation_rows.order_of(conn, running.order_id)
                assert theirs is not None, "orders are never deleted"
                if theirs.closed_at is None:
                    return running
                ended = await mitigations.end(
                    conn, running, theirs, by="system", at=self._clock(), why="order_over"
                )
            proposal = _proposal(order, camera, kind)
            view, done = await mitigations.send(
                conn, order, device_id, proposal, by=by, at=self._clock()
            )
            await journal.append_all(conn, (*ended.entries, *done.entries))
        self._publish((*ended.hints, *done.hints))
        return view

    async def take_back(self, mitigation_id: str, *, reason: str, by: str) -> MitigationView:
        """It is not wanted any more: a device keeps its limits no longer.

        Raises `NotFound`, `Conflict` (`over`).
        """
        async with self._pool.acquire() as conn, conn.transaction():
            view, order = await self._open(conn, mitigation_id)
            done = await mitigations.end(
                conn, view, order, by=by, at=self._clock(), why=reason or "taken_back"
            )
            await journal.append_all(conn, done.entries)
            after = await mitigation_rows.load(conn, mitigation_id)
        self._publish(done.hints)
        assert after is not None
        return after

    async def answer(
        self, mitigation_id: str, *, accepted: bool, reason: str, by: str
    ) -> MitigationView:
        """The unit said by voice that it does it, or why not.

        Raises `NotFound`, `Conflict` (`over`, `answered`), `Impossible` (`no_reason`).
        """
        if not accepted and not reason:
            raise Impossible("no_reason", "Say why the unit does not do it.")
        async with self._pool.acquire() as conn, conn.transaction():
            view, order = await self._open(conn, mitigation_id)
            if view.answered_at is not None:
                raise Conflict("answered", f"It was answered: {view.state}.")
            done = await mitigations.answered(
                conn,
                view,
                order,
                "accepted" if accepted else "declined",
                by=by,
                at=self._clock(),
                reason=reason,
            )
            await journal.append_all(conn, done.entries)
            after = await mitigation_rows.load(conn, mitigation_id)
        self._publish(done.hints)
        assert after is not None
        return after

    async def _cameras(self, order_id: str) -> list[JobCamera]:
        """Before anything is locked: routing may take its time."""
        async with self._pool.acquire() as conn:
            found = await batteryjobs.jobs(conn, order_id)
            asked = await batteryjobs.asked(conn)
        unit, now = self._live.unit(found[0].unit_id) if found else None, self._clock()
        if unit is None:
            return []
        cameras = self._jobs.cameras(unit, found[0], now, asked=asked)
        return [await self._jobs.with_spares(each, unit, found[0], now) for each in cameras]

    async def _open(self, conn: Any, mitigation_id: str) -> tuple[MitigationView, OrderOf]:
        known = await mitigation_rows.load(conn, mitigation_id)
        if known is None:
            raise NotFound("not_found", "Nothing of that kind was asked for.")
        order = await _locked(conn, known.order_id)
        (view,) = await mitigation_rows.lock(conn, [mitigation_id])
        if view.ended_at is not None:
            raise Conflict("over", f"It is over: {view.ended_why}.")
        return view, order

    def _publish(self, hints: Iterable[Hint]) -> None:
        for topic, payload in hints:
            self._fanout.publish(topic, payload)


def _proposal(order: OrderOf, camera: JobCamera | None, kind: Mitigation) -> Proposal:
    """As it stands now: what was shown a minute ago may have changed."""
    if camera is None:
        text = f"{order.call_sign} has no such camera, or it never told a level."
        raise NotFound("not_found", text)
    proposal = offered(camera.prospect, kind)
    if proposal is None:
        raise Conflict("no_effect", "That would not make the battery last any better now.")
    return proposal


async def _locked(conn: Any, order_id: str) -> OrderOf:
    """Incident and order, in this order. Raises `NotFound`."""
    incident_id = await order_rows.incident_of(conn, order_id)
    if incident_id is None:
        raise NotFound("not_found", "There is no such order.")
    await incidents.lock(conn, incident_id)
    await order_rows.lock(conn, order_id)
    order = await mitigation_rows.order_of(conn, order_id)
    assert order is not None
    return order
