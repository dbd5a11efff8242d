"""The command log in PostgreSQL: append inside the caller's transaction, search with filters.

Append is the LAST statement of a transaction: it takes the log's lock and holds it until commit,
which makes `seq` dense and equal to commit order. Knows no subject's meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.journal.kinds import JournalKind
from server.views import JournalEntryView

PAGE_LEN_MAX = 200
"""Entries of one page; a larger wish is cut to this."""
QUERY_LEN_MAX = 200
"""Characters of the free text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry to append; a step collects them and appends them at its end."""

    actor: str
    """`user:<username>`, `officer:<badge>`, `device:<id>` or `system`."""
    subject: str
    """`incident:<id>`, `order:<id>`, `sos:<id>`, `unit:<id>`, `device:<id>`, `user:<username>`,
    `spare:<id>`."""
    kind: JournalKind
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFilter:
    """What to look for; empty fields match everything."""

    text: str = ""
    """Free text, found in actor, subject, kind or body, letter case ignored."""
    kind: str = ""
    """Exact kind, or its first part: `order` finds every `order.…`."""
    actor: str = ""
    subject: str = ""
    since: datetime | None = None
    """At or after."""
    until: datetime | None = None
    """Before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPage:
    """Newest first; `next_before` is the `before` of the following page, None at the end."""

    entries: list[JournalEntryView]
    next_before: int | None


# Append entries in their order and return their seqs.
APPEND = """
SELECT journal_append(actor, subject, kind, body) AS seq
FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) AS entry (actor, subject, kind, body)
"""

# One page, newest first; one row more than asked tells whether there is a next page.
SEARCH = r"""
SELECT seq, at, actor, subject, kind, body
FROM journal_entry
WHERE ($1::bigint IS NULL OR seq < $1)
  AND ($2 = '' OR kind = $2 OR starts_with(kind, $2 || '.'))
  AND ($3 = '' OR actor = $3)
  AND ($4 = '' OR subject = $4)
  AND ($5::timestamptz IS NULL OR at >= $5)
  AND ($6::timestamptz IS NULL OR at < $6)
  AND ($7 = '' OR actor ILIKE $7 OR subject ILIKE $7 OR kind ILIKE $7 OR body::text ILIKE $7)
ORDER BY seq DESC
LIMIT $8
"""


async def append(
    conn: Any, *, actor: str, subject: str, kind: JournalKind, body: dict[str, Any]
) -> int:
    """Append one entry in the caller's transaction; its last statement. Returns the seq."""
    seq: int = await conn.fetchval(APPEND, [actor], [subject], [kind], [body])
    return seq


async def append_all(conn: Any, entries: Sequence[Entry]) -> None:
    """Append the entries of one step, in order; the last thing its transaction does."""
    if not entries:
        return
    columns = zip(
        *((each.actor, each.subject, each.kind, each.body) for each in entries), strict=True
    )
    await conn.execute(APPEND, *columns)


async def search(
    conn: Any, wanted: JournalFilter, *, before: int | None = None, limit: int = 50
) -> JournalPage:
    """One page of entries that match, newest first, with `seq` below `before`."""
    limit = max(1, min(limit, PAGE_LEN_MAX))
    text = wanted.text.strip()[:QUERY_LEN_MAX]
    rows = await conn.fetch(
        SEARCH,
        before,
        wanted.kind,
        wanted.actor,
        wanted.subject,
        wanted.since,
        wanted.until,
        f"%{_like_escaped(text)}%" if text else "",
        limit + 1,
    )
    entries = [JournalEntryView(**row) for row in rows[:limit]]
    return JournalPage(entries=entries, next_before=entries[-1].seq if len(rows) > limit else None)


def _like_escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
