"""The timeline of one incident: every moment that was kept, by when it happened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from server.dispatch.clock import happened_at
from server.reviewviews import MomentView
from server.stores.reviews import Material
from server.views import OrderEventView, OrderView


def moments(found: Material) -> list[MomentView]:
    """By when they happened; of equal ones as they came."""
    return sorted(_moments(found), key=lambda each: (each.at, each.heard_at))


def _moments(found: Material) -> Iterator[MomentView]:
    yield from _of_incident(found)
    for order in found.incident.orders:
        yield from (_step(each, order) for each in order.events)
    yield from _of_the_watch(found)
    call_signs = {each.unit_id: each.call_sign for each in found.incident.orders}
    for row in found.stays:
        call_sign = call_signs[row["unit_id"]]
        for kind, name in (("silent", "silent_since"), ("overdue", "overdue_at")):
            if row[name] is not None:
                yield _moment(row[name], f"radio.{kind}", call_sign=call_sign)
        if row["ended_at"] is not None:
            yield _moment(row["ended_at"], "radio.back", call_sign=call_sign)
    for row in found.calls_for_help:
        yield _moment(row["received_at"], "sos.raised", call_sign=row["call_sign"])
        if row["acknowledged_at"] is not None:
            by = row["acknowledged_by"] or ""
            yield _moment(
                row["acknowledged_at"], "sos.acknowledged", call_sign=row["call_sign"], who=by
            )
    incident = found.incident
    if incident.closed_at is not None:
        who = incident.closed_by or ""
        yield _moment(incident.closed_at, "incident.closed", who=who, text=incident.outcome)


def _of_incident(found: Material) -> Iterator[MomentView]:
    incident = found.incident
    if found.called_at is not None:
        yield _moment(found.called_at, "incident.called")
    yield _moment(incident.opened_at, "incident.opened", who=incident.opened_by, text=incident.note)
    for row in found.recommendations:
        yield _moment(row["computed_at"], "recommendation.computed", who=row["computed_by"])
    for row in found.decisions:
        yield _moment(
            row["decided_at"], "decision.taken", who=row["decided_by"], text=row["reason"]
        )


def _of_the_watch(found: Material) -> Iterator[MomentView]:
    orders = {each.id: each for each in found.incident.orders}
    for row in found.troubles:
        order = orders.get(row["order_id"])
        yield _moment(row["raised_at"], f"item.{row['kind']}", order=order)
    for row in found.escalations:
        order = orders[row["order_id"]]
        text = row["leader"] or ""
        yield _moment(row["opened_at"], f"escalation.{row['level']}", order=order, text=text)


def _step(event: OrderEventView, order: OrderView) -> MomentView:
    return MomentView(
        at=happened_at(event.device_at, event.clock_offset_s, event.server_at),
        heard_at=event.server_at,
        kind=f"order.{event.state}",
        call_sign=order.call_sign,
        order_number=order.number,
        who=event.actor,
        text=event.reason or event.note,
        counts=event.applied,
    )


def _moment(
    at: datetime,
    kind: str,
    *,
    order: OrderView | None = None,
    call_sign: str | None = None,
    who: str = "",
    text: str = "",
) -> MomentView:
    return MomentView(
        at=at,
        heard_at=at,
        kind=kind,
        call_sign=call_sign if order is None else order.call_sign,
        order_number=None if order is None else order.number,
        who=who,
        text=text,
        counts=True,
    )
