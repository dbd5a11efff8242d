"""Two servers of one county, each a process of its own, over one PostgreSQL and one Valkey."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from geo.ground import Ground
from geo.roadmap import RoadMap
from server import demo
from server.stores.pool import Pool
from tests.console_feed import watching
from tests.field_people import Handset, dispatcher, posted
from tests.quick_passwords import QUICK
from tests.server_process import START_S_MAX, ServerProcess, running
from tests.small_county import crossing

SCENE = crossing(5, 3)


async def recommended(client: httpx.AsyncClient, incident_id: str) -> dict[str, Any]:
    """The first unit with what the roads were."""
    found = await posted(client, f"/api/incidents/{incident_id}/recommendation")
    return {"eta_s": found["candidates"][0]["eta_s"], "road_version": found["road_version"]}


async def test_what_one_closes_the_next_answer_of_the_other_heeds(
    database_url: str,
    redis_url: str,
    pool: Pool,
    small_map: RoadMap,
    small_map_dir: Path,
    tmp_path: Path,
) -> None:
    seeded = await demo.seed(pool, small_map, units=1, hasher=QUICK)
    device = next(each for each in seeded.fleet.devices if each.kind == "handset")
    ground = Ground(small_map, engine="scipy")
    legs = ground.route(ground.snap(*device.home), ground.snap(*SCENE)).legs
    edge = legs[len(legs) // 2].edge
    one, other = (
        ServerProcess(
            map_dir=small_map_dir, data_dir=folder, database_url=database_url, redis_url=redis_url
        )
        for folder in (tmp_path / "one", tmp_path / "other")
    )
    login = seeded.fleet.dispatcher
    for name in ("one", "other"):
        (tmp_path / name).mkdir()

    async with asyncio.timeout(3 * START_S_MAX):
        with running(one), running(other):
            handset = Handset(one, device, tmp_path)
            async with (
                handset.on(),
                dispatcher(one.url, login) as here,
                dispatcher(other.url, login) as there,
                watching(other.url, there) as feed,
            ):
                handset.report_position(*device.home)
                await feed.wait_for_positions(1)
                lon, lat = SCENE
                incident = await posted(
                    there,
                    "/api/incidents",
                    request_id="one",
                    type="traffic_collision",
                    priority="priority",
                    note="",
                    lon=lon,
                    lat=lat,
                )
                found = [await recommended(there, incident["id"])]
                for number in range(3):
                    closed = await posted(
                        here,
                        "/api/roads/state",
                        request_id=f"closure-{number}",
                        state="closed",
                        extent={"kind": "edges", "edges": [{"edge": edge}]},
                        map_id=small_map.meta.map_id,
                        reason="rockfall",
                    )
                    found.append(await recommended(there, incident["id"]))
                    await posted(here, f"/api/roads/state/{closed['id']}/end", reason="cleared")
                    found.append(await recommended(there, incident["id"]))

    open_s, closed_s = found[0]["eta_s"], found[1]["eta_s"]
    assert closed_s > open_s + 10.0
    assert [each["eta_s"] for each in found] == [open_s, *[closed_s, open_s] * 3]
    assert [each["road_version"] for each in found] == list(range(7))
