"""The checklist of an incident: what its run card says is to be done, and who did it when."""

from __future__ import annotations

from typing import Any

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.dispatch.incidents import IncidentStatus
from server.journal.kinds import JournalKind as Kind
from server.ports import Clock, FanOut
from server.runcarddesk import RunCardDesk
from server.stores import checklists, incidents, journal
from server.stores.checklists import Checklist
from server.stores.journal import Entry
from server.views import IncidentView


class ChecklistDesk:
    """`by` is who acts: `user:<username>`."""

    def __init__(self, *, pool: Any, fanout: FanOut, cards: RunCardDesk, clock: Clock) -> None:
        self._pool, self._fanout, self._cards, self._clock = pool, fanout, cards, clock

    async def look(self, incident_id: str) -> Checklist:
        """Raises `NotFound`."""
        async with self._pool.acquire() as conn:
            incident = _found(await incidents.load(conn, incident_id, with_events=False))
            return await self._load(conn, incident)

    async def set_step(
        self, incident_id: str, step: int, *, ticked: bool, version: int, by: str
    ) -> Checklist:
        """Tick a step, or take the tick back; nothing happens where it is so already.

        `version`: of the run cards that the person saw. Raises `NotFound`, `Impossible`
        (`no_such_step`), `Conflict` (`stale`, `incident_closed`).
        """
        async with self._pool.acquire() as conn, conn.transaction():
            incident = _found(await incidents.lock(conn, incident_id))
            found = await self._load(conn, incident)
            _require(incident, found, step, version)
            if ticked:
                await checklists.keep(conn, incident_id, found)
                at = self._clock()
                changed = await checklists.tick(conn, incident_id, step, by=by, at=at)
            else:
                changed = await checklists.untick(conn, incident_id, step)
            if changed:
                await journal.append_all(conn, [_entry(incident, found, step, ticked, by)])
            found = await self._load(conn, incident)
        if changed:
            self._fanout.publish("incident", incident_id)
        return found

    async def _load(self, conn: Any, incident: IncidentView) -> Checklist:
        cards = await self._cards.current(conn)
        return await checklists.load(conn, incident.id, incident.type, cards)


def _found(incident: IncidentView | None) -> IncidentView:
    if incident is None:
        raise NotFound("not_found", "There is no such incident.")
    return incident


def _require(incident: IncidentView, found: Checklist, step: int, version: int) -> None:
    if IncidentStatus(incident.status) is IncidentStatus.CLOSED:
        raise Conflict("incident_closed", f"Incident {incident.number} is closed already.")
    if version != found.version:
        text = f"Its checklist is that of version {found.version}; look at it again."
        raise Conflict("stale", text, {"version": found.version})
    if not 0 <= step < len(found.card.steps):
        raise Impossible("no_such_step", f"Its checklist has {len(found.card.steps)} steps.")


def _entry(incident: IncidentView, found: Checklist, step: int, ticked: bool, by: str) -> Entry:
    return Entry(
        actor=by,
        subject=f"incident:{incident.id}",
        kind=Kind.INCIDENT_STEP_TICKED if ticked else Kind.INCIDENT_STEP_UNTICKED,
        body={
            "number": incident.number,
            "run_cards": found.version,
            "step": step + 1,
            "words": {"en": found.card.steps[step].en, "zh": found.card.steps[step].zh},
        },
    )
