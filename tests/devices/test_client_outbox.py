"""The device's outbox: order of sending, thinning, limits."""

from __future__ import annotations

import pytest

from devices import outbox as module
from devices.errors import OutboxFull
from devices.outbox import (
    IN_FLIGHT_LEN_MAX,
    SOS_LEN_MAX,
    STATES_LEN_MAX,
    TELEMETRY_LEN_MAX,
    Outbox,
)
from devices.storage import Batch, MemoryStorage
from protocols.errors import ProtocolError
from protocols.native import Location, Report, Sos, State

HOUR_MS = 3_600_000
START_MS = 1_790_000_000_000 // 60_000 * 60_000


def an_outbox(storage: MemoryStorage | None = None) -> tuple[Outbox, Batch]:
    storage = storage or MemoryStorage()
    batch = Batch(storage)
    return Outbox(batch, storage.load()), batch


def a_fix(at_ms: int) -> Location:
    return Location(n=0, at=START_MS + at_ms, lat=42.5, lon=1.5)


def a_state(name: str) -> State:
    return State(n=0, id=name, s=Report.SHOWN, at=START_MS)


def test_states_first_newest_position_second_backlog_last() -> None:
    outbox, _ = an_outbox()
    for second in range(5):
        outbox.add_location(a_fix(second * 1000))
    outbox.add_state(a_state("a"))
    outbox.add_state(a_state("b"))

    records = outbox.take()

    assert [each.n for each in records] == [1, 2, 3, 4, 5, 6, 7]
    assert [each.id for each in records[:2] if isinstance(each, State)] == ["a", "b"]
    fixes = [each for each in records[2:] if isinstance(each, Location)]
    assert [each.at - START_MS for each in fixes] == [4000, 0, 1000, 2000, 3000]


def test_state_overtakes_the_backlog_that_has_no_number_yet() -> None:
    outbox, _ = an_outbox()
    for second in range(3 * IN_FLIGHT_LEN_MAX):
        outbox.add_location(a_fix(second * 1000))
    assert len(outbox.take()) == IN_FLIGHT_LEN_MAX
    outbox.add_state(a_state("a"))

    assert outbox.take() == []
    outbox.acknowledge(1)

    (record,) = outbox.take()
    assert isinstance(record, State)
    assert record.n == IN_FLIGHT_LEN_MAX + 1


def test_old_positions_are_thinned_to_one_a_minute_and_states_never() -> None:
    outbox, _ = an_outbox()
    for second in range(0, 2 * 3600, 10):
        outbox.add_location(a_fix(second * 1000))
        if second % 600 == 0:
            outbox.add_state(a_state(f"s{second}"))

    kept = outbox.waiting_len

    assert kept == 12 + 60 + 361
    assert outbox.telemetry_dropped_count == 0


def test_full_outbox_drops_the_oldest_position_and_counts() -> None:
    storage = MemoryStorage()
    outbox, batch = an_outbox(storage)
    for at_ms in range(TELEMETRY_LEN_MAX + 10):
        outbox.add_location(a_fix(at_ms))
    batch.commit()

    assert outbox.telemetry_dropped_count == 10
    assert len(outbox) == TELEMETRY_LEN_MAX
    reloaded, _ = an_outbox(storage)
    assert len(reloaded) == TELEMETRY_LEN_MAX


def test_full_outbox_refuses_a_state_and_drops_none() -> None:
    outbox, _ = an_outbox()
    for index in range(STATES_LEN_MAX):
        outbox.add_state(a_state(f"s{index}"))

    with pytest.raises(OutboxFull):
        outbox.add_state(a_state("one more"))

    assert outbox.waiting_len == STATES_LEN_MAX


def test_acknowledged_records_leave_the_store() -> None:
    storage = MemoryStorage()
    outbox, batch = an_outbox(storage)
    for second in range(3):
        outbox.add_location(a_fix(second * 1000))
    outbox.take()
    outbox.acknowledge(2)
    batch.commit()

    reloaded, _ = an_outbox(storage)

    assert len(reloaded) == 1
    assert [each.n for each in reloaded.take()] == [3]


def test_order_survives_a_restart() -> None:
    storage = MemoryStorage()
    outbox, batch = an_outbox(storage)
    for second in range(4):
        outbox.add_location(a_fix(second * 1000))
    before = outbox.take()
    outbox.add_state(a_state("a"))
    batch.commit()

    reloaded, _ = an_outbox(storage)
    after = reloaded.take()

    assert after[:4] == before
    assert isinstance(after[4], State)
    assert after[4].n == 5


def test_acknowledging_the_unsent_is_the_peers_error() -> None:
    outbox, _ = an_outbox()
    outbox.add_location(a_fix(0))

    with pytest.raises(ProtocolError):
        outbox.acknowledge(1)


def test_window_is_wider_than_the_acknowledgement_batch() -> None:
    assert module.IN_FLIGHT_LEN_MAX > 50


# -- calls for help --------------------------------------------------------------------------


def a_call(name: str = "c1") -> Sos:
    return Sos(n=0, id=name, at=START_MS)


def test_a_call_for_help_goes_before_everything_that_waits() -> None:
    outbox, _ = an_outbox()
    outbox.add_location(a_fix(0))
    outbox.add_state(a_state("a"))
    outbox.add_sos(a_call())

    first, *_ = outbox.take()

    assert (type(first), first.n) == (Sos, 1)


def test_a_call_for_help_has_room_when_all_else_is_full() -> None:
    outbox, _ = an_outbox()
    for number in range(TELEMETRY_LEN_MAX + 1):
        outbox.add_location(a_fix(number * 1000))
    for number in range(STATES_LEN_MAX):
        outbox.add_state(a_state(f"s{number}"))
    assert outbox.in_flight_len == 0
    outbox.take()
    assert outbox.in_flight_len == IN_FLIGHT_LEN_MAX, "nothing is acknowledged"

    outbox.add_sos(a_call())

    assert [type(each) for each in outbox.take()] == [Sos]


def test_so_many_calls_wait_that_one_more_is_refused_and_none_is_dropped() -> None:
    outbox, _ = an_outbox()
    for number in range(SOS_LEN_MAX):
        outbox.add_sos(a_call(f"c{number}"))

    with pytest.raises(OutboxFull):
        outbox.add_sos(a_call("one more"))

    assert len(outbox.take()) == SOS_LEN_MAX


def test_calls_and_their_number_survive_a_restart() -> None:
    storage = MemoryStorage()
    outbox, batch = an_outbox(storage)
    outbox.add_sos(a_call("sent"))
    outbox.take()
    outbox.add_sos(a_call("waiting"))
    batch.commit()

    reborn, _ = an_outbox(storage)
    reborn.rewind()

    assert [(each.n, each.id) for each in reborn.take() if isinstance(each, Sos)] == [
        (1, "sent"),
        (2, "waiting"),
    ]
