"""The command log in PostgreSQL: appending inside the caller's transaction.

Appending takes no lock, so that commits go to disk together. An entry has its place (`seq`) in the
log a moment later, when `server.sealer` has sealed it; readers have that done first, and see what
is sealed. Knows no subject's meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.journal.kinds import JournalKind


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


# Append one: the entry, and its row in the queue of what is to be sealed.
APPEND = """
WITH entry AS (
    INSERT INTO journal_entry (actor, subject, kind, body) VALUES ($1, $2, $3, $4) RETURNING id
)
INSERT INTO journal_pending (entry_id) SELECT id FROM entry
"""

# Append entries in their order.
APPEND_ALL = """
WITH entry AS (
    INSERT INTO journal_entry (actor, subject, kind, body)
    SELECT actor, subject, kind, body
    FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) WITH ORDINALITY
        AS step (actor, subject, kind, body, place)
    ORDER BY place RETURNING id
)
INSERT INTO journal_pending (entry_id) SELECT id FROM entry
"""


async def append(
    conn: Any, *, actor: str, subject: str, kind: JournalKind, body: dict[str, Any]
) -> None:
    """Append one entry in the caller's transaction."""
    await append_all(conn, [Entry(actor=actor, subject=subject, kind=kind, body=body)])


async def append_all(conn: Any, entries: Sequence[Entry]) -> None:
    """Append the entries of one step, in order, in its transaction."""
    if not entries:
        return
    if len(entries) == 1:  # as most steps have; arrays cost more
        (only,) = entries
        await conn.execute(APPEND, only.actor, only.subject, only.kind, only.body)
        return
    columns = zip(
        *((each.actor, each.subject, each.kind, each.body) for each in entries), strict=True
    )
    await conn.execute(APPEND_ALL, *columns)
