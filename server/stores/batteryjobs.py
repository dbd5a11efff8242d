"""Open orders as jobs that batteries must last, and what holds for their devices. Only reads."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.dispatch.mitigation import Mitigation
from server.dispatch.orders import OrderState
from server.dispatch.worklist import ItemKind
from server.stores import worklist
from server.views import Priority
from server.watchviews import WorkItemView

# Open orders, with how far each has come; of several of a unit the newest.
_JOBS = """
SELECT DISTINCT ON (unit_id) dispatch_order.id AS order_id, dispatch_order.number,
       dispatch_order.unit_id, call_sign, dispatch_order.state, eta_s, incident.id AS incident_id,
       incident.type, incident.priority, incident.lon, incident.lat,
       (SELECT min(server_at) FROM order_event WHERE order_id = dispatch_order.id
            AND applied AND order_event.state = 'en_route') AS en_route_at,
       (SELECT min(server_at) FROM order_event WHERE order_id = dispatch_order.id
            AND applied AND order_event.state = 'on_scene') AS on_scene_at
FROM dispatch_order
JOIN unit ON unit.id = dispatch_order.unit_id
JOIN incident ON incident.id = dispatch_order.incident_id
WHERE dispatch_order.closed_at IS NULL AND ($1::uuid IS NULL OR dispatch_order.id = $1)
ORDER BY unit_id, dispatch_order.number DESC
"""

# Mitigations that were asked for in open orders, and whether somebody or the device does them.
ASKED = """
SELECT device_id, kind, mitigation.state IN ('applied', 'accepted') AS done
FROM mitigation JOIN dispatch_order ON dispatch_order.id = mitigation.order_id
WHERE ended_at IS NULL AND closed_at IS NULL
"""

# Open items that the watch over batteries keeps.
OPEN_ITEMS = """
SELECT * FROM work_item WHERE settled_at IS NULL AND kind = ANY($1::text[]) ORDER BY number
"""

WATCHED: Final = (
    *(ItemKind.BATTERY_SHORT, ItemKind.CAMERA_DARK, ItemKind.UNIT_SILENT),
    ItemKind.NOT_BACK,
)
"""The last is the zone watch's own: it says already that a unit is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Mitigations of one device that are not over."""

    kinds: frozenset[Mitigation] = frozenset()
    done: frozenset[Mitigation] = frozenset()
    """Those that somebody or the device does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryJob:
    """An open order that batteries must last."""

    order_id: str
    number: int
    unit_id: str
    call_sign: str
    state: OrderState
    eta_s: float | None
    incident_id: str
    type: str
    priority: Priority
    lon: float
    lat: float
    en_route_at: datetime | None
    on_scene_at: datetime | None


async def jobs(conn: Any, order_id: str | None = None) -> list[BatteryJob]:
    """All of them, or one."""
    rows = await conn.fetch(_JOBS, order_id)
    return [BatteryJob(**(dict(row) | {"state": OrderState(row["state"])})) for row in rows]


async def asked(conn: Any) -> dict[str, Asked]:
    """What was asked for and is not over, by device id."""
    kinds, done = defaultdict[str, set[Mitigation]](set), defaultdict[str, set[Mitigation]](set)
    for row in await conn.fetch(ASKED):
        kinds[row["device_id"]].add(Mitigation(row["kind"]))
        if row["done"]:
            done[row["device_id"]].add(Mitigation(row["kind"]))
    return {
        each: Asked(kinds=frozenset(found), done=frozenset(done[each]))
        for each, found in kinds.items()
    }


async def open_items(conn: Any) -> dict[tuple[str, str], WorkItemView]:
    """By kind and subject."""
    rows = await conn.fetch(OPEN_ITEMS, list(WATCHED))
    items = [worklist.view(row) for row in rows]
    return {(each.kind, each.subject): each for each in items}
