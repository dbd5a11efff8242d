"""What a dispatcher does about running orders and the worklist: take back, hear by voice, see to.

Each step is one transaction, published after its commit, as in `server.pipeline`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from server.dispatch.errors import Conflict, DispatchError, Impossible, NotFound
from server.dispatch.orders import (
    RANK,
    Mark,
    OrderState,
    Speaker,
    Statement,
    Verdict,
    Why,
    decide,
    standby_until,
)
from server.dispatch.worklist import ItemKind
from server.intakedesk import settle
from server.ports import Clock, FanOut
from server.stores import incidents, journal, order_rows, recalls, stepping, worklist
from server.stores.order_rows import Event, LockedOrder
from server.stores.replacing import require_seen
from server.stores.stepping import Step
from server.stores.steps import Hint, Marked
from server.stores.worklist import Changed
from server.views import IncidentView, OrderView
from server.watchviews import WorkItemView

ASK_AGAIN = timedelta(seconds=20)
"""A second question before that is a second press of the same key."""


class OrderDesk:
    """The steps. `by` is who acts: `user:<username>`."""

    def __init__(self, *, pool: Any, fanout: FanOut, clock: Clock) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock

    async def recall(self, order_id: str, *, ver: int, reason: str, by: str) -> OrderView:
        """Ask the unit to let go of an order; it stays open until the unit confirms.

        Raises `NotFound`, `Conflict` (`stale`, `order_over`), `Impossible` (`no_reason`).
        """
        if not reason:
            raise Impossible("no_reason", "Say why the order is taken back.")
        async with self._transaction() as conn:
            order, incident = await _locked(conn, order_id)
            require_seen(order, ver)
            why = order.recall_why or OrderState.RECALLED
            done = await recalls.request(
                conn, order, incident, why=why, reason=reason, by=by, at=self._clock()
            )
            view = await _view(conn, order_id)
            await journal.append_all(conn, done.entries)
        self._publish(done.hints)
        return view

    async def recall_answered(
        self, order_id: str, *, ver: int, confirmed: bool, reason: str, by: str
    ) -> OrderView:
        """The unit said by voice that it lets go, or goes on with the order and why.

        Raises `NotFound`, `Conflict` (`stale`, `order_over`), `Impossible` (`not_recalled`,
        `no_reason`).
        """
        async with self._transaction() as conn:
            order, incident = await _locked(conn, order_id)
            require_seen(order, ver)
            if order.recall_wanted is None:
                raise Impossible("not_recalled", f"Order {order.number} was not recalled.")
            event = _by_voice(order, order.recall_wanted, by=by, reason=reason, at=self._clock())
            done = (
                await _confirm(conn, order, incident, event)
                if confirmed
                else await _decline(conn, order, event)
            )
            view = await _view(conn, order_id)
            await journal.append_all(conn, done.entries)
        self._publish(done.hints)
        return view

    async def ask_welfare(self, order_id: str, *, by: str) -> OrderView:
        """Ask a unit at the scene whether all is well; who does not answer in time is an alarm.

        Asked again by the same person within `ASK_AGAIN` it is the same question. Raises
        `NotFound`, `Conflict` (`order_over`), `Impossible` (`not_on_scene`).
        """
        async with self._transaction() as conn:
            order, incident = await _locked(conn, order_id)
            require_seen(order, order.ver)
            _require_on_scene(order)
            done = Marked()
            if not _asked_since(await _view(conn, order_id), by, self._clock() - ASK_AGAIN):
                done = await recalls.ask_welfare(conn, order, incident, self._clock(), by=by)
                await journal.append_all(conn, done.entries)
            view = await _view(conn, order_id)
        self._publish(done.hints)
        return view

    async def welfare_answered(self, order_id: str, *, well: bool, note: str, by: str) -> OrderView:
        """A person of the unit said by voice whether all is well.

        Raises `NotFound`, `Conflict` (`order_over`), `Impossible` (`not_on_scene`).
        """
        async with self._transaction() as conn:
            order, _ = await _locked(conn, order_id)
            require_seen(order, order.ver)
            _require_on_scene(order)
            event = _by_voice(order, order.state, by=by, note=note, at=self._clock())
            done = await recalls.welfare_answered(conn, order, event, well=well)
            view = await _view(conn, order_id)
            await journal.append_all(conn, done.entries)
        self._publish(done.hints)
        return view

    async def claim(self, item_id: str, *, take_over: bool, by: str) -> WorkItemView:
        """Take an item on. Raises `NotFound`, `Conflict` (`claimed`, `settled`)."""
        async with self._transaction() as conn:
            before = await _item(conn, item_id)
            changed = await worklist.claim(
                conn, item_id, by=by, at=self._clock(), take_over=take_over
            )
            done = await _seen_to(conn, changed, before)
        self._publish(done.hints)
        return done.item

    async def settle(self, item_id: str, *, reason: str, by: str) -> WorkItemView:
        """An item is seen to; with one of the inbox, what came in is. Raises `NotFound`, `Conflict`
        (`settled`), `Impossible`."""
        if not reason:
            raise Impossible("no_reason", "Say how it was settled.")
        async with self._transaction() as conn:
            before = await _item(conn, item_id)
            if before.kind == ItemKind.INTAKE and before.settled_at is None:
                intake_id = str(before.body["intake"])
                _, noted = await settle(
                    conn, intake_id, "noted", why=reason, by=by, at=self._clock(), item=False
                )
                await journal.append_all(conn, noted.entries)
            changed = await worklist.settle(conn, item_id, by=by, at=self._clock(), why=reason)
            done = await _seen_to(conn, changed, before)
        self._publish(done.hints)
        return done.item

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as conn, conn.transaction():
            yield conn

    def _publish(self, hints: Iterable[Hint]) -> None:
        for topic, payload in hints:
            self._fanout.publish(topic, payload)


async def take_step(
    conn: Any,
    order_id: str,
    said: Statement,
    *,
    note: str,
    by: str,
    at: datetime,
    until: datetime | None = None,
) -> tuple[Step, OrderView]:
    """One step of an order that the dispatcher takes, and the order after it.

    Raises `NotFound`, `Conflict` (`stale`), `Impossible` (`not_allowed`, `no_reason`).
    """
    order, incident = await _locked(conn, order_id)
    verdict = decide(order.state, order.ver, said, crew=frozenset(), asked=order.recall_wanted)
    if not verdict.applied:
        raise _refusal(order, verdict, said)
    event = _by_voice(order, said.state, by=by, reason=said.reason, note=note, at=at)
    if said.state is OrderState.STANDBY:
        event = replace(event, until_at=standby_until(until, at))
    step = await stepping.write_step(conn, order, incident, verdict, event)
    return step, await _view(conn, order_id)


async def _confirm(conn: Any, order: LockedOrder, incident: IncidentView, event: Event) -> Marked:
    assert isinstance(event.state, OrderState)
    said = Statement(state=event.state, speaker=Speaker.DISPATCHER, reason=event.reason)
    verdict = decide(order.state, order.ver, said, crew=frozenset(), asked=order.recall_wanted)
    assert verdict.applied, f"what is open and was asked for can be confirmed: {verdict}"
    step = await stepping.write_step(conn, order, incident, verdict, event)
    return Marked(entries=step.entries, hints=step.hints)


async def _decline(conn: Any, order: LockedOrder, event: Event) -> Marked:
    if not event.reason:
        raise Impossible("no_reason", "Say why the unit goes on with the order.")
    return await recalls.declined(conn, order, event)


async def _locked(conn: Any, order_id: str) -> tuple[LockedOrder, IncidentView]:
    incident_id = await order_rows.incident_of(conn, order_id)
    if incident_id is None:
        raise NotFound("not_found", "There is no such order.")
    incident = await incidents.lock(conn, incident_id)
    assert incident is not None
    return await order_rows.lock(conn, order_id), incident


async def _view(conn: Any, order_id: str) -> OrderView:
    view = await order_rows.view(conn, order_id)
    assert view is not None
    return view


async def _item(conn: Any, item_id: str) -> WorkItemView:
    found = await worklist.item(conn, item_id)
    if found is None:
        raise NotFound("not_found", "There is no such item.")
    return found


async def _seen_to(conn: Any, changed: Changed | None, before: WorkItemView) -> Changed:
    if changed is None:
        raise _not_yours(await _item(conn, before.id))
    await journal.append_all(conn, changed.entries)
    return changed


def _require_on_scene(order: LockedOrder) -> None:
    if RANK[order.state] < RANK[OrderState.ON_SCENE]:
        raise Impossible("not_on_scene", f"Order {order.number} is {order.state}.")


def _asked_since(order: OrderView, by: str, since: datetime) -> bool:
    """Whether this person has asked the unit since then, and nobody has said anything after it."""
    last = order.events[-1] if order.events else None
    if last is None or (last.state, last.actor) != (Mark.WELFARE_ASKED, by):
        return False
    return last.server_at > since


def _by_voice(
    order: LockedOrder,
    state: OrderState,
    *,
    by: str,
    at: datetime,
    reason: str = "",
    note: str = "",
) -> Event:
    return Event(
        order_id=order.id,
        ver=order.ver,
        state=state,
        applied=True,
        actor=by,
        server_at=at,
        reason=reason,
        note=note,
    )


def _not_yours(item: WorkItemView) -> Conflict:
    if item.settled_at is not None:
        by = "by itself" if item.settled_by == "system" else f"by {item.settled_by}"
        return Conflict("settled", f"Item {item.number} is settled already, {by}.")
    who = item.claimed_by or ""
    text = f"{who} sees to item {item.number}; take it over if you must."
    return Conflict("claimed", text, {"claimed_by": who})


def _refusal(order: LockedOrder, verdict: Verdict, said: Statement) -> DispatchError:
    detail = {"order": order.number, "state": str(order.state), "ver": order.ver}
    if verdict.why is Why.STALE:
        text = f"Order {order.number} changed meanwhile: it is {order.state} now."
        return Conflict("stale", text, detail)
    if verdict.why is Why.NO_REASON:
        return Impossible("no_reason", f"Say why it is {said.state}.", detail)
    text = f"Order {order.number} is {order.state}: {said.state} is not possible from there."
    return Impossible("not_allowed", text, detail)
