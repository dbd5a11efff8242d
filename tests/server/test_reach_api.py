"""Isochrones and coverage over HTTP: real roads, real stations, units where they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
import shapely

from geo.basemap.tiles import TileMaker
from geo.eta import Spreads
from geo.ground import Ground
from geo.live.extent import Pick, Picks, Zone
from geo.places import PlaceIndex
from geo.reach.coverage import SETTLEMENTS, cover, villages_of
from geo.reach.times import SOURCES_MAX, Reach
from geo.roadmap import RoadMap
from geo.snap import SnapIndex
from server import reachdesk
from server.dispatch.travel import Terms, Traveller
from server.ids import new_id
from server.reachdesk import PIECE_LEN, WAITING_MAX, WORK_MAX, ReachDesk
from server.roaddesk import NewCondition, NewRoadState
from server.routing import RoutingBusy, RoutingService
from server.stores import roster
from server.stores.roadstate import STATES
from server.stores.units import load_units
from tests.patience import PATIENCE_S
from tests.server.api_room import Api, an_api
from tests.small_county import crossing


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


@pytest.fixture
async def dispatcher(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.signed_in("dispatcher") as client:
        yield client


async def add_stations(api: Api, small_map: RoadMap) -> list[str]:
    """The map's own stations, and one that no road reaches; ids by name."""
    found = [place for place in small_map.places if place.kind == "station"]
    places_of = [(each.name, each.lon, each.lat) for each in found]
    west, south, *_ = small_map.meta.bounds
    ids = []
    async with api.room.pool.acquire() as conn:
        for name, lon, lat in sorted([*places_of, ("远站", west - 3.0, south)]):
            ids.append(new_id())
            assert await roster.add_station(conn, station_id=ids[-1], name=name, lon=lon, lat=lat)
    return ids


def polygons(answer: dict[str, Any]) -> list[shapely.MultiPolygon]:
    return [
        shapely.MultiPolygon([(outer, holes) for outer, *holes in each["geometry"]["coordinates"]])
        for each in answer["features"]
    ]


async def test_isochrones_of_a_unit(api: Api, dispatcher: httpx.AsyncClient) -> None:
    unit = await api.room.add_unit("P-01", crossing(3, 2))

    answer = (
        await dispatcher.get("/api/isochrone", params={"unit": unit.id, "minutes": "2,5,12"})
    ).json()

    assert answer["sources"][0]["name"] == "P-01"
    assert [each["properties"]["minutes"] for each in answer["features"]] == [2, 5, 12]
    small, middle, large = polygons(answer)
    at = shapely.Point(crossing(3, 2))
    assert small.contains(at)
    assert small.area < middle.area < large.area
    assert large.buffer(0.0005).contains(middle)


async def test_isochrones_where_nine_in_ten_arrive_are_smaller(
    api: Api,
    dispatcher: httpx.AsyncClient,
) -> None:
    lon, lat = crossing(3, 2)
    asked = f"/api/isochrone?lon={lon}&lat={lat}&minutes=8"

    median = (await dispatcher.get(asked)).json()
    sure = (await dispatcher.get(f"{asked}&share=0.9")).json()

    assert (
        sure["features"][0]["properties"]["area_km2"]
        < (median["features"][0]["properties"]["area_km2"])
    )


async def test_isochrones_of_all_stations_and_of_one(
    api: Api,
    dispatcher: httpx.AsyncClient,
    small_map: RoadMap,
) -> None:
    ids = await add_stations(api, small_map)

    both = (await dispatcher.get("/api/isochrone?from=stations&minutes=3")).json()
    alone = [
        (await dispatcher.get("/api/isochrone", params={"station": each, "minutes": "3"}))
        for each in ids
    ]

    assert len(both["sources"]) == 2
    assert sorted(each.status_code for each in alone) == [200, 200, 404]
    singles = [polygons(each.json())[0] for each in alone if each.status_code == 200]
    (together,) = polygons(both)
    joined = shapely.union_all(singles)
    assert together.symmetric_difference(joined).area < 0.05 * joined.area


async def test_coverage_from_stations_is_that_of_the_ground(
    api: Api,
    dispatcher: httpx.AsyncClient,
    small_map: RoadMap,
) -> None:
    await add_stations(api, small_map)
    ground = Ground(small_map, engine="scipy")
    stations = [each for each in small_map.places if each.kind == "station"]
    sources = [ground.snap(each.lon, each.lat) for each in stations]
    villages = villages_of(small_map, ground.approach)

    answer = (await dispatcher.get("/api/coverage?from=stations&minutes=6")).json()

    expected = cover(ground, Spreads(small_map), villages, sources, 360.0)
    assert answer["villages"]["total"] == len(villages)
    assert answer["villages"]["covered"] == expected.villages.covered
    assert answer["people"]["covered"] == expected.people.covered
    assert answer["people"]["total"] == sum(each.place.population for each in villages)
    assert 0 < answer["villages"]["covered"] < len(villages)
    by_name = {each["properties"]["name"]: each["properties"] for each in answer["features"]}
    assert {each["kind"] for each in by_name.values()} <= SETTLEMENTS
    worst = answer["worst"][0]
    assert worst["units_in_time"] == 0
    assert worst["p90_s"] == max(each["p90_s"] for each in by_name.values())


async def test_coverage_by_units_counts_those_on_duty_or_free(
    api: Api,
    dispatcher: httpx.AsyncClient,
) -> None:
    room = api.room
    busy = await room.add_unit("P-01", crossing(3, 2))
    await room.add_unit("P-02", crossing(2, 1))
    await room.add_unit("P-03", crossing(4, 2), on_duty=False)
    await room.add_unit("P-04", None)
    await room.send(await room.open(), busy)
    async with room.pool.acquire() as conn:
        (row,) = await load_units(conn, busy.id)
    room.live.put(row, crossing(3, 2))

    on_duty = (await dispatcher.get("/api/coverage?from=units")).json()
    free = (await dispatcher.get("/api/coverage?from=available")).json()

    assert [each["name"] for each in on_duty["sources"]] == ["P-01", "P-02"]
    assert [each["name"] for each in free["sources"]] == ["P-02"]
    assert on_duty["villages"]["covered_twice"] > 0
    assert free["villages"]["covered_twice"] == 0
    assert free["minutes"] == 30


async def test_without_any_source_nothing_is_covered(
    api: Api,
    dispatcher: httpx.AsyncClient,
) -> None:
    answer = (await dispatcher.get("/api/coverage?from=units")).json()

    assert answer["sources"] == []
    assert answer["villages"]["covered"] == 0
    assert answer["villages"]["total"] > 0
    assert len(answer["worst"]) == answer["villages"]["total"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/isochrone", 400, "malformed"),
        ("/api/isochrone?lon=100.26", 400, "malformed"),
        ("/api/isochrone?lon=100.26&lat=27.54&minutes=a", 400, "malformed"),
        ("/api/isochrone?lon=100.26&lat=27.54&minutes=nan", 400, "malformed"),
        ("/api/isochrone?lon=100.26&lat=27.54&minutes=1,2,3,4,5,6,7,8,9", 400, "malformed"),
        ("/api/isochrone?lon=100.26&lat=27.54&minutes=-3", 422, "impossible"),
        ("/api/isochrone?lon=100.26&lat=27.54&minutes=9999", 422, "impossible"),
        ("/api/isochrone?lon=100.26&lat=27.54&share=1", 400, "malformed"),
        ("/api/isochrone?lon=100.26,3&lat=27.54", 400, "malformed"),
        ("/api/isochrone?lon=0&lat=0", 422, "no_road"),
        ("/api/isochrone?unit=nobody", 404, "not_found"),
        ("/api/isochrone?station=nobody", 404, "not_found"),
        ("/api/isochrone?from=nobody", 400, "malformed"),
        ("/api/isochrone?from=units", 422, "impossible"),
        ("/api/isochrone?lon=100.26&lat=27.54&vehicle=tank", 400, "malformed"),
        ("/api/isochrone?lon=100.26&lat=27.54&mode=fast", 400, "malformed"),
        ("/api/isochrone?lon=100.26&lat=27.54&condition=hail", 400, "malformed"),
        ("/api/isochrone?lon=100.26&lat=27.54&depart=noon", 400, "malformed"),
        ("/api/isochrone?lon=100.26&lat=27.54&depart=2026-01-31T21:30:00", 400, "malformed"),
        ("/api/coverage?vehicle=tank", 400, "malformed"),
        ("/api/coverage?from=nobody", 400, "malformed"),
        ("/api/coverage?minutes=", 200, None),
        ("/api/coverage?minutes=1,2", 400, "malformed"),
        ("/api/coverage?minutes=0", 422, "impossible"),
        ("/api/coverage?minutes=1e9", 422, "impossible"),
    ],
)
async def test_refusals_say_what_is_wrong(
    dispatcher: httpx.AsyncClient, path: str, status: int, code: str | None
) -> None:
    answer = await dispatcher.get(path)

    assert answer.status_code == status
    if code is not None:
        assert answer.json()["error"]["code"] == code
        assert answer.json()["error"]["message"].endswith(".")


async def test_a_unit_without_a_position_is_refused(
    api: Api,
    dispatcher: httpx.AsyncClient,
) -> None:
    unit = await api.room.add_unit("P-01", None)

    answer = await dispatcher.get("/api/isochrone", params={"unit": unit.id})

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "no_position"


# -- who drives, how, in what weather --------------------------------------------------------


async def area_km2(dispatcher: httpx.AsyncClient, **asked: str) -> float:
    lon, lat = crossing(3, 2)
    place = {"lon": str(lon), "lat": str(lat)} if "unit" not in asked else {}
    answer = await dispatcher.get("/api/isochrone", params={"minutes": "4"} | place | asked)
    assert answer.status_code == 200, answer.text
    return float(answer.json()["features"][0]["properties"]["area_km2"])


async def test_vehicle_mode_condition_and_departure_are_those_asked_for(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    await api.room.road_desk.catch_up()
    plain = await area_km2(dispatcher)

    on_foot = await area_km2(dispatcher, vehicle="foot")
    urgent = await area_km2(dispatcher, mode="urgent")
    snow = await area_km2(dispatcher, condition="snow")
    by_day = await area_km2(dispatcher, depart="2026-01-31T13:00:00+08:00")
    by_night = await area_km2(dispatcher, depart="2026-01-31T01:00:00+08:00")

    assert on_foot < snow < plain < urgent
    assert by_night < by_day == plain


async def test_a_unit_is_asked_about_as_it_drives(api: Api, dispatcher: httpx.AsyncClient) -> None:
    walker = await api.room.add_unit("P-01", crossing(3, 2), kind="foot")

    own = await area_km2(dispatcher, unit=walker.id)
    in_a_car = await area_km2(dispatcher, unit=walker.id, vehicle="patrol_car")
    answer = await dispatcher.get(f"/api/isochrone?unit={walker.id}&minutes=4&mode=urgent")

    assert own == await area_km2(dispatcher, vehicle="foot")
    assert own < in_a_car
    about = answer.json()
    assert about["sources"][0]["vehicle"] == "foot"
    assert (about["vehicle"], about["mode"], about["condition"]) == (None, "urgent", "dry")


async def test_units_of_several_kinds_each_reach_as_far_as_they_get(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    car = await api.room.add_unit("P-01", crossing(1, 1))
    walker = await api.room.add_unit("P-02", crossing(4, 3), kind="foot")

    together = (await dispatcher.get("/api/isochrone?from=units&minutes=4")).json()
    alone = [
        (await dispatcher.get(f"/api/isochrone?unit={each.id}&minutes=4")).json()
        for each in (car, walker)
    ]

    joined = shapely.union_all([polygons(each)[0] for each in alone])
    assert polygons(together)[0].symmetric_difference(joined).area < 0.05 * joined.area


async def test_a_road_closed_anywhere_counts_in_the_next_answer(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    room = api.room
    before = await area_km2(dispatcher)
    from_1, from_2 = (crossing(*each) for each in ((3, 2), (2, 2)))
    middle = [(one + other) / 2.0 for one, other in zip(from_1, from_2, strict=True)]
    edge = room.routing.snap(*middle)
    pick = Picks(edges=(Pick(edge=(await edge).edge),))

    row, _ = await room.road_desk.set_state(
        NewRoadState(request_id=new_id(), state="closed", where=pick, reason="rockfall"), by="t"
    )
    closed = await area_km2(dispatcher)
    await room.road_desk.end(STATES, row.id, reason="cleared", by="t")

    assert closed < before
    assert await area_km2(dispatcher) == before


async def test_another_weather_is_assumed_everywhere_whatever_holds_in_some_area(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    room = api.room
    rain = await area_km2(dispatcher, condition="rain")
    west, south, east, north = room.roadmap.meta.bounds
    zone = Zone(corners=((west, south), (east, south), (east, north), (west, north)))
    dry = await area_km2(dispatcher)

    laid = asyncio.Event()
    room.roads.on_change(lambda: laid.set() if "snow" in room.routing.roads.conditions else None)
    await room.road_desk.set_condition(
        NewCondition(request_id=new_id(), condition="snow", zone=zone, reason="cold"), by="t"
    )
    task = asyncio.create_task(room.roads.run())
    await asyncio.wait_for(laid.wait(), PATIENCE_S)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert await area_km2(dispatcher) < rain
    assert await area_km2(dispatcher, condition="rain") == rain
    assert await area_km2(dispatcher, condition="dry") == dry


async def test_coverage_by_walkers_in_snow_is_less(api: Api, dispatcher: httpx.AsyncClient) -> None:
    await api.room.add_unit("P-01", crossing(3, 2))
    asked = "/api/coverage?from=units&minutes=12"

    own, urgent, walking = [
        (await dispatcher.get(asked + more)).json()["villages"]["covered"]
        for more in ("", "&mode=urgent", "&vehicle=foot&condition=snow")
    ]

    assert walking < own <= urgent


# -- the desk itself ------------------------------------------------------------------------


class SlowRouter(RoutingService):
    """Holds every reach back until the gate opens."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(lambda: ground)
        self.gate = asyncio.Event()
        self.pieces: list[int] = []

    async def reach(
        self, travellers: Sequence[Traveller], limit_s: float, terms: Terms
    ) -> list[Reach]:
        self.pieces.append(len(travellers))
        await self.gate.wait()
        return await super().reach(travellers, limit_s, terms)


async def test_too_many_maps_of_reach_at_once_are_refused(small_map: RoadMap) -> None:
    router, desk, source = a_desk(small_map)
    asked = [
        asyncio.create_task(desk.bands([source], [60.0], Terms(), share=0.5))
        for _ in range(WORK_MAX + WAITING_MAX)
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    with pytest.raises(RoutingBusy):
        await desk.bands([source], [60.0], Terms(), share=0.5)
    under_way = len(router.pieces)
    router.gate.set()
    found = await asyncio.gather(*asked)
    await router.close()

    assert under_way == WORK_MAX
    assert len(found) == WORK_MAX + WAITING_MAX


async def test_many_sources_are_followed_in_pieces(small_map: RoadMap) -> None:
    router, desk, source = a_desk(small_map)
    router.gate.set()

    (many,) = await desk.bands([source] * (2 * PIECE_LEN + 1), [120.0], Terms(), share=0.5)
    (one,) = await desk.bands([source], [120.0], Terms(), share=0.5)
    with pytest.raises(ValueError, match="places to start from"):
        await desk.bands([source] * (SOURCES_MAX + 1), [120.0], Terms(), share=0.5)
    await router.close()

    assert router.pieces[:3] == [PIECE_LEN, PIECE_LEN, 1]
    assert many.area.equals(one.area)


def a_desk(small_map: RoadMap) -> tuple[SlowRouter, ReachDesk, Traveller]:
    ground = Ground(small_map, engine="scipy")
    router = SlowRouter(ground)
    desk = reachdesk.ReachDesk(router=router, roadmap=small_map, index=SnapIndex(small_map))
    return router, desk, Traveller(snap=ground.snap(*crossing(3, 2)))
