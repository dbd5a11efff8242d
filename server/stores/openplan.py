"""All that a plan for all open incidents asks of the rows, and who may make one. Only reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from server.stores import worklist
from server.watchviews import WorkItemView

_LOCK_ID: Final = "open plan"

# One process plans at a time; the others look again later.
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext($1))"

# How often each unit was sent elsewhere since it was last free: orders that gave way to its own.
DIVERTED = """
WITH RECURSIVE chain AS (
    SELECT id, unit_id, incident_id, 0 AS diverted FROM dispatch_order
    WHERE closed_at IS NULL AND recall_why IS DISTINCT FROM 'superseded'
    UNION ALL
    SELECT before.id, before.unit_id, before.incident_id,
           diverted + (before.incident_id <> chain.incident_id)::int
    FROM chain JOIN dispatch_order AS before
        ON before.successor_id = chain.id AND before.unit_id = chain.unit_id
)
SELECT unit_id, max(diverted) AS diverted FROM chain GROUP BY unit_id
"""

# How often these incidents lost a unit to another one.
RELEASED = """
SELECT lost.incident_id, count(*) AS released
FROM dispatch_order AS lost JOIN dispatch_order AS taken ON taken.id = lost.successor_id
WHERE lost.incident_id = ANY($1::uuid[]) AND taken.incident_id <> lost.incident_id
GROUP BY lost.incident_id
"""

# Open items of these kinds, and those that a person dismissed since; or ever, while the incident is
# open, where they would have added a unit to those that are on it.
ITEMS = """
SELECT work_item.* FROM work_item LEFT JOIN incident ON incident.id = work_item.incident_id
WHERE kind = ANY($1::text[])
  AND (settled_at IS NULL
       OR settled_by <> 'system' AND why <> 'taken'
          AND (settled_at >= $2 OR (work_item.body->>'adds')::bool AND status <> 'closed'))
ORDER BY work_item.number
"""


async def may_plan(conn: Any) -> bool:
    """Whether no other process plans; nobody else does until the transaction ends."""
    return bool(await conn.fetchval(TRY_LOCK, _LOCK_ID))


async def diverted(conn: Any) -> dict[str, int]:
    """By unit id, of units with an open order."""
    return {row["unit_id"]: row["diverted"] for row in await conn.fetch(DIVERTED)}


async def released(conn: Any, incident_ids: Sequence[str]) -> dict[str, int]:
    """By incident id; those that lost none are missing."""
    rows = await conn.fetch(RELEASED, list(incident_ids))
    return {row["incident_id"]: row["released"] for row in rows}


async def items(conn: Any, kinds: Sequence[str], since: datetime) -> list[WorkItemView]:
    """Those that are open, and those that a person dismissed since; oldest first."""
    return [worklist.view(row) for row in await conn.fetch(ITEMS, list(kinds), since)]
