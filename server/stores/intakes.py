"""The inbox as rows: what came in from outside, and what was made of it. Nothing is deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from server.intakeviews import IntakeOutcome, IntakeView

PAGE_LEN_MAX: Final = 200
"""Of one page; a larger wish is cut to this."""
OPEN_LEN_MAX: Final = 2_000
"""That may wait at once: a source that floods the inbox is refused, and says so."""

# A new one.
INSERT = """
INSERT INTO intake (id, request_id, kind, source, urgency, text, place, lon, lat, from_at, until_at,
                    received_by, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING *
"""
BY_REQUEST = "SELECT * FROM intake WHERE request_id = $1"
# Nobody else makes something of it until commit.
LOCK = "SELECT * FROM intake WHERE id = $1 FOR UPDATE"
# One that waits and says the same, held until commit.
ALIKE = """
SELECT * FROM intake
WHERE outcome IS NULL
  AND (kind, source, urgency, text, place) = ($1, $2, $3, $4, $5)
  AND (lon, lat, from_at, until_at)
      IS NOT DISTINCT FROM ($6::float8, $7::float8, $8::timestamptz, $9::timestamptz)
ORDER BY number LIMIT 1 FOR UPDATE
"""
# Nobody else adds one until commit.
LOCK_ALL = "SELECT pg_advisory_xact_lock(hashtext('intake'))"
OPEN_COUNT = "SELECT count(*) FROM intake WHERE outcome IS NULL"
SETTLE = """
UPDATE intake SET outcome = $2, why = $3, incident_id = $4, settled_by = $5, settled_at = $6
WHERE id = $1 AND outcome IS NULL RETURNING *
"""
# Those whose time is over, oldest first; another process may be at some of them.
OVER = """
SELECT id FROM intake WHERE outcome IS NULL AND until_at <= $1
ORDER BY number LIMIT $2 FOR UPDATE SKIP LOCKED
"""
# One page, newest first; one more than asked tells whether there is a next page.
PAGE = """
SELECT * FROM intake
WHERE ($1 = 'all' OR (outcome IS NULL) = ($1 = 'open')) AND ($2::bigint IS NULL OR number < $2)
ORDER BY number DESC LIMIT $3
"""


async def insert(conn: Any, wanted: IntakeView, *, request_id: str) -> IntakeView:
    """With the number that it gets."""
    row = await conn.fetchrow(
        INSERT,
        wanted.id,
        request_id,
        wanted.kind,
        wanted.source,
        wanted.urgency,
        wanted.text,
        wanted.place,
        wanted.lon,
        wanted.lat,
        wanted.from_at,
        wanted.until_at,
        wanted.received_by,
        wanted.received_at,
    )
    return _view(row)


async def lock_all(conn: Any) -> None:
    """Nobody else adds one before the caller commits."""
    await conn.execute(LOCK_ALL)


async def waiting_alike(conn: Any, coming: IntakeView) -> IntakeView | None:
    """The first that waits and says the same in every field; None: none does."""
    row = await conn.fetchrow(
        ALIKE,
        coming.kind,
        coming.source,
        coming.urgency,
        coming.text,
        coming.place,
        coming.lon,
        coming.lat,
        coming.from_at,
        coming.until_at,
    )
    return _maybe(row)


async def by_request(conn: Any, request_id: str) -> IntakeView | None:
    """What an earlier request of this id brought."""
    return _maybe(await conn.fetchrow(BY_REQUEST, request_id))


async def lock(conn: Any, intake_id: str) -> IntakeView | None:
    """One, which nobody else settles before the caller commits; None: no such."""
    return _maybe(await conn.fetchrow(LOCK, intake_id))


async def count_open(conn: Any) -> int:
    """How many wait."""
    return int(await conn.fetchval(OPEN_COUNT))


async def settle(
    conn: Any,
    intake_id: str,
    outcome: IntakeOutcome,
    *,
    why: str,
    by: str,
    at: datetime,
    incident_id: str | None = None,
) -> IntakeView | None:
    """Somebody has seen to it; None: somebody had before, or there is no such."""
    return _maybe(await conn.fetchrow(SETTLE, intake_id, outcome, why, incident_id, by, at))


async def over(conn: Any, now: datetime, limit: int) -> list[str]:
    """Ids of those that wait and whose time is over, held until commit."""
    return [row["id"] for row in await conn.fetch(OVER, now, limit)]


async def page(
    conn: Any, *, which: str, before: int | None, limit: int
) -> tuple[list[IntakeView], int | None]:
    """Newest first, and `before` of the following page; `which`: open, settled or all."""
    limit = max(1, min(limit, PAGE_LEN_MAX))
    rows = [_view(row) for row in await conn.fetch(PAGE, which, before, limit + 1)]
    return rows[:limit], rows[limit - 1].number if len(rows) > limit else None


def _maybe(row: Any) -> IntakeView | None:
    return None if row is None else _view(row)


def _view(row: Any) -> IntakeView:
    return msgspec.convert(dict(row), IntakeView)
