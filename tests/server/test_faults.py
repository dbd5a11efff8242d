"""The stores fail under a running server, and come back: real processes, stopped and killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import redis.asyncio as aioredis

from geo.roadmap import RoadMap
from server import demo, migrate
from server.demo import DemoSeed
from server.dispatch.orders import OrderState
from server.embedded import launcher, process, sockets
from server.embedded.launcher import Running
from server.embedded.postgres import Postgres
from server.embedded.valkey import Valkey
from server.stores.pool import open_pool
from server.stores.presence import FIXES_KEY
from tests.console_feed import watching
from tests.field_people import STEPS, Handset, dispatcher, order_sent, posted
from tests.patience import PATIENCE_S
from tests.quick_passwords import QUICK
from tests.server_process import START_S_MAX, ServerProcess, running

DEADLINE_S = START_S_MAX + 4 * PATIENCE_S


@pytest.fixture
def stores(short_dir: Path) -> Iterator[Running]:
    """PostgreSQL and Valkey of this test alone, to be stopped at will."""
    with launcher.run(short_dir / "stores") as stores:
        yield stores


async def seeded(database_url: str | None, small_map: RoadMap) -> DemoSeed:
    assert database_url is not None
    await migrate.apply(database_url)
    pool = await open_pool(database_url)
    try:
        return await demo.seed(pool, small_map, units=2, hasher=QUICK)
    finally:
        await pool.close()


def a_server(stores: Running, small_map_dir: Path, folder: Path) -> ServerProcess:
    return ServerProcess(
        map_dir=small_map_dir,
        data_dir=folder,
        database_url=str(stores.database_url),
        redis_url=str(stores.redis_url),
    )


async def ask(stores: Running, query: str, *values: object) -> Any:
    conn = await asyncpg.connect(stores.database_url)
    try:
        return await conn.fetchval(query, *values)
    finally:
        await conn.close()


def kill(store: Postgres | Valkey) -> None:
    os.kill(store.pid, signal.SIGKILL)
    while store.is_running():
        time.sleep(0.01)


async def well(client: httpx.AsyncClient) -> None:
    """Until the server says that it is ready and lacks nothing."""
    while True:
        answer = await client.get("/readyz")
        if answer.status_code == 200 and answer.json()["without"] == []:
            return
        await asyncio.sleep(0.05)  # between two looks at another process; nothing else tells


async def test_postgresql_stops_and_returns_while_everybody_works(
    stores: Running, small_map: RoadMap, small_map_dir: Path, tmp_path: Path
) -> None:
    seed = await seeded(stores.database_url, small_map)
    device = next(each for each in seed.fleet.devices if each.kind == "handset")
    server = a_server(stores, small_map_dir, tmp_path)
    handset = Handset(server, device, tmp_path)
    lon, lat = device.home
    assert stores.postgres is not None
    late = {
        "request_id": "late",
        "type": "assault",
        "priority": "routine",
        "lon": lon,
        "lat": lat,
    }

    async with asyncio.timeout(DEADLINE_S):
        with running(server):
            async with handset.on(), dispatcher(server.url, seed.fleet.dispatcher) as client:
                handset.report_position(lon, lat)
                incident_id = await order_sent(client, device)
                command_id = await handset.tasks.get()
                await asyncio.to_thread(stores.postgres.stop)

                for _ in range(20):
                    handset.report_position(lon, lat)
                handset.report(command_id, STEPS[0])
                handset.report(command_id, STEPS[1])
                refused = [
                    await client.post("/api/incidents", json=late),
                    await client.get(f"/api/incidents/{incident_id}"),
                    await client.get("/api/me"),
                    await client.get("/readyz"),
                ]
                alive = await client.get("/healthz")

                await asyncio.to_thread(stores.postgres.start)
                await asyncio.to_thread(stores.postgres.wait_ready)
                await well(client)
                opened = [await posted(client, "/api/incidents", **late) for _ in range(2)]
                async with watching(server.url, client) as feed:
                    for step in STEPS[2:]:
                        handset.report(command_id, step)
                    await feed.wait_for_order(incident_id, "done")
                incident = (await client.get(f"/api/incidents/{incident_id}")).json()

    for answer in refused:
        assert answer.status_code == 503, answer.text
        assert answer.json()["error"]["code"] == "unavailable"
    assert alive.status_code == 200
    assert opened[0]["id"] == opened[1]["id"]
    (order,) = incident["orders"]
    states = set(OrderState)  # a slow machine is reminded, which stands beside them
    reported = [each["state"] for each in order["events"] if each["state"] in states]
    assert reported == ["issued", "delivered", *STEPS]
    assert all(event["applied"] for event in order["events"])
    assert handset.task_count == 1
    count = "SELECT count(*) FROM position WHERE device_id = $1"
    assert await ask(stores, count, device.device_id) == 21
    assert "Traceback" not in server.log.read_text()


async def test_postgresql_is_killed_while_orders_are_written(
    stores: Running, small_map: RoadMap, small_map_dir: Path, tmp_path: Path
) -> None:
    """A commit whose answer was lost: asking again with the same request does nothing twice."""
    seed = await seeded(stores.database_url, small_map)
    handsets = [each for each in seed.fleet.devices if each.kind == "handset"]
    server = a_server(stores, small_map_dir, tmp_path)
    postgres = stores.postgres
    assert postgres is not None

    async def send(client: httpx.AsyncClient, device: demo.FleetDevice) -> str:
        """Until it is known to be done, however often that takes."""
        while True:
            try:
                return await order_sent(client, device, request_id=device.device_id)
            except httpx.HTTPStatusError as error:
                if error.response.status_code != 503:
                    raise
                await asyncio.sleep(0.05)  # as a person would, a little later

    def kill_and_start() -> None:
        kill(postgres)
        postgres.start()
        postgres.wait_ready()

    async with asyncio.timeout(DEADLINE_S):
        with running(server):
            async with dispatcher(server.url, seed.fleet.dispatcher) as client:
                killing = asyncio.to_thread(kill_and_start)
                sends = [send(client, device) for device in handsets]
                _, *sent = await asyncio.gather(killing, *sends)
                again = [await send(client, device) for device in handsets]

    assert sent == again
    assert await ask(stores, "SELECT count(*) FROM incident") == len(handsets)
    assert await ask(stores, "SELECT count(*) FROM dispatch_order") == len(handsets)
    assert await ask(
        stores, "SELECT count(*) FROM journal_entry WHERE kind = 'order.issued'"
    ) == len(handsets)
    assert "Traceback" not in server.log.read_text()


class PrivateStores:
    """Those that the server runs itself; it starts Valkey again by itself."""

    def __init__(self, short_dir: Path, small_map_dir: Path) -> None:
        self._data_dir = short_dir / "data"
        self._data_dir.mkdir()
        self._sockets = sockets.path_for(self._data_dir)
        self.server = ServerProcess(map_dir=small_map_dir, data_dir=self._data_dir)
        self.redis_url = f"unix://{self._sockets}/valkey.sock"

    async def seed(self, small_map: RoadMap) -> DemoSeed:
        with launcher.run(self._data_dir, valkey=False) as stores:
            return await seeded(stores.database_url, small_map)

    def kill_valkey(self) -> None:
        [pid] = process.processes_naming("valkey-server", self._sockets)
        os.kill(pid, signal.SIGKILL)
        assert process.wait_gone(pid, PATIENCE_S)

    def return_valkey(self) -> None:
        """The server's own business."""


class GivenStores:
    """Those of somebody else, who starts Valkey again when it suits."""

    def __init__(self, stores: Running, small_map_dir: Path, folder: Path) -> None:
        self.server = a_server(stores, small_map_dir, folder)
        self.redis_url = str(stores.redis_url)
        assert stores.valkey is not None
        self._database_url, self._valkey = stores.database_url, stores.valkey

    async def seed(self, small_map: RoadMap) -> DemoSeed:
        return await seeded(self._database_url, small_map)

    def kill_valkey(self) -> None:
        kill(self._valkey)

    def return_valkey(self) -> None:
        self._valkey.start()
        self._valkey.wait_ready()


def private_stores(request: pytest.FixtureRequest) -> PrivateStores:
    return PrivateStores(
        request.getfixturevalue("short_dir"), request.getfixturevalue("small_map_dir")
    )


def given_stores(request: pytest.FixtureRequest) -> GivenStores:
    return GivenStores(
        request.getfixturevalue("stores"),
        request.getfixturevalue("small_map_dir"),
        request.getfixturevalue("tmp_path"),
    )


@pytest.mark.parametrize("make", [private_stores, given_stores])
async def test_valkey_is_killed_and_returns_while_everybody_works(
    make: Callable[[pytest.FixtureRequest], PrivateStores | GivenStores],
    request: pytest.FixtureRequest,
    small_map: RoadMap,
    tmp_path: Path,
) -> None:
    """Nobody notices, but for what other processes would have heard."""
    field = make(request)
    seed = await field.seed(small_map)
    device = next(each for each in seed.fleet.devices if each.kind == "handset")
    lon, lat = device.home
    handset = Handset(field.server, device, tmp_path)
    async with asyncio.timeout(DEADLINE_S):
        with running(field.server):
            async with (
                handset.on(),
                dispatcher(field.server.url, seed.fleet.dispatcher) as client,
                watching(field.server.url, client) as feed,
            ):
                handset.report_position(lon, lat)
                await feed.wait_for_positions(1)
                await asyncio.to_thread(field.kill_valkey)

                handset.report_position(lon + 0.001, lat)
                await feed.wait_for_position_at(lon + 0.001)
                incident_id = await order_sent(client, device)
                command_id = await handset.tasks.get()
                for step in STEPS:
                    handset.report(command_id, step)
                await feed.wait_for_order(incident_id, "done")

                await asyncio.to_thread(field.return_valkey)
                await well(client)
                handset.report_position(lon + 0.002, lat)
                await feed.wait_for_position_at(lon + 0.002)
                await until_kept(field.redis_url, device.device_id, lon + 0.002)
        log = field.server.log.read_text()

    assert "Valkey ended by itself; it is started again" in log or make is given_stores
    assert "Traceback" not in log
    assert " ERROR " not in log


async def until_kept(redis_url: str, device_id: str, lon: float) -> None:
    """Until Valkey has the device's position for processes that start later."""
    async with aioredis.Redis.from_url(redis_url) as client:
        while True:
            kept = await client.hget(FIXES_KEY, device_id)
            if kept and json.loads(kept)["lon"] == pytest.approx(lon):
                return
            await asyncio.sleep(0.05)  # between two looks at another process
