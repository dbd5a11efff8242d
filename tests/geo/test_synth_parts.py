"""The parts a synthetic county is made of, each on its own."""

from __future__ import annotations

import numpy as np
import pytest

from geo.synth.curves import Curvature, draw
from geo.synth.flow import drain, erode
from geo.synth.names import NameBook
from geo.synth.network import Line
from geo.synth.noding import bridge_rivers, join_crossings, largest_network, without_doubles
from geo.synth.pathgrid import PathGrid, RoadCost, search
from geo.synth.places import counts_for
from geo.synth.terrain import CELL_M


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def a_line(*xy: tuple[float, float], first_id: int = 1, **tags: str) -> Line:
    points = np.array(xy, dtype=np.float64)
    ids = np.arange(first_id, first_id + len(points), dtype=np.int64)
    return Line(xy_m=points, ids=ids, tags={"highway": "track", **tags})


def west_side(shape: tuple[int, int]) -> np.ndarray:
    outlets = np.zeros(shape, dtype=np.bool_)
    outlets[:, 0] = True
    return outlets


@pytest.mark.parametrize("seed", range(5))
def test_all_water_reaches_an_outlet(seed: int) -> None:
    height = rng(seed).random((23, 31)) * 100

    drainage = drain(height, west_side(height.shape))
    arrived = drainage.upstream_sum(np.ones(height.shape))

    assert arrived[:, 0].sum() == pytest.approx(height.size)


@pytest.mark.parametrize("seed", range(5))
def test_filled_land_falls_all_the_way(seed: int) -> None:
    height = rng(seed).random((23, 31)) * 100

    drainage = drain(height, west_side(height.shape))
    filled = drainage.filled(height, fall=0.01).ravel()

    inland = drainage.receiver() != np.arange(height.size)
    assert (filled - filled[drainage.receiver()])[inland].min() >= 0.0099
    assert (filled >= height.ravel()).all()


def test_water_takes_the_steepest_way_down() -> None:
    row, col = np.indices((9, 9)).astype(np.float64)
    height = 10 * col + 0.5 * row

    below = drain(height, west_side(height.shape)).receiver()

    assert below[4 * 9 + 4] == 4 * 9 + 3


def test_erosion_lowers_a_plateau_towards_its_outlet_and_keeps_the_slope_limit() -> None:
    height = np.full((20, 20), 500.0) + rng().random((20, 20))
    height[:, 0] = 0
    drainage = drain(height, west_side(height.shape))
    shape = height.shape

    after = erode(
        drainage,
        height,
        uplift_m=np.zeros(shape),
        strength=np.full(shape, 50.0),
        slope_max=np.full(shape, 0.6),
        cell_m=100,
    )

    assert (after <= drainage.filled(height) + 1e-9).all()
    assert after.mean() < height.mean() - 5
    rise = after.ravel() - after.ravel()[drainage.receiver()]
    assert rise.max() <= 0.6 * 100 * np.sqrt(2) + 1e-9


def test_a_hairpin_gets_its_radius() -> None:
    angle = np.radians(30)
    chain = np.array([[300.0, 0.0], [0.0, 0.0], [300 * np.cos(angle), 300 * np.sin(angle)]])

    drawn = draw(chain, np.array([0, 3]), Curvature(radius_m=80, hairpin_m=14, step_m=50))

    arc = drawn.xy_m[(drawn.xy_m[:, 0] < 54)]
    centre = 14 / np.sin(angle / 2) * np.array([np.cos(angle / 2), np.sin(angle / 2)])
    np.testing.assert_allclose(np.hypot(*(arc - centre).T), 14, atol=0.01)
    np.testing.assert_allclose(drawn.xy_m[[0, -1]], chain[[0, -1]])


def test_a_straight_road_gets_points_at_even_steps() -> None:
    chain = np.array([[0.0, 0.0], [500.0, 0.0]])

    drawn = draw(chain, np.array([0, 2]), Curvature(radius_m=80, hairpin_m=14, step_m=50))

    np.testing.assert_allclose(np.diff(drawn.xy_m[:, 0]), 50)


def test_chains_are_drawn_apart() -> None:
    chains = np.array([[0.0, 0.0], [40.0, 0.0], [1000.0, 0.0], [1040.0, 0.0]])

    drawn = draw(chains, np.array([0, 2, 4]), Curvature(radius_m=80, hairpin_m=14, step_m=50))

    np.testing.assert_array_equal(drawn.first, [0, 2, 4])
    np.testing.assert_allclose(drawn.xy_m, chains)


def test_roads_that_cross_get_a_shared_node() -> None:
    lines = [a_line((0, 0), (100, 0)), a_line((50, -50), (50, 50), first_id=10)]

    join_crossings(lines)

    shared = np.intersect1d(lines[0].ids, lines[1].ids)
    assert len(shared) == 1
    np.testing.assert_allclose(lines[0].xy_m[lines[0].ids == shared[0]], [[50, 0]])


def test_a_crossing_near_a_point_uses_that_point() -> None:
    lines = [
        a_line((0, 0), (48, 0), (100, 0), highway="trunk"),
        a_line((50, -50), (50, 50), first_id=10),
    ]

    join_crossings(lines)

    assert lines[0].ids.tolist() == [1, 2, 3]
    assert lines[1].ids.tolist() == [10, 2, 11]
    np.testing.assert_allclose(lines[0].xy_m[1], [48, 0])


def test_a_tunnel_passes_under() -> None:
    lines = [a_line((0, 0), (100, 0), tunnel="yes"), a_line((50, -50), (50, 50), first_id=10)]

    join_crossings(lines)

    assert len(np.intersect1d(lines[0].ids, lines[1].ids)) == 0


def test_a_river_is_crossed_by_a_bridge() -> None:
    river = np.array([[100.0, -80.0], [100.0, 80.0]])

    parts = bridge_rivers([a_line((0, 0), (200, 0))], [river], [30.0], first_id=50)

    assert [part.tags.get("bridge", "") for part in parts] == ["", "yes", ""]
    assert [int(part.ids[-1]) for part in parts[:-1]] == [int(p.ids[0]) for p in parts[1:]]
    assert np.ptp(parts[1].xy_m[:, 0]) == pytest.approx(30 + 2 * 9)


def test_roads_apart_from_the_rest_are_dropped() -> None:
    lines = [a_line((0, 0), (1, 0), (2, 0)), a_line((9, 9), (9, 8), first_id=10)]

    assert largest_network(lines) == lines[:1]


def test_a_piece_drawn_twice_is_kept_once() -> None:
    first = a_line((0, 0), (1, 0), (2, 0))
    second = a_line((9, 9), (2, 0), (1, 0), (7, 7), first_id=10)
    second.ids[[1, 2]] = [3, 2]

    kept = without_doubles([first, second])

    assert [line.ids.tolist() for line in kept] == [[1, 2, 3], [10, 3], [2, 13]]


def test_a_path_up_a_steep_face_winds() -> None:
    row = np.indices((60, 60))[0].astype(np.float64)
    height = 0.30 * CELL_M * row
    flat = np.zeros(height.shape)
    dry = np.zeros(height.shape, dtype=np.bool_)
    grid = PathGrid(rng(), height, flat, flat, dry)
    graph = grid.graph(RoadCost(grade_easy=0.07, grade_max=0.09, water_m=0, move_m=20))

    path = search(graph, np.array([5 * 60 + 30])).path_to(54 * 60 + 30)

    xy = grid.xy_m[path]
    way_m = float(np.hypot(*np.diff(xy, axis=0).T).sum())
    assert way_m > 2.2 * 49 * CELL_M
    turns = np.abs(np.diff(np.sign(np.diff(xy[:, 0]))))
    assert (turns > 0).sum() >= 4


def test_names_never_repeat() -> None:
    book = NameBook(rng())

    names = [book.short().chinese for _ in range(4000)] + [book.long().chinese for _ in range(4000)]

    assert len(set(names)) == len(names)
    assert all(len(name) in (2, 3) for name in names)


def test_a_default_county_has_its_townships_villages_and_stations() -> None:
    counts = counts_for(2230)

    assert (counts.towns, counts.villages, counts.stations) == (15, 255, 9)
