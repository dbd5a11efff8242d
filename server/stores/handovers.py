"""Reminders and handovers of the room as rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from server.handoverviews import DoneView, LastHandoverView, ReminderView

REMINDERS_LEN_MAX: Final = 200
"""That may wait at once."""

_REMINDER = """
SELECT reminder.id, text, due_at, incident_id, incident.number AS incident_number, set_by, set_at
FROM reminder LEFT JOIN incident ON incident.id = reminder.incident_id
"""
# Those that wait, soonest first.
WAITING = f"{_REMINDER} WHERE ended_at IS NULL ORDER BY due_at, reminder.id LIMIT $1"
# Those that are due, held until commit; another process may be at some of them.
DUE = f"""
{_REMINDER} WHERE ended_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT $2
FOR UPDATE OF reminder SKIP LOCKED
"""
ONE = f"{_REMINDER} WHERE reminder.id = $1"
BY_REQUEST = f"{_REMINDER} WHERE reminder.request_id = $1"
# Nobody else sets one until commit.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('reminder'))"
COUNT = "SELECT count(*) FROM reminder WHERE ended_at IS NULL"
INSERT = """
INSERT INTO reminder (id, text, due_at, incident_id, set_by, set_at, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
# Due, or dropped by somebody.
END = """
UPDATE reminder SET ended_at = $2, dropped_by = $3 WHERE id = $1 AND ended_at IS NULL RETURNING id
"""
# Nobody else takes the room until commit.
LOCK_ROOM = "SELECT pg_advisory_xact_lock(hashtext('handover'))"
LAST = "SELECT at, taken_by, note FROM handover ORDER BY at DESC LIMIT 1"
TAKEN = "SELECT at, taken_by, note FROM handover WHERE request_id = $1"
TAKE = """
INSERT INTO handover (id, since, at, taken_by, note, summary, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
DONE = """
SELECT (SELECT count(*) FROM incident WHERE opened_at > $1) AS opened,
       (SELECT count(*) FROM incident WHERE closed_at > $1) AS closed,
       (SELECT count(*) FROM dispatch_order WHERE issued_at > $1) AS orders,
       (SELECT count(*) FROM sos_call WHERE received_at > $1) AS calls_for_help,
       (SELECT count(*) FROM intake WHERE received_at > $1) AS received
"""


async def waiting(conn: Any) -> list[ReminderView]:
    """Reminders that wait, soonest first."""
    return [_view(row) for row in await conn.fetch(WAITING, REMINDERS_LEN_MAX)]


async def due(conn: Any, now: datetime, limit: int) -> list[ReminderView]:
    """Reminders that are due, held until commit."""
    return [_view(row) for row in await conn.fetch(DUE, now, limit)]


async def load(conn: Any, reminder_id: str) -> ReminderView | None:
    """One, whether it waits or not; None: no such."""
    row = await conn.fetchrow(ONE, reminder_id)
    return None if row is None else _view(row)


async def lock(conn: Any) -> None:
    """Nobody else sets one before the caller commits."""
    await conn.execute(LOCK)


async def by_request(conn: Any, request_id: str) -> ReminderView | None:
    """What an earlier request of this id set; None: none did."""
    row = await conn.fetchrow(BY_REQUEST, request_id)
    return None if row is None else _view(row)


async def count(conn: Any) -> int:
    """How many wait."""
    return int(await conn.fetchval(COUNT))


async def insert(conn: Any, wanted: ReminderView, *, request_id: str) -> None:
    await conn.execute(
        INSERT,
        wanted.id,
        wanted.text,
        wanted.due_at,
        wanted.incident_id,
        wanted.set_by,
        wanted.set_at,
        request_id,
    )


async def end(conn: Any, reminder_id: str, *, at: datetime, dropped_by: str | None) -> bool:
    """It waits no more; False: it did not."""
    return await conn.fetchval(END, reminder_id, at, dropped_by) is not None


async def last(conn: Any) -> LastHandoverView | None:
    """The handover before; None: there was none."""
    row = await conn.fetchrow(LAST)
    return None if row is None else LastHandoverView(**row)


async def lock_room(conn: Any) -> None:
    """Nobody else takes the room before the caller commits."""
    await conn.execute(LOCK_ROOM)


async def taken(conn: Any, request_id: str) -> LastHandoverView | None:
    """The handover that an earlier request of this id was; None: none was."""
    row = await conn.fetchrow(TAKEN, request_id)
    return None if row is None else LastHandoverView(**row)


async def done(conn: Any, since: datetime) -> DoneView:
    """What happened since then."""
    return DoneView(**await conn.fetchrow(DONE, since))


async def take(
    conn: Any,
    *,
    handover_id: str,
    request_id: str,
    since: datetime,
    at: datetime,
    by: str,
    note: str,
    summary: dict[str, int],
) -> None:
    await conn.execute(TAKE, handover_id, since, at, by, note, summary, request_id)


def _view(row: Any) -> ReminderView:
    return msgspec.convert(dict(row), ReminderView)
