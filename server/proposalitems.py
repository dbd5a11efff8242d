"""What an item of the worklist says of a proposal, and what is read from it when a person accepts.

An item says everything that the step needs, as it was when it was made: the units, what each is
recommended on, and the orders that give way in the version that was seen. Whatever differs by then
is refused by the step itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from server.dispatch.openplan import Job
from server.dispatch.proposals import Hope, Proposal
from server.dispatch.worklist import ItemKind
from server.openplan import Planned
from server.pipeline import NewDecision
from server.stores.replacing import Replaced
from server.stores.worklist import About
from server.views import OrderView
from server.watchviews import WorkItemView

KINDS = (ItemKind.SWAP, ItemKind.NOW_FREE)


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


def body(proposal: Proposal, planned: Planned) -> dict[str, Any]:
    names = _names(planned)
    gone = {each.unit_id: planned.jobs[each.unit_id] for each in proposal.called_off}
    first = next(iter(gone.values()), None)
    made = Body(
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
                replaces=_gives_way(proposal, gone, each.unit_id, each.incident_id),
            )
            for each in proposal.moves
        ],
        saves_min=None if proposal.saves_s is None else round(proposal.saves_s / 60.0, 1),
        later=[_later(each, planned, names) for each in proposal.hopes],
        call_sign=names[proposal.moves[0].unit_id] if first is None else first.order.call_sign,
        number=None if first is None else first.order.number,
    )
    found: dict[str, Any] = msgspec.to_builtins(made)
    return found


def open_orders(orders: Iterable[OrderView]) -> list[str]:
    """Their ids, in order."""
    return sorted(each.id for each in orders if each.closed_at is None)


def read(item: WorkItemView) -> Body:
    """Raises `msgspec.ValidationError` for what an older version kept."""
    return msgspec.convert(item.body, Body)


def decisions(item: WorkItemView, said: Body, *, reason: str) -> list[tuple[str, NewDecision]]:
    """One for each unit; asking twice decides once."""
    return [
        (
            step.incident_id,
            NewDecision(
                request_id=f"proposal:{item.id}:{number}",
                recommendation_id=step.recommendation_id,
                unit_ids=[step.unit_id],
                reason=reason,
                replaces=[Replaced(order_id=each.order_id, ver=each.ver) for each in step.replaces],
            ),
        )
        for number, step in enumerate(said.steps)
    ]


def _gives_way(
    proposal: Proposal, gone: Mapping[str, Job], unit_id: str, incident_id: str
) -> list[Way]:
    """A unit's own order to its new one; one of a unit that goes home to whoever comes instead."""
    moved = {each.unit_id for each in proposal.moves}
    orders = [gone[unit_id].order] if unit_id in gone else []
    orders += [
        gone[each.unit_id].order
        for each in proposal.called_off
        if each.unit_id not in moved
        and each.released_id == incident_id
        and each.instead.unit_id == unit_id
    ]
    return [
        Way(order_id=each.id, ver=each.ver, number=each.number, call_sign=each.call_sign)
        for each in orders
    ]


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
