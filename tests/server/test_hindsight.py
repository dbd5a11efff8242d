"""Regret against the best unit in hindsight, and where a drive fell in what was foretold."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

from geo.eta import Eta
from server.dispatch.pairs import SHARED
from server.review.hindsight import Foretold, hindsight, percentile, spread_of

DRAWS = 4_000_000


def foretold(name: str, median_s: float | None, log_sd: float = 0.3, rank: int = 1) -> Foretold:
    eta = None if median_s is None else Eta(median_s=median_s, log_sd=log_sd)
    return Foretold(unit_id=name, call_sign=name, rank=rank, eta=eta)


def test_the_median_is_the_middle_and_p90_the_ninetieth() -> None:
    eta = spread_of(600, 900)
    assert eta is not None

    assert percentile(eta, 600) == pytest.approx(0.5)
    assert percentile(eta, 900) == pytest.approx(0.9)
    assert percentile(eta, 0) == 0.0
    assert percentile(Eta(median_s=60, log_sd=0.0), 61) == 1.0


@pytest.mark.parametrize(("median", "p90"), [(None, 900), (600, None), (0, 10), (600, 500)])
def test_an_eta_that_was_not_known_has_no_distribution(
    median: float | None, p90: float | None
) -> None:
    assert spread_of(median, p90) is None


def test_a_drive_as_foretold_moves_nobody_elses_forecast() -> None:
    found = hindsight(foretold("A", 600), 600, [foretold("B", 500, rank=2)])

    (other,) = found.others
    assert other.median_s == pytest.approx(500)
    assert found.foreseen_s == pytest.approx(100)
    assert found.regret is not None
    assert found.regret.regret_s == pytest.approx(100)


def test_others_in_hindsight_are_as_a_million_drawn_journeys_say() -> None:
    """Two journeys that share 0.3 of the variance; those whose first came out as the drive did."""
    rng = np.random.default_rng(3)
    shared, own, other = rng.standard_normal((3, DRAWS))
    first = 600 * np.exp(0.3 * (np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * own))
    second = 700 * np.exp(0.4 * (np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * other))
    alike = second[np.abs(np.log(first / 900)) < 0.02]

    found = hindsight(foretold("A", 600, 0.3), 900, [foretold("B", 700, 0.4, rank=2)])

    (otherwise,) = found.others
    assert len(alike) > 50_000
    assert otherwise.median_s == pytest.approx(float(np.median(alike)), rel=0.01)
    assert otherwise.low_s == pytest.approx(float(np.quantile(alike, 0.1)), rel=0.02)
    assert otherwise.high_s == pytest.approx(float(np.quantile(alike, 0.9)), rel=0.02)
    assert otherwise.p_sooner == pytest.approx(float(np.mean(alike < 900)), abs=0.01)


def test_the_quickest_sent_is_not_regretted_where_it_came_out_well() -> None:
    found = hindsight(foretold("A", 300), 290, [foretold("B", 900, rank=2)])

    assert found.foreseen_s == 0.0
    assert found.regret is not None
    assert found.regret.regret_s == 0.0
    assert found.regret.best.p_sooner == pytest.approx(0.0, abs=0.01)


def test_nobody_was_sooner_than_a_unit_that_never_arrived() -> None:
    other = Foretold(unit_id="b", call_sign="B", rank=2, eta=Eta(median_s=600, log_sd=0.3))

    (law,) = hindsight(None, None, [other]).others

    assert law.p_sooner is None
    assert law.median_s == pytest.approx(600)


def test_nothing_is_said_of_a_unit_that_never_arrived_or_was_alone() -> None:
    never = hindsight(foretold("A", 300), None, [foretold("B", 200, rank=2)])
    alone = hindsight(foretold("A", 300), 300, [foretold("C", None, rank=2)])

    assert never.regret is None
    assert never.foreseen_s == pytest.approx(100)
    assert alone.regret is None
    assert alone.unknown == ("C",)
    assert hindsight(None, 300, [foretold("B", 200)]).foreseen_s is None


def test_a_unit_outside_the_recommendation_tells_nothing_of_the_others() -> None:
    found = hindsight(None, 900, [foretold("B", 500, 0.3)])

    (other,) = found.others
    assert other.median_s == pytest.approx(500)
    assert other.high_s == pytest.approx(
        exp(log(500) + 1.2816 * 0.3 * (1 - SHARED**2) ** 0.5), rel=1e-3
    )
