"""Cover kept beside the live picture: asked of real roads, only where something changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from geo.driving.conditions import Condition
from geo.ground import Ground
from geo.reach.times import Reach
from geo.roadmap import RoadMap
from geo.snap import SnapIndex
from server.coverwatch import BACK_SOON, STALE, UNHEARD, Bound, CoverPicture, CoverWatch, Post
from server.dispatch.cover import Floats, Rules
from server.dispatch.travel import Terms, Traveller
from server.ports import LiveRoads
from server.reachdesk import ReachDesk
from server.routing import RoutingBusy, RoutingService
from server.stores.units import DeviceRow, UnitRow
from server.views import ContactView, UnitStatus
from tests.server.dispatch_room import NOW, StillLife
from tests.small_county import crossing

RULES = Rules(limit_s=180.0, horizon_s=3600.0)
"""The small county is small: three minutes."""


class Counting(RoutingService):
    """Routing that remembers whom it was asked about."""

    asked: list[Traveller]

    async def reach(
        self, travellers: Sequence[Traveller], limit_s: float, terms: Terms
    ) -> list[Reach]:
        self.asked += travellers
        return await super().reach(travellers, limit_s, terms)


@dataclass
class Watched:
    live: StillLife
    routing: Counting
    watch: CoverWatch
    index: SnapIndex
    posts: list[Post] = field(default_factory=list)
    bound: list[Bound] = field(default_factory=lambda: [Bound()])

    async def look(self) -> CoverPicture:
        """Leaves in `routing.asked` whom this look asked about."""
        self.routing.asked = []
        return await self.watch.look()

    def post(self, name: str, at: tuple[int, int]) -> None:
        lon, lat = crossing(*at)
        snap = self.index.snap(lon, lat)
        self.posts.append(Post(id=f"post-{name}", name=name, lon=lon, lat=lat, at=snap))


@pytest.fixture
async def watched(small_map: RoadMap) -> AsyncIterator[Watched]:
    routing = Counting(lambda: Ground(small_map, engine="scipy"))
    routing.asked = []
    await routing.start()
    live, index, posts = StillLife(small_map), SnapIndex(small_map), list[Post]()
    desk = ReachDesk(router=routing, roadmap=small_map, index=index)

    async def these() -> list[Post]:
        return posts

    async def none(asked: Sequence[Any]) -> Floats:
        return np.zeros(len(asked))

    bound = [Bound()]

    async def last_bound() -> Bound:
        return bound[-1]

    async def villages() -> Any:
        return await desk.villages(Terms())

    watch = CoverWatch(
        live=live,
        router=routing,
        villages=villages,
        posts=these,
        calls=none,
        bound=last_bound,
        rules=RULES,
        clock=lambda: NOW,
    )
    yield Watched(live, routing, watch, index, posts, bound)
    await routing.close()


def a_unit(name: str, status: UnitStatus = UnitStatus.AVAILABLE) -> UnitRow:
    return UnitRow(
        id=name,
        call_sign=name,
        kind="patrol_car",
        station=None,
        status=status,
        order_id=None,
        order_number=None,
        incident_id=None,
        officers=[],
        devices=[DeviceRow(id=f"{name}-cam", kind="body_camera", model="", shows_orders=True)],
    )


def a_contact(state: Any) -> ContactView:
    return ContactView(
        state=state,
        enters_at=None,
        silent_since=NOW,
        back_at=NOW,
        latest_at=NOW,
        at_scene=False,
        place={},
    )


async def test_whoever_alone_is_near_a_village_is_seen_to_leave_it(watched: Watched) -> None:
    watched.live.put(a_unit("P-01"), crossing(0, 3))
    watched.live.put(a_unit("P-02"), crossing(6, 0))
    watched.live.put(a_unit("P-03"), crossing(6, 1))

    seen = await watched.look()

    lost = seen.left(RULES)
    assert lost["P-01"].worst == "石门村"
    assert lost["P-01"].people >= 310
    assert 0.0 < seen.covered <= 1.0


async def test_only_free_units_with_a_place_on_the_road_count(watched: Watched) -> None:
    watched.live.put(a_unit("P-01"), crossing(0, 3))
    watched.live.put(a_unit("P-02", UnitStatus.EN_ROUTE), crossing(6, 0))
    watched.live.put(a_unit("P-03"), None)

    assert list((await watched.look()).units) == ["P-01"]


async def test_a_county_that_stands_still_is_not_asked_about_again(watched: Watched) -> None:
    watched.live.put(a_unit("P-01"), crossing(0, 3))
    watched.post("station", (3, 1))
    first = await watched.look()
    assert len(watched.routing.asked) == 2

    again = await watched.look()

    assert watched.routing.asked == []
    assert again.losses == first.losses


async def test_who_drove_on_is_asked_about_and_nobody_else(watched: Watched) -> None:
    watched.live.put(a_unit("P-01"), crossing(0, 3))
    watched.live.put(a_unit("P-02"), crossing(6, 0))
    before = (await watched.look()).left(RULES)
    watched.live.put(a_unit("P-01"), crossing(2, 1))

    after = (await watched.look()).left(RULES)

    assert len(watched.routing.asked) == 1
    assert after["P-01"] != before["P-01"]


async def test_another_place_to_wait_in_the_place_of_one_is_asked_about_anew(
    watched: Watched,
) -> None:
    for name in ("P-01", "P-02"):
        watched.live.put(a_unit(name), crossing(6, 1))
    watched.post("bridges", (6, 1))
    assert (await watched.look()).move_ups == ()
    watched.posts.clear()
    watched.post("town", (2, 1))

    (move,) = (await watched.look()).move_ups

    assert move.drive_s > 60.0


async def test_whom_nobody_hears_covers_nobody_unless_a_dead_zone_explains_it(
    watched: Watched,
) -> None:
    for name in ("P-01", "P-02", "P-03"):
        watched.live.put(
            a_unit(name),
            crossing(0, 3),
            online=name == "P-03",
            age_s=UNHEARD.total_seconds() + 1 if name != "P-02" else 60,
        )
    seen = await watched.look()
    assert (list(seen.units), list(seen.unheard)) == (["P-02", "P-03"], ["P-01"])

    for state, units in (("silent", ["P-01", "P-02", "P-03"]), ("overdue", ["P-02", "P-03"])):
        silent = watched.live.unit("P-01")
        assert silent is not None
        watched.live.show(msgspec.structs.replace(silent, contact=a_contact(state)))
        assert sorted((await watched.look()).units) == units


async def test_who_calls_for_help_covers_nobody(watched: Watched) -> None:
    watched.live.put(a_unit("P-01"), crossing(0, 3))
    watched.bound.append(Bound(in_need=frozenset({"P-01"})))

    seen = await watched.look()

    assert (list(seen.units), seen.covered, list(seen.unheard)) == ([], 0.0, [])


async def test_who_waits_at_a_post_covers_it_and_nobody_else_is_sent_there(
    watched: Watched,
) -> None:
    for name in ("P-01", "P-02"):
        watched.live.put(a_unit(name), crossing(6, 1))
    watched.post("town", (2, 1))
    before = await watched.look()
    assert [before.posts[each.post].name for each in before.move_ups] == ["town"]

    watched.live.put(a_unit("P-01", UnitStatus.EN_ROUTE), crossing(5, 1))
    watched.bound.append(Bound(posted={"P-01": crossing(2, 1)}))
    after = await watched.look()

    assert after.covered > before.covered
    assert (list(after.units), len(after.losses)) == (["P-02"], 1)
    assert after.move_ups == ()


async def test_while_as_many_calls_wait_as_units_are_free_nobody_moves_up(
    watched: Watched,
) -> None:
    for name in ("P-01", "P-02"):
        watched.live.put(a_unit(name), crossing(6, 1))
    watched.post("town", (2, 1))

    watched.bound.append(Bound(calls_waiting=1))
    assert len((await watched.look()).move_ups) == 1
    watched.bound.append(Bound(calls_waiting=2))
    assert (await watched.look()).move_ups == ()


@pytest.mark.parametrize(
    ("free_in", "is_missed"),
    [
        (BACK_SOON, False),
        (BACK_SOON + timedelta(seconds=1), True),
        (timedelta(seconds=-1), True),  # late: nobody knows for how long
    ],
)
async def test_who_is_expected_back_soon_needs_nobody_in_his_place(
    watched: Watched, free_in: timedelta, is_missed: bool
) -> None:
    watched.live.put(a_unit("P-00", UnitStatus.ON_SCENE), crossing(2, 1))
    for name in ("P-01", "P-02"):
        watched.live.put(a_unit(name), crossing(6, 1))
    watched.post("town", (2, 1))
    watched.bound.append(Bound(free_at={"P-00": NOW + free_in}))

    seen = await watched.look()

    assert [each.people > 0 for each in seen.move_ups] == [is_missed]
    assert list(seen.units) == ["P-01", "P-02"]


async def test_who_is_on_foot_is_not_asked_to_move_up(watched: Watched) -> None:
    for name in ("P-01", "P-02"):
        watched.live.put(replace(a_unit(name), kind="foot"), crossing(2, 2))
    watched.post("town", (2, 1))
    watched.post("bridges", (6, 1))

    assert (await watched.look()).move_ups == ()


async def test_other_roads_are_asked_about_anew(watched: Watched) -> None:
    watched.live.put(a_unit("P-01"), crossing(0, 3))
    before = await watched.look()
    await watched.routing.set_roads(LiveRoads(version=1, county=Condition.parse("snow")))

    after = await watched.look()

    assert len(watched.routing.asked) == 1
    assert after.losses[0].wait_s != before.losses[0].wait_s


async def test_a_village_with_nobody_and_a_station_with_two_makes_a_proposal(
    watched: Watched,
) -> None:
    for name in ("P-01", "P-02"):
        watched.live.put(a_unit(name), crossing(6, 1))
    watched.post("town", (2, 1))
    watched.post("twin bridges", (6, 1))

    seen = await watched.look()

    (move,) = seen.move_ups[:1]
    assert (seen.posts[move.post].name, move.people >= 9000) == ("town", True)


async def test_without_units_posts_or_villages_nothing_breaks(watched: Watched) -> None:
    seen = await watched.look()

    assert (list(seen.units), list(seen.losses), list(seen.move_ups)) == ([], [], [])
    assert seen.covered == 0.0


async def test_where_routing_is_busy_the_last_picture_stays(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.live.put(a_unit("P-01"), crossing(0, 3))
    first = await watched.look()
    watched.live.put(a_unit("P-02"), crossing(6, 0))

    async def busy(*_: Any) -> Any:
        raise RoutingBusy("64 questions wait already")

    monkeypatch.setattr(watched.routing, "reach", busy)
    with pytest.raises(RoutingBusy):
        await watched.watch.look()

    assert watched.watch.picture is first


async def test_what_was_seen_long_ago_says_nothing(watched: Watched) -> None:
    watched.live.put(a_unit("P-01"), crossing(0, 3))
    assert watched.watch.left(NOW) == {}

    await watched.look()

    assert list(watched.watch.left(NOW + STALE)) == ["P-01"]
    assert watched.watch.left(NOW + STALE + timedelta(seconds=1)) == {}
