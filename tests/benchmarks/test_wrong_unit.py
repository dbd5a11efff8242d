"""Who is nearest, and who is there first, on a road that doubles back along a valley."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks._report import Options
from benchmarks.wrong_unit import (
    compared,
    lost_by,
    random_places,
    straight_line_m,
)
from geo.ground import Ground
from geo.mapmaking.build import build
from geo.roadmap import RoadClass, RoadMap
from geo.snap import Snap
from server.evaluation.classspeed import CLASS_KMH, ClassSpeed
from tests.geo.sources import a_source, a_way, lonlat

BEND = {1: (0.0, 0.0), 2: (1500.0, 0.0), 3: (3000.0, 0.0), 4: (3000.0, 400.0), 5: (0.0, 400.0)}


@pytest.fixture(scope="module")
def valley() -> RoadMap:
    """East along one side, over a bridge, and back west along the other."""
    return build(a_source([a_way(1, BEND, [1, 2]), a_way(2, BEND, [2, 3, 4, 5])]))


def at(ground: Ground, x_m: float, y_m: float) -> Snap:
    return ground.snap(*lonlat(x_m, y_m))


def test_across_the_river_is_near_and_far(valley: RoadMap) -> None:
    ground = Ground(valley)
    across, along, scene = at(ground, 100, 0), at(ground, 2500, 400), at(ground, 100, 400)
    units = [across, along]

    apart_m = straight_line_m(valley, units, [scene])
    class_s = ClassSpeed(valley).times_s(units, [scene])
    lost_s = lost_by(apart_m, ground.matrix(units, [scene]))

    assert apart_m[:, 0] == pytest.approx([400, 2400], rel=0.01)
    speed_mps = CLASS_KMH[RoadClass.RESIDENTIAL] / 3.6
    assert class_s[:, 0] * speed_mps == pytest.approx([2900 + 400 + 2900, 2400], rel=0.01)
    assert lost_s[0] > 60


def test_the_best_choice_loses_nothing() -> None:
    truth_s = np.array([[10.0, 50.0], [20.0, 30.0]])

    assert lost_by(truth_s, truth_s).tolist() == [0.0, 0.0]
    assert lost_by(-truth_s, truth_s).tolist() == [10.0, 20.0]


def test_a_one_way_road_is_driven_one_way() -> None:
    nodes = {1: (0.0, 0.0), 2: (1000.0, 0.0), 3: (1000.0, 1000.0)}
    ways = [a_way(1, nodes, [1, 2], oneway="yes"), a_way(2, nodes, [2, 3]), a_way(3, nodes, [3, 1])]
    roadmap = build(a_source(ways))
    ground = Ground(roadmap)
    early, late = at(ground, 200, 0), at(ground, 800, 0)

    there_s, back_s = ClassSpeed(roadmap).times_s([early, late], [late, early])[[0, 1], [0, 1]]

    speed_mps = CLASS_KMH[RoadClass.RESIDENTIAL] / 3.6
    assert there_s * speed_mps == pytest.approx(600, rel=0.01)
    assert back_s * speed_mps == pytest.approx(400 + 1000 + 1414, rel=0.01)


def test_the_same_seed_gives_the_same_figures(small_map: RoadMap) -> None:
    options = Options(seed=3, quick=True, as_json=True)

    first, again = (compared(small_map, "small", 20, options) for _ in range(2))

    assert first == again
    assert [(row.metric, row.system) for row in first] == [
        ("wrong_share", "straight_line"),
        ("minutes_lost", "straight_line"),
        ("wrong_share", "class_speed"),
        ("minutes_lost", "class_speed"),
    ]
    assert all(row.value is not None and row.value >= 0 for row in first)
    assert first[0].value is not None
    assert first[0].value > 0


def test_places_that_no_road_joins_are_refused() -> None:
    roadmap = build(a_source([a_way(1, BEND, [1, 2, 3, 4, 5], oneway="yes")]))
    options = Options(seed=1, quick=True, as_json=True)

    with pytest.raises(ValueError, match="only 1 places are joined by roads, 30 are needed"):
        random_places(Ground(roadmap), options.random(), 30)
