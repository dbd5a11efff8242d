"""What is said of units under way: once, until it is over, by whichever server looks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from geo.live.extent import Pick, Picks
from geo.roadmap import RoadMap
from protocols.native import Report
from server.routing import RoutingBusy
from server.views import OrderView
from tests.server.dispatch_room import BY, NOW, a_room
from tests.server.field_rows import until
from tests.server.test_roads import close, edge_between, running
from tests.server.way_room import FAR, SCENE, START, WayRoom, a_watch
from tests.small_county import crossing

ON_THE_WAY = crossing(4, 1)


@pytest.fixture
async def way(pool: Any, small_map: RoadMap) -> AsyncIterator[WayRoom]:
    async with a_room(pool, small_map) as room:
        yield WayRoom.of(room)


async def stopped(way: WayRoom) -> OrderView:
    order = await way.send()
    await way.at(ON_THE_WAY, speed_mps=15.0)
    await way.at(ON_THE_WAY, rounds=12)
    return order


async def test_a_unit_that_stands_is_late_and_stopped_and_both_end_when_it_is_there(
    way: WayRoom,
) -> None:
    order = await stopped(way)

    found = await way.open()
    assert found.keys() == {"stopped", "eta_drift"}
    assert found["stopped"].order_id == order.id
    assert set(found["stopped"].body["where"]) == {"en", "zh"}  # type: ignore[call-overload]
    assert ("work", found["stopped"].id) in way.room.fanout.published
    late_min = found["eta_drift"].body["late_min"]
    assert isinstance(late_min, float)
    assert late_min > 3.0

    await way.at(SCENE, rounds=3)

    assert await way.open() == {}
    assert sorted(await way.settled()) == [("eta_drift", "at_place"), ("stopped", "over")]


async def test_how_late_it_will_be_is_said_anew_as_it_grows_and_is_no_new_trouble(
    way: WayRoom,
) -> None:
    await stopped(way)
    before = (await way.open())["eta_drift"]
    await way.at(ON_THE_WAY, rounds=6)

    after = (await way.open())["eta_drift"]

    assert after.times == 1
    assert float(str(after.body["late_min"])) >= float(str(before.body["late_min"])) + 2.0


async def test_a_unit_on_its_way_and_one_that_is_silent_are_not_told_on(way: WayRoom) -> None:
    await way.send()
    await way.at(START, speed_mps=15.0)
    await way.at(ON_THE_WAY, speed_mps=15.0)
    way.room.now += timedelta(minutes=40)

    for _ in range(3):
        await way.watch.round()

    assert await way.open() == {}


async def test_a_unit_that_accepted_and_drives_away_is_told_on_until_the_room_wants_it_back(
    way: WayRoom,
) -> None:
    order = await way.send(en_route=False)
    for column in (3, 2, 1, 0):
        await way.at(crossing(column, 1), speed_mps=15.0)

    assert "driving_away" in await way.open()

    now = await way.order(order)
    await way.room.order_desk.recall(order.id, ver=now.ver, reason="another unit goes", by=BY)
    await way.keeper.look()

    assert ("driving_away", "recall_requested") in await way.settled()
    await way.at(FAR)
    assert "driving_away" not in await way.open()


async def test_by_its_position_it_is_there_beside_what_it_reports(way: WayRoom) -> None:
    order = await way.send()
    await way.at(ON_THE_WAY, speed_mps=15.0)
    await way.at(SCENE, rounds=4)

    found = await way.order(order)
    assert found.state == "en_route", "its own word is another matter"
    assert found.at_place_at == NOW + timedelta(seconds=60)
    (seen,) = [each for each in found.events if each.state == "at_place"]
    assert (seen.device_at, seen.actor) == (found.at_place_at, "system")
    assert (seen.lon, seen.lat) == SCENE
    assert (await way.room.kinds()).count("order.at_place") == 1

    await way.says(order, Report.ON_SCENE)
    await way.at(SCENE)
    await way.at(START, rounds=4, speed_mps=15.0)

    assert (await way.open()).keys() == {"left_scene"}
    await way.says(order, Report.DONE)
    await way.keeper.look()
    assert await way.settled() == [("left_scene", "done")]


async def test_several_servers_say_it_once_and_one_that_starts_goes_on_from_what_was_said(
    way: WayRoom,
) -> None:
    order = await stopped(way)
    other = a_watch(way.room)
    for _ in range(12):
        way.room.now += timedelta(seconds=30)
        way.fix(ON_THE_WAY)
        await way.watch.round()
        await other.round()

    found = await way.open()
    assert {kind: each.times for kind, each in found.items()} == {"stopped": 1, "eta_drift": 1}
    started = a_watch(way.room)
    await started.round()
    assert (await way.open()).keys() == found.keys()
    drive = started.drive(order.id)
    assert drive is not None
    assert {str(each) for each in drive.troubles} == found.keys()


async def test_what_a_person_has_seen_to_is_not_said_again_while_it_lasts(way: WayRoom) -> None:
    await stopped(way)
    for item in (await way.open()).values():
        await way.room.order_desk.settle(item.id, reason="called them", by=BY)

    await way.at(ON_THE_WAY, rounds=3)
    started = a_watch(way.room)
    await started.round()

    assert await way.open() == {}


async def test_a_standstill_on_a_road_that_somebody_slowed_is_explained(way: WayRoom) -> None:
    await way.send()
    await way.at(START, speed_mps=15.0)
    edge = edge_between(way.room.roadmap, (4, 1), (5, 1))
    async with running(way.room.roads.run):
        where = Picks(edges=(Pick(edge=edge),))
        await close(way.room, where, state="slow", factor=3.0)
        await until(lambda: way.room.routing.roads.table is not None)
        queue = (crossing(4, 1)[0] + 0.3 * (crossing(5, 1)[0] - crossing(4, 1)[0]), START[1])

        await way.at(queue, speed_mps=15.0)
        await way.at(queue, rounds=12)

    assert "stopped" not in await way.open()


class Busy:
    """A router that answers nothing about ways."""

    def __init__(self, router: Any) -> None:
        self._router = router

    @property
    def roads(self) -> Any:
        return self._router.roads

    async def approach(self, *asked: Any) -> Any:
        raise RoutingBusy("no room")


async def test_where_routing_is_busy_the_next_round_sees_them(way: WayRoom) -> None:
    order = await way.send()
    crowded = a_watch(way.room, Busy(way.room.routing))
    way.room.now += timedelta(seconds=30)
    way.fix(START)

    await crowded.round()
    await way.watch.round()

    (none, some) = (each.drive(order.id) for each in (crowded, way.watch))
    assert none is not None
    assert some is not None
    assert (len(none.sights), len(some.sights)) == (0, 1)


async def test_what_a_person_has_seen_to_is_not_said_again_by_a_server_that_sees_it_later(
    way: WayRoom,
) -> None:
    await way.send()
    other = a_watch(way.room)
    await way.at(ON_THE_WAY, speed_mps=15.0)
    await other.round()
    await way.at(ON_THE_WAY, rounds=12)
    for item in (await way.open()).values():
        await way.room.order_desk.settle(item.id, reason="called them", by=BY)

    for _ in range(12):
        way.room.now += timedelta(seconds=30)
        way.fix(ON_THE_WAY)
        await other.round()

    assert await way.open() == {}


async def test_what_was_over_and_begins_again_is_said_again_though_a_person_saw_to_it(
    way: WayRoom,
) -> None:
    await stopped(way)
    item = (await way.open())["stopped"]
    await way.room.order_desk.settle(item.id, reason="called them", by=BY)
    await way.at(crossing(5, 1), speed_mps=15.0, rounds=2)
    assert "stopped" not in await way.open()

    await way.at(crossing(5, 1), rounds=12)

    assert (await way.open())["stopped"].id != item.id


async def test_who_waits_for_the_other_of_a_pair_has_not_stopped_and_is_not_late(
    way: WayRoom,
) -> None:
    lon, lat = SCENE
    fight = await way.room.open(type="domestic_violence", lon=lon, lat=lat)
    near = await way.free("P-01", ON_THE_WAY)
    far = await way.free("P-02", FAR)
    found = await way.room.pipeline.recommend(fight.id, by=BY)
    assert found.pair is not None
    assert found.pair.meeting is not None
    meeting = found.pair.meeting.lon, found.pair.meeting.lat
    for order in await way.room.send(fight, near, far, found=found):
        for step in (Report.RECEIVED, Report.SHOWN, Report.ACCEPTED, Report.EN_ROUTE):
            await way.says(order, step)

    waits_s = found.pair.meeting.waits_s
    await way.at(meeting, speed_mps=15.0)
    await way.at(meeting, rounds=max(int(waits_s / 30), 1))
    assert await way.open() == {}

    await way.at(meeting, rounds=20)
    assert (await way.open()).keys() == {"eta_drift"}, "the other is late, and so are both"

    started = a_watch(way.room)
    way.room.now += timedelta(seconds=30)
    way.fix(meeting)
    await started.round()
    assert (await way.open()).keys() == {"eta_drift"}
