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
