"""The rules of the wire hold over a WebSocket and over plain HTTP alike, down to PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import asyncpg
import pytest

from protocols.native import Ack, Location, Ping, Pong, Report, State
from server.gateways.sessions import GatewayLimits
from server.stores import devices
from server.stores.pool import Pool
from tests.server.field_room import FAST, PATIENT, Room, enqueue, field_room, issue_order, utc_now
from tests.server.field_rows import add_device, until

Transport = Literal["websocket", "http"]


@pytest.fixture(params=["websocket", "http"])
def transport(request: pytest.FixtureRequest) -> Transport:
    chosen: Transport = request.param
    return chosen


@pytest.fixture
async def room(pool: Pool, transport: Transport) -> AsyncIterator[Room]:
    async with field_room(pool, transport=transport) as room:
        yield room


def now_ms() -> int:
    return round(utc_now().timestamp() * 1000)


def a_fix(n: int, **changes: Any) -> Location:
    fields: dict[str, Any] = {"at": now_ms(), "lat": 27.5, "lon": 100.2, "bat": 63}
    return Location(n=n, **fields | changes)


def a_step(n: int, command_id: str, step: Report, **changes: Any) -> State:
    return State(n=n, id=command_id, s=step, at=now_ms(), **changes)


async def test_ping_is_answered(pool: Pool, room: Room) -> None:
    await add_device(pool)

    async with room.device() as device:
        await device.hello()
        await device.say(Ping(i=7, bat=41))

        assert (await device.expect(Pong)).i == 7


async def test_battery_is_told(pool: Pool, room: Room) -> None:
    await add_device(pool)

    async with room.device() as device:
        await device.hello(bat=41)

        await until(lambda: any('"battery_pct":41' in said for _, said in room.said))


async def test_fixes_are_stored_then_acknowledged(pool: Pool, room: Room) -> None:
    await add_device(pool)

    async with room.device() as device:
        await device.hello()
        await device.say(a_fix(1, lat=27.5), a_fix(2, lat=27.501))
        await device.acked(2)

        assert await pool.fetchval("SELECT count(*) FROM position") == 2
        assert await pool.fetchval("SELECT lat FROM last_position") == 27.501
        assert await devices.up_seq(pool, device_id="cam-07", install_id="i1") == 2
    assert [topic for topic, _ in room.said].count("fix") == 2


async def test_duplicates_are_stored_once_and_acknowledged_again(pool: Pool, room: Room) -> None:
    await add_device(pool)

    async with room.device() as device:
        await device.hello()
        await device.say(a_fix(1), a_fix(1), a_fix(2))
        await device.acked(2)
        await device.say(a_fix(1))

        assert (await device.expect(Ack)).up == 2
    assert await pool.fetchval("SELECT count(*) FROM position") == 2


async def test_gap_waits_for_the_missing_record(pool: Pool, room: Room) -> None:
    await add_device(pool)

    async with room.device() as device:
        await device.hello()
        await device.say(a_fix(2), Ping(i=1))
        await device.expect(Pong)
        assert room.metrics.value("records_gap") == 1
        await device.say(a_fix(1), a_fix(2))

        await device.acked(2)
    assert await pool.fetchval("SELECT count(*) FROM position") == 2


async def test_unbelievable_records_are_acknowledged_counted_and_not_stored(
    pool: Pool, room: Room
) -> None:
    await add_device(pool)

    async with room.device() as device:
        await device.hello()
        await device.say_frames('{"t":"up","k":"loc","n":1,"at":1,"lat":0,"lon":0,"bat":"full"}')
        await device.say(a_fix(2, lat=0.0, lon=0.0), a_fix(3), a_fix(4, lat=28.5))
        await device.acked(4)

    assert await pool.fetchval("SELECT count(*) FROM position") == 1
    for kind in ("malformed", "no_fix", "teleport"):
        assert room.metrics.value("records_rejected", kind=kind) == 1


async def test_flood_is_slowed_down_and_arrives_whole(pool: Pool, transport: Transport) -> None:
    await add_device(pool)
    limits = replace(PATIENT, frames_per_s_max=20, frames_burst_max=2, hello_cost_frames=1)
    async with field_room(pool, transport=transport, session=limits) as room:
        async with room.device() as device:
            await device.hello()
            await device.say(*[a_fix(n) for n in range(1, 21)])
            await device.acked(20)

        assert room.metrics.value("device_throttled") > 0


async def test_full_writer_holds_the_device_back_and_loses_nothing(
    pool: Pool, transport: Transport
) -> None:
    await add_device(pool)
    limits = replace(FAST, buffer_len_max=5, batch_len_max=5)
    async with field_room(pool, transport=transport, writer=limits) as room:
        async with room.device() as device:
            await device.hello()
            await device.say(*[a_fix(n) for n in range(1, 41)])
            await device.acked(40)

        assert room.metrics.value("positions_buffer_full") > 0
    assert await pool.fetchval("SELECT count(*) FROM position") == 40


async def test_new_command_wakes_the_session_and_is_marked_sent(pool: Pool, room: Room) -> None:
    order = await issue_order(pool)

    async with room.device() as device:
        await device.hello()
        (task,) = await device.commands(1)
        async with pool.acquire() as conn:
            await enqueue(conn, text="turn back")
        room.fanout.publish("device", "cam-07")
        (notice,) = await device.commands(1)
        await until(lambda: room.metrics.value("commands_sent") == 2)

    assert (task.prev, task.seq, task.id, task.kind) == (0, 1, order.command_id, "task")
    assert (notice.prev, notice.seq, notice.body["text"]) == (1, 2, "turn back")
    assert await pool.fetchval("SELECT count(*) FROM command WHERE sent_at IS NULL") == 0


async def test_lost_wake_up_is_made_up_for_by_the_sweep(pool: Pool, transport: Transport) -> None:
    await add_device(pool)
    limits = GatewayLimits(sweep_s=0.02)
    async with (
        field_room(pool, transport=transport, gateway=limits) as room,
        room.device() as device,
    ):
        await device.hello()
        async with pool.acquire() as conn:
            await enqueue(conn)

        assert (await device.commands(1))[0].seq == 1


@pytest.mark.parametrize("hello", [{"epoch": "e0", "cur": 1}, {"cur": 9}])
async def test_other_epoch_or_cursor_beyond_the_head_is_told_honestly(
    pool: Pool, room: Room, hello: dict[str, Any]
) -> None:
    past = utc_now() - timedelta(hours=5)
    order = await issue_order(pool)
    async with pool.acquire() as conn:
        await enqueue(conn, expires_at=past)
        await enqueue(conn)

    async with room.device() as device:
        welcome = await device.hello(**hello)
        commands = await device.commands(2)
        async with pool.acquire() as conn:
            await enqueue(conn)
        room.fanout.publish("device", "cam-07")
        commands += await device.commands(1)

    assert not welcome.resumed
    assert [(c.prev, c.seq) for c in commands] == [(0, 1), (1, 3), (3, 4)]
    assert commands[0].id == order.command_id


async def test_expired_task_arrives_as_a_notice_of_what_was_missed(pool: Pool, room: Room) -> None:
    order = await issue_order(pool, expires_at=utc_now() - timedelta(minutes=1))

    async with room.device() as device:
        await device.hello()
        (missed,) = await device.commands(1)

    assert (missed.id, missed.kind) == (order.command_id, "notice")
    assert (missed.body["ref"], missed.body["why"]) == (order.command_id, "expired")


async def test_task_of_an_order_that_ended_meanwhile_does_not_arrive_as_a_task(
    pool: Pool, room: Room
) -> None:
    order = await issue_order(pool)
    await pool.execute("UPDATE dispatch_order SET state = 'cancelled', closed_at = now()")

    async with room.device() as device:
        await device.hello()
        (missed,) = await device.commands(1)

    assert (missed.kind, missed.body["why"]) == ("notice", "closed")
    assert missed.id == order.command_id


async def test_device_that_started_over_is_never_told_what_was_over_before(
    pool: Pool, room: Room
) -> None:
    await issue_order(pool)
    await pool.execute("UPDATE dispatch_order SET state = 'done', closed_at = now()")
    async with room.device() as device:
        assert not (await device.hello(epoch="", cur=0)).resumed
    async with pool.acquire() as conn:
        await enqueue(conn, text="new")

    async with room.device() as device:
        assert (await device.hello(cur=0)).resumed
        (first,) = await device.commands(1)

    assert (first.prev, first.seq, first.body["text"]) == (0, 2, "new")


async def test_long_log_comes_in_pages_and_in_order(pool: Pool, room: Room) -> None:
    await add_device(pool)
    async with pool.acquire() as conn, conn.transaction():
        for _ in range(230):
            await enqueue(conn)

    async with room.device() as device:
        await device.hello()
        commands = await device.commands(230)

    assert [(c.prev, c.seq) for c in commands] == [(n - 1, n) for n in range(1, 231)]


async def test_report_moves_the_order_and_the_counter_in_one_step(pool: Pool, room: Room) -> None:
    order = await issue_order(pool)

    async with room.device() as device:
        await device.hello()
        (task,) = await device.commands(1)
        await device.say(
            a_fix(1),
            a_step(2, task.id, Report.RECEIVED),
            a_step(3, task.id, Report.ACCEPTED, by="B-1042"),
        )
        await device.acked(3)

        state = await pool.fetchval("SELECT state FROM dispatch_order")
        kinds = [row["kind"] for row in await pool.fetch("SELECT kind FROM journal_entry")]
    assert state == "accepted"
    assert kinds == ["order.delivered", "order.accepted"]
    assert await pool.fetchval("SELECT count(*) FROM position") == 1
    assert ("incident", order.incident_id) in room.said
    assert ("unit", order.unit_id) in room.said


async def test_report_sent_twice_is_applied_once(pool: Pool, room: Room) -> None:
    order = await issue_order(pool)
    step = a_step(1, order.command_id, Report.RECEIVED)

    async with room.device() as device:
        await device.hello()
        await device.say(step, step)
        await device.acked(1)
    async with room.device() as device:
        await device.hello(cur=1)
        await device.say(step)
        await device.acked(1)

    assert await pool.fetchval("SELECT count(*) FROM order_event") == 1


async def test_report_about_an_unknown_command_is_acknowledged_and_logged(
    pool: Pool, room: Room
) -> None:
    await add_device(pool)

    async with room.device() as device:
        await device.hello()
        await device.say(a_step(1, "no-such-command", Report.RECEIVED))
        await device.acked(1)

    entries = await pool.fetch("SELECT kind FROM journal_entry ORDER BY id")
    assert [row["kind"] for row in entries] == ["order.report_ignored", "work.raised"]
    item = await pool.fetchrow("SELECT kind, subject FROM work_item")
    assert (item["kind"], item["subject"]) == ("delivery_failed", "device:cam-07")


async def test_report_nothing_can_store_does_not_hold_up_the_next(
    pool: Pool, room: Room, database_url: str
) -> None:
    order = await issue_order(pool)
    owner = await asyncpg.connect(database_url)
    await owner.execute("ALTER TABLE order_event ADD CHECK (note <> 'no table takes this')")
    await owner.close()

    async with room.device() as device:
        await device.hello()
        await device.say(
            a_step(1, order.command_id, Report.RECEIVED, note="no table takes this"),
            a_step(2, order.command_id, Report.SHOWN),
        )
        await device.acked(2)

    assert await pool.fetchval("SELECT state FROM dispatch_order") == "shown"
    assert room.metrics.value("reports_unstorable") == 1
    entries = await pool.fetch("SELECT kind FROM journal_entry ORDER BY id")
    assert [row["kind"] for row in entries] == [
        "order.report_ignored",
        "work.raised",
        "order.shown",
    ]
