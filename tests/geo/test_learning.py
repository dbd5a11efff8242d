"""Learning from drives: careful with one, sure with many, never wild, and reversible."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._drivers import random_ways
from geo.driving.speed import Profile
from geo.driving.vehicles import Mode
from geo.eta import LEARNED_SD, TripSpread
from geo.ground import Ground
from geo.learning.factors import (
    EPOCH_S,
    FACTOR_MAX,
    FACTOR_MIN,
    FORGET_S,
    SPREAD_SD,
    Evidence,
    LearnedFactors,
    Levels,
    shrinkage,
)
from geo.learning.observing import (
    CRAWL_S,
    ENDS_M,
    STRETCH_M,
    Y_MAX,
    Observations,
    Road,
    observations,
)
from geo.learning.passages import Passages
from geo.learning.school import Drive, Lessons, School
from tests.small_county import small_county

NOW_S = EPOCH_S + 6 * 365.0 * 86_400.0
COUNTY = small_county()
LEVELS = Levels.of(COUNTY)
ARCS = 2 * COUNTY.edge_count


def said(arcs: list[int], log_ratio: float, *, model_s: float = 120.0) -> Observations:
    """A drive over arcs, all by the same ratio off the model."""
    return Observations(
        arc=np.array(arcs, dtype=np.int64),
        log_ratio=np.full(len(arcs), log_ratio),
        model_s=np.full(len(arcs), model_s),
        weight=np.ones(len(arcs)),
    )


def learned(*drives: Observations, age_s: float = 0.0) -> LearnedFactors:
    evidence = Evidence(LEVELS)
    for drive in drives:
        evidence.add(drive, NOW_S - age_s)
    return evidence.factors(NOW_S)


def road_arcs(ref: str) -> tuple[list[int], list[int]]:
    """Arcs of a numbered road in the one direction and in the other."""
    edges = np.flatnonzero(COUNTY.edge_ref == COUNTY.names.index(ref))
    first = LEVELS.groups[2][2 * edges[0]]
    arcs = np.concatenate((2 * edges, 2 * edges + 1))
    there = LEVELS.groups[2][arcs] == first
    return arcs[there].tolist(), arcs[~there].tolist()


@pytest.mark.parametrize(("drives", "weight"), [(0, 0.0), (1, 0.20), (4, 0.50), (20, 0.83)])
def test_the_weight_of_our_own_drives_grows_as_planned(drives: int, weight: float) -> None:
    assert shrinkage(np.array([float(drives)]))[0] == pytest.approx(weight, abs=0.005)


def test_an_arc_moves_by_its_weight_from_what_its_like_say() -> None:
    """Many drives say that the county is as modelled; then one arc is slower, n times."""
    arc, *others = road_arcs("G320")[0]
    background = [said([*others, arc ^ 1], 0.0, model_s=3_600.0)] * 400
    for drives, weight in ((1, 0.20), (4, 0.50), (20, 0.83)):
        found = learned(*background, *[said([arc], 0.3, model_s=1.0)] * drives)

        assert log(found.factor[arc]) == pytest.approx(0.3 * weight, abs=0.01)
        assert found.trips[arc] == drives
        assert found.log_sd[arc] == pytest.approx(SPREAD_SD * (1 - weight) ** 0.5, abs=0.002)


def test_without_drives_nothing_is_changed() -> None:
    found = learned()

    assert (found.factor == 1.0).all()
    assert found.log_sd == pytest.approx(SPREAD_SD)
    assert (found.unknown == 1.0).all()
    assert not found.trips.any()


def test_the_first_drive_helps_and_is_not_believed_whole() -> None:
    arcs = road_arcs("G320")[0]

    found = learned(said(arcs, log(1.4)))

    assert (found.factor[arcs] > 1.05).all()
    assert (found.factor[arcs] < 1.4**0.6).all()


def test_roads_borrow_the_more_the_nearer_they_are_related() -> None:
    there, back = road_arcs("G320")
    seen, like = there[:2], there[2:]
    elsewhere = road_arcs("X02")[0]

    found = learned(*[said(seen, 0.4)] * 3)

    factors = [found.factor[arcs].mean() for arcs in (seen, like, back, elsewhere)]
    assert factors == sorted(factors, reverse=True)
    assert len(set(factors)) == 4
    assert factors[-1] > 1.0
    assert not found.trips[like].any()


def test_what_is_unknown_falls_with_every_drive_and_the_more_the_nearer() -> None:
    there, back = road_arcs("G320")
    seen, elsewhere = there[:2], road_arcs("X02")[0]

    by_drives = [learned(*[said(seen, 0.1)] * drives) for drives in (0, 1, 2, 5, 20, 400)]

    for arcs in (there, back, elsewhere):
        unknown = [float(found.unknown[arcs].mean()) for found in by_drives]
        assert unknown == sorted(unknown, reverse=True)
        assert len(set(unknown)) == len(unknown)
    for found in by_drives[1:]:
        assert found.unknown[there[-1]] < found.unknown[back[0]] < found.unknown[elsewhere[0]]
    assert by_drives[-1].unknown[there].max() < 0.01


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, ARCS - 1), min_size=1, max_size=6),
            st.floats(-Y_MAX, Y_MAX),
            st.floats(0.01, 4_000.0),
        ),
        max_size=8,
    )
)
def test_factors_are_never_wild(drives: list[tuple[list[int], float, float]]) -> None:
    found = learned(*(said(arcs, y, model_s=s) for arcs, y, s in drives))

    extremes = [0.0, *(y for _, y, _ in drives)]
    low, high = max(exp(min(extremes)), FACTOR_MIN), min(exp(max(extremes)), FACTOR_MAX)
    assert found.factor.min() >= low - 1e-6
    assert found.factor.max() <= high + 1e-6
    assert ((found.log_sd > 0.0) & (found.log_sd <= np.float32(SPREAD_SD))).all()
    assert ((found.unknown >= 0.0) & (found.unknown <= 1.0)).all()


def test_many_drives_end_at_what_they_say_and_at_the_bounds() -> None:
    arcs = road_arcs("G320")[0]

    assert learned(*[said(arcs, 0.2)] * 300).factor[arcs] == pytest.approx(exp(0.2), rel=0.01)
    assert learned(*[said(arcs, Y_MAX)] * 300).factor[arcs] == pytest.approx(FACTOR_MAX)
    assert learned(*[said(arcs, -Y_MAX)] * 300).factor[arcs] == pytest.approx(FACTOR_MIN)


def test_a_drive_can_be_taken_out_again() -> None:
    (there, back), (other, _) = road_arcs("G320"), road_arcs("X02")
    drives = [said(there, 0.4), said(other, -0.2), said(back, 0.1), said(there, -0.3)]
    evidence = Evidence(LEVELS)
    for number, drive in enumerate(drives):
        evidence.add(drive, NOW_S - number * 1e6)

    for number in (0, 2):
        evidence.remove(drives[number], NOW_S - number * 1e6)

    kept = Evidence(LEVELS)
    for number in (3, 1):
        kept.add(drives[number], NOW_S - number * 1e6)
    after, expected = evidence.factors(NOW_S), kept.factors(NOW_S)
    np.testing.assert_allclose(after.factor, expected.factor, rtol=1e-6)
    np.testing.assert_allclose(after.log_sd, expected.log_sd, rtol=1e-6)
    np.testing.assert_array_equal(after.trips, expected.trips)
    assert evidence.trips == 2
    for number in (3, 1):
        evidence.remove(drives[number], NOW_S - number * 1e6)
    np.testing.assert_allclose(evidence.factors(NOW_S).factor, 1.0, rtol=1e-6)


def test_old_drives_are_forgotten() -> None:
    arcs = road_arcs("G320")[0]

    fresh = learned(*[said(arcs, 0.3)] * 10)
    old = learned(*[said(arcs, 0.3)] * 10, age_s=3 * FORGET_S)
    few = learned(*[said(arcs, 0.3)] * 10, age_s=FORGET_S)
    expected = shrinkage(np.array([10 * exp(-1.0)]))[0]

    assert 1.0 < old.factor[arcs[0]] < few.factor[arcs[0]] < fresh.factor[arcs[0]]
    assert few.log_sd[arcs[0]] == pytest.approx(SPREAD_SD * (1 - expected) ** 0.5)


# -- what a drive says -----------------------------------------------------------------------


class Lane:
    """A road of 20 arcs of 100 m, ten seconds each in the model."""

    arc_m = np.full(40, 100.0)
    model_s = np.full(40, 10.0)
    heads = np.array([(k + 1, k) for k in range(20)]).ravel()

    @classmethod
    def drive(cls, took_s: np.ndarray | float = 10.0, arcs: list[int] | None = None) -> Passages:
        arc = np.array(arcs or [2 * k for k in range(20)], dtype=np.int64)
        leave_s = np.cumsum(np.broadcast_to(took_s, len(arc)).astype(np.float64))
        return Passages(
            arc=arc,
            start=np.zeros(len(arc)),
            end=np.ones(len(arc)),
            enter_s=np.concatenate(([0.0], leave_s[:-1])),
            leave_s=leave_s,
            reach_m=np.full(len(arc), 200.0),
            stood=np.zeros(len(arc), dtype=np.bool_),
        )

    @classmethod
    def says(cls, *runs: Passages) -> Observations:
        return observations(runs, cls.road())

    @classmethod
    def road(cls, **changed: Any) -> Road:
        values: dict[str, Any] = {
            "arc_m": cls.arc_m,
            "model_s": cls.model_s,
            "heads": cls.heads,
            "turn_s": lambda leave, enter: np.zeros(len(leave)),
        }
        return Road(**(values | changed))


def test_a_drive_says_how_much_slower_it_was_and_leaves_out_its_ends() -> None:
    seen = Lane.says(Lane.drive(12.0))

    ends = int(ENDS_M / 100.0)
    assert seen.arc.tolist() == [2 * k for k in range(ends, 20 - ends)]
    assert seen.log_ratio == pytest.approx(log(1.2))
    assert ((seen.weight > 0.5) & (seen.weight < 1.0)).all()


def test_the_time_of_turns_is_not_taken_for_a_slow_road() -> None:
    """Six seconds at one corner, driven and modelled alike."""
    took_s = np.full(20, 10.0)
    took_s[9:11] += 3.0

    def corner(leave: np.ndarray, enter: np.ndarray) -> np.ndarray:
        return np.where((leave == 18) & (enter == 20), 6.0, 0.0)

    seen = observations([Lane.drive(took_s)], Lane.road(turn_s=corner))

    assert seen.log_ratio == pytest.approx(0.0, abs=1e-9)


def test_what_stood_is_left_out() -> None:
    run = Lane.drive()
    stood = replace(run, stood=run.arc == 10)

    assert 10 not in Lane.says(stood).arc
    assert len(Lane.says(stood)) == len(Lane.says(run)) - 1


def test_crawling_for_long_is_left_out_and_a_short_jam_is_not() -> None:
    slow = np.full(20, 10.0)
    slow[8:12] = CRAWL_S / 2
    jam = np.full(20, 10.0)
    jam[8] = CRAWL_S / 2

    assert not {16, 18, 20, 22} & set(Lane.says(Lane.drive(slow)).arc.tolist())
    assert 16 in Lane.says(Lane.drive(jam)).arc


def test_a_loop_is_left_out() -> None:
    """There and back into a dead end of two arcs, then on."""
    out_and_back = [0, 2, 4, 6, 8, 10, 11, 9, 8, 10, 12, 14, 16, 18]

    seen = Lane.says(Lane.drive(arcs=out_and_back))

    assert set(seen.arc.tolist()) == {2, 4, 6, 12, 14, 16}


def test_a_short_arc_is_measured_over_a_stretch() -> None:
    """A fix off by 50 m makes one arc twice as slow and the next very quick: the stretch evens."""
    took_s = np.full(20, 10.0)
    took_s[9], took_s[10] = 15.0, 5.0

    seen = Lane.says(Lane.drive(took_s))

    assert STRETCH_M > 100.0
    by_arc = dict(zip(seen.arc.tolist(), seen.log_ratio.tolist(), strict=True))
    assert abs(by_arc[18]) < log(1.5)
    assert abs(by_arc[20]) < log(2.0) * 0.7


def test_times_known_over_short_reach_weigh_less() -> None:
    run = Lane.drive()
    close = Lane.says(replace(run, reach_m=np.full(20, 100.0)))
    wide = Lane.says(replace(run, reach_m=np.full(20, 800.0)))

    assert (close.weight < wide.weight).all()


def test_one_drive_says_at_most_so_much() -> None:
    fast = Lane.says(Lane.drive(1.0))

    assert fast.log_ratio == pytest.approx(-Y_MAX)


def test_arcs_without_a_modelled_time_say_nothing() -> None:
    model_s = Lane.model_s.copy()
    model_s[10] = np.inf

    seen = observations([Lane.drive()], Lane.road(model_s=model_s))

    assert 10 not in seen.arc
    assert np.isfinite(seen.log_ratio).all()
    nothing = observations([], Lane.road())
    assert len(nothing) == 0
    evidence = Evidence(LEVELS)
    evidence.add(nothing, NOW_S)
    assert evidence.trips == 0


# -- a whole school --------------------------------------------------------------------------


def test_urgent_is_never_slower_than_routine_whatever_was_learned() -> None:
    school = School(COUNTY)
    lessons = Lessons(school)
    arcs = np.array(road_arcs("G320")[0])
    for mode, slower in ((Mode.ROUTINE, 0.8), (Mode.URGENT, 1.6)):
        profile = Profile(mode=mode)
        took_s = school.model(profile).arc_s[arcs] * slower
        run = replace(Lane.drive(took_s, arcs.tolist()), reach_m=np.full(len(arcs), 900.0))
        lessons.add_all([Drive(profile=profile, ended_s=NOW_S, runs=(run,))] * 10)

    found = lessons.learned(NOW_S)

    times = [
        school.model(Profile(mode=mode)).arc_s * found[mode].factor
        for mode in (Mode.ROUTINE, Mode.URGENT)
    ]
    known = np.isfinite(times[0])
    assert found[Mode.ROUTINE].factor[arcs[2]] < 0.95
    assert (times[1][known] <= times[0][known] * (1 + 1e-6)).all()
    assert lessons.drives == 20


def test_each_mode_learns_from_its_own_drives_alone() -> None:
    school = School(COUNTY)
    lessons = Lessons(school)
    arcs = np.array(road_arcs("G320")[0])
    profile = Profile(mode=Mode.URGENT)
    took_s = school.model(profile).arc_s[arcs] * 0.8
    run = replace(Lane.drive(took_s, arcs.tolist()), reach_m=np.full(len(arcs), 900.0))
    lessons.add_all([Drive(profile=profile, ended_s=NOW_S, runs=(run,))] * 30)

    found = lessons.learned(NOW_S)

    assert found[Mode.URGENT].factor[arcs[2]] < 0.9
    assert found[Mode.URGENT].spread.learned_drives > 0
    assert found[Mode.URGENT].spread.learned_sd < LEARNED_SD
    assert (found[Mode.ROUTINE].factor == 1.0).all()
    assert (found[Mode.ROUTINE].unknown == 1.0).all()
    assert found[Mode.ROUTINE].spread == TripSpread()


def test_the_model_of_a_drive_is_that_of_the_router() -> None:
    """Arcs and turns together take as long as the route they make."""
    school, ground = School(COUNTY), Ground(COUNTY, engine="scipy")
    model = school.model(Profile())
    for way in random_ways(ground, 10, np.random.default_rng(1), 3.0):
        turns_s = model.turn_s(way.arcs[:-1], way.arcs[1:])
        total_s = float((model.arc_s[way.arcs] * way.arc_share).sum() + turns_s.sum())

        assert total_s == pytest.approx(way.duration_s, abs=0.05)


def test_models_kept_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geo.learning.school.PROFILES_MAX", 1)
    school = School(COUNTY)
    first = school.model(Profile())

    assert school.model(Profile()) is first
    school.model(Profile(mode=Mode.URGENT))
    assert school.model(Profile()) is not first
