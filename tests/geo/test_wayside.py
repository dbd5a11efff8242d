"""What is to be minded on the way: on roads made for it, and what must hold on any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from geo.ground import Ground, Route
from geo.guidance.steps import Guide
from geo.guidance.wayside import (
    CAUTIONS_MAX,
    STEEP_M,
    STEEP_PCT,
    TUNNEL_M_MIN,
    Caution,
    Hazard,
    cautions,
)
from geo.roadmap import EdgeFlag, RoadClass, RoadMap
from tests.geo.maps import Road, grid_map, lonlat, make_map, one_road
from tests.geo.test_ground import random_snaps

LENGTH_M = 3_000.0


def slope(*heights: tuple[float, float]) -> RoadMap:
    """A straight road of LENGTH_M east, with heights at some metres along it."""
    along = np.linspace(0.0, LENGTH_M, 301)
    at, height = zip(*heights, strict=True)
    metres = [(float(each), 0.0) for each in along]
    return one_road(metres, heights_m=np.interp(along, at, height).tolist())


def through(roadmap: RoadMap, *, backward: bool = False) -> tuple[Ground, Route]:
    ground = Ground(roadmap, engine="scipy")
    ends = [ground.snap(*lonlat(0.0, 0.0)), ground.snap(*lonlat(LENGTH_M, 0.0))]
    source, target = reversed(ends) if backward else ends
    return ground, ground.route(source, target)


def of_kind(found: Sequence[Caution], hazard: Hazard) -> list[Caution]:
    return [each for each in found if each.hazard is hazard]


def test_a_steep_descent_is_named_with_its_length_and_grade() -> None:
    roadmap = slope((0, 1_500), (1_000, 1_500), (1_800, 1_420), (LENGTH_M, 1_420))
    _, down = through(roadmap)
    _, up = through(roadmap, backward=True)

    (found,) = of_kind(cautions(roadmap, down), Hazard.STEEP_DESCENT)

    assert found.at_m == pytest.approx(1_000, abs=60)
    assert found.length_m == pytest.approx(800, abs=120)
    assert found.grade_pct == pytest.approx(-10.0, abs=0.1)
    assert of_kind(cautions(roadmap, up), Hazard.STEEP_DESCENT) == []


@pytest.mark.parametrize(
    ("grade_pct", "length_m", "steep"),
    [
        (STEEP_PCT + 0.5, STEEP_M + 100.0, True),
        (STEEP_PCT - 0.5, 2_000.0, False),
        (STEEP_PCT + 2.0, STEEP_M / 2, False),
    ],
)
def test_steep_is_steep_enough_for_long_enough(
    grade_pct: float, length_m: float, steep: bool
) -> None:
    bottom = 500.0 + length_m
    low = 1_500.0 - grade_pct / 100.0 * length_m
    roadmap = slope((0, 1_500), (500, 1_500), (bottom, low), (LENGTH_M, low))

    found = cautions(roadmap, through(roadmap)[1])

    assert bool(of_kind(found, Hazard.STEEP_DESCENT)) == steep


def test_without_heights_nothing_is_steep() -> None:
    roadmap = one_road([(0.0, 0.0), (LENGTH_M, 0.0)])

    assert cautions(roadmap, through(roadmap)[1]) == []


def chain(*flags: EdgeFlag, lengths_m: Sequence[float], **more: object) -> RoadMap:
    """Roads one behind the other along the east axis."""
    at = np.concatenate(([0.0], np.cumsum(lengths_m)))
    nodes = [(float(each), 0.0) for each in at]
    roads = [
        Road(tail=n, head=n + 1, metres=nodes[n : n + 2], flags=flag, **more)  # type: ignore[arg-type]  # facts of a Road
        for n, flag in enumerate(flags)
    ]
    return make_map(nodes, roads)


def test_tunnels_are_stretches_and_short_ones_are_not_named() -> None:
    tunnel, plain = EdgeFlag.TUNNEL, EdgeFlag.NONE
    roadmap = chain(
        plain, tunnel, tunnel, plain, tunnel, plain,
        lengths_m=(500, 300, 200, 900, TUNNEL_M_MIN - 20, 1_020),
    )  # fmt: skip

    (found,) = of_kind(cautions(roadmap, through(roadmap)[1]), Hazard.TUNNEL)

    assert (found.at_m, found.length_m) == pytest.approx((500.0, 500.0), abs=0.5)


def test_single_track_by_lanes() -> None:
    roadmap = chain(EdgeFlag.NONE, EdgeFlag.NONE, lengths_m=(1_000, 2_000), lanes=1)

    (found,) = of_kind(cautions(roadmap, through(roadmap)[1]), Hazard.SINGLE_TRACK)

    assert found.length_m == pytest.approx(LENGTH_M, abs=1.0)


def test_a_closed_road_beside_the_way_is_named_where_it_begins() -> None:
    nodes = [(0.0, 0.0), (1_000.0, 0.0), (LENGTH_M, 0.0), (1_000.0, 800.0), (2_000.0, 900.0)]
    roadmap = make_map(
        nodes,
        [
            Road(tail=0, head=1, metres=[nodes[0], nodes[1]]),
            Road(tail=1, head=2, metres=[nodes[1], nodes[2]]),
            Road(tail=1, head=3, metres=[nodes[1], nodes[3]], name="Mill Road"),
            Road(tail=3, head=4, metres=[nodes[3], nodes[4]]),
        ],
    )
    _, route = through(roadmap)

    (found,) = cautions(roadmap, route, closed=[2, 3])

    assert found == Caution(
        hazard=Hazard.CLOSURE_BESIDE, at_m=found.at_m, length_m=0.0, road="Mill Road"
    )
    assert found.at_m == pytest.approx(1_000.0, abs=1.0)
    assert cautions(roadmap, route, closed=[0, 1, 3]) == []


def test_where_radio_ends_and_comes_back() -> None:
    roadmap = one_road([(0.0, 0.0), (LENGTH_M, 0.0)])
    _, route = through(roadmap)
    silent = [(-900.0, -500.0), (500.0, 900.0), (850.0, 1_200.0), (2_500.0, 9_000.0)]

    found = of_kind(cautions(roadmap, route, silent=silent), Hazard.DEAD_ZONE)

    assert [(each.at_m, each.length_m) for each in found] == [
        pytest.approx((500.0, 700.0), abs=2.0),
        pytest.approx((2_500.0, 500.0), abs=2.0),
    ]


def test_a_route_has_so_many_cautions_and_no_more() -> None:
    count = CAUTIONS_MAX + 20
    flags = [EdgeFlag.FERRY if n % 2 else EdgeFlag.NONE for n in range(2 * count)]
    roadmap = chain(*flags, lengths_m=[200.0] * (2 * count))
    ground = Ground(roadmap, engine="scipy")
    far = 400.0 * count
    route = ground.route(ground.snap(*lonlat(0.0, 0.0)), ground.snap(*lonlat(far, 0.0)))

    found = cautions(roadmap, route)

    assert len(found) == CAUTIONS_MAX
    assert [each.at_m for each in found] == sorted(each.at_m for each in found)


@pytest.mark.parametrize("seed", range(3))
def test_cautions_lie_on_the_route_and_with_the_step_they_begin_on(seed: int) -> None:
    ground = Ground(grid_map(seed=seed, island=False), engine="scipy")
    guide, snaps = Guide(ground.roadmap), random_snaps(ground, 10, seed=seed)
    table = ground.matrix(snaps, snaps)
    rng = np.random.default_rng(seed)
    closed = rng.choice(ground.roadmap.edge_count, 12, replace=False).tolist()
    kinds = set()

    for row, column in zip(*np.nonzero(np.isfinite(table) & (table > 0.0)), strict=True):
        route = ground.route(snaps[row], snaps[column])
        found = cautions(ground.roadmap, route, closed=closed)
        steps = guide.steps(route, closed=closed)
        assert [each for step in steps for each in step.cautions] == found
        for each in of_kind(found, Hazard.STEEP_DESCENT):
            assert each.grade_pct is not None
            assert each.grade_pct <= -STEEP_PCT
        for each in found:
            assert 0.0 <= each.at_m <= route.distance_m
            assert each.at_m + each.length_m <= route.distance_m + 0.5
        kinds |= {each.hazard for each in found}
    assert {Hazard.STEEP_DESCENT, Hazard.SINGLE_TRACK, Hazard.CLOSURE_BESIDE} <= kinds
    assert RoadClass.TRACK in ground.roadmap.edge_class
