"""The server is killed in the middle of an order and started again: nothing twice, nothing lost.

Real processes, real PostgreSQL and Valkey, the reference client with its SQLite store.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from devices.link_timers import BACKOFF_S_MAX
from geo.roadmap import RoadMap
from protocols.native import Report
from server import demo
from server.dispatch.orders import OrderState
from server.stores.pool import Pool
from tests.console_feed import watching
from tests.field_people import STEPS, Handset, dispatcher, order_sent
from tests.patience import PATIENCE_S
from tests.quick_passwords import QUICK
from tests.server_process import ServerProcess, running

COMES_BACK_S_MAX = BACKOFF_S_MAX + PATIENCE_S
"""After a start that took long, the handset may have just begun its longest wait."""


@pytest.mark.parametrize("step", STEPS, ids=[step.value for step in STEPS])
async def test_order_goes_on_where_it_was(
    step: Report,
    database_url: str,
    redis_url: str,
    pool: Pool,
    small_map: RoadMap,
    small_map_dir: Path,
    tmp_path: Path,
) -> None:
    seeded = await demo.seed(pool, small_map, units=2, hasher=QUICK)
    device = next(each for each in seeded.fleet.devices if each.kind == "handset")
    server = ServerProcess(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    )
    handset = Handset(server, device, tmp_path)

    with running(server):
        async with handset.on(), dispatcher(server.url, seeded.fleet.dispatcher) as client:
            handset.report_position(*device.home)
            incident_id = await order_sent(client, device)
            async with asyncio.timeout(PATIENCE_S):
                command_id = await handset.tasks.get()
            for each in STEPS[: STEPS.index(step)]:
                handset.report(command_id, each)
            handset.report(command_id, step)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            for each in STEPS[STEPS.index(step) + 1 :]:
                handset.report(command_id, each)
            async with watching(server.url, client) as feed:
                incident = (await client.get(f"/api/incidents/{incident_id}")).json()
                if incident["status"] != "closed":
                    await feed.wait_for_order(incident_id, "done", COMES_BACK_S_MAX)
            incident = (await client.get(f"/api/incidents/{incident_id}")).json()

    (order,) = incident["orders"]
    states = set(OrderState)  # a slow machine is reminded, which stands beside them
    reported = [
        event["state"] for event in order["events"] if event["applied"] and event["state"] in states
    ]
    assert (incident["status"], order["state"]) == ("closed", "done")
    assert reported == [
        "issued",
        "delivered",
        *("shown", "accepted", "en_route", "on_scene", "feedback", "done"),
    ]
    assert handset.task_count == 1
    logged = await pool.fetch(
        "SELECT kind FROM journal_entry WHERE subject = $1 ORDER BY id", f"order:{order['id']}"
    )
    kinds = [row["kind"].removeprefix("order.") for row in logged]
    assert [kind for kind in kinds if kind in states] == reported
