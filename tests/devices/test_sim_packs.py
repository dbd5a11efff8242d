"""The batteries of a simulated fleet: hidden models, what devices do, and what they say."""

from __future__ import annotations

from itertools import pairwise

import pytest

from devices.battery.model import Load
from devices.sim.packs import NONSENSE_PCT, NONSENSE_SHARE, Pack, Packs, Use, make_of

STREAM = Use(loads=frozenset({Load.STREAM_HIGH}), temp_c=-10.0, weak=1.0)


def some(count: int = 4, seed: int = 1) -> tuple[Packs, list[Pack]]:
    packs = Packs([(f"cam-{n}", "body_camera", "BC-2") for n in range(count)], seed)
    found = [packs.of(f"cam-{n}") for n in range(count)]
    return packs, [pack for pack in found if pack is not None]


def test_a_model_is_the_same_for_all_its_devices_and_another_under_another_seed() -> None:
    assert make_of("body_camera", "BC-2", 1) == make_of("body_camera", "BC-2", 1)
    makes = [make_of("body_camera", "BC-2", seed) for seed in range(20)]
    assert len({make.thirst for make in makes if make is not None}) == 20
    assert make_of("vehicle", "V-1", 1) is None


def test_a_device_on_its_vehicles_supply_has_no_pack() -> None:
    packs = Packs([("v", "vehicle", ""), ("c", "body_camera", "")], 1)

    assert packs.of("v") is None
    assert packs.of("c") is not None


def test_levels_fall_in_use_until_the_reserve_and_rise_on_a_charger_alone() -> None:
    packs, (worn, docked, *_) = some()
    worn.use, docked.use = STREAM, Use(charging=True)

    worn_levels, docked_levels = [worn.level_pct], [docked.level_pct]
    for _ in range(600):
        packs.live(60.0)
        worn_levels.append(worn.level_pct)
        docked_levels.append(docked.level_pct)

    assert all(after <= before for before, after in pairwise(worn_levels))
    assert worn.empty
    assert worn.level_pct <= 5
    assert all(after >= before for before, after in pairwise(docked_levels))
    assert docked.level_pct == 100


def test_a_swap_concerns_one_device_and_shows_at_once() -> None:
    packs, (low, other, *_) = some()
    low.use = STREAM
    for _ in range(600):
        packs.live(60.0)
    before = other.level_pct

    low.swap()

    assert low.level_pct >= 75
    assert not low.empty
    assert other.level_pct == before


def test_now_and_then_a_reading_is_nonsense() -> None:
    _, (pack, *_) = some()

    readings = [pack.reading_pct() for _ in range(20_000)]

    odd = [each for each in readings if each != pack.level_pct]
    assert set(odd) == set(NONSENSE_PCT)
    pack.use = Use(charging=True)
    assert 0 in {pack.reading_pct() for _ in range(20_000)}
    assert len(odd) / 20_000 == pytest.approx(NONSENSE_SHARE, rel=0.7)


def test_the_same_seed_lives_the_same_life() -> None:
    def life(seed: int) -> list[int]:
        packs, (pack, *_) = some(seed=seed)
        pack.use = STREAM
        levels = []
        for _ in range(100):
            packs.live(60.0)
            levels.append(pack.level_pct)
        return levels

    assert life(3) == life(3)
    assert life(3) != life(4)
