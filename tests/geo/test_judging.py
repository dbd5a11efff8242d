"""What journeys differ by, from our own drives: found where they tell, and never wild."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.eta import LEARNED_SD, RATIO_MAX, RATIO_MIN, ROUGH_SD, UNLEARNED_SD, TripSpread
from geo.learning import judging
from geo.learning.factors import EPOCH_S, Evidence, Levels
from geo.learning.judging import JUDGED_S_MIN, Judge, Residual, judged
from geo.learning.observing import Observations
from tests.small_county import small_county

NOW_S = EPOCH_S + 6 * 365.0 * 86_400.0
COUNTY = small_county()
LEVELS = Levels.of(COUNTY)
RNG_SEED = 8


def a_residual(log_ratio: float, *, unknown: float = 0.1, rough: float = 0.0) -> Residual:
    return Residual(
        log_ratio=log_ratio, trip_sd=LEARNED_SD, edge_sd=0.03, unknown=unknown, rough=rough
    )


def a_drive(log_ratio: float, arcs: list[int], model_s: float = 120.0) -> Observations:
    return Observations(
        arc=np.array(arcs, dtype=np.int64),
        log_ratio=np.full(len(arcs), log_ratio),
        model_s=np.full(len(arcs), model_s),
        weight=np.ones(len(arcs)),
    )


def normal(sd: float, drives: int) -> list[float]:
    found: list[float] = np.random.default_rng(RNG_SEED).normal(0.0, sd, drives).tolist()
    return found


@pytest.mark.parametrize("sd", [0.15, 0.2, 0.28])
def test_what_drives_differ_by_is_found(sd: float) -> None:
    found = judged([a_residual(each) for each in normal(np.hypot(sd, 0.03), 500)])

    assert found.learned_sd == pytest.approx(sd, rel=0.08)
    assert found.learned_drives == 500
    assert (found.unlearned_drives, found.rough_drives) == (0, 0)
    assert found.rough_sd == ROUGH_SD


def test_few_drives_change_little_and_none_nothing() -> None:
    quiet = [judged([a_residual(0.0)] * drives).learned_sd for drives in (0, 1, 5, 20, 100)]

    assert judged([]) == TripSpread()
    assert quiet[0] == LEARNED_SD
    assert quiet[1] > 0.95 * LEARNED_SD
    assert quiet == sorted(quiet, reverse=True)
    assert quiet[-1] == RATIO_MIN * LEARNED_SD


def test_one_drive_gone_wrong_weighs_no_more_than_its_cut() -> None:
    drives = [a_residual(each) for each in normal(0.2, 60)]

    wrong = [judged([*drives, a_residual(each)]).learned_sd for each in (0.6, 1.0, 5.0)]

    assert wrong[0] == pytest.approx(wrong[2], abs=1e-6)
    assert wrong[1] == pytest.approx(judged(drives).learned_sd, rel=0.04)


def test_each_kind_of_road_is_judged_apart() -> None:
    drives = [a_residual(each, unknown=0.9) for each in normal(0.12, 200)]
    drives += [a_residual(each, rough=0.8) for each in normal(0.3, 200)]

    found = judged([replace(each, trip_sd=0.3) for each in drives])

    assert found.learned_sd == LEARNED_SD
    assert found.unlearned_sd == LEARNED_SD  # not below what learned roads spread
    assert found.rough_sd == pytest.approx(ROUGH_SD, rel=0.1)
    assert (found.learned_drives, found.unlearned_drives, found.rough_drives) == (0, 200, 200)


@given(
    st.lists(st.tuples(st.floats(-5.0, 5.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0)), max_size=30)
)
def test_the_spread_is_never_wild(drives: list[tuple[float, float, float]]) -> None:
    found = judged([a_residual(r, unknown=u, rough=rough) for r, u, rough in drives])

    for sd, start in (
        (found.learned_sd, LEARNED_SD),
        (found.unlearned_sd, UNLEARNED_SD),
        (found.rough_sd, ROUGH_SD),
    ):
        assert RATIO_MIN * start <= sd <= RATIO_MAX * start


def test_no_drive_vouches_for_itself() -> None:
    """Two drives that say the opposite: foretold by each other they are far off."""
    evidence, judge = Evidence(LEVELS), Judge(COUNTY)
    for log_ratio in (0.8, -0.8):
        drive = a_drive(log_ratio, list(range(0, 40, 2)))
        evidence.add(drive, NOW_S)
        judge.keep(drive, NOW_S)
    before = evidence.factors(NOW_S)

    found = judge.spread(evidence, NOW_S)

    assert found.learned_drives + found.unlearned_drives + found.rough_drives == 2
    assert found.unlearned_sd > UNLEARNED_SD
    np.testing.assert_array_equal(evidence.factors(NOW_S).factor, before.factor)


def test_a_bias_that_learning_takes_up_is_no_spread() -> None:
    evidence, judge = Evidence(LEVELS), Judge(COUNTY)
    for _ in range(60):
        drive = a_drive(0.5, list(range(0, 40, 2)))
        evidence.add(drive, NOW_S)
        judge.keep(drive, NOW_S)

    assert judge.spread(evidence, NOW_S).learned_sd < 0.75 * LEARNED_SD


def test_the_newest_drives_are_kept_and_short_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "JUDGED_MAX", 3)
    evidence, judge = Evidence(LEVELS), Judge(COUNTY)
    for age_s, log_ratio in ((0.0, 0.0), (50.0, 0.0), (100.0, 0.0), (9e6, 1.0), (8e6, 1.0)):
        drive = a_drive(log_ratio, [0, 2, 4])
        evidence.add(drive, NOW_S - age_s)
        judge.keep(drive, NOW_S - age_s)
    judge.keep(a_drive(1.0, [0], JUDGED_S_MIN - 1.0), NOW_S)

    found = judge.spread(evidence, NOW_S)

    assert len(judge) == 3
    assert found.learned_drives + found.unlearned_drives + found.rough_drives == 3
