"""Messages that wait for an answer, and what is remembered of those that were answered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devices.jt808.memory import Memory, Said
from devices.jt808.outbox import ORDINARY_MAX, Outbox, Serials

TEXT = 0x8300


def an_outbox(*, len_max: int = 16, resends_max: int = 3) -> Outbox:
    return Outbox(answer_s=10, resends_max=resends_max, len_max=len_max)


def test_waits_grow_as_the_standard_says_and_end() -> None:
    outbox = an_outbox()
    outbox.put(b"hello", 0.0, serial=7, message_id=TEXT, key="c1")
    sent_at = []

    while (deadline := outbox.next_deadline()) is not None:
        if outbox.frames_due(deadline):
            sent_at.append(deadline)

    assert sent_at == [10, 20, 40]  # T(n+1) = T(n) x (n+1): 10, 10, 20, and 60 to the end
    assert [each.key for each in outbox.given_up()] == ["c1"]
    assert outbox.given_up() == []


def test_an_answer_ends_the_waiting_and_a_second_one_says_nothing() -> None:
    outbox = an_outbox()
    outbox.put(b"hello", 0.0, serial=7, message_id=TEXT, key="c1")

    first, second = outbox.answered(7, TEXT), outbox.answered(7, TEXT)

    assert first is not None
    assert first.key == "c1"
    assert second is None
    assert outbox.next_deadline() is None


def test_an_answer_names_serial_and_message() -> None:
    outbox = an_outbox()
    outbox.put(b"hello", 0.0, serial=7, message_id=TEXT, key="c1")

    assert outbox.answered(7, 0x8103) is None
    assert outbox.answered(8, TEXT) is None
    assert outbox.waits_for("c1")


def test_a_full_outbox_takes_nothing_more() -> None:
    outbox = an_outbox(len_max=2)

    taken = [outbox.put(b"x", 0.0, serial=n, message_id=TEXT) for n in range(3)]

    assert taken == [True, True, False]
    assert len(outbox) == 2


def test_nothing_is_sent_again_that_must_not_be() -> None:
    outbox = an_outbox()
    outbox.put(b"factory reset", 0.0, serial=1, message_id=0x8105, key="c1", resends_max=0)

    assert outbox.frames_due(10.0) == []
    assert [each.key for each in outbox.given_up()] == ["c1"]


@given(st.integers(1, 2**40), st.integers(0, ORDINARY_MAX))
def test_a_serial_names_the_newest_command_that_can_have_it(seq: int, younger: int) -> None:
    serial = Serials.of_command(seq)

    found = Serials.command_seq(serial, seq + younger)

    assert ORDINARY_MAX < serial <= 0xFFFF
    assert found == seq


def test_a_serial_of_no_command_names_none() -> None:
    assert Serials.command_seq(5, 100) is None
    assert Serials.command_seq(Serials.of_command(50), 49) is None


def test_ordinary_serials_never_meet_those_of_commands() -> None:
    serials = Serials()

    seen = {serials.next() for _ in range(70_000)}

    assert seen == set(range(ORDINARY_MAX + 1))


def test_what_is_said_again_is_known_with_its_answer() -> None:
    memory = Memory(len_max=8, kept_s=60)
    said = Said(1, 0x0200, 0xAB)

    assert memory.is_new(said, 0.0)
    assert not memory.is_new(said, 1.0)
    assert memory.answer(said) is None
    memory.answered(said, b"answer")

    assert memory.answer(said) == b"answer"
    assert memory.is_new(Said(1, 0x0200, 0xAC), 1.0)


def test_memory_is_bounded_in_number_and_in_time() -> None:
    memory = Memory(len_max=2, kept_s=60)
    one, two, three = (Said(n, 0x0200, 0) for n in range(3))
    for each in (one, two, three):
        memory.is_new(each, 0.0)

    assert len(memory) == 2
    assert memory.is_new(one, 1.0)
    assert memory.is_new(three, 90.0)
