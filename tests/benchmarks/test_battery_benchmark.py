"""The benchmark of batteries and its cameras, small."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.battery import Foretold, group, rows_of, school, table
from benchmarks.battery_plot import svg
from devices.battery.model import Load, mask_of
from devices.sim.cells import MAKES, Cells


@pytest.fixture(scope="module")
def foretold() -> dict[str, Foretold]:
    rng = np.random.default_rng(5)
    return group(800, 30, school(rng, 1.0), rng, 1.0)


def test_the_truth_lies_where_it_was_foretold(foretold: dict[str, Foretold]) -> None:
    seen = foretold["ridgeline"]

    n = len(seen.took_s)
    assert n > 150
    assert 0.68 < seen.inside(0.8) / n < 0.92
    assert 0.80 < seen.inside(0.9) / n < 0.98


def test_a_line_through_the_last_levels_is_too_sure(foretold: dict[str, Foretold]) -> None:
    assert foretold["linear"].inside(0.9) < foretold["ridgeline"].inside(0.8)


def test_rows_become_a_table_and_a_plot(foretold: dict[str, Foretold]) -> None:
    rows = rows_of({("alike", system): seen for system, seen in foretold.items()})

    assert f"| alike | {len(foretold['ridgeline'].took_s)} |" in table(rows)
    root = ElementTree.fromstring(svg({name: seen.place for name, seen in foretold.items()}))
    assert len(root.findall("{*}polyline")) == 3


def cells(make: int, n: int = 50) -> Cells:
    return Cells(np.full(n, make), np.random.default_rng(1))


@pytest.mark.parametrize("make", range(len(MAKES)))
def test_a_gauge_shows_steps_and_never_rises_in_use(make: int) -> None:
    some = cells(make)
    record = np.full(50, mask_of({Load.RECORD}))
    before = some.level_pct

    for _ in range(200):
        some.step(600.0, record, np.zeros(50), np.zeros(50), np.zeros(50))
        assert (some.level_pct <= before).all()
        assert (some.level_pct % MAKES[make].step_pct == 0).all()
        before = some.level_pct

    assert some.empty.all()


def test_a_charger_fills_and_no_further() -> None:
    some = cells(0)

    some.step(7200.0, np.ones(50, dtype=np.int64), np.zeros(50), np.zeros(50), np.full(50, 70.0))

    assert (some.level_pct == 100.0).all()


def test_a_swap_concerns_its_device_alone() -> None:
    some = cells(0)
    rate, charge = some.log_rate.copy(), some.charge_pct.copy()

    some.swap(np.arange(50) == 7)

    assert np.flatnonzero((some.log_rate != rate).any(axis=1)).tolist() == [7]
    assert np.flatnonzero(some.charge_pct != charge).tolist() == [7]
