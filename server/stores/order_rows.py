"""Orders and their events as rows: read, lock, write. Knows no rule: those are in `orders`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from server.dispatch.answers import Claim
from server.dispatch.clock import is_skewed
from server.dispatch.orders import Mark, OrderState
from server.views import OrderEventView, OrderView

PAGE_LEN_MAX = 200
"""Orders of one page; a larger wish is cut to this."""

# Issue orders with their first steps, in the order given; no row for a unit that has an open one:
# the index `dispatch_order_one_open` is the arbiter between dispatchers.
INSERT = """
WITH placed AS (
    INSERT INTO dispatch_order
        (id, incident_id, decision_id, unit_id, state, eta_s, eta_p90_s, instruction,
         issued_by, issued_at, state_at, expires_at)
    SELECT id, $5, $6, unit_id, 'issued', eta_s, eta_p90_s, $7, $8, $9, $9, $10
    FROM unnest($1::uuid[], $2::uuid[], $3::float8[], $4::float8[])
        AS each (id, unit_id, eta_s, eta_p90_s)
    ON CONFLICT (unit_id) WHERE closed_at IS NULL AND recall_why IS DISTINCT FROM 'superseded'
    DO NOTHING
    RETURNING id, unit_id, number
), said AS (
    INSERT INTO order_event (order_id, ver, state, applied, actor, server_at, reason)
    SELECT id, 1, 'issued', true, $8, $9, $11 FROM placed
)
SELECT unit_id, number FROM placed
"""

# The incident of an order, read before anything is locked: an order never moves to another.
INCIDENT_OF = "SELECT incident_id FROM dispatch_order WHERE id = $1"

# Lock one order; its incident is locked already.
LOCK = """
SELECT dispatch_order.id, number, incident_id, unit_id, call_sign, state, ver,
       recall_why, recall_state, successor_id
FROM dispatch_order JOIN unit ON unit.id = dispatch_order.unit_id
WHERE dispatch_order.id = $1 FOR NO KEY UPDATE OF dispatch_order
"""

# Compare and set.
SET_STATE = """
UPDATE dispatch_order
SET state = $3, ver = $4, state_at = $5, closed_at = $6, standby_until = $7
WHERE id = $1 AND ver = $2
"""

# The timers and the open troubles of an incident's orders are to be looked at again.
LOOK_AGAIN = """
UPDATE dispatch_order SET look_again = true WHERE incident_id = $1 AND NOT look_again
"""

# A device knows that an order is over; the first one counts.
END_RECEIVED = """
UPDATE dispatch_order SET end_received_at = $2, look_again = true
WHERE id = $1 AND closed_at IS NOT NULL AND end_received_at IS NULL
"""

# One step, applied or not.
ADD_EVENT = """
INSERT INTO order_event
    (order_id, ver, state, applied, actor, device_id, device_at, server_at, lon, lat, reason, note,
     until_at, clock_offset_s, path, claim)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""

# An order as people see it, with its recall, its open escalation and its timers.
_VIEW = """
SELECT dispatch_order.id, number, incident_id, decision_id, unit_id, call_sign, state, ver,
       eta_s, eta_p90_s, instruction, issued_by, issued_at, expires_at, state_at, closed_at,
       at_place_at,
       CASE WHEN state = 'standby' THEN standby_until END AS standby_until, successor_id,
       CASE WHEN recall_why IS NOT NULL THEN jsonb_build_object(
           'why', recall_why, 'state', recall_state, 'reason', recall_reason,
           'by', recall_by, 'at', recall_at) END AS recall,
       (SELECT jsonb_build_object(
            'id', escalation.id, 'level', level, 'opened_at', opened_at,
            'proposal', proposal, 'offered_order_ids', offered_ids, 'leader', leader,
            'leader_devices', leader_devices, 'leader_answer', leader_answer,
            'leader_reason', leader_reason, 'leader_answered_at', leader_answered_at)
        FROM escalation
        WHERE escalation.order_id = dispatch_order.id AND settled_at IS NULL) AS escalation,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'kind', order_timer.kind, 'due_at', coalesce(stretched_to, due_at),
            'expected_back', stretched_to IS NOT NULL, 'fired_at', fired_at)
            ORDER BY coalesce(stretched_to, due_at), order_timer.kind), '[]')
        FROM order_timer WHERE order_timer.order_id = dispatch_order.id) AS timers
FROM dispatch_order JOIN unit ON unit.id = dispatch_order.unit_id
"""

# Orders of these incidents, oldest first.
OF_INCIDENTS = f"""
{_VIEW}WHERE incident_id = ANY($1::uuid[]) ORDER BY number
"""

# Orders of one decision, in the order of their numbers.
OF_DECISION = f"""
{_VIEW}WHERE decision_id = $1 ORDER BY number
"""

# One page by number, newest first; one more than asked tells whether there is a next page.
PAGE = f"""
{_VIEW}WHERE $1::bigint IS NULL OR number < $1 ORDER BY number DESC LIMIT $2
"""

# One order.
BY_ID = f"""
{_VIEW}WHERE dispatch_order.id = $1
"""

# Steps of these orders, as they came.
EVENTS_OF = """
SELECT order_id, state, applied, actor, device_id, device_at, server_at, lon, lat, reason, note,
       until_at, clock_offset_s, path, claim
FROM order_event WHERE order_id = ANY($1::uuid[]) ORDER BY id
"""

# States of the incident's other orders.
STATES_BESIDE = "SELECT state FROM dispatch_order WHERE incident_id = $1 AND id <> $2"

# Number of the running order of a unit.
OPEN_NUMBER = """
SELECT number FROM dispatch_order
WHERE unit_id = $1 AND closed_at IS NULL AND recall_why IS DISTINCT FROM 'superseded'
"""

# Open orders that give way to this one.
GIVING_WAY = """
SELECT id FROM dispatch_order WHERE successor_id = $1 AND closed_at IS NULL
"""

# Those of the units that have taken an order on and are not there yet.
UNDER_WAY = """
SELECT DISTINCT unit_id FROM dispatch_order
WHERE unit_id = ANY($1::uuid[]) AND closed_at IS NULL AND state IN ('accepted', 'en_route')
"""

# Which command told which device of this order, by device id.
TASKS_OF = """
SELECT device_id, id FROM command WHERE order_id = $1 AND kind = 'task' ORDER BY device_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """One order of a decision, with its unit's journey as recommended."""

    id: str
    unit_id: str
    eta_s: float | None
    eta_p90_s: float | None


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
    recall_why: OrderState | None
    """What a recall would end it as; None: nobody wants it back."""
    recall_state: str | None
    successor_id: str | None

    @property
    def recall_wanted(self) -> OrderState | None:
        """What the unit may confirm now; nothing once it declined."""
        return None if self.recall_state == "declined" else self.recall_why


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step of an order to be written."""

    order_id: str
    ver: int
    state: OrderState | Mark
    applied: bool
    actor: str
    server_at: datetime
    device_id: str | None = None
    device_at: datetime | None = None
    lon: float | None = None
    lat: float | None = None
    reason: str = ""
    note: str = ""
    until_at: datetime | None = None
    """Of a standby."""
    clock_offset_s: float | None = None
    """How far the device's clock is ahead of ours, as estimated."""
    path: str = ""
    """The way by which a device said it; see `server.dispatch.answers`."""
    claim: Claim = Claim.NAMED


async def insert(
    conn: Any,
    orders: Sequence[NewOrder],
    *,
    incident_id: str,
    decision_id: str,
    instruction: str,
    reason: str,
    issued_by: str,
    at: datetime,
    expires_at: datetime,
) -> dict[str, int]:
    """Issue orders, each with its first step; numbers by unit id. Without units that have one.

    In order of unit id, or two dispatchers wait for each other.
    """
    rows = await conn.fetch(
        INSERT,
        [each.id for each in orders],
        [each.unit_id for each in orders],
        [each.eta_s for each in orders],
        [each.eta_p90_s for each in orders],
        incident_id,
        decision_id,
        instruction,
        issued_by,
        at,
        expires_at,
        reason,
    )
    return {row["unit_id"]: row["number"] for row in rows}


async def incident_of(conn: Any, order_id: str) -> str | None:
    """The incident an order belongs to; None: no such order."""
    incident_id: str | None = await conn.fetchval(INCIDENT_OF, order_id)
    return incident_id


async def lock(conn: Any, order_id: str) -> LockedOrder:
    """Lock an order that exists, after its incident."""
    row = await conn.fetchrow(LOCK, order_id)
    why = row["recall_why"]
    states = {
        "state": OrderState(row["state"]),
        "recall_why": None if why is None else OrderState(why),
    }
    return LockedOrder(**(dict(row) | states))


async def set_state(
    conn: Any,
    order: LockedOrder,
    *,
    state: OrderState,
    ver: int,
    at: datetime,
    closed: bool,
    standby_until: datetime | None = None,
) -> None:
    """Move a locked order on; the version is compared all the same."""
    done = await conn.execute(
        SET_STATE, order.id, order.ver, state, ver, at, at if closed else None, standby_until
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
        event.until_at,
        event.clock_offset_s,
        event.path,
        event.claim,
    )


async def look_again(conn: Any, incident_id: str) -> None:
    """Have the watch look at all orders of a locked incident once this transaction is over."""
    await conn.execute(LOOK_AGAIN, incident_id)


async def end_received(conn: Any, order_id: str, at: datetime) -> None:
    """A device of the unit has the notice that the order is over."""
    await conn.execute(END_RECEIVED, order_id, at)


async def views_of_incidents(
    conn: Any, incident_ids: Sequence[str], *, with_events: bool
) -> dict[str, list[OrderView]]:
    """Orders by incident, oldest first."""
    rows = await conn.fetch(OF_INCIDENTS, list(incident_ids))
    events = await _events_of(conn, [row["id"] for row in rows]) if with_events else {}
    found: dict[str, list[OrderView]] = defaultdict(list)
    for row in rows:
        found[row["incident_id"]].append(_view(row, events.get(row["id"], [])))
    return dict(found)


async def views_of_decision(conn: Any, decision_id: str) -> list[OrderView]:
    """Orders that one decision issued."""
    return [_view(row) for row in await conn.fetch(OF_DECISION, decision_id)]


async def page(conn: Any, *, before: int | None, limit: int) -> tuple[list[OrderView], int | None]:
    """Every order by its number, newest first, and `before` of the following page."""
    limit = max(1, min(limit, PAGE_LEN_MAX))
    found = [_view(row) for row in await conn.fetch(PAGE, before, limit + 1)]
    return found[:limit], found[limit - 1].number if len(found) > limit else None


async def view(conn: Any, order_id: str) -> OrderView | None:
    """One order with its events; None: no such order."""
    row = await conn.fetchrow(BY_ID, order_id)
    if row is None:
        return None
    events = await _events_of(conn, [order_id])
    return _view(row, events.get(order_id, []))


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


async def under_way(conn: Any, unit_ids: Sequence[str]) -> frozenset[str]:
    """Those of the units that have taken an order on and are not there yet."""
    return frozenset(row["unit_id"] for row in await conn.fetch(UNDER_WAY, list(unit_ids)))


async def giving_way(conn: Any, order_id: str) -> list[str]:
    """Open orders that this one takes the place of."""
    return [row["id"] for row in await conn.fetch(GIVING_WAY, order_id)]


def _view(row: Any, events: Sequence[OrderEventView] = ()) -> OrderView:
    return msgspec.convert(dict(row) | {"events": list(events)}, OrderView)


async def _events_of(conn: Any, order_ids: Sequence[str]) -> dict[str, list[OrderEventView]]:
    found: dict[str, list[OrderEventView]] = defaultdict(list)
    for row in await conn.fetch(EVENTS_OF, list(order_ids)):
        values = dict(row)
        skewed = is_skewed(values["clock_offset_s"])
        found[values.pop("order_id")].append(OrderEventView(**values, clock_skewed=skewed))
    return dict(found)
