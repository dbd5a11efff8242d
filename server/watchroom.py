"""The room of one dispatcher: reminders, and what whoever takes the room at the change must know.

A reminder that is due becomes an item of the worklist in the transaction that ends it, so it comes
once, whatever crashes. A handover is read by whoever takes the room, and taken by a word that is
logged with what stood open then. `by` is who acts: `user:<username>`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.dispatch.worklist import ItemKind
from server.handoverviews import HandoverView, LastHandoverView, ReminderView
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.metrics import Metrics
from server.ports import Clock, FanOut, LiveUnits, RoadNews
from server.stanceviews import StanceView
from server.stores import handovers, incidents, intakes, journal, sos, worklist
from server.stores.away import STORE_AWAY
from server.stores.handovers import REMINDERS_LEN_MAX
from server.stores.journal import Entry
from server.stores.pool import Connection, Pool
from server.stores.worklist import About, Hint
from server.views import IncidentView, UnitStatus, UnitView

logger = logging.getLogger(__name__)

LOOK_S: Final = 5.0
DUE_MAX: Final = 100
"""Rung in one transaction; the next follows at once."""
AHEAD_MAX: Final = timedelta(days=7)
SHIFT: Final = timedelta(hours=12)
"""So far back where nobody has handed over yet; and so long nobody takes the room of himself: the
one after him would read of a few minutes alone."""
SINCE_MAX: Final = timedelta(days=7)
"""Nobody reads further back at a change of shift."""
_URGENCY: Final = {"emergency": 0, "priority": 1, "routine": 2}


class WatchRoom:
    """`run` rings reminders until cancelled."""

    def __init__(
        self,
        *,
        pool: Pool,
        fanout: FanOut,
        live: LiveUnits,
        roads: RoadNews,
        stance: Callable[[], StanceView],
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._live, self._roads, self._stance = live, roads, stance
        self._metrics, self._waiting = metrics or Metrics(), 0
        self._metrics.gauge("reminders_waiting", lambda: self._waiting)

    async def remind(
        self, text: str, due_at: datetime, *, request_id: str, incident_id: str | None, by: str
    ) -> tuple[ReminderView, bool]:
        """Set one; False with the one set before when the request is a repetition.

        Raises `Impossible` (`no_time`), `NotFound` of the incident, `Conflict` (`request_reused`,
        `too_many`).
        """
        now = self._clock()
        async with self._pool.acquire() as conn, conn.transaction():
            await handovers.lock(conn)
            if (earlier := await handovers.by_request(conn, request_id)) is not None:
                said = (earlier.text, earlier.due_at, earlier.incident_id)
                _require_same(said == (text, due_at, incident_id))
                return earlier, False
            if not now < due_at <= now + AHEAD_MAX:
                text = f"A reminder is due within {AHEAD_MAX.days} days from now."
                raise Impossible("no_time", text)
            number = await _number(conn, incident_id)
            if await handovers.count(conn) >= REMINDERS_LEN_MAX:
                self._metrics.count("reminders_refused")
                raise Conflict("too_many", f"{REMINDERS_LEN_MAX} reminders wait already.")
            wanted = ReminderView(
                id=new_id(),
                text=text,
                due_at=due_at,
                incident_id=incident_id,
                incident_number=number,
                set_by=by,
                set_at=now,
            )
            await handovers.insert(conn, wanted, request_id=request_id)
            await journal.append_all(conn, [_entry(JournalKind.REMINDER_SET, wanted, by)])
        return wanted, True

    async def drop(self, reminder_id: str, *, by: str) -> None:
        """Nobody wants to hear of it any more. Raises `NotFound`."""
        async with self._pool.acquire() as conn, conn.transaction():
            found = await handovers.load(conn, reminder_id)
            ended = await handovers.end(conn, reminder_id, at=self._clock(), dropped_by=by)
            if found is None or not ended:
                raise NotFound("not_found", "No such reminder waits.")
            await journal.append_all(conn, [_entry(JournalKind.REMINDER_DROPPED, found, by)])

    async def reminders(self) -> list[ReminderView]:
        """That wait, soonest first."""
        return await handovers.waiting(self._pool)

    async def run(self) -> None:
        """Ring what is due, until cancelled."""
        while True:
            try:
                while await self.ring() == DUE_MAX:
                    continue
            except STORE_AWAY as error:
                logger.warning("reminders ring later, PostgreSQL is away: %s", error)
            await asyncio.sleep(LOOK_S)

    async def ring(self) -> int:
        """Make items of what is due; how many."""
        now, hints = self._clock(), list[Hint]()
        async with self._pool.acquire() as conn, conn.transaction():
            due = await handovers.due(conn, now, DUE_MAX)
            for each in due:
                await handovers.end(conn, each.id, at=now, dropped_by=None)
                about = About(subject=f"reminder:{each.id}", incident_id=each.incident_id)
                body = {"text": each.text, "set_by": each.set_by, "due_at": each.due_at}
                raised = await worklist.raise_item(
                    conn, ItemKind.REMINDER, about, body=body, at=now
                )
                await journal.append_all(conn, raised.entries)
                hints += raised.hints
            self._waiting = await handovers.count(conn)
        for topic, payload in hints:
            self._fanout.publish(topic, payload)
        return len(due)

    async def handover(self) -> HandoverView:
        """What stands open now, and what happened since the last one."""
        now = self._clock()
        async with self._pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
            last = await handovers.last(conn)
            since = now - SHIFT if last is None else max(last.at, now - SINCE_MAX)
            inbox, _ = await intakes.page(
                conn, which="open", before=None, limit=intakes.PAGE_LEN_MAX
            )
            units = self._live.units()
            return HandoverView(
                at=now,
                since=since,
                last=last,
                done=await handovers.done(conn, since),
                stance=self._stance(),
                sos=await sos.load_open(conn),
                work=await worklist.gravest(conn, worklist.PAGE_LEN_MAX),
                work_open=await worklist.open_count(conn),
                incidents=sorted(await incidents.load_open(conn), key=_urgency),
                inbox=inbox,
                inbox_open=await intakes.count_open(conn),
                reminders=await handovers.waiting(conn),
                roads=self._roads.view(),
                units=dict(Counter(str(each.status) for each in units)),
                silent=[each.call_sign for each in units if _silent(each)],
            )

    async def take(self, *, request_id: str, note: str, by: str) -> HandoverView:
        """Whoever asks has the room from now on, and has read this.

        Asked again with the same `request_id`, it is the same handover. Raises `Conflict`
        (`request_reused`; `yours`: he has it already; `taken`: another was a moment quicker).
        """
        seen = await self.handover()
        summary = {
            "incidents": len(seen.incidents),
            "work": seen.work_open,
            "inbox": seen.inbox_open,
            "reminders": len(seen.reminders),
        }
        handover_id = new_id()
        async with self._pool.acquire() as conn, conn.transaction():
            await handovers.lock_room(conn)
            if (earlier := await handovers.taken(conn, request_id)) is not None:
                _require_same((earlier.taken_by, earlier.note) == (by, note))
                return seen
            _require_takeable(seen, await handovers.last(conn), by)
            await handovers.take(
                conn,
                handover_id=handover_id,
                request_id=request_id,
                since=seen.since,
                at=seen.at,
                by=by,
                note=note,
                summary=summary,
            )
            entry = Entry(
                actor=by,
                subject=f"handover:{handover_id}",
                kind=JournalKind.HANDOVER_TAKEN,
                body=summary | {"since": seen.since, "note": note},
            )
            await journal.append_all(conn, [entry])
        return seen


def _require_takeable(seen: HandoverView, last: LastHandoverView | None, by: str) -> None:
    """Raises `Conflict` (`taken`, `yours`). `last`: under the lock, maybe after `seen`."""
    if last is None:
        return
    detail = {"taken_by": last.taken_by, "at": last.at}
    if last != seen.last:
        raise Conflict("taken", f"{last.taken_by} has just taken the room.", detail)
    if last.taken_by == by and seen.at - last.at < SHIFT:
        raise Conflict("yours", "You have the room already; the next one takes it.", detail)


def _require_same(same: bool) -> None:
    """Raises `Conflict` (`request_reused`)."""
    if not same:
        text = "This request id was used before, with other content. Start anew."
        raise Conflict("request_reused", text)


async def _number(conn: Connection, incident_id: str | None) -> int | None:
    """Raises `NotFound`."""
    if incident_id is None:
        return None
    found = await incidents.load(conn, incident_id, with_events=False)
    if found is None:
        raise NotFound("not_found", "There is no such incident.")
    return found.number


def _urgency(incident: IncidentView) -> tuple[int, bool, int]:
    return _URGENCY[incident.priority], incident.status != "open", incident.number


def _silent(unit: UnitView) -> bool:
    on_duty = unit.status is not UnitStatus.OFF_DUTY
    return on_duty and bool(unit.devices) and not any(each.online for each in unit.devices)


def _entry(kind: JournalKind, reminder: ReminderView, by: str) -> Entry:
    body = {"text": reminder.text, "due_at": reminder.due_at}
    if reminder.incident_number is not None:
        body["incident"] = reminder.incident_number
    return Entry(actor=by, subject=f"reminder:{reminder.id}", kind=kind, body=body)
