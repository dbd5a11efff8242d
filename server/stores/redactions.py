"""Redaction in PostgreSQL: the one door through which a field of the command log goes.

The door computes the leaf's hash from the commitments it is given, and says in the log what went.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.journal.exportfile import Line
from server.journal.merkle import Hash
from server.stores import audit
from server.stores.pool import Connection

# Nobody else redacts until commit.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('journal redact'))"
REDACT = "SELECT journal_redact($1, $2, $3, $4, $5, $6)"
# The door has forgotten them; an entry that had none yet gets them in its turn.
INDEX = "SELECT journal_index(ARRAY[seq], ARRAY[$2]) FROM journal_word WHERE seq = $1"
# Whatever the log says it is.
INCIDENT_OF = "SELECT incident_id FROM dispatch_order WHERE id::text = $1"


async def lock(conn: Connection) -> None:
    """Until commit."""
    await conn.execute(LOCK)


async def line(conn: Connection, seq: int) -> Line | None:
    """One entry with its salts; None: the log has none of this number."""
    found = [each async for each in audit.lines(conn, seq, seq) if isinstance(each, Line)]
    return found[0] if found else None


async def redact(
    conn: Connection,
    seq: int,
    names: Sequence[str],
    commitments: Mapping[str, Hash],
    *,
    by: str,
    reason: str,
) -> None:
    """Drop the fields `names`, under `lock`; `commitments` are of every field of the entry.

    Raises `asyncpg.PostgresError` for what the log does not let go.
    """
    await conn.execute(
        REDACT, seq, names, list(commitments), list(commitments.values()), by, reason
    )


async def incident_of(conn: Connection, order_id: str) -> str | None:
    """None: there is no such order."""
    found: str | None = await conn.fetchval(INCIDENT_OF, order_id)
    return found


async def index(conn: Connection, seq: int, words: str) -> None:
    """By which the rest of the entry is found, parted by blanks."""
    await conn.execute(INDEX, seq, words)
