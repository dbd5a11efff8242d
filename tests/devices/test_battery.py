"""Batteries: what is learned from levels, what is foretold, and that nothing said can spoil it."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import qmc

from devices.battery import outlook as ahead
from devices.battery.estimator import RATES, SIZE, WANDER, Estimator
from devices.battery.model import FACTOR_MAX, LOADS, Load, charge_of, mask_of, starting_prior
from devices.battery.outlook import FUTURES, LEGS_MAX, NEVER_S, Leg, Outlook, outlook
from devices.battery.pool import pooled
from devices.battery.reports import DeviceState, Reports

STANDBY, RECORD = frozenset({Load.STANDBY}), frozenset({Load.RECORD})
STREAM = frozenset({Load.STREAM_LOW})
ONE = np.array([0])


def reports(
    at_s: float,
    level_pct: object,
    *,
    loads: frozenset[Load] = STREAM,
    charging: bool = False,
    temp_c: float = 25.0,
) -> Reports:
    """One report of each device; a single level for one device."""
    level = np.atleast_1d(np.asarray(level_pct, dtype=np.float64))
    n = len(level)
    return Reports(
        at_s=np.full(n, at_s),
        level_pct=level,
        mask=np.full(n, mask_of(loads), dtype=np.int64),
        charging=np.full(n, charging),
        temp_c=np.full(n, temp_c),
        weak=np.zeros(n),
    )


def told(*levels: float, every_s: float = 60.0, step_pct: float = 1.0) -> Estimator:
    """One device that reported these levels while it streamed."""
    estimator = Estimator([starting_prior(step_pct=step_pct)])
    for n, level in enumerate(levels):
        estimator.update(ONE, reports(n * every_s, level))
    return estimator


def seen(estimator: Estimator, now_s: float | None = None) -> Outlook:
    at_s = float(estimator.at_s[0]) if now_s is None else now_s
    ahead = outlook(estimator, 0, at_s)
    assert ahead is not None
    return ahead


def job(scene: Load, temp_c: float = 0.0, minutes: float = 45.0) -> list[Leg]:
    """Forty minutes there and back, recording, and the scene between."""
    road = Leg(loads=RECORD, minutes=40, temp_c=temp_c)
    return [road, Leg(loads=frozenset({scene}), minutes=minutes, temp_c=temp_c), road]


@pytest.mark.parametrize(
    ("scene", "p"), [(Load.RECORD, 0.85), (Load.STREAM_LOW, 0.55), (Load.STREAM_HIGH, 0.415)]
)
def test_a_job_in_the_cold_with_45_percent_left(scene: Load, p: float) -> None:
    ahead = seen(told(45.0))

    assert ahead.p_last(job(scene)) == pytest.approx(p, abs=0.02)


@pytest.mark.parametrize(
    ("step_pct", "minutes", "rms_max"),
    [(1.0, 10, 0.07), (1.0, 30, 0.03), (5.0, 10, 0.27), (5.0, 30, 0.10), (25.0, 60, 0.40)],
)
def test_rates_are_known_after_some_minutes(step_pct: float, minutes: int, rms_max: float) -> None:
    rng = np.random.default_rng(1)
    n = 600
    prior = starting_prior(step_pct=step_pct)
    centre = prior.log_rate[LOADS.index(Load.STREAM_LOW)]
    rate = np.exp(centre + rng.normal(0.0, 0.3, n))
    begin = rng.uniform(50.0, 95.0, n)
    estimator = Estimator([prior] * n)

    for at_s in np.arange(0.0, minutes * 60.0 + 1.0, 20.0).tolist():
        level = np.floor((begin - rate * at_s / 3600) / step_pct) * step_pct
        estimator.update(np.arange(n), reports(at_s, level))

    mean = estimator.mean[:, RATES][:, LOADS.index(Load.STREAM_LOW)] + estimator.mean[:, WANDER]
    assert np.sqrt(np.mean((mean - np.log(rate)) ** 2)) < rms_max


def test_waiting_for_a_step_slows_the_estimate() -> None:
    waited = told(*[80.0] * 30)

    assert seen(waited).rate_pct_per_h(STREAM) < 0.8 * seen(told(80.0)).rate_pct_per_h(STREAM)


def test_a_pack_that_is_swapped_is_no_negative_drain() -> None:
    estimator = told(42.0, 41.0, 40.0, 97.0)

    ahead = seen(estimator)

    assert estimator.counts.swaps == 1
    assert (ahead.rate > 0.0).all()
    assert ahead.charge_pct.mean() == pytest.approx(charge_of(np.array([97.5]))[0], abs=0.1)


def test_after_a_swap_the_rate_is_less_certain() -> None:
    before, after = told(42.0, 41.0, 40.0), told(42.0, 41.0, 40.0, 97.0)

    assert after.cov[0, 3, 3] > before.cov[0, 3, 3]


def test_however_many_swaps_leave_a_rate_no_less_certain_than_at_first() -> None:
    estimator = told(*[20.0, 90.0] * 50)

    assert estimator.counts.swaps == 50
    certain = np.diagonal(np.array(starting_prior().cov)) + 1e-9
    assert (np.diagonal(estimator.cov[0])[RATES] <= certain).all()


def test_a_rise_on_the_charger_is_no_swap() -> None:
    estimator = told(40.0)
    rate = estimator.mean[0, RATES].copy()

    estimator.update(ONE, reports(60.0, 40.0, charging=True))
    estimator.update(ONE, reports(1200.0, 70.0, charging=True))
    estimator.update(ONE, reports(1260.0, 70.0))

    assert estimator.counts.swaps == 0
    assert estimator.mean[0, RATES] == pytest.approx(rate)


def test_a_charge_between_two_levels_teaches_nothing() -> None:
    estimator = told(40.0)
    rate = estimator.mean[0, RATES].copy()

    estimator.update(ONE, reports(60.0, np.nan, charging=True))
    estimator.update(ONE, reports(120.0, np.nan))
    estimator.update(ONE, reports(180.0, 39.0))

    assert estimator.mean[0, RATES] == pytest.approx(rate)


def test_a_long_silence_teaches_nothing() -> None:
    estimator = told(90.0, 50.0, every_s=7200.0)

    assert estimator.mean[0, RATES] == pytest.approx(starting_prior().log_rate)


@pytest.mark.parametrize(
    ("level_pct", "charging"),
    [(153.0, False), (-1.0, False), (0.0, True), (float("inf"), False)],
    ids=["153", "below-nothing", "empty-on-a-charger", "infinite"],
)
def test_nonsense_is_counted_and_not_believed(level_pct: float, charging: bool) -> None:
    estimator = told(80.0, 79.0)
    before = estimator.mean.copy()

    estimator.update(ONE, reports(120.0, level_pct, charging=charging))

    assert estimator.counts.nonsense == 1
    assert estimator.level_pct[0] == 79.0
    assert estimator.mean == pytest.approx(before)


def test_a_gauge_that_overshoots_a_little_is_full() -> None:
    estimator = told(101.0)

    assert estimator.level_pct[0] == 100.0
    assert estimator.counts.nonsense == 1


def test_a_report_that_is_not_newer_changes_nothing() -> None:
    estimator = told(80.0, 79.0)
    before = estimator.mean.copy()

    estimator.update(ONE, reports(60.0, 20.0))

    assert estimator.counts.stale == 1
    assert (estimator.mean == before).all()


def test_a_fall_that_no_use_explains_moves_the_level_alone() -> None:
    estimator = told(80.0)

    estimator.update(ONE, reports(60.0, 30.0))

    assert estimator.counts.outliers == 1
    assert estimator.mean[0, RATES] == pytest.approx(starting_prior().log_rate)
    assert seen(estimator).charge_pct.mean() == pytest.approx(charge_of(np.array([30.5]))[0], abs=1)


def test_a_device_goes_on_after_a_restart() -> None:
    levels = [80.0, 80.0, 79.0, 79.0, 79.0, 78.0]
    whole, cut = told(*levels), told(*levels[:3])
    kept = msgspec.json.decode(msgspec.json.encode(cut.state(0)), type=DeviceState)

    again = Estimator([starting_prior()])
    again.restore(0, kept)
    for n, level in enumerate(levels[3:], start=3):
        again.update(ONE, reports(n * 60.0, level))

    assert again.state(0) == whole.state(0)


def test_many_devices_are_each_as_if_alone() -> None:
    series = np.array([[80.0, 60.0], [79.0, 60.0], [79.0, 59.0], [78.0, 99.0]])
    both = Estimator([starting_prior()] * 2)

    for n, level in enumerate(series):
        both.update(np.arange(2), reports(n * 60.0, level))

    for device in range(2):
        assert both.mean[device] == pytest.approx(told(*series[:, device]).mean[0])


def test_a_pool_finds_what_its_devices_have_in_common() -> None:
    rng = np.random.default_rng(3)
    n, thirst = 60, 1.3
    prior = starting_prior()
    rate = thirst * np.exp(prior.log_rate[2] + rng.normal(0.0, 0.2, n))
    estimator = Estimator([prior] * n)
    for at_s in np.arange(0.0, 3601.0, 60.0).tolist():
        estimator.update(np.arange(n), reports(at_s, np.floor(90.0 - rate * at_s / 3600)))

    learned = pooled(prior, [estimator.state(device) for device in range(n)])

    assert np.exp(learned.log_rate[2] - prior.log_rate[2]) == pytest.approx(thirst, rel=0.08)
    assert learned.cov[2][2] < prior.cov[2][2]


@pytest.mark.parametrize("spread", [0.1, 0.3, 0.6])
def test_a_pool_finds_how_far_its_devices_differ(spread: float) -> None:
    rng = np.random.default_rng(4)
    n, prior = 100, starting_prior()
    rate = np.exp(prior.log_rate[2] + rng.normal(0.0, spread, n))
    estimator = Estimator([prior] * n)
    for at_s in np.arange(0.0, 5401.0, 60.0).tolist():
        level = np.floor(90.0 - rate * at_s / 3600)
        lit = np.flatnonzero(level > 5.0)
        estimator.update(lit, reports(at_s, level[lit]))

    learned = pooled(prior, [estimator.state(device) for device in range(n)])

    assert learned.cov[2][2] ** 0.5 == pytest.approx(spread, rel=0.2, abs=0.04)


def test_a_gauge_that_stays_at_nought_says_nothing_of_the_rates() -> None:
    estimator = Estimator([starting_prior()])
    for n, level in enumerate([3.0, 2.0, 1.0, 0.0]):
        estimator.update(ONE, reports(n * 240.0, level))
    rates = estimator.mean[:, RATES].copy()

    for n in range(4, 200):
        estimator.update(ONE, reports(n * 240.0, 0.0))

    assert (estimator.mean[:, RATES] == rates).all()


def test_a_pool_of_nobody_is_the_prior() -> None:
    assert pooled(starting_prior(), []) == starting_prior()


def test_the_futures_kept_are_evenly_spread_normal_numbers() -> None:
    """How `draws.npy` was made, with SciPy 1.17.1."""
    even = qmc.Sobol(SIZE + 1, rng=1).random(FUTURES)
    drawn = ndtri(np.clip(even, 1e-12, 1.0 - 1e-12))
    drawn -= drawn.mean(axis=0)
    root = np.linalg.cholesky(drawn.T @ drawn / FUTURES)
    wanted = np.linalg.solve(root, drawn.T).astype(np.float32)

    assert ahead._DRAWS.dtype == np.float32
    np.testing.assert_allclose(ahead._DRAWS, wanted, rtol=0, atol=1e-6)


def test_the_futures_kept_are_those_of_every_recorded_decision() -> None:
    kept = hashlib.sha256(ahead._DRAWS.tobytes()).hexdigest()

    assert kept == "f901c890872f766d9017be92c71e5803b821c750d47da2293967ba392f768b5e"


def test_a_device_that_never_told_a_level_has_no_outlook() -> None:
    assert outlook(Estimator([starting_prior()]), 0, 0.0) is None


def test_on_a_charger_it_never_empties() -> None:
    leg = Leg(loads=RECORD, minutes=0, charging=True)

    assert seen(told(50.0)).empty_after_s(leg, [0.1, 0.9]) == [NEVER_S, NEVER_S]


def test_time_since_the_last_report_counts() -> None:
    estimator = told(50.0)

    later = seen(estimator, now_s=3600.0)

    assert later.charge_pct.mean() < seen(estimator).charge_pct.mean() - 15.0


def test_a_plan_has_a_limit() -> None:
    with pytest.raises(ValueError, match=f"at most {LEGS_MAX} legs"):
        seen(told(50.0)).p_last([Leg(loads=RECORD, minutes=1)] * (LEGS_MAX + 1))


@pytest.mark.parametrize(("minutes", "weak"), [(-1.0, 0.0), (float("nan"), 0.0), (1.0, 1.5)])
def test_a_leg_that_cannot_be_is_refused(minutes: float, weak: float) -> None:
    with pytest.raises(ValueError, match="outside"):
        Leg(loads=RECORD, minutes=minutes, weak=weak)


levels = st.one_of(
    st.integers(0, 100).map(float), st.sampled_from([153.0, -5.0, np.nan, np.inf, -np.inf])
)
saying = st.tuples(st.floats(-60.0, 4000.0), levels, st.booleans(), st.sampled_from(list(Load)[:4]))


def heard(said: list[tuple[float, float, bool, Load]], step_pct: float) -> Estimator:
    estimator = Estimator([starting_prior(step_pct=step_pct)])
    estimator.update(ONE, reports(0.0, 50.0))
    at_s = 0.0
    for after_s, level, charging, load in said:
        at_s += after_s
        estimator.update(
            ONE, reports(at_s, level, charging=charging, loads=frozenset({load}), temp_c=-5.0)
        )
    return estimator


@settings(max_examples=40, deadline=None)
@given(st.lists(saying, max_size=12), st.sampled_from([1.0, 5.0, 25.0]))
def test_nothing_said_moves_a_rate_out_of_bounds(
    said: list[tuple[float, float, bool, Load]], step_pct: float
) -> None:
    estimator = heard(said, step_pct)

    off = estimator.mean[0, RATES] - np.array(starting_prior().log_rate)
    ahead = seen(estimator)
    assert np.abs(off).max() <= np.log(FACTOR_MAX) + 1e-9
    assert (ahead.rate > 0.0).all()
    assert np.isfinite(estimator.cov).all()
    assert np.linalg.eigvalsh(estimator.cov[0]).min() > -1e-6
    assert 0.0 <= ahead.p_last(job(Load.RECORD)) <= 1.0


@settings(max_examples=30, deadline=None)
@given(
    st.lists(saying, max_size=8),
    st.sampled_from(list(Load)[:4]),
    st.lists(st.floats(0.0, 600.0), min_size=2, max_size=6),
    st.floats(-30.0, 40.0),
)
def test_longer_colder_and_off_the_charger_never_last_better(
    said: list[tuple[float, float, bool, Load]], load: Load, minutes: list[float], temp_c: float
) -> None:
    ahead = seen(heard(said, 1.0))
    loads = frozenset({load})
    leg = Leg(loads=loads, minutes=30.0, temp_c=temp_c)
    colder = Leg(loads=loads, minutes=30.0, temp_c=temp_c - 10.0)
    plugged = Leg(loads=loads, minutes=30.0, temp_c=temp_c, charging=True)

    ps = [ahead.p_last(job(load, temp_c, one)) for one in sorted(minutes)]
    assert all(more <= less + 1e-12 for less, more in pairwise(ps))
    assert ahead.p_last([colder]) <= ahead.p_last([leg]) + 1e-12
    assert ahead.p_last([plugged]) >= ahead.p_last([leg]) - 1e-12
    warm, cold = (
        ahead.empty_after_s(leg, [0.1, 0.5, 0.9]),
        ahead.empty_after_s(colder, [0.1, 0.5, 0.9]),
    )
    assert warm == sorted(warm)
    assert all(one <= other for one, other in zip(cold, warm, strict=True))
