"""Bringing positions to the road."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import NoRouteError, OffMapError
from geo.projection import projection
from geo.roadmap import EdgeFlag, RoadMap
from geo.snap import (
    DROP_OFF_FACTOR,
    DROP_OFF_M,
    DROP_OFFS_MAX,
    ISLAND_NEARER_M,
    SNAP_M_MAX,
    SnapIndex,
    edge_metres,
)
from tests.geo.maps import CRS, ORIGIN_M, Road, grid_map, lonlat, make_map, one_road

GRID = grid_map()
GRID_INDEX = SnapIndex(GRID)
MILE = [(float(east), 0.0) for east in np.linspace(0.0, 1_600.0, 50)]


def metres_of(lon: float, lat: float) -> tuple[float, float]:
    east, north = projection(CRS).point_to_metres(lon, lat)
    return east - ORIGIN_M[0], north - ORIGIN_M[1]


def along(roadmap: RoadMap, edge: int, fraction: float) -> tuple[float, float]:
    """Projected metres of a place on an edge, by plain interpolation."""
    metres = edge_metres(roadmap, edge)
    gone = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(metres, axis=0).T))))
    east, north = (np.interp(fraction * gone[-1], gone, metres[:, axis]) for axis in (0, 1))
    return float(east), float(north)


@given(st.integers(0, GRID.edge_count - 3), st.floats(0.0, 1.0))
@settings(deadline=None)
def test_a_place_on_a_road_snaps_to_itself(edge: int, fraction: float) -> None:
    lon, lat = projection(CRS).point_to_degrees(*along(GRID, edge, fraction))

    snap = GRID_INDEX.snap(lon, lat)

    assert snap.distance_m < 0.01
    found = along(GRID, snap.edge, snap.fraction)
    assert np.hypot(*np.subtract(found, along(GRID, edge, fraction))) < 0.01
    assert metres_of(snap.lon, snap.lat) == pytest.approx(metres_of(lon, lat), abs=0.01)


@given(st.floats(-900.0, 5_400.0), st.floats(-900.0, 5_400.0))
@settings(deadline=None)
def test_no_drivable_road_is_nearer_than_the_snap(east_m: float, north_m: float) -> None:
    snap = GRID_INDEX.snap(*lonlat(east_m, north_m))

    point = shapely.Point(ORIGIN_M[0] + east_m, ORIGIN_M[1] + north_m)
    distances = [
        shapely.LineString(edge_metres(GRID, edge)).distance(point)
        for edge in range(GRID.edge_count)
    ]
    island = GRID.edge_count - 1
    others = [distance for edge, distance in enumerate(distances) if edge != island]
    expected = min(others)
    if distances[island] < expected - ISLAND_NEARER_M:
        expected = distances[island]
    assert snap.distance_m == pytest.approx(expected, abs=0.01)
    assert np.hypot(*np.subtract(along(GRID, snap.edge, snap.fraction), (point.x, point.y))) == (
        pytest.approx(snap.distance_m, abs=0.01)
    )


@pytest.mark.parametrize("fraction", [0.0, 0.013, 0.25, 0.5, 0.77, 1.0])
def test_fraction_is_by_length_across_all_pieces_of_an_edge(fraction: float) -> None:
    snap = SnapIndex(one_road(MILE)).snap(*lonlat(1_600.0 * fraction, 40.0))

    assert snap.fraction == pytest.approx(fraction, abs=1e-6)
    assert snap.distance_m == pytest.approx(40.0, abs=0.01)


def test_off_the_map_is_an_error() -> None:
    for lon, lat in ((0.0, 0.0), (1.5, 80.0), (float("nan"), 42.5), (1.5, float("inf"))):
        with pytest.raises(OffMapError):
            GRID_INDEX.snap(lon, lat)


def test_too_far_from_any_road_is_an_error() -> None:
    index = SnapIndex(one_road(MILE))

    assert index.snap(*lonlat(800.0, SNAP_M_MAX - 1)).distance_m < SNAP_M_MAX
    with pytest.raises(NoRouteError, match="no road within 3 km"):
        index.snap(*lonlat(800.0, SNAP_M_MAX + 1))


@pytest.mark.parametrize(
    "flags", [EdgeFlag.FERRY, EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD]
)
def test_roads_no_car_may_use_are_passed_over(flags: EdgeFlag) -> None:
    near = Road(tail=0, head=1, metres=[(0.0, 0.0), (900.0, 0.0)], flags=flags)
    far = Road(tail=0, head=1, metres=[(0.0, 0.0), (450.0, 300.0), (900.0, 0.0)])
    roadmap = make_map([(0.0, 0.0), (900.0, 0.0)], [near, far])

    assert SnapIndex(roadmap).snap(*lonlat(450.0, 10.0)).edge == 1


def test_one_way_roads_count() -> None:
    roadmap = one_road(MILE, flags=EdgeFlag.CLOSED_BACKWARD)

    assert SnapIndex(roadmap).snap(*lonlat(800.0, 10.0)).edge == 0


def test_a_map_without_drivable_roads_has_nothing_to_snap_to() -> None:
    roadmap = one_road(MILE, flags=EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD)

    with pytest.raises(NoRouteError):
        SnapIndex(roadmap).snap(*lonlat(800.0, 10.0))


@pytest.mark.parametrize(("north_m", "edge"), [(35.0, 0), (58.0, 0), (70.0, 1), (120.0, 1)])
def test_an_island_counts_only_where_it_is_clearly_nearer(north_m: float, edge: int) -> None:
    """A main road at 0 m, a shorter one at 80 m that nothing joins to it."""
    main = Road(tail=0, head=1, metres=[(0.0, 0.0), (900.0, 0.0)])
    island = Road(tail=2, head=3, metres=[(300.0, 80.0), (600.0, 80.0)])
    nodes = [(0.0, 0.0), (900.0, 0.0), (300.0, 80.0), (600.0, 80.0)]

    assert SnapIndex(make_map(nodes, [main, island])).snap(*lonlat(450.0, north_m)).edge == edge


@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_roads_are_found_however_long_their_segments_are(seed: int) -> None:
    roadmap = crooked_roads(seed)
    index = SnapIndex(roadmap)
    lines = [shapely.LineString(edge_metres(roadmap, edge)) for edge in range(roadmap.edge_count)]

    for east_m, north_m in np.random.default_rng(seed).uniform(0.0, 9_000.0, (60, 2)).tolist():
        snap = index.snap(*lonlat(east_m, north_m))
        drop_offs = index.drop_offs(*lonlat(east_m, north_m))

        point = shapely.Point(ORIGIN_M[0] + east_m, ORIGIN_M[1] + north_m)
        expected = np.sort(shapely.distance(lines, point))
        near = expected[expected <= DROP_OFF_FACTOR * expected[0] + DROP_OFF_M][:DROP_OFFS_MAX]
        assert snap.distance_m == pytest.approx(expected[0], abs=0.01)
        assert [each.distance_m for each in drop_offs] == pytest.approx(near, abs=0.01)


def crooked_roads(seed: int) -> RoadMap:
    """Forty, of segments from a few metres to some kilometres, all from one junction."""
    chance = np.random.default_rng(seed)
    nodes, roads = [(4_500.0, 4_500.0)], []
    for number in range(1, 41):
        steps = chance.normal(0.0, 10.0 ** chance.uniform(0.5, 3.3, (20, 1)), (20, 2))
        metres = (nodes[0] + np.cumsum(steps[: chance.integers(1, 20)], axis=0)).clip(0.0, 9_000.0)
        east, north = metres[-1].tolist()
        nodes.append((east, north))
        line = [nodes[0], *((east, north) for east, north in metres.tolist())]
        roads.append(Road(tail=0, head=number, metres=line))
    return make_map(nodes, roads)
