"""Simulated batteries: what their gauges show, and what their hidden numbers do."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from devices.battery.model import CAMERA_W, LOADS, PACK_LOG_SD, SHARED_LOG_SD, Load, mask_of
from devices.sim.cells import CYCLES_MAX, FULL_PCT, MAKES, Cells, Make

COUNT = 50
RECORD = np.full(COUNT, mask_of({Load.RECORD}))
NONE, MILD, CHARGED = np.zeros(COUNT), np.full(COUNT, 25.0), np.ones(COUNT, dtype=np.bool_)
WORN = ~CHARGED


def cells(make: Make = MAKES[0], n: int = COUNT, differ: float = 1.0) -> Cells:
    return Cells([make] * n, np.random.default_rng(1), differ)


@pytest.mark.parametrize("number", range(len(MAKES)))
def test_a_gauge_shows_steps_and_never_rises_in_use(number: int) -> None:
    some = cells(MAKES[number])

    levels = [some.level_pct]
    for _ in range(200):
        some.step(600.0, RECORD, NONE, NONE, WORN)
        levels.append(some.level_pct)

    assert all((after <= before).all() for before, after in pairwise(levels))
    assert not (np.array(levels) % MAKES[number].step_pct).any()
    assert some.empty.all()


def test_a_charger_fills_and_no_further() -> None:
    some = cells()

    some.step(7200.0, RECORD, MILD, NONE, CHARGED)

    assert (some.level_pct == 100.0).all()
    assert (some.charge_pct == FULL_PCT).all()


def test_an_empty_pack_does_not_owe_and_comes_back_on_the_charger() -> None:
    some = cells()
    some.step(100 * 3600.0, RECORD, MILD, NONE, WORN)

    some.step(900.0, RECORD, MILD, NONE, CHARGED)

    assert (some.level_pct > 10.0).all()


def test_a_swap_concerns_its_device_alone() -> None:
    some = cells()
    rate, charge = some.log_rate.copy(), some.charge_pct.copy()

    some.swap(np.arange(COUNT) == 7)

    assert np.flatnonzero((some.log_rate != rate).any(axis=1)).tolist() == [7]
    assert np.flatnonzero(some.charge_pct != charge).tolist() == [7]


def test_recording_cold_and_a_weak_signal_drain_faster() -> None:
    some = cells(Make(step_pct=1.0, thirst=1.0), differ=0.0)
    standby = np.full(COUNT, mask_of({Load.STANDBY}))

    at_rest = some.rate(standby, MILD, NONE)

    assert at_rest == pytest.approx(100.0 * CAMERA_W[Load.STANDBY] / 11.4)
    assert (some.rate(RECORD, MILD, NONE) > 1.5 * at_rest).all()
    assert some.rate(standby, NONE, NONE) == pytest.approx(at_rest / 0.85)
    assert some.rate(standby, MILD, np.ones(COUNT)) == pytest.approx(1.2 * at_rest)


def test_devices_and_packs_of_one_model_differ_as_is_supposed() -> None:
    many = cells(n=4000)
    shared = many.log_rate[:, LOADS.index(Load.RECORD)].copy()
    before = many.log_rate[:, 0].copy()

    many.swap(np.ones(4000, dtype=np.bool_))

    assert shared.std() == pytest.approx(np.hypot(SHARED_LOG_SD, 0.20), rel=0.05)
    assert (many.log_rate[:, 0] - before).std() == pytest.approx(PACK_LOG_SD, rel=0.05)


def test_a_pack_ages_with_every_charge() -> None:
    some = cells()
    before, cycles = some.log_rate.copy(), some.cycles.copy()

    for _ in range(40):
        some.use(60 * 3600.0, RECORD, MILD, NONE, WORN)
        some.use(2 * 3600.0, RECORD, MILD, NONE, CHARGED)

    assert (some.cycles - cycles > 35).all()
    assert (some.log_rate > before + 0.015).all()
    assert cycles.max() <= CYCLES_MAX
