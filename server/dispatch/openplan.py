"""From open incidents with their orders to what a plan for all of them is asked with. Pure.

An incident takes part that waits for a unit, or for one more where the rules want two
(`server.dispatch.pairs`), or that a unit is under way to. A post to stand by at takes no part, and
who waits there is free for any call; an incident for which a person wants no unit just now waits
for nobody. A unit is free, under way, or busy;
one that nobody may call off takes part where it goes: who has not answered yet, whose order took
the place of another that is not confirmed, who is out of reach, and whom a person wants to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from server.dispatch.demand import WAITED_S_MAX, WANTED_MAX, WEIGHT, Mover, OpenIncident, Standing
from server.dispatch.orders import RANK, OrderState
from server.dispatch.runcards import STANDBY_AT_POST
from server.views import IncidentView, OrderView

INCIDENTS_LEN_MAX: Final = 20
"""That take part at once, most urgent first. The others are left as they are."""
SCENE_LEFT_S_MIN: Final = 600.0
"""s. Nobody leaves a scene by the clock: so much is always taken to lie ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a unit is on."""

    order: OrderView
    incident: IncidentView

    @property
    def wanted_back(self) -> bool:
        return wanted_back(self.order)

    @property
    def under_way(self) -> bool:
        """Towards the place, by its own word."""
        return not self.wanted_back and RANK[OrderState(self.order.state)] < _THERE

    @property
    def may_leave(self) -> bool:
        """It stands by at a post, or is on its way there: free for any call, nobody is missed."""
        return self.incident.type == STANDBY_AT_POST and self.answered and not self.wanted_back

    @property
    def answered(self) -> bool:
        return RANK[OrderState(self.order.state)] >= RANK[OrderState.ACCEPTED]


_THERE: Final = RANK[OrderState.ON_SCENE]


def wanted_back(order: OrderView) -> bool:
    """The room wants it back, and the unit has not declined."""
    return order.recall is not None and order.recall.state != "declined"


def jobs(incidents: Sequence[IncidentView]) -> dict[str, Job]:
    """What each busy unit is on: the order that it goes by, not one that gives way to it."""
    found: dict[str, Job] = {}
    for incident in incidents:
        for order in incident.orders:
            superseded = order.recall is not None and order.recall.why == "superseded"
            if order.closed_at is None and not superseded:
                found[order.unit_id] = Job(order=order, incident=incident)
    return found


def successors(incidents: Sequence[IncidentView]) -> set[str]:
    """Orders that took the place of one that is open."""
    return {
        order.successor_id
        for each in incidents
        for order in each.orders
        if order.closed_at is None and order.successor_id is not None
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Which incidents wait for units at a moment."""

    now: datetime
    waited_s_min: float
    """Since something last became of it: first the dispatcher decides."""
    most: Callable[[IncidentView], int]
    """Units that one may want in all."""
    without: AbstractSet[str] = frozenset()
    """Incidents for which a person wants no unit just now."""
    enough: AbstractSet[str] = frozenset()
    """Incidents for which a person wants no unit more than are on it."""

    def waits(self, incident: IncidentView) -> bool:
        """Whether units are found for it beside those that are on it."""
        here = len(on_it(incident))
        if incident.id in (self.without | self.enough if here else self.without):
            return False
        return here < self.most(incident) and waited_s(incident, self.now) >= self.waited_s_min


def taking_part(
    incidents: Sequence[IncidentView], waiting: Waiting, *, unserved_s: float
) -> list[IncidentView]:
    """Those a plan is of. Whoever has nobody counts as in a plan, by priority and for what it has
    waited (`matching`), so that its turn comes; who wants one more comes after all others."""

    def urgency(each: IncidentView) -> tuple[bool, float, datetime, str]:
        needs, nobody = _goes(each) or not on_it(each), not on_it(each)
        waited = (waiting.now - each.opened_at).total_seconds() if nobody else 0.0
        seconds = unserved_s + min(max(waited, 0.0), WAITED_S_MAX)
        return not needs, -WEIGHT[each.priority] * seconds, each.opened_at, each.id

    found = [
        each
        for each in incidents
        if each.status != "closed"
        and each.type != STANDBY_AT_POST
        and (_goes(each) or waiting.waits(each))
    ]
    return sorted(found, key=urgency)[:INCIDENTS_LEN_MAX]


def on_it(incident: IncidentView) -> list[OrderView]:
    """Orders of units that are there, or on the way, and that nobody wants back."""
    return [each for each in incident.orders if each.closed_at is None and not wanted_back(each)]


def waited_s(incident: IncidentView, now: datetime) -> float:
    """Since the call; of one that was given a unit, or lost one, since then."""
    ends = [each.closed_at or each.issued_at for each in incident.orders]
    ends += [each.recall.at for each in incident.orders if each.recall is not None]
    return max((now - max([incident.opened_at, *ends])).total_seconds(), 0.0)


def open_incident(
    incident: IncidentView, waiting: Waiting, *, needed: int, released: int
) -> OpenIncident:
    """As a plan takes it; `needed`: units that it is to have in all."""
    here, going = len(on_it(incident)), _goes(incident)
    more = max(needed - here, 0) if waiting.waits(incident) else 0
    return OpenIncident(
        incident_id=incident.id,
        priority=incident.priority,
        waited_s=max((waiting.now - incident.opened_at).total_seconds(), 0.0),
        wanted=min(going + more, WANTED_MAX),
        there=here - going,
        released=released,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Who may not be called off, and what was proposed before."""

    unit_ids: AbstractSet[str]
    """Out of reach, or a person wants them to go on."""
    places_taken: AbstractSet[str]
    """Orders that took the place of one that is not confirmed to be over yet."""
    proposed: Mapping[str, str | None]
    """As the plan before this one had it: incident by unit id; None: it lets that one go."""
    diverted: Mapping[str, int]
    """By unit id."""


def mover(
    unit_id: str,
    call_sign: str,
    job: Job | None,
    *,
    remaining_s: float | None,
    incidents: AbstractSet[str],
    held: Held,
) -> Mover:
    """`incidents`: those that take part."""
    goes = job is not None and job.under_way and job.incident.id in incidents
    is_held = unit_id in held.unit_ids or (job is not None and job.order.id in held.places_taken)
    return Mover(
        unit_id=unit_id,
        call_sign=call_sign,
        standing=_standing(job, goes=goes, is_held=is_held),
        incident_id=job.incident.id if job is not None and goes else None,
        remaining_s=remaining_s if goes else None,
        diversions=held.diverted.get(unit_id, 0),
        pinned=job is not None and goes and (not job.answered or is_held),
        proposed=held.proposed.get(unit_id),
        let_go=unit_id in held.proposed and held.proposed[unit_id] is None,
    )


def _standing(job: Job | None, *, goes: bool, is_held: bool) -> Standing:
    if job is None or (job.may_leave and not is_held):
        return Standing.FREE
    return Standing.UNDER_WAY if goes else Standing.BUSY


def job_left_s(job: Job, remaining_s: float, scene_s: float, now: datetime) -> float:
    """Until a unit is done with its job, s; of one that is there, at least a while."""
    if job.under_way:
        return remaining_s + scene_s
    been_s = (now - job.order.state_at).total_seconds()
    return max(scene_s - been_s, SCENE_LEFT_S_MIN)


def _goes(incident: IncidentView) -> int:
    """Units on their way there."""
    return sum(RANK[OrderState(each.state)] < _THERE for each in on_it(incident))
