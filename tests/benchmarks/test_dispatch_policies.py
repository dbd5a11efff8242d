"""The benchmark of dispatch policies: rows and their tables, on a small county."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import dispatch_policies
from benchmarks._report import Options
from benchmarks.dispatch_policies import BASELINES, OURS, SAVED, SYSTEMS, Case, rows_of, table


def test_policies_are_laid_side_by_side_and_ours_is_held_against_each(
    small_map_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch_policies, "SEEDS_QUICK", 1)
    monkeypatch.setitem(dispatch_policies.UNITS, "small", 8)
    case = Case(place="small", map_dir=small_map_dir, load="peace")

    rows = rows_of(case, Options(seed=1, quick=True, as_json=True))

    mean = {row.system: row for row in rows if row.metric == "mean_response"}
    assert set(mean) == set(SYSTEMS)
    assert len({row.n for row in mean.values()}) == 1
    saved = {row.system: row.value for row in rows if row.metric == SAVED}
    assert set(saved) == {f"{OURS} against {base}" for base in BASELINES}
    p90 = {row.system: row.value for row in rows if row.metric == "priority_p90"}
    ours, crow = p90[OURS], p90["straight_line"]
    assert ours is not None
    assert crow is not None
    assert saved[f"{OURS} against straight_line"] == pytest.approx(1.0 - ours / crow, abs=1e-3)
    written = table(rows)
    assert f"| small, peace | {OURS} | {mean[OURS].n} |" in written
    assert len(written.splitlines()) == 2 + len(SYSTEMS) + 1 + 2 + 1
