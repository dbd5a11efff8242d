"""From open incidents with their orders to what a plan for all of them is asked with. Pure.

An incident takes part that waits for a unit, or that a unit is under way to. It is to have the
units that it was given; one that has none is to have one. A unit is free, under way, or busy; one
that nobody may call off takes part where it goes: who has not answered yet, whose order took the
place of another that is not confirmed, who is out of reach, and whom a person wants to go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from server.dispatch.demand import WANTED_MAX, WEIGHT, Mover, OpenIncident, Standing
from server.dispatch.orders import RANK, OrderState
from server.views import IncidentView, OrderView

INCIDENTS_LEN_MAX: Final = 20
"""That take part at once, most urgent and then oldest first. The others are left as they are."""
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


def taking_part(
    incidents: Sequence[IncidentView], now: datetime, *, waited_s_min: float
) -> list[IncidentView]:
    """Those a plan is of; one that waits, from `waited_s_min` on: first the dispatcher decides."""
    found = [
        each
        for each in incidents
        if each.status != "closed"
        and (
            any(_goes_there(order) for order in each.orders)
            or (lacks_units(each) and waited_s(each, now) >= waited_s_min)
        )
    ]
    found.sort(key=lambda each: (-WEIGHT[each.priority], each.opened_at, each.id))
    return found[:INCIDENTS_LEN_MAX]


def lacks_units(incident: IncidentView) -> bool:
    """Nobody is there or on the way."""
    return not any(each.closed_at is None and not wanted_back(each) for each in incident.orders)


def waited_s(incident: IncidentView, now: datetime) -> float:
    """Since the call; of one that lost its unit, since then."""
    ends = [each.closed_at for each in incident.orders if each.closed_at is not None]
    ends += [each.recall.at for each in incident.orders if each.recall is not None]
    return max((now - max([incident.opened_at, *ends])).total_seconds(), 0.0)


def open_incident(incident: IncidentView, now: datetime, *, released: int) -> OpenIncident:
    """As a plan takes it."""
    return OpenIncident(
        incident_id=incident.id,
        priority=incident.priority,
        waited_s=max((now - incident.opened_at).total_seconds(), 0.0),
        wanted=min(
            max(sum(_goes_there(each) for each in incident.orders), int(lacks_units(incident))),
            WANTED_MAX,
        ),
        released=released,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Who may not be called off, and what was proposed before."""

    unit_ids: AbstractSet[str]
    """Out of reach, or a person wants them to go on."""
    proposed: Mapping[str, str]
    """Incident by unit id, as the plan before this one had it."""
    diverted: Mapping[str, int]
    """By unit id."""


def mover(
    unit_id: str,
    call_sign: str,
    job: Job | None,
    *,
    remaining_s: float | None,
    incidents: AbstractSet[str],
    places_taken: AbstractSet[str],
    held: Held,
) -> Mover:
    """`incidents`: those that take part; `places_taken`: orders that took the place of one that is
    not confirmed to be over yet."""
    goes = job is not None and job.under_way and job.incident.id in incidents
    return Mover(
        unit_id=unit_id,
        call_sign=call_sign,
        standing=_standing(job, goes=goes),
        incident_id=job.incident.id if job is not None and goes else None,
        remaining_s=remaining_s if goes else None,
        diversions=held.diverted.get(unit_id, 0),
        pinned=job is not None
        and goes
        and (not job.answered or job.order.id in places_taken or unit_id in held.unit_ids),
        proposed=held.proposed.get(unit_id),
    )


def _standing(job: Job | None, *, goes: bool) -> Standing:
    if job is None:
        return Standing.FREE
    return Standing.UNDER_WAY if goes else Standing.BUSY


def job_left_s(job: Job, remaining_s: float, scene_s: float, now: datetime) -> float:
    """Until a unit is done with its job, s; of one that is there, at least a while."""
    if job.under_way:
        return remaining_s + scene_s
    been_s = (now - job.order.state_at).total_seconds()
    return max(scene_s - been_s, SCENE_LEFT_S_MIN)


def _goes_there(order: OrderView) -> bool:
    open_one = order.closed_at is None and not wanted_back(order)
    return open_one and RANK[OrderState(order.state)] < _THERE
