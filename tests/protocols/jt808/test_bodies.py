"""Every message there and back, in each year; and no bytes at all that raise."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.jt808.catalogue import BODIES
from protocols.jt808.channel import Channel, Received
from protocols.jt808.codec import BadFrame, interpret
from protocols.jt808.fields import CannotEncode, Dialect, clock_of, instant_of
from protocols.jt808.header import Header, display_id, phone_of
from protocols.jt808.layout import Body
from protocols.jt808.location import BatchReport, Location, LocationReport, location_of
from protocols.jt808.orders import TextMessage
from protocols.jt808.parameters import REPORT_S, Parameter, SetParameters
from protocols.jt808.plain import plain_body, plain_partial
from protocols.jt808.records import Driver
from protocols.jt808.session import Authentication, Registration, RegistrationAnswer
from tests.protocols.jt808.bodies import bodies

IDS = sorted(BODIES)
YEARS = (Dialect.Y2013, Dialect.Y2019)
bodies_of_each = st.tuples(st.sampled_from(IDS), st.sampled_from(YEARS)).flatmap(
    lambda chosen: st.tuples(bodies(BODIES[chosen[0]], chosen[1]), st.just(chosen[1]))
)


def a_header(message_id: int, dialect: Dialect) -> Header:
    return Header(message_id=message_id, phone=phone_of("1", dialect), serial=0, dialect=dialect)


def understood(message_id: int, data: bytes, dialect: Dialect) -> Body | BadFrame:
    """What becomes of a body; whatever it is can be shown as JSON."""
    found = interpret(a_header(message_id, dialect), data)
    json.dumps(plain_partial(found) if isinstance(found, BadFrame) else plain_body(found))
    return found


@pytest.mark.parametrize("dialect", YEARS)
@pytest.mark.parametrize("message_id", IDS, ids=hex)
@settings(max_examples=8)
@given(st.data())
def test_what_is_sent_is_what_arrives(
    message_id: int, dialect: Dialect, data: st.DataObject
) -> None:
    message = data.draw(bodies(BODIES[message_id], dialect))

    sender = Channel(phone=phone_of("10000000001", dialect), dialect=dialect)
    wire = b"".join(sender.send(message).frames)
    events = Channel().receive(wire, now=0)

    assert isinstance(events[-1], Received)
    assert events[-1].message == message


@given(bodies_of_each, st.data())
def test_a_body_cut_anywhere_is_a_message_or_says_why_not(
    made: tuple[Body, Dialect], data: st.DataObject
) -> None:
    message, dialect = made
    body = message.encode(dialect)

    understood(message.ID, body[: data.draw(st.integers(0, len(body)))], dialect)


@given(bodies_of_each, st.data())
def test_a_body_with_any_byte_changed_is_a_message_or_says_why_not(
    made: tuple[Body, Dialect], data: st.DataObject
) -> None:
    message, dialect = made
    body = bytearray(message.encode(dialect) or b"\0")
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

    understood(message.ID, bytes(body), dialect)


@given(st.sampled_from(IDS), st.sampled_from(YEARS), st.binary(max_size=200))
def test_any_bytes_are_a_message_or_say_why_not(
    message_id: int, dialect: Dialect, body: bytes
) -> None:
    found = understood(message_id, body, dialect)

    if isinstance(found, BadFrame):
        assert found.is_answerable
        assert found.detail


def test_a_message_of_a_vendor_keeps_its_bytes() -> None:
    wire = b"".join(Channel().send(TextMessage(flags=4, text="x", extra=b"")).frames)

    [event] = Channel().receive(wire.replace(b"\x83\x00", b"\xe1\x23"), now=0)
    assert isinstance(event, BadFrame)

    found = interpret(a_header(0xE123, Dialect.Y2013), b"\x01\x02")
    assert isinstance(found, Body)
    assert plain_body(found) == {"raw": "0102"}


def test_bytes_behind_a_standard_body_are_kept() -> None:
    message = RegistrationAnswer.decode(b"\0\1\0", Dialect.Y2013)
    assert (message.code, message.extra) == ("", b"")

    longer = BODIES[0x8105].decode(b"\4", Dialect.Y2013)
    assert longer.extra == b""

    answer = BODIES[0x0302].decode(b"\0\7\1vendor", Dialect.Y2013)
    assert answer.extra == b"vendor"
    assert answer.encode(Dialect.Y2013) == b"\0\7\1vendor"


@pytest.mark.parametrize(("size", "year"), [(25, 2011), (33, 2011), (36, 2011), (37, 2013)])
def test_registrations_of_2011_and_2013_are_told_by_their_length(size: int, year: int) -> None:
    body = b"\0\1\0\2MAKER" + b"MODEL   " + bytes(size - 17)

    message = Registration.decode(body, Dialect.Y2013)

    assert message.maker == "MAKER"
    assert message.model == "MODEL"
    assert len(message.encode(Dialect(year))) >= (37 if year == 2013 else 25)


def test_a_driver_of_2011_is_told_by_what_comes_before_the_name() -> None:
    driver = Driver(status=0, name="张三", identity="5101", licence="A1", authority="凉山")

    assert Driver.decode(driver.encode(Dialect.Y2011), Dialect.Y2013) == driver


def test_a_2019_terminal_may_send_its_code_alone() -> None:
    assert Authentication.decode(b"\x7fcode", Dialect.Y2019).code == "\x7fcode"
    assert Authentication.decode(b"\x04code", Dialect.Y2019).code == "code"


def test_items_that_overrun_the_body_cost_no_position() -> None:
    basic = Location(status_bits=2, latitude_e6=27_000_000, longitude_e6=100_000_000)
    body = LocationReport(location=basic).encode(Dialect.Y2013) + b"\x30\x01\x1f\x64\x20\x00"

    location = location_of(body)

    assert (location.lat, location.lon, location.has_fix) == (27, 100, True)
    assert location.values.signal == 31
    assert location.tail == b"\x64\x20\x00"
    assert not location.items_whole


def test_a_batch_that_promises_more_gives_what_it_has() -> None:
    one = Location(latitude_e6=1)
    batch = BatchReport.of((one, one), backfill=True).encode(Dialect.Y2013)

    cut = BatchReport.decode(b"\0\x09" + batch[2:-5], Dialect.Y2013)

    assert cut.locations == (one,)
    assert cut.is_backfill
    assert not cut.is_whole


@pytest.mark.parametrize(
    ("direction", "heading"), [(0, 0), (359, 359), (360, 0), (361, None), (0xFFFF, None)]
)
def test_heading(direction: int, heading: int | None) -> None:
    assert Location(direction=direction).heading_deg == heading


def test_swapped_coordinates_are_no_place() -> None:
    swapped = Location(status_bits=2, latitude_e6=116_300_000, longitude_e6=40_060_000)

    assert not swapped.has_fix
    assert swapped.lat == 116.3


@pytest.mark.parametrize(
    "clock", ["000000000000", "26130a102030", "261301102030", "260230102030", "260101250000"]
)
def test_a_clock_that_names_no_time(clock: str) -> None:
    assert instant_of(bytes.fromhex(clock)) is None


def test_times_are_of_china() -> None:
    at = instant_of(bytes.fromhex("260102030405"))

    assert at is not None
    assert at.isoformat() == "2026-01-01T19:04:05+00:00"
    assert clock_of(at).hex() == "260102030405"


def test_a_text_that_is_not_in_gbk_is_sent_with_question_marks() -> None:
    assert TextMessage(flags=4, text="救援 🚓").encode(Dialect.Y2013)[-1:] == b"?"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(CannotEncode, match="flags"):
        TextMessage(flags=256, text="").encode(Dialect.Y2013)
    with pytest.raises(CannotEncode, match="maker"):
        Registration(maker="longer than five").encode(Dialect.Y2013)
    with pytest.raises(CannotEncode, match="parameter"):
        Parameter.of(REPORT_S, -1)
    with pytest.raises(CannotEncode, match="200 at most"):
        Channel().send(BODIES[0x0900](kind=1, data=bytes(205_000)))  # type: ignore[call-arg]


def test_an_interval_is_set_as_a_real_terminal_was_told() -> None:
    """The frame is a recorded one, its phone and check byte replaced."""
    channel = Channel(phone=phone_of("10000000001", Dialect.Y2013))

    [frame] = channel.send(SetParameters(parameters=(Parameter.of(REPORT_S, 10),))).frames

    assert frame.hex() == "7e8103000a0100000000010000010000002904" + "0000000aae7e"


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("013800000000", "13800000000"),
        ("000000000000", "0"),
        ("00000000010000000001", "10000000001"),
        ("4e376f736001", "860000000000017"),
    ],
)
def test_phones_as_people_know_them(phone: str, shown: str) -> None:
    assert display_id(bytes.fromhex(phone)) == shown
