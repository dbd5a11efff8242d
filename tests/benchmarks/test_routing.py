"""The routing benchmark on a small invented map: every system asked the same, answers compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import _memory, routing
from benchmarks._extracts import Extract, synthetic
from benchmarks._questions import ROUNDS, UNITS
from benchmarks._report import Options, Row
from benchmarks._routers import BareSystem, Places, RidgelineSystem, ScipySystem

AREA_KM2 = 200.0
METRICS = {*ROUNDS, "build", "memory"}


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Extract:
    return synthetic(tmp_path_factory.mktemp("maps"), name="small", area_km2=AREA_KM2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("routing")


@pytest.fixture(scope="module")
def rows(extract: Extract, folder: Path) -> list[Row]:
    return routing.on_map(extract, folder, Options(seed=1, quick=True, as_json=True))


def test_every_system_has_every_figure_or_says_why_not(rows: list[Row]) -> None:
    for system in routing.SYSTEMS:
        own = {row.metric: row for row in rows if row.system == system.name}
        if system.absent():
            assert set(own) == {"build"}
            assert "absent" in str(own["build"].note)
        else:
            assert set(own) == METRICS
            assert all(row.p50 is not None or row.value is not None for row in own.values())


def test_ours_and_the_bare_library_heed_every_closure(rows: list[Row]) -> None:
    notes = {row.system: str(row.note) for row in rows if row.metric == "close_to_answer"}

    assert "heeded 5 of 5" in notes["ridgeline"]


def test_systems_on_one_graph_agree(rows: list[Row], folder: Path) -> None:
    places = Places.load(folder)
    units, scenes = range(UNITS), [UNITS, UNITS + 1]

    bare, scipy, ours = (
        system.open(folder, places).matrix(units, scenes)
        for system in (BareSystem(), ScipySystem(), RidgelineSystem())
    )

    np.testing.assert_allclose(bare, scipy, atol=1e-6)
    assert np.isfinite(ours).all()
    assert np.median(ours / np.maximum(bare, 1.0)) == pytest.approx(1.0, abs=0.15)


def test_the_synthetic_map_is_made_once(extract: Extract) -> None:
    made_at = extract.osm.stat().st_mtime_ns

    again = synthetic(extract.osm.parent.parent, name="small", area_km2=AREA_KM2)

    assert again == extract
    assert again.osm.stat().st_mtime_ns == made_at


def test_memory_of_an_unknown_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ValueError"):
        _memory.of("nobody", tmp_path)
