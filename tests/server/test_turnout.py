"""From the order until a unit drives: a setting, part of every arrival, and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from geo.driving.vehicles import Mode
from geo.roadmap import RoadMap
from server.dispatch.turnout import AT_ONCE, TURNOUT_S_MAX, Turnout
from server.envvalues import SettingsError
from server.settings import from_env
from server.stores.pool import Pool
from server.stores.units import load_units
from server.views import CandidateView
from tests.server.dispatch_room import BY, Room, a_room
from tests.small_county import crossing

TURNOUT = Turnout(station_routine_s=120.0, station_urgent_s=60.0, road_s=10.0)


async def candidates(room: Room, priority: str, *, at_station: bool) -> list[CandidateView]:
    unit = await room.add_unit("P-01", crossing(4, 2))
    async with room.pool.acquire() as conn:
        (row,) = await load_units(conn, unit.id)
    room.live.put(row, crossing(4, 2), at_station=at_station)
    incident = await room.open(priority=priority)
    return list((await room.pipeline.recommend(incident.id, by=BY)).candidates)


@pytest.mark.parametrize(
    ("priority", "at_station", "turnout_s"),
    [
        ("routine", True, 120.0),
        ("emergency", True, 60.0),
        ("routine", False, 10.0),
        ("emergency", False, 10.0),
    ],
)
async def test_it_is_part_of_the_arrival_and_said(
    pool: Pool, small_map: RoadMap, priority: str, at_station: bool, turnout_s: float
) -> None:
    async with a_room(pool, small_map, turnout=TURNOUT) as room:
        (found,) = await candidates(room, priority, at_station=at_station)
        snap = room.live.snap(found.unit_id)
        assert snap is not None
        mode = Mode.URGENT if priority == "emergency" else Mode.ROUTINE
        incident = await room.open(priority=priority)
        lead = await room.routing.lead(
            room.traveller(found.unit_id), incident.lon, incident.lat, mode
        )

    assert found.eta_s is not None
    assert found.eta_s == pytest.approx(lead.duration_s + turnout_s, abs=0.01)
    assert found.eta_p90_s is not None
    assert found.eta_p90_s > found.eta_s
    (said,) = [each for each in found.reasons if each.code == "turnout"]
    assert said.values == {"min": round(turnout_s / 60.0, 1)}
    assert "until the unit sets off" in said.text


async def test_where_there_is_none_nothing_is_said(pool: Pool, small_map: RoadMap) -> None:
    async with a_room(pool, small_map, turnout=AT_ONCE) as room:
        (found,) = await candidates(room, "routine", at_station=True)

    assert "turnout" not in [each.code for each in found.reasons]


def settings_of(tmp_path: Path, **env: str) -> Any:
    return from_env(data_dir=tmp_path, map_dir=tmp_path, env=env)


def test_it_is_a_setting(tmp_path: Path) -> None:
    found = settings_of(
        tmp_path, RIDGELINE_TURNOUT_STATION_URGENT_S="45.5", RIDGELINE_TURNOUT_ROAD_S="0"
    )

    assert found.turnout == Turnout(station_urgent_s=45.5, road_s=0.0)
    assert settings_of(tmp_path).turnout == Turnout()


@pytest.mark.parametrize("text", ["-1", "nan", "soon", str(TURNOUT_S_MAX + 1)])
def test_what_cannot_be_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"RIDGELINE_TURNOUT_ROAD_S is .*; it must be seconds"):
        settings_of(tmp_path, RIDGELINE_TURNOUT_ROAD_S=text)
