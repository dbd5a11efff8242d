"""What devices report about orders, applied inside the caller's transaction.

A report is about the order that a command told of, about its recall, or the answer to a check.
Hints to publish after the commit come back with the result. Lock order everywhere: incident, its
order, devices by id, items of the worklist, command log.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from protocols.native import Report, State
from server.dispatch.answers import NATIVE, Claim, Path, answerer
from server.dispatch.orders import (
    BY_MACHINE,
    BY_OFFICER,
    ENDS,
    OrderState,
    Speaker,
    Statement,
    Verdict,
    Why,
    decide,
    is_closed,
    standby_until,
    unanswerable,
)
from server.dispatch.worklist import ItemKind
from server.journal.kinds import JournalKind
from server.stores import (
    incidents,
    journal,
    leaders,
    mitigations,
    order_rows,
    recalls,
    refusals,
    units,
    worklist,
)
from server.stores.journal import Entry
from server.stores.order_rows import Event, LockedOrder
from server.stores.stepping import write_step
from server.stores.steps import Hint, Marked, about, step_body
from server.views import IncidentView

STATE_OF_REPORT: dict[Report, OrderState] = {
    Report.RECEIVED: OrderState.DELIVERED,
    Report.SHOWN: OrderState.SHOWN,
    Report.STANDBY: OrderState.STANDBY,
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
       dispatch_order.incident_id, dispatch_order.unit_id,
       device.unit_id = dispatch_order.unit_id AS is_units
FROM command JOIN device ON device.id = command.device_id
LEFT JOIN dispatch_order ON dispatch_order.id = command.order_id
WHERE command.id = $1 AND command.device_id = $2
"""


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
    conn: Any,
    *,
    device_id: str,
    state: State,
    received_at: datetime,
    clock_offset_s: float | None = None,
    path: Path = NATIVE,
) -> ReportOutcome:
    """Apply one state report of a device. Never refuses: what does not fit is kept as history.

    Appends to the command log, so it comes last in its transaction: move the installation's
    `up_seq` before, and take one report a transaction. `clock_offset_s`: how far the device's clock
    is ahead of ours, as estimated; None: not known.
    """
    state = _without_nul(state)
    row = await conn.fetchrow(COMMAND, state.id, device_id) if _is_uuid(state.id) else None
    if row is None:
        return await _unknown(conn, device_id, state, received_at)
    if state.s is Report.REFUSED and not _is_of_mitigations(row):
        return await _refused(conn, device_id, state, row, received_at, path)
    if row["kind"] in mitigations.KINDS:
        unnamed = False
        if row["kind"] == "advice":
            state, claim = _answered(state, row, path, await units.crew(conn, row["unit_id"]))
            unnamed = claim is Claim.UNNAMED
        marked = await mitigations.reported(
            conn, device_id, state, row, received_at, unnamed=unnamed
        )
        await journal.append_all(conn, marked.entries)
        return ReportOutcome(applied=True, why=None, hints=marked.hints)
    if state.s not in STATE_OF_REPORT:
        return await _unknown(conn, device_id, state, received_at)
    if row["kind"] == "notice" or _was_missed(row, state, received_at):
        return await _notice_received(conn, device_id, state, row, received_at)
    incident = await incidents.lock(conn, row["incident_id"])
    assert incident is not None
    order = await order_rows.lock(conn, row["order_id"])
    crew = await _who_may_answer(conn, order, row)
    state, claim = _answered(state, row, path, crew)
    event = _event(order, device_id, state, received_at, clock_offset_s, crew)
    event = replace(event, path=path.name, claim=claim)
    match row["kind"]:
        case "recall":
            return await _recall_answered(conn, order, incident, event, state, crew)
        case "check" if _asks_leader(row):
            return await _leader_answered(conn, order, event, state, crew, row["body"])
        case "check":
            return await _welfare_answered(conn, order, event, state, crew)
        case _:
            said = _said(state, STATE_OF_REPORT[state.s], event)
            return await _reported(conn, order, incident, event, said, crew)


def _is_of_mitigations(row: Any) -> bool:
    """Limits that somebody waits for: a device that cannot keep them answers by that."""
    return row["kind"] == "limits" and bool(row["body"]["mitigations"])


def _answered(state: State, row: Any, path: Path, crew: frozenset[str]) -> tuple[State, Claim]:
    """The report under the badge of whoever answers, and what is claimed of him."""
    if STATE_OF_REPORT.get(state.s) not in BY_OFFICER:
        return state, Claim.NAMED
    of_unit = bool(row["is_units"]) and not _asks_leader(row)
    badge, claim = answerer(state.by, path, crew, of_unit=of_unit)
    return msgspec.structs.replace(state, by=badge), claim


def _asks_leader(row: Any) -> bool:
    return bool(row["kind"] == "check" and row["body"]["why"] == leaders.WHY)


async def _refused(
    conn: Any, device_id: str, state: State, row: Any, received_at: datetime, path: Path
) -> ReportOutcome:
    """The device cannot keep or show the command."""
    done = await refusals.take(
        conn, device_id, state, row, received_at, _device_at(state), path.name
    )
    if done is not None:
        await journal.append_all(conn, done.entries)
    return ReportOutcome(
        applied=done is not None,
        why=Why.LATE if done is None else None,
        order_id=row["order_id"],
        incident_id=row["incident_id"],
        unit_id=row["unit_id"],
        hints=() if done is None else done.hints,
    )


async def _who_may_answer(conn: Any, order: LockedOrder, row: Any) -> frozenset[str]:
    """Badges: a question to the leader is his alone, everything else is the unit's."""
    if _asks_leader(row):
        return frozenset({row["body"]["leader"]})
    return await units.crew(conn, order.unit_id)


def _event(
    order: LockedOrder,
    device_id: str,
    state: State,
    received_at: datetime,
    clock_offset_s: float | None,
    crew: frozenset[str],
) -> Event:
    """What a device said, not yet applied."""
    said = STATE_OF_REPORT[state.s]
    by_person = said in BY_OFFICER and state.by in crew
    asked_until = None if state.until is None else datetime.fromtimestamp(state.until / 1000, UTC)
    return Event(
        order_id=order.id,
        ver=order.ver,
        state=said,
        applied=False,
        actor=f"officer:{state.by}" if by_person else f"device:{device_id}",
        server_at=received_at,
        device_id=device_id,
        device_at=_device_at(state),
        lon=state.lon if state.lat is not None else None,
        lat=state.lat if state.lon is not None else None,
        reason=state.reason,
        note=state.note,
        until_at=standby_until(asked_until, received_at) if said is OrderState.STANDBY else None,
        clock_offset_s=clock_offset_s,
    )


def _said(state: State, becomes: OrderState, event: Event) -> Statement:
    return Statement(
        state=becomes,
        speaker=Speaker.DEVICE,
        badge=state.by,
        unnamed=_is_unnamed(event),
        reason=state.reason,
    )


def _is_unnamed(event: Event) -> bool:
    return event.claim is Claim.UNNAMED


async def _reported(
    conn: Any,
    order: LockedOrder,
    incident: IncidentView,
    event: Event,
    said: Statement,
    crew: frozenset[str],
) -> ReportOutcome:
    """A step of the order itself."""
    verdict = decide(order.state, order.ver, said, crew=crew, asked=order.recall_wanted)
    step = await write_step(conn, order, incident, verdict, event, claimed_badge=said.badge)
    await journal.append_all(conn, step.entries)
    return _outcome(order, verdict.why, step.hints)


async def _recall_answered(
    conn: Any,
    order: LockedOrder,
    incident: IncidentView,
    event: Event,
    state: State,
    crew: frozenset[str],
) -> ReportOutcome:
    """The unit's machine has the recall, or a person of it confirms or declines."""
    assert order.recall_why is not None, "a recall is sent for orders that are recalled"
    if (receipt := STATE_OF_REPORT[state.s]) in BY_MACHINE:
        return await _marked(conn, order, await recalls.received(conn, order, receipt, event))
    if state.s is Report.DECLINED and not is_closed(order.state):
        why = _why_no_recall(order, state, crew, event)
        if why is None:
            return await _marked(conn, order, await recalls.declined(conn, order, event))
    if state.s is Report.ACCEPTED:
        said = _said(state, order.recall_why, event)
        event = replace(event, state=order.recall_why)
        return await _reported(conn, order, incident, event, said, crew)
    why = _why_no_recall(order, state, crew, event)
    refused = Verdict(state=order.state, ver=order.ver, why=why)
    step = await write_step(conn, order, incident, refused, event, claimed_badge=state.by)
    await journal.append_all(conn, step.entries)
    return _outcome(order, refused.why, step.hints)


def _why_no_recall(
    order: LockedOrder, state: State, crew: frozenset[str], event: Event
) -> Why | None:
    """Why this is no answer to a recall; None: a person declines it, and says why."""
    if is_closed(order.state):
        return Why.LATE
    if state.s is not Report.DECLINED:
        return Why.NOT_ALLOWED
    if (why := unanswerable(state.by, crew, unnamed=_is_unnamed(event))) is not None:
        return why
    return None if state.reason.strip() else Why.NO_REASON


async def _welfare_answered(
    conn: Any, order: LockedOrder, event: Event, state: State, crew: frozenset[str]
) -> ReportOutcome:
    """Somebody answers whether all is well; a machine's receipt is no answer."""
    if state.s not in {Report.ACCEPTED, Report.DECLINED}:
        return _outcome(order, "notice")
    if (why := unanswerable(state.by, crew, unnamed=_is_unnamed(event))) is not None:
        return await _answer_refused(conn, order, event, state, why)
    well = state.s is Report.ACCEPTED
    return await _marked(conn, order, await recalls.welfare_answered(conn, order, event, well=well))


async def _leader_answered(
    conn: Any,
    order: LockedOrder,
    event: Event,
    state: State,
    crew: frozenset[str],
    asked: dict[str, Any],
) -> ReportOutcome:
    """The leader sees to an order that nobody answers, or cannot; his machine has no say."""
    if state.s not in {Report.ACCEPTED, Report.DECLINED}:
        return _outcome(order, "notice")
    if (why := unanswerable(state.by, crew)) is not None:
        return await _answer_refused(conn, order, event, state, why)
    takes = state.s is Report.ACCEPTED
    done = await leaders.answered(conn, order, event, asked["escalation"], takes=takes)
    return _outcome(order, Why.LATE) if done is None else await _marked(conn, order, done)


async def _answer_refused(
    conn: Any, order: LockedOrder, event: Event, state: State, why: Why
) -> ReportOutcome:
    """Who answered believes that it counts: a person must know that it does not."""
    body = step_body(order, event) | {"reported": str(state.s), "why": str(why)}
    item = await worklist.raise_item(
        conn, ItemKind.REPORT_REFUSED, about(order), body=body, at=event.server_at
    )
    await journal.append_all(conn, item.entries)
    return _outcome(order, why, item.hints)


async def _marked(conn: Any, order: LockedOrder, marked: Marked) -> ReportOutcome:
    await journal.append_all(conn, marked.entries)
    return _outcome(order, None, marked.hints)


def _outcome(order: LockedOrder, why: str | None, hints: tuple[Hint, ...] = ()) -> ReportOutcome:
    return ReportOutcome(
        applied=why is None,
        why=why,
        order_id=order.id,
        incident_id=order.incident_id,
        unit_id=order.unit_id,
        hints=hints,
    )


async def _unknown(conn: Any, device_id: str, state: State, received_at: datetime) -> ReportOutcome:
    """A report about nothing that this device was sent."""
    body = {"command": state.id, "reported": str(state.s), "why": "unknown", "badge": state.by}
    ignored = Entry(
        actor=f"device:{device_id}",
        subject=f"device:{device_id}",
        kind=JournalKind.ORDER_REPORT_IGNORED,
        body=body,
    )
    item = await worklist.delivery_failed(conn, device_id, body=body, at=received_at)
    await journal.append_all(conn, (ignored, *item.entries))
    return ReportOutcome(applied=False, why="unknown", hints=item.hints)


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


async def _notice_received(
    conn: Any, device_id: str, state: State, row: Any, received_at: datetime
) -> ReportOutcome:
    """The device knows what it was told: that its order is over, so the watch may rest, or what
    belongs to no order. Worth a line."""
    hints: tuple[Hint, ...] = ()
    if row["kind"] == "notice" and row["body"].get("why") in ENDS:
        await order_rows.end_received(conn, row["order_id"], received_at)
        hints = (("incident", row["incident_id"]),)
    if state.s is Report.RECEIVED:
        said = {"command": state.id, "device": device_id}
        subject, kind = f"device:{device_id}", JournalKind.DEVICE_NOTICE_RECEIVED
        if row["order_id"] is not None:
            subject, kind = f"order:{row['order_id']}", JournalKind.ORDER_NOTICE_RECEIVED
            said["number"] = row["body"].get("number")
        await journal.append(
            conn, actor=f"device:{device_id}", subject=subject, kind=kind, body=said
        )
    return ReportOutcome(
        applied=False,
        why="notice",
        order_id=row["order_id"],
        incident_id=row["incident_id"],
        unit_id=row["unit_id"],
        hints=hints,
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
