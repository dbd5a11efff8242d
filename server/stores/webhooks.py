"""Webhooks as rows: who is told, what is due, what was given up.

What a delivery says is read from the log when it is sent: no more than the log still says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from server.stores.pool import Connection
from server.webhookviews import DeadDeliveryView, DeadPageView, WebhookView

What = Literal["entry", "checkpoint"]
CHECKPOINT: Final = "journal.checkpoint"
"""What a checkpoint is called among the kinds."""
WEBHOOKS_MAX: Final = 50
"""That stand at once."""
PAGE_LEN_MAX: Final = 200

# Nobody else adds one until commit.
LOCK_ALL = "SELECT pg_advisory_xact_lock(hashtext('webhook'))"
COUNT = "SELECT count(*) FROM webhook WHERE ended_at IS NULL"
BY_REQUEST = """
SELECT id, secret, name, url, kinds, created_by, created_at, ended_at
FROM webhook WHERE request_id = $1
"""
# From the log's end on: what was said before is nobody's news.
INSERT = """
INSERT INTO webhook (id, request_id, name, url, secret, kinds, taken_seq,
                     checkpoint_at, created_by, created_at)
SELECT $1, $2, $3, $4, $5, $6, coalesce(max(seq), 0), $8, $7, $8 FROM journal_leaf
"""
_VIEW = """
SELECT w.id, w.name, w.url, w.kinds, w.delivered_at,
       w.created_by, w.created_at, w.ended_at, w.ended_why, d.waiting, d.dead,
       CASE WHEN w.ended_at IS NULL
            THEN (SELECT coalesce(max(seq), 0) FROM journal_leaf) - w.taken_seq ELSE 0 END AS behind
FROM webhook w CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE dead_at IS NULL) AS waiting,
           count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead
    FROM webhook_delivery WHERE webhook_id = w.id) d
"""
ONE = f"{_VIEW} WHERE w.id = $1"
ALL = f"{_VIEW} ORDER BY w.ended_at IS NOT NULL, w.created_at DESC LIMIT $1"
LOCK = "SELECT ended_at FROM webhook WHERE id = $1 FOR UPDATE"
# Nothing is signed with its secret any more.
END = "UPDATE webhook SET ended_at = $2, ended_why = $3, secret = '' WHERE id = $1"
DROP_WAITING = "DELETE FROM webhook_delivery WHERE webhook_id = $1 AND dead_at IS NULL"

# Those that stand, each with how much waits; another process may be at some of them.
STANDING = """
SELECT w.id, w.kinds, w.taken_seq, w.checkpoint_size, w.checkpoint_at,
       (SELECT count(*) FROM webhook_delivery d
        WHERE d.webhook_id = w.id AND d.dead_at IS NULL) AS waiting,
       (SELECT count(*) FROM webhook_delivery d
        WHERE d.webhook_id = w.id AND d.dead_at IS NOT NULL) AS dead
FROM webhook w WHERE w.ended_at IS NULL ORDER BY w.id FOR UPDATE OF w SKIP LOCKED
"""
# What follows in the log, as far as one look goes, and what of it this one is told.
TAKE = """
WITH seen AS (
    SELECT seq, kind FROM journal_leaf JOIN journal_entry ON id = entry_id
    WHERE seq > $2 AND seq <= $2 + $3
), due AS (
    INSERT INTO webhook_delivery (webhook_id, what, number, next_at)
    SELECT $1, 'entry', seq, $5 FROM seen
    WHERE EXISTS (SELECT FROM unnest($4::text[]) AS wanted
                  WHERE kind = wanted OR starts_with(kind, wanted || '.'))
)
UPDATE webhook SET taken_seq = (SELECT max(seq) FROM seen)
WHERE id = $1 AND EXISTS (SELECT FROM seen)
"""
TAKE_CHECKPOINT = """
WITH newest AS (
    SELECT size FROM journal_checkpoint WHERE size > $2 ORDER BY size DESC LIMIT 1
), due AS (
    INSERT INTO webhook_delivery (webhook_id, what, number, next_at)
    SELECT $1, 'checkpoint', size, $3 FROM newest
)
UPDATE webhook SET checkpoint_size = newest.size, checkpoint_at = $3 FROM newest WHERE id = $1
"""
DUE = "SELECT DISTINCT webhook_id FROM webhook_delivery WHERE dead_at IS NULL AND next_at <= $1"
# Those of one that are due, held for a while: whoever dies meanwhile leaves them to the next.
CLAIM = """
UPDATE webhook_delivery d SET next_at = $2, attempts = attempts + 1
FROM webhook w
WHERE w.id = d.webhook_id AND (d.webhook_id, d.what, d.number) IN (
    SELECT webhook_id, what, number FROM webhook_delivery
    WHERE webhook_id = $4 AND dead_at IS NULL AND next_at <= $1
    ORDER BY next_at, number LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING d.webhook_id, d.what, d.number, d.attempts, w.url, w.secret
"""
# What a delivery says.
SAID: Final[dict[What, str]] = {
    "entry": """
SELECT kind, at, seq, actor, subject, body, ARRAY(SELECT jsonb_object_keys(redacted)) AS redacted
FROM journal_leaf JOIN journal_entry ON id = entry_id WHERE seq = $1
""",
    "checkpoint": f"""
SELECT '{CHECKPOINT}' AS kind, at, size, note FROM journal_checkpoint WHERE size = $1
""",  # noqa: S608 (our own text)
}
_OF_ONE = "webhook_id = $1 AND what = $2 AND number = $3"
DELIVERED = f"DELETE FROM webhook_delivery WHERE {_OF_ONE}"  # noqa: S608 (our own text)
DELIVERED_AT = "UPDATE webhook SET delivered_at = $2 WHERE id = $1"
FAILED = f"UPDATE webhook_delivery SET next_at = $4, last_error = $5 WHERE {_OF_ONE}"  # noqa: S608
DIED = f"UPDATE webhook_delivery SET dead_at = $4, last_error = $5 WHERE {_OF_ONE}"  # noqa: S608
# One page of what was given up, newest of the log first; both kinds of delivery in one order.
DEAD = """
SELECT d.what, d.number, coalesce(e.kind, $4) AS kind, d.attempts, d.last_error, d.dead_at
FROM webhook_delivery d
LEFT JOIN journal_leaf l ON d.what = 'entry' AND l.seq = d.number
LEFT JOIN journal_entry e ON e.id = l.entry_id
WHERE d.webhook_id = $1 AND d.dead_at IS NOT NULL
  AND ($2::bigint IS NULL OR d.number * 2 + (d.what = 'entry')::int < $2)
ORDER BY d.number * 2 + (d.what = 'entry')::int DESC LIMIT $3
"""
RETRY = """
UPDATE webhook_delivery SET dead_at = NULL, attempts = 0, next_at = $2
WHERE webhook_id = $1 AND dead_at IS NOT NULL AND ($3::bigint IS NULL OR number = $3)
"""
DROP_DEAD = """
DELETE FROM webhook_delivery
WHERE webhook_id = $1 AND dead_at IS NOT NULL AND ($2::bigint IS NULL OR number = $2)
"""
COUNTS = """
SELECT count(*) FILTER (WHERE dead_at IS NULL) AS waiting,
       count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead
FROM webhook_delivery
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A webhook that is told of news."""

    id: str
    kinds: Sequence[str]
    taken_seq: int
    checkpoint_size: int
    checkpoint_at: datetime
    waiting: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One attempt."""

    webhook_id: str
    what: What
    number: int
    attempts: int
    """With this one."""
    url: str
    secret: str


async def one(conn: Connection, webhook_id: str) -> WebhookView | None:
    row = await conn.fetchrow(ONE, webhook_id)
    return WebhookView(**row) if row else None


async def all_of_them(conn: Connection, *, limit: int) -> list[WebhookView]:
    """Those that stand first."""
    return [WebhookView(**row) for row in await conn.fetch(ALL, limit)]


async def standing(conn: Connection) -> list[Standing]:
    """Held until commit."""
    return [Standing(**row) for row in await conn.fetch(STANDING)]


async def due(conn: Connection, now: datetime) -> list[str]:
    """Webhooks with something to send."""
    return [row["webhook_id"] for row in await conn.fetch(DUE, now)]


async def claim(
    conn: Connection, webhook_id: str, *, now: datetime, until: datetime, limit: int
) -> list[Due]:
    """Attempts to make now; nobody else makes them before `until`."""
    return [Due(**row) for row in await conn.fetch(CLAIM, now, until, limit, webhook_id)]


async def dead_page(
    conn: Connection, webhook_id: str, *, before: int | None, limit: int
) -> DeadPageView:
    limit = max(1, min(limit, PAGE_LEN_MAX))
    rows = await conn.fetch(DEAD, webhook_id, before, limit + 1, CHECKPOINT)
    found = [DeadDeliveryView(**row) for row in rows[:limit]]
    return DeadPageView(deliveries=found, next=_place(found[-1]) if len(rows) > limit else None)


def _place(delivery: DeadDeliveryView) -> int:
    return delivery.number * 2 + (delivery.what == "entry")
