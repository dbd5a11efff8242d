"""Gates, bollards, forbidden turns, ferries and one-ways: from tags to travel times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from geo.driving.speed import Profile
from geo.driving.vehicles import Mode, Vehicle
from geo.ground import Ground, Route
from geo.mapmaking.build import build
from geo.mapmaking.cut import BuildReport
from geo.mapmaking.junctions import Rule, read_barrier, read_rule, restrictions_of
from geo.metrics import AGAINST_FACTOR
from geo.roadmap import Barrier, EdgeFlag, Restriction, RoadMap, SourceWay
from geo.snap import SnapIndex
from geo.turns import BOARDING_S, GATE_S, PRIVATE_S
from tests.geo.sources import a_source, a_way, lonlat

VIA = 3
NODES = {
    1: (-1_000, 0),
    VIA: (0, 0),
    4: (1_000, 0),
    5: (0, -1_000),
    6: (0, 1_000),
    7: (500, 0),
    8: (1_000, 1_000),
}
"""A crossroads: west, east, south, north of VIA; 7 half way to the east."""
WEST, EAST, SOUTH, NORTH = 10, 20, 30, 40


def crossroads(**parts: Any) -> RoadMap:
    ways = [
        a_way(WEST, NODES, [1, VIA]),
        a_way(EAST, NODES, [VIA, 4]),
        a_way(SOUTH, NODES, [5, VIA]),
        a_way(NORTH, NODES, [VIA, 6]),
    ]
    return build(a_source(ways, **parts))


def route(ground: Ground, start: tuple[float, float], end: tuple[float, float]) -> Route:
    return ground.route(ground.snap(*lonlat(*start)), ground.snap(*lonlat(*end)))


def edge_at(roadmap: RoadMap, x_m: float, y_m: float) -> int:
    return SnapIndex(roadmap).snap(*lonlat(x_m, y_m)).edge


W, E, S, N = (-600.0, 0.0), (600.0, 0.0), (0.0, -600.0), (0.0, 600.0)


# -- tags ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "barrier"),
    [
        ({"barrier": "gate"}, Barrier.GATE),
        ({"barrier": "lift_gate", "access": "private"}, Barrier.GATE),
        ({"barrier": "gate", "motor_vehicle": "yes"}, Barrier.GATE),
        ({"barrier": "bollard"}, Barrier.POSTS),
        ({"barrier": "bollard", "motor_vehicle": "yes"}, Barrier.NONE),
        ({"barrier": "debris"}, Barrier.HEAP),
        ({"barrier": "cattle_grid"}, Barrier.NONE),
        ({}, Barrier.NONE),
    ],
)
def test_barriers_by_who_gets_past(tags: dict[str, str], barrier: Barrier) -> None:
    assert read_barrier(tags) is barrier


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ({"restriction": "no_left_turn"}, Rule.NO),
        ({"restriction": "only_straight_on"}, Rule.ONLY),
        ({"restriction:motorcar": "no_u_turn"}, Rule.NO),
        ({"restriction:hgv": "no_left_turn"}, Rule.NOT_OURS),
        ({"restriction": "no_left_turn", "except": "psv"}, Rule.NO),
        ({"restriction": "no_left_turn", "except": "psv;emergency"}, Rule.NOT_OURS),
        ({"restriction:conditional": "no_left_turn @ (07:00-09:00)"}, Rule.UNREAD),
        ({"restriction": "sometimes"}, Rule.UNREAD),
    ],
)
def test_rules_that_bind_a_police_car(tags: dict[str, str], rule: Rule) -> None:
    assert read_rule(tags) is rule


def test_a_restriction_over_a_way_or_without_ends_says_nothing() -> None:
    over_a_node = [("w", "from", 1), ("n", "via", 2), ("w", "to", 3), ("w", "to", 4)]
    over_a_way = [("w", "from", 1), ("w", "via", 2), ("w", "to", 3)]

    turns = restrictions_of(Rule.NO, over_a_node)

    assert [(each.from_way, each.via_node, each.to_way) for each in turns] == [(1, 2, 3), (1, 2, 4)]
    assert restrictions_of(Rule.NO, over_a_way) == []
    assert restrictions_of(Rule.ONLY, over_a_node[:2]) == []


# -- forbidden turns -------------------------------------------------------------------------


def banned(roadmap: RoadMap) -> set[tuple[int, int]]:
    return set(zip(roadmap.ban_leave.tolist(), roadmap.ban_enter.tolist(), strict=True))


def test_a_forbidden_turn_is_not_driven_and_others_are() -> None:
    rule = Restriction(from_way=WEST, via_node=VIA, to_way=NORTH, only=False)
    free, bound = (Ground(crossroads(restrictions=rules), engine="scipy") for rules in ([], [rule]))

    left, other_left = route(free, W, N), route(bound, W, N)

    assert len(left.legs) == 2
    assert len(other_left.legs) == 4  # on to the next dead end, back, and right
    assert other_left.duration_s > left.duration_s + 60.0
    for start, end in ((W, E), (W, S), (N, W), (E, N)):
        assert route(bound, start, end).duration_s == route(free, start, end).duration_s


def test_an_only_turn_forbids_all_others() -> None:
    rule = Restriction(from_way=WEST, via_node=VIA, to_way=EAST, only=True)
    roadmap = crossroads(restrictions=[rule])

    assert len(banned(roadmap)) == 3
    assert len({leave for leave, _ in banned(roadmap)}) == 1
    ground = Ground(roadmap, engine="scipy")
    assert len(route(ground, W, E).legs) == 2
    assert len(route(ground, W, S).legs) > 2


def test_turning_back_can_be_forbidden() -> None:
    rule = Restriction(from_way=WEST, via_node=VIA, to_way=WEST, only=False)
    roadmap = crossroads(restrictions=[rule])

    ((leave, enter),) = banned(roadmap)

    assert leave ^ 1 == enter


def test_restrictions_that_fit_nothing_are_counted() -> None:
    lost = [
        Restriction(from_way=WEST, via_node=VIA, to_way=999, only=False),
        Restriction(from_way=WEST, via_node=4, to_way=EAST, only=False),
        Restriction(from_way=WEST, via_node=777, to_way=EAST, only=False),  # outside of the map
    ]
    report = BuildReport()
    ways = [a_way(WEST, NODES, [1, VIA, 4]), a_way(SOUTH, NODES, [5, VIA])]

    roadmap = build(
        a_source(
            ways,
            restrictions=[
                *lost,
                Restriction(from_way=WEST, via_node=VIA, to_way=SOUTH, only=False),
            ],
            restrictions_unread=2,
        ),
        report=report,
    )

    assert not banned(roadmap)  # the western way passes the node: either arm could be meant
    assert report.restrictions_unread == 2 + 3
    assert any("turn restrictions" in sentence for sentence in report.sentences())


# -- barriers --------------------------------------------------------------------------------


def lane_with(barrier: Barrier, highway: str = "residential") -> RoadMap:
    lane = a_way(EAST, NODES, [VIA, 7, 4], highway=highway)
    others = [a_way(SOUTH, NODES, [5, VIA]), a_way(NORTH, NODES, [VIA, 6])]
    return build(a_source([lane, *others], barriers={7: barrier}))


def test_a_gate_costs_its_opening() -> None:
    closed, none = (
        Ground(lane_with(barrier), engine="scipy") for barrier in (Barrier.GATE, Barrier.NONE)
    )
    here, there = (200.0, 0.0), (800.0, 0.0)

    through, past = route(closed, here, there), route(none, here, there)

    assert through.duration_s == pytest.approx(past.duration_s + GATE_S, abs=0.01)
    assert through.distance_m == pytest.approx(past.distance_m)


@pytest.mark.parametrize("barrier", [Barrier.POSTS, Barrier.HEAP])
def test_what_stops_cars(barrier: Barrier) -> None:
    ground = Ground(lane_with(barrier), engine="scipy")
    here, there = (ground.snap(*lonlat(x, 0.0)) for x in (200.0, 450.0))
    far_edge = next(
        edge
        for edge in range(ground.roadmap.edge_count)
        if ground.roadmap.shape(edge)[:, 0].min() > lonlat(499.0, 0.0)[0]
    )
    beyond = type(here)(edge=far_edge, fraction=0.5, lon=0.0, lat=0.0, distance_m=0.0)

    for vehicle, passes in (
        (Vehicle.PATROL_CAR, False),
        (Vehicle.FOUR_BY_FOUR, False),
        (Vehicle.MOTORCYCLE, barrier is Barrier.POSTS),
        (Vehicle.FOOT, True),
    ):
        profile = Profile(vehicle=vehicle)
        assert np.isfinite(ground.etas([here], there, profile=profile)).all()
        assert np.isfinite(ground.etas([here], beyond, profile=profile)).all() == passes
    assert ground.snap(*lonlat(530.0, 0.0)).edge != far_edge  # an island to cars


def test_barriers_on_main_roads_are_not_believed() -> None:
    ground = Ground(lane_with(Barrier.HEAP, highway="primary"), engine="scipy")

    assert len(route(ground, (200.0, 0.0), (800.0, 0.0)).legs) == 2


# -- access, ferries, seasons, one-ways ------------------------------------------------------


def test_a_private_road_costs_finding_the_way_in() -> None:
    def ground(**tags: str) -> Ground:
        ways = [a_way(WEST, NODES, [1, VIA]), a_way(EAST, NODES, [VIA, 4], **tags)]
        return Ground(build(a_source(ways)), engine="scipy")

    public, private = ground(), ground(access="private")

    entered_s = route(private, W, E).duration_s - route(public, W, E).duration_s
    left_s = route(private, E, W).duration_s - route(public, E, W).duration_s
    assert entered_s - left_s == pytest.approx(PRIVATE_S, abs=0.5)
    assert np.isinf(ground(access="no").arc_s).sum() == 2


@pytest.mark.parametrize("text", ["00:20", "20", "00:20:00", "PT20M"])
def test_a_ferry_takes_its_timetable_and_boarding(text: str) -> None:
    ways = [
        a_way(WEST, NODES, [1, VIA]),
        a_way(EAST, NODES, [VIA, 7, 4], route="ferry", duration=text),
        a_way(NORTH, NODES, [7, 8]),  # lands half way as well
        a_way(SOUTH, NODES, [4, 8]),
    ]
    roadmap = build(a_source(ways))
    ground = Ground(roadmap, engine="scipy")
    ferry = np.flatnonzero(roadmap.edge_flags & int(EdgeFlag.FERRY))

    over = route(ground, W, (1_000.0, 400.0))

    assert roadmap.edge_crossing_s[ferry].sum() == pytest.approx(1_200.0)
    crossing = [leg.edge in ferry for leg in over.legs]
    assert over.leg_s[crossing].sum() == pytest.approx(1_200.0 * sum(crossing) / 2, abs=2.0)
    assert over.turn_s[crossing.index(True)] >= BOARDING_S


@pytest.mark.parametrize(
    ("tags", "seasonal"),
    [
        ({}, False),
        ({"seasonal": "no"}, False),
        ({"seasonal": "summer"}, True),
        ({"motor_vehicle:conditional": "no @ (Nov-May)"}, True),
        ({"access:conditional": "yes @ (06:00-22:00); no @ winter"}, True),
        ({"access:conditional": "no @ (22:00-06:00)"}, False),
    ],
)
def test_seasonal_roads_are_open_but_known(tags: dict[str, str], seasonal: bool) -> None:
    way = a_way(WEST, NODES, [1, VIA])
    way = SourceWay(
        way_id=WEST, node_ids=way.node_ids, lonlat=way.lonlat, tags={**way.tags, **tags}
    )
    roadmap = build(a_source([way, a_way(EAST, NODES, [VIA, 4])]))
    edge = int(np.flatnonzero(roadmap.edge_way_id == WEST)[0])

    assert roadmap.seasonal_arcs().tolist() == ([2 * edge, 2 * edge + 1] if seasonal else [])
    assert np.isfinite(Ground(roadmap, engine="scipy").arc_s).all()


def one_way_block(highway: str = "residential", **tags: str) -> list[SourceWay]:
    """A one-way street from west to east, and a long way round."""
    return [
        a_way(WEST, NODES, [1, VIA, 4], highway=highway, oneway="yes", **tags),
        a_way(NORTH, NODES, [VIA, 6]),
        a_way(EAST, NODES, [4, 8, 6, 1]),
    ]


def against_s(ways: Sequence[SourceWay], profile: Profile, *, exempt: bool) -> float:
    roadmap = build(a_source(list(ways)))
    ground = Ground(roadmap, engine="scipy", against_one_ways=exempt)
    edge = edge_at(roadmap, -600.0, 0.0)
    east = roadmap.node_lonlat[roadmap.edge_tail[edge], 0] > lonlat(-500.0, 0.0)[0]
    return float(ground.arc_s_of(profile)[2 * edge + int(not east)])


def test_only_exempt_urgent_vehicles_go_against_one_ways() -> None:
    urgent, routine = Profile(mode=Mode.URGENT), Profile()
    both_ways = [a_way(WEST, NODES, [1, VIA, 4]), *one_way_block()[1:]]

    with_it = against_s(one_way_block(), urgent, exempt=True)

    expected = AGAINST_FACTOR * against_s(both_ways, urgent, exempt=False)
    assert with_it == pytest.approx(expected, rel=0.2)
    assert np.isinf(against_s(one_way_block(), urgent, exempt=False))
    assert np.isinf(against_s(one_way_block(), routine, exempt=True))
    assert np.isinf(against_s(one_way_block("trunk"), urgent, exempt=True))
    assert np.isinf(against_s(one_way_block(junction="roundabout"), urgent, exempt=True))


def test_an_exemption_slows_nobody() -> None:
    roadmap = build(a_source(one_way_block()))
    urgent = Profile(mode=Mode.URGENT)
    plain, exempt = (
        Ground(roadmap, engine="scipy", against_one_ways=against) for against in (False, True)
    )

    assert (exempt.arc_s_of(urgent) <= plain.arc_s_of(urgent)).all()
    assert (exempt.arc_s_of(Profile()) == plain.arc_s_of(Profile())).all()
