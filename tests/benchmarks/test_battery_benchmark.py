"""The benchmark of batteries and its cameras, small."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.battery import Foretold, group, rows_of, school, table
from benchmarks.battery_plot import svg


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
