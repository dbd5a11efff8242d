"""Quantiles, shares, rates and ranks: against brute force, SciPy and published values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from server.review.estimates import LIMIT, Quantile, proportion, quantile, rate
from server.review.ranks import draw_rates, ranks

TIMES = st.lists(st.integers(0, 40).map(float), max_size=60)
P = st.sampled_from([0.1, 0.5, 0.8, 0.9])


def by_order_statistics(times: list[float], p: float) -> tuple[float | None, float | None]:
    """The limits from the binomial distribution of how many times lie below the quantile."""
    ordered, n = sorted(times), len(times)
    low = [k for k in range(1, n + 1) if stats.binom.sf(k - 1, n, p) >= LIMIT]
    high = [k for k in range(1, n + 1) if stats.binom.cdf(k - 1, n, p) >= LIMIT]
    return (
        ordered[max(low) - 1] if low else None,
        ordered[min(high) - 1] if high else None,
    )


@given(st.lists(st.floats(0, 1e5), max_size=60, unique=True), P)
def test_where_all_times_are_over_limits_are_order_statistics(times: list[float], p: float) -> None:
    found = quantile(times, [], p)

    assert (found.low, found.high) == by_order_statistics(times, p)


@pytest.mark.parametrize(("n", "estimable"), [(1, False), (28, False), (29, True), (200, True)])
def test_a_p90_is_estimable_from_29_times_on(n: int, estimable: bool) -> None:
    found = quantile(range(1, n + 1), [], 0.9)

    assert found.estimable is estimable
    assert found.value == math.ceil(0.9 * n)
    assert (found.high is not None) is estimable


def test_at_29_the_largest_time_bounds_the_p90() -> None:
    assert quantile(range(1, 30), [], 0.9).high == 29.0


@given(st.lists(st.floats(0, 1e4), max_size=28), TIMES)
def test_times_that_are_not_over_never_stand_in_for_the_29(
    finished: list[float], unfinished: list[float]
) -> None:
    assert not quantile(finished, unfinished, 0.9).estimable


@pytest.mark.parametrize(("n", "estimable"), [(4, False), (5, True)])
def test_a_median_is_estimable_from_5_times_on(n: int, estimable: bool) -> None:
    assert quantile(range(n), [], 0.5).estimable is estimable


@given(TIMES, TIMES, P)
def test_a_quantile_is_that_of_the_product_limit_estimate(
    finished: list[float], unfinished: list[float], p: float
) -> None:
    found = quantile(finished, unfinished, p)

    if not finished:
        assert found == Quantile(p=p, value=None, low=None, high=None)
        return
    sample: stats.CensoredData = stats.CensoredData(uncensored=finished, right=unfinished)
    survival = stats.ecdf(sample).sf
    below = np.flatnonzero(survival.probabilities <= 1.0 - p + 1e-12)
    wanted = float(survival.quantiles[below[0]]) if len(below) else None
    assert found.value == wanted


@given(TIMES, TIMES, P)
def test_the_limits_lie_around_the_value(
    finished: list[float], unfinished: list[float], p: float
) -> None:
    found = quantile(finished, unfinished, p)

    value = math.inf if found.value is None else found.value
    assert (found.low or 0.0) <= value
    if found.high is not None:
        assert value <= found.high


@given(st.lists(st.floats(0, 1e4), min_size=30, max_size=60), P)
def test_a_time_that_goes_on_never_makes_a_quantile_smaller(times: list[float], p: float) -> None:
    last = max(times)
    all_over = quantile(times, [], p).value
    one_open = quantile([each for each in times if each < last], [last] * times.count(last), p)

    assert all_over is not None
    assert one_open.value is None or one_open.value >= all_over


@pytest.mark.parametrize("p", [0.5, 0.9])
def test_limits_hold_as_often_as_they_say_with_times_broken_off(p: float) -> None:
    rng = np.random.default_rng(11)
    truth, below, above, runs = -math.log(1.0 - p), 0, 0, 1_500
    for _ in range(runs):
        times, cut = rng.exponential(1.0, 60), rng.exponential(3.0, 60)
        over = times <= cut
        found = quantile(times[over], cut[~over], p)
        below += found.low is not None and found.low > truth
        above += found.high is not None and found.high < truth

    # Four standard errors of 5 % in 1,500 runs are 2.3 %.
    assert below / runs <= 1.0 - LIMIT + 0.023
    assert above / runs <= 1.0 - LIMIT + 0.023


@pytest.mark.parametrize("times", [[-1.0], [math.nan], [math.inf]])
def test_what_is_no_time_is_refused(times: list[float]) -> None:
    with pytest.raises(ValueError, match="not negative"):
        quantile(times, [], 0.5)
    with pytest.raises(ValueError, match="not negative"):
        quantile([], times, 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile([1.0], [], 1.0)


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_share_has_scipys_wilson_interval(hits: int, misses: int) -> None:
    found, n = proportion(hits, hits + misses), hits + misses

    if n == 0:
        assert (found.value, found.low, found.high) == (None, 0.0, 1.0)
        return
    wanted = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_wilsons_interval_as_published() -> None:
    """Newcombe 1998, table I: 81 of 263."""
    found = proportion(81, 263)

    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_more_hits_than_tries_are_refused() -> None:
    with pytest.raises(ValueError, match="no share"):
        proportion(3, 2)


@given(st.integers(1, 200), st.floats(0.1, 1e4))
def test_a_rate_has_the_quantiles_of_its_gamma(events: int, exposure: float) -> None:
    found = rate(events, exposure)

    posterior = stats.gamma(events + 0.5, scale=1.0 / exposure)
    assert found.value == events / exposure
    assert (found.low, found.high) == pytest.approx((posterior.ppf(0.025), posterior.ppf(0.975)))


def test_a_rate_of_nothing_is_0_at_the_least_and_unknown_without_exposure() -> None:
    assert rate(0, 10.0).low == 0.0
    assert rate(0, 10.0).high == pytest.approx(stats.gamma(0.5).ppf(0.975) / 10.0)
    assert rate(3, 0.0).value is None
    with pytest.raises(ValueError, match="negative"):
        rate(-1, 1.0)


def test_units_with_alike_work_share_a_band_and_their_ranks_overlap() -> None:
    found = ranks(draw_rates([[4.0] * 20, [4.0] * 22, [4.0] * 21], [100.0, 100.0, 100.0]))

    assert [each.band for each in found] == [1, 1, 1]
    assert all((each.low, each.high) == (1, 3) for each in found)


def test_whoever_surely_did_less_is_in_another_band() -> None:
    found = ranks(draw_rates([[4.0] * 5, [4.0] * 200], [100.0, 100.0]))

    assert (found[1].low, found[1].high, found[1].band) == (1, 1, 1)
    assert (found[0].low, found[0].high, found[0].band) == (2, 2, 2)


def test_rates_are_of_the_hours_not_of_the_sum() -> None:
    found = ranks(draw_rates([[4.0] * 100, [4.0] * 100], [400.0, 100.0]))

    assert [each.band for each in found] == [2, 1]


def test_where_nobody_did_anything_nobody_is_before_another() -> None:
    found = ranks(draw_rates([[], [], []], [100.0, 100.0, 100.0]))

    assert [(each.low, each.high, each.band) for each in found] == [(1, 3, 1)] * 3


def test_the_same_counts_give_the_same_ranks() -> None:
    jobs, hours = [[1.0, 2.0], [], [5.0] * 9], [10.0, 20.0, 30.0]

    assert ranks(draw_rates(jobs, hours)) == ranks(draw_rates(jobs, hours))
    assert ranks(draw_rates([], [])) == []


def test_drawn_rates_of_alike_jobs_are_the_gamma_of_the_poisson_model() -> None:
    drawn = draw_rates([[2.0] * 8], [10.0])[:, 0]

    wanted = stats.gamma(8.5, scale=2.0 / 10.0)
    assert stats.kstest(drawn, wanted.cdf).pvalue > 0.01
