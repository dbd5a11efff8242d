"""One step of an order, written whole inside the caller's transaction.

State, event, what the devices must be told, what becomes of the incident. The entries for the
command log come back with the result, because they are appended last; so do the hints to publish
after the commit. Lock order everywhere: incident, its order, devices by id, command log.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from protocols.native import Report, State
from server.dispatch.incidents import IncidentStatus, status_after
from server.dispatch.orders import (
    BY_OFFICER,
    OrderState,
    Speaker,
    Statement,
    Verdict,
    Why,
    decide,
    is_closed,
)
from server.journal.kinds import JournalKind
from server.stores import commands, incidents, journal, order_rows, units
from server.stores.journal import Entry
from server.stores.order_rows import Event, LockedOrder
from server.views import IncidentView

COMMAND_TTL = timedelta(hours=4)
"""A device that was out of reach for longer learns that it missed something, and no more."""
CLOSED_BY_ITSELF: Final = "done"
"""Outcome of an incident whose last order was done."""

Hint = tuple[str, str]
"""(topic, payload) for the fan-out."""

STATE_OF_REPORT: dict[Report, OrderState] = {
    Report.RECEIVED: OrderState.DELIVERED,
    Report.SHOWN: OrderState.SHOWN,
    Report.ACCEPTED: OrderState.ACCEPTED,
    Report.DECLINED: OrderState.UNABLE,
    Report.EN_ROUTE: OrderState.EN_ROUTE,
    Report.ON_SCENE: OrderState.ON_SCENE,
    Report.FEEDBACK: OrderState.FEEDBACK,
    Report.DONE: OrderState.DONE,
}

MACHINES_WORD: Final = frozenset({Report.RECEIVED, Report.SHOWN})

# Which order a command told which device of; the device must be the one it was sent to.
COMMAND = """
SELECT command.kind, command.body, command.order_id, command.expires_at, command.sent_at,
       dispatch_order.incident_id, dispatch_order.unit_id
FROM command LEFT JOIN dispatch_order ON dispatch_order.id = command.order_id
WHERE command.id = $1 AND command.device_id = $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A verdict written down: what to append to the log, then what to publish."""

    verdict: Verdict
    entries: tuple[Entry, ...]
    hints: tuple[Hint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOutcome:
    """What a device's report changed. Publish `hints` after the commit."""

    applied: bool
    why: str | None
    """None: applied; `unknown`: no such command of this device; `notice`: a receipt for a notice;
    otherwise one of `server.dispatch.orders.Why`."""
    order_id: str | None = None
    incident_id: str | None = None
    unit_id: str | None = None
    hints: tuple[Hint, ...] = ()


async def apply_report(
    conn: Any, *, device_id: str, state: State, received_at: datetime
) -> ReportOutcome:
    """Apply one state report of a device. Never refuses: what does not fit is kept as history.

    Appends to the command log, so it comes last in its transaction: move the installation's
    `up_seq` before, and take one report a transaction.
    """
    state = _without_nul(state)
    row = await conn.fetchrow(COMMAND, state.id, device_id) if _is_uuid(state.id) else None
    if row is None:
        return await _unknown(conn, device_id, state)
    if row["kind"] == "notice" or _was_missed(row, state, received_at):
        return await _notice_received(conn, device_id, state, row)
    incident = await incidents.lock(conn, row["incident_id"])
    assert incident is not None
    order = await order_rows.lock(conn, row["order_id"])
    crew = await units.crew(conn, order.unit_id)
    said = Statement(
        state=STATE_OF_REPORT[state.s], speaker=Speaker.DEVICE, badge=state.by, reason=state.reason
    )
    by_person = said.state in BY_OFFICER and said.badge in crew
    event = Event(
        order_id=order.id,
        ver=order.ver,
        state=said.state,
        applied=False,
        actor=f"officer:{said.badge}" if by_person else f"device:{device_id}",
        server_at=received_at,
        device_id=device_id,
        device_at=_device_at(state),
        lon=state.lon if state.lat is not None else None,
        lat=state.lat if state.lon is not None else None,
        reason=state.reason,
        note=state.note,
    )
    verdict = decide(order.state, order.ver, said, crew=crew)
    step = await write_step(conn, order, incident, verdict, event, claimed_badge=state.by)
    await journal.append_all(conn, step.entries)
    return ReportOutcome(
        applied=verdict.applied,
        why=verdict.why,
        order_id=order.id,
        incident_id=order.incident_id,
        unit_id=order.unit_id,
        hints=step.hints,
    )


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
    changed: tuple[Hint, ...] = (("incident", order.incident_id),)
    if not verdict.applied:
        late = verdict.why is Why.LATE
        ignored = () if late else (_ignored(order, verdict, event, claimed_badge),)
        return Step(verdict=verdict, entries=ignored, hints=changed)
    closed = is_closed(verdict.state)
    await order_rows.set_state(
        conn,
        order,
        state=verdict.state,
        ver=verdict.ver,
        at=event.server_at,
        closed=closed,
    )
    entries: tuple[Entry, ...] = (_taken(order, verdict, event),)
    hints = (*changed, ("unit", order.unit_id))
    if closed:
        told = await _tell_the_end(conn, order, incident, event)
        entries += await _settle(conn, order, incident, event)
        hints += tuple(("device", device_id) for device_id in told)
    return Step(verdict=verdict, entries=entries, hints=hints)


async def _tell_the_end(
    conn: Any, order: LockedOrder, incident: IncidentView, event: Event
) -> list[str]:
    """A notice to every device that shows the order, but not to the one that ended it."""
    told = []
    for device_id, command_id in await order_rows.tasks_of(conn, order.id):
        if device_id == event.device_id:
            continue
        await commands.enqueue(
            conn,
            device_id=device_id,
            kind="notice",
            priority=incident.priority,
            body={
                "ref": command_id,
                "order": order.id,
                "number": order.number,
                "why": str(event.state),
                "text": event.reason or event.note,
            },
            order_id=order.id,
            expires_at=event.server_at + COMMAND_TTL,
            now=event.server_at,
        )
        told.append(device_id)
    return told


async def _settle(
    conn: Any, order: LockedOrder, incident: IncidentView, event: Event
) -> tuple[Entry, ...]:
    """What becomes of the incident now that this order is over."""
    before = IncidentStatus(incident.status)
    if before is IncidentStatus.CLOSED:
        return ()
    status = status_after(event.state, await order_rows.states_beside(conn, order))
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
        body=_step_body(order, event) | {"ver": verdict.ver, "state": str(verdict.state)},
    )


def _ignored(order: LockedOrder, verdict: Verdict, event: Event, claimed_badge: str) -> Entry:
    return Entry(
        actor=event.actor,
        subject=f"order:{order.id}",
        kind=JournalKind.ORDER_REPORT_IGNORED,
        body=_step_body(order, event)
        | {
            "reported": str(event.state),
            "state": str(verdict.state),
            "why": str(verdict.why),
            "badge": claimed_badge,
        },
    )


def _step_body(order: LockedOrder, event: Event) -> dict[str, Any]:
    return {
        "number": order.number,
        "incident": order.incident_id,
        "unit": order.unit_id,
        "call_sign": order.call_sign,
        "device": event.device_id,
        "device_at": event.device_at,
        "lon": event.lon,
        "lat": event.lat,
        "reason": event.reason,
        "note": event.note,
    }


async def _unknown(conn: Any, device_id: str, state: State) -> ReportOutcome:
    body = {"command": state.id, "reported": str(state.s), "why": "unknown", "badge": state.by}
    await journal.append(
        conn,
        actor=f"device:{device_id}",
        subject=f"device:{device_id}",
        kind=JournalKind.ORDER_REPORT_IGNORED,
        body=body,
    )
    return ReportOutcome(applied=False, why="unknown")


def _was_missed(row: Any, state: State, received_at: datetime) -> bool:
    """Whether a machine received not the task but the notice that it expired, under the same id.

    Certain when no frame was written before; where one was, the device's clock decides.
    """
    expires_at, sent_at = row["expires_at"], row["sent_at"]
    if state.s not in MACHINES_WORD or expires_at is None or received_at < expires_at:
        return False
    return sent_at is None or sent_at >= expires_at or _device_at(state) >= expires_at


def _device_at(state: State) -> datetime:
    return datetime.fromtimestamp(state.at / 1000, UTC)


async def _notice_received(conn: Any, device_id: str, state: State, row: Any) -> ReportOutcome:
    """The unit's device knows that the order is over: worth a line, changes nothing."""
    if state.s is Report.RECEIVED:
        await journal.append(
            conn,
            actor=f"device:{device_id}",
            subject=f"order:{row['order_id']}",
            kind=JournalKind.ORDER_NOTICE_RECEIVED,
            body={
                "number": row["body"].get("number"),
                "command": state.id,
                "device": device_id,
            },
        )
    return ReportOutcome(
        applied=False,
        why="notice",
        order_id=row["order_id"],
        incident_id=row["incident_id"],
        unit_id=row["unit_id"],
    )


def _without_nul(state: State) -> State:
    """PostgreSQL stores no NUL; a device that sends one must not be stuck on it for ever."""
    return msgspec.structs.replace(
        state,
        id=state.id.replace("\0", ""),
        by=state.by.replace("\0", ""),
        reason=state.reason.replace("\0", ""),
        note=state.note.replace("\0", ""),
    )


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
