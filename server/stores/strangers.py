"""Devices that knock and are nobody's: what an administrator needs to make one ours.

A bounded list: one more than `UNKNOWN_LEN_MAX` pushes out one that somebody dismissed, else the one
unseen for longest of the address with the most. Knows no protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

UNKNOWN_LEN_MAX: Final = 500
SAID_LEN_MAX: Final = 12
"""What one may say of itself: so many things, each of so many characters."""
SAID_TEXT_LEN_MAX: Final = 80
EXTERNAL_ID_LEN_MAX: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """One that was heard and is not known."""

    protocol: str
    external_id: str
    first_seen_at: datetime
    last_seen_at: datetime
    count: int
    """Of the times that were written down: at most one in half a minute."""
    address: str
    said: dict[str, Any]
    dismissed_by: str | None
    dismissed_at: datetime | None


NOTE = """
INSERT INTO unknown_device AS mine
    (protocol, external_id, first_seen_at, last_seen_at, address, said)
VALUES ($1, $2, $3, $3, $4, $5)
ON CONFLICT (protocol, external_id) DO UPDATE SET
    last_seen_at = greatest(mine.last_seen_at, excluded.last_seen_at), count = mine.count + 1,
    address = excluded.address,
    said = CASE WHEN excluded.said = '{}' THEN mine.said ELSE excluded.said END
RETURNING dismissed_at IS NOT NULL AS dismissed, xmax = 0 AS is_new
"""

PRUNE = """
DELETE FROM unknown_device WHERE (protocol, external_id) IN (
    SELECT protocol, external_id FROM unknown_device
    ORDER BY dismissed_at IS NOT NULL,
             row_number() OVER (PARTITION BY address, dismissed_at IS NULL
                                ORDER BY last_seen_at DESC),
             last_seen_at DESC
    OFFSET $1)
"""

LIST = """
SELECT protocol, external_id, first_seen_at, last_seen_at, count, address, said,
       dismissed_by, dismissed_at
FROM unknown_device WHERE $1 OR dismissed_at IS NULL ORDER BY last_seen_at DESC, external_id
"""

# The first who dismisses it counts.
DISMISS = """
UPDATE unknown_device SET dismissed_by = $3, dismissed_at = $4
WHERE protocol = $1 AND external_id = $2 AND dismissed_at IS NULL RETURNING said
"""

# A terminal is made ours by the bytes that it says or by the number that people know it by.
FORGET = """
DELETE FROM unknown_device
WHERE protocol = $1 AND (external_id = $2 OR said ->> 'phone' = $2) RETURNING said
"""

# No two prune at once: each would delete what the other has just written.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('unknown devices'))"


async def note(
    conn: Any, protocol: str, external_id: str, *, address: str, said: dict[str, Any], at: datetime
) -> bool:
    """Remember one, in a transaction of the caller; returns whether somebody dismissed it."""
    row = await conn.fetchrow(
        NOTE, protocol, _clean(external_id, EXTERNAL_ID_LEN_MAX), at, address, _bounded(said)
    )
    if row["is_new"]:
        await conn.execute(LOCK)
        await conn.execute(PRUNE, UNKNOWN_LEN_MAX)
    return bool(row["dismissed"])


async def listed(conn: Any, *, dismissed: bool) -> list[Stranger]:
    """Newest first; `dismissed`: those too that somebody dismissed."""
    return [Stranger(**row) for row in await conn.fetch(LIST, dismissed)]


async def dismiss(
    conn: Any, protocol: str, external_id: str, *, by: str, at: datetime
) -> dict[str, Any] | None:
    """It is none of ours; returns what it said, None: it is not listed."""
    said: dict[str, Any] | None = await conn.fetchval(DISMISS, protocol, external_id, by, at)
    return said


async def forget(conn: Any, protocol: str, external_id: str) -> dict[str, Any] | None:
    """It is somebody's now; returns what it said, None: it was not listed."""
    said: dict[str, Any] | None = await conn.fetchval(FORGET, protocol, external_id)
    return said


def _bounded(said: dict[str, Any]) -> dict[str, str]:
    kept = list(said.items())[:SAID_LEN_MAX]
    return {
        _clean(str(name), SAID_TEXT_LEN_MAX): _clean(str(value), SAID_TEXT_LEN_MAX)
        for name, value in kept
        if value not in (None, "")
    }


def _clean(text: str, len_max: int) -> str:
    """PostgreSQL stores no NUL."""
    return text.replace("\0", "")[:len_max]
