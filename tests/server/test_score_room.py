"""What the database and the roads say of a unit reaches its score."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from geo.roadmap import RoadMap
from server.ids import new_id
from server.stores import roster
from server.stores.units import UnitRow, load_units
from server.views import CandidateView, RecommendationView
from tests.server.dispatch_room import BY, NOW, Room, a_room
from tests.small_county import crossing

NEAR, FAR = crossing(4, 2), crossing(0, 4)


@pytest.fixture
async def room(pool: Any, small_map: RoadMap) -> AsyncIterator[Room]:
    async with a_room(pool, small_map) as room:
        yield room


async def a_station(room: Room, name: str, at: tuple[float, float]) -> str:
    station_id = new_id()
    async with room.pool.acquire() as conn:
        await roster.add_station(conn, station_id=station_id, name=name, lon=at[0], lat=at[1])
    return station_id


async def a_unit(
    room: Room,
    call_sign: str,
    at: tuple[float, float],
    *,
    station_id: str | None = None,
    skills: tuple[str, ...] = (),
    **said: Any,
) -> UnitRow:
    unit = await room.add_unit(call_sign, at, **said)
    async with room.pool.acquire() as conn:
        await conn.execute("UPDATE unit SET station_id = $2 WHERE id = $1", unit.id, station_id)
        await conn.execute(
            "UPDATE officer SET skills = $2 WHERE badge = $1", f"B-{call_sign}", list(skills)
        )
        (row,) = await load_units(conn, unit.id)
    room.live.put(row, at)
    return row


def of(found: RecommendationView, call_sign: str) -> CandidateView:
    (one,) = (each for each in found.candidates if each.call_sign == call_sign)
    return one


def codes(one: CandidateView) -> set[str]:
    return {each.code for each in one.reasons}


async def test_a_place_belongs_to_the_station_that_is_nearest_by_road(room: Room) -> None:
    here, there = await a_station(room, "North", NEAR), await a_station(room, "South", FAR)
    await a_unit(room, "P-01", NEAR, station_id=there)
    await a_unit(room, "P-02", NEAR, station_id=here)
    incident = await room.open()

    found = await room.pipeline.recommend(incident.id, by=BY)

    # As near as the other, and first by its call sign: but the place is not its own.
    assert [each.call_sign for each in found.candidates] == ["P-02", "P-01"]
    stranger = of(found, "P-01")
    assert "other_area" in codes(stranger)
    assert stranger.score is not None
    assert stranger.score.mismatch_s == 60.0
    assert found.runner_up is not None
    assert (found.runner_up.unit_id, found.runner_up.flip.code) == (stranger.unit_id, "flip_area")


async def test_skills_of_a_crew_count_and_those_that_nobody_has_are_said_once(room: Room) -> None:
    await a_unit(room, "P-01", NEAR)
    await a_unit(room, "P-02", NEAR, skills=("traffic",))
    incident = await room.open()  # a traffic collision: traffic and first aid

    found = await room.pipeline.recommend(incident.id, by=BY)

    assert [each.call_sign for each in found.candidates] == ["P-02", "P-01"]
    (lacks,) = (each for each in of(found, "P-01").reasons if each.code == "lacks_skills")
    assert lacks.values["skills_zh"] == "交通事故处理"
    assert [each.code for each in found.remarks] == ["nobody_has"]
    assert found.remarks[0].values["skills_zh"] == "急救"


async def test_where_nobody_keeps_skills_nobody_is_said_to_lack_any(room: Room) -> None:
    await a_unit(room, "P-01", NEAR)
    incident = await room.open()

    found = await room.pipeline.recommend(incident.id, by=BY)

    assert found.remarks == []
    assert "lacks_skills" not in codes(of(found, "P-01"))


async def test_a_unit_near_the_end_of_its_shift_says_so(room: Room) -> None:
    await room.add_unit("P-01", NEAR)  # came on duty an hour before
    room.now = NOW + timedelta(hours=6, minutes=45)
    incident = await room.open()

    found = await room.pipeline.recommend(incident.id, by=BY)

    late = of(found, "P-01")
    assert "overtime" in codes(late)
    assert late.score is not None
    assert late.score.shift_s > 0.0


async def test_where_nobody_is_free_the_view_names_the_first_to_ask(room: Room) -> None:
    resting = await room.add_unit("P-01", NEAR, on_duty=False)
    busy = await room.add_unit("P-02", FAR)
    await room.send(await room.open(), busy)
    incident = await room.open()

    found = await room.pipeline.recommend(incident.id, by=BY)

    assert found.candidates == []
    (proposed,) = (each for each in found.excluded if each.unit_id == found.proposed_id)
    assert proposed.reasons[-1].code == "ask_first"
    assert proposed.unit_id in (resting.id, busy.id)
    assert proposed.score is not None
