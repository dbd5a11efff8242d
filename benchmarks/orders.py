"""Orders under load: many at the same instant, and a county that comes back all at once.

A server process over private PostgreSQL (durable commits) and Valkey serves a small map; devices
are bare sockets of this process, on the same machine. Sockets keep no files: what a device must
remember (epoch, cursor) it is told here.

order_to_frame   from the request that dispatches to the frame in the device's hands, with 1, 50
                 and 500 orders of as many dispatchers at the same instant. `bare` is the same
                 number of durable one-row transactions, as many at once, in the same database
resume_storm     the server is killed while 2,000 devices are connected and some have orders that
                 they have not heard of; it starts again, and all come at the same instant, without
                 the random wait that real devices keep. From that instant until a device has its
                 welcome, every command it missed, and the receipt of a fix; `value` is when the
                 last one has. `bare` is a WebSocket door that only greets and acknowledges
"""

from __future__ import annotations

import asyncio
import itertools
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeVar

import asyncpg
import httpx
import msgspec
import numpy as np
import websockets
from websockets.typing import Subprotocol

from benchmarks._report import Options, Row, main, say
from geo import mapfolder
from geo.roadmap import RoadMap
from protocols import native
from server import demo, migrate
from server.embedded import launcher
from server.embedded.launcher import Running
from server.stores.pool import open_pool
from tests.console_feed import ConsoleFeed, watching
from tests.field_people import dispatcher
from tests.server_process import ServerProcess, free_port, running
from tests.small_county import small_county

AT_ONCE = {1: 100, 50: 10, 500: 2}
"""Orders at the same instant, and how often."""
AT_ONCE_QUICK = {1: 20, 50: 2}
STORM_UNITS, STORM_UNITS_QUICK = 1_000, 100
"""With a handset and a body camera each."""
ORDERS_MISSED, ORDERS_MISSED_QUICK = 200, 20
PREPARING_AT_ONCE = 8
STEP_S_MAX = 120.0
RETRY_S = 0.05, 0.5
"""A device that is refused at the door comes again after a random while of this."""
HEARTBEAT_S = 30.0
FILES_MAX = 16_384


def run(options: Options) -> list[Row]:
    _allow_sockets()
    roadmap = small_county()
    at_once = AT_ONCE_QUICK if options.quick else AT_ONCE
    storm_units = STORM_UNITS_QUICK if options.quick else STORM_UNITS
    with a_house(roadmap, max(at_once), options) as house:
        rows = asyncio.run(order_to_frame(house, at_once, options))
    with a_house(roadmap, storm_units, options) as house:
        return rows + asyncio.run(resume_storm(house, options))


# -- where it happens ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    server: ServerProcess
    stores: Running
    seeded: demo.DemoSeed

    def handsets(self) -> list[demo.FleetDevice]:
        return [each for each in self.seeded.fleet.devices if each.kind == "handset"]


@contextmanager
def a_house(roadmap: RoadMap, units: int, options: Options) -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="rl-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as another user and must pass through
        map_dir = folder / "map"
        mapfolder.save(roadmap, map_dir)
        with launcher.run(folder / "data") as stores:
            say(options, f"{units} units sign up")
            seeded = asyncio.run(_seed(str(stores.database_url), roadmap, units, options.seed))
            server = ServerProcess(
                map_dir=map_dir,
                data_dir=folder,
                database_url=str(stores.database_url),
                redis_url=str(stores.redis_url),
            )
            with running(server):
                yield House(server=server, stores=stores, seeded=seeded)


async def _seed(database_url: str, roadmap: RoadMap, units: int, seed: int) -> demo.DemoSeed:
    await migrate.apply(database_url)
    pool = await open_pool(database_url)
    try:
        return await demo.seed(pool, roadmap, units=units, seed=seed)
    finally:
        await pool.close()


def _allow_sockets() -> None:
    """A socket a device: as many open files as the system grants."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if most == resource.RLIM_INFINITY else min(FILES_MAX, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


# -- devices -------------------------------------------------------------------------------


@dataclass(slots=True)
class Device:
    """What a device remembers, without the files that a real one has."""

    known: demo.FleetDevice
    epoch: str = ""
    cursor: int = 0
    last_n: int = 0
    tasks: asyncio.Queue[tuple[str, float]] = field(default_factory=asyncio.Queue)
    """(command id, `perf_counter` when its frame was here)"""

    @asynccontextmanager
    async def connected(self, url: str) -> AsyncIterator[websockets.ClientConnection]:
        async with websockets.connect(
            url.replace("http", "ws", 1) + "/v1/device",
            subprotocols=[Subprotocol(native.SUBPROTOCOL)],
            additional_headers={"authorization": f"Bearer {self.known.token}"},
            compression=None,
            open_timeout=STEP_S_MAX,
            ping_interval=None,
        ) as socket:
            yield socket

    async def greet(self, socket: websockets.ClientConnection) -> native.Welcome:
        hello = native.Hello(
            dev=self.known.device_id, inst="bench", epoch=self.epoch, cur=self.cursor
        )
        await send(socket, hello)
        welcome = native.decode_server(await socket.recv())
        assert isinstance(welcome, native.Welcome)
        self.epoch, self.last_n = welcome.epoch, welcome.up
        return welcome

    async def listen(self, socket: websockets.ClientConnection) -> None:
        """Until the socket closes."""
        async for frame in socket:
            self.take(native.decode_server(frame))

    def take(self, message: native.ServerMessage) -> None:
        if isinstance(message, native.Command):
            self.cursor = message.seq
            if message.kind == "task":
                self.tasks.put_nowait((message.id, time.perf_counter()))

    async def report(
        self, socket: websockets.ClientConnection, command_id: str, step: native.Report
    ) -> None:
        self.last_n += 1
        badge = self.known.badges[0]
        state = native.State(n=self.last_n, id=command_id, s=step, at=_now_ms(), by=badge)
        await send(socket, state)

    async def resume(self, url: str, chance: Random) -> native.Welcome:
        """Come back: greeted, nothing missed any more, a fix acknowledged. Then leave."""
        while True:
            try:
                async with self.connected(url) as socket:
                    return await self._catch_up(socket)
            except (OSError, websockets.WebSocketException):
                await asyncio.sleep(chance.uniform(*RETRY_S))

    async def _catch_up(self, socket: websockets.ClientConnection) -> native.Welcome:
        welcome = await self.greet(socket)
        self.last_n += 1
        lon, lat = self.known.home
        await send(socket, native.Location(n=self.last_n, at=_now_ms(), lon=lon, lat=lat, bat=71))
        acknowledged = 0
        while self.cursor < welcome.head or acknowledged < self.last_n:
            message = native.decode_server(await socket.recv())
            self.take(message)
            if isinstance(message, native.Ack):
                acknowledged = message.up
        return welcome


async def send(socket: websockets.ClientConnection, message: native.ClientMessage) -> None:
    await socket.send(native.encode(message).decode())


def _now_ms() -> int:
    return int(time.time() * 1000)


# -- many orders at the same instant --------------------------------------------------------


async def order_to_frame(house: House, at_once: dict[int, int], options: Options) -> list[Row]:
    rows: list[Row] = []
    handsets = [Device(each) for each in house.handsets()]
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(_many_requests(house))
        feed = await stack.enter_async_context(watching(house.server.url, client))
        people = [(device, await _come(stack, device, house.server.url)) for device in handsets]
        listening = [asyncio.create_task(device.listen(socket)) for device, socket in people]
        await stack.enter_async_context(_heartbeats([socket for _, socket in people]))
        for count, times in at_once.items():
            took: dict[str, list[float]] = {"ridgeline": [], "bare": []}
            for number in range(times):
                took["bare"] += await bare_commits(house, count)
                sent = await a_burst(client, feed, people[:count], f"{count} orders, {number}")
                took["ridgeline"] += sent
            say(options, f"{count} at once: {np.median(took['ridgeline']):.0f} ms")
            rows += [
                _row("order_to_frame", name, ms, f"{count} at once") for name, ms in took.items()
            ]
        for task in listening:
            task.cancel()
    return rows


async def _come(stack: AsyncExitStack, device: Device, url: str) -> websockets.ClientConnection:
    """Connected and greeted until the stack closes."""
    socket = await stack.enter_async_context(device.connected(url))
    await device.greet(socket)
    return socket


@asynccontextmanager
async def _heartbeats(sockets: Sequence[websockets.ClientConnection]) -> AsyncIterator[None]:
    """Each says now and then that it lives; the server closes who is silent for two beats."""

    async def beat() -> None:
        for number in itertools.count(1):
            await asyncio.sleep(HEARTBEAT_S)
            for socket in sockets:
                with suppress(websockets.ConnectionClosed):  # what it misses will be waited for
                    await send(socket, native.Ping(i=number, bat=71))

    beating = asyncio.create_task(beat(), name="heartbeats")
    try:
        yield
    finally:
        beating.cancel()


@asynccontextmanager
async def _many_requests(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """As many connections as there are requests: each is another dispatcher's."""
    async with dispatcher(house.server.url, house.seeded.fleet.dispatcher) as signed_in:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(
            base_url=house.server.url,
            timeout=STEP_S_MAX,
            limits=limits,
            cookies=signed_in.cookies,
        ) as client:
            yield client


T = TypeVar("T")
People = Sequence[tuple[Device, websockets.ClientConnection]]


async def a_burst(
    client: httpx.AsyncClient, feed: ConsoleFeed, people: People, name: str
) -> list[float]:
    """An incident each, all dispatched at the same instant; ms until each has its frame."""
    prepared = await _prepare(client, [device for device, _ in people], name)
    started = time.perf_counter()
    answers = asyncio.gather(*(_post(client, path, body) for _, path, body in prepared))
    tasks = await _within(asyncio.gather(*(device.tasks.get() for device, _ in people)))
    await answers
    for (device, socket), (command_id, _) in zip(people, tasks, strict=True):
        await device.report(socket, command_id, native.Report.ACCEPTED)
        await device.report(socket, command_id, native.Report.DONE)
    for incident_id, *_ in prepared:
        await feed.wait_for_order(incident_id, "done", STEP_S_MAX)
    return [(arrived_at - started) * 1000 for _, arrived_at in tasks]


async def _prepare(
    client: httpx.AsyncClient, devices: Sequence[Device], name: str
) -> list[tuple[str, str, dict[str, object]]]:
    """(incident, path, body) of a dispatch for each device."""
    turn = asyncio.Semaphore(PREPARING_AT_ONCE)

    async def prepare(number: int, device: Device) -> tuple[str, str, dict[str, object]]:
        async with turn:
            lon, lat = device.known.home
            request = f"{name}, {number}"
            opened = {"type": "traffic_collision", "priority": "priority", "note": ""}
            incident = await _post(
                client, "/api/incidents", {**opened, "request_id": request, "lon": lon, "lat": lat}
            )
            path = f"/api/incidents/{incident['id']}"
            ranked = await _post(client, f"{path}/recommendation", {})
            body: dict[str, object] = {
                "request_id": f"{request}, sent",
                "recommendation_id": ranked["id"],
                "unit_ids": [device.known.unit_id],
                "reason": "measured",
            }
            return incident["id"], f"{path}/dispatch", body

    return await asyncio.gather(*(prepare(*each) for each in enumerate(devices)))


async def _post(client: httpx.AsyncClient, path: str, body: dict[str, object]) -> dict[str, str]:
    answer = await client.post(path, json=body)
    if answer.is_error:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
    found: dict[str, str] | list[dict[str, str]] = answer.json()
    return found if isinstance(found, dict) else found[0]


async def bare_commits(house: House, count: int) -> list[float]:
    """So many durable one-row transactions at the same instant; ms until each is."""
    pool = await asyncpg.create_pool(str(house.stores.database_url), min_size=10, max_size=10)
    try:
        await pool.execute("CREATE TABLE IF NOT EXISTS bare (id bigserial PRIMARY KEY, body text)")
        started = time.perf_counter()

        async def commit() -> float:
            await pool.execute("INSERT INTO bare (body) VALUES ($1)", "x" * 300)
            return (time.perf_counter() - started) * 1000

        return await asyncio.gather(*(commit() for _ in range(count)))
    finally:
        await pool.close()


# -- all come back at once -------------------------------------------------------------------


async def resume_storm(house: House, options: Options) -> list[Row]:
    devices = [Device(each) for each in house.seeded.fleet.devices]
    chance = options.random()
    url = house.server.url
    missing = ORDERS_MISSED_QUICK if options.quick else ORDERS_MISSED
    say(options, f"{len(devices)} devices connect; {missing} orders that nobody hears of")
    async with AsyncExitStack() as stack:
        handsets = {each.known.device_id: each for each in devices if each.known.kind == "handset"}
        deaf = list(handsets.values())[:missing]
        sockets = [await _come(stack, device, url) for device in devices]
        for device, socket in zip(devices, sockets, strict=True):
            if device in deaf:
                await socket.close()
        await stack.enter_async_context(_heartbeats(sockets))
        async with _many_requests(house) as client:
            prepared = await _prepare(client, deaf, "missed")
            for _, path, body in prepared:
                await _post(client, path, body)
        house.server.kill()
    await asyncio.to_thread(house.server.start)
    took = {"ridgeline": await _storm(devices, url, chance)}
    lost = sum(device.tasks.qsize() != 1 for device in deaf)
    with _bare_door() as bare_url:
        took["bare"] = await _storm([Device(each.known) for each in devices], bare_url, chance)
    note = f"{len(devices)} devices; {len(deaf)} orders missed, {lost} of them lost or doubled"
    return [_row("resume_storm", name, ms, note, total=True) for name, ms in took.items()]


async def _storm(devices: Sequence[Device], url: str, chance: Random) -> list[float]:
    """All at the same instant; ms until each is back."""
    started = time.perf_counter()

    async def come_back(device: Device) -> float:
        await device.resume(url, chance)
        return (time.perf_counter() - started) * 1000

    return await _within(asyncio.gather(*(come_back(each) for each in devices)))


@contextmanager
def _bare_door() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks._bare_door", str(port)])
    try:
        _wait_for(partial(httpx.get, f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(STEP_S_MAX)


def _wait_for(answer: Callable[[], object]) -> None:
    deadline = time.monotonic() + STEP_S_MAX
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            answer()
            return
        time.sleep(0.05)  # between two looks at another process; nothing else tells
    raise RuntimeError("the bare door does not open")


async def _within(work: Awaitable[T]) -> T:
    async with asyncio.timeout(STEP_S_MAX):
        return await work


def _row(
    metric: str, system: str, samples_ms: Sequence[float], note: str, *, total: bool = False
) -> Row:
    p50, p99 = np.percentile(np.asarray(samples_ms), (50, 99)).tolist()
    row = Row(
        metric=metric,
        system=system,
        unit="ms",
        p50=round(p50, 3),
        p99=round(p99, 3),
        n=len(samples_ms),
        note=note,
    )
    return msgspec.structs.replace(row, value=round(max(samples_ms), 3)) if total else row


if __name__ == "__main__":
    main("orders", run, __doc__)
