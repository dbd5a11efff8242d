"""UUIDv7: well-formed, ordered by time, ordered even when the clock is not."""

from __future__ import annotations

import time
import uuid

from server.ids import IdMaker, new_id

NOW_MS = 1_769_846_400_000


def test_id_is_version_7_and_tells_its_millisecond() -> None:
    made = uuid.UUID(new_id())

    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert abs((made.int >> 80) - time.time_ns() // 1_000_000) < 60_000


def test_ids_grow_within_one_millisecond_and_when_the_clock_steps_back() -> None:
    maker = IdMaker()
    clock = [NOW_MS] * 1000 + [NOW_MS - 5000] * 1000 + [NOW_MS + 1]

    made = [maker.new(unix_ms) for unix_ms in clock]

    assert made == sorted(set(made))
    assert uuid.UUID(made[-1]).int >> 80 == NOW_MS + 1


def test_full_counter_borrows_the_next_millisecond() -> None:
    maker = IdMaker()
    before = maker.new(NOW_MS)
    maker._counter = (1 << 74) - 1

    after = maker.new(NOW_MS)

    assert after > before
    assert uuid.UUID(after).int >> 80 == NOW_MS + 1
    assert uuid.UUID(after).version == 7
