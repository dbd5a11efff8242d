"""The last stretch on foot, and which road is best to walk from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geo.driving.conditions import Condition
from geo.driving.foot import OFF_PATH_FACTOR, tobler_mps
from geo.errors import OffMapError
from geo.ground import Ground
from geo.projection import projection
from geo.roadmap import Elevation, RoadMap
from geo.routing.engine import CLOSED
from geo.snap import DROP_OFFS_MAX, SNAP_M_MAX, Snap
from geo.walk import BESIDE_ROAD_M, NO_WALK, ZIGZAG_PCT, Walk, walks
from tests.geo.maps import CRS, Road, grid_map, lonlat, make_map

CELL_DEG = 0.0005


def slope(rise_per_m: float, west_m: float = -6_000.0) -> Elevation:
    """Ground that rises evenly to the east."""
    (west, south), (east, north) = lonlat(west_m, -6_000.0), lonlat(8_000.0, 8_000.0)
    columns = int((east - west) / CELL_DEG) + 1
    rows = int((north - south) / CELL_DEG) + 1
    metres_per_deg = (8_000.0 - west_m) / (east - west)
    height = 1_000.0 + rise_per_m * metres_per_deg * CELL_DEG * np.arange(columns)
    return Elevation(
        west=west,
        north=north,
        step_lon=CELL_DEG,
        step_lat=CELL_DEG,
        height_m=np.tile(height, (rows, 1)).astype(np.float32),
    )


def walk_east(
    distance_m: float, elevation: Elevation | None, condition: Condition | None = None, **how: bool
) -> Walk:
    lon, lat = lonlat(0.0, 0.0)
    here = Snap(edge=0, fraction=0.5, lon=lon, lat=lat, distance_m=0.0)
    there = lonlat(distance_m, 0.0)
    (found,) = walks(
        [here], there, elevation=elevation, projected=projection(CRS), condition=condition, **how
    )
    return found


def test_on_the_level_it_is_toblers_speed_off_paths() -> None:
    walk = walk_east(1_000.0, None)

    speed_mps = OFF_PATH_FACTOR * float(tobler_mps(np.array([0.0]))[0])
    assert walk.duration_s == pytest.approx(1_000.0 / speed_mps, rel=1e-6)
    assert (walk.climb_m, walk.descent_m) == (0.0, 0.0)
    assert walk.distance_m == pytest.approx(1_000.0, abs=0.01)


def test_climb_is_measured_and_paid_for() -> None:
    up, down = walk_east(1_000.0, slope(0.2)), walk_east(1_000.0, slope(-0.2))

    assert up.climb_m == pytest.approx(200.0, rel=0.03)
    assert down.descent_m == pytest.approx(200.0, rel=0.03)
    assert up.duration_s > down.duration_s > walk_east(1_000.0, None).duration_s


def test_steeper_ground_never_takes_less_time_and_cliffs_are_walked_in_zigzags() -> None:
    times = [walk_east(500.0, slope(grade / 100.0)).duration_s for grade in range(0, 200, 10)]

    assert (np.diff(times) > 0.0).all()
    grade = ZIGZAG_PCT / 100.0
    climbing_mps = OFF_PATH_FACTOR * float(tobler_mps(np.array([ZIGZAG_PCT]))[0]) * grade
    steep = walk_east(500.0, slope(1.0))
    assert steep.duration_s == pytest.approx(steep.climb_m / climbing_mps, rel=0.01)


def test_worse_weather_takes_longer_and_haste_less() -> None:
    dry = walk_east(800.0, slope(0.1)).duration_s

    for text in ("snow", "night", "ice>0"):
        assert walk_east(800.0, slope(0.1), Condition.parse(text)).duration_s > dry
    assert walk_east(800.0, slope(0.1), urgent=True).duration_s < dry


def test_a_place_at_the_road_needs_no_walk() -> None:
    assert walk_east(BESIDE_ROAD_M - 1.0, slope(0.3)) == NO_WALK
    assert walk_east(BESIDE_ROAD_M + 1.0, slope(0.3)).duration_s > 0.0


def two_valleys() -> RoadMap:
    """Road 0 in the west, 800 m below the ridge; road 1 in the east, 900 m from the place but
    level with it; joined far in the south by road 2."""
    nodes = [(0.0, -3_000.0), (0.0, 3_000.0), (1_700.0, -3_000.0), (1_700.0, 3_000.0)]
    roads = [
        Road(tail=0, head=1, metres=[nodes[0], nodes[1]]),
        Road(tail=2, head=3, metres=[nodes[2], nodes[3]]),
        Road(tail=0, head=2, metres=[nodes[0], nodes[2]]),
    ]
    cliff = slope(0.0)
    columns = cliff.height_m.shape[1]
    east_m = np.linspace(-6_000.0, 8_000.0, columns)
    height = np.interp(east_m, [0.0, 700.0], [400.0, 1_000.0])
    elevation = replace(
        cliff, height_m=np.tile(height, (len(cliff.height_m), 1)).astype(np.float32)
    )
    return replace(make_map(nodes, roads, margin_m=6_000.0), elevation=elevation)


def test_the_best_drop_off_is_not_always_the_nearest() -> None:
    ground = Ground(two_valleys(), engine="scipy")
    below, level = (ground.snap(*lonlat(x, -2_900.0)) for x in (0.0, 1_700.0))
    place = ground.approach(*lonlat(800.0, 0.0))

    total_s, best = ground.arrivals([below, level], place)

    assert place.nearest.snap.edge == 0
    assert [place.drop_offs[k].snap.edge for k in best] == [1, 1]
    for source, seconds, k in zip((below, level), total_s, best, strict=True):
        ways = [
            ground.etas([source], each.snap)[0] + each.walk.duration_s for each in place.drop_offs
        ]
        assert seconds == pytest.approx(min(ways))
        assert ways[k] == min(ways)


def test_a_closed_road_is_no_place_to_stop() -> None:
    ground = Ground(two_valleys(), engine="scipy")
    source = ground.snap(*lonlat(0.0, -2_900.0))
    place = ground.approach(*lonlat(800.0, 0.0))
    before_s, _ = ground.arrivals([source], place)

    ground.set_overrides({2: CLOSED, 3: CLOSED})
    after_s, best = ground.arrivals([source], place)

    assert place.drop_offs[best[0]].snap.edge == 0
    assert after_s[0] > before_s[0]


def test_a_place_no_road_reaches_is_a_long_walk_and_not_an_error() -> None:
    ground = Ground(two_valleys(), engine="scipy")

    place = ground.approach(*lonlat(1_700.0 + SNAP_M_MAX + 500.0, 0.0))

    assert place.nearest.snap.edge == 1
    assert place.nearest.walk.distance_m == pytest.approx(SNAP_M_MAX + 500.0, abs=1.0)
    assert place.nearest.walk.duration_s > 3_600.0
    with pytest.raises(OffMapError):
        ground.approach(0.0, 0.0)


def test_drop_offs_are_one_a_road_nearest_first_and_bounded() -> None:
    ground = Ground(grid_map(spacing_m=100.0), engine="scipy")
    rng = np.random.default_rng(3)

    for lon, lat in (lonlat(*rng.uniform(0.0, 500.0, 2)) for _ in range(40)):
        place = ground.approach(lon, lat)
        edges = [each.snap.edge for each in place.drop_offs]
        away = [each.snap.distance_m for each in place.drop_offs]
        assert edges[0] == ground.snap(lon, lat).edge
        assert len(set(edges)) == len(edges) <= DROP_OFFS_MAX
        assert away[1:] == sorted(away[1:])


def test_walks_to_a_place_do_not_depend_on_each_other() -> None:
    elevation, projected, place = slope(0.3), projection(CRS), lonlat(450.0, -900.0)
    starts = [
        lonlat(east_m, 37.0 * number) for number, east_m in enumerate((-700.0, 20.0, 4_000.0))
    ]
    snaps = [
        Snap(edge=0, fraction=0.5, lon=lon, lat=lat, distance_m=0.0)
        for lon, lat in (starts[0], place, *starts[1:])
    ]

    together = walks(snaps, place, elevation=elevation, projected=projected)

    for snap, walk in zip(snaps, together, strict=True):
        assert walks([snap], place, elevation=elevation, projected=projected) == [walk]
    assert together[1] == NO_WALK
    assert together[0].climb_m > 100.0 > together[0].descent_m
    assert together[3].descent_m > 100.0
    assert walks([], place, elevation=elevation, projected=projected) == []
