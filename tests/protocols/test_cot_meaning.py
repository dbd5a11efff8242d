"""What units, lines of chat, receipts, alerts and a stream's own events say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from protocols.cot import alerts, chat, control, units
from protocols.cot.description import described
from protocols.cot.event import NOWHERE, Element, Event
from protocols.cot.messages import read_message as read_frame
from protocols.cot.messages import write_message as write_frame
from protocols.cot.xmltext import read_event, write_event
from tests.protocols.cot_events import NOW, POINT, a_message, a_unit_report

TIMES = 'time="2026-11-23T03:00:00Z" start="2026-11-23T03:00:00Z" stale="2026-11-24T03:00:00Z"'
NO_PLACE = '<point lat="0" lon="0" hae="9999999" ce="9999999" le="9999999"/>'


def an_event(uid: str, kind: str, detail: str) -> Event:
    head = f'<event version="2.0" uid="{uid}" type="{kind}" how="h-g-i-g-o" {TIMES}>'
    return read_event(f"{head}{NO_PLACE}<detail>{detail}</detail></event>".encode())


# -- units -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_frame", [False, True])
def test_a_unit_report_is_read_as_it_was_written(by_frame: bool) -> None:
    event = a_unit_report()
    again = read_frame(write_frame(event)) if by_frame else read_event(write_event(event))

    assert again is not None
    unit = units.read_unit(again)

    assert (unit.callsign, unit.endpoint, unit.battery_pct) == ("队员一", "*:-1:stcp", 37)
    assert (unit.speed_mps, unit.course_deg) == (3.5, 271.0)
    assert (unit.team, unit.role) == ("Cyan", "Team Member")
    assert (unit.device, unit.platform, unit.os, unit.version) == ("BWC", "gateway", "1", "1.0")
    assert units.is_unit(again)


@pytest.mark.parametrize(
    ("battery", "speed", "course"),
    [("101", "-1.0", "361"), ("-1", "NaN", "NaN"), ("full", "1e9", "-5"), ("", "", "")],
)
def test_values_that_cannot_be_are_left_out_and_the_rest_counts(
    battery: str, speed: str, course: str
) -> None:
    detail = (
        f'<contact callsign="A"/><status battery="{battery}"/>'
        f'<track speed="{speed}" course="{course}"/>'
    )

    unit = units.read_unit(an_event("u", "a-f-G-U-C", detail))

    assert unit == units.Unit(callsign="A")


def test_a_report_without_a_place_claims_no_source_of_one() -> None:
    event = units.unit_report(
        "u", units.Unit(callsign="指挥中心"), point=NOWHERE, at=NOW, valid=timedelta(minutes=5)
    )

    assert event.find("precisionlocation") is None
    assert event.find("status") is None


# -- chat ------------------------------------------------------------------------------------------


def test_a_direct_message_is_what_atak_needs() -> None:
    event = chat.write_message(a_message())

    assert event.uid == "GeoChat.X.D.01JD4M"
    assert event.uid.split(".")[1] == "X"
    assert event.uid.split(".")[-1] == "01JD4M"
    assert (event.type, event.how) == ("b-t-f", "h-g-i-g-o")
    assert event.stale_at - event.time_at == timedelta(days=1)
    said = event.find("__chat")
    assert said is not None
    assert said.attributes == {
        "id": "D",
        "chatroom": "队员一",
        "senderCallsign": "指挥中心",
        "parent": "RootContactGroup",
        "groupOwner": "false",
        "messageId": "01JD4M",
    }
    assert said.children == (Element("chatgrp", {"id": "D", "uid0": "X", "uid1": "D"}),)
    assert event.said("link", "uid") == "X"
    assert event.said("remarks", "source") == "BAO.F.ATAK.X"
    assert event.said("remarks", "to") == "D"
    marti = event.find("marti")
    assert marti is not None
    assert marti.children == (Element("dest", {"callsign": "队员一"}),)


@pytest.mark.parametrize("by_frame", [False, True])
@pytest.mark.parametrize("text", ["去2号卡点", " <b>&amp;\n\"' ]]> ", "\t1\r2", "😀"])
def test_a_message_is_read_as_it_was_written(text: str, by_frame: bool) -> None:
    event = chat.write_message(a_message(text))
    again = read_frame(write_frame(event)) if by_frame else read_event(write_event(event))

    assert again is not None
    assert chat.read_message(again) == a_message(text)


@pytest.mark.parametrize("field", ["id", "sender_uid"])
@pytest.mark.parametrize("value", ["", "a.b"])
def test_an_id_that_atak_would_misread_is_refused(field: str, value: str) -> None:
    message = replace(a_message(), **{field: value})  # type: ignore[arg-type]

    with pytest.raises(ValueError, match="without a dot"):
        chat.write_message(message)


def test_a_message_as_atak_writes_it_to_everyone() -> None:
    event = an_event(
        "GeoChat.ANDROID-1.All Chat Rooms.1c4a",
        "b-t-f",
        '<__chat parent="RootContactGroup" groupOwner="false" messageId="1c4a" '
        'chatroom="All Chat Rooms" id="All Chat Rooms" senderCallsign="HOPE">'
        '<chatgrp uid0="ANDROID-1" uid1="All Chat Rooms" id="All Chat Rooms"/></__chat>'
        '<link uid="ANDROID-1" type="a-f-G-U-C" relation="p-p"/>'
        '<remarks source="BAO.F.ATAK.ANDROID-1" to="All Chat Rooms" time="t">收到</remarks>',
    )

    message = chat.read_message(event)

    assert message is not None
    assert not message.is_direct
    assert (message.id, message.sender_uid, message.text) == ("1c4a", "ANDROID-1", "收到")
    assert message.destinations == ()


@pytest.mark.parametrize(
    ("detail", "sender"),
    [
        ("<__chat id='D'/><link uid='L'/><remarks source='BAO.F.ATAK.S'>x</remarks>", "L"),
        ("<__chat id='D'><chatgrp uid0='G'/></__chat><remarks>x</remarks>", "G"),
        ("<__chat id='D'/><remarks source='BAO.F.ATAK.S'>x</remarks>", "S"),
        ("<__chat id='D'/><remarks>x</remarks>", "U"),
    ],
)
def test_the_sender_is_found_where_clients_put_it(detail: str, sender: str) -> None:
    message = chat.read_message(an_event("GeoChat.U.D.M", "b-t-f", detail))

    assert message is not None
    assert (message.sender_uid, message.id, message.to) == (sender, "M", "D")


@pytest.mark.parametrize(
    "event",
    [
        an_event("GeoChat.U.D.M", "b-t-f", "<remarks>x</remarks>"),
        an_event("GeoChat.U.D.M", "b-t-f", "<__chat id='D'/>"),
        an_event("M", "b-t-f", "<__chat id='D'/><remarks>x</remarks>"),
        an_event(f"GeoChat.U.D.{'M' * 200}", "b-t-f", "<__chat id='D'/><remarks>x</remarks>"),
        a_unit_report(),
    ],
)
def test_what_is_no_message_is_none(event: Event) -> None:
    assert chat.read_message(event) is None


# -- receipts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", chat.Outcome)
def test_a_receipt_is_read_as_it_was_written(outcome: chat.Outcome) -> None:
    event = chat.write_receipt(a_message(), outcome, callsign="队员一", now=NOW)

    receipt = chat.read_receipt(read_event(write_event(event)))

    assert receipt == chat.Receipt(
        message_id="01JD4M", outcome=outcome, by_uid="D", by_callsign="队员一"
    )


@pytest.mark.parametrize("element", ["__chatreceipt", "__chat"])
@pytest.mark.parametrize(
    ("kind", "outcome"), [("b-t-f-d", chat.Outcome.DELIVERED), ("b-t-f-r", chat.Outcome.READ)]
)
def test_atak_and_wintak_write_receipts_in_two_forms(
    element: str, kind: str, outcome: chat.Outcome
) -> None:
    event = an_event(
        "01JD4M",
        kind,
        f'<{element} parent="RootContactGroup" groupOwner="false" messageId="01JD4M" '
        f'chatroom="指挥中心" id="X" senderCallsign="队员一">'
        f'<chatgrp uid0="D" uid1="X" id="X"/></{element}>'
        '<link uid="D" type="a-f-G-U-C" relation="p-p"/>',
    )

    receipt = chat.read_receipt(event)

    assert receipt == chat.Receipt(
        message_id="01JD4M", outcome=outcome, by_uid="D", by_callsign="队员一"
    )
    assert chat.read_message(event) is None


def test_a_receipt_without_its_element_is_none() -> None:
    assert chat.read_receipt(an_event("M", "b-t-f-d", "<link uid='D'/>")) is None
    assert chat.read_receipt(chat.write_message(a_message())) is None


def test_destinations_are_bounded() -> None:
    many = an_event("u", "a-f-G", "<marti><dest/>" + "<dest uid='x'/>" * 500 + "</marti>")

    assert len(chat.destinations(many)) == 63


# -- alerts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", alerts.Alert)
def test_an_alert_is_read_as_it_was_written(kind: alerts.Alert) -> None:
    event = alerts.write_emergency(
        "D", "队员一", kind=kind, point=POINT, at=NOW, valid=timedelta(minutes=5)
    )

    emergency = alerts.read_emergency(read_event(write_event(event)))

    assert emergency is not None
    assert (emergency.alert_uid, emergency.person_uid) == ("D-9-1-1", "D")
    assert emergency.callsign == "队员一"
    assert emergency.kind
    assert not emergency.is_cancelled


def test_a_cancelled_alert_names_the_same_alert() -> None:
    event = alerts.cancel_emergency("D", "队员一", at=NOW, valid=timedelta(minutes=5))

    emergency = alerts.read_emergency(read_event(write_event(event)))

    assert emergency is not None
    assert (event.type, emergency.alert_uid) == ("b-a-o-can", "D-9-1-1")
    assert emergency.is_cancelled


@pytest.mark.parametrize(
    ("kind", "detail", "cancelled"),
    [
        ("b-a-o-tbl", "", False),
        ("b-a-o-tbl", "<emergency type='911 Alert'/>", False),
        ("b-a-o-can", "", True),
        ("b-a-o-tbl", "<emergency cancel='true'/>", True),
    ],
)
def test_a_bare_alert_is_still_one(kind: str, detail: str, cancelled: bool) -> None:
    emergency = alerts.read_emergency(an_event("D-9-1-1", kind, detail))

    assert emergency is not None
    assert (emergency.person_uid, emergency.is_cancelled) == ("D", cancelled)


def test_a_marker_is_kept_and_can_be_deleted() -> None:
    marker = alerts.write_marker(
        "m-1", "案件 23-114", point=POINT, author_uid="X", at=NOW, valid=timedelta(hours=8)
    )
    gone = control.deleted("m-1", NOW)

    assert marker.find("archive") is not None
    assert gone.find("__forcedelete") is not None
    assert control.deleted_uids(gone) == ["m-1"]


# -- the stream's own ------------------------------------------------------------------------------


def test_a_version_is_offered_asked_for_and_granted() -> None:
    offer = read_event(write_event(control.offer_protobuf("proto-1", "0.1.0", NOW)))
    request = read_event(write_event(control.request_version(offer.uid, 1, NOW)))
    response = read_event(write_event(control.respond_version(offer.uid, True, NOW)))

    assert control.offered_versions(offer) == [1]
    assert control.requested_version(request) == 1
    assert control.granted(response)
    assert [offer.uid, request.uid, response.uid] == ["proto-1"] * 3
    assert [offer.type, request.type] == ["t-x-takp-v", "t-x-takp-q"]
    assert response.type == "t-x-takp-r"


@pytest.mark.parametrize("version", ["", "-1", "x", "1" * 50, "²"])
def test_a_request_for_no_version_is_none(version: str) -> None:
    detail = f'<TakControl><TakRequest version="{version}"/></TakControl>'

    assert control.requested_version(an_event("u", "t-x-takp-q", detail)) is None
    assert not control.granted(an_event("u", "t-x-takp-r", "<TakControl/>"))
    assert control.offered_versions(an_event("u", "t-x-takp-v", "")) == []


def test_a_client_that_left_is_named() -> None:
    gone = control.disconnected("D", NOW)

    assert (gone.type, control.deleted_uids(gone)) == ("t-x-d-d", ["D"])


def test_pytaks_greeting_deletes_nothing() -> None:
    assert control.deleted_uids(an_event(control.PYTAK_GREETING_UID, "t-x-d-d", "")) == []


# -- as JSON ---------------------------------------------------------------------------------------


def test_a_unit_report_in_words() -> None:
    said = described(a_unit_report())

    assert json.loads(json.dumps(said)) == said
    assert {name: said[name] for name in ("uid", "type", "how", "time", "stale")} == {
        "uid": "bwc-1",
        "type": "a-f-G-U-C",
        "how": "m-g",
        "time": "2026-11-23T03:00:00.123Z",
        "stale": "2026-11-23T03:05:00.123Z",
    }
    assert (said["lat"], said["lon"], said["hae_m"]) == (28.650123, 104.900456, 1312.0)
    assert (said["ce_m"], said["le_m"]) == (8.0, None)
    assert (said["callsign"], said["battery_pct"]) == ("队员一", 37)
    assert (said["speed_kmh"], said["heading_deg"]) == (12.6, 271.0)
    assert said["detail"].startswith("<detail><contact")


def test_chat_receipts_and_alerts_in_words() -> None:
    message = described(chat.write_message(a_message()))
    receipt = chat.write_receipt(a_message(), chat.Outcome.READ, callsign="A", now=NOW)
    alert = alerts.cancel_emergency("D", "A", at=NOW, valid=timedelta(minutes=1))

    assert message["chat"]["text"] == "去2号卡点"
    assert message["chat"]["direct"]
    assert described(receipt)["receipt"]["outcome"] == "read"
    assert described(alert)["emergency"]["cancelled"]
