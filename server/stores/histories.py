"""Incidents with their orders as the review reads them, page by page. Only reads; knows no figure.

One page costs four questions, whatever it holds. Incidents are paged by number: a page begins where
the one before ended, so what is opened meanwhile moves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.dispatch.orders import OrderState
from server.review.history import OF_STATE, IncidentPast, OrderPast, Told, steps_of

PAGE_LEN: Final = 250
"""Incidents read at once: made into values in some 10 ms, in which nobody else is served."""

# Incidents opened between $1 and $2, but of these types, with when the call for each came in.
INCIDENTS = """
SELECT incident.id, incident.number, type, priority, lon, lat, opened_at, closed_at,
       (SELECT min(received_at) FROM intake WHERE incident_id = incident.id) AS called_at
FROM incident
WHERE opened_at >= $1 AND opened_at < $2 AND type <> ALL($3::text[]) AND number > $4
ORDER BY incident.number LIMIT $5
"""

COUNT = """
SELECT count(*) FROM incident WHERE opened_at >= $1 AND opened_at < $2 AND type <> ALL($3::text[])
"""

FIRST_OPENED = "SELECT opened_at FROM incident ORDER BY number LIMIT 1"

# Their orders, oldest first.
ORDERS = """
SELECT id, incident_id, unit_id, issued_at, closed_at, at_place_at
FROM dispatch_order WHERE incident_id = ANY($1::uuid[]) ORDER BY number
"""

# What was told of them, as it came. Beside what moved an order: receipts, which any device may send
# after the first, and what a person of the unit said that another word was quicker than.
TOLD = """
SELECT order_id, state, device_at, clock_offset_s, server_at
FROM order_event
WHERE order_id = ANY($1::uuid[]) AND state = ANY($2::text[])
  AND (applied OR state IN ('delivered', 'shown') OR actor LIKE 'officer:%')
ORDER BY id
"""

# How their drives were matched.
DRIVES = """
SELECT order_id, map_id, condition, arc, end_share, begin_share
FROM matched_trip WHERE order_id = ANY($1::uuid[])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """Which arcs of which map an order's unit drove over; none where nothing was matched."""

    map_id: str
    condition: str
    arcs: NDArray[np.int64]
    shares: NDArray[np.float64]
    """Of each arc, that was driven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some incidents, oldest first."""

    incidents: tuple[IncidentPast, ...]
    drives: dict[str, Drive]
    """By order id."""


async def count(conn: Any, since: datetime, until: datetime, *, without: Sequence[str]) -> int:
    """How many incidents `pages` would give."""
    found: int = await conn.fetchval(COUNT, since, until, list(without))
    return found


async def first_opened(conn: Any) -> datetime | None:
    """When the first incident of all was opened: before, nobody counted. None: there is none."""
    found: datetime | None = await conn.fetchval(FIRST_OPENED)
    return found


async def pages(
    conn: Any, since: datetime, until: datetime, *, without: Sequence[str]
) -> AsyncIterator[Page]:
    """Every incident opened at or after `since` and before `until`, but of these types."""
    after = 0
    while True:
        rows = await conn.fetch(INCIDENTS, since, until, list(without), after, PAGE_LEN)
        if not rows:
            return
        yield await _page(conn, rows)
        after = rows[-1]["number"]


async def _page(conn: Any, rows: Sequence[Any]) -> Page:
    orders = await conn.fetch(ORDERS, [row["id"] for row in rows])
    order_ids = [row["id"] for row in orders]
    told: defaultdict[str, list[Told]] = defaultdict(list)
    for row in await conn.fetch(TOLD, order_ids, [str(each) for each in OF_STATE]):
        told[row["order_id"]].append(
            Told(
                state=OrderState(row["state"]),
                device_at=row["device_at"],
                clock_offset_s=row["clock_offset_s"],
                server_at=row["server_at"],
            )
        )
    pasts: defaultdict[str, list[OrderPast]] = defaultdict(list)
    for row in orders:
        pasts[row["incident_id"]].append(_order(row, told[row["id"]]))
    drives = await conn.fetch(DRIVES, order_ids)
    return Page(
        incidents=tuple(_incident(row, pasts[row["id"]]) for row in rows),
        drives={row["order_id"]: _drive(row) for row in drives},
    )


def _order(row: Any, told: Sequence[Told]) -> OrderPast:
    return OrderPast(
        id=row["id"],
        unit_id=row["unit_id"],
        issued_at=row["issued_at"],
        ended_at=row["closed_at"],
        steps=steps_of(told, issued_at=row["issued_at"], ended_at=row["closed_at"]),
        seen_at_place=row["at_place_at"],
    )


def _incident(row: Any, orders: Sequence[OrderPast]) -> IncidentPast:
    return IncidentPast(
        id=row["id"],
        type=row["type"],
        priority=row["priority"],
        lon=row["lon"],
        lat=row["lat"],
        called_at=row["called_at"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        orders=tuple(orders),
    )


def _drive(row: Any) -> Drive:
    begin = np.array(row["begin_share"], dtype=np.float64)
    return Drive(
        map_id=row["map_id"],
        condition=row["condition"],
        arcs=np.array(row["arc"], dtype=np.int64),
        shares=np.abs(np.array(row["end_share"], dtype=np.float64) - begin),
    )
