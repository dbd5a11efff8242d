"""Both ends of a JT/T 808 link talk to each other, as they are and with what links do to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.jt808.limits import LinkLimits
from devices.jt808.outbox import Serials
from devices.jt808.platform import PlatformSession
from devices.jt808.platform_events import (
    Answered,
    Authenticating,
    Chose,
    Located,
    OtherTerminal,
    Registering,
    SaidAgain,
    TimeAsked,
    Unanswered,
    Unreadable,
)
from devices.jt808.sayings import a_question, a_text
from devices.jt808.terminal import Phase
from devices.jt808.terminal_events import AlarmTaken, LetIn, QuestionAsked, Refused, TextShown
from protocols.jt808.channel import Channel
from protocols.jt808.codec import decode, encode
from protocols.jt808.fields import Dialect
from protocols.jt808.header import Header, phone_of
from protocols.jt808.layout import Body
from protocols.jt808.location import BatchReport, LocationReport
from protocols.jt808.orders import AlarmConfirmation, TemporaryTracking
from protocols.jt808.session import (
    Heartbeat,
    PlatformAnswer,
    RegisterResult,
    Result,
    TimeAnswer,
    TimeQuery,
)
from tests.devices.jt808.two_ends import START, YEARS, TwoEnds, a_make, a_place


@pytest.fixture(params=YEARS, ids=[str(int(year)) for year in YEARS])
def ends(request: pytest.FixtureRequest) -> TwoEnds:
    return TwoEnds(a_make(dialect=request.param))


def said(session: PlatformSession) -> list[Body]:
    """What the platform has just written."""
    found = []
    for frame in session.data_to_send():
        read = decode(frame.strip(b"\x7e"))
        assert isinstance(read, tuple)
        found.append(read[1])
    return found


def a_frame(
    message: Body, serial: int, *, phone: str = "1", dialect: Dialect = Dialect.Y2013
) -> bytes:
    header = Header(
        message_id=message.ID, phone=phone_of(phone, dialect), serial=serial, dialect=dialect
    )
    return encode(header, message.encode(dialect))


# -- coming in ---------------------------------------------------------------------------


def test_a_terminal_registers_says_who_it_is_and_reports(ends: TwoEnds) -> None:
    ends.settle()
    ends.terminal.report(a_place(), ends.now)
    ends.settle()

    assert [type(each) for each in ends.heard] == [Registering, Authenticating, Located]
    assert [type(each) for each in ends.shown] == [LetIn]
    assert ends.places() == [(a_place(), False)]
    assert ends.terminal.kept_count == 0
    assert ends.platform.in_hand_count == 0
    assert ends.platform.external_id == ends.make.phone.rjust(
        20 if ends.make.dialect is Dialect.Y2019 else 12, "0"
    )


def test_with_a_code_it_does_not_register_again(ends: TwoEnds) -> None:
    ends.settle()
    ends.lose()
    ends.heard.clear()

    ends.connect()
    ends.settle()

    assert [type(each) for each in ends.heard] == [Authenticating]
    assert ends.terminal.phase is Phase.ONLINE


def test_a_terminal_that_is_not_known_is_told_so() -> None:
    ends = TwoEnds(takes=False)
    ends.settle()
    (asked,) = ends.heard
    assert isinstance(asked, Registering)

    ends.platform.answer_registration(asked.ticket, RegisterResult.NO_SUCH_TERMINAL, ends.now)
    ends.settle()

    assert ends.shown == [Refused(why="registration: no_such_terminal")]


def test_a_stranger_loses_the_link_after_a_while_and_a_known_one_does_not() -> None:
    stranger, known = TwoEnds(takes=False), TwoEnds()

    stranger.run(LinkLimits().stranger_s + 1)
    known.run(LinkLimits().stranger_s + 1)

    assert stranger.platform.closing == "not known"
    assert known.platform.closing is None


# -- reports -----------------------------------------------------------------------------


def test_nothing_is_answered_before_the_caller_says_so() -> None:
    ends = TwoEnds()
    ends.settle()
    ends.takes = False

    ends.terminal.report(a_place(), ends.now)
    ends.settle()

    assert ends.terminal.kept_count == 1
    assert ends.platform.in_hand_count == 1


def test_what_is_said_again_gets_its_answer_and_happens_once(ends: TwoEnds) -> None:
    ends.settle()
    ends.lost_down = lambda frame: True

    ends.terminal.report(a_place(), ends.now)
    ends.settle()
    ends.lost_down = lambda frame: False
    ends.run(11)

    assert ends.places() == [(a_place(), False)]
    assert SaidAgain(message_id=LocationReport.ID) in ends.heard
    assert ends.terminal.kept_count == 0


def test_what_is_said_again_while_it_is_being_stored_waits_with_it() -> None:
    ends = TwoEnds()
    ends.settle()
    ends.takes = False
    ends.terminal.report(a_place(), ends.now)
    ends.run(25)
    (first,) = [each for each in ends.heard if isinstance(each, Located)]
    ends.platform.data_to_send()

    ends.platform.answer(first.ticket, Result.OK, ends.now)

    assert [type(each) for each in said(ends.platform)] == [PlatformAnswer]
    assert ends.platform.in_hand_count == 0


def test_what_could_not_be_stored_is_new_when_it_is_said_again() -> None:
    session = PlatformSession(now=0.0)
    frame = a_frame(LocationReport(location=a_place()), 5)
    session.receive(frame, 0.0)
    (first,) = session.events()
    assert isinstance(first, Located)

    session.leave(first.ticket)
    session.receive(frame, 1.0)

    assert [type(each) for each in session.events()] == [Located]
    assert session.data_to_send() == []


def test_a_serial_used_again_after_a_reboot_is_another_message() -> None:
    session = PlatformSession(now=0.0)
    for n in range(2):
        session.receive(a_frame(LocationReport(location=a_place(n)), 5), 0.0)

    assert [type(each) for each in session.events()] == [Located, Located]


def test_reports_of_a_dead_zone_come_as_history_in_order(ends: TwoEnds) -> None:
    ends.settle()
    ends.terminal.report(a_place(0), ends.now)
    ends.settle()
    ends.lose()
    for n in range(1, 51):
        ends.terminal.report(a_place(n), ends.now)

    ends.connect()
    ends.settle()

    assert [place for place, _ in ends.places()] == [a_place(n) for n in range(51)]
    old = [history for _, history in ends.places()][1:]
    assert all(old) if ends.make.dialect is not Dialect.Y2011 else not any(old)
    assert ends.terminal.kept_count == 0


def test_reports_that_were_on_the_way_when_the_link_went_are_not_lost() -> None:
    ends = TwoEnds()
    ends.settle()
    ends.lost_up = lambda frame: True
    for n in range(5):
        ends.terminal.report(a_place(n), ends.now)
    ends.settle()

    ends.lost_up = lambda frame: False
    ends.lose()
    ends.connect()
    ends.settle()

    assert [place for place, _ in ends.places()] == [a_place(n) for n in range(5)]


def test_a_long_batch_comes_in_packages_and_what_lacks_is_asked_for() -> None:
    ends = TwoEnds()
    ends.settle()
    items = tuple((0xE1, bytes(40)) for _ in range(2))
    ends.lose()
    for n in range(20):
        ends.terminal.report(a_place(n, items=items), ends.now)
    ends.lost_up = LosingOnce(BatchReport.ID)

    ends.connect()
    ends.run(30)

    assert [place.observed_at for place, _ in ends.places()] == [
        a_place(n).observed_at for n in range(20)
    ]
    assert ends.terminal.kept_count == 0


class LosingOnce:
    """Loses the first frame of this message, as a link does."""

    def __init__(self, message_id: int) -> None:
        self._head = message_id.to_bytes(2)
        self.lost = 0

    def __call__(self, frame: bytes) -> bool:
        if self.lost or frame[1:3] != self._head:
            return False
        self.lost += 1
        return True


def test_a_full_memory_of_reports_drops_the_oldest() -> None:
    ends = TwoEnds()
    ends.lose()
    for n in range(10_005):
        ends.terminal.report(a_place(n), ends.now)

    assert ends.terminal.kept_count == 10_000
    ends.connect()
    ends.settle()
    assert ends.places()[0][0] == a_place(5)


# -- what is said to it ------------------------------------------------------------------


def test_a_text_is_shown_and_the_machine_says_so(ends: TwoEnds) -> None:
    ends.settle()

    text = a_text("A17 紧急 交通事故 永宁路口。", ends.make.dialect, urgent=True)
    assert ends.platform.send(text, ends.now, key="c1")
    ends.settle()

    assert TextShown(text="A17 紧急 交通事故 永宁路口。", urgent=True) in ends.shown
    assert ends.heard[-1] == Answered(key="c1", message_id=0x8300, result=0)


def test_a_person_answers_a_question_even_on_a_later_link(ends: TwoEnds) -> None:
    ends.settle()
    question = a_question("A17 永宁路口", ["收到", "无法执行"], urgent=False)
    ends.platform.send(question, ends.now, key="c1", command_seq=41)
    ends.settle()
    (asked,) = [each for each in ends.shown if isinstance(each, QuestionAsked)]
    ends.lose()
    ends.connect()
    ends.settle()

    ends.terminal.choose(asked.serial, 1, ends.now)
    ends.settle()

    assert asked.choices == ((1, "收到"), (2, "无法执行"))
    chosen = ends.heard[-1]
    assert isinstance(chosen, Chose)
    assert chosen.choice == 1
    assert Serials.command_seq(chosen.serial, 41) == 41


def test_an_answer_that_finds_no_link_is_said_on_the_next() -> None:
    ends = TwoEnds()
    ends.settle()
    ends.lose()
    ends.terminal.choose(0x8001, 2, ends.now)

    for _ in range(2):
        ends.connect()
        ends.settle()
        ends.lose()

    chosen = [(each.serial, each.choice) for each in ends.heard if isinstance(each, Chose)]
    assert chosen == [(0x8001, 2)]


def test_a_person_who_answers_before_the_machine_says_anything_has_it() -> None:
    ends = TwoEnds()
    ends.settle()
    ends.lost_up = LosingOnce(0x0001)
    ends.platform.send(a_question("A17", ["收到"], urgent=False), 0.0, key="c1", command_seq=1)
    ends.settle()
    (asked,) = [each for each in ends.shown if isinstance(each, QuestionAsked)]

    ends.terminal.choose(asked.serial, 1, ends.now)
    ends.settle()

    assert ends.heard[-2] == Answered(key="c1", message_id=0x8302, result=0)
    assert isinstance(ends.heard[-1], Chose)


def test_without_a_keypad_a_question_is_not_supported() -> None:
    ends = TwoEnds(a_make(has_keypad=False))
    ends.settle()

    ends.platform.send(a_question("A17", ["收到"], urgent=False), 0.0, key="c1", command_seq=1)
    ends.settle()

    assert ends.heard[-1] == Answered(key="c1", message_id=0x8302, result=3)


def test_a_message_goes_out_again_until_it_is_answered_or_given_up() -> None:
    ends = TwoEnds()
    ends.settle()
    sent = ends.down_count
    ends.lost_down = lambda frame: frame[1:3] == b"\x83\x00"

    ends.platform.send(a_text("A17", Dialect.Y2013, urgent=False), 0.0, key="c1")
    ends.run(45)
    assert ends.down_count - sent == 4  # at 0, 10, 20 and 40 s
    ends.run(60)

    assert ends.heard[-1] == Unanswered(key="c1", message_id=0x8300)


def test_what_waits_already_or_finds_no_room_is_refused_to_the_caller() -> None:
    ends = TwoEnds(limits=LinkLimits(in_flight_max=2))
    ends.settle()
    ends.lost_down = lambda frame: True
    text = a_text("A17", Dialect.Y2013, urgent=False)

    taken = [ends.platform.send(text, 0.0, key=f"c{n}", command_seq=n) for n in (1, 1, 2, 3)]

    assert taken == [True, False, True, False]


def test_an_alarm_is_on_in_every_report_until_it_is_taken(ends: TwoEnds) -> None:
    ends.settle()
    ends.terminal.alarm = True
    for n in range(2):
        ends.terminal.report(a_place(n), ends.now)
    ends.settle()

    ends.platform.send(AlarmConfirmation(report=0, alarm_bits=1), ends.now)
    ends.settle()
    ends.terminal.report(a_place(2), ends.now)
    ends.settle()

    assert [place.is_sos for place, _ in ends.places()] == [True, True, False]
    assert AlarmTaken() in ends.shown


def test_tracking_ends_by_itself() -> None:
    ends = TwoEnds()
    ends.settle()

    ends.platform.send(TemporaryTracking(interval_s=2, validity_s=600), ends.now)
    ends.settle()

    assert ends.terminal.interval_s(ends.now + 599) == 2
    assert ends.terminal.interval_s(ends.now + 601) == ends.make.interval_s


# -- the link ----------------------------------------------------------------------------


def test_a_silent_terminal_is_given_up_and_one_of_2019_is_asked_before() -> None:
    for dialect, asked in ((Dialect.Y2013, []), (Dialect.Y2019, [0x8204])):
        session = PlatformSession(now=0.0)
        session.receive(a_frame(Heartbeat(), 0, dialect=dialect), 0.0)
        session.admit()
        session.data_to_send()
        written = []

        while (deadline := session.next_deadline()) is not None:
            session.expire(deadline)
            written += [each.ID for each in said(session)]

        assert written == asked
        assert session.closing == "silent for too long"
        assert deadline is None


def test_the_time_is_told_in_utc() -> None:
    session = PlatformSession(now=0.0)
    session.receive(a_frame(TimeQuery(), 3, dialect=Dialect.Y2019), 0.0)
    (asked,) = session.events()
    assert isinstance(asked, TimeAsked)

    session.tell_time(asked.ticket, START, 0.0)

    assert said(session) == [TimeAnswer(at=START)]


def test_another_terminal_on_the_link_is_told_that_it_failed() -> None:
    session = PlatformSession(now=0.0)
    session.receive(a_frame(Heartbeat(), 0), 0.0)
    session.data_to_send()
    session.events()

    session.receive(a_frame(LocationReport(location=a_place()), 9, phone="2"), 0.0)

    assert session.events() == [OtherTerminal()]
    assert [each.result for each in said(session) if isinstance(each, PlatformAnswer)] == [
        Result.FAILED
    ]


def test_a_terminal_that_does_not_read_loses_the_link() -> None:
    session = PlatformSession(LinkLimits(send_queue_bytes_max=100), now=0.0)
    for n in range(10):
        session.receive(a_frame(Heartbeat(), n), 0.0)

    assert session.closing == "reads too slowly"


def test_what_is_read_slowly_ends_the_link_too() -> None:
    session = PlatformSession(now=0.0)
    session.receive(a_frame(Heartbeat(), 0), 0.0)

    session.expire(LinkLimits().send_stalled_s)

    assert session.closing == "reads too slowly"


@pytest.mark.parametrize(
    ("frame", "result"),
    [
        ("7e 0200 0005 000000000001 0001 00000000 07 7e", 2),  # a length that lies
        ("7e 0200 0004 000000000001 0001 00000000 06 7e", 2),  # too short for a location
        ("7e 0002 0400 000000000001 0001 06 7e", 3),  # encrypted
        ("7e 0002 0000 000000000001 0001 55 7e", None),  # a wrong check byte
        ("7e 0002 7d05 7e", None),  # a wrong escape
    ],
)
def test_a_bad_frame_is_counted_and_answered_only_where_its_sender_is_certain(
    frame: str, result: int | None
) -> None:
    session = PlatformSession(now=0.0)

    session.receive(bytes.fromhex(frame), 0.0)

    assert [type(each) for each in session.events()] == [Unreadable]
    answers = [each.result for each in said(session) if isinstance(each, PlatformAnswer)]
    assert answers == ([] if result is None else [result])
    assert session.closing is None


def test_an_unknown_message_is_answered_as_not_supported() -> None:
    session = PlatformSession(now=0.0)
    header = Header(message_id=0x0FFF, phone=bytes(6), serial=1)

    session.receive(encode(header, b"abc"), 0.0)

    assert [each.result for each in said(session) if isinstance(each, PlatformAnswer)] == [
        Result.NOT_SUPPORTED
    ]


# -- whatever comes ----------------------------------------------------------------------


@given(st.data())
def test_any_bytes_in_any_pieces_leave_a_link_that_still_works(data: st.DataObject) -> None:
    session = PlatformSession(now=0.0)
    good = [a_frame(LocationReport(location=a_place(n)), n) for n in range(3)]
    stream = b"".join(good)
    broken = bytearray(stream)
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(broken) - 1))
        broken[at] = data.draw(st.integers(0, 255))
    pieces = bytes(broken) + data.draw(st.binary(max_size=60))
    while pieces:
        cut = data.draw(st.integers(1, len(pieces)))
        session.receive(pieces[:cut], 0.0)
        pieces = pieces[cut:]
    session.events()
    session.data_to_send()
    assert session.closing is None

    after = a_frame(LocationReport(location=a_place(9)), 900, phone=session.external_id or "1")
    session.receive(b"\x7e" + after, 1.0)

    if session.terminal is None or session.terminal.dialect is not Dialect.Y2019:
        found = [each for each in session.events() if isinstance(each, Located)]
        assert found[-1].locations == (a_place(9),)


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_a_terminal_survives_whatever_a_platform_says(pieces: list[bytes]) -> None:
    ends = TwoEnds()
    ends.settle()
    for piece in pieces:
        ends.terminal.receive(b"\x7e" + piece + b"\x7e", ends.now)

    ends.terminal.report(a_place(), ends.now)
    ends.settle()

    assert ends.places() == [(a_place(), False)]


def test_channel_and_session_agree_on_who_speaks() -> None:
    channel = Channel(phone=phone_of("1", Dialect.Y2013))
    session = PlatformSession(now=0.0)

    for frame in channel.send(Heartbeat()).frames:
        session.receive(frame, 0.0)

    assert session.external_id == "000000000001"
