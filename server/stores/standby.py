"""Standby points in PostgreSQL: where units may wait beside their stations."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from server.coverviews import PostView

POINTS_LEN_MAX: Final = 100
"""In service, of one county."""

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
