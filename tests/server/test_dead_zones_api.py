"""Dead zones over HTTP on the whole server: from drives to the map, to a verdict, to a warning."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import convert

from geo.linear import point_at
from geo.radio.evidence import PASSAGES_MIN
from geo.roadmap import RoadMap
from server.zoneviews import DeadZonesView, LearnedZonesView
from tests.server.learning_rows import Drivers, server_that_is_told_to_learn
from tests.whole_server import WholeServer

GORGE = (0.35, 0.65)


@pytest.fixture
async def server(
    small_map_dir: Path,
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[WholeServer]:
    async with server_that_is_told_to_learn(
        monkeypatch,
        map_dir=small_map_dir,
        data_dir=tmp_path,
        database_url=database_url,
        redis_url=redis_url,
    ) as server:
        yield server


@pytest.fixture
async def drivers(server: WholeServer, pool: Any, small_map: RoadMap) -> Drivers:
    """Drives through a gorge, matched."""
    drivers = Drivers(pool, small_map)
    await drivers.enrol()
    now = datetime.now(UTC)
    await drivers.stand_by("witness", now - timedelta(hours=2), now - timedelta(hours=1))
    for _ in range(PASSAGES_MIN):
        await drivers.drive(drivers.way(), silent=GORGE)
    await server.services.learning.matcher.match_waiting()
    return drivers


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_zones_are_learned_shown_warned_of_and_judged(
    server: WholeServer, drivers: Drivers
) -> None:
    async with server.signed_in("supervisor") as client:
        learned = await client.post("/api/dead-zones/learn", json={"reason": "first"})
        assert learned.status_code == 201

        shown = convert((await client.get("/api/dead-zones")).json(), DeadZonesView)
        (zone,) = shown.features
        known = zone.properties
        assert (known.standing, known.passages, known.silences) == ("learned", 3, 3)
        assert known.place["en"].startswith("G320 km ")
        assert [door.place["zh"].endswith("公里") for door in known.doors] == [True, True]
        assert sum(map(len, zone.geometry.coordinates)) > 4

        way = drivers.way()
        ends = [(leg.edge, leg.start) for leg in way.legs[:1]] + [
            (leg.edge, leg.end) for leg in way.legs[-1:]
        ]
        assert len(server.services.dead_zones.picture.ahead(await _route(server, ends))) == 1

        verdict = {"zone": zone.id, "verdict": "dismissed", "reason": "a mast was built"}
        judged = await client.post("/api/dead-zones/verdicts", json=verdict)
        assert judged.status_code == 201
        assert judged.json()["features"][0]["properties"]["standing"] == "dismissed"
        assert server.services.dead_zones.picture.ahead(await _route(server, ends)) == []

        found = convert((await client.get("/api/dead-zones/versions")).json(), LearnedZonesView)
        assert (found.active, len(found.versions)) == (learned.json()["version"], 1)
        nothing = {"version": None, "reason": "start again"}
        assert (await client.post("/api/dead-zones/activate", json=nothing)).json()[
            "active"
        ] is None


async def _route(server: WholeServer, ends: list[tuple[int, float]]) -> Any:
    routing, roadmap = server.services.routing, server.services.roadmap
    snaps = [await routing.snap(*point_at(roadmap, *end)) for end in ends]
    return await routing.route(*snaps)


async def test_a_dispatcher_looks_and_does_not_judge(server: WholeServer) -> None:
    async with server.signed_in("dispatcher") as client:
        assert (await client.get("/api/dead-zones")).json() == {
            "type": "FeatureCollection",
            "version": None,
            "features": [],
        }
        verdict = {"zone": 1, "verdict": "confirmed", "reason": "known"}
        refused = await client.post("/api/dead-zones/verdicts", json=verdict)

    assert code(refused) == (403, "forbidden")


async def test_what_cannot_be_done_is_said(server: WholeServer) -> None:
    verdict = {"zone": 1, "verdict": "confirmed", "reason": "known"}
    asked: list[tuple[str, dict[str, Any], tuple[int, str]]] = [
        ("verdicts", verdict, (404, "not_found")),
        ("verdicts", verdict | {"verdict": "maybe"}, (400, "malformed")),
        ("verdicts", verdict | {"zone": -1}, (400, "malformed")),
        ("activate", {"version": 7, "reason": "x"}, (404, "not_found")),
        ("learn", {"reason": "x"}, (409, "no_drives")),
        ("learn", {"reason": " "}, (422, "no_reason")),
    ]

    async with server.signed_in("supervisor") as client:
        for path, body, wanted in asked:
            assert code(await client.post(f"/api/dead-zones/{path}", json=body)) == wanted
