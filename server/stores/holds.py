"""Incidents whose positions are kept longer, in PostgreSQL: those that are open, and those held."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from server.auditviews import HoldView
from server.stores.pool import Connection

HOLDS_MAX: Final = 500
"""That stand at once."""
SHOWN_MAX: Final = 1_000
"""With those that are open."""
# As the doors of retention do: no day goes while it is about to be held.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('retention'))"
COUNT = "SELECT count(*) FROM retention_hold WHERE ended_at IS NULL"
INSERT = """
INSERT INTO retention_hold (id, incident_id, why, held_by, held_at)
SELECT $1, id, $3, $4, $5 FROM incident WHERE id = $2
ON CONFLICT (incident_id) WHERE ended_at IS NULL DO NOTHING RETURNING id
"""
END = """
UPDATE retention_hold SET ended_why = $2, ended_by = $3, ended_at = $4
WHERE incident_id = $1 AND ended_at IS NULL RETURNING id
"""
_VIEW = """
SELECT id AS incident_id, number, first_day, last_day, why, held_by, held_at,
       closed_at IS NULL AS open FROM held_incident
"""
ONE = f"{_VIEW} WHERE id = $1"
ALL = f"{_VIEW} ORDER BY number DESC LIMIT $1"


async def lock(conn: Connection) -> None:
    """Until commit."""
    await conn.execute(LOCK)


async def count(conn: Connection) -> int:
    """Those that stand."""
    found: int = await conn.fetchval(COUNT)
    return found


async def insert(
    conn: Connection, hold_id: str, incident_id: str, *, why: str, by: str, at: datetime
) -> bool:
    """False: it is held already."""
    return await conn.fetchval(INSERT, hold_id, incident_id, why, by, at) is not None


async def end(conn: Connection, incident_id: str, *, why: str, by: str, at: datetime) -> bool:
    """False: it is not held."""
    return await conn.fetchval(END, incident_id, why, by, at) is not None


async def one(conn: Connection, incident_id: str) -> HoldView | None:
    """None: neither open nor held."""
    row = await conn.fetchrow(ONE, incident_id)
    return HoldView(**row) if row else None


async def all_of_them(conn: Connection) -> list[HoldView]:
    """The newest incidents first, at most `SHOWN_MAX`."""
    return [HoldView(**row) for row in await conn.fetch(ALL, SHOWN_MAX)]
