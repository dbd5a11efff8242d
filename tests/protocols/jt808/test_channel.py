"""Bytes in any pieces become messages, a bad frame costs itself alone, and nothing grows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protocols.jt808.channel import Channel, Event, Received
from protocols.jt808.codec import BadFrame, Unknown, Why
from protocols.jt808.fields import Dialect
from protocols.jt808.framing import FRAME_BYTES_MAX, wrap
from protocols.jt808.header import PHONE_BYTES, phone_of
from protocols.jt808.layout import Body
from protocols.jt808.location import Location, LocationReport
from protocols.jt808.orders import Answer, Choice, Question, TextMessage
from protocols.jt808.packets import Missing, PackageTaken
from protocols.jt808.session import Authentication, Heartbeat

PHONE = "10000000001"
MESSAGES: tuple[Body, ...] = (
    Heartbeat(),
    Authentication(code="}~}~", imei="860000000000001", software="1.0"),
    LocationReport(
        location=Location(
            alarm_bits=1, status_bits=2, latitude_e6=0x7E7D7E, items=((0x7E, b"\x7d\x7e"),)
        )
    ),
    Unknown(message_id=0x0F7E, extra=b"\x7e\x7d\x01\x02" * 700),
    Answer(answers=7, choice=1),
)


def a_channel(dialect: Dialect = Dialect.Y2013) -> Channel:
    return Channel(phone=phone_of(PHONE, dialect), dialect=dialect)


def wire_of(channel: Channel, *messages: Body) -> bytes:
    return b"".join(b"".join(channel.send(message).frames) for message in messages)


def messages_of(events: list[Event]) -> list[Body]:
    return [event.message for event in events if isinstance(event, Received)]


def expected(messages: tuple[Body, ...], dialect: Dialect) -> list[Body]:
    """2013 has no IMEI beside the code."""
    if dialect is Dialect.Y2019:
        return list(messages)
    return [
        Authentication(code=each.code) if isinstance(each, Authentication) else each
        for each in messages
    ]


@given(st.sampled_from([Dialect.Y2013, Dialect.Y2019]), st.lists(st.integers(0, 4000)))
def test_any_split_of_the_bytes_gives_the_same_messages(dialect: Dialect, cuts: list[int]) -> None:
    wire = b"junk" + wire_of(a_channel(dialect), *MESSAGES)
    ends = [*sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    channel, events, at = Channel(), list[Event](), 0

    for end in ends:
        events += channel.receive(wire[at:end], now=0)
        at = end

    assert messages_of(events) == expected(MESSAGES, dialect)
    assert channel.kept_bytes == 0
    assert (channel.dialect, len(channel.phone)) == (dialect, PHONE_BYTES[dialect])


@given(st.data())
def test_a_flipped_byte_costs_one_message_at_most_two(data: st.DataObject) -> None:
    wire = bytearray(wire_of(a_channel(), Heartbeat(), *MESSAGES[:3], Heartbeat(), Heartbeat()))
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] ^= data.draw(st.integers(1, 255))

    channel = Channel()
    came = messages_of(channel.receive(bytes(wire), now=0))

    assert len(came) >= 4
    assert isinstance(came[-1], Heartbeat)


@given(st.binary(max_size=300), st.binary(max_size=20))
def test_noise_raises_nothing_and_leaves_the_connection_usable(noise: bytes, piece: bytes) -> None:
    channel = Channel()

    for chunk in (noise, piece, noise):
        channel.receive(chunk, now=0)
    after = channel.receive(b"\x7e\x7e" + wire_of(a_channel(), Heartbeat()), now=0)

    assert messages_of(after) == [Heartbeat()]


def test_an_endless_frame_is_dropped_and_the_next_one_read() -> None:
    channel = Channel()

    events = channel.receive(b"\x7e" + b"\x11" * FRAME_BYTES_MAX, now=0)
    for _ in range(50):
        events += channel.receive(b"\x11" * 1000, now=0)
        assert channel.kept_bytes <= FRAME_BYTES_MAX
    events += channel.receive(wire_of(a_channel(), Heartbeat()), now=0)

    assert [event.why for event in events if isinstance(event, BadFrame)] == [Why.OVERSIZE]
    assert messages_of(events) == [Heartbeat()]


def test_one_delimiter_may_end_a_frame_and_begin_the_next() -> None:
    frames = [wire_of(a_channel(), Heartbeat()) for _ in range(3)]
    shared = b"\x7e".join(frame.strip(b"\x7e") for frame in frames)

    assert len(messages_of(Channel().receive(b"\x7e" + shared + b"\x7e", now=0))) == 3


def test_a_wrong_check_byte_is_said_and_not_answered() -> None:
    frame = bytearray(wire_of(a_channel(), Answer(answers=1, choice=2)))
    frame[-2] ^= 1

    [event] = Channel().receive(bytes(frame), now=0)

    assert isinstance(event, BadFrame)
    assert (event.why, event.is_answerable) == (Why.CHECK, False)


def test_a_body_that_is_too_short_is_answerable() -> None:
    wire = wire_of(a_channel(), Unknown(message_id=0x0200, extra=bytes(27)))

    [event] = Channel().receive(wire, now=0)

    assert isinstance(event, BadFrame)
    assert (event.why, event.is_answerable) == (Why.BODY, True)
    assert event.header is not None
    assert event.header.display_id == PHONE


def test_answers_go_out_as_the_terminal_speaks() -> None:
    platform = Channel()
    platform.receive(wire_of(a_channel(Dialect.Y2019), Heartbeat()), now=0)

    text = TextMessage(flags=0b1110, kind=1, text="请到三号桥")
    sent = platform.send(text)
    [event] = Channel().receive(b"".join(sent.frames), now=0)

    assert isinstance(event, Received)
    assert event.message == text
    assert (event.header.dialect, event.header.display_id) == (Dialect.Y2019, PHONE)


def test_a_question_offers_its_answers() -> None:
    question = Question(
        flags=9, text="三号桥", choices=(Choice(id=1, text="收到"), Choice(id=2, text="无法执行"))
    )

    [event] = Channel().receive(wire_of(a_channel(), question), now=0)

    assert isinstance(event, Received)
    assert event.message == question


@given(st.sampled_from([Dialect.Y2013, Dialect.Y2019]), st.data())
def test_any_header_that_lies_under_a_right_check_byte_raises_nothing(
    dialect: Dialect, data: st.DataObject
) -> None:
    """Length, package numbers, encryption, layout: whatever the header claims."""
    checked = bytearray(b"".join(a_channel(dialect).send(MESSAGES[2]).frames)[1:-2])
    for _ in range(data.draw(st.integers(1, 3))):
        checked[data.draw(st.integers(0, 20))] = data.draw(st.integers(0, 255))
    channel = Channel()

    events = channel.receive(wrap(bytes(checked)), now=0)
    after = channel.receive(wire_of(a_channel(), Heartbeat()), now=0)

    assert all(isinstance(event, Received | BadFrame | PackageTaken | Missing) for event in events)
    assert messages_of(after) == [Heartbeat()]
    while (due := channel.next_deadline()) is not None:
        channel.expire(due)
    assert channel.kept_bytes == 0


def test_a_header_that_reaches_into_the_check_byte_is_none() -> None:
    packaged = bytes.fromhex("000220000100000000010000000100")

    [event] = Channel().receive(wrap(packaged), now=0)

    assert isinstance(event, BadFrame)
    assert event.why is Why.SHORT
