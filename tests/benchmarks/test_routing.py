"""The routing benchmark on a small invented map: every system asked the same, answers compared."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import pytest

from benchmarks import _memory, _routers, routing
from benchmarks._extracts import Extract, synthetic
from benchmarks._places import joined_by_all
from benchmarks._prepared import open_all, prepare, shut_all
from benchmarks._questions import ROUNDS, UNITS
from benchmarks._report import Options, Report, Row
from benchmarks._routers import (
    BareSystem,
    Places,
    RidgelineSystem,
    Router,
    ScipySystem,
    ScipyTurnsSystem,
    Seconds,
    System,
)

AREA_KM2 = 200.0
BUDGET_S = 1.0
METRICS = {*ROUNDS, "build", "memory"}


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Extract:
    return synthetic(tmp_path_factory.mktemp("maps"), "small", AREA_KM2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("routing")


@pytest.fixture(scope="module")
def rows(extract: Extract, folder: Path) -> list[Row]:
    options = Options(seed=1, quick=True, as_json=True)
    return routing.on_map(extract, folder, options, routing.Asking(budget_s=BUDGET_S))


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

    bare, scipy, ours, with_turns = (
        system.open(folder, places).matrix(units, scenes)
        for system in (BareSystem(), ScipySystem(), RidgelineSystem(), ScipyTurnsSystem())
    )

    assert with_turns.tolist() == ours.tolist()
    np.testing.assert_allclose(bare, scipy, atol=1e-6)
    assert np.isfinite(ours).all()
    assert np.median(ours / np.maximum(bare, 1.0)) == pytest.approx(1.0, abs=0.15)


def test_the_synthetic_map_is_made_once(extract: Extract) -> None:
    made_at = extract.osm.stat().st_mtime_ns

    again = synthetic(extract.osm.parent.parent, "small", AREA_KM2)

    assert again == extract
    assert again.osm.stat().st_mtime_ns == made_at


def test_a_second_run_builds_nothing(extract: Extract, folder: Path, rows: list[Row]) -> None:
    places = (folder / "places.npz").read_bytes()

    prepared = prepare(extract, folder, [Unbuildable("ridgeline")], Random(2), ignore)

    assert prepared.rows[0].value == next(row.value for row in rows if row.metric == "build")
    assert len(prepared.closures) > 5
    assert (folder / "places.npz").read_bytes() == places


def test_what_is_known_is_written_down_before_the_end(rows: list[Row], folder: Path) -> None:
    report = msgspec.json.decode((folder / "report.json").read_bytes(), type=Report)

    assert report.rows == rows


def test_a_peer_that_cannot_be_built_or_opened_is_named_and_the_rest_goes_on(
    extract: Extract, folder: Path, rows: list[Row]
) -> None:
    systems: list[System] = [RidgelineSystem(), Unbuildable("one"), Unopenable("two")]

    prepared = prepare(extract, folder, systems, Random(2), ignore)
    routers = open_all(prepared, extract.name, folder, ignore)
    shut_all(routers)

    assert list(routers) == ["ridgeline"]
    notes = {(row.metric, row.system): row.note for row in prepared.rows}
    assert notes["build", "one"] == "not built: no room"
    assert notes["open", "two"] == "could not be opened: torn"


def test_without_our_own_map_there_is_nothing_to_compare(extract: Extract, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not built: no room"):
        prepare(extract, tmp_path, [Unbuildable("ridgeline")], Random(2), ignore)


def test_a_step_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_routers, "STEP_BUDGET_S", 0.05)

    with pytest.raises(RuntimeError, match="not done in"):
        _routers.run([sys.executable, "-c", "import signal; signal.pause()"])


def test_places_are_asked_in_batches_until_there_are_enough() -> None:
    router = Knows(range(1000))

    assert joined_by_all({"one": router}, 1000, 150, ignore) == list(range(150))
    assert router.asked == 200


def test_a_hub_that_hardly_anything_joins_is_given_up_for_another() -> None:
    kept = joined_by_all({"one": Knows(range(2, 1000))}, 1000, 150, ignore)

    assert kept == list(range(2, 152))


def test_too_few_joined_places_are_an_error_that_says_whose() -> None:
    routers = {"one": Knows(range(1000)), "two": Knows(range(0, 1000, 20))}

    with pytest.raises(ValueError, match=r"only 5 of 1000 .* \(two lacks 95\)"):
        joined_by_all(routers, 1000, 150, ignore)


def ignore(text: str) -> None:
    pass


class Knows:
    """A router that joins some places to one another, and the others to nothing."""

    def __init__(self, places: Iterable[int]) -> None:
        self._places = set(places)
        self.asked = 0

    def etas(self, units: Sequence[int], scene: int) -> Seconds:
        self.asked += len(units)
        return self.matrix(units, [scene])[:, 0]

    def matrix(self, units: Sequence[int], scenes: Sequence[int]) -> Seconds:
        known = [
            [unit == scene or {unit, scene} <= self._places for scene in scenes] for unit in units
        ]
        return np.where(known, 60.0, np.inf)


class Unbuildable:
    note = ""

    def __init__(self, name: str) -> None:
        self.name = name

    def absent(self) -> str | None:
        return None

    def build(self, extract: Extract, folder: Path) -> None:
        raise RuntimeError("no room")

    def open(self, folder: Path, places: Places) -> Router:
        raise AssertionError


class Unopenable(Unbuildable):
    def build(self, extract: Extract, folder: Path) -> None:
        pass

    def open(self, folder: Path, places: Places) -> Router:
        raise RuntimeError("torn")


def test_memory_of_an_unknown_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ValueError"):
        _memory.of("nobody", tmp_path)
