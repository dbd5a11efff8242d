"""Moves, their angles, and what they cost."""

from __future__ import annotations

import numpy as np
import pytest

from geo.driving.speed import Profile, arc_speeds
from geo.driving.turning import U_TURN_S
from geo.driving.vehicles import Vehicle
from geo.ground import Ground
from geo.roadmap import RoadMap
from geo.routing.engine import Weights
from geo.turns import U_TURN_ELSEWHERE_S, Turns, move_times_ms, turns_of
from tests.geo.maps import Road, grid_map, lonlat, make_map

WEST, CENTRE, EAST, NORTH, SOUTH = range(5)
ARM_M = 400.0


def crossroads() -> RoadMap:
    """Four straight roads from the centre: edges 0 west, 1 east, 2 north, 3 south, outwards."""
    nodes = [(-ARM_M, 0.0), (0.0, 0.0), (ARM_M, 0.0), (0.0, ARM_M), (0.0, -ARM_M)]
    arms = (WEST, EAST, NORTH, SOUTH)
    return make_map(
        nodes, [Road(tail=CENTRE, head=end, metres=[nodes[CENTRE], nodes[end]]) for end in arms]
    )


def timed(roadmap: RoadMap, profile: Profile | None = None) -> tuple[Turns, Weights]:
    profile = profile or Profile()
    turns = turns_of(roadmap)
    return turns, move_times_ms(turns, arc_speeds(roadmap, profile), profile)


def test_every_move_at_every_node_once() -> None:
    turns = turns_of(grid_map())
    graph = turns.arcs.graph
    roadmap = grid_map()
    head = np.column_stack((roadmap.edge_head, roadmap.edge_tail)).ravel()
    tail = np.column_stack((roadmap.edge_tail, roadmap.edge_head)).ravel()
    meeting = np.argwhere(head[:, None] == tail[None, :])

    assert np.column_stack((graph.tail, graph.head)).tolist() == meeting.tolist()


def test_angles_are_positive_to_the_right() -> None:
    turns = turns_of(crossroads())
    graph = turns.arcs.graph
    angle = {
        (leave, enter): float(deg)
        for leave, enter, deg in zip(
            graph.tail.tolist(), graph.head.tolist(), turns.angle_deg.tolist(), strict=True
        )
    }
    from_west = 1  # edge 0 backwards

    assert angle[from_west, 2] == pytest.approx(0.0, abs=1.5)  # on to the east
    assert angle[from_west, 4] == pytest.approx(-90.0, abs=1.5)  # left to the north
    assert angle[from_west, 6] == pytest.approx(90.0, abs=1.5)  # right to the south
    assert angle[from_west, 0] == 180.0


def test_straight_on_costs_nothing_and_corners_do() -> None:
    turns, times_ms = timed(crossroads())
    corner = (np.abs(turns.angle_deg) > 80.0) & ~turns.back

    assert (times_ms[np.abs(turns.angle_deg) < 2.0] == 0).all()
    assert corner.sum() == 8
    assert ((times_ms[corner] > 1_000) & (times_ms[corner] < 20_000)).all()


def test_turning_round_costs_less_where_the_road_ends() -> None:
    turns, times_ms = timed(crossroads())

    ends = turns.back & turns.dead_end
    assert ends.sum() == 4
    assert (times_ms[ends] == 1000 * U_TURN_S).all()
    assert (times_ms[turns.back & ~turns.dead_end] == 1000 * U_TURN_ELSEWHERE_S).all()


def test_turns_are_paid_for_on_the_way() -> None:
    ground = Ground(crossroads(), engine="scipy")
    west, east, north = (
        ground.snap(*lonlat(*place)) for place in ((-300.0, 0.0), (300.0, 0.0), (0.0, 300.0))
    )

    straight, left = ground.route(west, east), ground.route(west, north)

    assert straight.turn_s.tolist() == [0.0, 0.0]
    assert left.turn_s[0] == 0.0
    assert left.turn_s[1] > 1.0
    assert left.duration_s > straight.duration_s


def test_walkers_turn_for_nothing() -> None:
    _, times_ms = timed(crossroads(), Profile(vehicle=Vehicle.FOOT))

    assert (times_ms == 0).all()
