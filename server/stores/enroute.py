"""Units under way as rows: their orders, what is said of each, where they are by position.

Knows no road and no rule: those are in `server.dispatch.enroute`. Lock order: everything here comes
after the incident and the order it belongs to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.dispatch.orders import Mark, OrderState
from server.dispatch.sights import Trouble
from server.journal.kinds import JournalKind
from server.stores import order_rows, worklist
from server.stores.journal import Entry
from server.stores.order_rows import Event, LockedOrder
from server.stores.steps import Marked, step_body
from server.views import PositionView, Priority
from server.watchviews import WorkItemView

ORDERS_LEN_MAX: Final = 500
"""Under way at once; beyond it those that were accepted last are not watched."""

# Orders that a unit has taken on and that nobody wants back.
UNDER_WAY = """
SELECT dispatch_order.id AS order_id, dispatch_order.number, dispatch_order.unit_id, call_sign,
       dispatch_order.state, dispatch_order.eta_s, dispatch_order.at_place_at,
       incident.id AS incident_id, incident.lon, incident.lat, incident.priority,
       (SELECT min(server_at) FROM order_event WHERE order_id = dispatch_order.id AND applied
            AND order_event.state IN ('accepted', 'en_route', 'on_scene', 'feedback'))
           AS accepted_at
FROM dispatch_order
JOIN unit ON unit.id = dispatch_order.unit_id
JOIN incident ON incident.id = dispatch_order.incident_id
WHERE dispatch_order.closed_at IS NULL
  AND dispatch_order.state IN ('accepted', 'en_route', 'on_scene', 'feedback')
  AND (recall_state IS NULL OR recall_state = 'declined')
ORDER BY dispatch_order.number LIMIT $1
"""

# What was ever said of running orders, oldest first.
ITEMS = """
SELECT work_item.* FROM work_item JOIN dispatch_order ON dispatch_order.id = work_item.order_id
WHERE work_item.kind = ANY($1::text[])
  AND (dispatch_order.closed_at IS NULL OR work_item.settled_at IS NULL)
ORDER BY work_item.number
"""

# Where the two of a pair wait for each other, of these orders; both were sent by one decision.
MEETINGS = """
SELECT id, (found->>'lon')::float8 AS lon, (found->>'lat')::float8 AS lat
FROM (SELECT dispatch_order.id, pair->'meeting' AS found
      FROM dispatch_order
      JOIN decision ON decision.id = dispatch_order.decision_id
      JOIN recommendation ON recommendation.id = decision.recommendation_id
      CROSS JOIN LATERAL (SELECT body->'pair' AS pair) AS of_it
      WHERE dispatch_order.id = ANY($1::uuid[]) AND (pair->>'meets_before')::bool
        AND to_jsonb(decision.unit_ids) @> (pair->'unit_ids')
        AND pair->'unit_ids' ? dispatch_order.unit_id::text) AS meeting
WHERE jsonb_typeof(found) = 'object'
"""

# Seen at the place: the first time counts.
AT_PLACE = """
UPDATE dispatch_order SET at_place_at = $2
WHERE id = $1 AND at_place_at IS NULL AND closed_at IS NULL RETURNING id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """An order that its unit has taken on."""

    order_id: str
    number: int
    unit_id: str
    call_sign: str
    state: OrderState
    eta_s: float | None
    """As the dispatcher saw it when he sent the unit."""
    at_place_at: datetime | None
    incident_id: str
    lon: float
    lat: float
    priority: Priority
    accepted_at: datetime


async def under_way(conn: Any) -> list[UnderWay]:
    """All of them, oldest first."""
    rows = await conn.fetch(UNDER_WAY, ORDERS_LEN_MAX)
    return [UnderWay(**(dict(row) | {"state": OrderState(row["state"])})) for row in rows]


async def meetings(conn: Any, order_ids: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Lon and lat of where a unit waits for the other of its pair, by order; of who goes alone
    nothing."""
    rows = await conn.fetch(MEETINGS, list(order_ids))
    return {row["id"]: (row["lon"], row["lat"]) for row in rows}


async def items(conn: Any, kinds: Sequence[str]) -> dict[tuple[str, str], WorkItemView]:
    """The last item of each of these kinds about each running order, and every open one.

    By kind and order id.
    """
    found = [worklist.view(row) for row in await conn.fetch(ITEMS, list(kinds))]
    return {(each.kind, each.order_id): each for each in found if each.order_id is not None}


def by_order(found: dict[tuple[str, str], WorkItemView]) -> dict[str, frozenset[Trouble]]:
    """What is still said of each order, or was until a person settled it."""
    told: dict[str, set[Trouble]] = defaultdict(set)
    for (kind, order_id), item in found.items():
        if item.settled_by != "system":
            told[order_id].add(Trouble(kind))
    return {order_id: frozenset(kinds) for order_id, kinds in told.items()}


async def mark_at_place(
    conn: Any, order: LockedOrder, position: PositionView, *, since: datetime, at: datetime
) -> Marked:
    """A locked order's unit is at the place by its position; nothing when that is known."""
    if await conn.fetchval(AT_PLACE, order.id, since) is None:
        return Marked()
    event = Event(
        order_id=order.id,
        ver=order.ver,
        state=Mark.AT_PLACE,
        applied=True,
        actor="system",
        server_at=at,
        device_id=position.device_id,
        device_at=since,
        lon=position.lon,
        lat=position.lat,
    )
    await order_rows.add_event(conn, event)
    entry = Entry(
        actor="system",
        subject=f"order:{order.id}",
        kind=JournalKind.ORDER_AT_PLACE,
        body=step_body(order, event),
    )
    return Marked(entries=(entry,), hints=(("incident", order.incident_id),))
