"""Standby points in PostgreSQL: where units may wait beside their stations."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from server.coverviews import PostView
from server.dispatch.runcards import STANDBY_AT_POST

POINTS_LEN_MAX: Final = 100
"""In service, of one county."""

# Units that are on the order to wait at a place, and not called off.
POSTED = """
SELECT dispatch_order.unit_id, incident.lon, incident.lat
FROM dispatch_order JOIN incident ON incident.id = dispatch_order.incident_id
WHERE dispatch_order.closed_at IS NULL AND incident.type = $1
  AND (recall_why IS NULL OR recall_state = 'declined')
"""
# Units on any other order that is not called off, with when they were to be there.
ON_CALLS = """
SELECT dispatch_order.unit_id, incident.type,
       issued_at + make_interval(secs => eta_s) AS there_at
FROM dispatch_order JOIN incident ON incident.id = dispatch_order.incident_id
WHERE dispatch_order.closed_at IS NULL AND incident.type <> $1 AND eta_s IS NOT NULL
  AND (recall_why IS NULL OR recall_state = 'declined')
"""
# Those in service, by name.
LIST = """
SELECT id, name, lon, lat FROM standby_point WHERE retired_at IS NULL ORDER BY name LIMIT $1
"""
# Nobody else adds one until commit.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('standby_point'))"
COUNT = "SELECT count(*) FROM standby_point WHERE retired_at IS NULL"
# A new one; nothing when the name is taken.
INSERT = """
INSERT INTO standby_point (id, name, lon, lat, added_by, added_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name) WHERE retired_at IS NULL DO NOTHING RETURNING id
"""
# Its name, when it was in service.
RETIRE = """
UPDATE standby_point SET retired_at = $2 WHERE id = $1 AND retired_at IS NULL RETURNING name
"""


async def load_all(conn: Any) -> list[PostView]:
    """Those in service, by name."""
    return [
        PostView(
            id=str(row["id"]), name=row["name"], kind="standby", lon=row["lon"], lat=row["lat"]
        )
        for row in await conn.fetch(LIST, POINTS_LEN_MAX)
    ]


async def posted(conn: Any) -> dict[str, tuple[float, float]]:
    """Where each unit waits, or is on the way to wait, by order: (lon, lat) by unit id."""
    rows = await conn.fetch(POSTED, STANDBY_AT_POST)
    return {row["unit_id"]: (row["lon"], row["lat"]) for row in rows}


async def on_calls(conn: Any) -> list[tuple[str, str, datetime]]:
    """(unit id, type of incident, when it was to be there) of each unit on another order."""
    rows = await conn.fetch(ON_CALLS, STANDBY_AT_POST)
    return [(row["unit_id"], row["type"], row["there_at"]) for row in rows]


async def count(conn: Any) -> int:
    """Of those in service; nobody else adds one before the caller commits."""
    await conn.execute(LOCK)
    return int(await conn.fetchval(COUNT))


async def insert(conn: Any, point: PostView, *, by: str, at: datetime) -> bool:
    """False when the name is taken."""
    found = await conn.fetchval(INSERT, point.id, point.name, point.lon, point.lat, by, at)
    return found is not None


async def retire(conn: Any, point_id: str, *, at: datetime) -> str | None:
    """The name of it; None: none in service."""
    name: str | None = await conn.fetchval(RETIRE, point_id, at)
    return name
