"""All open incidents at once: proposed, accepted as one step, refused whole where facts changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from geo.roadmap import RoadMap
from protocols.native import Report
from server.dispatch.errors import Conflict, Impossible
from server.proposalitems import Body, read
from server.proposalwatch import GATHER_S, ROUND_S, rest_s
from server.views import OrderView
from server.watchviews import WorkItemView
from tests.server.dispatch_room import BY, a_room
from tests.server.way_room import FAR, SCENE, START, WayRoom, a_proposal_watch
from tests.small_county import crossing

NEAR_SCENE = crossing(6, 2)


@pytest.fixture
async def way(pool: Any, small_map: RoadMap) -> AsyncIterator[WayRoom]:
    async with a_room(pool, small_map) as room:
        yield WayRoom.of(room)


async def drifted(way: WayRoom) -> tuple[OrderView, WorkItemView, Body]:
    """P-01 stands far from the place, P-02 is free beside it: the swap that is proposed."""
    order = await way.send()
    await way.at(FAR, rounds=8)
    assert "eta_drift" in await way.open()
    await way.free("P-02", NEAR_SCENE)
    await way.proposals.round()
    item = (await way.open())["swap"]
    return order, item, read(item)


async def test_a_unit_that_drifts_is_relieved_by_the_one_that_is_sooner_in_one_step(
    way: WayRoom,
) -> None:
    order, item, said = await drifted(way)
    (step,) = said.steps
    assert (item.subject, step.call_sign) == (f"order:{order.id}", "P-02")
    assert [each.order_id for each in step.replaces] == [order.id]
    assert said.saves_min is not None
    assert said.saves_min > 2.0

    twice = [way.desk.accept(item.id, reason="sooner", by=BY) for _ in range(2)]
    (orders, fresh), (again, repeated) = await asyncio.gather(*twice)

    assert {fresh, repeated} == {True, False}
    assert [each.id for each in again] == [each.id for each in orders]
    (sent,) = orders
    assert (sent.call_sign, sent.incident_id) == ("P-02", order.incident_id)
    before = await way.order(order)
    assert before.recall is not None
    assert (before.recall.why, before.successor_id) == ("handed_over", sent.id)
    assert before.closed_at is None, "until a person of the unit confirms"
    assert ("swap", "taken") in await way.settled()

    await way.proposals.round()
    assert "swap" not in await way.open(), "who takes its place is on the way"


async def test_facts_that_changed_refuse_the_whole_step(way: WayRoom) -> None:
    order, item, _ = await drifted(way)
    await way.says(order, Report.ON_SCENE)

    with pytest.raises(Conflict, match="changed meanwhile"):
        await way.desk.accept(item.id, reason="sooner", by=BY)

    assert "swap" in await way.open()
    assert await way.room.fetch("SELECT 1 FROM dispatch_order WHERE id <> $1", order.id) == []
    await way.keeper.look()
    assert ("swap", "on_scene") in await way.settled()
    with pytest.raises(Conflict, match="settled"):
        await way.desk.accept(item.id, reason="sooner", by=BY)


async def test_a_unit_that_is_needed_more_elsewhere_goes_there_and_its_job_gets_another(
    way: WayRoom,
) -> None:
    order = await way.send(priority="routine")
    await way.at(START, speed_mps=15.0)
    lon, lat = crossing(2, 1)
    urgent = await way.room.open(priority="emergency", type="assault", lon=lon, lat=lat)
    await way.free("P-02", crossing(6, 4))
    way.room.now += timedelta(seconds=70)
    await way.proposals.round()

    item = (await way.open())["swap"]
    with pytest.raises(Impossible, match="called off"):
        await way.desk.accept(item.id, reason="", by=BY)
    orders, _ = await way.desk.accept(item.id, reason="emergency", by=BY)

    sent = {each.call_sign: each.incident_id for each in orders}
    assert sent == {"P-01": urgent.id, "P-02": order.incident_id}
    before = await way.order(order)
    assert before.recall is not None
    assert before.recall.why == "superseded"
    assert before.successor_id == next(each.id for each in orders if each.call_sign == "P-01")


async def test_an_incident_that_waits_gets_a_unit_proposed_once_by_whoever_plans(
    way: WayRoom,
) -> None:
    lon, lat = SCENE
    waiting = await way.room.open(lon=lon, lat=lat)
    await way.free("P-02", NEAR_SCENE)
    await way.proposals.round()
    assert await way.open() == {}, "first the dispatcher decides"

    way.room.now += timedelta(seconds=70)
    for watch in (way.proposals, a_proposal_watch(way.room, way.watch)):
        await watch.round()
    item = (await way.open())["now_free"]
    assert (item.times, item.subject) == (1, f"incident:{waiting.id}")

    await way.room.order_desk.settle(item.id, reason="another county sends one", by=BY)
    await way.proposals.round()
    assert "now_free" not in await way.open()

    way.room.now += timedelta(minutes=16)
    await way.proposals.round()
    item = (await way.open())["now_free"]
    other = await way.free("P-03", FAR)
    (order,) = await way.room.send(await way.room.incident(waiting.id), other)
    with pytest.raises(Conflict, match="Other units"):
        await way.desk.accept(item.id, reason="", by=BY)
    cancel = way.room.pipeline.cancel_order
    await cancel(order.id, ver=order.ver, reason="sent by mistake", by=BY)
    (sent,), _ = await way.desk.accept(item.id, reason="", by=BY)
    assert sent.call_sign == "P-02"


async def test_a_proposal_ends_when_the_plan_is_another(way: WayRoom) -> None:
    order, _, _ = await drifted(way)
    now = await way.order(order)
    await way.room.order_desk.recall(order.id, ver=now.ver, reason="back home", by=BY)

    await way.proposals.round()

    assert ("swap", "plan_changed") in await way.settled()


async def test_a_proposal_is_taken_as_facts_are_now_not_as_they_were_when_it_was_made(
    way: WayRoom,
) -> None:
    order = await way.send(en_route=False)
    await way.at(FAR, rounds=8)
    await way.free("P-02", NEAR_SCENE)
    await way.proposals.round()
    before = (await way.open())["swap"]

    await way.says(order, Report.EN_ROUTE)
    await way.proposals.round()

    item = (await way.open())["swap"]
    assert (item.id, item.times) == (before.id, 1), "the same, said anew"
    (sent,), _ = await way.desk.accept(item.id, reason="sooner", by=BY)
    assert sent.call_sign == "P-02"


async def test_the_time_it_says_follows_a_unit_that_moves(way: WayRoom) -> None:
    lon, lat = SCENE
    await way.room.open(lon=lon, lat=lat)
    await way.free("P-02", FAR)
    way.room.now += timedelta(seconds=70)
    await way.proposals.round()
    before = read((await way.open())["now_free"]).steps[0].eta_min

    way.fix(NEAR_SCENE, "P-02")
    await way.proposals.round()

    after = read((await way.open())["now_free"]).steps[0].eta_min
    assert before is not None
    assert after is not None
    assert after < before - 2.0


async def test_an_incident_that_a_person_wants_no_unit_for_holds_none_back(way: WayRoom) -> None:
    lon, lat = SCENE
    await way.room.open(lon=lon, lat=lat, priority="emergency")
    await way.free("P-02", NEAR_SCENE)
    way.room.now += timedelta(seconds=70)
    await way.proposals.round()
    item = (await way.open())["now_free"]
    await way.room.order_desk.settle(item.id, reason="another county sends one", by=BY)

    theft = await way.room.open(lon=FAR[0], lat=FAR[1], priority="routine")
    way.room.now += timedelta(seconds=70)
    await way.proposals.round()

    assert (await way.open())["now_free"].incident_id == theft.id


async def test_what_a_person_dismissed_does_not_come_back_with_another_unit(way: WayRoom) -> None:
    lon, lat = SCENE
    await way.room.open(lon=lon, lat=lat)
    await way.free("P-02", START)
    way.room.now += timedelta(seconds=70)
    await way.proposals.round()
    item = (await way.open())["now_free"]
    await way.room.order_desk.settle(item.id, reason="another county sends one", by=BY)

    await way.free("P-03", NEAR_SCENE)
    await way.proposals.round()

    assert "now_free" not in await way.open()


@pytest.mark.parametrize("becomes", ["closed", "sent"])
async def test_nothing_is_proposed_for_an_incident_that_was_seen_to_under_the_plan(
    way: WayRoom, monkeypatch: pytest.MonkeyPatch, becomes: str
) -> None:
    lon, lat = SCENE
    waiting = await way.room.open(lon=lon, lat=lat)
    await way.free("P-02", START)
    other = await way.free("P-03", FAR)
    way.room.now += timedelta(seconds=70)
    keep = way.room.pipeline.keep

    async def then_it_is_seen_to(incident: Any, made: Any, *, by: str) -> None:
        await keep(incident, made, by=by)
        monkeypatch.setattr(way.room.pipeline, "keep", keep)
        if becomes == "sent":
            await way.room.send(waiting, other)
        else:
            await way.room.pipeline.close_incident(waiting.id, outcome="no need", by=BY)

    monkeypatch.setattr(way.room.pipeline, "keep", then_it_is_seen_to)
    await way.proposals.round()

    assert "now_free" not in await way.open()


# -- two units -----------------------------------------------------------------------------------


async def test_a_fight_that_got_one_unit_gets_a_second_proposed_once(way: WayRoom) -> None:
    lon, lat = SCENE
    fight = await way.room.open(lon=lon, lat=lat, type="domestic_violence")
    one = await way.free("P-01", START)
    await way.free("P-02", NEAR_SCENE)
    await way.free("P-03", FAR)
    await way.room.send(fight, one)
    await way.proposals.round()
    assert await way.open() == {}, "first the dispatcher decides"

    way.room.now += timedelta(seconds=70)
    await way.proposals.round()
    item = (await way.open())["now_free"]
    said = read(item)
    assert (item.severity, said.adds) == ("notice", True)
    assert [each.code for each in said.reasons] == ["pair_violence"]
    assert [each.call_sign for each in said.steps] == ["P-02"]

    (sent,), _ = await way.desk.accept(item.id, reason="", by=BY)
    assert sent.incident_id == fight.id
    way.room.now += timedelta(seconds=70)
    await way.proposals.round()
    assert await way.open() == {}, "two are enough"


async def test_a_second_unit_that_a_person_does_not_want_is_not_proposed_again(
    way: WayRoom,
) -> None:
    order = await way.send(crew=1, type="traffic_collision")
    await way.free("P-02", NEAR_SCENE)
    way.room.now += timedelta(seconds=70)
    await way.proposals.round()
    item = (await way.open())["now_free"]
    assert [each.code for each in read(item).reasons] == ["pair_lone"]
    await way.room.order_desk.settle(item.id, reason="he manages", by=BY)

    way.room.now += timedelta(hours=2)
    await way.proposals.round()
    assert "now_free" not in await way.open()

    now = await way.order(order)
    cancel = way.room.pipeline.cancel_order
    await cancel(order.id, ver=now.ver, reason="flat tyre", by=BY)
    way.room.now += timedelta(seconds=70)
    await way.proposals.round()
    assert "now_free" in await way.open(), "it has nobody now, which is another matter"


async def test_who_goes_alone_on_a_routine_job_is_left_to_who_sent_him(way: WayRoom) -> None:
    await way.send(crew=1, priority="routine", type="traffic_collision")
    await way.free("P-02", NEAR_SCENE)
    way.room.now += timedelta(minutes=5)
    await way.proposals.round()

    assert "now_free" not in await way.open()


async def test_two_who_are_needed_together_are_one_proposal_and_are_told_where_they_meet(
    way: WayRoom,
) -> None:
    lon, lat = SCENE
    fight = await way.room.open(lon=lon, lat=lat, type="domestic_violence")
    await way.free("P-02", START)
    await way.free("P-03", FAR)
    way.room.now += timedelta(seconds=70)
    await way.proposals.round()
    item = (await way.open())["now_free"]
    said = read(item)
    assert said.meeting

    accepted = [
        await way.desk.accept(item.id, reason="", by=BY, instruction=f"meet at {said.meeting}")
        for _ in range(2)
    ]

    orders, again = (found for found, _ in accepted)
    assert item.times == 1
    assert {each.call_sign for each in orders} == {"P-02", "P-03"}
    assert {each.incident_id for each in orders} == {fight.id}
    assert len({each.decision_id for each in orders}) == 1
    assert {each.instruction for each in orders} == {f"meet at {said.meeting}"}
    assert len({each.eta_s for each in orders}) == 1, "both are there when the later one is"
    assert [each.id for each in again] == [each.id for each in orders]


async def test_whoever_is_asked_again_for_a_fight_that_has_one_unit_is_told_of_no_pair(
    way: WayRoom,
) -> None:
    lon, lat = SCENE
    fight = await way.room.open(lon=lon, lat=lat, type="domestic_violence")
    one = await way.free("P-01", START)
    await way.free("P-02", NEAR_SCENE)
    await way.free("P-03", FAR)
    first = await way.room.pipeline.recommend(fight.id, by=BY)
    await way.room.send(fight, one, found=first)

    again = await way.room.pipeline.recommend(fight.id, by=BY)

    assert first.pair is not None
    assert again.pair is None, "key T would send two more"


async def test_nobody_is_proposed_for_a_post_to_stand_by_at(way: WayRoom) -> None:
    lon, lat = SCENE
    await way.room.open(lon=lon, lat=lat, type="standby", priority="routine")
    await way.free("P-02", NEAR_SCENE)
    way.room.now += timedelta(minutes=5)
    await way.proposals.round()

    assert await way.open() == {}, "who covers the county is proposed by the watch over cover"


@pytest.mark.parametrize("there", [False, True])
async def test_who_stands_by_at_a_post_is_sent_from_there_or_from_the_way(
    way: WayRoom, there: bool
) -> None:
    post = await way.send(type="standby", priority="routine")
    if there:
        await way.says(post, Report.ON_SCENE)
    lon, lat = crossing(4, 1)
    theft = await way.room.open(lon=lon, lat=lat, priority="routine")
    way.room.now += timedelta(seconds=70)
    await way.proposals.round()

    item = (await way.open())["now_free"]
    (sent,), _ = await way.desk.accept(item.id, reason="a theft", by=BY)

    assert (sent.call_sign, sent.incident_id) == ("P-01", theft.id)
    before = await way.order(post)
    assert before.recall is not None
    assert (before.recall.why, before.successor_id) == ("superseded", sent.id)
    await way.proposals.round()
    assert "now_free" not in await way.open(), "it has something else to do now"


async def test_who_has_not_answered_the_order_to_a_post_is_not_sent_elsewhere(
    way: WayRoom,
) -> None:
    lon, lat = SCENE
    unit = await way.free("P-01", START)
    await way.room.send(await way.room.open(lon=lon, lat=lat, type="standby"), unit)
    await way.room.open(lon=START[0], lat=START[1])
    way.room.now += timedelta(seconds=70)
    await way.proposals.round()

    assert "now_free" not in await way.open()


async def test_what_two_proposals_are_made_from_is_kept_once(way: WayRoom) -> None:
    await way.send(priority="routine")
    await way.at(START, speed_mps=15.0)
    lon, lat = crossing(2, 1)
    await way.room.open(priority="emergency", type="assault", lon=lon, lat=lat)
    await way.free("P-02", NEAR_SCENE)
    await way.free("P-03", crossing(0, 4))
    way.room.now += timedelta(seconds=70)

    await way.proposals.round()

    found = await way.open()
    assert found.keys() == {"swap", "now_free"}
    assert found["swap"].incident_id == found["now_free"].incident_id


def test_a_county_where_everything_takes_long_is_planned_for_twice_a_minute_all_the_same() -> None:
    assert rest_s(0.1) == GATHER_S
    assert rest_s(2.0) == 20.0
    assert rest_s(40.0) == ROUND_S
