"""Speeds of roads before their shape counts, the law, and roads that are closed to a vehicle."""

from __future__ import annotations

import numpy as np
import pytest

from geo.driving import desired, law
from geo.driving.conditions import Condition
from geo.driving.vehicles import VEHICLES, Vehicle
from geo.driving.weather import dark, friction, icy
from geo.roadmap import EdgeFlag, RoadClass, RoadMap, Smoothness, Surface
from tests.geo.maps import Road, make_map

CAR = VEHICLES[Vehicle.PATROL_CAR]


def a_road(**facts: object) -> RoadMap:
    ends = [(0.0, 0.0), (500.0, 0.0)]
    road = Road(tail=0, head=1, metres=ends, **facts)  # type: ignore[arg-type] # as Road has them
    return make_map(ends, [road])


def test_tracks_go_by_their_surface() -> None:
    """GraphHopper: grade 1, 2, 3 are 20, 15, 10 km/h."""
    surfaces = (Surface.PAVED, Surface.COMPACTED, Surface.GRAVEL, Surface.UNKNOWN)
    speeds = [
        desired.desired_kmh(a_road(road_class=RoadClass.TRACK, surface=one), CAR, backward=False)[0]
        for one in surfaces
    ]

    assert speeds == [20.0, 15.0, 10.0, 15.0]


def test_limits_count_per_direction_and_ramps_are_slower() -> None:
    road = a_road(maxspeed_kmh=(50, 0))

    assert desired.desired_kmh(road, CAR, backward=False)[0] == 40.0
    assert desired.desired_kmh(road, CAR, backward=True)[0] == 65.0
    assert desired.desired_kmh(a_road(flags=EdgeFlag.LINK), CAR, backward=False)[0] == 32.5


def test_rougher_is_never_faster_and_clearance_helps() -> None:
    for vehicle in VEHICLES.values():
        caps = [
            desired.rough_cap_kmh(a_road(smoothness=one), vehicle)[0]
            for one in list(Smoothness)[1:]
        ]
        assert caps == sorted(caps, reverse=True)
    bad = a_road(smoothness=Smoothness.VERY_BAD)
    off_road = VEHICLES[Vehicle.FOUR_BY_FOUR]

    assert desired.rough_cap_kmh(bad, CAR)[0] == 20.0
    assert desired.rough_cap_kmh(bad, off_road)[0] > 20.0


def test_narrow_roads_are_slow_and_narrower_ones_closed() -> None:
    widths_dm = (20, 25, 30, 40, 46, 60, 80, 0)
    single = [bool(desired.single_track(a_road(width_dm=one))[0]) for one in widths_dm]
    caps = [desired.width_cap_kmh(a_road(width_dm=one), CAR)[0] for one in (25, 30, 35, 45)]
    closed = [
        bool(desired.impassable(a_road(width_dm=one), Vehicle.PATROL_CAR)[0]) for one in widths_dm
    ]

    assert single == [True] * 4 + [False] * 4
    assert caps == sorted(caps)
    assert caps[0] == pytest.approx(20.0 + 40.0 * 0.7)
    assert closed == [True] + [False] * 7
    assert np.isinf(desired.width_cap_kmh(a_road(), CAR)[0])
    assert not desired.impassable(a_road(width_dm=20), Vehicle.MOTORCYCLE)[0]


@pytest.mark.parametrize(
    ("facts", "single"),
    [
        ({"lanes": 1}, True),
        ({"lanes": 2}, False),
        ({"lanes": 1, "flags": EdgeFlag.CLOSED_BACKWARD}, False),
        ({"lanes": 1, "width_dm": 60}, False),
        ({"road_class": RoadClass.TRACK}, True),
        ({"road_class": RoadClass.TRACK, "lanes": 2}, False),
        ({}, False),
    ],
)
def test_single_track(facts: dict[str, object], single: bool) -> None:
    assert bool(desired.single_track(a_road(**facts))[0]) is single


@pytest.mark.parametrize(
    ("facts", "closed_to"),
    [
        ({"surface": Surface.MUD}, {Vehicle.PATROL_CAR, Vehicle.MOTORCYCLE}),
        ({"smoothness": Smoothness.VERY_BAD}, set()),
        ({"smoothness": Smoothness.HORRIBLE}, {Vehicle.PATROL_CAR}),
        ({"smoothness": Smoothness.VERY_HORRIBLE}, {Vehicle.PATROL_CAR, Vehicle.MOTORCYCLE}),
        ({"smoothness": Smoothness.IMPASSABLE}, set(VEHICLES)),
        ({"road_class": RoadClass.MOTORWAY}, {Vehicle.FOOT}),
        ({"flags": EdgeFlag.FERRY}, {Vehicle.FOOT}),
    ],
)
def test_roads_closed_to_vehicles(facts: dict[str, object], closed_to: set[Vehicle]) -> None:
    road = a_road(**facts)

    assert {one for one in Vehicle if desired.impassable(road, one)[0]} == closed_to


@pytest.mark.parametrize(
    ("facts", "limit_kmh"),
    [
        ({}, 70.0),
        ({"flags": EdgeFlag.UNMARKED}, 40.0),
        ({"lanes": 1}, 40.0),
        ({"road_class": RoadClass.UNCLASSIFIED}, 40.0),
        ({"road_class": RoadClass.UNCLASSIFIED, "flags": EdgeFlag.MARKED}, 70.0),
        ({"lanes": 4}, np.inf),
        ({"road_class": RoadClass.MOTORWAY}, np.inf),
        ({"maxspeed_kmh": (90, 90)}, 90.0),
        ({"flags": EdgeFlag.BRIDGE, "width_dm": 40}, 30.0),
        ({"flags": EdgeFlag.BRIDGE}, 70.0),
        ({"surface": Surface.MUD, "maxspeed_kmh": (60, 60)}, 30.0),
    ],
)
def test_limits_of_law(facts: dict[str, object], limit_kmh: float) -> None:
    assert law.limit_kmh(a_road(**facts), backward=False)[0] == limit_kmh


def test_law_is_careful_down_steep_slopes_and_on_ice() -> None:
    grades = np.array([5.0, 0.0, -8.0, -10.0, -12.0, -14.0])
    limits = law.place_limit_kmh(grades, np.zeros(6, dtype=np.bool_))

    assert limits.tolist() == [np.inf, np.inf, np.inf, 50.0, 30.0, 30.0]
    assert law.place_limit_kmh(np.zeros(1), np.ones(1, dtype=np.bool_)).tolist() == [30.0]


def test_ice_lies_from_its_height_up() -> None:
    heights = np.array([np.nan, 900.0, 1_800.0, 2_400.0])
    high = Condition(ice_above_m=1_800.0)

    assert icy(heights, high).tolist() == [False, False, True, True]
    assert icy(heights, Condition(ice_above_m=0.0)).all()
    assert not icy(heights, Condition()).any()
    assert friction(heights, high).tolist() == [0.7, 0.7, 0.1, 0.1]


@pytest.mark.parametrize(
    ("facts", "is_dark"),
    [
        ({}, True),
        ({"flags": EdgeFlag.LIT}, False),
        ({"road_class": RoadClass.RESIDENTIAL}, False),
        ({"road_class": RoadClass.RESIDENTIAL, "flags": EdgeFlag.UNLIT}, True),
    ],
)
def test_roads_without_lamps_are_dark(facts: dict[str, object], is_dark: bool) -> None:
    assert bool(dark(a_road(**facts))[0]) is is_dark
