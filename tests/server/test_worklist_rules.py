"""When an item of the worklist needs nobody any more, and when only a person may say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.dispatch.orders import ENDS, OrderState
from server.dispatch.worklist import SEVERITY, ItemKind, Severity, Situation, gone

K, S = ItemKind, OrderState
RAISED = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
LATER = RAISED + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("kind", "situation", "why"),
    [
        (K.NO_CONTACT, {"state": S.ISSUED}, None),
        (K.NO_CONTACT, {"state": S.DELIVERED}, "delivered"),
        (K.NOT_ACCEPTED, {"state": S.SHOWN}, None),
        (K.NOT_ACCEPTED, {"state": S.ACCEPTED}, "accepted"),
        (K.ESCALATED, {"state": S.STANDBY, "put_off": True}, "standby"),
        (K.ESCALATED, {"state": S.STANDBY}, None),
        (K.ESCALATED, {"state": S.UNABLE}, "unable"),
        (K.NO_DEVICE, {"state": S.STANDBY}, None),
        (K.NOT_DEPARTED, {"state": S.ON_SCENE}, "on_scene"),
        (K.LATE_ARRIVAL, {"state": S.EN_ROUTE}, None),
        (K.LATE_ARRIVAL, {"state": S.ON_SCENE}, "on_scene"),
        (K.NO_FEEDBACK, {"state": S.ON_SCENE, "heard_at": RAISED}, None),
        (K.NO_FEEDBACK, {"state": S.FEEDBACK, "heard_at": LATER}, "heard"),
        (K.NO_FEEDBACK, {"state": S.CANCELLED}, "cancelled"),
        (K.DECLINED, {"state": S.UNABLE}, None),
        (K.DECLINED, {"state": S.UNABLE, "sent_again": True}, "sent_again"),
        (K.DECLINED, {"state": S.UNABLE, "sent_instead": True}, "sent_again"),
        (K.EXPIRED, {"state": S.EXPIRED, "incident_closed": True}, "incident_closed"),
        (K.RECALL_UNCONFIRMED, {"state": S.EN_ROUTE, "recall_wanted": True}, None),
        (K.RECALL_UNCONFIRMED, {"state": S.EN_ROUTE, "recall_declined": True}, "recall_declined"),
        (K.RECALL_UNCONFIRMED, {"state": S.RECALLED}, "recalled"),
        (K.RECALL_DECLINED, {"state": S.EN_ROUTE, "recall_declined": True}, None),
        (K.RECALL_DECLINED, {"state": S.EN_ROUTE, "recall_wanted": True}, "recall_requested"),
        (K.REPORT_REFUSED, {"state": S.SHOWN}, None),
        (K.REPORT_REFUSED, {"state": S.ACCEPTED, "heard_at": LATER}, "heard"),
        (K.TWO_UNITS, {"state": S.ACCEPTED, "sent_instead": True}, None),
        (K.TWO_UNITS, {"state": S.ACCEPTED}, "one_unit"),
        (K.END_NOT_RECEIVED, {"state": S.CANCELLED}, None),
        (K.END_NOT_RECEIVED, {"state": S.CANCELLED, "end_received": True}, "received"),
        (K.WATCH_FAILED, {"state": S.SHOWN}, "watched"),
        (K.STOPPED, {"state": S.EN_ROUTE}, None),
        (K.STOPPED, {"state": S.ON_SCENE}, "on_scene"),
        (K.ETA_DRIFT, {"state": S.EN_ROUTE, "recall_wanted": True}, "recall_requested"),
        (K.LEFT_SCENE, {"state": S.FEEDBACK}, None),
        (K.LEFT_SCENE, {"state": S.DONE}, "done"),
        (K.WELFARE_SILENT, {"state": S.FEEDBACK, "heard_at": RAISED}, None),
        (K.WELFARE_SILENT, {"state": S.FEEDBACK, "heard_at": LATER}, "heard"),
    ],
)
def test_an_item_closes_when_its_cause_is_gone(
    kind: ItemKind, situation: dict[str, Any], why: str | None
) -> None:
    assert gone(kind, RAISED, Situation(**situation)) == why


@pytest.mark.parametrize("end", sorted(ENDS))
def test_a_silent_officer_is_not_well_because_his_order_is_over(end: OrderState) -> None:
    assert gone(K.WELFARE_SILENT, RAISED, Situation(state=end)) is None


@pytest.mark.parametrize("kind", [K.WELFARE_ALARM, K.ANSWERED_AFTER_END, K.DELIVERY_FAILED])
def test_some_items_are_for_a_person_alone(kind: ItemKind) -> None:
    everything = Situation(
        state=S.DONE, heard_at=LATER, incident_closed=True, sent_again=True, recall_declined=True
    )

    assert gone(kind, RAISED, everything) is None


def test_every_kind_says_how_grave_it_is_and_life_is_gravest() -> None:
    assert SEVERITY.keys() == set(K)
    assert SEVERITY[K.WELFARE_SILENT] is SEVERITY[K.WELFARE_ALARM] is Severity.ALARM
