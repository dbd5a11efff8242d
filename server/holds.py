"""Has the positions around an incident kept while it is looked into, and the log say so.

An incident that is open holds them by itself. A person holds one that is closed, and lets go of it
when nothing is looked into any more; then they go by the policy, at once where they are due.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from server.auditviews import HoldView
from server.dispatch.errors import Conflict, Impossible, NotFound
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.stores import holds, incidents, journal
from server.stores.pool import Connection, Pool

REASON_LEN_MAX: Final = 500


async def hold(pool: Pool, incident_id: str, *, why: str, by: str, at: datetime) -> HoldView:
    """From now on. Raises `NotFound`, `Impossible`, `Conflict` (`held`, `too_many`)."""
    why = _reason(why)
    async with pool.acquire() as conn, conn.transaction():
        await holds.lock(conn)
        number = await _number(conn, incident_id)
        if await holds.count(conn) >= holds.HOLDS_MAX:
            text = f"At most {holds.HOLDS_MAX} incidents are held at once: let go of some first."
            raise Conflict("too_many", text)
        if not await holds.insert(conn, new_id(), incident_id, why=why, by=by, at=at):
            raise Conflict("held", f"The positions around incident {number} are held already.")
        found = await holds.one(conn, incident_id)
        assert found is not None, "it is held"
        body = {"number": number, "why": why, "first_day": found.first_day}
        await _say(conn, JournalKind.RETENTION_HELD, incident_id, by, body | _until(found))
    return found


async def release(pool: Pool, incident_id: str, *, why: str, by: str, at: datetime) -> None:
    """No longer. Raises `NotFound`, `Impossible`, `Conflict` (`not_held`)."""
    why = _reason(why)
    async with pool.acquire() as conn, conn.transaction():
        await holds.lock(conn)
        number = await _number(conn, incident_id)
        if not await holds.end(conn, incident_id, why=why, by=by, at=at):
            raise Conflict("not_held", f"Nobody holds the positions around incident {number}.")
        body = {"number": number, "why": why}
        await _say(conn, JournalKind.RETENTION_RELEASED, incident_id, by, body)


async def everything(pool: Pool) -> list[HoldView]:
    """Incidents for which positions are kept, the newest first."""
    async with pool.acquire() as conn:
        return await holds.all_of_them(conn)


def _until(found: HoldView) -> dict[str, object]:
    """Of one that is open nobody knows it yet."""
    return {} if found.open else {"last_day": found.last_day}


def _reason(why: str) -> str:
    why = why.strip()
    if not 0 < len(why) <= REASON_LEN_MAX:
        raise Impossible("no_reason", f"Say why, in at most {REASON_LEN_MAX} characters.")
    return why


async def _number(conn: Connection, incident_id: str) -> int:
    found = await incidents.lock(conn, incident_id)
    if found is None:
        raise NotFound("not_found", "There is no such incident.")
    return found.number


async def _say(
    conn: Connection, kind: JournalKind, incident_id: str, by: str, body: dict[str, object]
) -> None:
    await journal.append(conn, actor=by, subject=f"incident:{incident_id}", kind=kind, body=body)
