"""Closing and slowing roads, and setting conditions: in force at once, kept, journaled, ended."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from geo.ground import Ground
from geo.linear import point_at
from geo.live.conditionfield import DIFFERENT_MAX
from geo.live.extent import Direction, Pick, Picks, RoadSpan, Where, Zone
from geo.mapmaking import build
from geo.roadmap import RoadMap
from protocols.native import Report
from server.dispatch.errors import Conflict, DispatchError, Impossible, NotFound
from server.ids import new_id
from server.ports import LiveRoads
from server.roaddesk import NewCondition, NewRoadState, Span
from server.routing import QUEUE_LEN_MAX, RoutingBusy
from server.stores import journal, roadstate
from server.stores.pool import Pool
from server.stores.roadstate import CONDITIONS, RUNNING_MAX, STATES, ConditionRow, RoadStateRow
from server.surveyor import Surveyor, SurveyorBusy
from server.views import RecommendationView
from tests.patience import PATIENCE_S
from tests.server.dispatch_room import BY, NOW, Room, a_room
from tests.small_county import crossing, source_map

HOUR = timedelta(hours=1)


@pytest.fixture
async def room(pool: Pool, small_map: RoadMap) -> AsyncIterator[Room]:
    async with a_room(pool, small_map) as room:
        yield room


def edge_between(roadmap: RoadMap, a: tuple[int, int], b: tuple[int, int]) -> int:
    """The edge between two neighbouring crossings of the small county."""
    ends = [np.abs(roadmap.node_lonlat - crossing(*each)).sum(axis=1).argmin() for each in (a, b)]
    joins = np.isin(roadmap.edge_tail, ends) & np.isin(roadmap.edge_head, ends)
    return int(np.flatnonzero(joins)[0])


def last_stretch(room: Room) -> Picks:
    """The road from the crossing (4, 2) to the incident at (3, 2)."""
    return Picks(edges=(Pick(edge=edge_between(room.roadmap, (4, 2), (3, 2))),))


async def close(room: Room, where: Where | None = None, **changed: Any) -> RoadStateRow:
    row, _ = await room.road_desk.set_state(
        a_closure(where or last_stretch(room), **changed), by=BY
    )
    return row


def a_closure(where: Where, **changed: Any) -> NewRoadState:
    values: dict[str, Any] = {
        "request_id": new_id(),
        "state": "closed",
        "where": where,
        "reason": "rockfall",
    }
    return NewRoadState(**(values | changed))


async def weather(room: Room, condition: str, **changed: Any) -> ConditionRow:
    values: dict[str, Any] = {"request_id": new_id(), "condition": condition, "zone": None}
    row, _ = await room.road_desk.set_condition(NewCondition(**(values | changed)), by=BY)
    return row


async def end(room: Room, row: RoadStateRow | ConditionRow) -> None:
    if isinstance(row, RoadStateRow):
        await room.road_desk.end(STATES, row.id, reason="cleared", by=BY)
    else:
        await room.road_desk.end(CONDITIONS, row.id, reason="over", by=BY)


@asynccontextmanager
async def running(work: Callable[[], Any]) -> AsyncIterator[None]:
    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def change_of(room: Room) -> AsyncIterator[None]:
    """Wait at the end of the block until the picture has changed since its beginning."""
    changed = asyncio.Event()
    room.roads.on_change(changed.set)
    yield
    await asyncio.wait_for(changed.wait(), PATIENCE_S)


async def two_units(room: Room) -> tuple[str, Callable[[], Any]]:
    """Near over the stretch that tests close, far on the other side; the incident between."""
    await room.add_unit("near", crossing(4, 2))
    await room.add_unit("far", crossing(1, 2))
    incident = await room.open()
    return incident.id, lambda: room.pipeline.recommend(incident.id, by=BY)


def first(found: RecommendationView) -> str:
    return found.candidates[0].call_sign


async def eta_s(room: Room, a: tuple[int, int] = (5, 2), b: tuple[int, int] = (0, 2)) -> float:
    source, target = [await room.routing.snap(*crossing(*each)) for each in (a, b)]
    return float((await room.routing.etas([source], target))[0])


# -- in force --------------------------------------------------------------------------------


async def test_a_closed_road_changes_the_next_recommendation_until_it_ends(room: Room) -> None:
    _, recommend = await two_units(room)
    before = await recommend()

    row = await close(room)
    during = await recommend()
    await end(room, row)
    after = await recommend()

    assert [first(each) for each in (before, during, after)] == ["near", "far", "near"]
    assert after.candidates[0].eta_s == before.candidates[0].eta_s
    assert [each.road_version for each in (before, during, after)] == [0, 1, 2]


async def test_a_slowed_road_takes_longer(room: Room) -> None:
    straight_s = await eta_s(room, (4, 2), (3, 2))

    await close(room, state="slow", factor=1.2)

    assert await eta_s(room, (4, 2), (3, 2)) == pytest.approx(1.2 * straight_s, rel=0.001)


async def test_a_road_closed_one_way_is_open_the_other(room: Room) -> None:
    there_s, back_s = await eta_s(room, (4, 2), (3, 2)), await eta_s(room, (3, 2), (4, 2))
    (pick,) = last_stretch(room).edges
    tail = room.roadmap.node_lonlat[room.roadmap.edge_tail[pick.edge]]
    from_tail = np.abs(tail - crossing(4, 2)).sum() < 1e-6
    side = Direction.FORWARD if from_tail else Direction.BACKWARD

    await close(room, Picks(edges=(replace(pick, direction=side),)))

    assert await eta_s(room, (4, 2), (3, 2)) > there_s
    assert await eta_s(room, (3, 2), (4, 2)) == back_s


@pytest.mark.parametrize(
    ("where", "place"),
    [
        (RoadSpan(ref="x 02", from_km=0.5, to_km=9.0), "X02 km 0.5–9.0"),
        (
            Zone(corners=((100.24, 27.53), (100.28, 27.53), (100.28, 27.55), (100.24, 27.55))),
            "宁河镇 2.1 km NE, X02 km 4.6",
        ),
    ],
)
async def test_roads_close_between_kilometres_and_inside_a_polygon(
    room: Room, where: Where, place: str
) -> None:
    before_s = await eta_s(room)

    row = await close(room, where)

    assert await eta_s(room) > before_s
    assert row.place == place


async def test_a_scene_on_a_closed_road_is_driven_to_slowly_and_said_to_be(room: Room) -> None:
    """From both its ends; and a unit inside it sets off to other places, through no other road."""
    (pick,) = last_stretch(room).edges
    lon, lat = point_at(room.roadmap, pick.edge, 0.5)
    await room.add_unit("near", crossing(4, 2))
    await room.add_unit("inside", (lon, lat))
    incident = await room.open(lon=lon, lat=lat)
    open_found = await room.pipeline.recommend(incident.id, by=BY)
    elsewhere = await room.open()

    await close(room)
    found = await room.pipeline.recommend(incident.id, by=BY)
    away = await room.pipeline.recommend(elsewhere.id, by=BY)

    before_s, after_s = (each.candidates[1].eta_s or 0.0 for each in (open_found, found))
    assert [each.call_sign for each in found.candidates] == ["inside", "near"]
    assert 2.0 * before_s < after_s < 4.1 * before_s
    assert "closed_at_place" in {reason.code for reason in found.candidates[1].reasons}
    assert all(each.eta_s is not None for each in away.candidates)
    codes = {reason.code for each in away.candidates for reason in each.reasons}
    assert "closed_at_place" not in codes


async def test_a_recommendation_under_way_when_a_road_closes_is_computed_anew(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is of one moment: the times and the ways, and the version it says."""
    _, recommend = await two_units(room)
    arrivals = room.routing.arrivals
    asked = 0

    async def closing(*question: Any) -> Any:
        nonlocal asked
        asked += 1
        found = await arrivals(*question)
        if asked == 1:
            await close(room)
        return found

    monkeypatch.setattr(room.routing, "arrivals", closing)

    found = await recommend()

    assert asked == 2
    assert (first(found), found.road_version) == ("far", 1)


async def test_a_closure_is_not_refused_when_routing_is_busy(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queries are, beyond a number that wait."""
    places = [await room.routing.snap(*crossing(column, 2)) for column in (0, 5)]
    hold, fleet, set_roads = threading.Event(), Ground.fleet, room.routing.set_roads

    def held(ground: Ground, *question: Any) -> Any:
        assert hold.wait(PATIENCE_S)
        return fleet(ground, *question)

    async def set_behind_them(roads: LiveRoads) -> None:
        setting = asyncio.create_task(set_roads(roads))
        await asyncio.sleep(0)
        hold.set()
        await setting

    monkeypatch.setattr(Ground, "fleet", held)
    monkeypatch.setattr(room.routing, "set_roads", set_behind_them)
    questions = [asyncio.create_task(room.routing.etas(places, places[0])) for _ in range(100)]

    row = await close(room)

    answers = await asyncio.gather(*questions, return_exceptions=True)
    assert sum(isinstance(each, RoutingBusy) for each in answers) == 100 - QUEUE_LEN_MAX
    assert row.holds
    assert room.routing.roads.version == 1


async def test_a_road_closes_while_the_surveyor_is_busy(room: Room) -> None:
    """What is set already comes into force; only new questions are refused."""
    hold = threading.Event()
    row = await close(room)
    asked = [
        asyncio.create_task(room.surveyor.ask(lambda _: hold.wait(PATIENCE_S))) for _ in range(64)
    ]
    await asyncio.sleep(0)
    with pytest.raises(SurveyorBusy):
        await close(room)

    ending = asyncio.create_task(end(room, row))
    await asyncio.sleep(0)
    hold.set()
    await ending

    assert room.routing.roads.overrides == {}
    assert all(await asyncio.gather(*asked))


# -- once, and kept --------------------------------------------------------------------------


async def test_the_same_request_closes_one_road(room: Room) -> None:
    wanted = a_closure(last_stretch(room))

    first_row, fresh = await room.road_desk.set_state(wanted, by=BY)
    again, second = await room.road_desk.set_state(wanted, by="user:li")

    assert (fresh, second) == (True, False)
    assert again == first_row
    assert await room.kinds() == ["road.closed"]


async def test_equal_requests_at_once_close_one_road(room: Room) -> None:
    wanted = a_closure(last_stretch(room))

    done = await asyncio.gather(*(room.road_desk.set_state(wanted, by=BY) for _ in range(5)))

    assert len({row.id for row, _ in done}) == 1
    assert sum(fresh for _, fresh in done) == 1


async def test_a_step_that_cannot_be_journaled_does_not_happen(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*entries: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(journal, "append_all", full)

    with pytest.raises(OSError, match="no space"):
        await close(room)

    assert await room.fetch("SELECT 1 FROM road_state") == []
    assert room.routing.roads.overrides == {}


async def test_what_runs_survives_a_restart(pool: Pool, small_map: RoadMap) -> None:
    async with a_room(pool, small_map) as room:
        open_s = await eta_s(room, (4, 2), (3, 2))
        row = await close(room)
        closed_s = await eta_s(room, (4, 2), (3, 2))

    async with a_room(pool, small_map) as room:
        assert await eta_s(room, (4, 2), (3, 2)) == closed_s > open_s
        (seen,) = room.roads.view().states
        assert (seen.id, seen.status, seen.reason) == (row.id, "in_force", "rockfall")


async def test_the_command_log_says_what_held(room: Room) -> None:
    incident_id, recommend = await two_units(room)
    row = await close(room, span=Span(expires_at=NOW + HOUR))
    await recommend()
    await end(room, row)

    rows = await room.fetch("SELECT kind, actor, subject, body FROM journal_entry ORDER BY id")
    closed, computed, reopened = rows[-3:]
    assert [each["kind"] for each in rows[-3:]] == [
        "road.closed",
        "recommendation.computed",
        "road.reopened",
    ]
    assert (closed["actor"], closed["subject"]) == (BY, f"road:{row.id}")
    assert closed["body"]["reason"] == "rockfall"
    assert closed["body"]["expires_at"] == "2026-01-31T09:00:00Z"
    assert closed["body"]["extent"]["edges"][0]["lat"] == pytest.approx(27.54, abs=0.01)
    assert (closed["body"]["version"], reopened["body"]["version"]) == (1, 2)
    assert computed["subject"] == f"incident:{incident_id}"
    assert (computed["body"]["roads"], computed["body"]["conditions"]) == (1, ["dry"])
    assert (reopened["actor"], reopened["body"]["reason"]) == (BY, "cleared")


async def test_rows_are_history_that_the_program_cannot_change(room: Room) -> None:
    await close(room)

    for statement in (
        "DELETE FROM road_state",
        "UPDATE road_state SET reason = 'none'",
        "UPDATE road_state SET expires_at = now()",
        "TRUNCATE road_condition",
    ):
        with pytest.raises(Exception, match="permission denied"):
            await room.fetch(statement)


# -- time ------------------------------------------------------------------------------------


async def test_a_road_opens_by_itself_when_its_time_is_over(room: Room) -> None:
    _, recommend = await two_units(room)
    row = await close(room, span=Span(expires_at=NOW + HOUR))
    room.now = NOW + HOUR - timedelta(seconds=1)
    await room.road_desk.turn_over()
    before = await recommend()

    room.now = NOW + HOUR + timedelta(seconds=3)
    await room.road_desk.turn_over()

    assert (first(before), first(await recommend())) == ("far", "near")
    (seen,) = room.roads.view().states
    assert (seen.id, seen.status, seen.ended_by) == (row.id, "ended", "system")
    assert seen.ended_at == NOW + HOUR
    (entry,) = await room.fetch("SELECT * FROM journal_entry WHERE kind = 'road.reopened'")
    assert (entry["actor"], entry["body"]["reason"]) == ("system", "expired")


async def test_a_closure_set_for_later_begins_by_itself(room: Room) -> None:
    open_s = await eta_s(room, (4, 2), (3, 2))
    await close(room, span=Span(starts_at=NOW + HOUR))
    assert room.roads.view().states[0].status == "scheduled"
    assert await eta_s(room, (4, 2), (3, 2)) == open_s

    room.now = NOW + HOUR
    await room.road_desk.turn_over()

    assert room.roads.view().states[0].status == "in_force"
    assert await eta_s(room, (4, 2), (3, 2)) > open_s
    assert await room.kinds() == ["road.closed", "road.begun"]


async def test_what_ran_out_while_no_server_ran_ends_at_the_start(
    pool: Pool, small_map: RoadMap
) -> None:
    async with a_room(pool, small_map) as room:
        await close(room, span=Span(starts_at=NOW + HOUR, expires_at=NOW + 2 * HOUR))

    async with a_room(pool, small_map) as room:
        room.now = NOW + 5 * HOUR
        await room.road_desk.turn_over()

        (seen,) = room.roads.view().states
        assert (seen.status, seen.ended_at) == ("ended", NOW + 2 * HOUR)
        assert room.routing.roads.overrides == {}
        assert await room.kinds() == ["road.closed", "road.begun", "road.reopened"]


async def test_the_timer_wakes_at_the_moment_of_expiry(room: Room) -> None:
    async with running(room.road_desk.run):
        await close(room, span=Span(expires_at=NOW + HOUR))
        async with change_of(room):
            room.now = NOW + HOUR
            room.fanout.publish("resync", "")

    assert room.roads.view().states[0].status == "ended"


async def test_two_servers_end_what_runs_out_once(pool: Pool, small_map: RoadMap) -> None:
    async with a_room(pool, small_map) as here, a_room(pool, small_map) as there:
        await close(here, span=Span(expires_at=NOW + HOUR))
        here.now = there.now = NOW + HOUR

        await asyncio.gather(*(each.road_desk.turn_over() for each in (here, there, here, there)))

        assert await here.kinds() == ["road.closed", "road.reopened"]


# -- two servers -----------------------------------------------------------------------------


async def test_another_server_hears_of_a_closure_at_once(pool: Pool, small_map: RoadMap) -> None:
    async with (
        a_room(pool, small_map) as here,
        a_room(pool, small_map, fanout=here.fanout) as there,
        running(there.road_desk.run),
    ):
        async with change_of(there):
            await close(here)

        assert there.routing.roads.overrides == here.routing.roads.overrides != {}
        assert there.routing.roads.version == 1


async def test_another_server_that_heard_nothing_sees_it_before_it_recommends(
    pool: Pool, small_map: RoadMap
) -> None:
    async with a_room(pool, small_map) as here, a_room(pool, small_map) as there:
        _, recommend = await two_units(there)
        before = await recommend()

        await close(here)

        assert (first(before), first(await recommend())) == ("near", "far")


# -- another map -----------------------------------------------------------------------------


async def test_picked_edges_are_found_again_on_a_rebuilt_map(
    pool: Pool, small_map: RoadMap
) -> None:
    async with a_room(pool, small_map) as room:
        await close(room)
        closed_s = await eta_s(room, (4, 2), (3, 2))
    source = source_map()
    rebuilt = build.build(replace(source, ways=[replace(way) for way in source.ways[8:]]))
    assert rebuilt.meta.map_id != small_map.meta.map_id
    stretch = ((4, 2), (3, 2))
    assert edge_between(rebuilt, *stretch) != edge_between(small_map, *stretch)

    async with a_room(pool, rebuilt) as room:
        edges = {arc >> 1 for arc in room.routing.roads.overrides}
        assert edges == {edge_between(rebuilt, *stretch)}
        assert await eta_s(room, (4, 2), (3, 2)) == pytest.approx(closed_s, rel=0.5)


async def test_a_road_that_a_rebuilt_map_lost_is_still_listed(
    pool: Pool, small_map: RoadMap
) -> None:
    async with a_room(pool, small_map) as room:
        await close(room, RoadSpan(ref="X00", from_km=0, to_km=3))
    source = source_map()
    kept = [way for way in source.ways if way.tags.get("ref") != "X00"]

    async with a_room(pool, build.build(replace(source, ways=kept))) as room:
        (seen,) = room.roads.view().states
        assert (seen.status, seen.length_km) == ("in_force", None)
        assert room.routing.roads.overrides == {}


async def test_an_area_that_a_new_map_cannot_take_does_not_stop_the_start(
    pool: Pool, small_map: RoadMap
) -> None:
    async with a_room(pool, small_map) as room:
        row = await weather(room, "snow", zone=around(small_map, 0))
    crossed = [[100.2, 27.5], [100.3, 27.55], [100.3, 27.5], [100.2, 27.55]]
    extent = {"kind": "polygon", "corners": crossed}
    async with pool.acquire() as conn:
        again = replace(row, id=new_id(), extent=extent)
        await roadstate.insert(conn, CONDITIONS, again, request_id="of another map")
        await roadstate.next_version(conn)

    async with a_room(pool, small_map) as room:
        assert len(room.roads.view().conditions) == 2


# -- conditions ------------------------------------------------------------------------------


async def test_a_condition_counts_once_its_travel_times_are_there(room: Room) -> None:
    dry_s = await eta_s(room)
    await weather(room, "night,snow")
    assert room.roads.view().conditions[0].status == "preparing"
    assert room.routing.roads.conditions == ("dry",)

    async with running(room.roads.run), change_of(room):
        pass

    view = room.roads.view()
    assert (view.county, view.conditions[0].status) == ("snow,night", "in_force")
    assert await eta_s(room) > dry_s


async def test_roads_close_while_travel_times_of_a_condition_are_missing(room: Room) -> None:
    await weather(room, "snow")
    open_s = await eta_s(room, (4, 2), (3, 2))

    await close(room)

    assert await eta_s(room, (4, 2), (3, 2)) > open_s
    assert room.roads.view().states[0].status == "in_force"


async def test_a_condition_of_an_area_ends_at_its_rim(room: Room) -> None:
    west = Zone(corners=((100.19, 27.49), (100.25, 27.49), (100.25, 27.59), (100.19, 27.59)))
    inside_s, outside_s = await eta_s(room, (1, 2), (0, 2)), await eta_s(room, (6, 2), (5, 2))
    async with running(room.roads.run):
        async with change_of(room):
            row = await weather(room, "snow", zone=west)
        while room.roads.view().conditions[0].status == "preparing":
            async with change_of(room):
                pass
        assert await eta_s(room, (1, 2), (0, 2)) > inside_s
        assert await eta_s(room, (6, 2), (5, 2)) == outside_s
        assert ",".join(room.routing.roads.conditions) == "dry,snow"

        await end(room, row)
        assert await eta_s(room, (1, 2), (0, 2)) == inside_s
        assert ",".join(room.routing.roads.conditions) == "dry"


async def test_conditions_are_journaled_in_canonical_words(room: Room) -> None:
    row = await weather(room, "night, snow", span=Span(expires_at=NOW + HOUR))
    room.now = NOW + HOUR
    await room.road_desk.turn_over()

    rows = await room.fetch("SELECT kind, actor, subject, body FROM journal_entry ORDER BY id")
    assert [(each["kind"], each["actor"]) for each in rows] == [
        ("condition.set", BY),
        ("condition.ended", "system"),
    ]
    assert rows[0]["body"]["condition"] == "snow,night"
    assert rows[0]["subject"] == f"condition:{row.id}"


# -- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"reason": ""}, "no_reason"),
        ({"state": "slow"}, "bad_factor"),
        ({"state": "slow", "factor": 1.01}, "bad_factor"),
        ({"state": "slow", "factor": 21.0}, "bad_factor"),
        ({"factor": 2.0}, "bad_factor"),
        ({"span": Span(expires_at=NOW)}, "bad_span"),
        ({"span": Span(starts_at=NOW + HOUR, expires_at=NOW + HOUR)}, "bad_span"),
        ({"span": Span(expires_at=NOW + timedelta(days=400))}, "bad_span"),
        ({"span": Span(starts_at=NOW + timedelta(days=400))}, "bad_span"),
        ({"where": RoadSpan(ref="G1", from_km=0, to_km=1)}, "no_such_road"),
        ({"where": Picks(edges=(Pick(edge=9999),))}, "no_such_edge"),
        ({"where": Zone(corners=((100.2, 27.5), (100.21, 27.5)))}, "bad_polygon"),
    ],
)
async def test_closures_that_cannot_be(room: Room, changed: dict[str, Any], code: str) -> None:
    with pytest.raises(Impossible) as caught:
        await room.road_desk.set_state(
            a_closure(**({"where": last_stretch(room)} | changed)), by=BY
        )

    assert caught.value.code == code
    assert await room.kinds() == []


@pytest.mark.parametrize(
    ("condition", "changed", "code"),
    [
        ("sunshine", {}, "bad_condition"),
        ("dry", {}, "bad_condition"),
        ("fog=1", {}, "bad_condition"),
        ("rain", {"span": Span(expires_at=NOW - HOUR)}, "bad_span"),
        ("rain", {"zone": Zone(corners=((9, 9), (9, 10), (10, 10)))}, "no_road_inside"),
        ("rain", {"zone": Zone(corners=((9, 9), (9, 10)))}, "bad_polygon"),
    ],
)
async def test_conditions_that_cannot_be(
    room: Room, condition: str, changed: dict[str, Any], code: str
) -> None:
    with pytest.raises(Impossible) as caught:
        await weather(room, condition, **changed)

    assert caught.value.code == code
    assert await room.kinds() == []


async def test_ending_needs_a_reason_and_something_that_runs(room: Room) -> None:
    row = await close(room)
    desk = room.road_desk

    async def refused(row_id: str, reason: str) -> DispatchError:
        with pytest.raises(DispatchError) as caught:
            await desk.end(STATES, row_id, reason=reason, by=BY)
        return caught.value

    assert (await refused(row.id, "")).code == "no_reason"
    assert isinstance(await refused(new_id(), "cleared"), NotFound)
    await end(room, row)
    assert isinstance(again := await refused(row.id, "cleared"), Conflict)
    assert again.code == "ended"


async def test_so_many_roads_are_closed_at_once_and_no_more(room: Room) -> None:
    await close(room)
    await room.fetch(
        "INSERT INTO road_state (id, request_id, state, extent, map_id, place, reason, set_by,"
        " set_at, starts_at, begun_at) SELECT gen_random_uuid(), 'r' || n, state, extent, map_id,"
        " place, reason, set_by, set_at, starts_at, begun_at"
        " FROM road_state, generate_series(2, $1) n",
        RUNNING_MAX,
    )

    with pytest.raises(Conflict) as caught:
        await close(room)

    assert caught.value.code == "too_many"


async def test_too_many_different_conditions_are_refused(room: Room) -> None:
    """The county's counts as one."""
    for edge in range(DIFFERENT_MAX - 1):
        await weather(room, f"fog={100 + edge}", zone=around(room.roadmap, edge))

    with pytest.raises(Conflict) as caught:
        await weather(room, "snow", zone=around(room.roadmap, DIFFERENT_MAX))

    assert caught.value.code == "too_many"


def around(roadmap: RoadMap, edge: int) -> Zone:
    lon, lat = point_at(roadmap, edge, 0.5)
    turns = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return Zone(corners=tuple((lon + 0.004 * x, lat + 0.004 * y) for x, y in turns))


async def test_the_history_is_read_by_the_page(room: Room) -> None:
    rows = [await close(room) for _ in range(3)]
    await end(room, rows[1])

    async with room.pool.acquire() as conn:
        newest = await roadstate.load_page(conn, STATES, limit=2)
        rest = await roadstate.load_page(conn, STATES, before=newest[-1].number)

    assert [each.id for each in (*newest, *rest)] == [row.id for row in rows[::-1]]
    assert newest[1].ended_by == BY


async def test_the_surveyor_refuses_what_it_cannot_answer_soon(small_map: RoadMap) -> None:
    surveyor, answered = Surveyor(small_map, queue_len_max=2), threading.Event()
    try:
        async with asyncio.TaskGroup() as asking:
            for _ in range(2):
                asking.create_task(surveyor.ask(lambda _: answered.wait()))
            third = asking.create_task(refused(surveyor))
            third.add_done_callback(lambda _: answered.set())
    finally:
        answered.set()
        await surveyor.close()

    assert third.result()


async def refused(surveyor: Surveyor) -> bool:
    try:
        await surveyor.survey(RoadSpan(ref="G320", from_km=1, to_km=2))
    except SurveyorBusy:
        return True
    return False


async def test_handsets_of_units_under_way_are_told_when_a_road_is_closed_and_free_again(
    room: Room,
) -> None:
    under_way = await room.add_unit("P-01", crossing(0, 2))
    there = await room.add_unit("P-02", crossing(3, 2))
    await room.add_unit("P-03", crossing(5, 2))
    orders = await room.send(await room.open(), under_way, there)
    of = {order.call_sign: order for order in orders}
    task = (await room.tasks(of["P-02"]))["P-02-handset"]
    for step in (Report.ACCEPTED, Report.EN_ROUTE, Report.ON_SCENE):
        await room.report("P-02-handset", task, step, by="B-P-02")

    row = await close(room)
    await close(room, span=Span(starts_at=NOW + HOUR))
    await weather(room, "rain")
    await end(room, row)

    notices = await room.fetch(
        "SELECT device_id, order_id, body FROM command WHERE kind = 'notice' ORDER BY seq"
    )
    task = (await room.tasks(of["P-01"]))["P-01-handset"]
    assert [(each["device_id"], each["order_id"]) for each in notices] == [
        ("P-01-handset", of["P-01"].id)
    ] * 2
    assert {each["body"]["why"] for each in notices} == {"route_changed"}
    assert {each["body"]["ref"] for each in notices} == {task}
