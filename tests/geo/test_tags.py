"""What OpenStreetMap tags mean for a car."""

from __future__ import annotations

import pytest

from geo.mapmaking.tags import parse_maxspeed_kmh, read_road
from geo.roadmap import EdgeFlag, RoadClass, Smoothness, Surface

F, B = EdgeFlag.CLOSED_FORWARD, EdgeFlag.CLOSED_BACKWARD


@pytest.mark.parametrize(
    ("text", "kmh"),
    [
        ("50", 50),
        ("50 km/h", 50),
        ("30 mph", 48),
        ("walk", 7),
        ("none", 130),
        ("CN:urban", 50),
        ("CN:rural", 70),
        ("FR:rural", 80),
        ("RO:urban", 50),
        ("DE:zone:30", 30),
        ("FR:zone30", 30),
        ("90;30;90", 30),
        ("300", 255),
        ("signals", 0),
        ("fast", 0),
        ("", 0),
        ("-5", 0),
    ],
)
def test_maxspeed_is_read(text: str, kmh: int) -> None:
    assert parse_maxspeed_kmh(text) == kmh


@pytest.mark.parametrize(
    ("tags", "closed"),
    [
        ({}, EdgeFlag.NONE),
        ({"oneway": "yes"}, B),
        ({"oneway": "-1"}, F),
        ({"oneway": "no", "junction": "roundabout"}, EdgeFlag.NONE),
        ({"junction": "roundabout"}, B),
        ({"highway": "motorway"}, B),
        ({"highway": "motorway", "oneway": "no"}, EdgeFlag.NONE),
        ({"oneway": "reversible"}, F | B),
        ({"access": "no"}, F | B),
        ({"access": "no", "motor_vehicle": "yes"}, EdgeFlag.NONE),
        ({"access": "no", "emergency": "yes"}, EdgeFlag.NONE),
        ({"access": "yes", "motor_vehicle": "no"}, F | B),
        ({"motor_vehicle:backward": "no"}, B),
    ],
)
def test_closed_directions(tags: dict[str, str], closed: EdgeFlag) -> None:
    facts = read_road({"highway": "residential"} | tags)

    assert facts is not None
    assert facts.flags & (F | B) == closed


def test_private_road_stays_open_and_is_marked() -> None:
    facts = read_road({"highway": "service", "access": "private"})

    assert facts is not None
    assert facts.flags == EdgeFlag.PRIVATE


def test_link_counts_as_its_class() -> None:
    facts = read_road({"highway": "trunk_link", "maxspeed:forward": "40", "lanes": "2;1"})

    assert facts is not None
    assert facts.road_class == RoadClass.TRUNK
    assert facts.flags == EdgeFlag.LINK
    assert (facts.maxspeed_forward_kmh, facts.maxspeed_backward_kmh, facts.lanes) == (40, 0, 2)


@pytest.mark.parametrize(
    ("tags", "surface"),
    [
        ({"surface": "asphalt"}, Surface.PAVED),
        ({"surface": "Dirt;gravel"}, Surface.EARTH),
        ({"tracktype": "grade2"}, Surface.COMPACTED),
        ({"surface": "mud", "tracktype": "grade1"}, Surface.MUD),
        ({"surface": "lava"}, Surface.UNKNOWN),
    ],
)
def test_surface_is_grouped(tags: dict[str, str], surface: Surface) -> None:
    facts = read_road({"highway": "track"} | tags)

    assert facts is not None
    assert facts.surface == surface


@pytest.mark.parametrize(
    ("tags", "width_dm"),
    [
        ({"width": "3.5"}, 35),
        ({"width": "3,5 m"}, 35),
        ({"width": "18 ft"}, 55),
        ({"est_width": "4"}, 40),
        ({"width": "wide", "est_width": "4"}, 0),
        ({"width": "300"}, 0),
        ({"width": "0"}, 0),
        ({}, 0),
    ],
)
def test_width_is_read(tags: dict[str, str], width_dm: int) -> None:
    facts = read_road({"highway": "track"} | tags)

    assert facts is not None
    assert facts.width_dm == width_dm


@pytest.mark.parametrize(
    ("tags", "smoothness", "flags"),
    [
        ({"smoothness": "very_bad", "lit": "no"}, Smoothness.VERY_BAD, EdgeFlag.UNLIT),
        ({"smoothness": "unknown", "lit": "24/7"}, Smoothness.UNKNOWN, EdgeFlag.LIT),
        ({"lane_markings": "yes"}, Smoothness.UNKNOWN, EdgeFlag.MARKED),
        ({"lane_markings": "no", "lit": "yes"}, Smoothness(0), EdgeFlag.UNMARKED | EdgeFlag.LIT),
        ({"smoothness": "impassable"}, Smoothness.IMPASSABLE, EdgeFlag.NONE),
    ],
)
def test_smoothness_lamps_and_markings(
    tags: dict[str, str], smoothness: Smoothness, flags: EdgeFlag
) -> None:
    facts = read_road({"highway": "track"} | tags)

    assert facts is not None
    assert (facts.smoothness, facts.flags) == (smoothness, flags)


def test_bridge_tunnel_and_ferry() -> None:
    bridge = read_road({"highway": "primary", "bridge": "viaduct"})
    tunnel = read_road({"highway": "primary", "tunnel": "yes", "bridge": "no"})
    passage = read_road({"highway": "service", "tunnel": "building_passage"})
    ferry = read_road({"route": "ferry", "motor_vehicle": "yes"})

    assert bridge is not None
    assert bridge.flags == EdgeFlag.BRIDGE
    assert tunnel is not None
    assert tunnel.flags == EdgeFlag.TUNNEL
    assert passage is not None
    assert passage.flags == EdgeFlag.NONE
    assert ferry is not None
    assert ferry.flags == EdgeFlag.FERRY


@pytest.mark.parametrize(
    "tags",
    [
        {"highway": "footway"},
        {"highway": "construction"},
        {"highway": "service", "area": "yes"},
        {"route": "ferry", "foot": "yes"},
        {"route": "bus"},
        {},
    ],
)
def test_no_road_for_vehicles(tags: dict[str, str]) -> None:
    assert read_road(tags) is None
