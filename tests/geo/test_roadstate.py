"""Closed and slowed roads and weather, laid together; and that nothing makes a way quicker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.ground import Ground
from geo.live.conditionfield import Factors
from geo.live.extent import Coverage
from geo.live.roadstate import FACTOR_MAX, FACTOR_MIN, INTO_FACTOR, Overrides, RoadChange, RoadTable
from geo.routing.engine import CLOSED
from geo.snap import Snap
from tests.geo.maps import grid_map

GRID = grid_map(side=5)
ARCS = 2 * GRID.edge_count


def change(factor: float | None, **share_by_arc: float) -> RoadChange:
    """`change(2.0, a3=0.5)`: half of arc 3 takes twice as long."""
    arcs = np.array([int(name[1:]) for name in share_by_arc], dtype=np.int64)
    share = np.array(list(share_by_arc.values()))
    return RoadChange(coverage=Coverage(arcs=arcs, share=share), factor=factor)


def overrides(changes: Sequence[RoadChange], weather: Factors) -> Overrides:
    return RoadTable(changes, weather).overrides


def fair(count: int = 10) -> Factors:
    return np.ones(count, dtype=np.float32)


def test_a_closed_stretch_closes_the_whole_edge() -> None:
    assert overrides([change(None, a3=0.1)], fair()) == {3: CLOSED}


def test_a_slow_stretch_slows_its_share_of_the_edge() -> None:
    found = overrides([change(3.0, a3=0.25, a4=1.0)], fair())

    assert found == pytest.approx({3: 1.5, 4: 3.0})


def test_the_slowest_counts_and_closed_wins() -> None:
    changes = [change(2.0, a1=1.0, a2=1.0), change(4.0, a1=1.0), change(None, a2=1.0)]

    for order in (changes, changes[::-1]):
        assert overrides(order, fair()) == pytest.approx({1: 4.0, 2: CLOSED})


def test_weather_multiplies_and_may_close() -> None:
    weather = fair()
    weather[1:4] = 1.5, 2.0, np.inf

    found = overrides([change(2.0, a0=1.0, a1=1.0, a3=1.0)], weather)

    assert found == pytest.approx({0: 2.0, 1: 3.0, 2: 2.0, 3: CLOSED})


def test_nothing_changed_is_an_empty_table() -> None:
    assert overrides([], fair()) == {}


def test_who_goes_into_a_closure_drives_slowly_and_others_stay_out() -> None:
    changes = [change(None, a2=1.0, a3=1.0, a4=1.0), change(None, a4=1.0, a8=1.0)]
    table = RoadTable(changes, fair())

    assert table.closures_at(1) == {0}
    assert table.closures_at(2) == {0, 1}
    assert table.closures_at(3) == frozenset()
    assert table.into(frozenset({0})) == {2: INTO_FACTOR, 3: INTO_FACTOR, 4: CLOSED, 8: CLOSED}
    assert table.into(frozenset()) is table.overrides


# -- on a ground -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    ground = Ground(GRID, engine="scipy")
    yield ground
    ground.close()


@pytest.fixture(scope="module")
def snaps(ground: Ground) -> list[Snap]:
    rng = np.random.default_rng(8)
    points = GRID.point_lonlat[rng.integers(0, len(GRID.point_lonlat), 12)]
    return [ground.snap(lon, lat) for lon, lat in points.tolist()]


@st.composite
def changes(draw: st.DrawFn) -> RoadChange:
    arcs = draw(st.lists(st.integers(0, ARCS - 1), min_size=1, max_size=20, unique=True))
    share = draw(st.lists(st.floats(0.001, 1.0), min_size=len(arcs), max_size=len(arcs)))
    factor = draw(st.none() | st.floats(FACTOR_MIN, FACTOR_MAX))
    return RoadChange(coverage=Coverage(arcs=np.array(arcs), share=np.array(share)), factor=factor)


@settings(max_examples=60, deadline=None)
@given(held=st.lists(changes(), max_size=5), more=changes(), seed=st.integers(0, 99))
def test_one_change_more_never_makes_any_way_quicker(
    ground: Ground, snaps: list[Snap], held: list[RoadChange], more: RoadChange, seed: int
) -> None:
    """Whatever holds already, and in any weather."""
    weather = np.random.default_rng(seed).choice(
        np.array([1.0, 1.3, 4.0, np.inf], dtype=np.float32), ARCS, p=[0.7, 0.2, 0.05, 0.05]
    )

    ground.set_overrides(overrides(held, weather))
    before = ground.matrix(snaps, snaps)
    table = RoadTable([*held, more], weather)
    ground.set_overrides(table.overrides)
    after = ground.matrix(snaps, snaps)
    ground.set_overrides(table.into(frozenset({len(held)})))
    inside = ground.matrix(snaps, snaps)
    ground.set_overrides({})
    free = ground.matrix(snaps, snaps)

    assert (after >= before).all()
    assert (after >= inside).all()
    assert (inside >= before).all()
    assert (before >= free).all()
