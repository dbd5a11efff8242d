"""Turn by turn: at every kind of junction, what is said and what is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.ground import Ground
from geo.guidance.steps import WALK_M_MIN, Bend, Guide, Maneuver, Step, bend_of
from geo.guidance.wayside import Caution, Hazard
from geo.guidance.wording import direction, distance, say, say_caution
from geo.roadmap import EdgeFlag, RoadClass, RoadMap
from tests.geo.maps import Road, grid_map, lonlat, make_map
from tests.geo.test_ground import random_snaps

Nodes = Mapping[str, tuple[float, float]]


def net(nodes: Nodes, *roads: tuple[str, str] | tuple[str, str, Mapping[str, Any]]) -> RoadMap:
    """Straight roads between named places, metres; each with what differs from a primary road."""
    names = list(nodes)
    made = []
    for tail, head, *more in roads:
        about: Mapping[str, Any] = more[0] if more else {}
        shape = [nodes[tail], *about.get("via", ()), nodes[head]]
        facts = {key: value for key, value in about.items() if key != "via"}
        made.append(Road(tail=names.index(tail), head=names.index(head), metres=shape, **facts))
    return make_map(list(nodes.values()), made)


def steps_of(roadmap: RoadMap, start: tuple[float, float], end: tuple[float, float]) -> list[Step]:
    ground = Ground(roadmap, engine="scipy")
    route = ground.route(ground.snap(*lonlat(*start)), ground.snap(*lonlat(*end)))
    return Guide(roadmap).steps(route)


def maneuvers(steps: list[Step]) -> list[Maneuver]:
    return [step.maneuver for step in steps]


CROSSING: Nodes = {
    "middle": (0, 0),
    "south": (0, -800),
    "north": (0, 800),
    "east": (800, 0),
    "west": (-800, 0),
}
ALL_WAYS = [("south", "middle"), ("middle", "north"), ("middle", "east"), ("west", "middle")]


@pytest.mark.parametrize(
    ("to", "expected"),
    [("north", None), ("east", Bend.RIGHT), ("west", Bend.LEFT)],
)
def test_at_a_crossing_only_turning_off_is_said(to: str, expected: Bend | None) -> None:
    steps = steps_of(net(CROSSING, *ALL_WAYS), (0, -700), CROSSING[to])

    turns = [step for step in steps if step.maneuver is Maneuver.TURN]
    assert [step.bend for step in turns] == ([] if expected is None else [expected])
    assert maneuvers(steps)[0] is Maneuver.DEPART
    assert maneuvers(steps)[-1] is Maneuver.ARRIVE
    assert say(steps[0], "en").startswith("Head north on the road, ")


def test_a_hairpin_without_a_choice_is_no_turn() -> None:
    nodes = {"a": (0.0, 0.0), "bend": (500.0, 0.0), "b": (0.0, 60.0)}

    steps = steps_of(net(nodes, ("a", "bend"), ("bend", "b")), (10, 0), (10, 59))

    assert maneuvers(steps) == [Maneuver.DEPART, Maneuver.ARRIVE]


def test_a_track_that_leaves_the_road_is_not_spoken_of() -> None:
    nodes = {"a": (0.0, 0.0), "m": (500.0, 0.0), "b": (1_000.0, 120.0), "t": (1_000.0, -60.0)}
    track = {"road_class": RoadClass.TRACK}
    roadmap = net(nodes, ("a", "m"), ("m", "b"), ("m", "t", track))

    along, off = steps_of(roadmap, (10, 0), (990, 118)), steps_of(roadmap, (10, 0), (990, -59))

    assert maneuvers(along) == [Maneuver.DEPART, Maneuver.ARRIVE]
    assert maneuvers(off) == [Maneuver.DEPART, Maneuver.TURN, Maneuver.ARRIVE]
    assert off[1].bend is Bend.STRAIGHT
    assert say(off[1], "en") == "Go straight on onto the track, 490 m."
    assert say(off[1], "zh") == "直行，进入机耕路，行驶490米。"


def test_a_fork_of_equals_is_said_even_when_it_hardly_bends() -> None:
    nodes = {"a": (0.0, 0.0), "m": (500.0, 0.0), "l": (1_000.0, 150.0), "r": (1_000.0, -150.0)}
    roadmap = net(nodes, ("a", "m"), ("m", "l"), ("m", "r"))

    left, right = steps_of(roadmap, (10, 0), (990, 147)), steps_of(roadmap, (10, 0), (990, -147))

    assert [each[1].bend for each in (left, right)] == [Bend.SLIGHT_LEFT, Bend.SLIGHT_RIGHT]


def test_a_new_name_is_said_and_no_name_is_not() -> None:
    nodes = {"a": (0.0, 0.0), "b": (500.0, 0.0), "c": (1_000.0, 0.0), "d": (1_500.0, 0.0)}
    roadmap = net(
        nodes,
        ("a", "b", {"name": "Valley Road"}),
        ("b", "c", {"name": "Ridge Lane"}),
        ("c", "d"),
    )

    steps = steps_of(roadmap, (10, 0), (1_490, 0))

    assert maneuvers(steps) == [Maneuver.DEPART, Maneuver.CONTINUE, Maneuver.ARRIVE]
    assert [step.road for step in steps] == ["Valley Road", "Ridge Lane", ""]
    assert steps[1].distance_m == pytest.approx(990, abs=1)
    assert say(steps[0], "en") == "Head east on Valley Road, 490 m."
    assert say(steps[1], "zh") == "继续沿Ridge Lane，行驶990米。"


AROUND: Nodes = {
    "s": (0, -30),
    "e": (30, 0),
    "n": (0, 30),
    "w": (-30, 0),
    "south": (0, -500),
    "east": (500, 0),
    "north": (0, 500),
    "west": (-500, 0),
}
ONE_WAY = EdgeFlag.ROUNDABOUT | EdgeFlag.CLOSED_BACKWARD


def roundabout(**exits: Mapping[str, Any]) -> RoadMap:
    """Driven anticlockwise, entered from the south; each arm with what differs."""
    ring = {"flags": ONE_WAY}
    return net(
        AROUND,
        ("s", "e", {**ring, "via": [(21, -21)]}),
        ("e", "n", {**ring, "via": [(21, 21)]}),
        ("n", "w", {**ring, "via": [(-21, 21)]}),
        ("w", "s", {**ring, "via": [(-21, -21)]}),
        ("south", "s"),
        ("e", "east", exits.get("east", {})),
        ("n", "north", {"name": "North Road", **exits.get("north", {})}),
        ("w", "west", exits.get("west", {})),
    )


@pytest.mark.parametrize(
    ("to", "number", "bend"),
    [("east", 1, Bend.RIGHT), ("north", 2, Bend.STRAIGHT), ("west", 3, Bend.LEFT)],
)
def test_the_exit_of_a_roundabout_is_counted(to: str, number: int, bend: Bend) -> None:
    steps = steps_of(roundabout(), (0, -490), AROUND[to])

    assert maneuvers(steps) == [Maneuver.DEPART, Maneuver.ROUNDABOUT, Maneuver.ARRIVE]
    assert (steps[1].exit, steps[1].bend) == (number, bend)
    if to == "north":
        assert say(steps[1], "en").startswith("At the roundabout take exit 2 onto North Road, ")
        assert say(steps[1], "zh").startswith("进入环岛，从第2个出口驶出，进入North Road，行驶")


def test_a_road_that_only_enters_a_roundabout_is_no_exit() -> None:
    entry_only = {"flags": EdgeFlag.CLOSED_FORWARD}

    steps = steps_of(roundabout(east=entry_only), (0, -490), AROUND["north"])

    assert steps[1].exit == 1


def test_a_route_that_ends_in_a_roundabout_has_no_exit() -> None:
    steps = steps_of(roundabout(), (0, -490), (21, 21))

    assert maneuvers(steps) == [Maneuver.DEPART, Maneuver.ROUNDABOUT, Maneuver.ARRIVE]
    assert steps[1].exit is None
    assert say(steps[1], "en").startswith("Enter the roundabout, ")


def test_a_ferry_is_said() -> None:
    nodes = {"a": (0.0, 0.0), "b": (500.0, 0.0), "c": (900.0, 0.0), "d": (1_500.0, 0.0)}
    roadmap = net(nodes, ("a", "b"), ("b", "c", {"flags": EdgeFlag.FERRY}), ("c", "d"))

    steps = steps_of(roadmap, (10, 0), (1_490, 0))

    assert maneuvers(steps)[1] is Maneuver.FERRY
    assert [each.hazard for each in steps[1].cautions] == [Hazard.FERRY]
    assert say(steps[1], "en").startswith("Take the ferry, ")


def test_a_place_off_the_road_is_walked_to() -> None:
    ground = Ground(net(CROSSING, *ALL_WAYS), engine="scipy")
    place = lonlat(600, 300)
    route = ground.route(ground.snap(*lonlat(0, -700)), ground.snap(*place))

    *_, arrived, walk = Guide(ground.roadmap).steps(route, place=place)

    assert arrived.maneuver is Maneuver.ARRIVE
    assert walk.maneuver is Maneuver.WALK
    assert walk.distance_m == pytest.approx(300, rel=0.01)
    assert say(walk, "en") == "Walk 300 m north to the place, as the crow flies."
    assert say(walk, "zh") == "下车步行，向北直线距离300米。"
    near = lonlat(600, WALK_M_MIN - 2)
    there = ground.route(ground.snap(*lonlat(0, -700)), ground.snap(*near))
    assert Guide(ground.roadmap).steps(there, place=near)[-1].maneuver is Maneuver.ARRIVE


def test_where_one_is_already_one_has_arrived() -> None:
    ground = Ground(net(CROSSING, *ALL_WAYS), engine="scipy")
    here = ground.snap(*lonlat(0, -700))

    steps = Guide(ground.roadmap).steps(ground.route(here, here))

    assert maneuvers(steps) == [Maneuver.ARRIVE]


@given(angle=st.floats(-180.0, 180.0))
def test_left_and_right_are_mirrored(angle: float) -> None:
    mirror = {"right": "left", "left": "right"}
    bend, other = bend_of(angle), bend_of(-angle)

    words = "_".join(mirror.get(word, word) for word in bend.split("_"))
    assert other == words
    assert (bend is Bend.STRAIGHT) == (abs(angle) <= 10.0)


@pytest.mark.parametrize("seed", range(3))
def test_steps_make_up_the_whole_route(seed: int) -> None:
    ground = Ground(grid_map(seed=seed, island=False), engine="scipy")
    guide = Guide(ground.roadmap)
    snaps = random_snaps(ground, 14, seed=seed)
    table = ground.matrix(snaps, snaps)
    turns = 0

    for row, column in zip(*np.nonzero(np.isfinite(table) & (table > 0.0)), strict=True):
        route = ground.route(snaps[row], snaps[column])
        steps = guide.steps(route)
        assert maneuvers(steps)[0] is Maneuver.DEPART
        assert maneuvers(steps)[-1] is Maneuver.ARRIVE
        assert sum(step.distance_m for step in steps) == pytest.approx(route.distance_m, abs=0.1)
        assert sum(step.duration_s for step in steps) == pytest.approx(route.duration_s, abs=0.1)
        assert [step.at_m for step in steps] == sorted(step.at_m for step in steps)
        for step in steps:
            gap = np.abs(route.lonlat - np.array([step.lon, step.lat])).max(axis=1).min()
            assert gap < 1e-9
            assert "None" not in say(step, "en") + say(step, "zh")
        turns += sum(step.maneuver is Maneuver.TURN for step in steps)
    assert turns > 50


def test_distances_and_directions_as_people_say_them() -> None:
    assert [distance(each, "en") for each in (4, 47, 994, 996, 12_340)] == [
        "0 m",
        "50 m",
        "990 m",
        "1.0 km",
        "12.3 km",
    ]
    assert distance(12_340, "zh") == "12.3公里"
    assert [direction(each, "en") for each in (0, 44, 181, 350)] == [
        "north",
        "north-east",
        "south",
        "north",
    ]
    assert direction(270, "zh") == "西"


def test_cautions_in_words() -> None:
    steep = Caution(hazard=Hazard.STEEP_DESCENT, at_m=1_500, length_m=820, grade_pct=-9.4)
    closed = Caution(hazard=Hazard.CLOSURE_BESIDE, at_m=20, length_m=0, road="X017")
    nameless = Caution(hazard=Hazard.CLOSURE_BESIDE, at_m=20, length_m=0)

    assert say_caution(steep, "en", from_m=300) == "after 1.2 km: steep descent, 9 %, 820 m long"
    assert say_caution(steep, "zh", from_m=300) == "1.2公里后：陡下坡，坡度9%，长820米"
    assert say_caution(closed, "en") == "X017 closed beside the way"
    assert say_caution(nameless, "zh") == "旁边道路封闭"
