"""How the timers of orders were set, and since when: entries of the command log, so that whoever
looks back judges by what held then. A server says so when it starts with others than the last."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, Final

import msgspec

from server.dispatch.timers import TimerTable
from server.journal.kinds import JournalKind
from server.stores import journal

logger = logging.getLogger(__name__)

SUBJECT: Final = "settings:timers"
SETS_MAX: Final = 1_000
"""The newest ones that are looked at."""

# Of two servers that start at once, one after the other.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('timers'))"

NEWEST = "SELECT body FROM journal_entry WHERE subject = $1 ORDER BY id DESC LIMIT 1"

BEFORE = """
SELECT at, body FROM (
    SELECT id, at, body FROM journal_entry WHERE subject = $1 AND at < $2
    ORDER BY id DESC LIMIT $3) AS newest
ORDER BY id
"""


async def note(pool: Any, timers: TimerTable) -> None:
    """Say in the log how timers are set, unless its last entry of them says so."""
    body = msgspec.to_builtins(timers)
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(LOCK)
        last = await conn.fetchrow(NEWEST, SUBJECT)
        if last is not None and _table(last["body"]) == timers:
            return
        await journal.append(
            conn, actor="system", subject=SUBJECT, kind=JournalKind.TIMERS_SET, body=body
        )


async def before(conn: Any, until: datetime) -> list[tuple[datetime, TimerTable]]:
    """Each with when it began to hold, oldest first."""
    rows = await conn.fetch(BEFORE, SUBJECT, until, SETS_MAX)
    tables = ((row["at"], _table(row["body"])) for row in rows)
    return [(at, table) for at, table in tables if table is not None]


def _table(body: Any) -> TimerTable | None:
    """None: a program wrote it whose timers are others."""
    try:
        return msgspec.convert(body, TimerTable)
    except msgspec.ValidationError as error:
        logger.warning("timers of the log cannot be read: %s", error)
        return None
