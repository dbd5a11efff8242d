"""Long messages: parted and put together, with packages lost, repeated, mixed and never coming."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.jt808.channel import Channel, Event, Received
from protocols.jt808.codec import BadFrame, Packet, Unknown, Why
from protocols.jt808.fields import Dialect
from protocols.jt808.header import BODY_BYTES_MAX, Header, phone_of
from protocols.jt808.packets import (
    ASKS_MAX,
    DONE_REMEMBERED,
    KEPT_MAX,
    OPEN_MAX,
    PACKAGES_MAX,
    QUIET_S,
    TIMEOUT_S,
    Assembly,
    GaveUp,
    Missing,
    PackageTaken,
    Sender,
    Whole,
)

PHONE = phone_of("10000000001", Dialect.Y2013)
HEADER = Header(message_id=0x0801, phone=PHONE, serial=0)


def a_package(number: int, total: int, *, first: int = 100, body: bytes = b"x") -> Packet:
    header = msgspec.structs.replace(
        HEADER, serial=first + number - 1, number=number, total=total, body_bytes=len(body)
    )
    return Packet(header=header, body=body)


@settings(max_examples=30)
@given(
    st.integers(0, 65_535),
    st.binary(min_size=1, max_size=40).map(lambda data: data * 200),
    st.randoms(use_true_random=False),
)
def test_packages_in_any_order_and_repeated_make_the_message(
    serial: int, body: bytes, chance: object
) -> None:
    _, frames = Sender(serial=serial).frames(HEADER, body)
    shuffled = [*frames, *frames[:2]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    channel, events = Channel(), list[Event]()
    for frame in shuffled:
        events += channel.receive(frame, now=0)

    whole = [event for event in events if isinstance(event, Received)]
    if len(frames) > 1:
        assert len(whole) == 1
        assert [h.number for h in whole[0].headers] == list(range(1, len(frames) + 1))
        assert not [event for event in events if isinstance(event, GaveUp | BadFrame)]
    assert channel.kept_bytes == 0


def test_what_is_lost_is_asked_for_and_comes_again() -> None:
    terminal, platform = Channel(phone=PHONE), Channel()
    long = Unknown(message_id=0x0F01, extra=b"}~" * 2000)
    sent = terminal.send(long)

    events = [e for n in (0, 2, 3) for e in platform.receive(sent.frames[n], now=10.0)]
    [missing] = [event for event in events if isinstance(event, Missing)]
    again = terminal.send_again(missing.header.first_serial, missing.numbers)
    [received] = platform.receive(b"".join(again), now=11.0)

    assert (missing.header.first_serial, missing.numbers) == (sent.serial, (2,))
    assert isinstance(received, Received)
    assert received.message == long
    assert platform.next_deadline() is None


def test_silence_asks_a_few_times_and_then_gives_up() -> None:
    assembly = Assembly()
    assembly.take(a_package(1, 3), now=0)
    asked: list[float] = []
    now = 0.0

    while (due := assembly.next_deadline()) is not None:
        assert assembly.expire(due - 0.01) == []
        now = due
        [event] = assembly.expire(now)
        if isinstance(event, Missing):
            assert event.numbers == (2, 3)
            asked.append(now)

    assert isinstance(event, GaveUp)
    assert (event.came, event.is_crowded_out, now) == (1, False, TIMEOUT_S)
    assert len(asked) == ASKS_MAX
    assert asked[0] == QUIET_S
    gaps = [after - before for before, after in pairwise(asked)]
    assert gaps == sorted(gaps)
    assert assembly.kept_bytes == 0


def test_a_package_that_comes_puts_the_end_off() -> None:
    assembly = Assembly()
    for number in range(1, 9):
        assembly.take(a_package(number, 9), now=number * (TIMEOUT_S - 1))

    [whole] = assembly.take(a_package(9, 9), now=9 * (TIMEOUT_S - 1))

    assert isinstance(whole, Whole)
    assert whole.body == b"x" * 9


def test_too_many_messages_crowd_out_the_one_that_waited_longest() -> None:
    assembly = Assembly()
    body = bytes(BODY_BYTES_MAX)

    for index in range(OPEN_MAX):
        for number in range(1, PACKAGES_MAX):
            package = a_package(number, PACKAGES_MAX, first=index * 1000, body=body)
            assembly.take(package, now=index)
    events = assembly.take(a_package(1, 2, first=60_000), now=99)

    assert isinstance(events[0], GaveUp)
    assert events[0].is_crowded_out
    assert events[0].header.first_serial == 0
    assert assembly.kept_bytes <= OPEN_MAX * PACKAGES_MAX * BODY_BYTES_MAX


@pytest.mark.parametrize(("number", "total"), [(0, 3), (4, 3), (1, PACKAGES_MAX + 1)])
def test_numbers_that_cannot_be_are_said(number: int, total: int) -> None:
    [bad] = Assembly().take(a_package(number, total), now=0)

    assert isinstance(bad, BadFrame)
    assert bad.why is Why.PACKAGE


def test_a_package_that_contradicts_the_others_is_said() -> None:
    assembly = Assembly()
    assembly.take(a_package(1, 3), now=0)

    [bad] = assembly.take(a_package(2, 4), now=0)

    assert isinstance(bad, BadFrame)


def test_a_late_package_of_a_finished_message_begins_no_new_one() -> None:
    assembly = Assembly()
    for number in (1, 2):
        assembly.take(a_package(number, 2), now=0)

    [late] = assembly.take(a_package(1, 2), now=1)

    assert late == PackageTaken(header=a_package(1, 2).header, is_news=False)
    assert assembly.next_deadline() is None


def test_finished_messages_are_forgotten_in_order() -> None:
    assembly = Assembly()
    for first in range(0, 10 * (DONE_REMEMBERED + 1), 10):
        for number in (1, 2):
            assembly.take(a_package(number, 2, first=first), now=0)

    [again] = assembly.take(a_package(1, 2, first=0), now=1)

    assert isinstance(again, PackageTaken)
    assert again.is_news


def test_serials_count_up_and_wrap() -> None:
    sender = Sender(serial=65_534)

    serials = [sender.frames(HEADER, b"")[0] for _ in range(3)]
    packaged, frames = sender.frames(HEADER, bytes(3000))
    after, _ = sender.frames(HEADER, b"")

    assert serials == [65_534, 65_535, 0]
    assert (packaged, len(frames), after) == (1, 3, 4)


def test_no_more_than_a_few_sent_messages_are_kept() -> None:
    sender = Sender()
    firsts = [sender.frames(HEADER, bytes(3000))[0] for _ in range(KEPT_MAX + 1)]

    assert sender.again(firsts[0], (1,)) == ()
    assert len(sender.again(firsts[-1], (1, 1, 3, 9, 0))) == 2
