"""Where two who drive to one place come together: on the way of both, before the place."""

from __future__ import annotations

import numpy as np
import pytest

from geo.ground import Ground, Route
from geo.meeting import STAND_OFF_M, Meeting, degrees, meeting
from geo.roadmap import RoadMap
from tests.small_county import crossing

SCENE = crossing(3, 2)


@pytest.fixture(scope="module")
def ground(small_map: RoadMap) -> Ground:
    return Ground(small_map, engine="scipy")


def way(ground: Ground, start: tuple[float, float], goal: tuple[float, float] = SCENE) -> Route:
    return ground.route(ground.snap(*start), ground.snap(*goal))


def heard(edge: int, fraction: float) -> bool:
    return False


def meet(ground: Ground, *ways: Route, **changed: object) -> Meeting | None:
    one, other = ways
    roadmap = ground.roadmap
    options = {"silent": heard, **changed}
    return meeting(roadmap, degrees(roadmap), one, other, **options)  # type: ignore[arg-type]


def test_they_meet_at_the_last_junction_that_both_pass_far_enough_from_the_place(
    ground: Ground,
) -> None:
    one, other = way(ground, crossing(0, 2)), way(ground, crossing(1, 2))

    found = meet(ground, one, other)

    assert found is not None
    assert (found.lon, found.lat) == pytest.approx(crossing(2, 2), abs=1e-4)
    assert found.rest_m >= STAND_OFF_M
    assert found.has_signal
    assert found.second_s < found.first_s
    assert found.first_s + found.rest_s == pytest.approx(one.duration_s)


def test_who_come_from_two_sides_meet_nowhere_before(ground: Ground) -> None:
    assert meet(ground, way(ground, crossing(0, 2)), way(ground, crossing(4, 2))) is None


def test_nearer_than_the_stand_off_they_do_not_meet(ground: Ground) -> None:
    one, other = way(ground, crossing(0, 2)), way(ground, crossing(1, 2))

    assert meet(ground, one, other, stand_off_m=100_000.0) is None


def test_a_junction_with_signal_is_taken_before_a_nearer_one_without(ground: Ground) -> None:
    goal = crossing(5, 2)
    one, other = way(ground, crossing(0, 2), goal), way(ground, crossing(1, 2), goal)
    nearest = meet(ground, one, other)
    last = [int(each) >> 1 for each in one.legs.arc[-1:]]

    found = meet(ground, one, other, silent=lambda edge, fraction: edge in last)

    assert nearest is not None
    assert (nearest.lon, nearest.lat) == pytest.approx(crossing(4, 2), abs=1e-4)
    assert found is not None
    assert (found.lon, found.lat) == pytest.approx(crossing(2, 2), abs=1e-4)
    assert found.has_signal


def test_without_signal_anywhere_they_meet_at_the_first_junction_of_both(ground: Ground) -> None:
    goal = crossing(5, 2)
    one, other = way(ground, crossing(0, 2), goal), way(ground, crossing(1, 2), goal)

    found = meet(ground, one, other, silent=lambda edge, fraction: True)

    assert found is not None
    assert (found.lon, found.lat) == pytest.approx(crossing(2, 2), abs=1e-4)
    assert not found.has_signal


def test_a_place_where_one_of_the_two_stands_already_is_no_meeting_point(ground: Ground) -> None:
    far, near = way(ground, crossing(0, 2)), way(ground, SCENE)

    assert meet(ground, far, near) is None


def test_every_end_of_an_edge_counts_where_edges_meet(small_map: RoadMap) -> None:
    found = degrees(small_map)

    assert found.sum() == 2 * small_map.edge_count
    node = int(np.argmax(found))
    ends = [*small_map.edge_tail.tolist(), *small_map.edge_head.tolist()]
    assert ends.count(node) == found[node] >= 4
