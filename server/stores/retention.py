"""Days of position history in PostgreSQL: which are due, and the doors through which they go.

The doors log what they do in the caller's transaction, and keep the last seven days and those that
are held for an incident, whoever asks.
"""

from __future__ import annotations

from datetime import date, datetime

from server.retentionpolicy import Day
from server.stores.pool import Connection

# Nobody else is at it until commit.
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('retention'))"

# Days that have a partition, oldest first; whether they are coarse, and held for an incident.
DAYS = """
WITH held AS MATERIALIZED (SELECT first_day, last_day FROM held_incident)
SELECT day, coarsened_at IS NOT NULL AS coarse,
       EXISTS (SELECT FROM held WHERE day BETWEEN first_day AND last_day) AS held
FROM position_day LEFT JOIN position_coarse USING (day)
WHERE day < $1 ORDER BY day
"""

# Whether positions that were observed between the two may be of a day that is coarse.
ANY_COARSE = """
SELECT EXISTS (SELECT FROM position_coarse
               WHERE day >= ($1::timestamptz AT TIME ZONE 'UTC')::date
                 AND day <= ($2::timestamptz AT TIME ZONE 'UTC')::date)
"""

COARSEN = "SELECT coarsen_positions($1, $2)"
DROP = "SELECT drop_positions($1, $2)"


async def try_lock(conn: Connection) -> bool:
    """Until commit; False where another process has it."""
    found: bool = await conn.fetchval(TRY_LOCK)
    return found


async def days(conn: Connection, *, before: date) -> list[Day]:
    """With history, before one, oldest first."""
    return [Day(**row) for row in await conn.fetch(DAYS, before)]


async def any_coarse(conn: Connection, since: datetime, until: datetime) -> bool:
    """Whether a day of the span is coarse; days are those of receipt."""
    found: bool = await conn.fetchval(ANY_COARSE, since, until)
    return found


async def coarsen(conn: Connection, day: date, *, by: str) -> None:
    """Raises `asyncpg.LockNotAvailableError` where somebody reads that day for too long."""
    await conn.execute(COARSEN, day, by)


async def drop(conn: Connection, *, before: date, by: str) -> int:
    """The oldest days before one, thirty at most; returns how many. Raises as `coarsen`."""
    found: int = await conn.fetchval(DROP, before, by)
    return found
