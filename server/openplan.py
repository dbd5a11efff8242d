"""Asks for one plan of all open incidents: reads them, ranks every unit for each, shares units out.

What a unit counts as for an incident is what the ranking counts (`server.dispatch.score`), so that
a plan and a recommendation never contradict each other. A unit under way is there when the watch
over units under way foresees it, which knows of silence in dead zones. Writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import numpy as np

from geo.errors import NoRouteError, OffMapError
from server.dispatch import openplan as core
from server.dispatch.assignment import plan
from server.dispatch.demand import UNITS_MAX, Floats, Rules
from server.dispatch.eligibility import can_go
from server.dispatch.enroute import Drive
from server.dispatch.openplan import Held, Job, Waiting, on_it
from server.dispatch.pairs import why_more
from server.dispatch.proposals import Proposal, proposals
from server.dispatch.reasons import Reason
from server.dispatch.record import Recommended
from server.dispatch.runcardfile import shipped
from server.dispatch.score import score
from server.dispatch.travel import MODE_OF_PRIORITY, VEHICLE_OF_KIND, Traveller
from server.pipeline import Pipeline
from server.ports import CardsInForce, Clock, LiveUnits, RadioOutlook, Router
from server.stores import incidents, openplan
from server.views import IncidentView, UnitStatus

WAITED_S: Final = 60.0
"""From the call until a unit is proposed: before, the dispatcher is about to send one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan's proposals, and what they were made from."""

    proposals: tuple[Proposal, ...]
    incidents: Mapping[str, IncidentView]
    """Those that took part, by id."""
    jobs: Mapping[str, Job]
    """By unit id."""
    made: Mapping[str, Recommended]
    """By incident id."""
    why_more: Mapping[str, tuple[Reason, ...]]
    """Why those who are on it are not enough, by incident id; or whoever is sent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What people said of proposals, and what is proposed."""

    pinned: frozenset[str] = frozenset()
    """Units that are to go on."""
    without: frozenset[str] = frozenset()
    """Incidents that are to get no unit just now."""
    enough: frozenset[str] = frozenset()
    """Incidents that are to get no unit more than are on it."""
    proposed: Mapping[str, str | None] = field(default_factory=dict)
    """Incident by unit id, as the plan before had it; None: it lets that one go."""


class OpenPlan:
    """Of one county."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        live: LiveUnits,
        router: Router,
        radio: RadioOutlook,
        drive: Callable[[str], Drive | None],
        clock: Clock,
        cards: CardsInForce = shipped,
        rules: Rules | None = None,
        waited_s: float = WAITED_S,
    ) -> None:
        """`drive`: how an order under way gets on."""
        self._pipeline, self._live, self._router = pipeline, live, router
        self._radio, self._drive, self._clock = radio, drive, clock
        self._rules, self._waited_s, self._cards = rules or Rules(), waited_s, cards

    async def ask(self, conn: Any, said: Said) -> Planned:
        """One plan. Raises `RoutingBusy`, and `Conflict` where an incident closed meanwhile."""
        everything, now = await incidents.load_open(conn), self._clock()
        waiting = Waiting(
            now=now,
            waited_s_min=self._waited_s,
            most=self._most(),
            without=said.without,
            enough=said.enough,
        )
        some = core.taking_part(everything, waiting, unserved_s=self._rules.unserved_s)
        jobs = core.jobs(everything)
        made = {each.id: (await self._pipeline.compute(each.id))[1] for each in some}
        left_s = {
            unit_id: self._remaining_s(unit_id, job, made, now) for unit_id, job in jobs.items()
        }
        in_need = _in_need(made)
        units = _on_duty(made, jobs, without=in_need - set(jobs))
        out_of_reach = {each for each in jobs if self._radio.expected_back(each)}
        held = Held(
            unit_ids=said.pinned | out_of_reach | in_need,
            places_taken=core.successors(everything),
            proposed=said.proposed,
            diverted=await openplan.diverted(conn),
        )
        released = await openplan.released(conn, [each.id for each in some])
        movers = [
            core.mover(
                unit_id,
                call_sign,
                jobs.get(unit_id),
                remaining_s=left_s.get(unit_id),
                incidents={each.id for each in some},
                held=held,
            )
            for unit_id, call_sign in units.items()
        ]
        whys = {each.id: _why_more(each, made[each.id]) for each in some}
        found = plan(
            [
                core.open_incident(
                    each,
                    waiting,
                    needed=_needed(made[each.id], whys[each.id]),
                    released=released.get(each.id, 0),
                )
                for each in some
            ],
            movers,
            await self._scores(some, units, jobs, made, left_s),
            await self._later(some, units, jobs, made, left_s, now),
            self._rules,
        )
        return Planned(
            proposals=proposals(found),
            incidents={each.id: each for each in some},
            jobs=jobs,
            made=made,
            why_more=whys,
        )

    def _most(self) -> Callable[[IncidentView], int]:
        cards = self._cards()
        return lambda incident: max(cards.card(incident.type).units, 2)

    def _remaining_s(
        self, unit_id: str, job: Job, made: Mapping[str, Recommended], now: datetime
    ) -> float | None:
        """Until a unit under way is there; None: nobody knows."""
        if not job.under_way:
            return None
        drive = self._drive(job.order.id)
        if drive is not None and drive.arrives_at is not None:
            return max((drive.arrives_at - now).total_seconds(), 0.0)
        if job.incident.id not in made:
            return None
        contenders = made[job.incident.id].record.premises.contenders
        return next((one.eta_s for one in contenders if one.unit_id == unit_id), None)

    async def _scores(
        self,
        some: list[IncidentView],
        units: Mapping[str, str],
        jobs: Mapping[str, Job],
        made: Mapping[str, Recommended],
        left_s: Mapping[str, float | None],
    ) -> Floats:
        """(U, I) seconds; inf where it cannot be sent. Others have their turn between incidents."""
        rows = {unit_id: row for row, unit_id in enumerate(units)}
        found = np.full((len(units), len(some)), np.inf)
        for column, incident in enumerate(some):
            premises = made[incident.id].record.premises
            for one in premises.contenders:
                job = jobs.get(one.unit_id)
                if one.unit_id not in rows or (job is None and not can_go(one)):
                    continue
                own = job is not None and job.incident.id == incident.id
                if own and left_s.get(one.unit_id) is not None:
                    one = replace(one, eta_s=left_s[one.unit_id])
                if (counted := score(premises.scene, one)) is not None:
                    found[rows[one.unit_id], column] = counted.total_s
            await asyncio.sleep(0)
        return found

    async def _later(
        self,
        some: list[IncidentView],
        units: Mapping[str, str],
        jobs: Mapping[str, Job],
        made: Mapping[str, Recommended],
        left_s: Mapping[str, float | None],
        now: datetime,
    ) -> Floats:
        """(U, I) seconds once a unit is done with its job, the job included."""
        rows = {unit_id: row for row, unit_id in enumerate(units)}
        found = np.full((len(units), len(some)), np.inf)
        busy = {
            unit_id: job
            for unit_id, job in jobs.items()
            if unit_id in rows and job.incident.id in made and not job.wanted_back
        }
        froms = {
            unit_id: start
            for unit_id, job in busy.items()
            if (start := await self._from(unit_id, job)) is not None
        }
        for column, incident in enumerate(some):
            others = [each for each in froms if busy[each].incident.id != incident.id]
            travel_s = await self._travel_s([froms[each] for each in others], incident)
            for unit_id, seconds in zip(others, travel_s, strict=True):
                job, way_s = busy[unit_id], left_s.get(unit_id)
                scene_s = made[job.incident.id].record.premises.scene.scene_s
                if seconds is not None and (way_s is not None or not job.under_way):
                    done_s = core.job_left_s(job, way_s or 0.0, scene_s, now)
                    found[rows[unit_id], column] = done_s + seconds
        return found

    async def _from(self, unit_id: str, job: Job) -> Traveller | None:
        """Where a unit sets off from once it is done."""
        unit, at = self._live.unit(unit_id), job.incident
        if unit is None:
            return None
        try:
            place = await self._router.approach(at.lon, at.lat, MODE_OF_PRIORITY[at.priority])
        except (NoRouteError, OffMapError):
            return None
        return Traveller(snap=place.nearest.snap, vehicle=VEHICLE_OF_KIND[unit.kind])

    async def _travel_s(
        self, travellers: list[Traveller], incident: IncidentView
    ) -> list[float | None]:
        if not travellers:
            return []
        mode = MODE_OF_PRIORITY[incident.priority]
        try:
            place = await self._router.approach(incident.lon, incident.lat, mode)
        except (NoRouteError, OffMapError):
            return [None] * len(travellers)
        arrivals = await self._router.remaining([(each, place) for each in travellers], mode)
        return [None if each is None else each.eta_s for each in arrivals]


def _why_more(incident: IncidentView, made: Recommended) -> tuple[Reason, ...]:
    premises, theirs = made.record.premises, {each.unit_id for each in on_it(incident)}
    first = {each.unit_id for each in made.view.candidates[:1]}
    some = theirs or first
    return why_more(premises.scene, [one for one in premises.contenders if one.unit_id in some])


def _needed(made: Recommended, why: tuple[Reason, ...]) -> int:
    """Units in all."""
    return max(made.record.premises.scene.units, 2) if why else 1


def _on_duty(
    made: Mapping[str, Recommended], jobs: Collection[str], *, without: Collection[str]
) -> dict[str, str]:
    """Call signs by unit id. Of more than a plan takes, those on a job, then the nearest."""
    near_s: dict[str, tuple[bool, float, str]] = {}
    for each in made.values():
        for one in each.record.premises.contenders:
            if one.status is UnitStatus.OFF_DUTY or one.unit_id in without:
                continue
            found = one.unit_id not in jobs, one.eta_s or np.inf, one.call_sign
            near_s[one.unit_id] = min(found, near_s.get(one.unit_id, found))
    some = sorted(near_s, key=lambda unit_id: near_s[unit_id])[:UNITS_MAX]
    return {unit_id: near_s[unit_id][2] for unit_id in some}


def _in_need(made: Mapping[str, Recommended]) -> set[str]:
    """Units that call for help themselves: nobody sends them elsewhere."""
    return {
        one.unit_id
        for each in made.values()
        for one in each.record.premises.contenders
        if one.in_need
    }
