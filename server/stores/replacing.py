"""Orders that give way to those of a new decision: superseded, or handed over to another unit.

The old order is not over: its unit is asked to let go (`recalls`) and both show until it does. An
order gives way either to another of the same unit, or to one of another unit for the same incident.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.dispatch.orders import OrderState, is_closed
from server.stores import incidents, order_rows, recalls, units
from server.stores.decisions import Decision
from server.stores.issue import Issued
from server.stores.order_rows import LockedOrder
from server.stores.steps import Marked
from server.views import IncidentView

REPLACED_MAX = 20
"""Orders that one decision takes the place of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """An order that gives way, as the dispatcher saw it."""

    order_id: str
    ver: int


async def lock_replaced(
    conn: Any, incident_id: str, replaced: Sequence[Replaced]
) -> IncidentView | None:
    """`lock_incidents` of one decision: its own; None: there is no such. Raises `NotFound`."""
    return (await lock_incidents(conn, [incident_id], replaced))[incident_id]


async def lock_incidents(
    conn: Any, incident_ids: Sequence[str], replaced: Sequence[Replaced]
) -> dict[str, IncidentView | None]:
    """Lock these incidents and those of all orders, by id: before any order.

    None: there is no such. Raises `NotFound`.
    """
    found = set(incident_ids)
    for each in replaced:
        of_order = await order_rows.incident_of(conn, each.order_id)
        if of_order is None:
            raise NotFound("not_found", "There is no such order.", {"order": each.order_id})
        found.add(of_order)
    return {each_id: await incidents.lock(conn, each_id) for each_id in sorted(found)}


async def recall_replaced(
    conn: Any, incident: IncidentView, decision: Decision, replaced: Sequence[Replaced]
) -> Marked:
    """Ask the units to let go. Raises `Conflict`, `Impossible`."""
    if not replaced:
        return Marked()
    order_ids = sorted(each.order_id for each in replaced)
    for order_id in order_ids:
        await order_rows.lock(conn, order_id)
    await units.hold_devices(conn, order_ids, decision.unit_ids)
    done = [await _recall(conn, incident, decision, each) for each in replaced]
    return Marked(
        entries=tuple(entry for each in done for entry in each.entries),
        hints=tuple(hint for each in done for hint in each.hints),
    )


async def name_successors(conn: Any, replaced: Sequence[Replaced], issued: Issued) -> None:
    """Say which new order takes the place of each: the same unit's, else the first."""
    by_unit = {row.id: task["order"] for row, task in issued.tasks}
    for each in replaced:
        order = await order_rows.lock(conn, each.order_id)
        successor = by_unit.get(order.unit_id) or issued.tasks[0][1]["order"]
        await recalls.set_successor(conn, order.id, successor)


async def _recall(
    conn: Any, incident: IncidentView, decision: Decision, replaced: Replaced
) -> Marked:
    order = await order_rows.lock(conn, replaced.order_id)
    require_seen(order, replaced.ver)
    if order.recall_why is OrderState.SUPERSEDED or await order_rows.giving_way(conn, order.id):
        text = f"Order {order.number} gives way, or took a place, and that is not confirmed yet."
        raise Conflict("recall_pending", text, {"order": order.number})
    of_incident = await incidents.lock(conn, order.incident_id)
    assert of_incident is not None
    return await recalls.request(
        conn,
        order,
        of_incident,
        why=_why(order, incident, decision),
        reason=decision.reason,
        by=decision.decided_by,
        at=decision.decided_at,
    )


def require_seen(order: LockedOrder, ver: int) -> None:
    """Raises `Conflict` (`stale`, `order_over`) unless the order is open, and as it was seen."""
    detail = {"order": order.number, "state": str(order.state), "ver": order.ver}
    if is_closed(order.state):
        raise Conflict("order_over", f"Order {order.number} is over: {order.state}.", detail)
    if order.ver != ver:
        text = f"Order {order.number} changed meanwhile: it is {order.state} now."
        raise Conflict("stale", text, detail)


def _why(order: LockedOrder, incident: IncidentView, decision: Decision) -> OrderState:
    if order.unit_id in decision.unit_ids:
        return OrderState.SUPERSEDED
    if order.incident_id == incident.id:
        return OrderState.HANDED_OVER
    text = (
        f"Order {order.number} is of another unit and of another incident: "
        "the new orders do not take its place."
    )
    raise Impossible("not_replaced", text, {"order": order.number})
