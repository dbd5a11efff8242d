"""A device says that it cannot keep or show what it was sent; the order may be undeliverable by it.

A machine's word, and about that one device: the order stays as it is, and its unit may still take
it on by voice. Once no device of the unit is left that could show it, a person is told at once, and
the next path is tried. Inside the caller's transaction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from protocols.native import State
from server.dispatch.orders import RANK, OrderState
from server.dispatch.worklist import ItemKind
from server.journal.kinds import JournalKind
from server.stores import incidents, order_rows, worklist
from server.stores.journal import Entry
from server.stores.order_rows import Event, LockedOrder
from server.stores.ringing import NEXT_PATH
from server.stores.steps import Marked, about, step_body

# The first time counts.
REFUSE = "UPDATE command SET refused_at = $2 WHERE id = $1 AND refused_at IS NULL RETURNING id"

# Whether some device of the unit has the task, or may still get it.
MAY_SHOW = """
SELECT EXISTS (
    SELECT FROM command JOIN device ON device.id = command.device_id
    WHERE command.order_id = $1 AND command.kind = 'task' AND command.refused_at IS NULL
      AND device.unit_id = $2 AND device.disabled_at IS NULL)
"""


async def take(
    conn: Any, device_id: str, state: State, row: Any, at: datetime, device_at: datetime, path: str
) -> Marked | None:
    """`row`: of the command; `path`: by which it was said. None: it was said before."""
    order = None
    if row["incident_id"] is not None:
        await incidents.lock(conn, row["incident_id"])
        order = await order_rows.lock(conn, row["order_id"])
    if await conn.fetchval(REFUSE, state.id, at) is None:
        return None
    if order is None or row["kind"] != "task":
        return await _device_failed(conn, device_id, state, row, at)
    return await _order_refused(conn, device_id, order, state, at, device_at, path)


async def _device_failed(conn: Any, device_id: str, state: State, row: Any, at: datetime) -> Marked:
    """What it asks or tells has not reached anybody by this device."""
    body = {"why": "refused", "reported": row["kind"], "reason": state.reason}
    body |= {"number": row["body"].get("number")}
    item = await worklist.delivery_failed(conn, device_id, body=body, at=at)
    subject = f"device:{device_id}"
    entry = Entry(actor=subject, subject=subject, kind=JournalKind.DEVICE_REFUSED, body=body)
    return Marked(entries=(entry, *item.entries), hints=item.hints)


async def _order_refused(
    conn: Any,
    device_id: str,
    order: LockedOrder,
    state: State,
    at: datetime,
    device_at: datetime,
    path: str,
) -> Marked:
    event = Event(
        order_id=order.id,
        ver=order.ver,
        state=OrderState.UNDELIVERABLE,
        applied=False,
        actor=f"device:{device_id}",
        server_at=at,
        device_id=device_id,
        device_at=device_at,
        reason=state.reason,
        path=path,
    )
    await order_rows.add_event(conn, event)
    entry = Entry(
        actor=event.actor,
        subject=f"order:{order.id}",
        kind=JournalKind.ORDER_DEVICE_REFUSED,
        body=step_body(order, event),
    )
    hints = (("incident", order.incident_id),)
    taken = RANK[order.state] >= RANK[OrderState.ACCEPTED]
    if taken or await conn.fetchval(MAY_SHOW, order.id, order.unit_id):
        return Marked(entries=(entry,), hints=hints)
    item = await worklist.raise_item(
        conn, ItemKind.UNDELIVERABLE, about(order), body=step_body(order, event), at=at
    )
    return Marked(
        entries=(entry, *item.entries), hints=(*hints, *item.hints, (NEXT_PATH, order.id))
    )
