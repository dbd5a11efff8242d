"""Taking an order back, or asking a lone officer whether all is well: what a unit must answer.

Both are commands with a `seq` of their own that refer to the order, and a person answers them with
`accepted` or `declined`. A recalled order stays as it is until the unit confirms. Inside the
caller's transaction, after incident and order are locked.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from server.dispatch.orders import Mark, OrderState
from server.dispatch.worklist import ItemKind
from server.journal.kinds import JournalKind
from server.stores import commands, order_rows, worklist
from server.stores.journal import Entry
from server.stores.order_rows import Event, LockedOrder
from server.stores.steps import Hint, Marked, about, command_body, step_body
from server.views import IncidentView

RECALL_TTL = timedelta(hours=12)
"""Longer than a shift: a unit that was out of reach still learns that the room wants it back."""
CHECK_TTL = timedelta(minutes=30)
"""Nobody is asked later whether all was well."""

SYSTEM: Final = "system"

RECEIPTS: Final = ("requested", "delivered", "shown")
"""How far a recall got by machines; only upward."""

# Ask for an order back; also again, and for another reason.
REQUEST = """
UPDATE dispatch_order
SET recall_why = $3, recall_state = 'requested', recall_reason = $4, recall_by = $5,
    recall_at = $6, ver = ver + 1, look_again = true
WHERE id = $1 AND ver = $2
"""

# What machines and people say of a recall; the unit's answer raises the version.
SET_STATE = """
UPDATE dispatch_order SET recall_state = $2, ver = ver + $3, look_again = true WHERE id = $1
"""

SET_SUCCESSOR = "UPDATE dispatch_order SET successor_id = $2, look_again = true WHERE id = $1"

# An order whose successor is over is the unit's running one again, still wanted back.
NO_WAY_TO_GIVE = """
UPDATE dispatch_order SET recall_why = 'recalled', look_again = true
WHERE successor_id = $1 AND closed_at IS NULL AND recall_why = 'superseded'
"""


async def request(
    conn: Any,
    order: LockedOrder,
    incident: IncidentView,
    *,
    why: OrderState,
    reason: str,
    by: str,
    at: datetime,
) -> Marked:
    """Ask the unit to let go of an open order; `why` is the end that it would confirm."""
    done = await conn.execute(REQUEST, order.id, order.ver, why, reason, by, at)
    assert done == "UPDATE 1", f"order {order.id} changed under its lock: {done}"
    event = Event(
        order_id=order.id,
        ver=order.ver + 1,
        state=Mark.RECALL_REQUESTED,
        applied=True,
        actor=by,
        server_at=at,
        reason=reason,
    )
    await order_rows.add_event(conn, event)
    told = await tell(
        conn, order, incident, "recall",
        body={"why": str(why), "text": reason}, ttl=RECALL_TTL, at=at,
    )  # fmt: skip
    entry = Entry(
        actor=by,
        subject=f"order:{order.id}",
        kind=JournalKind.ORDER_RECALL_REQUESTED,
        body=step_body(order, event) | {"recall_why": str(why), "ver": event.ver},
    )
    return Marked(entries=(entry,), hints=(("incident", order.incident_id), *told))


async def set_successor(conn: Any, order_id: str, successor_id: str) -> None:
    """The order that takes the place of a recalled one."""
    await conn.execute(SET_SUCCESSOR, order_id, successor_id)


async def successor_ended(conn: Any, order_id: str) -> None:
    """What gave way to an order that is over now has nothing to give way to."""
    await conn.execute(NO_WAY_TO_GIVE, order_id)


async def received(conn: Any, order: LockedOrder, reported: OrderState, event: Event) -> Marked:
    """A machine of the unit has the recall, or shows it."""
    kind = JournalKind.ORDER_RECALL_RECEIVED
    now = order.recall_state
    if now in RECEIPTS and RECEIPTS.index(now) < RECEIPTS.index(str(reported)):
        await conn.execute(SET_STATE, order.id, reported, 0)
    entry = Entry(
        actor=event.actor,
        subject=f"order:{order.id}",
        kind=kind,
        body=step_body(order, event) | {"reported": str(reported)},
    )
    return Marked(entries=(entry,), hints=(("incident", order.incident_id),))


async def declined(conn: Any, order: LockedOrder, event: Event) -> Marked:
    """A person of the unit goes on with the order; somebody must know."""
    event = replace(event, state=Mark.RECALL_DECLINED, ver=order.ver + 1, applied=True)
    await conn.execute(SET_STATE, order.id, "declined", 1)
    await order_rows.add_event(conn, event)
    entry = Entry(
        actor=event.actor,
        subject=f"order:{order.id}",
        kind=JournalKind.ORDER_RECALL_DECLINED,
        body=step_body(order, event) | {"ver": event.ver},
    )
    item = await worklist.raise_item(
        conn, ItemKind.RECALL_DECLINED, about(order), body=step_body(order, event),
        at=event.server_at,
    )  # fmt: skip
    hints = (("incident", order.incident_id), *item.hints)
    return Marked(entries=(entry, *item.entries), hints=hints)


async def ask_welfare(
    conn: Any, order: LockedOrder, incident: IncidentView, at: datetime, *, by: str = SYSTEM
) -> Marked:
    """Ask a unit at the scene whether all is well; `by`: who asks, if not the clock."""
    event = Event(
        order_id=order.id, ver=order.ver, state=Mark.WELFARE_ASKED, applied=True,
        actor=by, server_at=at,
    )  # fmt: skip
    await order_rows.add_event(conn, event)
    told = await tell(conn, order, incident, "check", body={"why": "welfare"}, ttl=CHECK_TTL, at=at)
    hints = (("incident", order.incident_id), *told)
    if by == SYSTEM:
        return Marked(hints=hints)  # the log says which timer fired
    await order_rows.look_again(conn, order.incident_id)
    entry = Entry(
        actor=by,
        subject=f"order:{order.id}",
        kind=JournalKind.ORDER_WELFARE_ASKED,
        body={"number": order.number, "call_sign": order.call_sign},
    )
    return Marked(entries=(entry,), hints=hints)


async def welfare_answered(conn: Any, order: LockedOrder, event: Event, *, well: bool) -> Marked:
    """A person of the unit says that all is well, or that it is not."""
    state = Mark.WELFARE_OK if well else Mark.WELFARE_ALARM
    event = replace(event, state=state, ver=order.ver, applied=True)
    await order_rows.add_event(conn, event)
    await order_rows.look_again(conn, order.incident_id)
    entry = Entry(
        actor=event.actor,
        subject=f"order:{order.id}",
        kind=JournalKind.ORDER_WELFARE_ANSWERED,
        body=step_body(order, event) | {"welfare": "ok" if well else "alarm"},
    )
    marked = Marked(entries=(entry,), hints=(("incident", order.incident_id),))
    if well:
        return marked
    item = await worklist.raise_item(
        conn, ItemKind.WELFARE_ALARM, about(order), body=step_body(order, event),
        at=event.server_at,
    )  # fmt: skip
    return Marked(entries=marked.entries + item.entries, hints=marked.hints + item.hints)


async def tell(
    conn: Any,
    order: LockedOrder,
    incident: IncidentView,
    kind: commands.CommandKind,
    *,
    body: dict[str, Any],
    ttl: timedelta,
    at: datetime,
) -> tuple[Hint, ...]:
    """A command about an order to every device that was told of it."""
    told: list[Hint] = []
    for device_id, task_id in await order_rows.tasks_of(conn, order.id):
        await commands.enqueue(
            conn,
            device_id=device_id,
            kind=kind,
            priority=incident.priority,
            body=command_body(order, task_id) | body,
            order_id=order.id,
            expires_at=at + ttl,
            now=at,
        )
        told.append(("device", device_id))
    return tuple(told)
