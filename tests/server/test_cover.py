"""What is left without a unit, and who could move up: as a dispatcher would put it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from server.dispatch.cover import (
    DEPTH,
    PRIOR_CALLS,
    RESIDENTS,
    Cover,
    Floats,
    Left,
    Rules,
    residents,
    shares,
)

RULES = Rules(limit_s=1500, horizon_s=7200, busy_share=0.3)
MINUTE = 60.0


def a_cover(times_min: list[list[float]], people: list[float], rules: Rules = RULES) -> Cover:
    folk = np.array(people, dtype=np.float64)
    return Cover(np.array(times_min, dtype=np.float64) * MINUTE, folk, shares(folk), rules)


def expected_s(times_s: Floats, rules: Rules) -> float:
    """The formula of the module, spelled out for one place."""
    soonest = sorted(min(each, rules.horizon_s) for each in times_s)[:DEPTH]
    busy = rules.busy_share
    soonest += [rules.horizon_s] * (DEPTH - len(soonest))
    return float(sum((1 - busy) * busy**k * each for k, each in enumerate(soonest)))


def test_the_only_car_of_a_far_valley_leaves_its_people_alone() -> None:
    cover = a_cover([[5, 60], *([60.0 + n, 5.0 + n] for n in range(6))], people=[900, 4000])

    valley, town, *_ = cover.losses

    assert (valley.people, valley.places, valley.worst, valley.worst_next_s) == (900, 1, 0, 3600.0)
    assert (town.people, town.places, town.worst) == (0, 0, None)
    assert valley.wait_s > 8 * town.wait_s


def test_who_leaves_for_longer_costs_more() -> None:
    left = Left(wait_s=30.0, calls_per_day=80.0, limit_s=1500.0)

    assert left.cost_s(7200) == pytest.approx(2 * left.cost_s(3600))
    assert left.cost_s(86_400) == pytest.approx(80 * 30.0)


def test_where_no_road_leads_the_horizon_counts() -> None:
    (loss,) = a_cover([[10.0, math.inf]], people=[100, 100]).losses

    assert (loss.people, loss.worst_next_s) == (100, 7200.0)
    assert loss.wait_s == pytest.approx(0.5 * 0.7 * (7200 - 600))


def test_a_car_from_the_double_manned_station_moves_up_to_the_empty_valley() -> None:
    cover = a_cover([[5, 60], [6, 60]], people=[3000, 2000])

    (move,) = cover.move_ups(
        np.array([[5, 60], [60, 5]]) * MINUTE,
        np.array([[0, 40], [1, 30]]) * MINUTE,
        may_move=[0, 1],
    )

    assert (move.unit, move.post, move.people, move.drive_s) == (0, 1, 2000, 2400.0)
    assert move.leaves == 0
    assert move.gain == pytest.approx(0.4 * 0.7 - 0.6 * 0.7 * 0.3)


def test_a_move_says_whom_it_leaves_alone() -> None:
    cover = a_cover([[5, 60]], people=[300, 2000])

    (move,) = cover.move_ups(np.array([[60, 5]]) * MINUTE, np.array([[40.0]]), may_move=[0])

    assert (move.people, move.leaves) == (2000, 300)


def test_a_village_of_which_the_map_does_not_say_who_lives_there_is_not_empty() -> None:
    known = residents([("village", 200), ("village", 0), ("village", 400), ("hamlet", 0)])
    none = residents([("town", 0), ("village", 0), ("hamlet", 0)])

    assert known.tolist() == [200, 300, 400, RESIDENTS["hamlet"]]
    assert none.tolist() == [RESIDENTS[kind] for kind in ("town", "village", "hamlet")]


def test_the_last_car_of_the_town_stays() -> None:
    cover = a_cover([[5, 60]], people=[3000, 2000])

    assert cover.move_ups(np.array([[60, 5]]) * MINUTE, np.array([[40.0]]), may_move=[0]) == ()


def test_nobody_is_sent_an_hour_away_to_wait() -> None:
    cover = a_cover([[5, 60], [6, 60]], people=[3000, 2000])
    far = np.full((2, 1), 3600.0)

    assert cover.move_ups(np.array([[60, 5]]) * MINUTE, far, may_move=[0, 1]) == ()


def test_who_may_not_be_asked_is_not_proposed() -> None:
    cover = a_cover([[5, 60], [6, 60]], people=[3000, 2000])
    near = np.full((2, 1), 600.0)

    moves = cover.move_ups(np.array([[60, 5]]) * MINUTE, near, may_move=[1])

    assert [each.unit for each in moves] == [1]


def test_two_moves_at_most_and_never_both_to_one_post() -> None:
    cover = a_cover([[5, 60, 60, 60]] * 6, people=[3000, 2000, 2000, 2000])
    posts = np.array([[60, 5, 60, 60], [60, 60, 5, 60], [60, 60, 60, 5]]) * MINUTE

    moves = cover.move_ups(posts, np.full((6, 3), 600.0), may_move=range(6))

    assert len(moves) == RULES.moves_max
    assert len({each.post for each in moves}) == len({each.unit for each in moves}) == len(moves)


def test_without_free_units_nothing_is_covered() -> None:
    cover = Cover(np.empty((0, 2)), np.ones(2), np.full(2, 0.5), RULES)

    assert (cover.losses, cover.covered()) == ((), 0.0)
    assert cover.move_ups(np.ones((1, 2)), np.empty((0, 1)), may_move=[]) == ()


def test_the_countys_own_log_outweighs_population_as_it_grows() -> None:
    people = np.array([100.0, 300.0])

    few, many = (shares(people, np.array([n, 0.0])) for n in (1.0, 1000.0))

    assert shares(people) == pytest.approx([0.25, 0.75])
    assert few[0] == pytest.approx((1 + PRIOR_CALLS * 0.25) / (1 + PRIOR_CALLS))
    assert many[0] > 0.9


def test_a_map_without_people_counts_all_places_alike() -> None:
    assert shares(np.zeros(4)) == pytest.approx([0.25] * 4)


@pytest.mark.parametrize(
    "values",
    [
        {"busy_share": 1.0},
        {"busy_share": -0.1},
        {"limit_s": 0.0},
        {"limit_s": 8000.0},
        {"gain_min": -1.0},
    ],
)
def test_rules_that_make_no_sense_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|may"):
        Rules(**values)  # type: ignore[arg-type]  # floats where an int is meant, too


def test_tables_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="same places"):
        Cover(np.ones((2, 3)), np.ones(2), np.ones(2), RULES)


times = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 7), st.integers(1, 6)),
    elements=st.one_of(st.floats(0, 9000), st.just(math.inf)),
)


@given(times, st.floats(0, 0.9))
def test_a_loss_is_what_the_expected_time_grows_by(times_s: Floats, busy: float) -> None:
    rules = Rules(busy_share=busy)
    people = np.arange(1.0, times_s.shape[1] + 1)
    share = shares(people)

    losses = Cover(times_s, people, share, rules).losses

    for unit, loss in enumerate(losses):
        without = np.delete(times_s, unit, axis=0)
        grown = [
            each * (expected_s(without[:, at], rules) - expected_s(times_s[:, at], rules))
            for at, each in enumerate(share)
        ]
        assert loss.wait_s == pytest.approx(sum(grown), abs=1e-6)
        covered = [(row <= rules.limit_s).any(axis=0) for row in (times_s, without)]
        assert loss.people == people[covered[0] & ~covered[1]].sum()


@given(times)
def test_one_more_unit_never_makes_a_loss_greater(times_s: Floats) -> None:
    people = np.ones(times_s.shape[1])
    more = np.vstack([times_s, np.full((1, times_s.shape[1]), 900.0)])

    before = Cover(times_s, people, shares(people), RULES).losses
    after = Cover(more, people, shares(people), RULES).losses

    for one, other in zip(before, after, strict=False):
        assert other.wait_s <= one.wait_s + 1e-6
        assert other.people <= one.people


@given(times, times)
def test_a_move_up_always_covers_more(times_s: Floats, posts_s: Floats) -> None:
    places = min(times_s.shape[1], posts_s.shape[1])
    times_s, posts_s = times_s[:, :places], posts_s[:, :places]
    people = np.ones(places)

    def score(table: Floats) -> float:
        count = (table <= RULES.limit_s).sum(axis=0)
        return float((shares(people) * (1 - RULES.busy_share**count)).sum())

    cover = Cover(times_s, people, shares(people), RULES)
    near = np.full((len(times_s), len(posts_s)), 60.0)
    moved = times_s.copy()
    for move in cover.move_ups(posts_s, near, may_move=range(len(times_s))):
        before = score(moved)
        moved[move.unit] = posts_s[move.post]
        assert score(moved) - before == pytest.approx(move.gain)
        assert move.gain >= RULES.gain_min
