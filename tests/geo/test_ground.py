"""The facade: snap, times, routes and reach, on a hand-made county and on a real one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from geo.driving.conditions import Condition
from geo.driving.speed import Mode, Profile
from geo.errors import MapFolderError, NoRouteError
from geo.ground import Ground, Route
from geo.projection import projection
from geo.roadmap import RoadMap
from geo.routing.choose import EngineName
from geo.routing.engine import CLOSED
from geo.routing.journey import Leg
from geo.routing.probe import cch_verdict
from geo.snap import Snap
from tests.geo.maps import grid_map, lonlat, one_road

PAIRS = 200
needs_cch = pytest.mark.skipif(not cch_verdict().ok, reason=cch_verdict().why)
ENGINES = [pytest.param("scipy"), pytest.param("cch", marks=needs_cch)]
AN_ISLAND_NODE = -1


@pytest.fixture(params=ENGINES)
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    engine: EngineName = request.param
    ground = Ground(grid_map(), engine=engine)
    yield ground
    ground.close()


def random_snaps(ground: Ground, count: int, seed: int) -> list[Snap]:
    """Snaps of random places within 100 m of roads."""
    rng = np.random.default_rng(seed)
    points = ground.roadmap.point_lonlat
    chosen = points[rng.integers(0, len(points), count)] + rng.normal(0.0, 5e-4, (count, 2))
    return [ground.snap(lon, lat) for lon, lat in chosen.tolist()]


def line_length_m(roadmap: RoadMap, lonlat: NDArray[np.float64]) -> float:
    metres = projection(roadmap.meta.crs).to_metres(lonlat)
    return float(np.hypot(*np.diff(metres, axis=0).T).sum())


def check_route(ground: Ground, route: Route, source: Snap, target: Snap) -> None:
    """It starts and ends where asked, is drawn as long as it says, and has no jump."""
    assert route.lonlat.shape[0] >= 2
    assert route.lonlat[0].tolist() == [source.lon, source.lat]
    assert route.lonlat[-1].tolist() == [target.lon, target.lat]
    drawn_m = line_length_m(ground.roadmap, route.lonlat)
    assert drawn_m == pytest.approx(route.distance_m, rel=0.002, abs=1.0)


def plain_shape(roadmap: RoadMap, leg: Leg) -> NDArray[np.float64]:
    """The shape points of a leg, in driving order."""
    shape = np.asarray(roadmap.shape(leg.edge))
    metres = projection(roadmap.meta.crs).to_metres(shape)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(metres, axis=0).T))))
    low, high = sorted((leg.start * along[-1], leg.end * along[-1]))
    points: NDArray[np.float64] = shape[(along >= low) & (along <= high)]
    return points if leg.start < leg.end else points[::-1]


@pytest.mark.parametrize("turnout_s", [0.0, 60.0])
def test_a_fleet_is_asked_from_like_its_units_one_by_one(ground: Ground, turnout_s: float) -> None:
    snaps = random_snaps(ground, 26, seed=5)
    units = [ground.departure(snap, turnout_s=turnout_s) for snap in snaps[:12]]
    fleet, others = ground.fleet(units), ground.fleet(units[::-1])

    for number, target in enumerate(snaps[16:26]):
        ground.set_overrides({2 * units[number % 4].snap.edge: CLOSED} if number % 3 else {})
        alone_s = [float(ground.etas([unit], target)[0]) for unit in units]
        for _ in range(2):
            assert ground.etas(fleet, target).tolist() == alone_s
        assert ground.etas(others, target).tolist() == alone_s[::-1]


def test_etas_matrix_and_routes_agree(ground: Ground) -> None:
    snaps = random_snaps(ground, 24, seed=3)

    matrix = ground.matrix(snaps, snaps)

    for column, target in enumerate(snaps):
        assert ground.etas(snaps, target).tolist() == matrix[:, column].tolist()
        for row, source in enumerate(snaps):
            if np.isinf(matrix[row, column]):
                with pytest.raises(NoRouteError, match="no road connects"):
                    ground.route(source, target)
                continue
            route = ground.route(source, target)
            assert route.duration_s == matrix[row, column]
            parts_s = route.leg_s.sum() + route.turn_s.sum()
            assert parts_s == pytest.approx(route.duration_s, abs=1e-9)
            assert len(route.turn_s) == len(route.legs)
            check_route(ground, route, source, target)
    assert np.isfinite(matrix).any()
    assert (np.diag(matrix) == 0.0).all()


def test_a_way_along_one_edge_follows_its_shape() -> None:
    road = [(0.0, 0.0), (500.0, 0.0), (500.0, 500.0)]
    ground = Ground(one_road(road), engine="scipy")
    source, target = ground.snap(*lonlat(100.0, 0.0)), ground.snap(*lonlat(500.0, 300.0))

    there, back = ground.route(source, target), ground.route(target, source)

    assert there.distance_m == pytest.approx(700.0, abs=0.1)
    assert len(there.lonlat) == 3
    np.testing.assert_allclose(there.lonlat, back.lonlat[::-1])


def test_a_way_to_the_same_place_is_a_point_twice(ground: Ground) -> None:
    snap = random_snaps(ground, 1, seed=1)[0]

    route = ground.route(snap, snap)

    assert route.duration_s == 0.0
    assert route.distance_m == 0.0
    assert route.lonlat.tolist() == [[snap.lon, snap.lat]] * 2
    assert len(route.legs) == 0
    assert route.leg_s.shape == (0,)


def test_what_no_road_reaches_is_infinitely_far(ground: Ground) -> None:
    island = ground.snap(*ground.roadmap.node_lonlat[AN_ISLAND_NODE].tolist())
    others = random_snaps(ground, 10, seed=4)
    others = [snap for snap in others if snap.edge != island.edge]

    assert np.isinf(ground.etas(others, island)).all()
    assert np.isinf(ground.matrix([island], others)).all()
    with pytest.raises(NoRouteError, match="no road connects"):
        ground.route(others[0], island)


def test_reach_agrees_with_times_to_the_nodes(ground: Ground) -> None:
    source = random_snaps(ground, 1, seed=8)[0]
    reach = ground.reach(source, 1_800.0)

    heads, tails = ground.roadmap.edge_head, ground.roadmap.edge_tail
    for node in range(0, ground.roadmap.node_count, 3):
        lon, lat = ground.roadmap.node_lonlat[node].tolist()
        edge = int(np.flatnonzero((heads == node) | (tails == node))[0])
        end = float(heads[edge] == node)
        there = Snap(edge=edge, fraction=end, lon=lon, lat=lat, distance_m=0.0)
        eta_s = float(ground.etas([source], there)[0])
        assert reach[node] == eta_s if reach[node] <= 1_800.0 else eta_s > 1_800.0
    assert (ground.reach(source, 60.0) >= reach).all()
    into_edges = ground.reach_edges(source, 1_800.0)
    assert (into_edges >= reach[np.column_stack((tails, heads))]).all()


def test_a_closure_counts_at_once_and_ends_with_its_override(ground: Ground) -> None:
    source, target = (ground.snap(*lonlat(*place)) for place in ((0, 0), (3_600, 3_600)))
    before = ground.route(source, target).duration_s

    ground.set_overrides(dict.fromkeys(range(60), CLOSED))
    closed = float(ground.etas([source], target)[0])
    ground.set_overrides(dict.fromkeys(range(60), 1.5))
    slowed, arc_s = float(ground.etas([source], target)[0]), ground.arc_s
    ground.set_overrides({})

    assert before < slowed < closed
    np.testing.assert_allclose(arc_s[:60], 1.5 * ground.arc_s[:60], atol=0.001)
    assert ground.route(source, target).duration_s == before


@pytest.mark.parametrize("modelled_elsewhere", [True, False])
def test_a_condition_holds_until_another_is_set(ground: Ground, modelled_elsewhere: bool) -> None:
    snaps = random_snaps(ground, 8, seed=4)
    dry, snow = Profile(), Profile(condition=Condition.parse("snow,night"))
    before, wanted = (ground.matrix(snaps, snaps, profile=each) for each in (dry, snow))
    there = np.isfinite(before) & (before > 0)

    fresh = Ground(ground.roadmap, engine="scipy")
    if modelled_elsewhere:
        fresh.prepare(snow, fresh.models.of(snow))
    fresh.set_condition(snow.condition)
    fresh.set_overrides({0: CLOSED})
    fresh.set_overrides({})

    assert fresh.matrix(snaps, snaps).tolist() == wanted.tolist()
    assert (wanted[there] > before[there]).all()
    fresh.set_condition(dry.condition)
    assert fresh.matrix(snaps, snaps).tolist() == before.tolist()


def test_overrides_of_the_whole_map_at_once(ground: Ground) -> None:
    snaps = random_snaps(ground, 10, seed=5)
    before, before_arcs = ground.matrix(snaps, snaps), ground.arc_s

    ground.set_overrides(dict.fromkeys(range(2 * ground.roadmap.edge_count), 2.0))

    after = ground.matrix(snaps, snaps)
    np.testing.assert_allclose(ground.arc_s, 2.0 * before_arcs, atol=0.001)
    moved = np.isfinite(before) & (before > 0.0)
    assert (after[moved] > before[moved]).all()
    assert (after[moved] <= 2.0 * before[moved] + 0.05).all()  # turns are not slowed


def test_wrong_overrides_are_refused_and_change_nothing(ground: Ground) -> None:
    snaps = random_snaps(ground, 6, seed=6)
    ground.set_overrides({3: 1.5})
    before = ground.matrix(snaps, snaps)
    arcs = 2 * ground.roadmap.edge_count

    for wrong in ({arcs: 2.0}, {-1: 2.0}, {0: 1.0}, {0: 0.5}, {0: float("nan")}, {0: 1e12}):
        with pytest.raises(ValueError, match="override"):
            ground.set_overrides(wrong)

    assert ground.matrix(snaps, snaps).tolist() == before.tolist()


def test_learned_factors_count_under_overrides(ground: Ground) -> None:
    snaps = random_snaps(ground, 10, seed=5)
    modelled = ground.modelled_s()
    arcs = 2 * ground.roadmap.edge_count

    ground.set_factors({Mode.ROUTINE: np.full(arcs, 1.25, dtype=np.float32)})
    ground.set_overrides(dict.fromkeys(range(arcs), 2.0))
    both = ground.matrix(snaps, snaps)

    np.testing.assert_allclose(ground.arc_s, 2.5 * modelled, atol=0.001)
    assert (ground.modelled_s() == modelled).all()
    for wrong in (np.ones(3), np.full(arcs, 0.1), np.full(arcs, np.nan), np.full(arcs, 9.0)):
        with pytest.raises(ValueError, match="learned factors"):
            ground.set_factors({Mode.ROUTINE: wrong.astype(np.float32)})
    assert ground.matrix(snaps, snaps).tolist() == both.tolist()


def test_urgent_is_never_slower() -> None:
    routine = Ground(grid_map(), engine="scipy")
    urgent = Ground(grid_map(), engine="scipy", profile=Profile(mode=Mode.URGENT))
    snaps = random_snaps(routine, 20, seed=2)

    assert (urgent.matrix(snaps, snaps) <= routine.matrix(snaps, snaps)).all()


def test_opening_what_is_no_map_folder(tmp_path: Path) -> None:
    with pytest.raises(MapFolderError):
        Ground.open(tmp_path / "nowhere")
    with pytest.raises(MapFolderError):
        Ground.open(tmp_path)


# A real mountain country

ANDORRA_LA_VELLA = (1.5218, 42.5063)
PAS_DE_LA_CASA = (1.7336, 42.5425)


@pytest.mark.data
@needs_cch
def test_engines_agree_on_random_pairs_of_andorra(andorra_dir: Path) -> None:
    exact, quick = Ground.open(andorra_dir, engine="scipy"), Ground.open(andorra_dir, engine="cch")
    sources = random_snaps(exact, PAIRS, seed=11)
    targets = random_snaps(exact, PAIRS, seed=12)

    matrix = quick.matrix(sources, targets[:20])

    assert matrix.tolist() == exact.matrix(sources, targets[:20]).tolist()
    assert np.isfinite(matrix).mean() > 0.9
    for source, target in zip(sources, targets, strict=True):
        eta = float(quick.etas([source], target)[0])
        assert eta == float(exact.etas([source], target)[0])
        if np.isinf(eta):
            continue
        for ground in (exact, quick):
            route = ground.route(source, target)
            assert route.duration_s == eta
            check_route(ground, route, source, target)
    quick.close()


@pytest.mark.data
def test_ways_of_andorra_are_drawn_through_every_point_between(andorra_dir: Path) -> None:
    ground = Ground.open(andorra_dir)
    sources, targets = (random_snaps(ground, 20, seed=seed) for seed in (15, 16))

    for source, target in zip(sources, targets, strict=True):
        if np.isinf(ground.etas([source], target)[0]):
            continue
        route = ground.route(source, target)
        shapes = [plain_shape(ground.roadmap, leg).tolist() for leg in route.legs]
        points = [point for point, _ in groupby(point for shape in shapes for point in shape)]
        ends = np.array([(place.lon, place.lat) for place in (source, target)])
        off = np.abs(np.array(points).reshape(-1, 1, 2) - ends).max(axis=2).min(axis=1)
        between = [point for point, off_deg in zip(points, off, strict=True) if off_deg > 1e-7]
        assert route.lonlat[1:-1].tolist() == between
    ground.close()


@pytest.mark.data
@needs_cch
def test_engines_agree_on_andorra_after_random_closures(andorra_dir: Path) -> None:
    exact, quick = Ground.open(andorra_dir, engine="scipy"), Ground.open(andorra_dir, engine="cch")
    snaps = random_snaps(exact, 60, seed=13)
    rng = np.random.default_rng(13)

    closed: dict[int, float] = {}
    before = exact.matrix(snaps, snaps)
    for _ in range(5):
        arcs = rng.choice(2 * exact.roadmap.edge_count, 40, replace=False)
        closed |= dict.fromkeys(arcs.tolist(), CLOSED)
        for ground in (exact, quick):
            ground.set_overrides(closed)
        after = quick.matrix(snaps, snaps)
        assert after.tolist() == exact.matrix(snaps, snaps).tolist()
        assert (after >= before).all()
        before = after
    quick.close()


@pytest.mark.data
def test_crossing_andorra_takes_a_believable_time(andorra_dir: Path) -> None:
    routine = Ground.open(andorra_dir)
    urgent = Ground.open(andorra_dir, profile=Profile(mode=Mode.URGENT))
    source, target = routine.snap(*ANDORRA_LA_VELLA), routine.snap(*PAS_DE_LA_CASA)

    route = routine.route(source, target)

    assert 25 * 60 < route.duration_s < 60 * 60
    assert 25_000 < route.distance_m < 40_000
    assert 0.75 < urgent.route(source, target).duration_s / route.duration_s < 1.0
    for ground in (routine, urgent):
        ground.close()
