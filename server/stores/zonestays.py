"""Units on their way towards dead zones, and silent in one, as rows. Knows no road and no rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.views import Priority

_LOCK_ID: Final = "zone watch"

# The order that each unit is on, with its scene; of several the newest.
OPEN_WAYS = """
SELECT DISTINCT ON (unit_id) dispatch_order.id AS order_id, dispatch_order.number, unit_id,
       dispatch_order.state, incident.id AS incident_id, incident.lon, incident.lat,
       incident.priority
FROM dispatch_order JOIN incident ON incident.id = dispatch_order.incident_id
WHERE dispatch_order.closed_at IS NULL ORDER BY unit_id, dispatch_order.number DESC
"""

# Orders of which some kind of command was received by no device of the unit: a device that says
# anything of the order afterwards has received it, because commands come in order.
UNRECEIVED = """
SELECT DISTINCT order_id FROM (
    SELECT order_id FROM command
    WHERE order_id = ANY($1::uuid[]) AND kind IN ('task', 'recall', 'check')
    GROUP BY order_id, kind
    HAVING NOT bool_or(EXISTS (
        SELECT FROM order_event
        WHERE order_event.order_id = command.order_id AND order_event.device_id = command.device_id
          AND order_event.server_at >= command.created_at))) AS missing
"""

OPEN_STAYS = """
SELECT id, unit_id, order_id, silent_since, foretold_at, back_at, latest_at, place, lon, lat,
       at_scene, overdue_at
FROM zone_stay WHERE ended_at IS NULL
"""

# Foretell; another process may have been quicker.
INSERT_STAY = """
INSERT INTO zone_stay (id, unit_id, order_id, silent_since, foretold_at, back_at, latest_at, place,
    lon, lat, at_scene)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (unit_id) WHERE ended_at IS NULL DO NOTHING
"""

# The alarm rises once.
MARK_OVERDUE = """
UPDATE zone_stay SET overdue_at = $2
WHERE id = $1 AND overdue_at IS NULL AND ended_at IS NULL RETURNING id
"""

END_STAY = "UPDATE zone_stay SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING id"

# Nobody else says it until commit.
LOCK = "SELECT pg_advisory_xact_lock(hashtext($1))"

# Whether the log has said this of an order since.
SAID = """
SELECT EXISTS (SELECT FROM journal_entry WHERE subject = $1 AND kind = $2 AND at >= $3)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWay:
    """What a unit is on."""

    order_id: str
    number: int
    unit_id: str
    state: str
    incident_id: str
    lon: float
    lat: float
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A unit silent in a dead zone."""

    id: str
    unit_id: str
    order_id: str | None
    silent_since: datetime
    foretold_at: datetime
    back_at: datetime
    latest_at: datetime
    place: dict[str, str]
    lon: float
    lat: float
    at_scene: bool
    overdue_at: datetime | None = None


async def open_ways(conn: Any) -> dict[str, OpenWay]:
    """By unit."""
    rows = await conn.fetch(OPEN_WAYS)
    return {row["unit_id"]: OpenWay(**row) for row in rows}


async def unreceived(conn: Any, order_ids: Sequence[str]) -> frozenset[str]:
    """Those of these orders of which not everything was received."""
    rows = await conn.fetch(UNRECEIVED, list(order_ids))
    return frozenset(row["order_id"] for row in rows)


async def open_stays(conn: Any) -> dict[str, Stay]:
    """By unit."""
    return {row["unit_id"]: Stay(**row) for row in await conn.fetch(OPEN_STAYS)}


async def insert_stay(conn: Any, stay: Stay) -> bool:
    """False when another process foretold it already."""
    status = await conn.execute(
        INSERT_STAY,
        stay.id,
        stay.unit_id,
        stay.order_id,
        stay.silent_since,
        stay.foretold_at,
        stay.back_at,
        stay.latest_at,
        stay.place,
        stay.lon,
        stay.lat,
        stay.at_scene,
    )
    return bool(status == "INSERT 0 1")


async def mark_overdue(conn: Any, stay_id: str, at: datetime) -> bool:
    """False when it was marked, or is over."""
    return await conn.fetchval(MARK_OVERDUE, stay_id, at) is not None


async def end_stay(conn: Any, stay_id: str, at: datetime) -> bool:
    """False when it was over already."""
    return await conn.fetchval(END_STAY, stay_id, at) is not None


async def said_since(conn: Any, subject: str, kind: str, since: datetime) -> bool:
    """Whether the log has said so since; nobody else says it until the caller commits."""
    await conn.execute(LOCK, _LOCK_ID)
    return bool(await conn.fetchval(SAID, subject, kind, since))
