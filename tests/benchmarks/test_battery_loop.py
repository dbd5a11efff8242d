"""The benchmark of cameras in their jobs: rows and their table, on a small county."""

from __future__ import annotations

import pytest

from benchmarks import battery_loop
from benchmarks._report import Options
from benchmarks.battery_loop import BASE, Place, rows_of, table
from geo.roadmap import RoadMap


def test_policies_meet_the_same_days_and_are_laid_side_by_side(
    small_map: RoadMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(battery_loop, "SEEDS_QUICK", 2)
    monkeypatch.setattr(battery_loop, "SEA_LEVEL_C", {"cold": 0.0})
    monkeypatch.setitem(battery_loop.UNITS, "small", 3)

    rows = list(
        rows_of(Place(name="small", roadmap=small_map), Options(seed=1, quick=True, as_json=True))
    )

    by_system = {row.system: row for row in rows if row.metric == "camera_alive_share"}
    assert set(by_system) == set(battery_loop.SYSTEMS)
    assert len({row.n for row in by_system.values()}) == 1
    assert not [row for row in rows if row.metric == "response_price" and row.system == BASE]
    written = table(rows)
    assert f"| small, cold | {BASE} | {by_system[BASE].n} |" in written
    assert len(written.splitlines()) == 2 + len(battery_loop.SYSTEMS)
