"""What an item of the worklist says of a proposal, and what is read from it when a person accepts.

An item says everything that the step needs, as it was when it was made: the units, what each is
recommended on, and the orders that give way in the version that was seen. Whatever differs by then
is refused by the step itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from server.dispatch.contenders import reason_view
from server.dispatch.openplan import Job, on_it
from server.dispatch.proposals import Hope, Proposal
from server.dispatch.worklist import ItemKind
from server.openplan import Planned
from server.pipeline import NewDecision
from server.stores.replacing import Replaced
from server.stores.worklist import About
from server.views import OrderView, ReasonView
from server.watchviews import WorkItemView

KINDS = (ItemKind.SWAP, ItemKind.NOW_FREE)
AGAIN_MIN: Final = 2.0
"""min by which a time must differ from what an item says, for it to be said anew."""


class Step(Struct, frozen=True, kw_only=True):
    """A unit to be sent."""

    unit_id: str
    call_sign: str
    incident_id: str
    incident_number: int
    recommendation_id: str
    eta_min: float | None
    replaces: list[Way]
    """Orders that give way."""


class Way(Struct, frozen=True, kw_only=True):
    """An order that gives way, as it was seen."""

    order_id: str
    ver: int
    number: int
    call_sign: str
    unit_id: str = ""


class Later(Struct, frozen=True, kw_only=True):
    """Who comes to a released incident once he is done; not sent now."""

    incident_number: int
    call_sign: str
    eta_min: float


class Body(Struct, frozen=True, kw_only=True):
    """Of an item; `number` and `call_sign` are those of the first order that gives way."""

    key: str
    """`dispatch.proposals.Proposal.key`."""
    orders: dict[str, list[str]]
    """Open orders of each incident that units are sent to, as the plan saw them."""
    steps: list[Step]
    saves_min: float | None
    later: list[Later]
    call_sign: str
    number: int | None = None
    reasons: list[ReasonView] = []
    """Why the incident needs more than one unit."""
    adds: bool = False
    """Somebody is there or on the way: a unit more for an incident that needs two."""
    meeting: str = ""
    """Where two meet who are sent together and go in together, in words."""
    offers_at: datetime | None = None
    """When it is offered without asking, unless a person takes it on or settles it before."""
    by_order: int | None = None
    """Of war, that says so."""

    @property
    def gone(self) -> list[Way]:
        """All orders that give way."""
        return [each for step in self.steps for each in step.replaces]

    @property
    def released(self) -> list[str]:
        """Units that are called off and not sent elsewhere."""
        moved = {step.unit_id for step in self.steps}
        return [each.unit_id for each in self.gone if each.unit_id not in moved]

    def differs(self, before: Body) -> bool:
        """Whether an item that says `before` cannot be accepted any more, or misleads."""
        if (self.orders, self.gone) != (before.orders, before.gone):
            return True
        if (self.offers_at, self.by_order) != (before.offers_at, before.by_order):
            return True
        if self.meeting != before.meeting:
            return True
        minutes, said = self._minutes(), before._minutes()
        return any(
            (one is None) != (other is None) or abs((one or 0.0) - (other or 0.0)) >= AGAIN_MIN
            for one, other in zip(minutes, said, strict=True)
        )

    def _minutes(self) -> list[float | None]:
        return [self.saves_min, *(each.eta_min for each in self.steps)]


def kind_of(proposal: Proposal) -> ItemKind:
    return ItemKind.SWAP if proposal.called_off else ItemKind.NOW_FREE


def about(proposal: Proposal, planned: Planned) -> About:
    """The order that gives way; of a free unit the incident that waits."""
    if proposal.called_off:
        job = planned.jobs[proposal.called_off[0].unit_id]
        return About(
            subject=f"order:{job.order.id}",
            order_id=job.order.id,
            incident_id=proposal.moves[0].incident_id,
            unit_id=job.order.unit_id,
        )
    move = proposal.moves[0]
    return About(
        subject=f"incident:{move.incident_id}",
        incident_id=move.incident_id,
        unit_id=move.unit_id,
    )


def body(proposal: Proposal, planned: Planned) -> Body:
    names, goal = _names(planned), proposal.moves[0].incident_id
    gone = {each.unit_id: planned.jobs[each.unit_id] for each in proposal.called_off}
    first = next(iter(gone.values()), None)
    return Body(
        key=proposal.key,
        orders={
            each.incident_id: open_orders(planned.incidents[each.incident_id].orders)
            for each in proposal.moves
        },
        steps=[
            Step(
                unit_id=each.unit_id,
                call_sign=names[each.unit_id],
                incident_id=each.incident_id,
                incident_number=planned.incidents[each.incident_id].number,
                recommendation_id=planned.made[each.incident_id].view.id,
                eta_min=_eta_min(planned, each.incident_id, each.unit_id),
                replaces=_gives_way(proposal, planned, each.unit_id, each.incident_id),
            )
            for each in proposal.moves
        ],
        saves_min=None if proposal.saves_s is None else round(proposal.saves_s / 60.0, 1),
        later=[_later(each, planned, names) for each in proposal.hopes],
        call_sign=names[proposal.moves[0].unit_id] if first is None else first.order.call_sign,
        number=None if first is None else first.order.number,
        reasons=[] if gone else [reason_view(each) for each in planned.why_more[goal]],
        adds=not gone and bool(on_it(planned.incidents[goal])),
        meeting=_meeting(proposal, planned),
    )


def open_orders(orders: Iterable[OrderView]) -> list[str]:
    """Their ids, in order."""
    return sorted(each.id for each in orders if each.closed_at is None)


def builtins(said: Body) -> dict[str, Any]:
    """As an item keeps it."""
    found: dict[str, Any] = msgspec.to_builtins(said)
    return found


def read(item: WorkItemView) -> Body:
    """Raises `msgspec.ValidationError` for what an older version kept."""
    return msgspec.convert(item.body, Body)


def decisions(
    item: WorkItemView, said: Body, *, reason: str, instruction: str
) -> list[tuple[str, NewDecision]]:
    """One for each unit, and one for two who go together; asking twice decides once."""
    return [
        (
            first.incident_id,
            NewDecision(
                request_id=f"proposal:{item.id}:{number}",
                recommendation_id=first.recommendation_id,
                unit_ids=[each.unit_id for each in (first, *others)],
                instruction=instruction,
                reason=reason,
                replaces=[
                    Replaced(order_id=each.order_id, ver=each.ver) for each in first.replaces
                ],
            ),
        )
        for number, (first, *others) in enumerate(_groups(said.steps))
    ]


def _groups(steps: Iterable[Step]) -> list[list[Step]]:
    """Of free units to one incident one; of every other unit its own."""
    groups: dict[str, list[Step]] = {}
    for each in steps:
        groups.setdefault(each.unit_id if each.replaces else each.incident_id, []).append(each)
    return list(groups.values())


def _meeting(proposal: Proposal, planned: Planned) -> str:
    """Where the two meet that it sends together; empty: nowhere."""
    pair = planned.made[proposal.moves[0].incident_id].view.pair
    if pair is None or not pair.meets_before or pair.meeting is None:
        return ""
    both = sorted(pair.unit_ids) == [each.unit_id for each in proposal.moves]
    return pair.meeting.place if both and not proposal.called_off else ""


def _gives_way(proposal: Proposal, planned: Planned, unit_id: str, incident_id: str) -> list[Way]:
    """A unit's own order to its new one; one of a unit that goes home to whoever comes instead."""
    gone = {each.unit_id: planned.jobs[each.unit_id] for each in proposal.called_off}
    moved = {each.unit_id for each in proposal.moves}
    orders = [gone[unit_id].order] if unit_id in gone else _left(planned.jobs.get(unit_id))
    orders += [
        gone[each.unit_id].order
        for each in proposal.called_off
        if each.unit_id not in moved
        and each.released_id == incident_id
        and each.instead.unit_id == unit_id
    ]
    return [
        Way(
            order_id=each.id,
            ver=each.ver,
            number=each.number,
            call_sign=each.call_sign,
            unit_id=each.unit_id,
        )
        for each in orders
    ]


def _left(job: Job | None) -> list[OrderView]:
    """The order by which a unit stands by at a post, where it is sent from there."""
    return [job.order] if job is not None and job.may_leave else []


def _later(hope: Hope, planned: Planned, names: Mapping[str, str]) -> Later:
    return Later(
        incident_number=planned.incidents[hope.incident_id].number,
        call_sign=names[hope.unit_id],
        eta_min=round(hope.score_s / 60.0, 1),
    )


def _names(planned: Planned) -> dict[str, str]:
    return {
        one.unit_id: one.call_sign
        for each in planned.made.values()
        for one in each.record.premises.contenders
    }


def _eta_min(planned: Planned, incident_id: str, unit_id: str) -> float | None:
    contenders = planned.made[incident_id].record.premises.contenders
    eta_s = next((one.eta_s for one in contenders if one.unit_id == unit_id), None)
    return None if eta_s is None else round(eta_s / 60.0, 1)
