"""Mitigations as steps: asked of a device or a person, answered, measured, over.

Each inside the caller's transaction; entries for the log and hints to publish come back. A device
that keeps limits by itself is sent all of them at once, whenever one comes or goes. Lock order: the
order, mitigations by id, devices by id, items of the worklist, command log.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from devices.limits import CAPABILITY, keeps
from protocols.native import Limits, Report, State
from server.dispatch.errors import Conflict, Impossible
from server.dispatch.mitigation import LIMITS, Mitigation, Proposal, limits_of
from server.dispatch.mitigationwords import instruction
from server.dispatch.orders import Why, unanswerable
from server.dispatch.worklist import ItemKind
from server.ids import new_id
from server.journal.kinds import JournalKind as Kind
from server.mitigationviews import EffectView, MeasuredView, MitigationState, MitigationView
from server.stores import commands, mitigation_rows, order_rows, units, worklist
from server.stores.journal import Entry
from server.stores.mitigation_rows import OrderOf
from server.stores.steps import Hint, Marked
from server.stores.worklist import About

LIMITS_TTL: Final = timedelta(hours=12)
"""Longer than a shift. Lifted limits have no end: a device must never keep them for ever."""
ADVICE_TTL: Final = timedelta(hours=4)
KINDS: Final = frozenset({"advice", "limits"})
"""Of commands whose reports belong here."""
WEAK_SHARE: Final = 0.5
"""A measured change that is less than this share of the expected one is said. Starting value."""
SYSTEM: Final = "system"

# Advices about a mitigation, on the unit's devices.
ADVICES = """
SELECT id, device_id FROM command
WHERE order_id = $1 AND kind = 'advice' AND body->'mitigations' ? $2
ORDER BY device_id
"""

_ANSWERS: Final[dict[Report, MitigationState]] = {
    Report.ACCEPTED: "accepted",
    Report.DECLINED: "declined",
}
_SAID: Final = {
    "applied": Kind.MITIGATION_APPLIED,
    "accepted": Kind.MITIGATION_ACCEPTED,
    "declined": Kind.MITIGATION_DECLINED,
    "refused": Kind.MITIGATION_REFUSED,
    "unanswered": Kind.MITIGATION_UNANSWERED,
}


async def send(
    conn: Any, order: OrderOf, device_id: str, proposal: Proposal, *, by: str, at: datetime
) -> tuple[MitigationView, Marked]:
    """Ask for a mitigation; one of its kind that is open for the device is given back instead.

    Raises `Impossible` (`no_device`) when nobody of the unit can be told, `Conflict` (`stale`).
    """
    alone = proposal.by_device and CAPABILITY in await mitigation_rows.caps(conn, device_id)
    mitigation_id = new_id()
    made = await mitigation_rows.insert(
        conn,
        mitigation_id=mitigation_id,
        kind=proposal.kind,
        device_id=device_id,
        order_id=order.id,
        by_device=alone,
        expected=effect_view(proposal),
        by=by,
        at=at,
    )
    if not made:
        running = await mitigation_rows.open_one(conn, device_id, proposal.kind)
        if running is None:  # it ended in this moment
            raise Conflict("stale", "The device has just answered; look again.")
        return running, Marked()
    told = (
        await _tell_limits(conn, order, device_id, at=at)
        if alone
        else await _advise(conn, order, mitigation_id, device_id, proposal, at=at)
    )
    view = await mitigation_rows.load(conn, mitigation_id)
    assert view is not None
    entry = _entry(Kind.MITIGATION_SENT, view, order, actor=by)
    return view, Marked(entries=(entry,), hints=(*told, ("incident", order.incident_id)))


def effect_view(proposal: Proposal) -> EffectView:
    """As it is kept and shown."""
    return EffectView(
        p_before=round(proposal.p_before, 4),
        p_after=round(proposal.p_after, 4),
        drain_before_pct_per_h=round(proposal.drain_before_pct_per_h, 2),
        drain_after_pct_per_h=round(proposal.drain_after_pct_per_h, 2),
        loads=sorted(load.value for load in proposal.loads),
        charging=proposal.charging,
        values=proposal.values,
    )


async def reported(
    conn: Any, device_id: str, state: State, row: Any, at: datetime, *, unnamed: bool = False
) -> Marked:
    """What a device or its person says to an `advice`, or to `limits`.

    `unnamed`: a person of the unit says it, and nobody knows which.
    """
    ids = [str(each) for each in row["body"]["mitigations"]]
    found = await mitigation_rows.lock(conn, ids)
    marked = [
        await _reported(conn, device_id, state, row["kind"], each, at, unnamed=unnamed)
        for each in found
    ]
    return Marked(
        entries=tuple(entry for each in marked for entry in each.entries),
        hints=tuple(dict.fromkeys(hint for each in marked for hint in each.hints)),
    )


async def answered(
    conn: Any,
    view: MitigationView,
    order: OrderOf,
    state: MitigationState,
    *,
    by: str,
    at: datetime,
    reason: str = "",
    device_id: str | None = None,
) -> Marked:
    """The one answer; what is not done is over, and a person must know."""
    after = await mitigation_rows.answer(conn, view.id, state, by=by, at=at, reason=reason)
    if after is None:
        return Marked()
    told = await _put_away(conn, order, after, but=device_id, at=at)
    entries: tuple[Entry, ...] = (_entry(_SAID[state], after, order, actor=by),)
    hints: tuple[Hint, ...] = (("incident", order.incident_id), *told)
    if state in ("applied", "accepted"):
        return Marked(entries=entries, hints=hints)
    failed = await worklist.raise_item(
        conn,
        ItemKind.MITIGATION_FAILED,
        about(order, view.device_id),
        body=_body(after, order) | {"answer": state, "reason": reason},
        at=at,
    )
    over = await end(conn, after, order, by=SYSTEM, at=at, why=state)
    return Marked(
        entries=(*entries, *failed.entries, *over.entries),
        hints=(*hints, *failed.hints, *over.hints),
    )


async def measured(
    conn: Any, view: MitigationView, order: OrderOf, found: MeasuredView, at: datetime
) -> Marked:
    """What really drained; an effect that did not come is worth a look."""
    after = await mitigation_rows.keep_measured(conn, view.id, found, at)
    if after is None:
        return Marked()
    entry = _entry(Kind.MITIGATION_MEASURED, after, order, actor=SYSTEM)
    expected = view.expected
    wanted = expected.drain_after_pct_per_h - expected.drain_before_pct_per_h
    if found.change_pct_per_h <= WEAK_SHARE * wanted:
        return Marked(entries=(entry,), hints=(("incident", order.incident_id),))
    item = await worklist.raise_item(
        conn,
        ItemKind.MITIGATION_WEAK,
        about(order, view.device_id),
        body=_body(after, order),
        at=at,
    )
    hints = (("incident", order.incident_id), *item.hints)
    return Marked(entries=(entry, *item.entries), hints=hints)


async def end(
    conn: Any, view: MitigationView, order: OrderOf, *, by: str, at: datetime, why: str
) -> Marked:
    """Over: a device that kept it by itself is told what holds now."""
    after = await mitigation_rows.end(conn, view.id, by=by, at=at, why=why)
    if after is None:
        return Marked()
    told = await _tell_limits(conn, order, view.device_id, at=at) if view.by_device else ()
    if not view.by_device and view.answered_at is None:
        told = await _put_away(conn, order, view, but=None, at=at)
    entry = _entry(Kind.MITIGATION_ENDED, after, order, actor=by)
    return Marked(entries=(entry,), hints=(("incident", order.incident_id), *told))


def about(order: OrderOf, device_id: str) -> About:
    """An item of the worklist about one battery in one job."""
    return About(
        subject=f"device:{device_id}",
        order_id=order.id,
        incident_id=order.incident_id,
        unit_id=order.unit_id,
    )


# -- what is told ----------------------------------------------------------------------------


async def _tell_limits(
    conn: Any, order: OrderOf, device_id: str, *, at: datetime
) -> tuple[Hint, ...]:
    """All that the device is to keep to from now on."""
    await mitigation_rows.hold_device(conn, device_id)
    asked = await mitigation_rows.by_device(conn, device_id)
    limits = limits_of(kind for _, kind in asked)
    await commands.enqueue(
        conn,
        device_id=device_id,
        kind="limits",
        priority=order.priority,
        body={
            "limits": msgspec.to_builtins(limits),
            "mitigations": [mitigation_id for mitigation_id, _ in asked],
        },
        order_id=None,
        expires_at=at + LIMITS_TTL if asked else None,
        now=at,
    )
    return (("device", device_id),)


async def _advise(
    conn: Any,
    order: OrderOf,
    mitigation_id: str,
    device_id: str,
    proposal: Proposal,
    *,
    at: datetime,
) -> tuple[Hint, ...]:
    """Ask a person of the unit. Raises `Impossible`."""
    showing = await mitigation_rows.showing(conn, order.unit_id)
    if not showing:
        raise Impossible(
            "no_device", f"{order.call_sign} has no device that shows it: say it by radio."
        )
    tasks = dict(await order_rows.tasks_of(conn, order.id))
    for each in showing:
        await commands.enqueue(
            conn,
            device_id=each,
            kind="advice",
            priority=order.priority,
            body={
                "ref": tasks.get(each, ""),
                "order": order.id,
                "number": order.number,
                "mitigations": [mitigation_id],
                "why": str(proposal.kind),
                "device": device_id,
                "text": instruction(proposal),
                "values": proposal.values,
            },
            order_id=order.id,
            expires_at=at + ADVICE_TTL,
            now=at,
        )
    return tuple(("device", each) for each in showing)


async def _put_away(
    conn: Any, order: OrderOf, view: MitigationView, *, but: str | None, at: datetime
) -> tuple[Hint, ...]:
    """The unit's other devices need not ask any more."""
    if view.by_device:
        return ()
    told: list[Hint] = []
    for row in await conn.fetch(ADVICES, order.id, view.id):
        if row["device_id"] == but:
            continue
        await commands.enqueue(
            conn,
            device_id=row["device_id"],
            kind="notice",
            priority=order.priority,
            body={"ref": row["id"], "why": "closed", "text": ""},
            order_id=order.id,
            expires_at=at + ADVICE_TTL,
            now=at,
        )
        told.append(("device", row["device_id"]))
    return tuple(told)


# -- what is said ----------------------------------------------------------------------------


async def _reported(
    conn: Any,
    device_id: str,
    state: State,
    kind: str,
    view: MitigationView,
    at: datetime,
    *,
    unnamed: bool,
) -> Marked:
    order = await mitigation_rows.order_of(conn, view.order_id)
    assert order is not None, "orders are never deleted"
    if state.s in (Report.RECEIVED, Report.SHOWN):
        news = await mitigation_rows.receipt(conn, view.id, str(state.s))
        return Marked(hints=(("incident", order.incident_id),) if news else ())
    if kind == "limits":
        return await _applied(conn, device_id, state, view, order, at)
    crew = await units.crew(conn, order.unit_id)
    why = unanswerable(state.by, crew, unnamed=unnamed)
    if state.s not in _ANSWERS:
        why = Why.NOT_ALLOWED
    if why is None and view.state == "unanswered" and order.closed_at is None:
        why = Why.TOO_LATE  # the room believes that nobody does it
    if why is not None:
        return await _ignored(conn, device_id, state, view, order, why, at)
    return await answered(
        conn,
        view,
        order,
        _ANSWERS[state.s],
        by=f"officer:{state.by}" if state.by else f"device:{device_id}",
        at=at,
        reason=state.reason,
        device_id=device_id,
    )


async def _applied(
    conn: Any, device_id: str, state: State, view: MitigationView, order: OrderOf, at: datetime
) -> Marked:
    """A device keeps its limits, or says that it cannot. What is kept already stays so."""
    does = state.s is Report.APPLIED and keeps(state.did or Limits(), LIMITS[Mitigation(view.kind)])
    said: MitigationState = "applied" if does else "refused"
    return await answered(
        conn, view, order, said, by=f"device:{device_id}", at=at, reason=state.reason or state.note
    )


async def _ignored(
    conn: Any,
    device_id: str,
    state: State,
    view: MitigationView,
    order: OrderOf,
    why: Why,
    at: datetime,
) -> Marked:
    """An officer believes that he answered, and it does not count."""
    body = _body(view, order) | {"reported": str(state.s), "why": str(why), "badge": state.by}
    item = await worklist.raise_item(
        conn, ItemKind.REPORT_REFUSED, about(order, device_id), body=body, at=at
    )
    entry = Entry(
        actor=f"device:{device_id}",
        subject=f"order:{order.id}",
        kind=Kind.ORDER_REPORT_IGNORED,
        body=body,
    )
    return Marked(entries=(entry, *item.entries), hints=item.hints)


def _entry(kind: Kind, view: MitigationView, order: OrderOf, *, actor: str) -> Entry:
    return Entry(actor=actor, subject=f"order:{order.id}", kind=kind, body=_body(view, order))


def _body(view: MitigationView, order: OrderOf) -> dict[str, Any]:
    expected = view.expected
    change = expected.drain_after_pct_per_h - expected.drain_before_pct_per_h
    return {
        "number": order.number,
        "call_sign": order.call_sign,
        "device": view.device_id,
        "mitigation": view.kind,
        "mitigation_number": view.number,
        "by_device": view.by_device,
        "p_before_pct": round(100.0 * expected.p_before),
        "p_after_pct": round(100.0 * expected.p_after),
        "expected_pct_per_h": round(change, 1),
        "measured_pct_per_h": (
            None if view.measured is None else round(view.measured.change_pct_per_h, 1)
        ),
        "reason": view.reason,
        "ended_why": view.ended_why,
    }
