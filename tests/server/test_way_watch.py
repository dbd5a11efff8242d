"""Handsets under way hear of weather that makes their way another, or its time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from geo.roadmap import RoadMap
from protocols.native import Report
from server.routing import RoutingBusy
from server.stores import waynews
from server.stores.away import STORE_AWAY
from server.stores.roadstate import CONDITIONS
from server.views import OrderView
from server.waywatch import WayWatch
from tests.server.dispatch_room import BY, Room, a_room
from tests.server.field_rows import until
from tests.server.test_roads import running, weather
from tests.small_county import crossing

FAR, SCENE = crossing(0, 0), crossing(6, 4)
LATER = timedelta(minutes=5)


@pytest.fixture
async def room(pool: Any, small_map: RoadMap) -> AsyncIterator[Room]:
    async with a_room(pool, small_map) as room:
        yield room


class Crowded:
    """A router that has room for so many questions more."""

    def __init__(self, router: Any) -> None:
        self._router = router
        self.room = 100

    @property
    def roads(self) -> Any:
        return self._router.roads

    async def lead(self, *asked: Any) -> Any:
        if not self.room:
            raise RoutingBusy("no room")
        self.room -= 1
        return await self._router.lead(*asked)


def a_watch(room: Room, router: Any = None) -> WayWatch:
    return WayWatch(
        pool=room.pool,
        fanout=room.fanout,
        live=room.live,
        router=router or room.routing,
        roads=room.roads,
        clock=lambda: room.now,
    )


async def under_way(
    room: Room, at: tuple[float, float] = FAR, call_sign: str = "P-01"
) -> OrderView:
    unit = await room.add_unit(call_sign, at)
    lon, lat = SCENE
    (order,) = await room.send(await room.open(lon=lon, lat=lat), unit)
    return order


@asynccontextmanager
async def in_force(room: Room, condition: str) -> AsyncIterator[Any]:
    """The condition, once its travel times are there."""
    async with running(room.roads.run):
        row = await weather(room, condition)
        await until(lambda: room.routing.roads.conditions == (row.condition,))
        yield row


async def told(room: Room) -> list[tuple[str, str]]:
    """(device, cause) of every notice that the way is another."""
    rows = await room.fetch(
        "SELECT device_id, body FROM command WHERE body ->> 'why' = 'route_changed' ORDER BY seq"
    )
    return [(row["device_id"], row["body"]["because"]) for row in rows]


async def test_snow_that_takes_longer_is_told_to_the_handset_and_its_end_too(room: Room) -> None:
    await under_way(room)
    watch = a_watch(room)
    await watch.look()

    async with in_force(room, "snow,fog=40") as row:
        assert await told(room) == [], "it is not told before it is in force"
        await watch.look()
        await watch.look()
        assert await told(room) == [("P-01-handset", "weather")]
        assert ("device", "P-01-handset") in room.fanout.published

        room.now += LATER
        await room.road_desk.end(CONDITIONS, row.id, reason="thaw", by=BY)
        await until(lambda: room.routing.roads.conditions == ("dry",))
        await watch.look()

    assert await told(room) == [("P-01-handset", "weather")] * 2


async def test_weather_that_hardly_matters_is_not_told(room: Room) -> None:
    await under_way(room, at=crossing(5, 4))
    watch = a_watch(room)
    await watch.look()

    async with in_force(room, "rain"):
        await watch.look()

    assert await told(room) == []


async def test_a_way_found_before_routing_was_busy_is_told_and_the_rest_later(room: Room) -> None:
    await under_way(room)
    await under_way(room, call_sign="P-02")
    router = Crowded(room.routing)
    watch = a_watch(room, router)
    await watch.look()

    async with in_force(room, "snow,fog=40"):
        router.room = 1
        await watch.look()
        first = await told(room)
        router.room = 1
        await watch.look()

    assert len(first) == 1
    assert sorted(await told(room)) == [("P-01-handset", "weather"), ("P-02-handset", "weather")]


async def test_what_the_store_did_not_take_is_told_once_it_does(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await under_way(room)
    watch = a_watch(room)
    await watch.look()

    async with in_force(room, "snow,fog=40"):
        with monkeypatch.context() as away:
            away.setattr(waynews, "ALONE", "SELECT 1/0")
            with pytest.raises(STORE_AWAY):
                await watch.look()
        await watch.look()

    assert await told(room) == [("P-01-handset", "weather")]


async def test_two_servers_tell_it_once(room: Room) -> None:
    await under_way(room)
    watches = [a_watch(room), a_watch(room)]
    for watch in watches:
        await watch.look()

    async with in_force(room, "snow,fog=40"):
        for watch in watches:
            await watch.look()

    assert await told(room) == [("P-01-handset", "weather")]


async def test_a_unit_at_the_scene_and_a_way_nobody_knew_are_left_alone(room: Room) -> None:
    order = await under_way(room)
    task = (await room.tasks(order))["P-01-handset"]
    watch = a_watch(room)
    await watch.look()
    for step in (Report.ACCEPTED, Report.EN_ROUTE, Report.ON_SCENE):
        await room.report("P-01-handset", task, step, by="B-P-01")

    async with in_force(room, "snow,fog=40"):
        await watch.look()
        await a_watch(room).look()

    assert await told(room) == []
