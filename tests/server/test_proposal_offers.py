"""In war, where its order says so, what is proposed is offered, unless a person stops it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from geo.roadmap import RoadMap
from server.dispatch.timers import Mandate, Stance
from server.proposalitems import read
from server.proposalwatch import OFFERED_AFTER
from server.views import OrderView
from server.watchviews import WorkItemView
from tests.server.dispatch_room import BY, a_room
from tests.server.way_room import FAR, SCENE, START, WayRoom, a_proposal_watch
from tests.small_county import crossing

NEAR_SCENE = crossing(6, 2)
FLOOD = Stance(war=True, mandate=Mandate(number=7, reason="山洪"))


@pytest.fixture
async def way(pool: Any, small_map: RoadMap) -> AsyncIterator[WayRoom]:
    async with a_room(pool, small_map) as room:
        found = WayRoom.of(room)
        found.stance[0] = FLOOD
        yield found


async def swap(way: WayRoom) -> tuple[OrderView, WorkItemView]:
    """P-01 stands far from the place, P-02 is free beside it."""
    order = await way.send()
    await way.at(FAR, rounds=8)
    await way.free("P-02", NEAR_SCENE)
    await way.proposals.round()
    return order, (await way.open())["swap"]


async def later(way: WayRoom) -> None:
    way.room.now += OFFERED_AFTER
    await way.proposals.round()


async def test_a_better_unit_is_offered_after_a_while_by_the_order_of_war(way: WayRoom) -> None:
    order, item = await swap(way)
    said = read(item)
    assert (said.offers_at, said.by_order) == (way.room.now + OFFERED_AFTER, 7)
    way.room.now += OFFERED_AFTER - timedelta(seconds=1)
    await way.proposals.round()
    assert "swap" in await way.open()

    way.room.now += timedelta(seconds=1)
    await way.proposals.round()

    before = await way.order(order)
    assert before.recall is not None
    assert (before.recall.why, before.recall.by, before.recall.reason) == (
        "handed_over",
        "stance:7",
        "山洪",
    )
    (sent,) = [
        each for each in (await way.room.incident(order.incident_id)).orders if each.id != order.id
    ]
    assert (sent.call_sign, sent.issued_by, sent.state) == ("P-02", "stance:7", "issued")
    assert before.closed_at is None, "it is an offer: people of both units answer it"
    rows = await way.room.fetch("SELECT actor, kind FROM journal_entry ORDER BY id")
    by_order = {row["kind"] for row in rows if row["actor"] == "stance:7"}
    assert {"decision.taken", "order.recall_requested", "work.settled"} <= by_order

    await later(way)
    assert "swap" not in await way.open(), "once"


async def test_an_incident_that_waits_is_offered_to_a_unit(way: WayRoom) -> None:
    waiting = await way.room.open(lon=SCENE[0], lat=SCENE[1])
    await way.free("P-02", NEAR_SCENE)
    way.room.now += timedelta(seconds=70)
    await way.proposals.round()
    await later(way)

    (sent,) = (await way.room.incident(waiting.id)).orders
    assert (sent.call_sign, sent.issued_by) == ("P-02", "stance:7")


@pytest.mark.parametrize("stops", ["settle", "claim", "peace", "another_order"])
async def test_a_person_can_stop_it(way: WayRoom, stops: str) -> None:
    order, item = await swap(way)
    if stops == "settle":
        await way.room.order_desk.settle(item.id, reason="P-01 goes on", by=BY)
    if stops == "claim":
        await way.room.order_desk.claim(item.id, take_over=False, by=BY)
    if stops == "peace":
        way.stance[0] = Stance()
    if stops == "another_order":
        way.stance[0] = Stance(war=True)

    await later(way)
    await later(way)

    before = await way.order(order)
    assert before.recall is None
    if stops == "claim":
        await way.desk.accept(item.id, reason="sooner", by=BY)
        assert ("swap", "taken") in await way.settled()
    if stops in ("peace", "another_order"):
        said = read((await way.open())["swap"])
        assert (said.offers_at, said.by_order) == (None, None)


async def test_who_claims_it_in_the_last_moment_is_before_the_order(way: WayRoom) -> None:
    order, item = await swap(way)
    await way.room.order_desk.claim(item.id, take_over=False, by=BY)

    with pytest.raises(Exception, match="taken item 2 on") as refused:
        await way.desk.offer(item.id, Mandate(number=7, reason="山洪"))

    assert getattr(refused.value, "code", None) == "claimed"
    assert (await way.order(order)).recall is None
    assert "swap" in await way.open()


async def test_a_newer_order_of_war_begins_the_while_anew(way: WayRoom) -> None:
    order, _ = await swap(way)
    way.room.now += OFFERED_AFTER - timedelta(seconds=5)
    way.stance[0] = Stance(war=True, mandate=Mandate(number=8, reason="山洪"))
    await way.proposals.round()
    way.room.now += timedelta(seconds=5)
    await way.proposals.round()

    assert (await way.order(order)).recall is None
    assert read((await way.open())["swap"]).by_order == 8
    await later(way)
    recall = (await way.order(order)).recall
    assert recall is not None
    assert recall.by == "stance:8"


async def test_a_server_that_starts_keeps_the_moment_and_several_offer_it_once(
    way: WayRoom,
) -> None:
    order, _ = await swap(way)
    others = [a_proposal_watch(way.room, way.watch, way.stance) for _ in range(2)]
    way.room.now += OFFERED_AFTER

    for each in (*others, way.proposals):
        await each.round()

    orders = (await way.room.incident(order.incident_id)).orders
    assert len(orders) == 2


async def test_a_unit_more_is_never_offered_without_asking(way: WayRoom) -> None:
    order = await way.send(type="domestic_violence")
    await way.free("P-02", START)
    way.room.now += timedelta(seconds=70)
    await way.proposals.round()
    assert read((await way.open())["now_free"]).adds

    await later(way)
    await later(way)

    assert len((await way.room.incident(order.incident_id)).orders) == 1


async def test_what_changed_in_the_last_moment_refuses_the_offer_whole(way: WayRoom) -> None:
    order, item = await swap(way)
    other = await way.free("P-03", FAR)
    incident = await way.room.incident(order.incident_id)
    await way.room.send(incident, other)
    way.room.now += OFFERED_AFTER

    with pytest.raises(Exception, match="Other units"):
        await way.desk.offer(item.id, Mandate(number=7, reason="山洪"))

    assert (await way.order(order)).recall is None
