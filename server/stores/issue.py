"""Issuing orders: one for each unit of a decision, and a task for each of the unit's devices.

Inside the caller's transaction, all units or none: the caller rolls back on `Conflict`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from server.dispatch.errors import Conflict, NotFound
from server.dispatch.orders import OrderState, is_answered
from server.dispatch.worklist import ItemKind
from server.ids import new_id
from server.stores import commands, incidents, order_rows, units, worklist
from server.stores.commands import Draft
from server.stores.decisions import Decision, Etas
from server.stores.journal import Entry
from server.stores.order_rows import NewOrder
from server.stores.stepping import COMMAND_TTL
from server.stores.steps import Hint
from server.stores.units import UnitRow
from server.views import IncidentView, OrderView


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What was issued: the task of each unit, and whom to wake after the commit."""

    tasks: tuple[tuple[UnitRow, dict[str, Any]], ...]
    hints: tuple[Hint, ...]
    entries: tuple[Entry, ...] = ()
    """What the log says beside the orders themselves."""


async def units_on_duty(conn: Any, unit_ids: Sequence[str]) -> list[UnitRow]:
    """The units by id, all on duty until the caller commits. Raises `NotFound`, `Conflict`."""
    rows = sorted(await units.load_some(conn, unit_ids), key=lambda each: each.id)
    if len(rows) < len(unit_ids):
        missing = sorted(set(unit_ids) - {each.id for each in rows})
        raise NotFound("not_found", "There is no such unit.", {"units": missing})
    on_duty = await units.hold_shifts(conn, unit_ids)
    off_duty = [each.call_sign for each in rows if each.id not in on_duty]
    if off_duty:
        names = ", ".join(off_duty)
        raise Conflict("unit_off_duty", f"Off duty: {names}.", {"call_signs": off_duty})
    return rows


async def issue(
    conn: Any,
    incident: IncidentView,
    decision: Decision,
    rows: Sequence[UnitRow],
    etas: Etas,
    *,
    instruction: str,
    valid: timedelta = COMMAND_TTL,
) -> Issued:
    """Write the orders of a decision. Raises `Conflict` (`unit_busy`).

    Nobody may accept them once `valid` is over.
    """
    orders = await _place(
        conn, incident, decision, rows, etas, instruction=instruction, valid=valid
    )
    tasks = {
        row.id: _task(order.id, number, incident, row, instruction=instruction, eta_s=order.eta_s)
        for row, (order, number) in zip(rows, orders, strict=True)
    }
    await order_rows.look_again(conn, incident.id)
    told = await units.order_devices(conn, list(tasks))
    drafts = [
        Draft(
            device_id=device_id,
            kind="task",
            priority=incident.priority,
            body=tasks[unit_id],
            order_id=tasks[unit_id]["order"],
            expires_at=decision.decided_at + valid,
        )
        for device_id, unit_id in told
    ]
    await commands.enqueue_all(conn, drafts, now=decision.decided_at)
    hints: list[Hint] = [("device", device_id) for device_id, _ in told]
    mute = set(tasks) - {unit_id for _, unit_id in told}
    hints += [("unit", row.id) for row in rows]
    items = [
        await _tell_by_voice(conn, incident, row, tasks[row.id], at=decision.decided_at)
        for row in rows
        if row.id in mute
    ]
    entries, item_hints = worklist.told(items)
    return Issued(
        tasks=tuple((row, tasks[row.id]) for row in rows),
        hints=(*hints, *item_hints, ("incident", incident.id)),
        entries=entries,
    )


async def _tell_by_voice(
    conn: Any, incident: IncidentView, row: UnitRow, task: dict[str, Any], *, at: datetime
) -> worklist.Changed:
    """No device of the unit can show the order: a person must."""
    about = worklist.About(
        subject=f"order:{task['order']}",
        order_id=task["order"],
        incident_id=incident.id,
        unit_id=row.id,
    )
    body = {"number": task["number"], "call_sign": row.call_sign}
    return await worklist.raise_item(conn, ItemKind.NO_DEVICE, about, body=body, at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a unit is on, held until the caller commits."""

    row: UnitRow
    incident: IncidentView
    order: OrderView


async def running(conn: Any, unit_id: str) -> Running | None:
    """The unit's open order; None: it has none. Locks the incident, so it comes before devices."""
    rows = await units.load_units(conn, unit_id)
    if not rows or rows[0].order_id is None or rows[0].incident_id is None:
        return None
    incident = await incidents.lock(conn, rows[0].incident_id)
    order = await order_rows.view(conn, rows[0].order_id)
    if incident is None or order is None or order.closed_at is not None:
        return None
    return Running(row=rows[0], incident=incident, order=order)


async def tell_late(conn: Any, found: Running, device_id: str, *, now: datetime) -> None:
    """Give the order also to a device that came to the unit after it was issued; once."""
    if device_id in dict(await order_rows.tasks_of(conn, found.order.id)):
        return
    order = found.order
    await commands.enqueue(
        conn,
        device_id=device_id,
        kind="task",
        priority=found.incident.priority,
        body=_task(
            order.id,
            order.number,
            found.incident,
            found.row,
            instruction=order.instruction,
            eta_s=order.eta_s,
        ),
        order_id=order.id,
        expires_at=now + COMMAND_TTL if is_answered(OrderState(order.state)) else order.expires_at,
        now=now,
    )


async def require_free(conn: Any, row: UnitRow) -> None:
    """Raises `Conflict` (`unit_busy`) when the unit has an open order."""
    if (number := await order_rows.open_number(conn, row.id)) is not None:
        raise Conflict(
            "unit_busy",
            f"{row.call_sign} already has order {number}.",
            {"call_sign": row.call_sign, "unit_id": row.id, "order": number},
        )


async def _place(
    conn: Any,
    incident: IncidentView,
    decision: Decision,
    rows: Sequence[UnitRow],
    etas: Etas,
    *,
    instruction: str,
    valid: timedelta,
) -> list[tuple[NewOrder, int]]:
    """Write the orders with their first steps; each with its number. Raises `Conflict`."""
    orders = [
        NewOrder(id=new_id(), unit_id=row.id, eta_s=eta_s, eta_p90_s=eta_p90_s)
        for row in rows
        for eta_s, eta_p90_s in [etas.get(row.id, (None, None))]
    ]
    numbers: dict[str, int] = {}
    while missing := [each for each in orders if each.unit_id not in numbers]:
        for row in rows:
            if row.id not in numbers:
                # First: a refused order must not use up a number of the outlet. Free again if the
                # order in our way ended between the two statements.
                await require_free(conn, row)
        numbers |= await order_rows.insert(
            conn,
            missing,
            incident_id=incident.id,
            decision_id=decision.id,
            instruction=instruction,
            reason=decision.reason,
            issued_by=decision.decided_by,
            at=decision.decided_at,
            expires_at=decision.decided_at + valid,
        )
    return [(each, numbers[each.unit_id]) for each in orders]


def _task(
    order_id: str,
    number: int,
    incident: IncidentView,
    row: UnitRow,
    *,
    instruction: str,
    eta_s: float | None,
) -> dict[str, Any]:
    """What a handset or a body camera needs to show of an order."""
    return {
        "order": order_id,
        "number": number,
        "incident": {
            "id": incident.id,
            "number": incident.number,
            "type": incident.type,
            "priority": incident.priority,
            "note": incident.note,
            "place": incident.place,
            "lon": incident.lon,
            "lat": incident.lat,
        },
        "instruction": instruction,
        "eta_s": eta_s,
        "unit": row.call_sign,
    }
