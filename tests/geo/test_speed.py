"""Whole roads driven: what never may happen, and what known roads take."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.driving.conditions import Condition, Weather
from geo.driving.speed import Driver, Mode, Profile, Vehicle, arc_speeds, travel_times_ms
from geo.driving.stations import Stations, stations_of
from geo.driving.vehicles import VEHICLES
from geo.roadmap import EdgeFlag, RoadClass, RoadMap, Smoothness, Surface
from geo.routing.engine import CLOSED
from tests.geo.maps import Road, grid_map, make_map, one_road
from tests.geo.shapes import Metres, bend, climbing, drawn_with_error, straight, winding

ROUTINE, URGENT = Profile(), Profile(mode=Mode.URGENT)
SURFACES = (
    Surface.PAVED,
    Surface.COMPACTED,
    Surface.PAVING_STONES,
    Surface.GRAVEL,
    Surface.COBBLESTONE,
    Surface.EARTH,
    Surface.MUD,
)
"""From best to worst."""
WORSE_AND_WORSE = [
    Condition(),
    Condition(weather=Weather.RAIN),
    Condition(weather=Weather.HEAVY_RAIN),
    Condition(weather=Weather.HEAVY_RAIN, night=True),
    Condition(weather=Weather.HEAVY_RAIN, night=True, fog_visibility_m=120.0),
    Condition(weather=Weather.SNOW, night=True, fog_visibility_m=120.0),
    Condition(weather=Weather.SNOW, night=True, fog_visibility_m=40.0),
    Condition(weather=Weather.SNOW, night=True, fog_visibility_m=40.0, ice_above_m=1_100.0),
    Condition(weather=Weather.SNOW, night=True, fog_visibility_m=40.0, ice_above_m=800.0),
]

conditions = st.builds(
    Condition,
    weather=st.sampled_from(list(Weather)),
    night=st.booleans(),
    fog_visibility_m=st.none() | st.floats(20.0, 500.0),
    ice_above_m=st.none() | st.floats(900.0, 1_500.0),
)
profiles = st.builds(
    Profile,
    vehicle=st.sampled_from(list(Vehicle)),
    mode=st.sampled_from(list(Mode)),
    condition=conditions,
)
roads = st.builds(
    winding,
    st.lists(st.floats(10.0, 400.0), min_size=1, max_size=3),
    bends=st.integers(1, 4),
    turn_deg=st.floats(20.0, 170.0),
    straight_m=st.floats(0.0, 150.0),
    step_m=st.just(8.0),
)
facts = st.fixed_dictionaries(
    {
        "road_class": st.sampled_from(list(RoadClass)),
        "surface": st.sampled_from(list(Surface)),
        "smoothness": st.sampled_from(list(Smoothness)),
        "width_dm": st.sampled_from([0, 25, 40, 60, 80]),
        "lanes": st.integers(0, 4),
        "flags": st.sampled_from([EdgeFlag.NONE, EdgeFlag.BRIDGE, EdgeFlag.LIT, EdgeFlag.MARKED]),
    }
)


def a_map(road: Metres, heights_m: list[float] | None = None, **facts: object) -> RoadMap:
    """A map of this one road."""
    edge = Road(tail=0, head=1, metres=road, heights_m=heights_m, **facts)  # type: ignore[arg-type] # as Road has them
    return make_map([road[0], road[-1]], [edge])


def side_by_side(road: Metres, variants: list[dict[str, object]]) -> RoadMap:
    """The same road once with each of these facts; nothing joins them."""
    edges = [
        Road(tail=2 * k, head=2 * k + 1, metres=road, **facts)  # type: ignore[arg-type] # as above
        for k, facts in enumerate(variants)
    ]
    return make_map([road[0], road[-1]] * len(edges), edges)


def mean_kmh(roadmap: RoadMap, profile: Profile = ROUTINE, arc: int = 0) -> float:
    times = travel_times_ms(roadmap, profile)
    return 3.6 * float(roadmap.edge_length_m[arc >> 1]) / (int(times[arc]) / 1000.0)


def the_stations(roadmap: RoadMap) -> Stations:
    (stations,) = stations_of(roadmap)
    return stations


# The laws of the model


@settings(max_examples=40, deadline=None)
@given(roads, facts, profiles, st.floats(0.2, 1.0))
def test_tighter_curves_are_never_faster(
    road: Metres, facts: dict[str, object], profile: Profile, tighter: float
) -> None:
    roadmap = a_map(road, climbing(road, 4.0), **facts)
    stations = the_stations(roadmap)
    driver = Driver(roadmap, profile)
    bent = replace(stations, radius_m=stations.radius_m * tighter)

    assert (driver.drive(bent).speed_mps <= driver.drive(stations).speed_mps + 1e-9).all()


@settings(max_examples=40, deadline=None)
@given(roads, facts, profiles, st.floats(0.0, 14.0), st.floats(0.0, 14.0))
def test_steeper_climbs_are_never_faster(
    road: Metres, facts: dict[str, object], profile: Profile, one: float, two: float
) -> None:
    gentle, steep = (
        int(travel_times_ms(a_map(road, climbing(road, grade), **facts), profile)[0])
        for grade in sorted((one, two))
    )

    assert gentle <= steep


@settings(max_examples=40, deadline=None)
@given(roads, facts, profiles)
def test_worse_surfaces_are_never_faster(
    road: Metres, facts: dict[str, object], profile: Profile
) -> None:
    surfaces = side_by_side(road, [facts | {"surface": one} for one in SURFACES])
    evenness = side_by_side(road, [facts | {"smoothness": one} for one in list(Smoothness)[1:]])

    for roadmap in (surfaces, evenness):
        there, back = travel_times_ms(roadmap, profile).reshape(-1, 2).T.tolist()
        assert there == sorted(there)
        assert back == sorted(back)


@settings(max_examples=40, deadline=None)
@given(roads, facts, profiles, conditions)
def test_worse_conditions_are_never_faster(
    road: Metres, facts: dict[str, object], profile: Profile, other: Condition
) -> None:
    roadmap = a_map(road, climbing(road, 6.0), **facts)
    here = profile.condition
    worse = Condition(
        weather=max(here.weather, other.weather, key=list(Weather).index),
        night=here.night or other.night,
        fog_visibility_m=_least(here.fog_visibility_m, other.fog_visibility_m),
        ice_above_m=_least(here.ice_above_m, other.ice_above_m),
    )
    times = travel_times_ms(roadmap, profile)

    assert (travel_times_ms(roadmap, replace(profile, condition=worse)) >= times).all()


def _least(one: float | None, other: float | None) -> float | None:
    return min((value for value in (one, other) if value is not None), default=None)


@settings(max_examples=40, deadline=None)
@given(roads, facts, profiles, st.floats(-14.0, 14.0))
def test_urgent_is_never_slower_than_routine(
    road: Metres, facts: dict[str, object], profile: Profile, grade_pct: float
) -> None:
    roadmap = a_map(road, climbing(road, grade_pct), **facts)
    routine = travel_times_ms(roadmap, replace(profile, mode=Mode.ROUTINE))

    assert (travel_times_ms(roadmap, replace(profile, mode=Mode.URGENT)) <= routine).all()


@settings(max_examples=40, deadline=None)
@given(roads, facts, profiles, st.floats(-10.0, 10.0))
def test_mirrored_and_turned_roads_take_the_same_time(
    road: Metres, facts: dict[str, object], profile: Profile, grade_pct: float
) -> None:
    heights = climbing(road, grade_pct)
    mirrored = [(east, -north) for east, north in road]
    ahead = travel_times_ms(a_map(road, heights, **facts), profile)
    mirror = travel_times_ms(a_map(mirrored, heights, **facts), profile)
    turned = travel_times_ms(a_map(road[::-1], heights[::-1], **facts), profile)

    np.testing.assert_allclose(mirror, ahead, rtol=0.002, atol=2)
    np.testing.assert_allclose(turned, ahead[::-1], rtol=0.002, atol=2)


@settings(max_examples=40, deadline=None)
@given(roads, facts, profiles, st.floats(0.05, 0.95), st.booleans())
def test_cutting_a_road_in_two_changes_nothing(
    road: Metres, facts: dict[str, object], profile: Profile, share: float, turned: bool
) -> None:
    heights = climbing(road, 5.0)
    cut = round(share * (len(road) - 2)) + 1
    whole = travel_times_ms(a_map(road, heights, **facts), profile)
    first = Road(tail=0, head=1, metres=road[: cut + 1], heights_m=heights[: cut + 1], **facts)  # type: ignore[arg-type] # as Road has them
    rest = (road[cut:], heights[cut:]) if not turned else (road[:cut:-1], heights[:cut:-1])
    if turned:
        rest = ([*rest[0], road[cut]], [*rest[1], heights[cut]])
    second = Road(
        tail=2 if turned else 1,
        head=1 if turned else 2,
        metres=rest[0],
        heights_m=rest[1],
        **facts,  # type: ignore[arg-type] # as Road has them
    )
    speeds = arc_speeds(make_map([road[0], road[cut], road[-1]], [first, second]), profile)
    onward = 3 if turned else 2

    if whole[0] == CLOSED:
        assert CLOSED in (speeds.times_ms[0], speeds.times_ms[onward])
    else:
        both = int(speeds.times_ms[0]) + int(speeds.times_ms[onward])
        assert both == pytest.approx(int(whole[0]), rel=0.001, abs=5)
    assert speeds.next_arc[0] == onward
    assert speeds.arc_end_speeds_mps[0, 1] == pytest.approx(speeds.arc_end_speeds_mps[onward, 0])


@pytest.mark.parametrize("profile", [ROUTINE, URGENT])
def test_tighter_bends_take_longer_on_drawn_roads(profile: Profile) -> None:
    """Same length of arc, ever tighter: speed over the road falls."""
    speeds = []
    for radius_m in (400.0, 200.0, 120.0, 80.0, 50.0, 30.0, 15.0):
        turn_deg = min(180.0, np.degrees(140.0 / radius_m))
        roadmap = one_road(bend(radius_m, turn_deg), road_class=RoadClass.TRUNK)
        speeds.append(mean_kmh(roadmap, profile))

    assert speeds == sorted(speeds, reverse=True)


def test_steep_climbs_take_longer() -> None:
    road = straight(2_000.0)
    speeds = [
        mean_kmh(one_road(road, climbing(road, grade), road_class=RoadClass.MOTORWAY))
        for grade in (0.0, 2.0, 5.0, 8.0, 12.0, 30.0)
    ]

    assert speeds == sorted(speeds, reverse=True)
    assert speeds[-1] < 0.95 * speeds[0]


def test_all_of_a_map_gets_slower_in_worse_weather_and_quicker_in_urgency() -> None:
    for seed in range(2):
        roadmap = grid_map(seed=seed)
        for vehicle in Vehicle:
            profile = Profile(vehicle=vehicle)
            times = [
                travel_times_ms(roadmap, replace(profile, condition=one)) for one in WORSE_AND_WORSE
            ]
            urgent = travel_times_ms(roadmap, replace(profile, mode=Mode.URGENT))

            assert times[0].dtype == np.uint32
            assert times[0].shape == (2 * roadmap.edge_count,)
            for better, worse in pairwise(times):
                assert (worse >= better).all()
            assert (times[-1] > times[0]).any()
            assert (urgent <= times[0]).all()
            assert urgent.min() >= 1


# Drawing and heights


@pytest.mark.parametrize(
    ("radii_m", "turn_deg", "straight_m", "road_class", "step_m", "sigma_m", "within"),
    [
        ((300.0,), 60.0, 0.0, RoadClass.TRUNK, 15.0, 1.0, 0.12),
        ((300.0,), 60.0, 0.0, RoadClass.TRUNK, 40.0, 2.0, 0.12),
        ((80.0, 120.0, 100.0), 60.0, 50.0, RoadClass.SECONDARY, 15.0, 1.0, 0.10),
        ((80.0, 120.0, 100.0), 60.0, 50.0, RoadClass.SECONDARY, 15.0, 2.0, 0.25),
        ((15.0,), 180.0, 150.0, RoadClass.SECONDARY, 15.0, 1.0, 0.10),
        ((15.0,), 180.0, 150.0, RoadClass.SECONDARY, 15.0, 2.0, 0.12),
        ((30.0,), 90.0, 60.0, RoadClass.TERTIARY, 15.0, 1.0, 0.10),
        ((30.0,), 90.0, 60.0, RoadClass.TERTIARY, 15.0, 2.0, 0.12),
        ((1e6,), 0.001, 1_500.0, RoadClass.SECONDARY, 15.0, 1.0, 0.03),
        ((1e6,), 0.001, 1_500.0, RoadClass.SECONDARY, 40.0, 2.0, 0.03),
    ],
)
def test_drawing_errors_hardly_change_the_speed(
    radii_m: tuple[float, ...],
    turn_deg: float,
    straight_m: float,
    road_class: RoadClass,
    step_m: float,
    sigma_m: float,
    within: float,
) -> None:
    """Points every step_m, each off by sigma_m in both directions."""
    road = winding(radii_m, bends=8, turn_deg=turn_deg, straight_m=straight_m, step_m=step_m)
    true = mean_kmh(one_road(road, road_class=road_class))
    drawn = [
        mean_kmh(one_road(drawn_with_error(road, sigma_m, seed), road_class=road_class))
        for seed in range(3)
    ]

    assert np.mean(drawn) == pytest.approx(true, rel=within)


def test_unknown_heights_count_as_level() -> None:
    road = bend(50.0)
    known = travel_times_ms(one_road(road, [800.0] * len(road)), ROUTINE)
    half = [800.0 if k % 2 else float("nan") for k in range(len(road))]

    assert travel_times_ms(one_road(road), ROUTINE).tolist() == known.tolist()
    assert travel_times_ms(one_road(road, half), ROUTINE).tolist() == known.tolist()


def test_a_road_without_length_still_takes_time() -> None:
    roadmap = one_road([(0.0, 0.0), (0.0, 0.0)])
    broken = replace(roadmap, edge_length_m=np.array([np.nan], dtype=np.float32))

    assert travel_times_ms(roadmap, ROUTINE).tolist() == [1, 1]
    assert travel_times_ms(broken, ROUTINE).tolist() == [1, 1]


def test_time_is_of_the_length_on_the_ground() -> None:
    """A projection may stretch; the stated length counts."""
    roadmap = one_road(straight(1_000.0))
    longer = replace(roadmap, edge_length_m=roadmap.edge_length_m * np.float32(1.01))
    times = travel_times_ms(roadmap, ROUTINE)

    np.testing.assert_allclose(travel_times_ms(longer, ROUTINE), 1.01 * times, rtol=1e-4)


# Who may drive where


def test_closed_directions_are_closed() -> None:
    road = straight(500.0)
    one_way = travel_times_ms(one_road(road, flags=EdgeFlag.CLOSED_BACKWARD), ROUTINE)
    neither = EdgeFlag.CLOSED_BACKWARD | EdgeFlag.CLOSED_FORWARD

    assert one_way[0] < CLOSED
    assert one_way[1] == CLOSED
    assert travel_times_ms(one_road(road, flags=neither), ROUTINE).tolist() == [CLOSED] * 2


def test_walkers_heed_no_one_way_signs() -> None:
    one_way = one_road(straight(500.0), flags=EdgeFlag.CLOSED_BACKWARD)
    times = travel_times_ms(one_way, Profile(vehicle=Vehicle.FOOT))

    assert times.tolist() == [pytest.approx(500.0 / (5.0367 / 3.6) * 1000, rel=0.001)] * 2


def test_motorcycles_stay_off_ice() -> None:
    road = straight(2_000.0)
    roadmap = one_road(road, climbing(road, 10.0))
    times = {
        vehicle: travel_times_ms(
            roadmap, Profile(vehicle=vehicle, condition=Condition(ice_above_m=1_150.0))
        )
        for vehicle in VEHICLES
    }

    assert times[Vehicle.MOTORCYCLE].tolist() == [CLOSED] * 2
    assert (times[Vehicle.PATROL_CAR] < CLOSED).all()
    low = Profile(vehicle=Vehicle.MOTORCYCLE, condition=Condition(ice_above_m=1_250.0))
    assert (travel_times_ms(roadmap, low) < CLOSED).all()


def test_ice_slows_only_above_its_height() -> None:
    road = straight(2_000.0, points=201)
    roadmap = one_road(road, climbing(road, 5.0))
    speeds = Driver(roadmap, Profile(condition=Condition(ice_above_m=1_050.0))).drive(
        the_stations(roadmap)
    )
    high = speeds.stations.height_m >= 1_050.0

    assert 3.6 * speeds.cap_mps[:, high].max() <= 30.0 + 1e-9
    assert 3.6 * speeds.cap_mps[:, ~high].min() > 50.0


def test_off_road_cars_are_quicker_on_rough_tracks_and_motorcycles_off_the_line() -> None:
    rough = a_map(straight(2_000.0), road_class=RoadClass.TERTIARY, surface=Surface.EARTH)
    hairpins = a_map(winding([15.0], bends=6, turn_deg=180.0, straight_m=150.0))
    kmh = {
        vehicle: (
            mean_kmh(rough, Profile(vehicle=vehicle)),
            mean_kmh(hairpins, Profile(vehicle=vehicle)),
        )
        for vehicle in VEHICLES
    }

    assert kmh[Vehicle.FOUR_BY_FOUR][0] > 1.2 * kmh[Vehicle.PATROL_CAR][0]
    assert kmh[Vehicle.MOTORCYCLE][1] > kmh[Vehicle.PATROL_CAR][1] > kmh[Vehicle.FOUR_BY_FOUR][1]


CAR, FOUR_BY_FOUR = (Profile(vehicle=each) for each in (Vehicle.PATROL_CAR, Vehicle.FOUR_BY_FOUR))
ROUGH_FACTS = [
    *({"surface": surface} for surface in SURFACES[1:] if surface is not Surface.PAVING_STONES),
    *({"smoothness": evenness} for evenness in list(Smoothness)[Smoothness.BAD :]),
]


def car_and_four_by_four_ms(roadmap: RoadMap, mode: Mode, condition: Condition) -> list[list[int]]:
    profiles = [replace(each, mode=mode, condition=condition) for each in (CAR, FOUR_BY_FOUR)]
    return [travel_times_ms(roadmap, each).tolist() for each in profiles]


@settings(max_examples=40, deadline=None)
@given(
    roads,
    facts,
    st.sampled_from(ROUGH_FACTS),
    st.sampled_from(list(Mode)),
    conditions,
    st.floats(-14.0, 14.0),
)
def test_a_four_by_four_is_never_the_slower_one_on_unpaved_or_uneven_roads(
    road: Metres,
    facts: dict[str, object],
    rough: dict[str, object],
    mode: Mode,
    condition: Condition,
    grade_pct: float,
) -> None:
    roadmap = a_map(road, climbing(road, grade_pct), **(facts | rough))

    car, four_by_four = car_and_four_by_four_ms(roadmap, mode, condition)

    assert all(one <= other for one, other in zip(four_by_four, car, strict=True))


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    "facts",
    [
        {"road_class": RoadClass.TRACK, "surface": Surface.COMPACTED},
        {"road_class": RoadClass.TRACK, "surface": Surface.GRAVEL},
        {"road_class": RoadClass.TRACK, "surface": Surface.EARTH},
        {"road_class": RoadClass.TRACK, "surface": Surface.UNKNOWN},
        {"road_class": RoadClass.TERTIARY, "smoothness": Smoothness.BAD},
        {"road_class": RoadClass.TERTIARY, "smoothness": Smoothness.VERY_BAD},
    ],
    ids=["grade2", "grade3", "grade4", "untagged", "bad", "very-bad"],
)
def test_a_four_by_four_is_quicker_on_tracks_and_uneven_roads(
    facts: dict[str, object], mode: Mode
) -> None:
    roadmap = side_by_side(winding([120.0], bends=3, turn_deg=40.0, straight_m=200.0), [facts])

    car, four_by_four = car_and_four_by_four_ms(roadmap, mode, Condition())

    assert max(four_by_four) < 0.95 * min(car)


@settings(max_examples=20, deadline=None)
@given(
    st.floats(10.0, 30.0),
    st.floats(40.0, 300.0),
    st.floats(-10.0, 10.0),
    st.sampled_from(list(Mode)),
)
def test_a_four_by_four_is_not_quicker_through_hairpins_on_asphalt(
    radius_m: float, straight_m: float, grade_pct: float, mode: Mode
) -> None:
    road = winding([radius_m], bends=4, turn_deg=180.0, straight_m=straight_m)
    roadmap = a_map(road, climbing(road, grade_pct), surface=Surface.PAVED)

    car, four_by_four = car_and_four_by_four_ms(roadmap, mode, Condition())

    assert all(one >= other for one, other in zip(four_by_four, car, strict=True))


def test_thick_fog_keeps_everyone_at_thirty() -> None:
    fog = Condition(fog_visibility_m=40.0)

    for mode in Mode:
        assert mean_kmh(one_road(straight(1_000.0)), Profile(mode=mode, condition=fog)) <= 30.0


def test_tagged_limits_count_per_direction() -> None:
    roadmap = one_road(straight(1_000.0), maxspeed_kmh=(50, 0))

    assert mean_kmh(roadmap, arc=0) == pytest.approx(40.0, rel=0.01)
    assert mean_kmh(roadmap, arc=1) == pytest.approx(65.0, rel=0.01)


def test_a_bridge_is_driven_as_its_ends_say() -> None:
    """The heights over a bridge run between its ends, whatever the valley does beneath."""
    road = straight(600.0, points=61)
    level = one_road(road, [1_000.0] * 61, flags=EdgeFlag.BRIDGE)
    valley = [1_000.0 - 60.0 * np.sin(np.pi * k / 60) for k in range(61)]

    assert mean_kmh(level) > mean_kmh(one_road(road, valley))


# Factors


def test_factors_multiply_the_times() -> None:
    roadmap = one_road(straight(1_000.0), flags=EdgeFlag.CLOSED_BACKWARD)
    plain = travel_times_ms(roadmap, ROUTINE)
    slower = travel_times_ms(roadmap, ROUTINE, factors=np.array([1.25, 1.25], dtype=np.float32))

    assert slower[0] == pytest.approx(1.25 * plain[0], abs=1)
    assert slower[1] == CLOSED


@pytest.mark.parametrize("factors", [[1.0], [1.0, 0.0], [1.0, -2.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_factors_that_cannot_be_are_refused(factors: list[float]) -> None:
    with pytest.raises(ValueError, match="finite positive"):
        travel_times_ms(
            one_road(straight(100.0)), ROUTINE, factors=np.array(factors, dtype=np.float32)
        )


# Junctions


def test_a_side_street_does_not_slow_the_road() -> None:
    road = bend(120.0, turn_deg=90.0)
    cut = len(road) // 2
    side = [road[cut], (road[cut][0] + 300.0, road[cut][1] - 300.0)]
    ends = [road[0], road[cut], road[-1]]
    through = [
        Road(tail=0, head=1, metres=road[: cut + 1]),
        Road(tail=1, head=2, metres=road[cut:]),
    ]
    with_side = make_map([*ends, side[1]], [*through, Road(tail=1, head=3, metres=side)])
    alone = travel_times_ms(make_map(ends, through), ROUTINE)

    assert travel_times_ms(with_side, ROUTINE)[:4].tolist() == alone.tolist()
    assert arc_speeds(with_side, ROUTINE).next_arc[0] == 2


def test_speeds_at_the_ends_are_in_the_direction_driven() -> None:
    """A hairpin at the far end: slow there, quick here, both ways."""
    road = [(float(east), 0.0) for east in np.linspace(-400.0, 0.0, 41)]
    turn = [(12.0 * np.sin(a), 12.0 - 12.0 * np.cos(a)) for a in np.linspace(0.2, np.pi, 8)]
    ends = arc_speeds(one_road([*road, *turn]), ROUTINE).arc_end_speeds_mps

    assert ends[0, 0] > 1.5 * ends[0, 1]
    assert ends[1, 1] > 1.5 * ends[1, 0]


# Roads whose speed is known


@pytest.mark.parametrize(
    ("radii_m", "turn_deg", "straight_m", "grade_pct", "facts", "routine_kmh", "urgent_kmh"),
    [
        ((300.0,), 60.0, 0.0, 0.0, {"road_class": RoadClass.PRIMARY}, 68.0, 79.0),
        ((80.0, 120.0, 100.0), 60.0, 0.0, 6.0, {"road_class": RoadClass.SECONDARY}, 51.0, 61.0),
        ((15.0,), 180.0, 150.0, 0.0, {"road_class": RoadClass.SECONDARY}, 32.0, 38.0),
        ((30.0,), 90.0, 60.0, 0.0, {"road_class": RoadClass.TERTIARY, "lanes": 1}, 26.0, 33.0),
    ],
    ids=["valley", "county", "hairpins", "single-track"],
)
def test_known_roads(
    radii_m: tuple[float, ...],
    turn_deg: float,
    straight_m: float,
    grade_pct: float,
    facts: dict[str, object],
    routine_kmh: float,
    urgent_kmh: float,
) -> None:
    """Valley of radius 300 m; county road of 80 to 120 m at 6 %; hairpins of 15 m with 150 m
    between them; single track of 30 m with 60 m between: both ways together, within 10 %."""
    road = winding(radii_m, bends=12, turn_deg=turn_deg, straight_m=straight_m)
    roadmap = a_map(road, climbing(road, grade_pct), **facts)

    for profile, expected_kmh in ((ROUTINE, routine_kmh), (URGENT, urgent_kmh)):
        there_and_back = [1.0 / mean_kmh(roadmap, profile, arc) for arc in (0, 1)]
        assert 2.0 / sum(there_and_back) == pytest.approx(expected_kmh, rel=0.10)
