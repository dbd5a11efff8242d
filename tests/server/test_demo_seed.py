"""The invented roster: complete, seeded, all or nothing, and its secrets for one reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.roadmap import RoadMap
from server import demo
from server.dispatch.runcardfile import shipped
from server.http.errors import ApiError
from server.stores import units
from server.stores.pool import Pool


async def test_every_unit_has_crew_devices_and_a_running_shift(
    pool: Pool, small_map: RoadMap
) -> None:
    await demo.seed(pool, small_map, units=12)

    rows = await units.load_units(pool)

    assert len(rows) == 12
    assert all(row.status == "available" and row.officers and row.station for row in rows)
    assert all({d.kind for d in row.devices} == {"body_camera", "handset"} for row in rows)


async def test_somebody_can_do_each_thing_that_the_run_cards_ask_for(
    pool: Pool, small_map: RoadMap
) -> None:
    await demo.seed(pool, small_map)

    officers = [each for row in await units.load_units(pool) for each in row.officers]

    asked_for = {skill for card in shipped().cards for skill in card.skills}
    assert {skill for each in officers for skill in each.skills} >= asked_for
    assert any(not each.skills for each in officers)
    assert demo.SKILLED.keys() == {each.code for each in shipped().skills}


async def test_one_handset_is_left_to_the_officer_who_can_sign_in(
    pool: Pool, small_map: RoadMap
) -> None:
    made = await demo.seed(pool, small_map, units=3)

    (left,) = [device for device in made.fleet.devices if not device.simulated]
    (officer,) = [login for login in made.logins if "officer" in login.roles]
    assert (left.kind, left.call_sign) == ("handset", officer.unit)


async def test_a_second_seeding_is_refused_whole(pool: Pool, small_map: RoadMap) -> None:
    first = await demo.seed(pool, small_map, units=5, seed=9)

    with pytest.raises(ApiError, match="already"):
        await demo.seed(pool, small_map, units=5, seed=9)

    assert len({device.token for device in first.fleet.devices}) == 10
    assert await pool.fetchval("SELECT count(*) FROM unit") == 5


@pytest.mark.parametrize("count", [0, demo.UNITS_MAX + 1])
async def test_impossible_numbers_are_refused(pool: Pool, small_map: RoadMap, count: int) -> None:
    with pytest.raises(ValueError, match="units must be"):
        await demo.seed(pool, small_map, units=count)


async def test_fleet_file_is_for_its_owner_only(
    pool: Pool, small_map: RoadMap, tmp_path: Path
) -> None:
    made = await demo.seed(pool, small_map, units=2)

    demo.write_fleet(made.fleet, tmp_path / "fleet.json")

    assert (tmp_path / "fleet.json").stat().st_mode & 0o777 == 0o600
    assert demo.read_fleet(tmp_path / "fleet.json") == made.fleet
