"""An older state of the database comes back under devices that have seen what came after it.

Nobody tells the server, and what it gives out from then on has numbers that the device knows.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from devices.client import DeviceClient
from devices.client_events import Event, NoticeArrived, Unrecovered
from devices.link import Phase
from devices.shell.client import DeviceShell
from devices.storage import MemoryStorage
from protocols.native import Location, Report
from server.stores import devices
from server.stores.pool import Pool
from tests.server.field_room import (
    TOKEN,
    Room,
    enqueue,
    field_room,
    issue_order,
    utc_now,
)
from tests.server.field_rows import add_device, until
from tests.server.test_enrolment import a_lock_is_waited_for


@asynccontextmanager
async def on(room: Room, storage: MemoryStorage, events: list[Event]) -> AsyncIterator[DeviceShell]:
    """The reference client, connected."""
    now = asyncio.get_running_loop().time()
    client = DeviceClient(device_id="cam-07", storage=storage, rng=random.Random(1), now=now)
    shell = DeviceShell(client, room.url, token=TOKEN, on_event=events.append)
    running = asyncio.create_task(shell.run())
    try:
        await until(lambda: client.phase is Phase.LIVE)
        yield shell
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def tell(pool: Pool, *texts: str) -> None:
    for text in texts:
        async with pool.acquire() as conn, conn.transaction():
            await enqueue(conn, text=text)


async def restore(pool: Pool, *, head: int, up: int) -> None:
    """The device's rows as they stood in the backup."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("DELETE FROM command WHERE seq > $1", head)
        await conn.execute("UPDATE device SET head_seq = $1", head)
        await conn.execute(
            "UPDATE installation SET up_seq = $2, cursor_seq = least(cursor_seq, $1)", head, up
        )


def texts(events: list[Event]) -> list[str]:
    return [each.command.body["text"] for each in events if isinstance(each, NoticeArrived)]


async def test_commands_given_after_the_restore_are_not_taken_for_old_ones(pool: Pool) -> None:
    await add_device(pool)
    storage, events = MemoryStorage(), list[Event]()
    async with field_room(pool) as room, on(room, storage, events):
        await tell(pool, "one", "two", "three", "four")
        room.fanout.publish("device", "cam-07")
        await until(lambda: len(texts(events)) == 4)
    events.clear()
    up = await pool.fetchval("SELECT up_seq FROM installation")
    await restore(pool, head=2, up=up)
    await tell(pool, "five", "six", "seven")  # 3, 4 and 5: beyond the cursor

    async with field_room(pool) as room, on(room, storage, events):
        await until(lambda: len(texts(events)) == 3)

    assert texts(events) == ["five", "six", "seven"]
    assert Unrecovered(commands=True, reports_lost=0) in events


async def test_device_that_has_nothing_of_what_was_lost_goes_on(pool: Pool) -> None:
    await add_device(pool)
    storage, events = MemoryStorage(), list[Event]()
    async with field_room(pool) as room, on(room, storage, events) as shell:
        await tell(pool, "one", "two")
        room.fanout.publish("device", "cam-07")
        await until(lambda: len(texts(events)) == 2 and not len(shell.client.outbox))
    await tell(pool, "lost")
    up = await pool.fetchval("SELECT up_seq FROM installation")
    await restore(pool, head=2, up=up)
    await tell(pool, "three")

    async with field_room(pool) as room, on(room, storage, events):
        await until(lambda: len(texts(events)) == 3)

    assert texts(events) == ["one", "two", "three"]
    assert not any(isinstance(each, Unrecovered) for each in events)


async def test_device_of_a_new_epoch_gets_what_is_open_and_shows_nothing_twice(pool: Pool) -> None:
    await add_device(pool)
    storage, events = MemoryStorage(), list[Event]()
    async with field_room(pool) as room, on(room, storage, events) as shell:
        await tell(pool, "one", "two")
        room.fanout.publish("device", "cam-07")
        await until(lambda: len(texts(events)) == 2 and not len(shell.client.outbox))
    await tell(pool, "three")

    async with pool.acquire() as conn, conn.transaction():
        assert await devices.renew_epochs(conn) == ["cam-07"]
    async with field_room(pool) as room, on(room, storage, events):
        await until(lambda: len(texts(events)) == 3)

    assert texts(events) == ["one", "two", "three"]
    assert Unrecovered(commands=True, reports_lost=0) in events


async def test_last_step_is_said_again_to_a_server_that_lost_it(pool: Pool) -> None:
    order = await issue_order(pool)
    storage, events = MemoryStorage(), list[Event]()
    at_ms = round(utc_now().timestamp() * 1000)
    async with field_room(pool) as room, on(room, storage, events) as shell:
        await until(lambda: shell.client.inbox.cursor.seq == 1)
        shell.report_location(Location(n=0, at=at_ms, lat=27.5, lon=100.2))
        shell.report(order.command_id, Report.ACCEPTED, at_ms=at_ms, by="B-1042")
        await until(lambda: not len(shell.client.outbox))
    await restore(pool, head=1, up=1)
    await pool.execute("UPDATE dispatch_order SET state = 'issued', ver = 0")

    async with field_room(pool) as room, on(room, storage, events) as shell:
        await until(lambda: not len(shell.client.outbox))

    assert await pool.fetchval("SELECT state FROM dispatch_order") == "accepted"


async def test_logs_begin_anew_beside_a_server_that_tells_several_devices(
    pool: Pool, database_url: str
) -> None:
    for device_id in ("cam-09", "cam-08", "cam-07"):
        await add_device(pool, device_id)

    async with pool.acquire() as server, server.transaction():
        await server.execute("SELECT FROM device WHERE id = 'cam-07' FOR NO KEY UPDATE")
        renewing = asyncio.create_task(devices.renew_epochs(pool))
        await a_lock_is_waited_for(database_url)
        await server.execute("SELECT FROM device WHERE id = 'cam-09' FOR NO KEY UPDATE")

    assert await renewing == ["cam-07", "cam-08", "cam-09"]
