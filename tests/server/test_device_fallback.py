"""The reference client behind a proxy that lets no WebSocket pass, and when it does again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from devices.client import DeviceClient
from devices.client_events import CommandArrived, Connected, Event, Unrecovered
from devices.doors import Door, Doors
from devices.limits import CAPABILITY
from devices.link import Phase
from devices.shell.client import DeviceShell
from devices.storage import MemoryStorage
from protocols.native import Location, Report
from server.stores.pool import Pool
from tests.server.field_room import TOKEN, Room, enqueue, field_room, issue_order, utc_now
from tests.server.field_rows import add_device, until

CHUNK_BYTES = 65_536


class Hasty(random.Random):
    """Does not wait between two attempts."""

    def uniform(self, a: float, b: float) -> float:
        return a


class CaptiveProxy:
    """Passes HTTP on, and answers a WebSocket handshake with its own page."""

    def __init__(self, target_port: int) -> None:
        self.lets_pass = False
        self.refused = 0
        self.port = 0
        self._target_port = target_port
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[CaptiveProxy]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"upgrade: websocket" in head.lower() and not self.lets_pass:
            self.refused += 1
            writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 5\r\n\r\nlogin")
            writer.close()
            return
        upstream, server_end = await asyncio.open_connection("127.0.0.1", self._target_port)
        server_end.write(head)
        try:
            await asyncio.gather(_pump(reader, server_end), _pump(upstream, writer))
        except OSError:
            return  # one end was reset
        finally:
            server_end.transport.abort()
            writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def behind_a_proxy(
    room: Room, events: list[Event], *, doors: Doors | None = None
) -> AsyncIterator[tuple[DeviceShell, CaptiveProxy]]:
    proxy = CaptiveProxy(urlsplit(room.url).port or 0)
    async with proxy.listening():
        client = DeviceClient(
            device_id="cam-07",
            storage=MemoryStorage(),
            rng=Hasty(1),
            now=asyncio.get_running_loop().time(),
            caps=(CAPABILITY,),
        )
        shell = DeviceShell(
            client,
            f"ws://127.0.0.1:{proxy.port}/v1/device",
            token=TOKEN,
            on_event=events.append,
            doors=doors,
        )
        running = asyncio.create_task(shell.run())
        try:
            yield shell, proxy
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def a_fix() -> Location:
    return Location(n=0, at=round(utc_now().timestamp() * 1000), lat=27.5, lon=100.2)


async def test_order_and_reports_travel_over_http(pool: Pool) -> None:
    order = await issue_order(pool)
    events: list[Event] = []
    async with field_room(pool) as room, behind_a_proxy(room, events) as (shell, proxy):
        await until(lambda: any(isinstance(each, CommandArrived) for each in events))
        shell.report_location(a_fix())
        shell.report(order.command_id, Report.ACCEPTED, at_ms=a_fix().at, by="B-1042")
        await until(lambda: not len(shell.client.outbox))
        async with pool.acquire() as conn:
            await enqueue(conn, text="turn back")
        room.fanout.publish("device", "cam-07")
        await until(lambda: shell.client.inbox.cursor.seq == 2)

        assert (shell.door, proxy.refused) == (Door.HTTP, 3)
        assert await pool.fetchval("SELECT caps FROM installation") == [CAPABILITY]
    assert await pool.fetchval("SELECT state FROM dispatch_order") == "accepted"
    assert await pool.fetchval("SELECT count(*) FROM position") == 1


async def test_websocket_is_taken_again_when_it_passes(pool: Pool) -> None:
    await add_device(pool)
    events: list[Event] = []
    doors = Doors(retry_s=2.0)
    async with (
        field_room(pool) as room,
        behind_a_proxy(room, events, doors=doors) as (shell, proxy),
    ):
        await until(lambda: shell.door is Door.HTTP and shell.client.phase is Phase.LIVE)
        proxy.lets_pass = True
        await until(lambda: shell.door is Door.WEBSOCKET and shell.client.phase is Phase.LIVE)
        shell.report_location(a_fix())
        await until(lambda: not len(shell.client.outbox))

    assert not any(isinstance(each, Unrecovered) for each in events)
    assert sum(isinstance(each, Connected) for each in events) >= 2


async def test_log_that_begins_anew_is_noticed_over_http(pool: Pool) -> None:
    await add_device(pool)
    events: list[Event] = []
    async with field_room(pool) as room, behind_a_proxy(room, events) as (shell, _):
        await until(lambda: shell.client.phase is Phase.LIVE)
        await pool.execute("UPDATE device SET epoch = 'e2'")
        shell.report_location(a_fix())

        await until(lambda: any(isinstance(each, Unrecovered) for each in events))
        await until(lambda: not len(shell.client.outbox))
    assert shell.client.inbox.cursor.epoch == "e2"
    assert await pool.fetchval("SELECT count(*) FROM position") == 1


async def test_token_that_is_not_accepted_stops_the_device_over_http(pool: Pool) -> None:
    await add_device(pool, token="another")
    events: list[Event] = []
    async with field_room(pool) as room, behind_a_proxy(room, events) as (shell, _):
        await until(lambda: shell.client.phase is Phase.STOPPED)

        assert shell.door is Door.HTTP
