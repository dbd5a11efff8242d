"""From ways to a graph: junctions, rules, heights, order."""

from __future__ import annotations

import random

import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Geod

from geo.errors import MapSourceError
from geo.grid import sample
from geo.mapmaking import order, profile
from geo.mapmaking.build import build
from geo.mapmaking.cut import BuildReport
from geo.roadmap import EdgeFlag, RoadClass, RoadMap, Smoothness
from geo.voids import filled
from tests.geo.sources import LAT, LON, a_grid_of_heights, a_source, a_way, lonlat

CROSS = {1: (-1000, 0), 2: (-500, 0), 3: (0, 0), 4: (1000, 0), 5: (0, -1000), 6: (0, 1000)}


def edge_of(roadmap: RoadMap, way_id: int) -> int:
    (edge,) = np.flatnonzero(roadmap.edge_way_id == way_id)
    return int(edge)


def test_ways_are_split_where_they_share_a_node() -> None:
    ways = [a_way(1, CROSS, [1, 2, 3, 4]), a_way(2, CROSS, [5, 3, 6])]

    roadmap = build(a_source(ways))

    assert roadmap.node_count == 5
    assert sorted(roadmap.edge_way_id) == [1, 1, 2, 2]
    middle = np.flatnonzero(np.abs(roadmap.node_lonlat - (LON, LAT)).max(1) < 1e-9)
    degree = np.bincount(np.concatenate([roadmap.edge_tail, roadmap.edge_head]))
    assert degree[middle] == 4


def test_crossing_without_a_shared_node_is_no_junction() -> None:
    nodes = CROSS | {7: (0, 0)}

    roadmap = build(a_source([a_way(1, nodes, [1, 3, 4]), a_way(2, nodes, [5, 7, 6])]))

    assert roadmap.edge_count == 2


def test_shape_and_length_are_kept() -> None:
    roadmap = build(a_source([a_way(1, CROSS, [1, 2, 3, 4])]))

    shape = roadmap.shape(0)
    assert len(shape) == 4
    assert np.array_equal(shape[0], roadmap.node_lonlat[roadmap.edge_tail[0]])
    assert np.array_equal(shape[-1], roadmap.node_lonlat[roadmap.edge_head[0]])
    geodesic_m = Geod(ellps="WGS84").line_length(shape[:, 0], shape[:, 1])
    assert roadmap.edge_length_m[0] == pytest.approx(geodesic_m, rel=1e-6)


def test_loop_is_opened_so_that_no_edge_ends_where_it_starts() -> None:
    nodes = {1: (0, 0), 2: (100, 0), 3: (100, 100), 4: (0, 100)}

    roadmap = build(a_source([a_way(1, nodes, [1, 2, 3, 4, 1])]))

    assert roadmap.edge_count == 2
    assert (roadmap.edge_tail != roadmap.edge_head).all()


def test_roundabout_is_cut_at_its_arms_and_runs_one_way() -> None:
    nodes = {1: (0, 0), 2: (20, 0), 3: (20, 20), 4: (0, 20), 5: (-200, 0), 6: (200, 20)}
    ring = a_way(1, nodes, [1, 2, 3, 4, 1], junction="roundabout")

    roadmap = build(a_source([ring, a_way(2, nodes, [5, 1]), a_way(3, nodes, [3, 6])]))

    on_ring = roadmap.edge_way_id == 1
    assert on_ring.sum() == 2
    assert (roadmap.edge_flags[on_ring] == EdgeFlag.ROUNDABOUT | EdgeFlag.CLOSED_BACKWARD).all()


def test_reverse_oneway_closes_forward() -> None:
    roadmap = build(
        a_source([a_way(1, CROSS, [1, 3], oneway="-1"), a_way(2, CROSS, [3, 4], oneway="yes")])
    )

    one_way = EdgeFlag.ONE_WAY
    assert roadmap.edge_flags[edge_of(roadmap, 1)] == EdgeFlag.CLOSED_FORWARD | one_way
    assert roadmap.edge_flags[edge_of(roadmap, 2)] == EdgeFlag.CLOSED_BACKWARD | one_way


def test_tags_become_columns() -> None:
    way = a_way(
        9, CROSS, [1, 3], highway="secondary", maxspeed="60", maxspeed__backward="40",
        lanes="3", smoothness="bad", width="7.5", lit="yes", name="高山路", ref="S220;S221",
    )  # fmt: skip

    roadmap = build(a_source([way]))

    assert roadmap.edge_class[0] == RoadClass.SECONDARY
    assert roadmap.edge_maxspeed_kmh[0].tolist() == [60, 40]
    assert roadmap.edge_lanes[0] == 3
    assert roadmap.edge_smoothness[0] == Smoothness.BAD
    assert roadmap.edge_width_dm[0] == 75
    assert roadmap.edge_flags[0] == EdgeFlag.LIT
    assert roadmap.names[roadmap.edge_name[0]] == "高山路"
    assert roadmap.names[roadmap.edge_ref[0]] == "S220"


def test_edge_drawn_twice_is_kept_once() -> None:
    report = BuildReport()
    ways = [a_way(1, CROSS, [1, 2, 3]), a_way(2, CROSS, [1, 2, 3]), a_way(3, CROSS, [1, 3])]

    roadmap = build(a_source(ways), report=report)

    assert sorted(roadmap.edge_way_id) == [1, 1, 3]
    assert report.edges_duplicate == 2


def test_part_closed_to_all_vehicles_is_dropped_and_reported() -> None:
    report = BuildReport()
    ways = [
        a_way(1, CROSS, [1, 3]),
        a_way(2, CROSS, [3, 6], motor_vehicle="no"),
        a_way(3, CROSS, [5, 4], access="no"),
        a_way(4, CROSS, [1, 2], highway="footway"),
    ]

    roadmap = build(a_source(ways), report=report)

    assert sorted(roadmap.edge_way_id) == [1, 2]
    assert report.edges_closed_islands == 1
    assert report.ways_not_roads == 1
    assert "1 edges lie where no motor vehicle may go" in report.sentences()


def test_islands_stay_and_are_counted() -> None:
    report = BuildReport()

    roadmap = build(a_source([a_way(1, CROSS, [1, 3]), a_way(2, CROSS, [5, 4])]), report=report)

    assert roadmap.edge_count == 2
    assert (report.islands, report.edges_on_islands) == (1, 1)


@pytest.mark.parametrize(
    "ways",
    [
        [],
        [a_way(1, CROSS, [1, 3], highway="footway")],
        [a_way(1, CROSS, [1, 3], access="no")],
        [a_way(1, CROSS, [1])],
        [a_way(1, CROSS | {1: (float("nan"), 0)}, [1, 3])],
    ],
)
def test_source_without_a_usable_road_is_refused(ways: list) -> None:  # type: ignore[type-arg]
    with pytest.raises(MapSourceError):
        build(a_source(ways))


def test_same_source_gives_the_same_id_and_another_gives_another() -> None:
    ways = [a_way(1, CROSS, [1, 3]), a_way(2, CROSS, [5, 3, 6])]
    closed = [a_way(1, CROSS, [1, 3]), a_way(2, CROSS, [5, 3, 6], oneway="yes")]

    ids = [build(a_source(one)).meta.map_id for one in (ways, ways, closed)]

    assert ids[0] == ids[1] != ids[2]


def test_projection_is_the_utm_zone_of_the_centre() -> None:
    assert build(a_source([a_way(1, CROSS, [1, 3])])).meta.crs == "EPSG:32647"


# -- heights ------------------------------------------------------------------------------


def a_road_across(valley_m: float, **tags: str) -> RoadMap:
    """A road at 1,000 m west to east; the ground between x = -200 and 200 lies deeper."""
    nodes = {n: (x, 0.0) for n, x in enumerate(range(-3000, 3001, 100))}
    west = [n for n, (x, _) in nodes.items() if x <= -300]
    span = [n for n, (x, _) in nodes.items() if -300 <= x <= 300]
    east = [n for n, (x, _) in nodes.items() if x >= 300]
    elevation = a_grid_of_heights(1000.0)
    x_m = np.linspace(-0.1, 0.1, 240) * 99_300
    elevation.height_m[:, np.abs(x_m) < 250] -= valley_m
    ways = [a_way(1, nodes, west), a_way(2, nodes, span, **tags), a_way(3, nodes, east)]
    return build(a_source(ways, elevation=elevation))


def test_bridge_goes_straight_over_the_valley() -> None:
    bridge, ford = a_road_across(300.0, bridge="yes"), a_road_across(300.0)

    assert bridge.point_ele_m.min() > 990
    assert ford.point_ele_m.min() < 850


def test_tunnel_goes_straight_through_the_hill() -> None:
    assert a_road_across(-300.0, tunnel="yes").point_ele_m.max() < 1010


def test_junction_has_one_height() -> None:
    rng = np.random.default_rng(5)
    elevation = a_grid_of_heights(rng.normal(1000, 20, (240, 240)))
    ways = [a_way(1, CROSS, [1, 2, 3, 4]), a_way(2, CROSS, [5, 3, 6])]

    roadmap = build(a_source(ways, elevation=elevation))

    at_middle = np.abs(roadmap.point_lonlat - (LON, LAT)).max(1) < 1e-9
    assert at_middle.sum() == 4
    assert np.ptp(roadmap.point_ele_m[at_middle]) == 0


def test_noise_is_smoothed_and_a_steady_slope_is_kept() -> None:
    rng = np.random.default_rng(1)
    x_m = np.arange(0, 10_000, 25.0)
    raw = 0.06 * x_m + rng.normal(0, 5, len(x_m))
    segments = profile.Segments(
        a=np.arange(len(x_m) - 1),
        b=np.arange(1, len(x_m)),
        length_m=np.full(len(x_m) - 1, 25.0),
        spanned=np.zeros(len(x_m) - 1, bool),
    )

    grade = np.diff(profile.smooth(raw, segments)) / 25.0

    assert np.abs(np.diff(raw) / 25.0).max() > 0.3
    inner = grade[40:-40]
    assert inner.mean() == pytest.approx(0.06, abs=0.002)
    assert np.abs(inner - 0.06).max() < 0.04


def test_without_elevation_heights_are_unknown() -> None:
    assert np.isnan(build(a_source([a_way(1, CROSS, [1, 3])])).point_ele_m).all()


def test_voids_are_filled_from_their_rim() -> None:
    grid = a_grid_of_heights(np.linspace(1000, 1240, 240)[None, :].repeat(240, 0))
    grid.height_m[100:110, 100:110] = np.nan

    whole = filled(grid)

    expected = np.linspace(1000, 1240, 240)[104]
    assert whole.height_m[104, 104] == pytest.approx(expected, abs=3)
    at = np.array([lonlat(0, 0)])
    assert sample(whole, at)[0] == pytest.approx(1120, abs=2)
    assert np.isnan(sample(whole, np.array([[50.0, 0.0]]))[0])


# -- order --------------------------------------------------------------------------------


def test_order_is_a_permutation_with_separators_last() -> None:
    side = 30
    xs, ys = np.meshgrid(np.arange(side), np.arange(side))
    points = np.stack([xs.ravel(), ys.ravel()], axis=1) * 0.01 + np.array([LON, LAT])
    ids = np.arange(side * side).reshape(side, side)
    tail = np.concatenate([ids[:, :-1].ravel(), ids[:-1].ravel()]).astype(np.int32)
    head = np.concatenate([ids[:, 1:].ravel(), ids[1:].ravel()]).astype(np.int32)

    plain = order.bisection_order(points, tail, head)
    best = order.elimination_order(points, tail, head)

    assert order.is_permutation(plain, side * side)
    assert order.is_permutation(best, side * side)
    top = set(plain[-side:].tolist())
    assert top in [set(line.tolist()) for line in (*ids, *ids.T)]


def test_edges_that_meet_are_neighbours_in_the_order_of_edges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tail = np.array([0, 1, 1, 0, 3], dtype=np.int32)
    head = np.array([1, 2, 3, 1, 3], dtype=np.int32)
    asked: list[set[tuple[int, int]]] = []

    def plain(points: order.Floats, one: order.Ints, two: order.Ints) -> NDArray[np.uint32]:
        asked.append(set(zip(one.tolist(), two.tolist(), strict=True)))
        return np.arange(len(points), dtype=np.uint32)

    monkeypatch.setattr(order, "elimination_order", plain)
    found = order.edge_order(np.zeros((4, 2)), tail, head)

    assert asked == [{(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (2, 4)}]
    assert found.tolist() == [0, 1, 2, 3, 4]


def test_nodes_are_numbered_along_a_curve() -> None:
    rng = random.Random(3)
    nodes = {n: (rng.uniform(-5000, 5000), rng.uniform(-5000, 5000)) for n in range(200)}
    ways = [a_way(n, nodes, [n, n + 1]) for n in range(199)]

    at = build(a_source(ways)).node_lonlat

    steps = np.linalg.norm(np.diff(at, axis=0), axis=1)
    assert (
        steps.mean()
        < np.linalg.norm(np.diff(rng.sample(at.tolist(), 200), axis=0), axis=1).mean() / 4
    )
