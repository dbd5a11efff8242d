"""Keeps the watch over all running orders: plans their timers, rings those that are due.

PostgreSQL holds everything: which orders must be looked at again (each step of an order says so in
its own transaction), what is waited for, what has rung. So a timer survives any restart, rings
late rather than never, and rings once: looking at an order locks its incident, claims what is due
and does what that is for in ONE transaction, whichever of several servers comes first.

An order that cannot be looked at holds up no other: it is tried again, less and less often, and a
person is told to keep watch over it.

In the same look, items of the worklist whose cause is gone are settled, and so is an escalation.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from server.dispatch.orders import is_answered, is_closed
from server.dispatch.runcardfile import shipped
from server.dispatch.runcards import paced
from server.dispatch.timers import URGENT, Stance, TimerTable, plan, stretch
from server.dispatch.worklist import ItemKind, gone
from server.journal.kinds import JournalKind
from server.metrics import Metrics
from server.ports import CardsInForce, Clock, FanOut, LiveUnits, RadioOutlook
from server.stores import incidents, journal, leaders, order_rows, ringing, watch, worklist
from server.stores.away import NO_ANSWER, STORE_AWAY
from server.stores.journal import Entry
from server.stores.order_rows import LockedOrder
from server.stores.steps import Marked, about
from server.stores.watch import Known, Plan
from server.watchviews import WorkItemView

logger = logging.getLogger(__name__)

POLL_S: Final = 1.0
"""Between two looks when no timer is due sooner and nobody says that something changed."""
GATHER_S: Final = 0.1
"""After something changed, for what changes at the same instant; timers run for many seconds."""
RETRY_S: Final = 1.0
RETRY_S_MAX: Final = 60.0
"""Between two tries of an order that cannot be looked at."""
TOLD_FROM: Final = 2
"""Failures in a row after which a person must know."""
SICK_LEN_MAX: Final = 1000
"""Orders that are remembered to have failed; one beyond is tried again at once."""
ORDERS_LEN_MAX: Final = 200
"""Looked at in one go, longest due first; what is left is due at once again."""
ROUNDS_MAX: Final = 10
"""What rings may be followed by what it makes due; more in one look is our bug."""


@dataclass(slots=True)
class _Sickness:
    """An order that could not be looked at."""

    failures: int
    again_at: datetime
    told: bool = False


class Timekeeper:
    """`run` keeps the watch until cancelled."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        table: TimerTable,
        stance: Callable[[], Stance],
        radio: RadioOutlook,
        live: LiveUnits,
        clock: Clock,
        cards: CardsInForce = shipped,
        metrics: Metrics | None = None,
        orders_len_max: int = ORDERS_LEN_MAX,
        catch_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`stance`: peace or war; call `stance_changed` when it is another. `catch_up`: what any
        server ordered of it is known here then; asked before each look."""
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._orders_len_max = orders_len_max
        self._table, self._stance, self._radio, self._live = table, stance, radio, live
        self._cards = cards
        self._metrics = metrics or Metrics()
        self._catch_up = catch_up
        self._all_anew = True
        """Every running order is to be planned by the table that holds now."""
        self._sick: dict[str, _Sickness] = {}
        self._wake = asyncio.Event()
        fanout.subscribe("incident", lambda _: self._wake.set())
        fanout.subscribe("resync", lambda _: self._wake.set())

    async def run(self) -> None:
        """Look at what is due until cancelled; first at everything, the table may have changed."""
        while True:
            await self._patiently(self.turn)
            await self._until_due()

    async def turn(self) -> None:
        """Know what holds, then look at what is due."""
        await self._anew()
        await self.look()

    def stance_changed(self) -> None:
        """Peace is war now, or war peace: other timers hold, for every order."""
        self._all_anew = True
        self._wake.set()

    async def _anew(self) -> None:
        """Know what holds; where it is another, every order is looked at."""
        if self._catch_up is not None:
            await self._catch_up()
        if self._all_anew:
            self._all_anew = False
            try:
                await self.look_at_all()
            except BaseException:
                self._all_anew = True
                raise

    async def look_at_all(self) -> None:
        """Every running order is to be planned by the table that holds now."""
        async with self._pool.acquire() as conn:
            await watch.look_at_all(conn)

    async def look(self) -> None:
        """Look at the orders that are due, or changed."""
        async with self._pool.acquire() as conn:
            found = await watch.due(
                conn, self._clock(), self._orders_len_max, without=self._put_by()
            )
        planned = await self._plan_together(found)
        for order_id in found:
            if order_id in planned:
                continue
            try:
                await self.look_at(order_id)
            except NO_ANSWER:
                self._failed(order_id)
                raise
            except Exception:  # whatever is wrong with one order, the timers of the others ring
                logger.exception("order %s cannot be looked at", order_id)
                await self._tell(order_id, self._failed(order_id))
            else:
                self._sick.pop(order_id, None)

    async def _plan_together(self, order_ids: Sequence[str]) -> frozenset[str]:
        """Plan in one step the orders that need no more than that; which these were.

        Most of a burst. Left over are those that somebody is changing, that something rings of, or
        that a person has to see to.
        """
        if not order_ids:
            return frozenset()
        try:
            async with self._pool.acquire() as conn, conn.transaction():
                planned, changed = await self._plan_free(conn, order_ids)
        except STORE_AWAY as error:  # the first look of its own will tell
            logger.info("%d orders are looked at one by one: %s", len(order_ids), error)
            return frozenset()
        except Exception:  # one of them: its own look will tell
            logger.info("%d orders are looked at one by one", len(order_ids), exc_info=True)
            return frozenset()
        for incident_id in sorted(changed):
            self._fanout.publish("incident", incident_id)
        for order_id in planned:
            self._sick.pop(order_id, None)
        return planned

    async def _plan_free(
        self, conn: Any, order_ids: Sequence[str]
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Orders that were planned, and incidents of which anything is different now."""
        held = await watch.hold_free(conn, order_ids)
        found = await watch.known(conn, [each.id for each in held])
        now = self._clock()
        plans = {each.id: self._plan(each.unit_id, found[each.id]) for each in held}
        changed = await watch.put_plans(conn, plans, now)
        left = await watch.unsettled(conn, list(plans), now)
        planned = frozenset(
            each for each in plans if each not in left and not found[each].sent_instead
        )
        await watch.looked_at(conn, list(planned))
        return planned, frozenset(each.incident_id for each in held if each.id in changed)

    async def look_at(self, order_id: str) -> None:
        """Plan an order's timers, ring what is due, settle what has lost its cause: one step."""
        async with self._pool.acquire() as conn, conn.transaction():
            incident_id = await order_rows.incident_of(conn, order_id)
            assert incident_id is not None, "orders are never deleted"
            await incidents.lock(conn, incident_id)
            done, order, found = await self._ring(conn, order_id, incident_id)
            settled = await self._settle(conn, order, found)
            await watch.looked_at(conn, [order_id])
            await journal.append_all(conn, (*done.entries, *settled.entries))
        for topic, payload in dict.fromkeys((*done.hints, *settled.hints)):
            self._fanout.publish(topic, payload)

    def _failed(self, order_id: str) -> _Sickness:
        """Try it again later; how soon, doubles each time. The longest sick are forgotten first."""
        failures = self._sick[order_id].failures if order_id in self._sick else 0
        wait_s = min(RETRY_S * 2**failures, RETRY_S_MAX)
        told = failures > 0 and self._sick[order_id].told
        again_at = self._clock() + timedelta(seconds=wait_s)
        self._sick[order_id] = _Sickness(failures + 1, again_at, told)
        while len(self._sick) > SICK_LEN_MAX:
            del self._sick[next(iter(self._sick))]
        self._metrics.count("orders_not_watched")
        return self._sick[order_id]

    def _put_by(self) -> list[str]:
        """Orders whose next try is not due."""
        now = self._clock()
        return [order_id for order_id, sick in self._sick.items() if sick.again_at > now]

    async def _tell(self, order_id: str, sick: _Sickness) -> None:
        """A person must keep watch over an order that fails again and again; told once."""
        if sick.told or sick.failures < TOLD_FROM:
            return
        try:
            item = await self._raise_failed(order_id)
        except Exception:  # as above; told after the next failure
            logger.exception("nobody could be told of order %s", order_id)
            return
        sick.told = True
        for topic, payload in item.hints:
            self._fanout.publish(topic, payload)

    async def _raise_failed(self, order_id: str) -> worklist.Changed:
        async with self._pool.acquire() as conn, conn.transaction():
            order = await order_rows.lock(conn, order_id)
            body = {"number": order.number, "call_sign": order.call_sign}
            item = await worklist.raise_item(
                conn, ItemKind.WATCH_FAILED, about(order), body=body, at=self._clock()
            )
            await journal.append_all(conn, item.entries)
        return item

    async def _ring(
        self, conn: Any, order_id: str, incident_id: str
    ) -> tuple[Marked, LockedOrder, Known]:
        """Ring until nothing is due; what was done, and how the order stands then."""
        entries: tuple[Entry, ...] = ()
        hints: tuple[tuple[str, str], ...] = ()
        for _ in range(ROUNDS_MAX):
            order = await order_rows.lock(conn, order_id)
            found = (await watch.known(conn, [order_id]))[order_id]
            now = self._clock()
            if await watch.put_plans(conn, {order_id: self._plan(order.unit_id, found)}, now):
                hints = (*hints, ("incident", incident_id))
            claimed = await watch.claim(conn, order_id, now)
            if not claimed:
                return Marked(entries=entries, hints=hints), order, found
            for timer in claimed:
                order = await order_rows.lock(conn, order_id)
                if is_closed(order.state) and not is_closed(found.state):
                    break  # what rang before ended it
                incident = await incidents.lock(conn, incident_id)
                assert incident is not None
                done = await ringing.ring(
                    conn,
                    order,
                    incident,
                    found,
                    timer,
                    stance=self._stance(),
                    live=self._live,
                    at=now,
                )
                self._metrics.count("timers_fired", kind=timer.kind)
                entries, hints = entries + done.entries, hints + done.hints
        raise AssertionError(f"order {order_id} rings without end")

    def _plan(self, unit_id: str, found: Known) -> Plan:
        stance = self._stance()
        pace = self._table.pace(stance, urgent=found.priority in URGENT)
        pace = paced(pace, self._cards().card(found.type), war=stance.war)
        due = plan(found.watched, pace)
        back = self._radio.expected_back(unit_id) if due else None
        back_at = None if back is None else back.at_latest
        return {kind: (at, stretch(kind, at, back_at)) for kind, at in due.items()}

    async def _settle(self, conn: Any, order: LockedOrder, found: Known) -> Marked:
        """What needs nobody any more, and says why."""
        now = self._clock()
        changes: list[worklist.Changed] = []
        ended = await _end_escalation(conn, order, found, now)
        changes += await _two_units(conn, order, found, now)
        for item in await worklist.open_of_order(conn, order.id):
            if item.kind not in set(ItemKind):
                continue  # another part of the room keeps it
            because = gone(ItemKind(item.kind), _silent_since(item), found.situation(now))
            if because is None:
                continue
            settled = await worklist.settle(conn, item.id, by="system", at=now, why=because)
            changes += [] if settled is None else [settled]
        told, hints = worklist.told(changes)
        return Marked(entries=(*ended.entries, *told), hints=(*ended.hints, *hints))

    async def _patiently(self, work: Callable[[], Any]) -> None:
        while True:
            try:
                await work()
            except STORE_AWAY as error:
                self._metrics.count("timekeeper_failures")
                logger.warning("timers wait, PostgreSQL is away: %s", error)
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def _until_due(self) -> None:
        """A timer is due, something changed, or it is time to look."""
        wait_s = POLL_S
        with contextlib.suppress(*STORE_AWAY):  # the next look says so
            async with self._pool.acquire() as conn:
                due_at = await watch.next_due_at(conn, without=self._put_by())
            if due_at is not None:
                wait_s = min(wait_s, max((due_at - self._clock()).total_seconds(), 0.0))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
                await asyncio.sleep(min(GATHER_S, wait_s))
        self._wake.clear()


def _silent_since(item: WorkItemView) -> datetime:
    """The last word when the item was raised; a later one has answered it.

    Not the moment of raising: a word that waited for the lock came before it, and counts after.
    """
    heard_at = item.body.get("heard_at")
    return item.raised_at if heard_at is None else datetime.fromisoformat(str(heard_at))


def _answered(found: Known, now: datetime) -> str | None:
    """Why an order needs no escalation."""
    needless = is_closed(found.state) or is_answered(found.state) or found.put_off(now)
    return str(found.state) if needless else None


async def _end_escalation(conn: Any, order: LockedOrder, found: Known, now: datetime) -> Marked:
    """Somebody answered, or nobody can any more: the leader hears of it, too."""
    if (why := _answered(found, now)) is None:
        return Marked()
    escalation_id = await watch.settle_escalation(conn, order.id, at=now, why=why)
    if escalation_id is None:
        return Marked()
    told = await leaders.tell_over(
        conn, order, escalation_id, priority=found.priority, became=why, at=now
    )
    ended = _escalation_ended(order, why)
    return Marked(entries=(ended,), hints=(("incident", order.incident_id), *told))


def _escalation_ended(order: LockedOrder, why: str) -> Entry:
    return Entry(
        actor="system",
        subject=f"order:{order.id}",
        kind=JournalKind.ORDER_ESCALATION_ENDED,
        body={"number": order.number, "call_sign": order.call_sign, "because": why},
    )


async def _two_units(
    conn: Any, order: LockedOrder, found: Known, at: datetime
) -> list[worklist.Changed]:
    """The unit took it on after all, and others were sent in its place: said once of each."""
    if not is_answered(found.state) or not found.sent_instead:
        return []
    if await watch.told_instead(conn, order.id) >= set(found.sent_instead):
        return []
    body = {
        "number": order.number,
        "call_sign": order.call_sign,
        "sent_instead": list(found.sent_instead),
    }
    item = await worklist.raise_item(conn, ItemKind.TWO_UNITS, about(order), body=body, at=at)
    return [item]
