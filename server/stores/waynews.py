"""Tells the handsets of units with a way before them that roads have changed: fetch it again.

Of a road that is closed or free, written in the transaction that changes it, so one of several
processes says it, once; of weather, when it is in force and an order's way is another, by the first
that finds it so. A handset without signal reads it when it has some.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from server.stores import commands
from server.stores.steps import Hint

TTL: Final = timedelta(minutes=10)
"""Later the handset has fetched its way anew by itself (starting value)."""
SAID_FOR: Final = timedelta(seconds=60)
"""Two processes that find the same weather in force within this say it once (starting value)."""

# Tasks of open orders whose unit is not there yet, by handset: at most one open order a unit.
UNDER_WAY = """
SELECT command.device_id, command.id AS ref, dispatch_order.id AS "order", dispatch_order.number,
       incident.priority
FROM dispatch_order
JOIN incident ON incident.id = dispatch_order.incident_id
JOIN command ON command.order_id = dispatch_order.id AND command.kind = 'task'
JOIN device ON device.id = command.device_id AND device.kind = 'handset'
WHERE dispatch_order.closed_at IS NULL AND dispatch_order.state NOT IN ('on_scene', 'feedback')
  AND ($1::uuid[] IS NULL OR dispatch_order.id = ANY($1))
ORDER BY command.device_id
"""

# Orders of which it was not said a moment ago.
NOT_SAID = """
SELECT id FROM dispatch_order
WHERE id = ANY($1::uuid[]) AND NOT EXISTS (
    SELECT FROM command WHERE command.order_id = dispatch_order.id AND kind = 'notice'
    AND body ->> 'why' = 'route_changed' AND body ->> 'because' = 'weather' AND created_at > $2)
"""

# Until commit no other process says the same.
ALONE = "SELECT pg_advisory_xact_lock(hashtext('way_news'))"


async def tell(conn: Any, *, at: datetime) -> tuple[Hint, ...]:
    """Roads have changed: write the notices; what to publish once they are in force."""
    return await _write(conn, await conn.fetch(UNDER_WAY, None), because="roads", at=at)


async def tell_weather(conn: Any, order_ids: Sequence[str], *, at: datetime) -> tuple[Hint, ...]:
    """These orders have another way under the weather in force; nothing where that was said."""
    await conn.execute(ALONE)
    new = [row["id"] for row in await conn.fetch(NOT_SAID, list(order_ids), at - SAID_FOR)]
    return await _write(conn, await conn.fetch(UNDER_WAY, new), because="weather", at=at)


async def _write(conn: Any, rows: Iterable[Any], *, because: str, at: datetime) -> tuple[Hint, ...]:
    told: list[Hint] = []
    for row in rows:
        about = {name: row[name] for name in ("ref", "order", "number")}
        await commands.enqueue(
            conn,
            device_id=row["device_id"],
            kind="notice",
            priority=row["priority"],
            body=about | {"why": "route_changed", "because": because, "text": ""},
            order_id=row["order"],
            expires_at=at + TTL,
            now=at,
        )
        told.append(("device", row["device_id"]))
    return tuple(told)
