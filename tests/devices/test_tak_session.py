"""One TAK client's stream, from the server's side: negotiation, identity, what waits to be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.tak.naming import OURS, ROOM
from devices.tak.sending import Parcel
from devices.tak.session import (
    FOREIGN_IN_A_ROW_MAX,
    Claim,
    Phase,
    Refused,
    Said,
    TakLimits,
    TakSession,
)
from protocols.cot import alerts, chat, control
from protocols.cot.chat import Message, Outcome
from protocols.cot.event import Event, Point
from protocols.cot.messages import MAGIC, write_frame
from protocols.cot.stream import Stream
from protocols.cot.units import Unit, unit_report
from protocols.cot.xmltext import write_document

AT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
HERE = Point(lon=104.9, lat=28.65, ce_m=8.0)
MINE, OTHERS = "ANDROID-1", "ANDROID-2"


def a_session(uid: str = MINE, limits: TakLimits | None = None) -> TakSession:
    session = TakSession(limits, now=0.0, own_uid=uid)
    session.start("offer-1", "0.1.0", AT)
    session.data_to_send(0.0)
    return session


def say(session: TakSession, *events: Event | bytes, now: float = 0.0) -> None:
    for event in events:
        data = event if isinstance(event, bytes) else write_document(event)
        session.receive(data, lambda: AT, now)


def a_report(uid: str = MINE, callsign: str = "one") -> Event:
    unit = Unit(callsign=callsign, endpoint="*:-1:stcp", battery_pct=63)
    return unit_report(uid, unit, point=HERE, at=AT, valid=timedelta(minutes=5))


def a_line(sender: str = MINE, to: str = ROOM, text: str = "hello") -> Event:
    return chat.write_message(Message(id="m1", sender_uid=sender, to=to, text=text, sent_at=AT))


def read_all(data: list[bytes]) -> list[Event]:
    stream = Stream()
    found: list[Event] = []
    for each in data:
        stream.receive(each)
        while (item := stream.next()) is not None:
            assert isinstance(item, Event), item
            found.append(item)
    return found


# -- the stream ---------------------------------------------------------------------------


def test_the_first_word_is_the_offer_of_protobuf() -> None:
    session = TakSession(now=0.0)

    session.start("offer-1", "0.1.0", AT)

    (offer,) = read_all(session.data_to_send(0.0))
    assert offer.type == control.VERSIONS
    assert control.offered_versions(offer) == [1]


def test_a_ping_is_answered_before_everything_that_waits() -> None:
    session = a_session()
    for number in range(5):
        session.tell(Parcel(a_report(f"u{number}")), 0.0)

    say(session, control.ping(MINE, AT))

    assert read_all(session.data_to_send(0.0))[0].type == control.PONG


def test_protobuf_begins_right_after_the_answer() -> None:
    session = a_session()
    session.tell(Parcel(a_report("before")), 0.0)

    say(session, control.request_version("offer-1", 1, AT))
    session.tell(Parcel(a_report("after")), 0.0)

    answer, *rest = session.data_to_send(0.0)
    assert control.granted(read_all([answer])[0])
    assert answer[0] != MAGIC
    assert [each[0] for each in rest] == [MAGIC, MAGIC]
    assert session.phase is Phase.PROTOBUF
    say(session, write_frame(control.ping(MINE, AT)))
    assert session.data_to_send(0.0)[0][0] == MAGIC


def test_another_version_is_refused_and_xml_goes_on() -> None:
    session = a_session()

    say(session, control.request_version("offer-1", 2, AT), control.ping(MINE, AT))

    refused, pong = read_all(session.data_to_send(0.0))
    assert not control.granted(refused)
    assert pong.type == control.PONG
    assert session.phase is Phase.XML


def test_a_framed_session_speaks_protobuf_at_once() -> None:
    session = TakSession(now=0.0, framed=True)

    session.start("offer-1", "0.1.0", AT)

    assert session.data_to_send(0.0)[0][0] == MAGIC


@given(cuts=st.lists(st.integers(1, 60), max_size=60))
def test_wherever_the_network_cuts_the_same_is_heard(cuts: list[int]) -> None:
    session = a_session()
    data = b"".join(
        [
            b"\n" + write_document(a_report()) + b"\n",
            write_frame(a_line()),
            write_document(a_line(text="二")),
        ]
    )

    for size in cuts:
        session.receive(data[:size], lambda: AT, 0.0)
        data = data[size:]
    session.receive(data, lambda: AT, 0.0)

    heard = session.events()
    assert [type(each) for each in heard] == [Said, Said, Said]


def test_the_greeting_of_pytak_deletes_nothing() -> None:
    session = a_session()
    greeting = replace(control.disconnected(MINE, AT), uid=control.PYTAK_GREETING_UID)

    say(session, greeting)

    assert session.events() == []
    assert session.closing is None


@pytest.mark.parametrize(
    "attack",
    [
        b'<!DOCTYPE event [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><event uid="&b;"/>',
        b'<?xml version="1.0"?><!DOCTYPE e SYSTEM "file:///etc/passwd"><event/>',
    ],
)
def test_a_document_type_ends_the_connection(attack: bytes) -> None:
    session = a_session()

    say(session, attack)

    assert session.closing is not None
    assert session.data_to_send(0.0) == []


def test_a_damaged_event_is_told_and_the_next_one_heard() -> None:
    session = a_session()

    say(session, b"<event uid='x'></event>", a_report())

    refused, said = session.events()
    assert isinstance(refused, Refused)
    assert isinstance(said, Said)
    assert session.closing is None


def test_who_says_too_much_is_read_more_slowly() -> None:
    session = a_session(limits=TakLimits(events_per_s_max=10, events_burst_max=5))

    for _ in range(15):
        say(session, a_report())

    assert session.throttle_s(0.0) == pytest.approx(1.0)
    assert session.throttle_s(1.0) == 0.0


# -- who says it --------------------------------------------------------------------------


def test_ones_own_report_word_receipt_and_alert_are_heard_as_own() -> None:
    session = a_session()
    line = Message(id="m1", sender_uid=ROOM, to=MINE, text="x", sent_at=AT)

    say(
        session,
        a_report(),
        a_line(),
        chat.write_receipt(line, Outcome.READ, callsign="one", now=AT),
        alerts.write_emergency(MINE, "one", point=HERE, at=AT, valid=timedelta(minutes=1)),
    )

    heard = session.events()
    assert len(heard) == 4
    assert all(isinstance(each, Said) and each.own for each in heard)


@pytest.mark.parametrize(
    "event",
    [
        a_report(OTHERS),
        a_line(OTHERS),
        a_line(ROOM),
        alerts.write_emergency(OTHERS, "two", at=AT, valid=timedelta(minutes=1)),
        alerts.cancel_emergency(OTHERS, "two", at=AT, valid=timedelta(minutes=1)),
        replace(a_line(), uid="GeoChat", detail=a_report().detail),
    ],
)
def test_what_is_said_as_another_is_refused(event: Event) -> None:
    session = a_session()

    say(session, event)

    (heard,) = session.events()
    assert isinstance(heard, Refused)
    assert session.closing is None


def test_who_only_speaks_as_others_is_sent_away() -> None:
    session = a_session()

    for _ in range(FOREIGN_IN_A_ROW_MAX):
        say(session, a_report(OTHERS))

    assert session.closing == "speaks as others"


def test_a_thing_on_the_map_is_for_the_caller_to_judge() -> None:
    session = a_session()
    marker = alerts.write_marker(
        "thing-1", "roadblock", point=HERE, author_uid=MINE, at=AT, valid=timedelta(hours=1)
    )

    say(session, marker, control.deleted("thing-1", AT))

    heard = session.events()
    assert [(type(each), getattr(each, "own", None)) for each in heard] == [(Said, False)] * 2


def test_a_client_without_a_uid_claims_the_first_it_says() -> None:
    session = a_session("")

    say(session, a_line(), a_report(), a_report())
    early, claim = session.events()
    session.bound(MINE)
    say(session, a_report(), a_report(OTHERS))

    assert isinstance(early, Refused)
    assert isinstance(claim, Claim)
    assert claim.uid == MINE
    waited, said, foreign = session.events()
    assert isinstance(waited, Said)
    assert isinstance(said, Said)
    assert said.own
    assert isinstance(foreign, Refused)


@pytest.mark.parametrize("uid", [ROOM, f"{OURS}unit-1", "takPong", "a\tb", "x" * 129])
def test_a_uid_of_the_server_cannot_be_claimed(uid: str) -> None:
    session = a_session("")

    say(session, replace(a_report(), uid=uid))

    (heard,) = session.events()
    assert isinstance(heard, Refused)


# -- what waits to be read ----------------------------------------------------------------


def test_the_newest_position_takes_the_place_of_the_older() -> None:
    session = a_session()

    for battery in range(3):
        for uid in ("u1", "u2"):
            session.tell_position(Parcel(a_report(uid, f"{battery}")), 0.0)

    told = read_all(session.data_to_send(0.0))
    assert [(each.uid, each.said("contact", "callsign")) for each in told] == [
        ("u1", "2"),
        ("u2", "2"),
    ]


def test_words_leave_before_positions_and_in_order() -> None:
    session = a_session()
    session.tell_position(Parcel(a_report("u1")), 0.0)

    session.tell(Parcel(a_line(to="A")), 0.0, "first")
    session.tell(Parcel(a_line(to="B")), 0.0, "second")

    kinds = [each.type for each in read_all(session.data_to_send(0.0))]
    assert kinds == [chat.CHAT, chat.CHAT, a_report().type]
    assert session.told() == ["first", "second"]
    assert session.told() == []


def test_a_full_queue_gives_up_positions_and_never_words() -> None:
    room_for = 8 * len(Parcel(a_report("u00")).xml)
    session = a_session(limits=TakLimits(queue_bytes_max=room_for))

    for number in range(20):
        session.tell_position(Parcel(a_report(f"u{number:02}")), 0.0)
    session.tell(Parcel(a_line(to="A")), 0.0)
    session.tell(Parcel(a_line(to="B")), 0.0)

    assert session.queue.bytes_waiting <= room_for
    assert session.queue.dropped >= 12
    told = read_all(session.data_to_send(0.0))
    assert [each.type for each in told[:2]] == [chat.CHAT] * 2
    assert told[-1].uid == "u19"
    assert session.closing is None


def test_a_client_that_leaves_words_unread_is_a_slow_consumer() -> None:
    session = a_session(limits=TakLimits(queue_bytes_max=2000))

    for _ in range(10):
        session.tell(Parcel(a_line(text="x" * 300)), 0.0)

    assert session.closing == "reading too slowly"


def test_what_waits_too_long_ends_the_connection() -> None:
    session = a_session(limits=TakLimits(stalled_s=30))
    assert session.next_deadline() is None

    session.tell_position(Parcel(a_report("u1")), 5.0)
    assert session.next_deadline() == 35.0
    session.expire(34.0)
    assert session.closing is None
    session.expire(35.0)

    assert session.closing == "reading too slowly"
