"""What the map's tools ask for: where a unit was lately, how long it takes from here to there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from msgspec import convert

from geo.basemap.tiles import TileMaker
from geo.live.extent import Pick, Picks
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server.http import trails
from server.ids import new_id
from server.mapviews import TrailView, TravelView
from server.roaddesk import NewRoadState
from tests.server.api_room import Api, an_api
from tests.server.dispatch_room import BY
from tests.server.field_rows import POSITION_COLUMNS
from tests.small_county import crossing

LON, LAT = crossing(1, 1)


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        yield api


@pytest.fixture
async def dispatcher(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.signed_in("dispatcher") as client:
        yield client


async def tell(api: Api, device_id: str, ages_s: dict[int, int]) -> datetime:
    """Fixes so old (s), each heard so many seconds after it was taken, one north of the other.

    Returns the moment at which they are so old.
    """
    now = datetime.now(UTC)
    rows = []
    for age_s, lag_s in ages_s.items():
        observed = now - timedelta(seconds=age_s)
        received = observed + timedelta(seconds=lag_s)
        lat = LAT - age_s * 1e-6
        rows.append((device_id, observed, received, LON, lat, 5.0, 10.0, 0.0, 80, False, ""))
    for day in {row[2].date() for row in rows}:
        await api.room.pool.execute("SELECT ensure_position_partition($1)", day)
    await api.room.pool.copy_records_to_table("position", records=rows, columns=POSITION_COLUMNS)
    return now


async def trail(client: httpx.AsyncClient, unit_id: str, minutes: int | None = None) -> TrailView:
    query = {} if minutes is None else {"minutes": str(minutes)}
    answer = await client.get(f"/api/units/{unit_id}/trail", params=query)
    assert answer.status_code == 200, answer.text
    return convert(answer.json(), TrailView)


async def test_a_trail_has_gaps_where_nobody_heard_and_says_what_came_late(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    unit = await api.room.add_unit("P-02", devices=("handset",))
    other = await api.room.add_unit("P-03", devices=("handset",))
    ages = {2000: 1, 900: 1, 870: 1, 600: 400, 560: 360, 100: 1}
    now = await tell(api, "P-02-handset", ages)
    await tell(api, "P-03-handset", {500: 1})

    found = await trail(dispatcher, unit.id)
    (track,) = found.tracks
    inside = [place for place, at_s in enumerate(track.at_s) if at_s >= 0]
    told_s = (now - found.since).total_seconds()
    ages_s = [told_s - track.at_s[place] for place in inside]
    runs = [track.run[place] for place in inside]

    assert ages_s == pytest.approx([900, 870, 600, 560, 100], abs=1)
    assert [runs[0] == runs[1], runs[1] == runs[2], runs[2] == runs[3], runs[3] == runs[4]] == [
        *(True, False, True, False),
    ]
    assert [track.lag_s[place] > 120 for place in inside] == [False, False, True, True, False]
    (short,) = (await trail(dispatcher, unit.id, 10)).tracks
    assert len([at_s for at_s in short.at_s if at_s >= 0]) < len(inside)
    assert len((await trail(dispatcher, other.id)).tracks) == 1


async def test_a_trail_is_thinned_out_and_refuses_what_nobody_has(
    api: Api, dispatcher: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = await api.room.add_unit("P-02", devices=("handset",))
    await tell(api, "P-02-handset", dict.fromkeys(range(1, 1700), 1))
    monkeypatch.setattr(trails, "FIXES_MAX", 100)

    (track,) = (await trail(dispatcher, unit.id)).tracks
    answers = [
        await dispatcher.get(f"/api/units/{path}")
        for path in ("nobody/trail", f"{unit.id}/trail?minutes=61", f"{unit.id}/trail?minutes=0")
    ]

    assert 80 < len(track.at_s) <= 104
    assert [each.status_code for each in answers] == [404, 400, 400]


async def test_looking_at_a_trail_is_in_the_log(api: Api, dispatcher: httpx.AsyncClient) -> None:
    unit = await api.room.add_unit("P-02", devices=())
    await trail(dispatcher, unit.id)

    kinds = await api.room.pool.fetch("SELECT kind, body FROM journal_entry ORDER BY id DESC")

    assert kinds[0]["kind"] == "access.read"
    assert "trail" in str(kinds[0]["body"])


async def travel(client: httpx.AsyncClient, to: tuple[float, float], **more: str) -> httpx.Response:
    asked: Mapping[str, str | float] = {
        "lon": LON,
        "lat": LAT,
        "to_lon": to[0],
        "to_lat": to[1],
        **more,
    }
    return await client.get("/api/travel", params=asked)


async def test_travel_time_is_by_vehicle_and_mode_and_round_a_closed_road(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    there = crossing(4, 1)

    async def found(**more: str) -> TravelView:
        answer = await travel(dispatcher, there, **more)
        assert answer.status_code == 200, answer.text
        return convert(answer.json(), TravelView)

    car, foot, urgent = await asyncio.gather(found(), found(vehicle="foot"), found(mode="urgent"))
    assert (car.vehicle, car.mode, car.condition) == ("patrol_car", "routine", "dry")
    assert car.duration_s < car.p90_s
    assert urgent.duration_s < car.duration_s < foot.duration_s
    assert car.coordinates[0] == pytest.approx((LON, LAT), abs=2e-3)
    assert car.coordinates[-1] == pytest.approx(there, abs=2e-3)
    assert car.road_m > 1000.0

    edge = (await api.room.routing.snap(*_between(crossing(2, 1), crossing(3, 1)))).edge
    pick = Picks(edges=(Pick(edge=edge),))
    await api.room.road_desk.set_state(
        NewRoadState(request_id=new_id(), state="closed", where=pick, reason="rockfall"), by=BY
    )
    assert (await found()).duration_s > car.duration_s


def _between(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


async def test_travel_refuses_what_it_cannot_answer(dispatcher: httpx.AsyncClient) -> None:
    off_map = await travel(dispatcher, (0.0, 0.0))
    unknown = await travel(dispatcher, crossing(4, 1), vehicle="balloon")
    missing = await dispatcher.get("/api/travel", params={"lon": LON, "lat": LAT})

    assert (off_map.status_code, off_map.json()["error"]["code"]) == (422, "no_road")
    assert [unknown.status_code, missing.status_code] == [400, 400]
