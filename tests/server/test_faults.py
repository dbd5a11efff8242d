"""The stores fail under a running server, and come back: real processes, stopped and killed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from geo.roadmap import RoadMap
from server import demo, migrate
from server.demo import DemoSeed
from server.embedded import launcher
from server.embedded.launcher import Running
from server.stores.pool import open_pool
from tests.console_feed import watching
from tests.field_people import STEPS, Handset, dispatcher, order_sent, posted
from tests.server_process import ServerProcess, running

DEADLINE_S = 100


@pytest.fixture
def stores(short_dir: Path) -> Iterator[Running]:
    """PostgreSQL and Valkey of this test alone, to be stopped at will."""
    with launcher.run(short_dir / "stores") as stores:
        yield stores


async def seeded(stores: Running, small_map: RoadMap) -> DemoSeed:
    assert stores.database_url is not None
    await migrate.apply(stores.database_url)
    pool = await open_pool(stores.database_url)
    try:
        return await demo.seed(pool, small_map, units=2)
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


async def ready(client: httpx.AsyncClient) -> dict[str, Any]:
    """The answer of /readyz as soon as it is a 200."""
    while (answer := await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110
        await asyncio.sleep(0.05)  # between two looks at another process; nothing else tells
    found: dict[str, Any] = answer.json()
    return found


async def test_postgresql_stops_and_returns_while_everybody_works(
    stores: Running, small_map: RoadMap, small_map_dir: Path, tmp_path: Path
) -> None:
    seed = await seeded(stores, small_map)
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
                await ready(client)
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
    assert [event["state"] for event in order["events"]] == ["issued", "delivered", *STEPS]
    assert all(event["applied"] for event in order["events"])
    assert handset.task_count == 1
    count = "SELECT count(*) FROM position WHERE device_id = $1"
    assert await ask(stores, count, device.device_id) == 21
    assert "Traceback" not in server.log.read_text()
