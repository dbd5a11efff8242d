"""Bends and grades as they are measured along drawn roads."""

from __future__ import annotations

import numpy as np
import pytest

from geo.driving.chains import chains_of
from geo.driving.stations import STEP_M, Stations, drawn_lengths_m, stations_of
from geo.roadmap import RoadMap
from tests.geo.maps import Road, grid_map, make_map, one_road
from tests.geo.shapes import bend, climbing, drawn_with_error, straight, winding


def the_stations(roadmap: RoadMap) -> Stations:
    (stations,) = stations_of(roadmap)
    return stations


@pytest.mark.parametrize("radius_m", [12.0, 15.0, 30.0, 60.0, 100.0, 200.0, 400.0])
def test_radius_of_a_drawn_circle_is_found(radius_m: float) -> None:
    stations = the_stations(one_road(bend(radius_m, turn_deg=175.0, straight_m=1.0)))

    assert stations.radius_m.min() == pytest.approx(radius_m, rel=0.25)
    assert np.median(stations.radius_m) == pytest.approx(radius_m, rel=0.6)


@pytest.mark.parametrize("radius_m", [15.0, 30.0, 60.0, 100.0])
def test_radius_of_a_badly_drawn_circle_is_found(radius_m: float) -> None:
    """Points 1 m off, every 12 m: the radius in the middle of the bend, over several drawings."""
    shape = bend(radius_m, turn_deg=175.0, straight_m=60.0, step_m=12.0)
    found = []
    for seed in range(9):
        radius = the_stations(one_road(drawn_with_error(shape, 1.0, seed))).radius_m
        found.append(np.median(radius[int(0.4 * len(radius)) : int(0.6 * len(radius))]))

    assert np.median(found) == pytest.approx(radius_m, rel=0.25)


def test_a_straight_road_has_no_radius() -> None:
    assert the_stations(one_road(straight(1_000.0))).radius_m.min() > 10_000.0


def test_a_badly_drawn_straight_road_has_hardly_any_bend() -> None:
    """Points 25 m apart: 2 m off, a tenth of the road looks bent to 100 m or less."""
    for sigma_m, share_max in ((1.0, 0.01), (1.5, 0.03), (2.0, 0.12)):
        road = drawn_with_error(straight(5_000.0, points=200), sigma_m)
        radius_m = the_stations(one_road(road)).radius_m

        assert (radius_m < 100.0).mean() <= share_max


def test_grade_is_that_of_the_slope() -> None:
    road = straight(1_000.0)

    assert the_stations(one_road(road, climbing(road, 7.0))).grade_pct == pytest.approx(7.0, 0.01)


def test_a_step_in_the_heights_is_spread_over_the_window() -> None:
    road = straight(1_000.0, points=101)
    heights = [500.0 + (6.0 if east > 500.0 else 0.0) for east, _ in road]

    assert the_stations(one_road(road, heights)).grade_pct.max() == pytest.approx(4.0, abs=0.1)


def test_grade_is_clamped() -> None:
    road = straight(1_000.0)

    assert the_stations(one_road(road, climbing(road, 60.0))).grade_pct.max() == 14.0


def test_unknown_heights_are_level_and_stay_unknown() -> None:
    stations = the_stations(one_road(bend(50.0)))

    assert not stations.grade_pct.any()
    assert np.isnan(stations.height_m).all()


def test_stations_are_close_and_even() -> None:
    stations = the_stations(one_road(bend(50.0)))

    assert (stations.step_m <= STEP_M).all()
    assert np.diff(stations.at_m) == pytest.approx(stations.step_m[0])
    assert stations.end_m - stations.begin_m == pytest.approx(drawn_lengths_m(one_road(bend(50.0))))


def test_a_seam_in_the_map_is_not_felt() -> None:
    """The same road as one edge, and cut in two in the middle of a hairpin, one part turned."""
    road = winding([15.0, 40.0], bends=4, turn_deg=150.0, straight_m=40.0)
    heights = climbing(road, 5.0)
    cut = len(road) // 2
    whole = the_stations(one_road(road, heights))
    parts = [
        Road(tail=0, head=1, metres=road[: cut + 1], heights_m=heights[: cut + 1]),
        Road(tail=2, head=1, metres=road[: cut - 1 : -1], heights_m=heights[: cut - 1 : -1]),
    ]
    seamed = the_stations(make_map([road[0], road[cut], road[-1]], parts))

    same_way = seamed.along[0]  # the chain may run either way
    order = slice(None) if same_way else slice(None, None, -1)
    np.testing.assert_allclose(seamed.radius_m[order], whole.radius_m, rtol=1e-6)
    sign = 1.0 if same_way else -1.0
    np.testing.assert_allclose(sign * seamed.grade_pct[order], whole.grade_pct, atol=1e-3)
    assert set(seamed.edge.tolist()) == {0, 1}
    assert (seamed.along == (seamed.edge == 0)).all() or (seamed.along == (seamed.edge == 1)).all()


def test_chunks_change_nothing() -> None:
    roadmap = grid_map()
    whole = the_stations(roadmap)
    parts = list(stations_of(roadmap, stations_max=100))

    assert len(parts) > 10
    assert np.concatenate([part.edge for part in parts]).tolist() == whole.edge.tolist()
    assert np.concatenate([part.line_edge for part in parts]).tolist() == whole.line_edge.tolist()
    for name in ("radius_m", "grade_pct", "step_m"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_allclose(joined, getattr(whole, name), rtol=1e-6, atol=1e-6)


def test_every_edge_lies_on_the_line_once_and_full_length() -> None:
    roadmap = grid_map(seed=2)
    stations = the_stations(roadmap)

    assert sorted(stations.line_edge.tolist()) == list(range(roadmap.edge_count))
    np.testing.assert_allclose(
        stations.end_m - stations.begin_m, drawn_lengths_m(roadmap)[stations.line_edge], rtol=1e-6
    )
    assert len(stations.start) == len(chains_of(roadmap).start)


def test_mirror_turns_every_chain_round() -> None:
    stations = the_stations(grid_map(side=3))
    mirror = stations.mirror

    assert mirror[mirror].tolist() == list(range(len(mirror)))
    assert mirror[stations.start[:-1]].tolist() == (stations.start[1:] - 1).tolist()
