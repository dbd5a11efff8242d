"""Moves to another post: proposed when they hold, carried out by a person, on real roads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import pytest

from geo.roadmap import RoadMap
from geo.snap import SnapIndex
from server.calllog import READ_EVERY, CallLog, nearest
from server.coverdesk import CoverDesk, Posts, bound
from server.coverviews import PostView
from server.coverwatch import LOOK_S, TERMS, CoverWatch
from server.dispatch.cover import Rules
from server.dispatch.errors import Conflict, NotFound
from server.ids import new_id
from server.moveups import NOT_AGAIN, STEADY, MoveUps
from server.reachdesk import ReachDesk
from server.stores.units import UnitRow, load_units
from tests.server.dispatch_room import BY, Room, a_room, an_incident
from tests.small_county import crossing

TOWN, BRIDGES = crossing(2, 1), crossing(6, 1)
WHY = "nobody covers the town"


@dataclass
class Watched:
    room: Room
    watch: CoverWatch
    desk: CoverDesk
    move_ups: MoveUps
    town: PostView

    async def look(self, later: timedelta = timedelta()) -> list[tuple[str, str, int]]:
        """Look at cover, then at what it proposes; what waits then."""
        self.room.now += later
        await self.watch.look()
        await self.move_ups.look()
        rows = await self.room.fetch(
            "SELECT body, times FROM work_item WHERE kind = 'move_up' AND settled_at IS NULL "
            "ORDER BY id"
        )
        return [(row["body"]["call_sign"], row["body"]["post_name"], row["times"]) for row in rows]

    async def send(self, row: UnitRow, request_id: str = "", post_id: str = "") -> Any:
        return await self.desk.move_up(
            row.id,
            post_id or self.town.id,
            request_id=request_id or new_id(),
            reason=WHY,
            by=BY,
        )


@pytest.fixture
async def watched(pool: Any, small_map: RoadMap) -> AsyncIterator[Watched]:
    async with a_room(pool, small_map) as room:
        index = SnapIndex(small_map)
        posts = Posts(pool=pool, index=index)
        reach = ReachDesk(router=room.routing, roadmap=small_map, index=index)
        watch = CoverWatch(
            live=room.live,
            router=room.routing,
            villages=partial(reach.villages, TERMS),
            posts=posts.on_roads,
            calls=CallLog(pool=pool, clock=lambda: room.now).calls,
            bound=partial(bound, pool, room.run_cards.in_force),
            rules=Rules(limit_s=180.0, horizon_s=3600.0),
            clock=lambda: room.now,
        )
        desk = CoverDesk(
            pool=pool, posts=posts, watch=watch, pipeline=room.pipeline, clock=lambda: room.now
        )
        move_ups = MoveUps(
            pool=pool,
            fanout=room.fanout,
            live=room.live,
            posts=posts,
            watch=watch,
            clock=lambda: room.now,
        )
        town = await desk.add("Town hall", *TOWN, by=BY)
        yield Watched(room, watch, desk, move_ups, town)


async def test_a_move_that_holds_is_proposed_once_and_goes_with_its_cause(
    watched: Watched,
) -> None:
    first = await watched.room.add_unit("P-01", BRIDGES)
    await watched.room.add_unit("P-02", BRIDGES)
    assert await watched.look() == []

    held = await watched.look(STEADY)
    again = await watched.look(timedelta(seconds=LOOK_S))
    watched.room.live.put(first, TOWN)
    gone = await watched.look(timedelta(seconds=LOOK_S))

    assert held == again == [("P-01", "Town hall", 1)]
    assert gone == []


async def test_what_holds_only_for_a_moment_is_no_proposal(watched: Watched) -> None:
    first = await watched.room.add_unit("P-01", BRIDGES)
    await watched.room.add_unit("P-02", BRIDGES)
    await watched.look()
    watched.room.live.put(first, TOWN)
    await watched.look(STEADY / 2)
    watched.room.live.put(first, BRIDGES)

    assert await watched.look(STEADY / 2) == []


async def test_a_move_that_somebody_said_no_to_is_not_asked_for_again_at_once(
    watched: Watched,
) -> None:
    for call_sign in ("P-01", "P-02"):
        await watched.room.add_unit(call_sign, BRIDGES)
    await watched.look()
    (held,) = await watched.look(STEADY)
    (item,) = await watched.room.fetch("SELECT id FROM work_item WHERE settled_at IS NULL")
    await watched.room.order_desk.settle(item["id"], reason="he eats", by=BY)

    soon = await watched.look(timedelta(seconds=LOOK_S))
    later = await watched.look(NOT_AGAIN)

    assert held[:2] not in [each[:2] for each in soon]
    assert later == [held]


async def test_who_is_on_the_way_to_a_post_covers_it_and_no_second_one_is_proposed(
    watched: Watched,
) -> None:
    rows = [await watched.room.add_unit(call_sign, BRIDGES) for call_sign in ("P-01", "P-02")]
    await watched.look()
    assert await watched.look(STEADY) != []

    await watched.send(rows[0])
    for row in await load_units(watched.room.pool):
        watched.room.live.put(row, BRIDGES)
    seen = await watched.look()
    watched.room.now += STEADY

    assert seen == await watched.look() == []


async def test_a_unit_is_expected_free_when_it_was_there_as_long_as_its_run_card_says(
    watched: Watched,
) -> None:
    room = watched.room
    row = await room.add_unit("P-00", TOWN)
    order = (await room.send(await room.open(type="assault"), row))[0]
    card = room.run_cards.in_force().card("assault")

    found = await bound(room.pool, room.run_cards.in_force)

    assert order.eta_s is not None
    expected = room.now + timedelta(seconds=order.eta_s, minutes=card.scene_min)
    assert abs(found.free_at[row.id] - expected) < timedelta(seconds=1)
    assert (found.posted, found.calls_waiting) == ({}, 0)


async def test_a_person_sends_the_unit_and_asking_twice_sends_it_once(watched: Watched) -> None:
    row = await watched.room.add_unit("P-01", BRIDGES)
    request_id = new_id()

    (order,) = await watched.send(row, request_id)
    (same,) = await watched.send(row, request_id)

    assert order.id == same.id
    task = await watched.room.incident(order.incident_id)
    assert (task.type, task.place, task.note) == ("standby", "Town hall", WHY)
    assert (await watched.room.counts())["dispatch_order"] == 1


async def test_where_the_unit_is_busy_by_now_nothing_stays_open(watched: Watched) -> None:
    row = await watched.room.add_unit("P-01", BRIDGES)
    opened, _ = await watched.room.pipeline.open_incident(an_incident(), by=BY)
    await watched.room.send(opened, row)

    with pytest.raises(Conflict) as caught:
        await watched.send(row)

    assert caught.value.code == "unit_busy"
    rows = await watched.room.fetch("SELECT status FROM incident WHERE type = 'standby'")
    assert [each["status"] for each in rows] == ["closed"]


async def test_nobody_is_sent_to_a_post_that_is_gone(watched: Watched) -> None:
    row = await watched.room.add_unit("P-01", BRIDGES)

    with pytest.raises(NotFound):
        await watched.send(row, post_id=new_id())

    assert (await watched.room.counts())["incident"] == 0


async def test_the_countys_own_calls_count_for_the_nearest_village(
    watched: Watched, small_map: RoadMap
) -> None:
    room = watched.room
    index = SnapIndex(small_map)
    reach = ReachDesk(router=room.routing, roadmap=small_map, index=index)
    villages = await reach.villages(TERMS)
    names = [each.place.name for each in villages]
    log = CallLog(pool=room.pool, clock=lambda: room.now)
    lon, lat = BRIDGES
    for _ in range(3):
        await room.open(lon=lon, lat=lat)
    await room.open(type="standby", lon=lon, lat=lat)

    first = await log.calls(villages)
    await room.open(lon=lon, lat=lat)
    same = await log.calls(villages)
    room.now += READ_EVERY
    later = await log.calls(villages)

    assert dict(zip(names, first, strict=True)) == dict.fromkeys(names, 0.0) | {"双桥村": 3.0}
    assert (same.sum(), later.sum()) == (3.0, 4.0)


def test_without_calls_or_villages_nothing_is_counted() -> None:
    assert nearest([], np.zeros((2, 2))).tolist() == []
