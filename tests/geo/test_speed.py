"""The speed model: what never may happen, and what known roads take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.bends import curve_speed_kmh
from geo.caps import descent_factor
from geo.desired import SURFACE_KMH
from geo.roadmap import EdgeFlag, RoadClass, RoadMap, Surface
from geo.routing.engine import CLOSED
from geo.speed import Mode, Profile, travel_times_ms
from geo.stations import Stations, stations_of
from geo.vehicles import MODES
from tests.geo.maps import grid_map, one_road

ROUTINE, URGENT = Profile(), Profile(mode=Mode.URGENT)
FROM_BEST_TO_WORST = (
    Surface.PAVED,
    Surface.COMPACTED,
    Surface.PAVING_STONES,
    Surface.GRAVEL,
    Surface.COBBLESTONE,
    Surface.EARTH,
    Surface.MUD,
)
radii = st.floats(min_value=1.0, max_value=5_000.0)
grades = st.floats(min_value=-20.0, max_value=20.0)
modes = st.sampled_from(list(Mode))
surfaces = st.sampled_from(list(Surface))


def curve(radius_m: float, grade_pct: float, mode: Mode, surface: Surface) -> float:
    """The speed of a bend on a surface, km/h, capped as the model caps it."""
    constants = MODES[mode]
    free = curve_speed_kmh(
        np.array([radius_m]),
        np.array([grade_pct]),
        np.array([constants.lateral_mps2[surface]]),
        constants.curve_factor,
    )
    return min(float(free[0]), SURFACE_KMH[surface])


def bend(
    radius_m: float, turn_deg: float = 180.0, straight_m: float = 150.0, step_m: float = 4.0
) -> list[tuple[float, float]]:
    """A straight, an arc to the left, a straight."""
    turn = np.radians(turn_deg)
    count = max(3, int(radius_m * turn / step_m))
    angles = np.linspace(0.0, turn, count)
    arc = np.column_stack((radius_m * np.sin(angles), radius_m * (1 - np.cos(angles))))
    ahead = np.array([np.cos(turn), np.sin(turn)])
    points = [(-straight_m, 0.0), *map(tuple, arc.tolist())]
    points.append(tuple((arc[-1] + straight_m * ahead).tolist()))
    return [(float(east), float(north)) for east, north in points]


def straight(length_m: float, points: int = 60) -> list[tuple[float, float]]:
    return [(float(east), 0.0) for east in np.linspace(0.0, length_m, points)]


def mean_kmh(roadmap: RoadMap, profile: Profile = ROUTINE, arc: int = 0) -> float:
    times = travel_times_ms(roadmap, profile)
    return 3.6 * float(roadmap.edge_length_m[arc >> 1]) / (int(times[arc]) / 1000.0)


def the_stations(roadmap: RoadMap) -> Stations:
    (stations,) = stations_of(roadmap)
    return stations


# The laws of the model


@given(radii, radii, grades, modes, surfaces)
def test_tighter_curve_is_never_faster(
    one: float, two: float, grade_pct: float, mode: Mode, surface: Surface
) -> None:
    tight, wide = sorted((one, two))

    assert curve(tight, grade_pct, mode, surface) <= curve(wide, grade_pct, mode, surface) + 1e-9


@given(radii, grades, modes, surfaces)
def test_curve_speed_does_not_jump(
    radius_m: float, grade_pct: float, mode: Mode, surface: Surface
) -> None:
    here = curve(radius_m, grade_pct, mode, surface)

    assert abs(curve(radius_m * 1.0001, grade_pct, mode, surface) - here) < 0.02
    assert abs(curve(radius_m, grade_pct + 0.001, mode, surface) - here) < 0.02


@given(radii, st.floats(0.0, 20.0), st.floats(0.0, 20.0), modes, surfaces)
def test_steeper_climb_is_never_faster(
    radius_m: float, one: float, two: float, mode: Mode, surface: Surface
) -> None:
    gentle, steep = sorted((one, two))

    assert curve(radius_m, steep, mode, surface) <= curve(radius_m, gentle, mode, surface) + 1e-9


@given(st.floats(-30.0, 0.0), st.floats(-30.0, 0.0))
def test_steeper_descent_keeps_less_speed(one: float, two: float) -> None:
    steep, gentle = sorted((one, two))
    factors = descent_factor(np.array([steep, gentle, 5.0]))

    assert 0.0 < factors[0] <= factors[1] <= factors[2] == 1.0


@given(radii, grades, modes)
def test_worse_surface_is_never_faster(radius_m: float, grade_pct: float, mode: Mode) -> None:
    speeds = [curve(radius_m, grade_pct, mode, surface) for surface in FROM_BEST_TO_WORST]

    assert speeds == sorted(speeds, reverse=True)


@given(radii, grades, surfaces)
def test_urgent_bend_is_never_slower(radius_m: float, grade_pct: float, surface: Surface) -> None:
    urgent = curve(radius_m, grade_pct, Mode.URGENT, surface)

    assert urgent >= curve(radius_m, grade_pct, Mode.ROUTINE, surface)


# The same on whole roads


@pytest.mark.parametrize("profile", [ROUTINE, URGENT])
def test_tighter_bends_take_longer_on_drawn_roads(profile: Profile) -> None:
    """Same length of arc, ever tighter: speed over the arc's pieces falls."""
    speeds = []
    for radius_m in (400.0, 200.0, 120.0, 80.0, 50.0, 30.0, 15.0):
        turn_deg = min(180.0, np.degrees(140.0 / radius_m))
        roadmap = one_road(bend(radius_m, turn_deg), road_class=RoadClass.TRUNK)
        speeds.append(mean_kmh(roadmap, profile))

    assert speeds == sorted(speeds, reverse=True)


def test_steeper_climbs_take_longer_on_drawn_roads() -> None:
    speeds = []
    for grade in (0.0, 0.02, 0.05, 0.08, 0.12, 0.3):
        road = straight(2_000.0)
        heights = [1_000.0 + grade * east for east, _ in road]
        speeds.append(mean_kmh(one_road(road, heights, road_class=RoadClass.MOTORWAY)))

    assert speeds == sorted(speeds, reverse=True)
    assert speeds[-1] < 0.9 * speeds[0]


@pytest.mark.parametrize("profile", [ROUTINE, URGENT])
def test_worse_surfaces_take_longer_on_drawn_roads(profile: Profile) -> None:
    times = [
        int(travel_times_ms(one_road(bend(60.0), surface=surface), profile)[0])
        for surface in FROM_BEST_TO_WORST
    ]

    assert times == sorted(times)


def test_urgent_is_never_slower_and_no_arc_is_free() -> None:
    for seed in range(3):
        roadmap = grid_map(seed=seed)
        routine, urgent = travel_times_ms(roadmap, ROUTINE), travel_times_ms(roadmap, URGENT)

        assert routine.dtype == np.uint32
        assert routine.shape == (2 * roadmap.edge_count,)
        assert (urgent <= routine).all()
        assert urgent.min() >= 1


def test_mirrored_roads_take_the_same_time() -> None:
    road = bend(40.0, turn_deg=130.0)
    heights = list(np.linspace(900.0, 940.0, len(road)))
    mirrored = [(east, -north) for east, north in road]

    ahead = travel_times_ms(one_road(road, heights), ROUTINE)
    mirror = travel_times_ms(one_road(mirrored, heights), ROUTINE)
    turned = travel_times_ms(one_road(road[::-1], heights[::-1]), ROUTINE)

    np.testing.assert_allclose(mirror, ahead, rtol=0.002)
    np.testing.assert_allclose(turned, ahead[::-1], rtol=0.002)


def test_digitising_noise_hardly_slows_a_straight_road() -> None:
    rng = np.random.default_rng(7)
    clean = one_road(straight(5_000.0, points=200))
    noisy = [(east, float(rng.normal(0.0, 1.5))) for east, _ in straight(5_000.0, points=200)]

    assert mean_kmh(one_road(noisy)) > 0.97 * mean_kmh(clean)


def test_digitising_noise_hardly_changes_a_hairpin_road() -> None:
    rng = np.random.default_rng(7)
    road = [
        (x + offset, y + 31.0 * k) if k % 2 == 0 else (150.0 - x + offset, y + 31.0 * k)
        for k in range(8)
        for offset in (0.0,)
        for x, y in bend(15.0, 180.0, 75.0)
    ]
    noisy = [(x + float(rng.normal(0, 1.0)), y + float(rng.normal(0, 1.0))) for x, y in road]

    assert mean_kmh(one_road(noisy)) == pytest.approx(mean_kmh(one_road(road)), rel=0.15)


@pytest.mark.parametrize("radius_m", [12.0, 15.0, 30.0, 60.0, 100.0, 200.0, 400.0])
def test_radius_of_a_drawn_circle_is_found(radius_m: float) -> None:
    stations = the_stations(one_road(bend(radius_m, turn_deg=175.0, straight_m=1.0)))

    assert stations.radius_m.min() == pytest.approx(radius_m, rel=0.25)
    assert np.median(stations.radius_m) == pytest.approx(radius_m, rel=0.6)


def test_a_straight_road_has_no_radius() -> None:
    assert the_stations(one_road(straight(1_000.0))).radius_m.min() > 10_000.0


def test_grade_is_that_of_the_slope_in_both_directions() -> None:
    road = straight(1_000.0)
    stations = the_stations(one_road(road, [500.0 + 0.07 * east for east, _ in road]))

    assert stations.grade_pct == pytest.approx(7.0, abs=0.05)


def test_a_step_in_the_heights_is_spread_over_the_window() -> None:
    road = straight(1_000.0, points=101)
    heights = [500.0 + (6.0 if east > 500.0 else 0.0) for east, _ in road]
    stations = the_stations(one_road(road, heights))

    assert stations.grade_pct.max() == pytest.approx(4.0, abs=0.1)


def test_unknown_heights_count_as_level() -> None:
    road = bend(50.0)
    known = travel_times_ms(one_road(road, [800.0] * len(road)), ROUTINE)
    half = [800.0 if k % 2 else float("nan") for k in range(len(road))]

    assert travel_times_ms(one_road(road), ROUTINE).tolist() == known.tolist()
    assert travel_times_ms(one_road(road, half), ROUTINE).tolist() == known.tolist()


def test_closed_directions_are_closed() -> None:
    road = straight(500.0)
    one_way = travel_times_ms(one_road(road, flags=EdgeFlag.CLOSED_BACKWARD), ROUTINE)
    neither = EdgeFlag.CLOSED_BACKWARD | EdgeFlag.CLOSED_FORWARD

    assert one_way[0] < CLOSED
    assert one_way[1] == CLOSED
    assert travel_times_ms(one_road(road, flags=neither), ROUTINE).tolist() == [CLOSED] * 2


def test_tagged_limits_count_per_direction() -> None:
    roadmap = one_road(straight(1_000.0), maxspeed_kmh=(50, 0))

    assert mean_kmh(roadmap, arc=0) == pytest.approx(40.0, rel=0.01)
    assert mean_kmh(roadmap, arc=1) == pytest.approx(65.0, rel=0.01)


def test_a_road_without_length_still_takes_time() -> None:
    roadmap = one_road([(0.0, 0.0), (0.0, 0.0)])
    broken = replace(roadmap, edge_length_m=np.array([np.nan], dtype=np.float32))

    assert travel_times_ms(roadmap, ROUTINE).tolist() == [1, 1]
    assert travel_times_ms(broken, ROUTINE).tolist() == [1, 1]


def test_chunks_change_nothing() -> None:
    roadmap = grid_map()
    whole = the_stations(roadmap)
    parts = list(stations_of(roadmap, stations_max=100))

    assert len(parts) > 10
    assert np.concatenate([part.edge for part in parts]).tolist() == whole.edge.tolist()
    for name in ("radius_m", "grade_pct"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_allclose(joined, getattr(whole, name), rtol=1e-6, atol=1e-6)


# Roads whose speed is known


def test_valley_road_of_wide_bends() -> None:
    """Radius 300 m, level: 68 km/h routine, 79 urgent (model with all terms: within 10 %)."""
    roadmap = one_road(bend(300.0, turn_deg=170.0, straight_m=1.0))

    assert mean_kmh(roadmap) == pytest.approx(68.0, rel=0.10)
    assert mean_kmh(roadmap, URGENT) == pytest.approx(79.0, rel=0.10)


def test_single_track_of_tight_bends() -> None:
    """Radius 30 m: 26 km/h routine, 33 urgent; bends alone allow a little more."""
    roadmap = one_road(
        bend(30.0, turn_deg=175.0, straight_m=1.0), road_class=RoadClass.UNCLASSIFIED
    )

    assert mean_kmh(roadmap) == pytest.approx(28.0, rel=0.10)
    assert mean_kmh(roadmap, URGENT) == pytest.approx(33.0, rel=0.10)
