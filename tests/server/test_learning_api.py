"""Learned travel times over HTTP and into routing, on the whole server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import convert

from geo.driving.vehicles import Mode
from geo.roadmap import RoadMap
from server import learnedlines
from server.learnedroads import words
from server.learningdesk import NIGHTLY
from server.roadviews import LearnedLinesView, LearnedRoadView, LearningView
from tests.server.learning_rows import Drivers, server_that_is_told_to_learn
from tests.small_county import crossing
from tests.whole_server import WholeServer, whole_server


@pytest.fixture
async def drivers(pool: Any, small_map: RoadMap) -> Drivers:
    drivers = Drivers(pool, small_map)
    await drivers.enrol()
    return drivers


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


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def eta_s(server: WholeServer) -> float:
    """From one end of the trunk road to the other."""
    routing = server.services.routing
    (lon, lat), (to_lon, to_lat) = crossing(0, 1), crossing(6, 1)
    start, end = await routing.snap(lon, lat), await routing.snap(to_lon, to_lat)
    return float((await routing.etas([start], end))[0])


async def test_drives_change_etas_and_can_be_set_aside(
    server: WholeServer, drivers: Drivers
) -> None:
    modelled_s = await eta_s(server)
    desk = server.services.learning
    for _ in range(4):
        await drivers.drive(drivers.way(), slower=1.4)
    await server.services.learning.matcher.match_waiting()

    async with server.signed_in("supervisor") as client:
        made = await client.post("/api/learning/learn", json={"reason": "four slow drives"})
        assert made.status_code == 201
        version = made.json()["version"]
        assert await eta_s(server) > 1.1 * modelled_s

        view = convert((await client.get("/api/learning")).json(), LearningView)
        assert (view.drives, view.active, view.reason) == (4, version, "four slow drives")
        # Beside it, the one that a server makes which looks for drives just now.
        assert [each.version for each in view.versions if each.reason != NIGHTLY] == [version]

        answer = await client.get("/api/learning/roads", params={"ref": "g320"})
        road = convert(answer.json(), LearnedRoadView)
        assert (road.road, road.edge, road.version) == ("G320", None, version)
        driven = next(way for way in road.ways if way.drives)
        assert (driven.mode, driven.drives) == ("routine", 4)
        assert 10.0 < driven.slower_pct < 40.0
        assert driven.low_pct < driven.slower_pct < driven.high_pct
        assert driven.words["en"] == f"4 drives, {driven.slower_pct:.0f} % slower than modelled"

        body = {"version": None, "reason": "road works are over"}
        set_aside = await client.post("/api/learning/activate", json=body)
        assert set_aside.json()["active"] is None
        assert await eta_s(server) == modelled_s
        assert desk.versions.learned is None
        assert code(await client.post("/api/learning/activate", json=body)) == (409, "in_force")

        body["version"] = version
        assert (await client.post("/api/learning/activate", json=body)).json()["active"] == version
        assert await eta_s(server) > 1.1 * modelled_s


async def test_what_is_in_force_survives_a_restart(
    small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str, drivers: Drivers
) -> None:
    async def run(*, learn: bool) -> float:
        async with whole_server(
            map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
        ) as server:
            if learn:
                await server.services.learning.matcher.match_waiting()
                await server.services.learning.learn(by="user:wang", reason="one drive")
            return await eta_s(server)

    await drivers.drive(drivers.way(), slower=1.5)
    learned_s = await run(learn=True)

    assert await run(learn=False) == learned_s


async def test_a_road_is_asked_for_by_edge_or_number(server: WholeServer, drivers: Drivers) -> None:
    edge = int(drivers.way().arcs[2]) >> 1
    async with server.signed_in("dispatcher") as client:
        answer = await client.get("/api/learning/roads", params={"edge": edge})
        road = convert(answer.json(), LearnedRoadView)
        assert (road.road, road.edge, road.version) == ("G320", edge, None)
        assert [(way.direction, way.mode) for way in road.ways] == [
            (direction, mode.value) for direction in ("forward", "backward") for mode in Mode
        ]
        assert {way.words["zh"] for way in road.ways} == {"0 次行程，与模型一致"}

        wrong: list[tuple[dict[str, int | str], tuple[int, str]]] = [
            ({}, (400, "malformed")),
            ({"edge": edge, "ref": "G320"}, (400, "malformed")),
            ({"edge": 10_000_000}, (404, "not_found")),
            ({"ref": "Z9"}, (404, "not_found")),
        ]
        for asked, refusal in wrong:
            assert code(await client.get("/api/learning/roads", params=asked)) == refusal


async def test_wrong_wishes_are_refused(server: WholeServer) -> None:
    async with server.signed_in("admin") as client:
        for path, body, refusal in (
            ("learn", {"reason": "now"}, (409, "no_drives")),
            ("learn", {"reason": ""}, (422, "no_reason")),
            ("activate", {"version": 5, "reason": "try"}, (404, "not_found")),
            ("activate", {"version": 0, "reason": "try"}, (400, "malformed")),
            ("activate", {"reason": "try"}, (400, "malformed")),
        ):
            answer = await client.post(f"/api/learning/{path}", json=body)
            assert code(answer) == refusal


@pytest.mark.parametrize(
    ("drives", "pct", "english", "chinese"),
    [
        (14, 12.2, "14 drives, 12 % slower than modelled", "14 次行程，比模型慢 12%"),
        (1, -7.6, "1 drive, 8 % quicker than modelled", "1 次行程，比模型快 8%"),
        (2, 0.4, "2 drives, as modelled", "2 次行程，与模型一致"),
    ],
)
def test_a_road_in_words(drives: int, pct: float, english: str, chinese: str) -> None:
    assert words(drives, pct) == {"en": english, "zh": chinese}


WHOLE = {"west": "99", "south": "26", "east": "102", "north": "29"}


async def test_driven_roads_are_drawn_with_how_far_off_the_model_they_are(
    server: WholeServer, drivers: Drivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = drivers.way()
    async with server.signed_in("supervisor") as client:

        async def lines(**changed: str) -> LearnedLinesView:
            answer = await client.get("/api/learning/lines", params=WHOLE | changed)
            return convert(answer.json(), LearnedLinesView)

        assert await lines() == LearnedLinesView(version=None, left_out=0, lines=[])

        for _ in range(4):
            await drivers.drive(way, slower=1.4)
        await server.services.learning.matcher.match_waiting()
        await client.post("/api/learning/learn", json={"reason": "four slow drives"})
        found = await lines()

        over = [arc >> 1 for arc in way.arcs.tolist()]  # of its ends, a part alone was driven
        assert {*over[1:-1]} <= {each.edge for each in found.lines} <= {*over}
        middle = int(way.arcs[2])
        line = next(each for each in found.lines if each.edge == middle >> 1)
        driven, other = (
            (line.backward, line.forward) if middle & 1 else (line.forward, line.backward)
        )
        assert other is None
        assert driven is not None
        assert driven.drives == 4
        assert driven.low_pct < driven.slower_pct < driven.high_pct
        assert driven.slower_pct > 10.0
        answer = await client.get("/api/learning/roads", params={"edge": line.edge})
        road = convert(answer.json(), LearnedRoadView)
        same = next(each for each in road.ways if each.drives)
        assert (same.slower_pct, same.low_pct, same.high_pct) == pytest.approx(
            (driven.slower_pct, driven.low_pct, driven.high_pct), abs=0.1
        )
        assert same.kmh is not None
        assert same.model_kmh is not None
        assert same.model_kmh / same.kmh == pytest.approx(1 + driven.slower_pct / 100, abs=0.02)

        assert (await lines(mode="urgent")).lines == []
        assert (await lines(west="101.9")).lines == []
        straighter = await lines(tolerance_m="500")
        points = [sum(len(each.coordinates) for each in one.lines) for one in (found, straighter)]
        assert points[1] < points[0]

        monkeypatch.setattr(learnedlines, "POINTS_MAX", points[0] - 1)
        cut = await lines()
        assert len(cut.lines) + cut.left_out == len(found.lines)
        assert cut.left_out > 0

        wrong = await client.get("/api/learning/lines", params=WHOLE | {"west": "here"})
        assert code(wrong) == (400, "malformed")
