"""What a timer that rings does: to the order, to its devices, and for a person.

Inside the transaction that claimed the timer, after incident and order are locked, so that it
happens once or not at all.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, assert_never

import msgspec

from server.dispatch.errors import Conflict, NotFound
from server.dispatch.orders import Mark, OrderState, Speaker, Statement, decide
from server.dispatch.timers import Stance, TimerKind
from server.dispatch.worklist import ItemKind, Severity
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.ports import LiveUnits
from server.stores import (
    decisions,
    entries,
    issue,
    leaders,
    order_rows,
    recalls,
    stepping,
    units,
    watch,
    worklist,
)
from server.stores.decisions import Decision
from server.stores.journal import Entry
from server.stores.order_rows import Event, LockedOrder
from server.stores.steps import Hint, Marked, about
from server.stores.watch import Known, Ringing
from server.views import IncidentView, RecommendationView, UnitStatus
from server.watchviews import LeaderView, ProposalView

logger = logging.getLogger(__name__)

NEXT_PATH = "next_path"
"""Topic of the fan-out: an order that no device has received, for paths beside the native one."""

_ITEMS = {
    TimerKind.RECEIPT: ItemKind.NO_CONTACT,
    TimerKind.ACCEPTANCE: ItemKind.NOT_ACCEPTED,
    TimerKind.DEPARTURE: ItemKind.NOT_DEPARTED,
    TimerKind.ARRIVAL: ItemKind.LATE_ARRIVAL,
    TimerKind.FEEDBACK: ItemKind.NO_FEEDBACK,
    TimerKind.WELFARE_ANSWER: ItemKind.WELFARE_SILENT,
    TimerKind.RECALL: ItemKind.RECALL_UNCONFIRMED,
    TimerKind.END_RECEIPT: ItemKind.END_NOT_RECEIVED,
}


async def ring(
    conn: Any,
    order: LockedOrder,
    incident: IncidentView,
    found: Known,
    timer: Ringing,
    *,
    stance: Stance,
    live: LiveUnits,
    at: datetime,
) -> Marked:
    """Do what the timer is for. The log says first that it rang."""
    fired = Entry(
        actor="system",
        subject=f"order:{order.id}",
        kind=JournalKind.ORDER_TIMER_FIRED,
        body=_body(order, timer),
    )
    done = await _effect(conn, order, incident, found, timer, stance=stance, live=live, at=at)
    hints = (("incident", order.incident_id), *done.hints)
    return Marked(entries=(fired, *done.entries), hints=hints)


async def _effect(
    conn: Any,
    order: LockedOrder,
    incident: IncidentView,
    found: Known,
    timer: Ringing,
    *,
    stance: Stance,
    live: LiveUnits,
    at: datetime,
) -> Marked:
    match timer.kind:
        case TimerKind.RECEIPT:
            item = await _raise(conn, order, found, timer, at)
            return Marked(entries=item.entries, hints=(*item.hints, (NEXT_PATH, order.id)))
        case TimerKind.REPEAT:
            return await _repeat(conn, order, incident, at)
        case TimerKind.ESCALATE:
            return await _escalate(conn, order, incident, found, stance=stance, live=live, at=at)
        case TimerKind.SUPERVISOR:
            return await _to_supervisor(conn, order, at)
        case TimerKind.EXPIRY:
            return await _expire(conn, order, incident, at)
        case TimerKind.WELFARE:
            return await recalls.ask_welfare(conn, order, incident, at)
        case (
            TimerKind.ACCEPTANCE
            | TimerKind.DEPARTURE
            | TimerKind.ARRIVAL
            | TimerKind.FEEDBACK
            | TimerKind.WELFARE_ANSWER
            | TimerKind.RECALL
            | TimerKind.END_RECEIPT
        ):
            return await _raise(conn, order, found, timer, at)
        case _:
            assert_never(timer.kind)


async def _raise(
    conn: Any, order: LockedOrder, found: Known, timer: Ringing, at: datetime
) -> Marked:
    """A person must know. A unit that did not come out of a dead zone is an alarm."""
    severity = None if timer.stretched_to is None else Severity.ALARM
    item = await worklist.raise_item(
        conn,
        _ITEMS[timer.kind],
        about(order),
        body=_body(order, timer) | {"heard_at": found.heard_at},
        at=at,
        severity=severity,
    )
    return Marked(entries=item.entries, hints=item.hints)


async def _repeat(conn: Any, order: LockedOrder, incident: IncidentView, at: datetime) -> Marked:
    """The devices make themselves heard once more; the task itself is theirs already."""
    await _mark(conn, order, Mark.REPEATED, at)
    told = await recalls.tell(
        conn,
        order,
        incident,
        "notice",
        body={"why": "repeat", "text": ""},
        ttl=recalls.CHECK_TTL,
        at=at,
    )
    return Marked(hints=told)


async def _escalate(
    conn: Any,
    order: LockedOrder,
    incident: IncidentView,
    found: Known,
    *,
    stance: Stance,
    live: LiveUnits,
    at: datetime,
) -> Marked:
    """To the leader, with the next-best unit; in war it may be sent at once.

    While a unit that was sent before is still on it, no other is proposed.
    """
    running = list(found.sent_instead.values())
    next_best = None if running else await _next_best(conn, order.incident_id)
    escalation_id = await watch.escalate(conn, order.id, at=at, proposal=next_best)
    if escalation_id is None:
        return Marked()
    await _mark(conn, order, Mark.ESCALATED, at)
    if running:
        await watch.offered(conn, escalation_id, running)
    offers = stance.war and stance.offers and next_best is not None
    leader = await leaders.of_unit(conn, order.unit_id)
    devices = [] if leader is None else await leaders.handsets(conn, leader.badge)
    offered_to = [next_best.unit_id] if offers and next_best is not None else []
    await units.hold_devices(conn, [], offered_to, also=devices)
    asked: tuple[Hint, ...] = ()
    if leader is not None:
        asked = await leaders.ask(conn, order, incident, escalation_id, leader, devices, at=at)
    sent = Marked()
    if offers and next_best is not None:
        sent = await _offer(conn, incident, found, escalation_id, next_best, live=live, at=at)
    offered = bool(running or sent.entries)
    body = {
        "level": "leader",
        "proposal": next_best,
        "offered": offered,
        "leader": leader,
        "leader_devices": devices,
    }
    escalated, item = await _escalated(conn, order, body, at=at)
    return Marked(
        entries=(escalated, *sent.entries, *item.entries),
        hints=(*asked, *sent.hints, *item.hints),
    )


async def _to_supervisor(conn: Any, order: LockedOrder, at: datetime) -> Marked:
    if (open_one := await watch.to_supervisor(conn, order.id)) is None:
        return Marked()
    open_one["leader"] = msgspec.convert(open_one["leader"], LeaderView | None)
    escalated, item = await _escalated(conn, order, open_one, at=at, severity=Severity.ALARM)
    return Marked(entries=(escalated, *item.entries), hints=item.hints)


async def _escalated(
    conn: Any,
    order: LockedOrder,
    body: dict[str, Any],
    *,
    at: datetime,
    severity: Severity | None = None,
) -> tuple[Entry, worklist.Changed]:
    """For the log, and for a person: he may have to call the leader."""
    named = {"number": order.number, "call_sign": order.call_sign} | body
    entry = Entry(
        actor="system",
        subject=f"order:{order.id}",
        kind=JournalKind.ORDER_ESCALATED,
        body=named | {"leader": leaders.for_log(body["leader"])},
    )
    item = await worklist.raise_item(
        conn, ItemKind.ESCALATED, about(order), body=named, at=at, severity=severity
    )
    return entry, item


async def _next_best(conn: Any, incident_id: str) -> ProposalView | None:
    """The best unit of the last recommendation that is free and had no order of this incident."""
    last = await watch.last_recommended(conn, incident_id)
    if last is None:
        return None
    recommendation_id, body, had_order = last
    try:
        recommended = msgspec.convert(body, RecommendationView)
    except msgspec.ValidationError as error:  # kept by an older version: nobody is proposed
        logger.warning("recommendation %s cannot be read: %s", recommendation_id, error)
        return None
    doing = await units.doing(conn)
    for each in recommended.candidates:
        status, _ = doing.get(each.unit_id, (UnitStatus.OFF_DUTY, None))
        if each.unit_id not in had_order and status is UnitStatus.AVAILABLE:
            return ProposalView(
                recommendation_id=recommendation_id,
                unit_id=each.unit_id,
                call_sign=each.call_sign,
                eta_s=each.eta_s,
                eta_p90_s=each.eta_p90_s,
            )
    return None


async def _offer(
    conn: Any,
    incident: IncidentView,
    found: Known,
    escalation_id: str,
    proposal: ProposalView,
    *,
    live: LiveUnits,
    at: datetime,
) -> Marked:
    """Send the next-best unit; it may be busy in this very moment, then nobody goes."""
    decision = Decision(
        id=new_id(),
        request_id=f"escalation:{escalation_id}",
        incident_id=incident.id,
        recommendation_id=proposal.recommendation_id,
        unit_ids=[proposal.unit_id],
        reason="",
        decided_by="system",
        decided_at=at,
    )
    etas = {proposal.unit_id: (proposal.eta_s, proposal.eta_p90_s)}
    try:
        async with conn.transaction():
            rows = await issue.units_on_duty(conn, decision.unit_ids)
            await decisions.insert_decision(conn, decision)
            issued = await issue.issue(
                conn, incident, decision, rows, etas, instruction=found.instruction
            )
    except (Conflict, NotFound):
        return Marked()
    await watch.offered(conn, escalation_id, [task["order"] for _, task in issued.tasks])
    taken = entries.decision_taken(incident, decision, issued)
    queued = entries.orders_queued(decision, issued, live)
    return Marked(entries=(*taken, *queued, *issued.entries), hints=issued.hints)


async def _expire(conn: Any, order: LockedOrder, incident: IncidentView, at: datetime) -> Marked:
    """Nobody took it in time; undeliverable, where not even a machine had it.

    Its unit hears of it here, and its leader in the same transaction.
    """
    await units.hold_devices(conn, [order.id], [])
    never_seen = order.state is OrderState.ISSUED
    end = OrderState.UNDELIVERABLE if never_seen else OrderState.EXPIRED
    verdict = decide(
        order.state, order.ver, Statement(state=end, speaker=Speaker.CLOCK), crew=frozenset()
    )
    event = Event(
        order_id=order.id, ver=order.ver, state=end, applied=False, actor="system", server_at=at
    )
    step = await stepping.write_step(conn, order, incident, verdict, event)
    return Marked(entries=step.entries, hints=step.hints)


async def _mark(conn: Any, order: LockedOrder, mark: Mark, at: datetime) -> None:
    event = Event(
        order_id=order.id, ver=order.ver, state=mark, applied=True, actor="system", server_at=at
    )
    await order_rows.add_event(conn, event)


def _body(order: LockedOrder, timer: Ringing) -> dict[str, Any]:
    return {
        "number": order.number,
        "call_sign": order.call_sign,
        "timer": str(timer.kind),
        "due_at": timer.due_at,
        "expected_back_at": timer.stretched_to,
    }
