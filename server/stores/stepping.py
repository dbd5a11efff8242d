"""One step of an order, written whole inside the caller's transaction.

State, event, what the devices must be told, what becomes of the incident, what a person must see
to. The entries for the command log come back with the result, because they are appended last; so
do the hints to publish after the commit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from server.dispatch.incidents import IncidentStatus, status_after
from server.dispatch.orders import (
    BY_MACHINE,
    CONFIRMED,
    OrderState,
    Verdict,
    Why,
    is_closed,
)
from server.dispatch.worklist import ENDED_BADLY, ItemKind
from server.journal.kinds import JournalKind
from server.stores import commands, incidents, order_rows, recalls, worklist
from server.stores.commands import Draft
from server.stores.journal import Entry
from server.stores.order_rows import Event, LockedOrder
from server.stores.steps import Hint, about, step_body
from server.views import IncidentView

COMMAND_TTL = timedelta(hours=4)
"""A device that was out of reach for longer learns that it missed something, and no more."""
CLOSED_BY_ITSELF: Final = "done"
"""Outcome of an incident whose last order was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A verdict written down: what to append to the log, then what to publish."""

    verdict: Verdict
    entries: tuple[Entry, ...]
    hints: tuple[Hint, ...]


async def write_step(
    conn: Any,
    order: LockedOrder,
    incident: IncidentView,
    verdict: Verdict,
    event: Event,
    *,
    claimed_badge: str = "",
) -> Step:
    """Write one decided step of a locked order of a locked incident."""
    event = replace(event, ver=verdict.ver, applied=verdict.applied)
    await order_rows.add_event(conn, event)
    if not verdict.applied:
        return await _not_applied(conn, order, verdict, event, claimed_badge)
    closed = is_closed(verdict.state)
    await order_rows.set_state(
        conn,
        order,
        state=verdict.state,
        ver=verdict.ver,
        at=event.server_at,
        closed=closed,
        standby_until=event.until_at,
    )
    await order_rows.look_again(conn, order.incident_id)
    entries: tuple[Entry, ...] = (_taken(order, verdict, event),)
    hints: tuple[Hint, ...] = (("incident", order.incident_id), ("unit", order.unit_id))
    if closed:
        told = await _tell_the_end(conn, order, incident, event)
        await recalls.successor_ended(conn, order.id)
        entries += await _settle(conn, order, incident, event)
        hints += tuple(("device", device_id) for device_id in told)
    if (kind := ENDED_BADLY.get(verdict.state)) is not None:
        item = await worklist.raise_item(
            conn, kind, about(order), body=step_body(order, event), at=event.server_at
        )
        entries, hints = entries + item.entries, hints + item.hints
    return Step(verdict=verdict, entries=entries, hints=hints)


async def _not_applied(
    conn: Any, order: LockedOrder, verdict: Verdict, event: Event, claimed_badge: str
) -> Step:
    """History. A person believes that he answered: another must know that it does not count."""
    changed: tuple[Hint, ...] = (("incident", order.incident_id),)
    if verdict.why is Why.LATE:
        return Step(verdict=verdict, entries=(), hints=changed)
    ignored = _ignored(order, verdict, event, claimed_badge)
    if event.state in BY_MACHINE or event.device_id is None:
        return Step(verdict=verdict, entries=(ignored,), hints=changed)
    closed = verdict.why is Why.CLOSED
    kind = ItemKind.ANSWERED_AFTER_END if closed else ItemKind.REPORT_REFUSED
    item = await worklist.raise_item(
        conn, kind, about(order), body=ignored.body, at=event.server_at
    )
    return Step(verdict=verdict, entries=(ignored, *item.entries), hints=(*changed, *item.hints))


async def _tell_the_end(
    conn: Any, order: LockedOrder, incident: IncidentView, event: Event
) -> list[str]:
    """A notice to every device that shows the order, but not to the one that ended it.

    A recall was confirmed as a command of its own: that device, too, must put the task away.
    """
    why = OrderState.EXPIRED if event.state is OrderState.UNDELIVERABLE else event.state
    drafts = [
        Draft(
            device_id=device_id,
            kind="notice",
            priority=incident.priority,
            body={
                "ref": command_id,
                "order": order.id,
                "number": order.number,
                "why": str(why),
                "text": event.reason or event.note,
            },
            order_id=order.id,
            expires_at=event.server_at + COMMAND_TTL,
        )
        for device_id, command_id in await order_rows.tasks_of(conn, order.id)
        if device_id != event.device_id or event.state in CONFIRMED
    ]
    await commands.enqueue_all(conn, drafts, now=event.server_at)
    return [each.device_id for each in drafts]


async def _settle(
    conn: Any, order: LockedOrder, incident: IncidentView, event: Event
) -> tuple[Entry, ...]:
    """What becomes of the incident now that this order is over."""
    before = IncidentStatus(incident.status)
    if before is IncidentStatus.CLOSED:
        return ()
    status = status_after(OrderState(event.state), await order_rows.states_beside(conn, order))
    if status is IncidentStatus.CLOSED:
        outcome = CLOSED_BY_ITSELF
        await incidents.close(conn, incident.id, by="system", at=event.server_at, outcome=outcome)
        body = {"number": incident.number, "outcome": outcome, "order": order.number}
        return (_settled(incident, JournalKind.INCIDENT_CLOSED, body),)
    if status is before:
        return ()
    await incidents.set_status(conn, incident.id, status)
    if status is not IncidentStatus.OPEN:
        return ()
    body = {"number": incident.number, "order": order.number, "because": str(event.state)}
    return (_settled(incident, JournalKind.INCIDENT_UNASSIGNED, body),)


def _settled(incident: IncidentView, kind: JournalKind, body: dict[str, Any]) -> Entry:
    return Entry(actor="system", subject=f"incident:{incident.id}", kind=kind, body=body)


def _taken(order: LockedOrder, verdict: Verdict, event: Event) -> Entry:
    return Entry(
        actor=event.actor,
        subject=f"order:{order.id}",
        kind=JournalKind(f"order.{event.state}"),
        body=step_body(order, event) | {"ver": verdict.ver, "state": str(verdict.state)},
    )


def _ignored(order: LockedOrder, verdict: Verdict, event: Event, claimed_badge: str) -> Entry:
    return Entry(
        actor=event.actor,
        subject=f"order:{order.id}",
        kind=JournalKind.ORDER_REPORT_IGNORED,
        body=step_body(order, event)
        | {
            "reported": str(event.state),
            "state": str(verdict.state),
            "why": str(verdict.why),
            "badge": claimed_badge,
        },
    )
