"""Cover over HTTP, on the whole server: who would leave whom, and where units may wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server import coverwatch
from server.http.devices_admin import NewStation, add_station
from server.ids import new_id
from server.stores import standby
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.small_county import SOUTH, WEST, crossing
from tests.whole_server import WholeServer, whole_server

LON, LAT = crossing(4, 2)
MEADOW = WEST + 0.002, SOUTH + 0.002
"""Nearly 2 km from any road."""


@pytest.fixture
async def server(
    small_map_dir: Path,
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[WholeServer]:
    """Looks at cover again and again."""
    monkeypatch.setattr(coverwatch, "LOOK_S", 0.05)
    async with whole_server(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    ) as server:
        yield server


async def add(client: httpx.AsyncClient, **changed: Any) -> httpx.Response:
    return await client.post(
        "/api/standby-points", json={"name": "Pass road", "lon": LON, "lat": LAT} | changed
    )


async def cover(client: httpx.AsyncClient, *posts: str) -> dict[str, Any]:
    """As soon as a look has seen these posts."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            seen: dict[str, Any] = (await client.get("/api/cover")).raise_for_status().json()
            if {each["name"] for each in seen["posts"]} == set(posts):
                return seen
            await asyncio.sleep(0.02)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_supervisor_adds_a_place_to_wait_and_it_is_a_post(
    server: WholeServer, pool: Pool
) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await add_station(conn, NewStation(name="North", lon=LON, lat=LAT), by="system")

    async with server.signed_in("supervisor") as client:
        point = (await add(client)).raise_for_status().json()
        seen = await cover(client, "North", "Pass road")
        again = refusal(await add(client))
        gone = await client.post(f"/api/standby-points/{point['id']}/retire")
        after = (await client.get("/api/standby-points")).raise_for_status().json()
        twice = refusal(await client.post(f"/api/standby-points/{point['id']}/retire"))

    assert [(each["name"], each["kind"]) for each in seen["posts"]] == [
        ("North", "station"),
        ("Pass road", "standby"),
    ]
    assert (seen["covered"], seen["left"], seen["move_ups"]) == (0.0, [], [])
    assert again == (409, "exists")
    assert (gone.status_code, after, twice) == (204, [], (404, "not_found"))
    assert [
        (row["kind"], row["body"]["name"])
        for row in await pool.fetch(
            "SELECT kind, body FROM journal_entry WHERE kind LIKE 'standby_point.%' ORDER BY id"
        )
    ] == [("standby_point.added", "Pass road"), ("standby_point.retired", "Pass road")]


async def test_a_place_that_nobody_can_drive_to_is_no_post(server: WholeServer) -> None:
    async with server.signed_in("supervisor") as client:
        off_map = refusal(await add(client, lon=LON - 20.0))
        blank = refusal(await add(client, name="  "))
        nowhere = refusal(await add(client, lat=91.0))
        meadow = refusal(await add(client, **dict(zip(("lon", "lat"), MEADOW, strict=True))))

    assert (off_map, blank[0], nowhere[0]) == ((422, "off_map"), 400, 400)
    assert meadow == (422, "no_road")


async def test_there_are_only_so_many_standby_points(
    server: WholeServer, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.coverdesk.POINTS_LEN_MAX", 1)
    async with server.signed_in("supervisor") as client:
        (await add(client)).raise_for_status()
        full = refusal(await add(client, name="Bridge"))

    assert full == (409, "too_many")
    assert len(await standby.load_all(pool)) == 1


async def test_an_unknown_standby_point_is_not_found(server: WholeServer) -> None:
    async with server.signed_in("supervisor") as client:
        for point_id in (new_id(), "pass-road"):
            answer = await client.post(f"/api/standby-points/{point_id}/retire")
            assert refusal(answer) == (404, "not_found")
