"""How a unit gets on: no false alarm on the way as it is, and each trouble told once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.roadmap import RoadMap
from server.dispatch.enroute import Drive, follow
from server.dispatch.sights import Promise, Rules, Sight, Trouble
from tests.geo.maps import Road, lonlat, make_map
from tests.server.simulated_drives import BEGAN, Fix, Roads, along, followed, told, with_errors
from tests.small_county import CENTRE, crossing, small_county

RULES = Rules()
SCENE = crossing(6, 3)
START = crossing(0, 1)
DRIFT, STOPPED, AWAY, LEFT = Trouble
CORNERS = st.tuples(st.integers(0, 6), st.integers(0, 4))


@pytest.fixture(scope="module")
def roads() -> Iterator[Roads]:
    roads = Roads(small_county(), SCENE)
    yield roads
    roads.ground.close()


def sights(roads: Roads, fixes: list[Fix], *, excused: bool = False) -> list[Sight]:
    return [roads.sight(each, excused=excused) for each in fixes]


def a_sight(at_s: float, *, east_m: float = 0.0, **values: object) -> Sight:
    lon, lat = CENTRE
    standard: dict[str, object] = {"place_m": 5_000.0, "speed_mps": 10.0, "left_s": 600.0}
    return Sight(
        at=BEGAN + timedelta(seconds=at_s),
        lon=lon + east_m / 98_600.0,
        lat=lat,
        **(standard | values),  # type: ignore[arg-type]
    )


# -- no false alarm -----------------------------------------------------------------------


@settings(max_examples=40)
@given(
    start=CORNERS,
    every_s=st.sampled_from([5.0, 15.0, 60.0]),
    noise_m=st.floats(0.0, 20.0),
    lost=st.floats(0.0, 0.4),
    pace=st.floats(0.9, 1.15),
    seed=st.integers(0, 9_999),
)
def test_a_unit_on_its_way_is_not_told_on_whatever_its_receiver_and_radio_do(
    roads: Roads,
    start: tuple[int, int],
    every_s: float,
    noise_m: float,
    lost: float,
    pace: float,
    seed: int,
) -> None:
    begin = crossing(*start)
    if begin == SCENE:
        return
    line, took_s = roads.line(begin, SCENE)
    plain = along(line, took_s * pace, every_s=every_s, stay_s=400.0)
    fixes = list(with_errors(plain, Random(seed), noise_m=noise_m, lost=lost))

    drives = followed(sights(roads, fixes), RULES, promise=roads.promise(begin))

    assert all(not each.troubles for each in drives), told(drives)


def test_a_unit_that_comes_out_of_a_long_silence_on_its_way_is_not_told_on(roads: Roads) -> None:
    line, took_s = roads.line(START, SCENE)
    fixes = along(line, took_s, every_s=10.0)
    heard = [each for each in fixes if not 60.0 < each.at_s < 0.7 * took_s]

    drives = followed(sights(roads, heard), RULES, promise=roads.promise(START))

    assert told(drives) == [set()]


def hairpins() -> RoadMap:
    """Eight legs of 900 m up a slope, 60 m above each other."""
    turns = [(900.0 * (leg % 2), 60.0 * leg) for leg in range(9)]
    nodes = [turns[0], turns[-1]]
    return make_map(nodes, [Road(tail=0, head=1, metres=turns)])


def test_hairpins_where_only_the_distance_grows_are_the_way() -> None:
    top = lonlat(0.0, 480.0)
    roads = Roads(hairpins(), top)
    line, took_s = roads.line(lonlat(0.0, 0.0), top)
    fixes = along(line, took_s, every_s=15.0, stay_s=60.0)
    seen = sights(roads, fixes)
    roads.ground.close()

    drives = followed(
        seen, RULES, promise=Promise(at=BEGAN + timedelta(seconds=took_s), way_s=took_s)
    )

    assert max(later.place_m - sooner.place_m for sooner, later in itertools.pairwise(seen)) > 100.0
    assert told(drives) == [set()]
    assert drives[-1].arrived_at is not None
    first_there = next(each.arrived_at for each in drives if each.arrived_at is not None)
    assert first_there >= BEGAN + timedelta(seconds=took_s - 15.0), "not from the bend below"


def test_fixes_that_jump_to_the_other_bank_of_a_gorge_are_no_detour() -> None:
    drive = Drive(set_off=True)
    banks = [0.0, 600.0, 0.0, 600.0, 600.0, 600.0, 0.0, 600.0, 0.0, 0.0]
    for number, longer_s in enumerate(banks):
        left_s = 900.0 - 10.0 * number + longer_s
        drive = follow(drive, a_sight(10.0 * number, east_m=150.0 * number, left_s=left_s), RULES)
        assert AWAY not in drive.troubles


def test_two_fixes_a_minute_apart_on_the_other_bank_with_the_bridge_behind_are_no_detour() -> None:
    drive = Drive(set_off=True)
    for number, left_s in enumerate([900.0, 840.0, 1440.0, 1500.0, 660.0, 600.0]):
        drive = follow(drive, a_sight(60.0 * number, east_m=900.0 * number, left_s=left_s), RULES)
        assert AWAY not in drive.troubles


def test_another_weather_makes_the_way_longer_and_nobody_drives_away() -> None:
    drive = Drive(set_off=True, promise=Promise(at=BEGAN + timedelta(hours=2), way_s=7200.0))
    for number in range(30):
        left_s = 900.0 + 60.0 * number
        sight = a_sight(30.0 * number, east_m=300.0 * number, left_s=left_s, roads=number)
        drive = follow(drive, sight, RULES)

    assert drive.troubles == frozenset()


# -- drifting -----------------------------------------------------------------------------


def test_a_unit_that_is_slow_drifts_and_is_in_time_again_when_it_caught_up(roads: Roads) -> None:
    line, took_s = roads.line(START, SCENE)
    half = len(line) // 2
    slow = along(line[:half], took_s, every_s=30.0)
    promise = roads.promise(START)
    seen = sights(roads, slow)
    caught_up = [replace(each, at=each.at - timedelta(seconds=200)) for each in seen[-3:]]
    later = [
        replace(each, at=seen[-1].at + timedelta(seconds=30.0 * number), left_s=60.0)
        for number, each in enumerate(caught_up, start=1)
    ]
    generous = replace(promise, at=later[-1].at + timedelta(seconds=60.0))

    drives = followed(seen, RULES, promise=promise)
    back = followed([*seen, *later], RULES, promise=generous)

    assert told(drives) == [set(), {DRIFT}]
    limit_s = max(RULES.drift_s, RULES.drift_share * promise.way_s)
    first = next(each for each in drives if each.troubles)
    assert first.late_s > limit_s
    assert told(back)[-1] == set()


def test_a_drift_does_not_flutter_about_its_limit() -> None:
    promise = Promise(at=BEGAN + timedelta(seconds=600), way_s=600.0)
    late_s = [150, 185, 175, 190, 170, 185, 120, 100, 95, 80, 80, 80, 175, 175, 170]
    seen = [
        a_sight(20.0 * number, east_m=200.0 * number, left_s=600.0 - 20.0 * number + late)
        for number, late in enumerate(late_s)
    ]

    assert told(followed(seen, RULES, promise=promise)) == [set(), {DRIFT}, set()]


def test_one_fix_on_the_wrong_road_is_no_drift() -> None:
    promise = Promise(at=BEGAN + timedelta(seconds=600), way_s=600.0)
    seen = [
        a_sight(
            20.0 * number,
            east_m=200.0 * number,
            left_s=600.0 - 20.0 * number + 400.0 * (number == 4),
        )
        for number in range(10)
    ]

    assert told(followed(seen, RULES, promise=promise)) == [set()]


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_nor_is_one_of_the_first_that_a_server_sees_which_has_just_started(wrong: int) -> None:
    seen = [
        a_sight(20.0 * at, east_m=200.0 * at, left_s=600.0 - 20.0 * at + 400.0 * (at == wrong))
        for at in range(6)
    ]
    promise = Promise(at=BEGAN + timedelta(seconds=600), way_s=600.0)

    assert told(followed(seen, RULES, promise=promise)) == [set()]


def test_a_drift_that_was_said_before_a_restart_is_not_over_for_one_fix() -> None:
    promise = Promise(at=BEGAN + timedelta(seconds=600), way_s=600.0)
    late = Drive.resumed(
        RULES,
        promise=promise,
        set_off=True,
        troubles=frozenset({DRIFT}),
        arrived_at=None,
    )

    one = follow(late, a_sight(20.0, left_s=580.0), RULES)
    for at in (1, 2):
        late = follow(one, a_sight(20.0 + 20.0 * at, left_s=580.0 - 20.0 * at), RULES)
        one, before = late, one

    assert before.troubles == {DRIFT}
    assert late.troubles == frozenset()


# -- standing still -----------------------------------------------------------------------


def stands(
    at_m: float, from_s: float, to_s: float, every_s: float = 30.0, **values: object
) -> list[Sight]:
    rng = Random(7)
    return [
        a_sight(at_s, east_m=at_m + rng.gauss(0.0, 10.0), **({"speed_mps": 0.2} | values))
        for at_s in np.arange(from_s, to_s, every_s).tolist()
    ]


def moves(from_m: float, from_s: float, to_s: float, **values: object) -> list[Sight]:
    return [
        a_sight(at_s, east_m=from_m + 10.0 * (at_s - from_s), **values)
        for at_s in np.arange(from_s, to_s, 30.0).tolist()
    ]


IN_TIME = Promise(at=BEGAN + timedelta(hours=3), way_s=3600.0)


def test_a_unit_at_one_spot_for_five_minutes_has_stopped_until_it_goes_on() -> None:
    seen = [
        *moves(0.0, 0.0, 120.0),
        *stands(1200.0, 120.0, 600.0),
        *moves(1200.0, 600.0, 800.0),
    ]

    drives = followed(seen, RULES, promise=IN_TIME)

    assert told(drives) == [set(), {STOPPED}, set()]
    first = next(each for each in drives if each.troubles)
    assert 300.0 <= (first.sights[-1].at - BEGAN).total_seconds() - 120.0 <= 390.0


def test_one_fix_elsewhere_neither_ends_a_stop_nor_hides_one() -> None:
    seen = [*moves(0.0, 0.0, 120.0), *stands(1200.0, 120.0, 900.0)]
    stray = [
        replace(each, lon=each.lon + 0.0012) if number in (10, 20) else each
        for number, each in enumerate(seen)
    ]

    assert told(followed(stray, RULES, promise=IN_TIME)) == [set(), {STOPPED}]


def test_silence_at_one_spot_is_no_stop() -> None:
    seen = [
        *moves(0.0, 0.0, 120.0),
        *stands(1200.0, 120.0, 180.0),
        *stands(1200.0, 900.0, 1150.0),
    ]

    assert told(followed(seen, RULES, promise=IN_TIME)) == [set()]


def test_a_stop_that_was_seen_goes_on_through_a_silence_at_the_same_spot() -> None:
    seen = [
        *moves(0.0, 0.0, 120.0),
        *stands(1200.0, 120.0, 600.0),
        *stands(1200.0, 1500.0, 1600.0),
    ]

    assert told(followed(seen, RULES, promise=IN_TIME)) == [set(), {STOPPED}]


def test_a_known_queue_a_ferry_the_place_and_a_unit_that_has_not_set_off_are_no_stop() -> None:
    queue = [*moves(0.0, 0.0, 120.0), *stands(1200.0, 120.0, 900.0, excused=True)]
    there = [*moves(0.0, 0.0, 120.0), *stands(1200.0, 120.0, 900.0, place_m=90.0, road_s=8.0)]
    at_home = stands(0.0, 0.0, 900.0)

    assert told(followed(queue, RULES, promise=IN_TIME)) == [set()]
    assert told(followed(there, RULES, promise=IN_TIME)) == [set()]
    assert told(followed(at_home, RULES, promise=IN_TIME, set_off=False)) == [set()]


# -- the wrong way ------------------------------------------------------------------------


@pytest.mark.parametrize("every_s", [10.0, 60.0])
def test_a_unit_that_drives_away_is_told_on_until_it_has_turned_round(
    roads: Roads, every_s: float
) -> None:
    start, wrong = crossing(4, 1), crossing(0, 1)
    line, took_s = roads.line(start, wrong)
    back, back_s = roads.line(wrong, start)
    out = along(line, took_s, every_s=every_s)
    home = along(back, back_s, every_s=every_s, from_s=out[-1].at_s + every_s)
    promise = Promise(at=BEGAN + timedelta(hours=1), way_s=3600.0)

    drives = followed(sights(roads, [*out, *home]), RULES, promise=promise)

    assert told(drives) == [set(), {AWAY}, set()]
    first = next(each for each in drives if each.troubles)
    assert (first.sights[-1].at - BEGAN).total_seconds() <= 240.0


def test_a_unit_seen_before_a_restart_is_as_it_was_left_until_it_is_seen_to_be_over() -> None:
    def resumed(*troubles: Trouble) -> Drive:
        return Drive.resumed(
            RULES, promise=IN_TIME, set_off=True, troubles=frozenset(troubles), arrived_at=None
        )

    stopped = resumed(STOPPED)
    for each in stands(0.0, 0.0, 60.0):
        stopped = follow(stopped, each, RULES)
        assert stopped.troubles == {STOPPED}
    for each in moves(0.0, 60.0, 200.0):
        stopped = follow(stopped, each, RULES)
    away = follow(resumed(AWAY), a_sight(0.0), RULES)

    assert stopped.troubles == set()
    assert away.troubles == {AWAY}


# -- at the place -------------------------------------------------------------------------


def test_the_arrival_by_position_is_when_it_first_stood_there(roads: Roads) -> None:
    line, took_s = roads.line(START, SCENE)

    drives = followed(
        sights(roads, along(line, took_s, every_s=10.0, stay_s=120.0)),
        RULES,
        promise=roads.promise(START),
    )

    arrived_at = drives[-1].arrived_at
    assert arrived_at is not None
    assert 0.0 <= (arrived_at - BEGAN).total_seconds() - took_s <= 10.0


def test_who_passes_or_waits_on_the_road_below_is_not_there() -> None:
    passing = [a_sight(10.0 * number, place_m=60.0, road_s=5.0) for number in range(8)]
    below = stands(0.0, 0.0, 200.0, place_m=60.0, road_s=900.0)

    assert followed(passing, RULES)[-1].arrived_at is None
    assert followed(below, RULES)[-1].arrived_at is None


def test_who_was_there_and_is_far_away_has_left_and_is_back_when_near() -> None:
    def at(place_m: float, from_s: float, to_s: float) -> list[Sight]:
        return [
            a_sight(at_s, place_m=place_m, speed_mps=0.0 if place_m < 100 else 9.0, road_s=0.0)
            for at_s in np.arange(from_s, to_s, 30.0).tolist()
        ]

    seen = [*at(20, 0, 120), *at(900, 120, 150), *at(30, 150, 240), *at(800, 240, 400)]
    seen += [*at(300, 400, 460), *at(100, 460, 500)]

    assert told(followed(seen, RULES, there=True)) == [set(), {LEFT}, set()]
    assert told(followed(at(900, 0, 600), RULES, there=True)) == [set()], "it was never there"
    assert LEFT not in followed(at(20, 0, 600), RULES)[-1].troubles


def test_rules_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="left_m"):
        Rules(arrived_m=500.0)
    with pytest.raises(ValueError, match="above 0"):
        Rules(drift_s=0.0)
