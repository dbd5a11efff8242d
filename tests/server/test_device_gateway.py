"""Devices over real sockets: the door, the rules of the wire, and what PostgreSQL holds after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus, NegotiationError

from devices.session_flow import SessionLimits
from protocols.native import FRAME_BYTES_MAX, Hello, Location, Ping, Pong, Report, State, encode
from server.gateways.conversation import Conversation
from server.gateways.door import DoorLimits
from server.gateways.sessions import GatewayLimits
from server.ids import new_id
from server.stores import devices
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.server.field_room import (
    TOKEN,
    Room,
    enqueue,
    field_room,
    issue_order,
    utc_now,
)
from tests.server.field_rows import add_device, add_unit, store_outage, until


@pytest.fixture
async def room(pool: Pool) -> AsyncIterator[Room]:
    async with field_room(pool) as room:
        yield room


def now_ms() -> int:
    return round(utc_now().timestamp() * 1000)


def a_fix(n: int, **changes: Any) -> Location:
    fields: dict[str, Any] = {"at": now_ms(), "lat": 27.5, "lon": 100.2, "bat": 63}
    return Location(n=n, **fields | changes)


def a_step(n: int, command_id: str, step: Report, **changes: Any) -> State:
    return State(n=n, id=command_id, s=step, at=now_ms(), **changes)


# -- the door ------------------------------------------------------------------------------


@pytest.mark.parametrize("in_header", [True, False])
async def test_device_with_its_token_is_welcome(pool: Pool, room: Room, in_header: bool) -> None:
    await add_device(pool)

    async with room.device(in_header=in_header) as device:
        welcome = await device.hello()

    assert (welcome.epoch, welcome.resumed, welcome.head, welcome.up) == ("e1", True, 0, 0)
    assert device.socket.subprotocol == "ridgeline.v1.json"


@pytest.mark.parametrize(
    "who",
    [{"token": "wrong"}, {"token": ""}, {"device_id": "cam-99"}, {"install_id": "a\x00b"}],
)
async def test_wrong_token_or_name_is_closed_with_4002(
    pool: Pool, room: Room, who: dict[str, Any]
) -> None:
    await add_device(pool)

    async with room.device(in_header=False, **who) as device:
        with pytest.raises(Exception, match="4002"):
            await device.hello()

    assert room.metrics.value("device_refused") == 1
    assert room.sessions.online() == []


async def test_device_that_is_refused_in_the_middle_may_come_again(pool: Pool, room: Room) -> None:
    await add_device(pool)
    async with room.device(in_header=False) as device:
        await device.hello()
        with pytest.raises(Exception, match="4002"):
            await device.hello(tok="wrong")
    await until(lambda: room.sessions.online() == [])

    async with room.device() as device:
        assert (await device.hello()).resumed


@pytest.mark.parametrize("subprotocol", [None, "ridgeline.v2.cbor"])
async def test_other_subprotocol_is_refused_before_the_handshake(
    room: Room, subprotocol: str | None
) -> None:
    with pytest.raises((InvalidStatus, NegotiationError)) as caught:
        async with room.device(subprotocol=subprotocol):
            pass

    assert isinstance(caught.value, InvalidStatus)
    assert caught.value.response.status_code == 400


async def test_no_place_left_is_503(pool: Pool) -> None:
    await add_device(pool)
    limits = GatewayLimits(door=DoorLimits(connections_max=1))
    async with field_room(pool, gateway=limits) as room, room.device():
        with pytest.raises(InvalidStatus) as caught:
            async with room.device():
                pass

    assert caught.value.response.status_code == 503
    assert caught.value.response.headers["retry-after"] == "5"


async def test_strangers_of_one_address_do_not_fill_the_door(pool: Pool) -> None:
    await add_device(pool)
    limits = GatewayLimits(door=DoorLimits(strangers_per_address_max=2))
    async with field_room(pool, gateway=limits) as room, room.device() as known:
        await known.hello()
        async with room.device() as stranger, room.device(install_id="i2"):
            with pytest.raises(InvalidStatus) as caught:
                async with room.device():
                    pass
            assert caught.value.response.status_code == 503

            await stranger.hello()
            async with room.device(install_id="i3") as another:
                await another.hello()
        await until(lambda: "ridgeline_device_strangers 0" in room.metrics.text())


async def test_whoever_says_nothing_is_closed(pool: Pool) -> None:
    limits = SessionLimits(hello_s=0.05)
    async with field_room(pool, session=limits) as room, room.device() as device:
        assert await device.closed() == (4003, "no hello")


@pytest.mark.parametrize("frame", ["{", '{"t":"unheard-of"}', "x" * (FRAME_BYTES_MAX + 1), b"{}"])
async def test_malformed_or_oversize_frame_is_closed_with_4003(
    pool: Pool, room: Room, frame: str | bytes
) -> None:
    await add_device(pool)

    async with room.device() as device:
        await device.hello()
        await device.socket.send(frame)

        assert (await device.closed())[0] == 4003


async def test_silent_device_is_given_up(pool: Pool) -> None:
    await add_device(pool)
    limits = SessionLimits(heartbeat_s=1, heartbeats_missed_max=1)
    async with field_room(pool, session=limits) as room, room.device() as device:
        await device.hello()

        assert await device.closed() == (1001, "silent for too long")


async def test_ping_is_answered_and_its_battery_told(pool: Pool, room: Room) -> None:
    await add_device(pool)

    async with room.device() as device:
        await device.hello()
        await device.say(Ping(i=7, bat=41))

        assert (await device.expect(Pong)).i == 7
    assert any(topic == "presence" and '"battery_pct":41' in said for topic, said in room.said)


async def test_heartbeat_follows_the_shift_of_the_unit(pool: Pool, room: Room) -> None:
    unit_id = await add_unit(pool, on_duty=False)
    await add_device(pool, unit_id=unit_id)

    async with room.device() as device:
        welcome = await device.hello()
        await room.sessions.sweep()
        await pool.execute(
            "INSERT INTO shift (id, unit_id, on_at) VALUES ($1, $2, now())", new_id(), unit_id
        )
        await room.sessions.sweep()
        pong = await device.expect(Pong)

    assert (welcome.hb, pong.i, pong.hb) == (240, 0, 45)


# -- up ------------------------------------------------------------------------------------


# -- down ----------------------------------------------------------------------------------


async def test_resume_after_a_drop_goes_on_where_both_sides_were(pool: Pool, room: Room) -> None:
    await add_device(pool)
    async with pool.acquire() as conn:
        for _ in range(3):
            await enqueue(conn)
    async with room.device() as device:
        await device.hello()
        await device.commands(3)
        await device.say(a_fix(1))
        await device.acked(1)
        device.socket.transport.abort()

    async with room.device() as device:
        welcome = await device.hello(cur=2, up_acked=1)
        (last,) = await device.commands(1)

    assert (welcome.resumed, welcome.head, welcome.up) == (True, 3, 1)
    assert (last.prev, last.seq) == (2, 3)


async def test_hello_again_on_the_same_connection_starts_over(pool: Pool, room: Room) -> None:
    await add_device(pool)
    async with pool.acquire() as conn:
        await enqueue(conn)
        await enqueue(conn)

    async with room.device() as device:
        await device.hello()
        await device.commands(2)
        await device.hello(cur=1)
        (again,) = await device.commands(1)

    assert (again.prev, again.seq) == (1, 2)


async def test_reader_that_stops_reading_is_closed_and_resumes_without_loss(pool: Pool) -> None:
    await add_device(pool)
    async with pool.acquire() as conn, conn.transaction():
        for _ in range(600):
            await enqueue(conn, text="x" * 12_000)
    limits = SessionLimits(send_stalled_s=1.0, send_queue_bytes_max=32 * 1024)
    async with field_room(pool, session=limits) as room:
        async with room.device(small_buffers=True) as device:
            await device.hello()
            first = await device.commands(1)
            device.socket.transport.pause_reading()
            await until(lambda: room.metrics.value("device_closed", code="4004") == 1)
            device.socket.transport.abort()
        async with room.device() as device:
            await device.hello(cur=first[0].seq)
            rest = await device.commands(599)

    assert [c.seq for c in first + rest] == list(range(1, 601))


# -- orders --------------------------------------------------------------------------------


# -- one live session, revocation, outage, stop --------------------------------------------


async def test_newer_connection_replaces_the_older_and_nothing_is_stored_twice(
    pool: Pool, room: Room
) -> None:
    await add_device(pool)

    async with room.device() as older, room.device() as newer:
        await older.hello()
        await older.say(a_fix(1), a_fix(2))
        await older.say(Ping(i=1))
        while not isinstance(await older.next(), Pong):
            pass
        welcome = await newer.hello()

        assert (await older.closed())[0] == 4001
        assert welcome.up == 2
        await newer.say(a_fix(1), a_fix(2), a_fix(3))
        await newer.acked(3)
        assert room.sessions.online() == [("cam-07", "i1")]
    assert await pool.fetchval("SELECT count(*) FROM position") == 3


async def test_hello_that_comes_late_over_an_older_connection_replaces_nobody(
    pool: Pool, room: Room
) -> None:
    await add_device(pool)

    async with room.device() as older, room.device() as newer:
        await newer.hello()
        await older.say(Hello(dev="cam-07", inst="i1", epoch="e1"))

        assert (await older.closed())[0] == 4001
        await newer.say(Ping(i=1))
        await newer.expect(Pong)
        assert room.sessions.online() == [("cam-07", "i1")]


async def test_clock_set_back_does_not_make_a_newer_connection_older(
    pool: Pool, room: Room
) -> None:
    await add_device(pool)
    async with room.device() as older, room.device() as newer:
        await older.hello()
        behind = replace(room.sessions.field, clock=lambda: utc_now() - timedelta(hours=1))
        room.sessions.field = behind

        async with room.device() as newest:
            await newest.hello()

            assert (await older.closed())[0] == 4001
            await newer.say(Hello(dev="cam-07", inst="i1", epoch="e1"))
            assert (await newer.closed())[0] == 4001
            await newest.say(Ping(i=1))
            await newest.expect(Pong)


async def conversing(room: Room) -> Conversation:
    """One that has said who it is, and is not admitted yet."""
    place = room.sessions.place("127.0.0.1")
    with place as taken:
        house = room.sessions.house(taken)
    conversation = Conversation(room.sessions.field, house, token=TOKEN)
    conversation.session.receive(encode(Hello(dev="cam-07", inst="i1", epoch="e1")), 0.0)
    async with room.pool.acquire() as conn:
        conversation.device = (await devices.enabled(conn, ["cam-07"]))["cam-07"]
    return conversation


@pytest.mark.parametrize("newer_first", [True, False], ids=["newer first", "older first"])
async def test_of_two_that_wait_for_the_same_older_connection_the_newer_stays(
    pool: Pool, room: Room, newer_first: bool
) -> None:
    await add_device(pool)
    oldest, older, newer = [await conversing(room) for _ in range(3)]
    await room.sessions.admit(oldest)

    async def wait_and_end(conversation: Conversation) -> None:
        await room.sessions.admit(conversation)
        if conversation is older:
            older.finished.set()

    waiting = [newer, older] if newer_first else [older, newer]
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        for each in waiting:
            tasks.create_task(wait_and_end(each))
        await asyncio.sleep(0)
        assert oldest.session.closing is not None
        oldest.finished.set()

    assert room.sessions._by_key["cam-07", "i1"] is newer
    assert older.session.closing is not None
    assert newer.session.closing is None


async def test_the_later_admission_counts_between_two_servers(pool: Pool, room: Room) -> None:
    await add_device(pool)
    async with field_room(pool) as there, room.device() as older, there.device() as newer:
        await older.hello()
        there.sessions.field = replace(
            there.sessions.field, clock=lambda: utc_now() - timedelta(hours=1)
        )
        await newer.hello()
        came = next(said for topic, said in there.said if topic == "presence")

        room.fanout.publish("presence", came)

        assert (await older.closed())[0] == 4001
        before = next(said for topic, said in room.said if topic == "presence" and said != came)
        there.fanout.publish("presence", before)
        await newer.say(Ping(i=1))
        await newer.expect(Pong)


async def test_hello_again_over_a_connection_that_another_server_replaced(
    pool: Pool, room: Room
) -> None:
    await add_device(pool)
    async with field_room(pool) as there, room.device() as older, there.device() as newer:
        await older.hello()
        await newer.hello()

        await older.say(Hello(dev="cam-07", inst="i1", epoch="e1"))

        assert (await older.closed())[0] == 4001
        await newer.say(Ping(i=1))
        await newer.expect(Pong)


async def test_many_connections_at_once_leave_one(pool: Pool, room: Room) -> None:
    await add_device(pool)
    devices_ = [room.device() for _ in range(6)]
    for device in devices_:
        await device.__aenter__()

    welcomes = await asyncio.gather(
        *(device.hello() for device in devices_), return_exceptions=True
    )

    def replaced() -> int:
        return [device.socket.close_code for device in devices_].count(4001)

    await until(lambda: replaced() == 5)
    assert room.sessions.online() == [("cam-07", "i1")]
    assert sum(not isinstance(each, BaseException) for each in welcomes) >= 1
    for device in devices_:
        await device.__aexit__(None, None, None)


async def test_one_more_installation_than_allowed_pushes_the_oldest_out(pool: Pool) -> None:
    await add_device(pool)
    limits = GatewayLimits(connections_per_device_max=1)
    async with (
        field_room(pool, gateway=limits) as room,
        room.device(install_id="i1") as first,
        room.device(install_id="i2") as second,
    ):
        await first.hello()
        await second.hello()

        assert (await first.closed())[0] == 4001
        assert room.sessions.online() == [("cam-07", "i2")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE device SET disabled_at = now()", 4002),
        ("UPDATE device SET token_hash = sha256('other')", 4002),
        ("UPDATE device SET epoch = 'e2'", 1013),
    ],
)
async def test_revoked_or_restarted_device_is_sent_away(
    pool: Pool, room: Room, change: str, code: int
) -> None:
    await add_device(pool)

    async with room.device() as device:
        await device.hello()
        await pool.execute(change)
        for _ in range(2):  # it may not have left before the next
            await room.sessions.sweep()

        assert (await device.closed())[0] == code
    assert room.metrics.value("device_revoked") == (code == 4002)


async def test_outage_of_the_store_sends_reports_back_to_the_device(
    pool: Pool, room: Room, database_url: str
) -> None:
    order = await issue_order(pool)
    step = a_step(1, order.command_id, Report.RECEIVED)

    async with room.device() as device:
        await device.hello()
        async with store_outage(database_url):
            await device.say(step)
            assert await device.closed() == (1013, "the store is away")
    async with room.device() as device:
        welcome = await device.hello()
        await device.say(step)
        await device.acked(1)

    assert welcome.up == 0
    assert await pool.fetchval("SELECT state FROM dispatch_order") == "delivered"


async def test_outage_of_the_store_keeps_fixes_and_the_connection(
    pool: Pool, room: Room, database_url: str
) -> None:
    await add_device(pool)

    async with room.device() as device:
        await device.hello()
        async with store_outage(database_url):
            await device.say(a_fix(1), Ping(i=1))
            await device.expect(Pong)
            await until(lambda: room.positions.store_is_away)
        await device.acked(1)

    assert await pool.fetchval("SELECT count(*) FROM position") == 1


async def test_stopping_server_sends_devices_away_and_takes_no_more(pool: Pool, room: Room) -> None:
    await add_device(pool)

    async with room.device() as device, room.device(install_id="i2"):
        await device.hello()
        await room.sessions.drain()

        assert await device.closed() == (4005, "the server is stopping")
        with pytest.raises(InvalidStatus):
            async with room.device():
                pass


async def test_coming_and_going_is_told(pool: Pool, room: Room) -> None:
    await add_device(pool)

    async with room.device() as device:
        await device.hello(bat=55)
    await until(lambda: len([1 for topic, _ in room.said if topic == "presence"]) == 2)

    came, left = (said for topic, said in room.said if topic == "presence")
    assert '"online":true' in came
    assert '"battery_pct":55' in came
    assert '"online":false' in left
    await until(lambda: room.sessions.online() == [])
    assert TOKEN not in "".join(said for _, said in room.said)
