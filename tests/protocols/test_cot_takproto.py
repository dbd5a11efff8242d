"""Our protobuf and takproto's, which another hand wrote from the same .proto files."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from takproto.constants import TAKProtoVer
from takproto.functions import msg2proto, parse_proto, xml2message

from protocols.cot import alerts, chat, control
from protocols.cot.event import Event
from protocols.cot.messages import write_datagram, write_frame
from protocols.cot.stream import Stream
from protocols.cot.xmltext import inner_text, write_event
from tests.protocols.cot_events import NOW, POINT, a_message, a_unit_report, events, taken

SAID = [
    a_unit_report(),
    chat.write_message(a_message()),
    chat.write_receipt(a_message(), chat.Outcome.READ, callsign="队员一", now=NOW),
    alerts.write_emergency("D", "队员一", point=POINT, at=NOW, valid=timedelta(minutes=5)),
    alerts.write_marker(
        "m", "案件 23-114", point=POINT, author_uid="X", at=NOW, valid=timedelta(hours=8)
    ),
    control.pong(NOW),
]
FIELDS = ("type", "access", "qos", "opex", "uid", "how", "sendTime", "startTime", "staleTime")
NUMBERS = ("lat", "lon", "hae", "ce", "le")


@pytest.mark.parametrize("event", SAID, ids=lambda event: event.type)
def test_takproto_reads_ours_as_it_reads_the_xml(event: Event) -> None:
    by_xml = xml2message(write_event(event)).cotEvent
    is_chat = event.uid.startswith("GeoChat.")

    for written in write_frame(event), write_datagram(event):
        ours = parse_proto(bytearray(written)).cotEvent

        for name in (*FIELDS, *NUMBERS):
            assert getattr(ours, name) == getattr(by_xml, name), name
        if not is_chat:  # takproto leaves all of a chat's detail in XML
            assert _typed(ours.detail) == _typed(by_xml.detail)
        assert _canonical(ours.detail.xmlDetail) == _canonical(by_xml.detail.xmlDetail)


@pytest.mark.parametrize("event", SAID, ids=lambda event: event.type)
def test_ours_reads_takprotos_frames(event: Event) -> None:
    frame = bytes(msg2proto(xml2message(write_event(event)), TAKProtoVer.STREAM))

    (again,) = taken(Stream(), frame)

    assert isinstance(again, Event)
    assert (again.uid, again.type, again.how) == (event.uid, event.type, event.how)
    assert (again.time_at, again.start_at, again.stale_at) == (NOW, NOW, event.stale_at)
    assert again.point == event.point
    assert _canonical(inner_text(again.detail)) == _canonical(inner_text(event.detail))


@settings(deadline=None)
@given(events)
def test_takproto_reads_any_event_of_ours(event: Event) -> None:
    read = parse_proto(bytearray(write_frame(event))).cotEvent

    assert (read.uid, read.type, read.how) == (event.uid, event.type, event.how)
    assert (read.lat, read.lon) == (event.point.lat, event.point.lon)
    assert read.staleTime == round(event.stale_at.timestamp() * 1000)


def _typed(detail: Any) -> dict[str, str]:
    return {
        field.name: str(value) for field, value in detail.ListFields() if field.name != "xmlDetail"
    }


def _canonical(inner: str) -> list[str]:
    """The elements, whatever their order: typed ones stand at other places."""
    root = ElementTree.fromstring(f"<detail>{inner}</detail>")
    return sorted(
        ElementTree.canonicalize(ElementTree.tostring(child, encoding="unicode")) for child in root
    )
