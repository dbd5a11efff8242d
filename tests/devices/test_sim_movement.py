"""Simulated driving: never faster than the road, always on it."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from devices.sim.deadzones import APART_M, DeadZone, DeadZones
from devices.sim.movement import Drive, distance_m
from devices.sim.roads import Roads
from geo.ground import Ground
from geo.roadmap import RoadMap
from geo.snap import Snap


@pytest.fixture(scope="module")
def roads(small_map: RoadMap) -> Roads:
    return Roads(small_map, engine="scipy")


def a_pair(roads: Roads, seed: int) -> tuple[Snap, Snap]:
    rng = Random(seed)
    return roads.random_place(rng, roads.random_edge_place(rng), 0.05), roads.random_edge_place(rng)


def speed_of_edge_mps(roads: Roads, edge: int, *, backward: bool) -> float:
    length_m = float(roads.roadmap.edge_length_m[edge])
    return length_m / (float(roads.weights_ms[2 * edge + int(backward)]) / 1000.0)


@pytest.mark.parametrize("seed", range(30))
def test_no_piece_is_driven_faster_than_its_edge_allows(roads: Roads, seed: int) -> None:
    path = roads.path(*a_pair(roads, seed))

    seconds, metres = np.diff(path.at_s), np.diff(path.at_m)

    for piece, edge in enumerate(path.edge.tolist()):
        backward = bool(path.start[piece] > path.end[piece])
        allowed = speed_of_edge_mps(roads, edge, backward=backward)
        assert metres[piece] <= allowed * seconds[piece] * (1 + 1e-6) + 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_path_takes_as_long_as_the_server_reckons(
    roads: Roads, small_map: RoadMap, seed: int
) -> None:
    source, target = a_pair(roads, seed)
    path = roads.path(source, target)

    route = Ground(small_map, engine="scipy").route(source, target)

    assert path.duration_s == pytest.approx(route.duration_s, abs=0.01)
    assert path.distance_m == pytest.approx(route.distance_m, rel=1e-6, abs=0.01)


@pytest.mark.parametrize("seed", range(20))
def test_vehicle_seen_from_outside_never_outruns_its_road(roads: Roads, seed: int) -> None:
    source, target = a_pair(roads, seed)
    drive = Drive(roads.path(source, target), pace=0.9)
    rng = Random(seed)
    fastest = max(
        speed_of_edge_mps(roads, edge, backward=backward)
        for edge in set(drive.path.edge.tolist())
        for backward in (False, True)
    )

    while not drive.arrived:
        before, seconds = drive.place, rng.uniform(0.1, 20.0)
        drive.advance(seconds)
        after = drive.place
        moved_m = distance_m(before.lon, before.lat, after.lon, after.lat)
        assert moved_m <= fastest * seconds * 1.01
        on_road = roads.snap(after.lon, after.lat)
        assert on_road.distance_m < 1.0

    assert distance_m(drive.place.lon, drive.place.lat, target.lon, target.lat) < 1.0
    assert drive.speed_mps == 0.0


def test_driving_in_small_steps_or_large_ones_takes_the_same_time(roads: Roads) -> None:
    path = roads.path(*a_pair(roads, 4))
    slow, quick = Drive(path, pace=0.8), Drive(path, pace=0.8)

    for _ in range(1000):
        slow.advance(path.duration_s / 0.8 / 1000)
    left_over_s = quick.advance(path.duration_s / 0.8 + 7.0)

    assert left_over_s == pytest.approx(7.0)
    assert slow.driven_m == pytest.approx(quick.driven_m)


def test_pace_above_the_model_is_refused(roads: Roads) -> None:
    path = roads.path(*a_pair(roads, 1))

    with pytest.raises(ValueError, match="outrun"):
        Drive(path, pace=1.01)


def test_foot_patrol_walks(roads: Roads) -> None:
    path = roads.path(*a_pair(roads, 2))

    drive = Drive(path, speed_mps_max=1.4)

    assert drive.duration_s == pytest.approx(path.distance_m / 1.4, rel=0.01)


def test_way_to_the_same_place_is_over_at_once(roads: Roads) -> None:
    place = roads.random_edge_place(Random(1))

    drive = Drive(roads.path(place, place))

    assert drive.advance(5.0) == pytest.approx(5.0, abs=1e-6)
    assert drive.arrived


def test_turning_round_on_the_way_starts_where_the_car_is(roads: Roads) -> None:
    source, target = a_pair(roads, 5)
    drive = Drive(roads.path(source, target))
    drive.advance(drive.duration_s / 2)

    back = roads.path(drive.place, source)

    assert back.lonlat[0].tolist() == pytest.approx([drive.place.lon, drive.place.lat], abs=1e-6)
    assert roads.connected(drive.place, source)


def test_dead_zones_are_the_same_for_the_same_seed_and_apart(small_map: RoadMap) -> None:
    first = DeadZones.of(small_map, Random(3)).zones
    again = DeadZones.of(small_map, Random(3)).zones

    assert first == again
    for one in first:
        for other in first:
            away_m = distance_m(one.lon, one.lat, other.lon, other.lat)
            assert one is other or away_m >= APART_M


def test_dead_zone_covers_its_circle() -> None:
    zones = DeadZones([DeadZone(lon=100.25, lat=27.54, radius_m=500.0)])

    assert zones.covers(100.25, 27.544)
    assert not zones.covers(100.25, 27.545)
    assert not DeadZones([]).covers(100.25, 27.54)
