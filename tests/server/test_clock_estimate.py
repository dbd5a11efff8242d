"""How far a device's clock is off, from what it says and when that comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.native import Report, State
from server.dispatch.clock import SAMPLES_MAX, ClockEstimate, is_skewed
from server.stores import order_rows
from server.stores.pool import Pool
from tests.server.field_room import field_room, issue_order, utc_now

T0 = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


def estimate(offset_s: float, ways_s: list[float]) -> float | None:
    clock = ClockEstimate()
    for index, way_s in enumerate(ways_s):
        sent_at = T0 + timedelta(seconds=10 * index)
        device_ms = round((sent_at.timestamp() + offset_s) * 1000)
        clock.note(device_ms, sent_at + timedelta(seconds=way_s))
    return clock.offset_s


@given(st.floats(-20, 20), st.lists(st.floats(0.05, 9), max_size=10))
def test_the_quickest_record_tells(offset_s: float, ways_s: list[float]) -> None:
    found = estimate(offset_s, [*ways_s, 0.05])

    assert found is not None
    assert abs(found - offset_s) < 0.06


def test_a_backlog_says_nothing_against_a_clock() -> None:
    assert estimate(0, [1200.0, 900.0]) is None
    assert not is_skewed(None)


def test_only_the_newest_records_count_for_clocks_are_set() -> None:
    clock = ClockEstimate()
    now_ms = round(T0.timestamp() * 1000)
    clock.note(now_ms + 60_000, T0)
    for _ in range(SAMPLES_MAX):
        clock.note(now_ms, T0)

    assert clock.offset_s == 0


def test_more_than_two_seconds_are_flagged_either_way() -> None:
    assert [is_skewed(each) for each in (-2.1, -2.0, 0.0, 2.0, 2.1)] == [
        True, False, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ahead_s", "flagged"), [(0, False), (60, True), (-20, True)], ids=["right", "ahead", "behind"]
)
async def test_a_step_is_kept_with_the_offset_of_its_devices_clock(
    pool: Pool, ahead_s: int, flagged: bool
) -> None:
    order = await issue_order(pool)
    now = utc_now()

    async with field_room(pool, clock=lambda: now) as room, room.device() as device:
        await device.hello()
        at_ms = round((now.timestamp() + ahead_s) * 1000)
        await device.say(State(n=1, id=order.command_id, s=Report.RECEIVED, at=at_ms))
        await device.acked(1)

    offset_s = await pool.fetchval(
        "SELECT clock_offset_s FROM order_event WHERE state = 'delivered'"
    )
    assert offset_s == pytest.approx(ahead_s, abs=0.001)
    async with pool.acquire() as conn:
        view = await order_rows.view(conn, order.order_id)
    assert view is not None
    assert view.events[-1].clock_skewed is flagged
