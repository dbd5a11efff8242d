"""What the dispatcher's steps say in the command log."""

from __future__ import annotations

from typing import Any

from server.dispatch.record import Recommended
from server.journal.kinds import JournalKind
from server.ports import LiveUnits
from server.stores.decisions import Decision
from server.stores.issue import Issued
from server.stores.journal import Entry
from server.stores.units import UnitRow
from server.views import CandidateView, IncidentView

BEST_LEN = 5
"""Best units named; the recommendation itself is kept whole beside the log."""


def incident_opened(incident: IncidentView) -> Entry:
    """What was opened, where, and how urgent."""
    return Entry(
        actor=incident.opened_by,
        subject=f"incident:{incident.id}",
        kind=JournalKind.INCIDENT_OPENED,
        body={
            "number": incident.number,
            "type": incident.type,
            "priority": incident.priority,
            "note": incident.note,
            "place": incident.place,
            "lon": incident.lon,
            "lat": incident.lat,
        },
    )


def recommendation_computed(
    incident: IncidentView, made: Recommended, record_sha256: str, *, by: str
) -> Entry:
    """Which units came first, how many there were, and what was shown, by its SHA-256."""
    found = made.view
    return Entry(
        actor=by,
        subject=f"incident:{found.incident_id}",
        kind=JournalKind.RECOMMENDATION_COMPUTED,
        body={
            "number": incident.number,
            "recommendation": found.id,
            "map": found.map_id,
            "roads": found.road_version,
            "conditions": found.conditions,
            "run_cards": found.run_cards_version,
            "best": [_best(each) for each in found.candidates[:BEST_LEN]],
            "candidates": len(found.candidates),
            "excluded": len(found.excluded),
            "rules": made.record.rules,
            "answer_sha256": made.record.answer,
            "record_sha256": record_sha256,
        },
    )


def decision_taken(
    incident: IncidentView, decision: Decision, issued: Issued, *, passed_over: str | None = None
) -> list[Entry]:
    """The decision, then each order; `passed_over` is who was recommended first, and not sent;
    `despite`, who worked on the incident when somebody else decided."""
    holder = incident.claimed_by
    taken = Entry(
        actor=decision.decided_by,
        subject=f"incident:{decision.incident_id}",
        kind=JournalKind.DECISION_TAKEN,
        body={
            "number": incident.number,
            "decision": decision.id,
            "recommendation": decision.recommendation_id,
            "units": [row.call_sign for row, _ in issued.tasks],
            "reason": decision.reason,
            "passed_over": passed_over,
        }
        | ({"despite": holder} if holder not in {None, decision.decided_by} else {}),
    )
    return [taken, *(_order_issued(decision, row, task) for row, task in issued.tasks)]


def orders_queued(decision: Decision, issued: Issued, live: LiveUnits) -> list[Entry]:
    """Of each order that waits, because no device that would show it is connected just now."""
    found: list[Entry] = []
    for row, task in issued.tasks:
        if (seen := live.unit(row.id)) is None:
            continue  # the picture does not have it yet
        devices = [each for each in seen.devices if each.shows_orders]
        if not any(each.online for each in devices):
            body = {"number": task["number"], "incident": decision.incident_id}
            body |= {"call_sign": row.call_sign, "devices": [each.id for each in devices]}
            subject = f"order:{task['order']}"
            found.append(
                Entry(actor="system", subject=subject, kind=JournalKind.ORDER_QUEUED, body=body)
            )
    return found


def incident_closed(incident: IncidentView) -> Entry:
    """By whom, and with what outcome."""
    return Entry(
        actor=str(incident.closed_by),
        subject=f"incident:{incident.id}",
        kind=JournalKind.INCIDENT_CLOSED,
        body={"number": incident.number, "outcome": incident.outcome},
    )


def shift_changed(row: UnitRow, *, on_duty: bool, by: str) -> Entry:
    """A unit came on duty, or went off."""
    return Entry(
        actor=by,
        subject=f"unit:{row.id}",
        kind=JournalKind.SHIFT_STARTED if on_duty else JournalKind.SHIFT_ENDED,
        body={"call_sign": row.call_sign, "officers": [each.badge for each in row.officers]},
    )


def _best(each: CandidateView) -> dict[str, Any]:
    return {
        "unit": each.call_sign,
        "eta_s": each.eta_s,
        "eta_p90_s": each.eta_p90_s,
        "reasons": [reason.text for reason in each.reasons],
    }


def _order_issued(decision: Decision, row: UnitRow, task: dict[str, Any]) -> Entry:
    return Entry(
        actor=decision.decided_by,
        subject=f"order:{task['order']}",
        kind=JournalKind.ORDER_ISSUED,
        body={
            "number": task["number"],
            "incident": decision.incident_id,
            "unit": row.id,
            "call_sign": row.call_sign,
            "eta_s": task["eta_s"],
            "instruction": task["instruction"],
        },
    )
