"""Events of Cursor on Target: what is written is read again, and nothing dangerous gets in."""

from __future__ import annotations

import contextlib
import time
import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.cot.errors import MalformedEvent, UnsafeXml
from protocols.cot.event import EVENT_BYTES_MAX, UNKNOWN_M, Element, Event, Point, instant, number
from protocols.cot.messages import MESH_HEADER, read_message, write_datagram, write_message
from protocols.cot.protobuf import FIELDS_MAX
from protocols.cot.xmltext import (
    ATTRIBUTES_MAX,
    DEPTH_MAX,
    ELEMENTS_MAX,
    inner_text,
    read_event,
    write_document,
    write_event,
)
from tests.protocols.cot_events import a_unit_report, events

HEAD = (
    '<event version="2.0" uid="u" type="a-f-G" how="m-g" time="2026-11-23T03:00:00Z" '
    'start="2026-11-23T03:00:00Z" stale="2026-11-23T03:05:00Z">'
)
MANY_ATTRIBUTES = " ".join(f"x{n}='1'" for n in range(ATTRIBUTES_MAX + 1))
A_BODY = b"\x0a\x01a\x2a\x01u\x30\x01\x38\x01\x40\x01"
"""Of a message in protobuf: type a, uid u, and three times 1 ms after the epoch."""
PLACE = '<point lat="28.5" lon="104.25" hae="1312" ce="8" le="9999999"/>'


def an_event(detail: str = "", *, head: str = HEAD, place: str = PLACE) -> bytes:
    return f"{head}{place}<detail>{detail}</detail></event>".encode()


# -- round trips -----------------------------------------------------------------------------------


@settings(deadline=None)
@given(events)
def test_xml_is_read_as_it_was_written(event: Event) -> None:
    assert read_event(write_document(event)) == event


@settings(deadline=None)
@given(events)
def test_protobuf_carries_all_that_xml_carries(event: Event) -> None:
    again = read_message(write_message(event))

    assert again is not None
    assert _known(again) == _known(event)
    assert write_message(again) == write_message(event)


def _known(event: Event) -> tuple[object, ...]:
    children = sorted(
        (child.name, sorted(child.attributes.items()), inner_text(child))
        for child in event.detail.children
    )
    times = (event.time_at, event.start_at, event.stale_at)
    return (event.uid, event.type, event.how, times, event.point, dict(event.marks), children)


def test_a_detail_that_nobody_knows_is_forwarded_untouched() -> None:
    odd = (
        '<x:shape xmlns:x="urn:x" a="1 &lt; 2 &quot;&amp;&#10;" b=\'it&apos;s\'>one'
        "<empty/>two<![CDATA[ <three> & ]]></x:shape><__video url='rtsp://[::1]/live'/>"
    )
    event = read_event(an_event(odd))

    written = write_event(event).decode()

    assert (
        '<x:shape xmlns:x="urn:x" a="1 &lt; 2 &quot;&amp;&#10;" b="it\'s">one'
        "<empty/>two &lt;three&gt; &amp; </x:shape>"
        '<__video url="rtsp://[::1]/live"/>'
    ) in written
    again = read_message(write_message(event))
    assert again is not None
    assert again.detail.children == event.detail.children


def test_marks_of_the_event_are_forwarded() -> None:
    event = read_event(an_event(head=HEAD[:-1] + ' access="Undefined" caveat="FOUO">'))

    assert event.marks == {"access": "Undefined", "caveat": "FOUO"}
    assert b'caveat="FOUO"' in write_event(event)


def test_text_that_xml_cannot_carry_does_not_break_the_stream() -> None:
    event = a_unit_report(callsign="a\x00\x0b\ud800\ufffe\r\n]]>")

    again = read_event(write_event(event))

    assert again.said("contact", "callsign") == "a����\r\n]]>"
    assert read_message(write_message(event)) is not None


def test_an_element_that_says_more_than_its_field_stays_xml() -> None:
    phone = '<contact callsign="A" phone="1"/><status battery="37" readiness="true"/>'
    event = read_event(an_event(phone))

    message = write_message(event)

    assert b'phone="1"' in message
    assert b'readiness="true"' in message
    again = read_message(message)
    assert again is not None
    assert again.detail.children == event.detail.children


def test_xml_text_counts_before_the_field_of_the_same_name() -> None:
    as_text = b'<contact callsign="A" phone="1"/>'
    contact = b"\x12\x03\x12\x01B"
    detail = b"\x0a" + bytes((len(as_text),)) + as_text + contact
    body = A_BODY + b"\x7a" + bytes((len(detail),)) + detail

    event = read_message(b"\x12" + bytes((len(body),)) + body)

    assert event is not None
    assert event.detail.children == (Element("contact", {"callsign": "A", "phone": "1"}),)


def test_a_datagram_has_the_header_of_the_mesh() -> None:
    datagram = write_datagram(a_unit_report())

    assert datagram == MESH_HEADER + write_message(a_unit_report())


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["9999999", "9999999.0", "999999", "NaN", "", "-1e9", "inf"])
def test_a_height_and_errors_nobody_knows_are_none(text: str) -> None:
    event = read_event(an_event(place=f'<point lat="1" lon="2" hae="{text}" ce="{text}"/>'))

    assert event.point == Point(lon=2.0, lat=1.0)


def test_what_nobody_knows_is_written_as_its_number() -> None:
    written = write_event(read_event(an_event(place='<point lat="1" lon="2"/>')))

    assert written.count(f'"{UNKNOWN_M:.0f}"'.encode()) == 3


def test_a_height_may_be_below_the_ellipsoid_and_an_error_may_not() -> None:
    event = read_event(an_event(place='<point lat="1" lon="2" hae="-27.5" ce="-1" le="-0.5"/>'))

    assert event.point == Point(lon=2.0, lat=1.0, hae_m=-27.5)


@pytest.mark.parametrize("error", ["9999999.0", "0", "0.0", ""])
def test_nowhere_is_told_from_a_place(error: str) -> None:
    nowhere = f'<point lat="0.0" lon="0.0" hae="{error}" ce="{error}" le="{error}"/>'

    assert not read_event(an_event(place=nowhere)).point.is_known
    assert read_event(an_event()).point.is_known


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-23T03:00:00Z", datetime(2026, 11, 23, 3, tzinfo=UTC)),
        ("2026-11-23T03:00:00.5Z", datetime(2026, 11, 23, 3, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-23T03:00:00.123456789Z", datetime(2026, 11, 23, 3, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-11-23T11:00:00+08:00", datetime(2026, 11, 23, 3, tzinfo=UTC)),
        ("2026-11-23T03:00:00", datetime(2026, 11, 23, 3, tzinfo=UTC)),
    ],
)
def test_times_as_clients_write_them(text: str, at: datetime) -> None:
    assert instant(text, "time") == at


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-13-01T00:00:00Z", "2026-11-23", "0001-01-01T00:00:00+14:00", "1" * 400],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(MalformedEvent, match="stale is no time"):
        instant(text, "stale")


@pytest.mark.parametrize("text", ["1_0", "0x1", "1e999", "nan", "١", "", "1" * 200, "- 1"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert number(text) is None


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "not XML"),
        (b"hello", "not XML"),
        (b"<event/>", "uid is needed"),
        (b"<auth/>", "not an event: auth"),
        (an_event(head=HEAD.replace('uid="u"', "")), "uid is needed"),
        (an_event(head=HEAD.replace('type="a-f-G"', 'type=""')), "type is needed"),
        (an_event(head=HEAD.replace('uid="u"', f'uid="{"u" * 300}"')), "uid is needed"),
        (an_event(head=HEAD.replace("stale=", "x=")), "stale is no time"),
        (an_event(place=""), "a point is needed"),
        (an_event(place='<point lat="91" lon="0"/>'), "the point needs lat"),
        (an_event(place='<point lat="nan" lon="0"/>'), "the point needs lat"),
        (an_event(place='<point lon="0"/>'), "the point needs lat"),
        (an_event("<a></b>"), "mismatched tag"),
        (an_event("&undefined;"), "undefined entity"),
        (an_event("<a x='1' x='2'/>"), "duplicate attribute"),
        (an_event("\x00"), "not XML"),
        (b"\xff\xfe" + an_event().decode().encode("utf-16-le"), "the encoding"),
        (b'<?xml version="1.0" encoding="GB18030"?>' + an_event(), "the encoding is not UTF-8"),
        (an_event("é").decode().encode("latin-1"), "not well-formed"),
        (an_event("x" * EVENT_BYTES_MAX), "more than 262144 bytes"),
        (an_event("<a>" * DEPTH_MAX + "</a>" * DEPTH_MAX), "nested deeper"),
        (an_event("<a/>" * ELEMENTS_MAX), "more than 4096 elements"),
        (an_event(f"<a {MANY_ATTRIBUTES}/>"), "more than 64 attributes"),
    ],
)
def test_what_is_no_event_is_refused_with_its_reason(text: bytes, why: str) -> None:
    with pytest.raises(MalformedEvent, match=why):
        read_event(text)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE lolz [<!ENTITY l0 "lol">{LAUGHS}]>',
        f'<!DOCTYPE q [<!ENTITY a "{"a" * 100_000}">]>',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/p"> %p;]>',
        "<!DOCTYPE event>",
    ],
)
def test_a_document_type_is_refused_before_it_is_read(doctype: str) -> None:
    bomb = doctype.encode() + an_event("&l9;&a;&e;" * 100)

    tracemalloc.start()
    with pytest.raises(UnsafeXml):
        read_event(bomb)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 2_000_000


@pytest.mark.parametrize(
    "detail",
    [
        "<a/>" * (ELEMENTS_MAX - 3),
        "<contact callsign='a'/>" * (ELEMENTS_MAX - 3),
        f"<a x='{'y' * 250_000}'/>",
        "a&#10;" * 40_000,
        "<![CDATA[x]]>" * 15_000,
    ],
)
def test_the_largest_event_costs_little(detail: str) -> None:
    tracemalloc.start()
    event = read_event(an_event(detail))
    read_message(write_message(event))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    began = time.process_time()
    read_message(write_message(read_event(an_event(detail))))

    assert most < 12_000_000
    assert time.process_time() - began < 1.5


@settings(deadline=None, max_examples=500)
@given(st.binary(max_size=400) | st.text(max_size=300).map(lambda text: an_event(text)))
def test_any_bytes_are_an_event_or_malformed(data: bytes) -> None:
    for read in read_event, read_message:
        with contextlib.suppress(MalformedEvent):
            read(data)


@settings(deadline=None, max_examples=500)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_any_flipped_byte_leaves_an_event_or_malformed(place: int, flip: int) -> None:
    for write, read in (write_document, read_event), (write_message, read_message):
        blob = bytearray(write(a_unit_report()))
        blob[place % len(blob)] ^= flip
        try:
            event = read(bytes(blob))
        except MalformedEvent:
            continue
        if event is not None:
            assert read_event(write_event(event)) == event


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"\x12\x05ab", "cut short"),
        (b"\x12", "cut short"),
        (b"\x13\x00", "wire type 3 is not known"),
        (b"\x02\x00", "a field without a number"),
        (b"\x08" + b"\xff" * 10, "varint of more than 10 bytes"),
        (b"\x12\x04\x0a\x02\xff\xfe", "is not UTF-8"),
        (b"\x12\x00", "uid is needed"),
        (b"\x12\x06\x0a\x01a\x2a\x01u", "time is no time"),
        (b"\x08\x01" * (FIELDS_MAX + 1), "more than 4096 fields"),
        (b"x" * (EVENT_BYTES_MAX + 1), "more than 262144 bytes"),
    ],
)
def test_a_bad_message_is_refused_with_its_reason(message: bytes, why: str) -> None:
    with pytest.raises(MalformedEvent, match=why):
        read_message(message)


def test_xml_text_in_a_message_cannot_leave_the_detail() -> None:
    attack = b"</detail><detail>"
    detail = b"\x0a" + bytes((len(attack),)) + attack
    body = A_BODY + b"\x7a" + bytes((len(detail),)) + detail

    with pytest.raises(MalformedEvent, match="not XML"):
        read_message(b"\x12" + bytes((len(body),)) + body)
