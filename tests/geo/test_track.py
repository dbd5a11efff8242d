"""The thin line of a route: never far from the road, true to its metres, bounded."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from geo.ground import Ground, Route
from geo.guidance import track as module
from geo.guidance.clock import clock
from geo.guidance.track import DEGREE_M, TOLERANCE_M, shapes_near, track
from geo.roadmap import RoadMap
from tests.small_county import crossing


@pytest.fixture(scope="module")
def route(small_map: RoadMap) -> Route:
    ground = Ground(small_map, engine="scipy")
    return ground.route(ground.snap(*crossing(0, 0)), ground.snap(*crossing(5, 3)))


def flat(lonlat: np.ndarray) -> shapely.LineString:
    """In metres, as flat as the whole of a small county is."""
    squeeze = np.array([np.cos(np.radians(crossing(0, 0)[1])), 1.0]) * DEGREE_M
    return shapely.LineString(lonlat[:, :2] * squeeze)


def test_it_leaves_out_points_but_not_the_road(route: Route) -> None:
    thin = track(route)

    assert 2 < len(thin) < len(route.lonlat)
    assert shapely.hausdorff_distance(flat(thin), flat(route.lonlat)) <= TOLERANCE_M


def test_its_metres_are_those_of_the_route_and_only_grow(route: Route) -> None:
    at_m = track(route)[:, 2]

    assert at_m[0] == 0.0
    assert at_m[-1] == pytest.approx(route.distance_m)
    assert (np.diff(at_m) > 0.0).all()


def test_a_line_with_too_many_points_is_drawn_more_coarsely(
    route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = len(track(route)) // 2
    monkeypatch.setattr(module, "POINTS_MAX", most)

    coarse = track(route)

    assert 2 <= len(coarse) <= most
    assert coarse[-1, 2] == pytest.approx(route.distance_m)


def test_a_metre_is_reached_when_the_route_says(small_map: RoadMap, route: Route) -> None:
    seconds_at = clock(small_map, route)

    assert seconds_at(0.0) == 0.0
    assert 0.0 < seconds_at(route.distance_m / 2) < route.duration_s
    assert seconds_at(route.distance_m) == pytest.approx(route.duration_s, abs=0.01)


def test_the_nearest_roads_are_kept_of_too_many(small_map: RoadMap, route: Route) -> None:
    line, edges = track(route), range(small_map.edge_count)

    near = shapes_near(small_map, edges, line, within_m=500.0, most=1000)
    two = shapes_near(small_map, edges, line, within_m=500.0, most=2)

    assert 2 < len(near) < small_map.edge_count
    assert [shape.tolist() for shape in two] == [shape.tolist() for shape in near[:2]]
    assert all(shapely.distance(flat(line), flat(shape)) < 510.0 for shape in near)
