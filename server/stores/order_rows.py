"""Orders and their events as rows: read, lock, write. Knows no rule: those are in `orders`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.dispatch.orders import OrderState
from server.views import OrderEventView, OrderView

# Issue one order; no row when the unit has an open one: the index `dispatch_order_one_open`
# is the arbiter between dispatchers.
INSERT = """
INSERT INTO dispatch_order
    (id, incident_id, decision_id, unit_id, state, eta_s, instruction,
     issued_by, issued_at, state_at)
VALUES ($1, $2, $3, $4, 'issued', $5, $6, $7, $8, $8)
ON CONFLICT (unit_id) WHERE closed_at IS NULL DO NOTHING
RETURNING number
"""

# The incident of an order, read before anything is locked: an order never moves to another.
INCIDENT_OF = "SELECT incident_id FROM dispatch_order WHERE id = $1"

# Lock one order; its incident is locked already.
LOCK = """
SELECT dispatch_order.id, number, incident_id, unit_id, call_sign, state, ver
FROM dispatch_order JOIN unit ON unit.id = dispatch_order.unit_id
WHERE dispatch_order.id = $1 FOR NO KEY UPDATE OF dispatch_order
"""

# Compare and set.
SET_STATE = """
UPDATE dispatch_order SET state = $3, ver = $4, state_at = $5, closed_at = $6
WHERE id = $1 AND ver = $2
"""

# One step, applied or not.
ADD_EVENT = """
INSERT INTO order_event
    (order_id, ver, state, applied, actor, device_id, device_at, server_at, lon, lat, reason, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

# Orders of these incidents, oldest first.
OF_INCIDENTS = """
SELECT dispatch_order.id, number, incident_id, unit_id, call_sign, state, ver, eta_s, instruction,
       issued_by, issued_at, state_at, closed_at
FROM dispatch_order JOIN unit ON unit.id = dispatch_order.unit_id
WHERE incident_id = ANY($1::uuid[]) ORDER BY number
"""

# Orders of one decision, in the order of their numbers.
OF_DECISION = """
SELECT dispatch_order.id, number, incident_id, unit_id, call_sign, state, ver, eta_s, instruction,
       issued_by, issued_at, state_at, closed_at
FROM dispatch_order JOIN unit ON unit.id = dispatch_order.unit_id
WHERE decision_id = $1 ORDER BY number
"""

# One order.
BY_ID = """
SELECT dispatch_order.id, number, incident_id, unit_id, call_sign, state, ver, eta_s, instruction,
       issued_by, issued_at, state_at, closed_at
FROM dispatch_order JOIN unit ON unit.id = dispatch_order.unit_id
WHERE dispatch_order.id = $1
"""

# Steps of these orders, as they came.
EVENTS_OF = """
SELECT order_id, state, applied, actor, device_id, device_at, server_at, lon, lat, reason, note
FROM order_event WHERE order_id = ANY($1::uuid[]) ORDER BY id
"""

# States of the incident's other orders.
STATES_BESIDE = "SELECT state FROM dispatch_order WHERE incident_id = $1 AND id <> $2"

# Number of the open order of a unit.
OPEN_NUMBER = "SELECT number FROM dispatch_order WHERE unit_id = $1 AND closed_at IS NULL"

# Which command told which device of this order, by device id.
TASKS_OF = """
SELECT device_id, id FROM command WHERE order_id = $1 AND kind = 'task' ORDER BY device_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedOrder:
    """An order that nobody else can change until the transaction ends."""

    id: str
    number: int
    incident_id: str
    unit_id: str
    call_sign: str
    state: OrderState
    ver: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step of an order to be written."""

    order_id: str
    ver: int
    state: OrderState
    applied: bool
    actor: str
    server_at: datetime
    device_id: str | None = None
    device_at: datetime | None = None
    lon: float | None = None
    lat: float | None = None
    reason: str = ""
    note: str = ""


async def insert(
    conn: Any,
    *,
    order_id: str,
    incident_id: str,
    decision_id: str,
    unit_id: str,
    eta_s: float | None,
    instruction: str,
    issued_by: str,
    at: datetime,
) -> int | None:
    """Issue one order and return its number; None when the unit has an open one.

    Several in one transaction: in order of unit id, or two dispatchers wait for each other.
    """
    number: int | None = await conn.fetchval(
        INSERT, order_id, incident_id, decision_id, unit_id, eta_s, instruction, issued_by, at
    )
    return number


async def incident_of(conn: Any, order_id: str) -> str | None:
    """The incident an order belongs to; None: no such order."""
    incident_id: str | None = await conn.fetchval(INCIDENT_OF, order_id)
    return incident_id


async def lock(conn: Any, order_id: str) -> LockedOrder:
    """Lock an order that exists, after its incident."""
    row = await conn.fetchrow(LOCK, order_id)
    return LockedOrder(**(dict(row) | {"state": OrderState(row["state"])}))


async def set_state(
    conn: Any, order: LockedOrder, *, state: OrderState, ver: int, at: datetime, closed: bool
) -> None:
    """Move a locked order on; the version is compared all the same."""
    done = await conn.execute(
        SET_STATE, order.id, order.ver, state, ver, at, at if closed else None
    )
    assert done == "UPDATE 1", f"order {order.id} changed under its lock: {done}"


async def add_event(conn: Any, event: Event) -> None:
    """Write one step; append-only."""
    await conn.execute(
        ADD_EVENT,
        event.order_id,
        event.ver,
        event.state,
        event.applied,
        event.actor,
        event.device_id,
        event.device_at,
        event.server_at,
        event.lon,
        event.lat,
        event.reason,
        event.note,
    )


async def views_of_incidents(
    conn: Any, incident_ids: Sequence[str], *, with_events: bool
) -> dict[str, list[OrderView]]:
    """Orders by incident, oldest first."""
    rows = await conn.fetch(OF_INCIDENTS, list(incident_ids))
    events = await _events_of(conn, [row["id"] for row in rows]) if with_events else {}
    found: dict[str, list[OrderView]] = defaultdict(list)
    for row in rows:
        found[row["incident_id"]].append(OrderView(**row, events=events.get(row["id"], [])))
    return dict(found)


async def views_of_decision(conn: Any, decision_id: str) -> list[OrderView]:
    """Orders that one decision issued."""
    return [OrderView(**row) for row in await conn.fetch(OF_DECISION, decision_id)]


async def view(conn: Any, order_id: str) -> OrderView | None:
    """One order with its events; None: no such order."""
    row = await conn.fetchrow(BY_ID, order_id)
    if row is None:
        return None
    events = await _events_of(conn, [order_id])
    return OrderView(**row, events=events.get(order_id, []))


async def states_beside(conn: Any, order: LockedOrder) -> list[OrderState]:
    """States of the other orders of the same, locked, incident."""
    rows = await conn.fetch(STATES_BESIDE, order.incident_id, order.id)
    return [OrderState(row["state"]) for row in rows]


async def open_number(conn: Any, unit_id: str) -> int | None:
    """Number of the unit's open order, if it has one."""
    number: int | None = await conn.fetchval(OPEN_NUMBER, unit_id)
    return number


async def tasks_of(conn: Any, order_id: str) -> list[tuple[str, str]]:
    """(device id, command id) of each device that was told of the order, by device id."""
    return [(row["device_id"], row["id"]) for row in await conn.fetch(TASKS_OF, order_id)]


async def _events_of(conn: Any, order_ids: Sequence[str]) -> dict[str, list[OrderEventView]]:
    found: dict[str, list[OrderEventView]] = defaultdict(list)
    for row in await conn.fetch(EVENTS_OF, list(order_ids)):
        values = dict(row)
        found[values.pop("order_id")].append(OrderEventView(**values))
    return dict(found)
