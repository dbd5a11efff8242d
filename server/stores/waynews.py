"""Tells the handsets of units with a way before them that roads have changed: fetch it again.

Written in the transaction that changes the road, so one of several processes says it, once. Which
way is another now is for who computes it; a handset without signal reads it when it has some.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from server.stores import commands
from server.stores.steps import Hint

TTL: Final = timedelta(minutes=10)
"""Later the handset has fetched its way anew by itself (starting value)."""

# Tasks of open orders whose unit is not there yet, by handset: at most one open order a unit.
UNDER_WAY = """
SELECT command.device_id, command.id AS ref, dispatch_order.id AS "order", dispatch_order.number,
       incident.priority
FROM dispatch_order
JOIN incident ON incident.id = dispatch_order.incident_id
JOIN command ON command.order_id = dispatch_order.id AND command.kind = 'task'
JOIN device ON device.id = command.device_id AND device.kind = 'handset'
WHERE dispatch_order.closed_at IS NULL AND dispatch_order.state NOT IN ('on_scene', 'feedback')
ORDER BY command.device_id
"""


async def tell(conn: Any, *, at: datetime) -> tuple[Hint, ...]:
    """Write the notices; what to publish once the roads are in force."""
    told: list[Hint] = []
    for row in await conn.fetch(UNDER_WAY):
        about = {name: row[name] for name in ("ref", "order", "number")}
        await commands.enqueue(
            conn,
            device_id=row["device_id"],
            kind="notice",
            priority=row["priority"],
            body=about | {"why": "route_changed", "text": ""},
            order_id=row["order"],
            expires_at=at + TTL,
            now=at,
        )
        told.append(("device", row["device_id"]))
    return tuple(told)
