"""Who works on an incident, as columns of its row; its lock is held. Knows no rule."""

from __future__ import annotations

from datetime import datetime
from typing import Any

ENDED_LEN_MAX = 200
"""Claims that end in one go; the rest with the next."""

SET = """
UPDATE incident SET claimed_by = $2, claimed_at = $3, claim_reason = $4 WHERE id = $1
"""

CLEAR = """
UPDATE incident SET claimed_by = NULL, claimed_at = NULL, claim_reason = '' WHERE id = $1
"""

# Whose claimant has no session left; one that somebody is just changing comes the next time.
LEFT = """
SELECT id, number, claimed_by FROM incident
WHERE claimed_by IS NOT NULL AND NOT EXISTS (
    SELECT FROM user_session JOIN app_user ON app_user.id = user_session.user_id
    WHERE 'user:' || app_user.username = incident.claimed_by AND app_user.disabled_at IS NULL
      AND user_session.expires_at > $1)
ORDER BY number LIMIT $2
FOR NO KEY UPDATE SKIP LOCKED
"""


async def put(conn: Any, incident_id: str, *, by: str, at: datetime, reason: str) -> None:
    """Somebody works on it from now on; `reason`: of a takeover."""
    await conn.execute(SET, incident_id, by, at, reason)


async def clear(conn: Any, incident_id: str) -> None:
    """Nobody works on it any more."""
    await conn.execute(CLEAR, incident_id)


async def lock_left(conn: Any, now: datetime) -> list[tuple[str, int, str]]:
    """(id, number, claimant) of incidents whose claimant has signed out, locked until commit."""
    rows = await conn.fetch(LEFT, now, ENDED_LEN_MAX)
    return [(str(row["id"]), row["number"], row["claimed_by"]) for row in rows]
