"""The worklist as rows: raise, claim, settle, read. Nothing is ever dropped.

At most one open item of a kind about one thing: raised again, it counts up and keeps who claimed
it. Lock order: an item comes after the incident, order and devices of its step, before the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from server.dispatch.worklist import SEVERITY, ItemKind, Severity
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.stores.journal import Entry
from server.watchviews import WorkItemView

PAGE_LEN_MAX = 200
"""Items of one page; a larger wish is cut to this."""

Hint = tuple[str, str]
"""(topic, payload) for the fan-out."""

# Raise one; while an equal one is open, that one counts up, is about what was said last, and is
# never less grave than it was.
RAISE = """
INSERT INTO work_item
    (id, kind, severity, subject, order_id, incident_id, unit_id, body, raised_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (kind, subject) WHERE settled_at IS NULL DO UPDATE SET
    times = work_item.times + 1, raised_at = EXCLUDED.raised_at, body = EXCLUDED.body,
    order_id = EXCLUDED.order_id, incident_id = EXCLUDED.incident_id, unit_id = EXCLUDED.unit_id,
    severity = CASE WHEN array_position(ARRAY['alarm', 'warning', 'notice'], EXCLUDED.severity)
                       < array_position(ARRAY['alarm', 'warning', 'notice'], work_item.severity)
               THEN EXCLUDED.severity ELSE work_item.severity END
RETURNING *
"""

# Say more about an open one.
AMEND = """
UPDATE work_item SET body = body || $3 WHERE kind = $1 AND subject = $2 AND settled_at IS NULL
RETURNING *
"""

# Take one on, unless somebody else has; with $4 from him, too.
CLAIM = """
UPDATE work_item SET claimed_by = $2, claimed_at = $3
WHERE id = $1 AND settled_at IS NULL AND (claimed_by IS NULL OR claimed_by = $2 OR $4)
RETURNING *
"""

# Settle one that is open.
SETTLE = """
UPDATE work_item SET settled_at = $2, settled_by = $3, why = $4
WHERE id = $1 AND settled_at IS NULL
RETURNING *
"""

# The open item of a kind about one thing, if there is one.
SETTLE_ABOUT = """
UPDATE work_item SET settled_at = $3, settled_by = 'system', why = $4
WHERE kind = $1 AND subject = $2 AND settled_at IS NULL
RETURNING *
"""

BY_ID = "SELECT * FROM work_item WHERE id = $1"

SOME = "SELECT * FROM work_item WHERE id = ANY($1::uuid[]) ORDER BY number"

# Open items about one order.
OPEN_OF_ORDER = """
SELECT * FROM work_item WHERE order_id = $1 AND settled_at IS NULL ORDER BY number
"""

# Open items of a kind; nobody else raises or settles one until commit.
LOCK_KIND = "SELECT pg_advisory_xact_lock(hashtext('work_item.' || $1))"
OPEN_OF_KIND = "SELECT * FROM work_item WHERE kind = $1 AND settled_at IS NULL ORDER BY number"

# What people said no to of a kind since a moment, by what it was about.
DECLINED = """
SELECT DISTINCT subject FROM work_item
WHERE kind = $1 AND settled_at > $2 AND settled_by <> 'system'
"""

# One page, newest first; one more than asked tells whether there is a next page.
PAGE = """
SELECT * FROM work_item
WHERE ($1 = 'all' OR (settled_at IS NULL) = ($1 = 'open'))
  AND ($2::bigint IS NULL OR number < $2)
ORDER BY number DESC LIMIT $3
"""

# Open items, gravest first, then oldest.
GRAVEST = """
SELECT * FROM work_item WHERE settled_at IS NULL
ORDER BY array_position(ARRAY['alarm', 'warning', 'notice'], severity), number LIMIT $1
"""

OPEN_COUNT = "SELECT count(*) FROM work_item WHERE settled_at IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """An item after a step, with what the log says and whom to tell after the commit."""

    item: WorkItemView
    entries: tuple[Entry, ...]
    hints: tuple[Hint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an item is about."""

    subject: str
    order_id: str | None = None
    incident_id: str | None = None
    unit_id: str | None = None


async def raise_item(
    conn: Any,
    kind: ItemKind,
    about: About,
    *,
    body: dict[str, Any],
    at: datetime,
    severity: Severity | None = None,
) -> Changed:
    """Raise an item in the transaction of what it is about. `severity` None: as its kind is."""
    row = await conn.fetchrow(
        RAISE,
        new_id(),
        kind,
        severity or SEVERITY[kind],
        about.subject,
        about.order_id,
        about.incident_id,
        about.unit_id,
        body,
        at,
    )
    return _changed(row, JournalKind.WORK_RAISED, actor="system")


async def amend(conn: Any, kind: ItemKind, subject: str, *, body: dict[str, Any]) -> Changed | None:
    """Add to what an open item says, which is no new trouble; None: none is open."""
    row = await conn.fetchrow(AMEND, kind, subject, body)
    return None if row is None else Changed(item=view(row), entries=(), hints=_hints(row["id"]))


async def delivery_failed(
    conn: Any, device_id: str, *, body: dict[str, Any], at: datetime
) -> Changed:
    """A device or a path could not do its part; `body` says what, as `why` and its values."""
    about = About(subject=f"device:{device_id}")
    return await raise_item(
        conn, ItemKind.DELIVERY_FAILED, about, body=body | {"device": device_id}, at=at
    )


async def claim(
    conn: Any, item_id: str, *, by: str, at: datetime, take_over: bool
) -> Changed | None:
    """Somebody takes an item on; None: it is not there, settled, or somebody else's."""
    row = await conn.fetchrow(CLAIM, item_id, by, at, take_over)
    return None if row is None else _changed(row, JournalKind.WORK_CLAIMED, actor=by)


async def settle(conn: Any, item_id: str, *, by: str, at: datetime, why: str) -> Changed | None:
    """An item needs nobody any more; None: it is not there, or settled already."""
    row = await conn.fetchrow(SETTLE, item_id, at, by, why)
    return None if row is None else _changed(row, JournalKind.WORK_SETTLED, actor=by)


async def settle_about(
    conn: Any, kind: ItemKind, subject: str, *, at: datetime, why: str
) -> Changed | None:
    """The cause of an item is gone; None: none is open."""
    row = await conn.fetchrow(SETTLE_ABOUT, kind, subject, at, why)
    return None if row is None else _changed(row, JournalKind.WORK_SETTLED, actor="system")


async def item(conn: Any, item_id: str) -> WorkItemView | None:
    """One item; None: no such."""
    row = await conn.fetchrow(BY_ID, item_id)
    return None if row is None else view(row)


async def some(conn: Any, item_ids: Sequence[str]) -> list[WorkItemView]:
    """Those of the items that exist, oldest first."""
    return [view(row) for row in await conn.fetch(SOME, list(item_ids))]


async def open_of_order(conn: Any, order_id: str) -> list[WorkItemView]:
    """Open items about one order, oldest first."""
    return [view(row) for row in await conn.fetch(OPEN_OF_ORDER, order_id)]


async def open_of_kind(conn: Any, kind: ItemKind) -> list[WorkItemView]:
    """Open items of a kind, oldest first; who asks so at the same time waits for the commit."""
    await conn.execute(LOCK_KIND, kind)
    return [view(row) for row in await conn.fetch(OPEN_OF_KIND, kind)]


async def declined(conn: Any, kind: ItemKind, *, since: datetime) -> frozenset[str]:
    """Subjects of the items of a kind that a person has settled since then."""
    return frozenset(row["subject"] for row in await conn.fetch(DECLINED, kind, since))


async def page(
    conn: Any, *, which: str, before: int | None, limit: int
) -> tuple[list[WorkItemView], int | None]:
    """Newest first, and `before` of the following page; `which`: open, settled or all."""
    limit = max(1, min(limit, PAGE_LEN_MAX))
    rows = [view(row) for row in await conn.fetch(PAGE, which, before, limit + 1)]
    return rows[:limit], rows[limit - 1].number if len(rows) > limit else None


async def gravest(conn: Any, limit: int) -> list[WorkItemView]:
    """Open items, gravest first, then oldest."""
    return [view(row) for row in await conn.fetch(GRAVEST, limit)]


async def open_count(conn: Any) -> int:
    """How many are open."""
    count: int = await conn.fetchval(OPEN_COUNT)
    return count


def told(changes: Sequence[Changed]) -> tuple[tuple[Entry, ...], tuple[Hint, ...]]:
    """Entries and hints of several changes."""
    entries = tuple(entry for each in changes for entry in each.entries)
    return entries, tuple(hint for each in changes for hint in each.hints)


def _changed(row: Any, kind: JournalKind, *, actor: str) -> Changed:
    shown = view(row)
    body = {
        name: shown.body[name] for name in ("number", "call_sign", "device") if name in shown.body
    }
    entry = Entry(
        actor=actor,
        subject=shown.subject,
        kind=kind,
        body=body
        | {
            "item": shown.kind,
            "item_number": shown.number,
            "severity": shown.severity,
            "times": shown.times,
            "work_why": shown.why,
        },
    )
    return Changed(item=shown, entries=(entry,), hints=_hints(shown.id))


def _hints(item_id: str) -> tuple[Hint, ...]:
    return (("work", item_id),)


def view(row: Any) -> WorkItemView:
    """A whole row of the table."""
    return msgspec.convert(dict(row), WorkItemView)
