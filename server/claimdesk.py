"""Who works on an incident: claimed by one dispatcher, seen by all consoles, no lock on anything.

Of two who claim at once one has it, and the other is told who. Whoever takes over from another
says from whom, so that nobody is pushed aside unseen, and why. A claim ends when its holder lets
go, when the incident is closed, and when no session of his is left (`run` looks). Knows no socket.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.dispatch.incidents import IncidentStatus
from server.journal.kinds import JournalKind as Kind
from server.ports import Clock, FanOut
from server.stores import claims, incidents, journal
from server.stores.away import STORE_AWAY
from server.stores.journal import Entry
from server.views import IncidentView

logger = logging.getLogger(__name__)

LOOK_S: Final = 2.0
"""Between two looks for claims whose holders have signed out."""


class ClaimDesk:
    """`by` is who acts: `user:<username>`."""

    def __init__(self, *, pool: Any, fanout: FanOut, clock: Clock, look_s: float = LOOK_S) -> None:
        self._pool, self._fanout, self._clock, self._look_s = pool, fanout, clock, look_s

    async def claim(
        self, incident_id: str, *, by: str, take_from: str = "", reason: str = ""
    ) -> IncidentView:
        """Work on an incident from now on; nothing happens where one does already.

        `take_from`: who is known to work on it, and is to be relieved. Raises `NotFound`,
        `Conflict` (`incident_closed`; `claimed`: by somebody else than `take_from`), `Impossible`
        (`no_reason`).
        """
        async with self._pool.acquire() as conn, conn.transaction():
            incident = _running(await incidents.lock(conn, incident_id))
            holder = incident.claimed_by
            changed = holder != by
            if changed:
                _require_free(incident, take_from, reason)
                await claims.put(
                    conn,
                    incident_id,
                    by=by,
                    at=self._clock(),
                    reason="" if holder is None else reason,
                )
                entry = _taken(incident, by) if holder is None else _over(incident, by, reason)
                await journal.append_all(conn, [entry])
            view = await _view(conn, incident_id)
        if changed:
            self._fanout.publish("incident", incident_id)
        return view

    async def release(self, incident_id: str, *, by: str) -> IncidentView:
        """Let go of an incident; nothing happens where nobody works on it.

        Raises `NotFound`, `Conflict` (`claimed`: by somebody else).
        """
        async with self._pool.acquire() as conn, conn.transaction():
            incident = _found(await incidents.lock(conn, incident_id))
            changed = incident.claimed_by is not None
            if changed:
                _require_holder(incident, by)
                await claims.clear(conn, incident_id)
                entry = _left(incident_id, incident.number, by, actor=by, over="released")
                await journal.append_all(conn, [entry])
            view = await _view(conn, incident_id)
        if changed:
            self._fanout.publish("incident", incident_id)
        return view

    async def run(self) -> None:
        """End the claims of those who have signed out, until cancelled."""
        while True:
            try:
                await self.sweep()
            except STORE_AWAY as error:
                logger.warning("claims end later, PostgreSQL is away: %s", error)
            await asyncio.sleep(self._look_s)

    async def sweep(self) -> int:
        """End the claims of those who have no session left; how many."""
        async with self._pool.acquire() as conn, conn.transaction():
            left = await claims.lock_left(conn, self._clock())
            for incident_id, _, _ in left:
                await claims.clear(conn, incident_id)
            said = [
                _left(incident_id, number, holder, actor="system", over="signed_out")
                for incident_id, number, holder in left
            ]
            await journal.append_all(conn, said)
        for incident_id, _, _ in left:
            self._fanout.publish("incident", incident_id)
        return len(left)


def _found(incident: IncidentView | None) -> IncidentView:
    if incident is None:
        raise NotFound("not_found", "There is no such incident.")
    return incident


def _running(incident: IncidentView | None) -> IncidentView:
    found = _found(incident)
    if IncidentStatus(found.status) is IncidentStatus.CLOSED:
        raise Conflict("incident_closed", f"Incident {found.number} is closed already.")
    return found


async def _view(conn: Any, incident_id: str) -> IncidentView:
    return _found(await incidents.load(conn, incident_id))


def _require_free(incident: IncidentView, take_from: str, reason: str) -> None:
    """Raises `Conflict` (`claimed`), `Impossible` (`no_reason`)."""
    if incident.claimed_by is None:
        return
    if incident.claimed_by != take_from:
        raise _claimed(incident)
    if not reason:
        raise Impossible("no_reason", f"Say why you take over from {take_from}.")


def _require_holder(incident: IncidentView, by: str) -> None:
    if incident.claimed_by != by:
        raise _claimed(incident)


def _claimed(incident: IncidentView) -> Conflict:
    text = f"{incident.claimed_by} works on incident {incident.number}; take over if you must."
    detail = {"claimed_by": incident.claimed_by, "claimed_at": incident.claimed_at}
    return Conflict("claimed", text, detail)


def _taken(incident: IncidentView, by: str) -> Entry:
    return Entry(
        actor=by,
        subject=f"incident:{incident.id}",
        kind=Kind.INCIDENT_CLAIMED,
        body={"number": incident.number},
    )


def _over(incident: IncidentView, by: str, reason: str) -> Entry:
    return Entry(
        actor=by,
        subject=f"incident:{incident.id}",
        kind=Kind.INCIDENT_TAKEN_OVER,
        body={"number": incident.number, "holder": incident.claimed_by, "reason": reason},
    )


def _left(incident_id: str, number: int, holder: str, *, actor: str, over: str) -> Entry:
    return Entry(
        actor=actor,
        subject=f"incident:{incident_id}",
        kind=Kind.INCIDENT_RELEASED,
        body={"number": number, "holder": holder, "over": over},
    )
