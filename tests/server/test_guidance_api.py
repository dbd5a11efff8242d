"""The way to the scene for an order: whose it is, what it says, what it minds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from geo.basemap.tiles import TileMaker
from geo.driving.vehicles import Mode
from geo.live.extent import Coverage
from geo.live.roadstate import RoadChange, RoadTable
from geo.places import PlaceIndex
from geo.radio.pieces import PIECE_M
from geo.roadmap import RoadMap
from server.ids import new_id
from server.ports import LiveRoads
from server.stores import deadzones
from tests.server.api_room import Api, an_api
from tests.small_county import crossing

FROM, SCENE = crossing(1, 1), crossing(4, 3)
GORGE_M = 800.0


@pytest.fixture(scope="module")
def tiles(small_map: RoadMap) -> TileMaker:
    return TileMaker(small_map)


@pytest.fixture(scope="module")
def places(small_map: RoadMap) -> PlaceIndex:
    return PlaceIndex(small_map)


@pytest.fixture
async def api(
    pool: Any, small_map: RoadMap, tiles: TileMaker, places: PlaceIndex
) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, tiles, places) as api:
        yield api


async def an_order(api: Api, at: tuple[float, float] | None = FROM) -> str:
    """P-01 is sent from FROM to SCENE; the order's id."""
    unit = await api.room.add_unit("P-01", FROM)
    lon, lat = SCENE
    (order,) = await api.room.send(await api.room.open(lon=lon, lat=lat), unit)
    if at is None:
        api.room.live.put(unit, None)
    return order.id


async def test_the_way_is_told_turn_by_turn_in_both_languages(api: Api) -> None:
    order_id = await an_order(api)

    async with api.signed_in("officer", badge="B-P-01") as officer:
        answer = await officer.get(f"/api/orders/{order_id}/route")

    way = answer.json()
    assert answer.status_code == 200
    assert way["order_id"] == order_id
    assert way["steps"][0]["maneuver"] == "depart"
    assert way["steps"][-1]["maneuver"] == "arrive"
    assert sum(each["distance_m"] for each in way["steps"]) == pytest.approx(
        way["distance_m"], abs=1
    )
    assert "G320 Valley Road" in way["steps"][0]["text"]["en"]
    assert "G320 Valley Road" in way["steps"][0]["text"]["zh"]
    assert any(each["maneuver"] == "turn" for each in way["steps"])
    assert way["steps"][0]["act"]["en"] == "Head east on G320 Valley Road"
    assert way["map_id"] == api.room.roadmap.meta.map_id
    assert way["line"][0] == pytest.approx([*FROM, 0], abs=1e-3)
    assert way["line"][-1][2] == pytest.approx(way["distance_m"], abs=1)
    along = {at_m: (lon, lat) for lon, lat, at_m in way["line"]}
    for step in way["steps"]:
        nearest = min(along, key=lambda at_m: abs(at_m - step["at_m"]))
        assert along[nearest] == pytest.approx((step["lon"], step["lat"]), abs=5e-4)


def with_closed(roadmap: RoadMap, *edges: int) -> LiveRoads:
    """Each of these edges closed by itself."""
    arcs = [np.array([2 * edge, 2 * edge + 1]) for edge in edges]
    coverages = [Coverage(arcs=each, share=np.ones(2)) for each in arcs]
    changes = [RoadChange(coverage=each, factor=None) for each in coverages]
    weather = np.ones(2 * roadmap.edge_count, dtype=np.float32)
    return LiveRoads(version=1, table=RoadTable(changes, weather))


async def test_a_closed_road_on_the_way_is_driven_round_and_named(api: Api) -> None:
    order_id = await an_order(api)
    async with api.signed_in("dispatcher") as dispatcher:
        before = (await dispatcher.get(f"/api/orders/{order_id}/route")).json()
        routing = api.room.routing
        way = await routing.route(await routing.snap(*FROM), await routing.snap(*SCENE))
        middle = way.legs[len(way.legs) // 2].edge
        await routing.set_roads(with_closed(api.room.roadmap, middle))

        after = (await dispatcher.get(f"/api/orders/{order_id}/route")).json()

    hazards = [each["hazard"] for step in after["steps"] for each in step["cautions"]]
    assert after["duration_s"] > before["duration_s"]
    assert hazards.count("closure_beside") >= 1
    assert (before["closed"], len(after["closed"])) == ([], 1)


async def test_an_officer_of_another_unit_does_not_see_it(api: Api) -> None:
    order_id = await an_order(api)
    await api.room.add_unit("P-02", FROM)

    async with api.signed_in("officer", badge="B-P-02") as other:
        foreign = await other.get(f"/api/orders/{order_id}/route")
        missing = await other.get(f"/api/orders/{new_id()}/route")

    assert foreign.status_code == missing.status_code == 404
    assert foreign.json() == missing.json()


async def test_without_a_position_there_is_no_way(api: Api) -> None:
    order_id = await an_order(api, at=None)

    async with api.signed_in("dispatcher") as dispatcher:
        answer = await dispatcher.get(f"/api/orders/{order_id}/route")

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "no_position"


async def test_a_scene_no_road_reaches_is_said(api: Api, small_map: RoadMap) -> None:
    order_id = await an_order(api)
    place = await api.room.routing.approach(*SCENE, Mode.ROUTINE)
    stops = [each.snap.edge for each in place.drop_offs]
    nodes = {*small_map.edge_tail[stops].tolist(), *small_map.edge_head[stops].tolist()}
    around = [
        edge
        for edge in range(small_map.edge_count)
        if {int(small_map.edge_tail[edge]), int(small_map.edge_head[edge])} & nodes
    ]
    await api.room.routing.set_roads(with_closed(small_map, *around))

    async with api.signed_in("dispatcher") as dispatcher:
        answer = await dispatcher.get(f"/api/orders/{order_id}/route")

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "no_road"


async def test_where_radio_ends_is_told_on_the_step_before(api: Api) -> None:
    order_id = await an_order(api)
    await _confirm_gorge(api)

    async with api.signed_in("officer", badge="B-P-01") as officer:
        way = (await officer.get(f"/api/orders/{order_id}/route")).json()

    (found,) = [
        each for step in way["steps"] for each in step["cautions"] if each["hazard"] == "dead_zone"
    ]
    assert found["length_m"] == pytest.approx(GORGE_M, abs=2 * PIECE_M)
    assert 0 < found["at_s"] < found["at_s"] + found["duration_s"] <= way["duration_s"]
    assert "no radio signal" in found["text"]["en"]
    assert "无信号" in found["text"]["zh"]


async def _confirm_gorge(api: Api) -> None:
    """A person says that there is no radio on the trunk road around the crossing after FROM."""
    room, (lon, lat) = api.room, crossing(2, 1)
    ends = [await room.routing.snap(lon + by, lat) for by in (-0.004, 0.004)]
    route = await room.routing.route(*ends)
    pieces = api.zones.picture.pieces
    found: set[int] = set()
    for arc, start, end in zip(
        route.legs.arc.tolist(), route.legs.start.tolist(), route.legs.end.tolist(), strict=True
    ):
        shares = (1.0 - start, 1.0 - end) if arc & 1 else (start, end)
        found |= {each >> 1 for each in pieces.along(arc, *shares)[0].tolist()}
    async with room.pool.acquire() as conn:
        await deadzones.insert_verdict(
            conn,
            "confirmed",
            sorted(found),
            map_id=room.roadmap.meta.map_id,
            at=room.now,
            by="user:wang",
            reason="known",
        )
    await api.zones.catch_up()
