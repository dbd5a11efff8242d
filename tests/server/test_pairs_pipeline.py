"""Two units in a recommendation: shown beside the candidates, sent as one group."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from geo.roadmap import RoadMap
from server.stores.pool import Pool
from tests.server.dispatch_room import BY, Room, a_decision, a_room
from tests.small_county import crossing


@pytest.fixture
async def room(pool: Pool, small_map: RoadMap) -> AsyncIterator[Room]:
    async with a_room(pool, small_map) as room:
        yield room


async def test_to_a_fight_two_go_who_meet_before_it_and_both_have_an_order(room: Room) -> None:
    near = await room.add_unit("P-03", crossing(1, 2))
    far = await room.add_unit("P-07", crossing(0, 2))
    await room.add_unit("P-09", crossing(6, 4))
    lon, lat = crossing(3, 2)
    incident = await room.open(type="domestic_violence", lon=lon, lat=lat)

    found = await room.pipeline.recommend(incident.id, by=BY)

    pair = found.pair
    assert pair is not None
    assert pair.call_signs == ["P-03", "P-07"]
    assert [each.code for each in pair.reasons][:2] == ["pair_violence", "pair_lone"]
    etas = {each.unit_id: each.eta_s or 0.0 for each in found.candidates}
    assert pair.first_s <= round(etas[near.id])
    assert round(etas[far.id]) <= pair.both_s < pair.both_p90_s
    assert pair.meets_before
    assert pair.meeting is not None
    assert (pair.meeting.lon, pair.meeting.lat) == pytest.approx(crossing(2, 2), abs=1e-4)
    assert pair.meeting.first_there == "P-03"
    assert pair.meeting.waits_s > 0

    issued, _ = await room.pipeline.dispatch(incident.id, a_decision(found, near, far), by=BY)
    assert [each.unit_id for each in issued] == pair.unit_ids
    assert len({each.decision_id for each in issued}) == 1
    assert {(each.eta_s, each.eta_p90_s) for each in issued} == {(pair.both_s, pair.both_p90_s)}, (
        "they go in together, so neither promises to be there before the other"
    )


async def test_one_of_a_pair_who_goes_alone_is_expected_as_soon_as_it_can_be(room: Room) -> None:
    near = await room.add_unit("P-03", crossing(1, 2))
    await room.add_unit("P-07", crossing(0, 2))
    lon, lat = crossing(3, 2)
    incident = await room.open(type="domestic_violence", lon=lon, lat=lat)
    found = await room.pipeline.recommend(incident.id, by=BY)

    (order,) = await room.send(incident, near, found=found)

    assert order.eta_s == next(each.eta_s for each in found.candidates if each.unit_id == near.id)
