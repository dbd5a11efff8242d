"""Reads the log as it is stored, for an export: nothing is mended, what is gone shows as gone.

Every function works in the caller's transaction, which should see one moment (REPEATABLE READ).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from server.journal import canonical
from server.journal.exportfile import Line, Noted, Unsealed
from server.journal.leaf import SALT_LEN, Content, fields, paired
from server.journal.merkle import HASH_LEN, Hash
from server.stores.pool import Connection
from server.stores.seals import AT

STRAY_LEN_MAX: Final = 10_000
"""Entries without a place that are named."""

# A leaf whose entry is gone is there all the same.
_LEAVES: Final = f"""
SELECT l.seq, l.hash, l.salts, l.redacted, e.id, {AT} AS at, e.actor, e.subject, e.kind,
       e.body::text AS body, c.note
FROM journal_leaf l
LEFT JOIN journal_entry e ON e.id = l.entry_id
LEFT JOIN journal_checkpoint c ON c.size = l.seq
"""  # noqa: S608 (our own text)
LINES: Final = f"{_LEAVES} WHERE l.seq BETWEEN $1 AND $2 ORDER BY l.seq"
SOME: Final = f"{_LEAVES} WHERE l.seq = ANY ($1::bigint[]) ORDER BY l.seq"

STRAYS = """
SELECT e.id, p.entry_id IS NOT NULL AS waiting
FROM journal_entry e
LEFT JOIN journal_leaf l ON l.entry_id = e.id
LEFT JOIN journal_pending p ON p.entry_id = e.id
WHERE l.seq IS NULL ORDER BY e.id LIMIT $1
"""

# In the order in which keys were announced.
ANNOUNCEMENTS = """
SELECT e.body->>'statement' AS note
FROM journal_entry e JOIN journal_leaf l ON l.entry_id = e.id
WHERE e.kind = 'journal.key_changed' AND e.body ? 'statement' ORDER BY l.seq
"""

# From the first entry written at or after one time up to the last one before the other.
BETWEEN = """
SELECT min(seq) FILTER (WHERE $1::timestamptz IS NULL OR at >= $1) AS first,
       max(seq) FILTER (WHERE $2::timestamptz IS NULL OR at < $2) AS last
FROM journal_leaf JOIN journal_entry ON id = entry_id
"""


async def between(
    conn: Connection, since: datetime | None, until: datetime | None
) -> tuple[int | None, int | None]:
    """The first entry at or after a time, and the last one before another; None: there is none."""
    row: Any = await conn.fetchrow(BETWEEN, since, until)
    return row["first"], row["last"]


async def lines(conn: Connection, first: int, last: int) -> AsyncIterator[Noted | Line]:
    """Entries `first` … `last`, as far as their leaves are there; before each the checkpoint that
    was signed when it was the last."""
    async for row in conn.cursor(LINES, first, last, prefetch=500):
        if row["note"] is not None:
            yield Noted(note=row["note"])
        yield _line(row)


async def some(conn: Connection, seqs: Sequence[int]) -> list[Line]:
    """These entries as far as their leaves are there, in the order of the log."""
    return [_line(row) for row in await conn.fetch(SOME, list(seqs))]


async def strays(conn: Connection) -> list[Unsealed]:
    """Entries without a place, as far as `STRAY_LEN_MAX`; those that do not wait are suspicious."""
    return [Unsealed(**row) for row in await conn.fetch(STRAYS, STRAY_LEN_MAX)]


async def announcements(conn: Connection) -> list[str]:
    """Of keys, oldest first."""
    return [row["note"] for row in await conn.fetch(ANNOUNCEMENTS)]


def _line(row: Any) -> Line:
    if row["id"] is None:
        return Line(seq=row["seq"], leaf=row["hash"], salts={})
    redacted = {name: _commitment(text) for name, text in _object(row["redacted"]).items()}
    body = canonical.loads(row["body"])
    said = fields(actor=row["actor"], subject=row["subject"], kind=row["kind"], body=body)
    values = {name: value for name, value in said.items() if name not in redacted}
    content = Content(id=row["id"], at=row["at"] or "", values=values, redacted=redacted)
    return Line(seq=row["seq"], leaf=row["hash"], content=content, salts=_salts(values, row))


def _salts(values: Mapping[str, Any], row: Any) -> dict[str, bytes]:
    """Where there are more or fewer than fields, the leaf does not fit, as the verifier says."""
    length = SALT_LEN * len(values)
    return paired(values, row["salts"][:length].ljust(length, b"\0"))


def _commitment(text: Any) -> Hash:
    """One that was spoiled is none that fits."""
    try:
        found = bytes.fromhex(text)
    except (TypeError, ValueError):
        found = b""
    return found[:HASH_LEN].ljust(HASH_LEN, b"\0")


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
