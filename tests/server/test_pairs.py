"""Two units when one is not enough: why, which, and when both are there."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.battery.model import Load
from geo.eta import Eta
from server.dispatch import pairs
from server.dispatch.contest import Contender, Scene
from server.dispatch.pairs import SHARED, Joint, Pair, choose, why_more, why_two
from server.dispatch.score import score
from server.views import UnitStatus
from tests.conftest import ROOT

MIN = 60.0


def a_unit(call_sign: str, eta_min: float | None, **changed: Any) -> Contender:
    values: dict[str, Any] = {
        "unit_id": call_sign,
        "call_sign": call_sign,
        "status": UnitStatus.AVAILABLE,
        "order_number": None,
        "position_age_s": 5.0,
        "off_road_m": 2.0,
        "eta_s": None if eta_min is None else eta_min * MIN,
        "walk": None,
        "road_closed": False,
        "batteries": (),
        "has_device": True,
        "connected": True,
        "log_sd": 0.25,
        "crew_len": 2,
    }
    return Contender(**(values | changed))


def a_scene(**changed: Any) -> Scene:
    values: dict[str, Any] = {"scene_s": 45 * MIN, "recording": Load.RECORD}
    return Scene(**(values | changed))


def why(scene: Scene, first: Contender) -> list[str]:
    return [each.code for each in why_two(scene, first)]


def a_pair(scene: Scene, *units: Contender) -> Pair:
    found = choose(scene, units)
    assert found is not None
    return found


def names(pair: Pair) -> tuple[str, str]:
    return pair.first.call_sign, pair.second.call_sign


# -- why ------------------------------------------------------------------------------------


def test_two_officers_who_are_there_in_time_are_enough() -> None:
    scene = a_scene(deadline_s=20 * MIN)

    assert why(scene, a_unit("P-03", 8)) == []
    assert choose(scene, [a_unit("P-03", 8), a_unit("P-07", 9)]) is None


def test_to_a_man_with_a_knife_nobody_goes_alone() -> None:
    assert why(a_scene(violence=True), a_unit("P-03", 8)) == ["pair_violence"]


def test_two_go_where_the_run_card_asks_for_two() -> None:
    assert why(a_scene(units=2), a_unit("P-03", 8)) == ["pair_card"]
    assert why(a_scene(units=1), a_unit("P-03", 8)) == []


def test_a_lone_officer_gets_a_second_unit() -> None:
    (reason,) = why_two(a_scene(), a_unit("P-03", 8, crew_len=1))

    assert (reason.code, reason.text) == ("pair_lone", "P-03 is a lone officer")


def test_of_a_crew_nobody_knows_nothing_is_said() -> None:
    assert why(a_scene(), a_unit("P-03", 8, crew_len=0)) == []


def test_where_the_first_may_come_too_late_a_second_one_goes_too() -> None:
    (reason,) = why_two(a_scene(deadline_s=10 * MIN), a_unit("P-03", 9))

    assert reason.code == "pair_late"
    assert reason.values == {"unit": "P-03", "pct": 66, "min": 10.0}


def test_a_time_that_is_over_already_is_too_late_for_sure() -> None:
    (reason,) = why_two(a_scene(deadline_s=-5 * MIN), a_unit("P-03", 9))

    assert reason.values == {"unit": "P-03", "pct": 0, "min": 0.0}


def test_where_there_is_no_signal_two_go() -> None:
    assert why(a_scene(no_signal=True), a_unit("P-03", 8)) == ["pair_no_signal"]


def test_with_one_unit_left_there_is_no_pair() -> None:
    scene = a_scene(violence=True)

    assert choose(scene, [a_unit("P-03", 8)]) is None
    assert choose(scene, [a_unit("P-03", 8), a_unit("P-07", None)]) is None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_reason_for_two_has_words_at_the_console(language: str) -> None:
    path = ROOT / "web/src/console/pair/locales" / f"{language}.json"
    words = json.loads(path.read_text())
    scene = a_scene(violence=True, no_signal=True, deadline_s=0.0)

    codes = why(scene, a_unit("P-03", 8, crew_len=1))

    assert len(codes) == 4
    assert {f"reason.{code}" for code in codes} <= words.keys()


# -- which ----------------------------------------------------------------------------------


def test_the_two_that_are_both_there_soonest_go_whoever_is_named_first() -> None:
    units = [a_unit("P-09", 30), a_unit("P-03", 8), a_unit("P-07", 12), a_unit("P-01", 14)]

    pair = a_pair(a_scene(violence=True), *units)

    assert names(pair) == ("P-03", "P-07")


def test_a_sure_unit_is_better_than_one_that_may_be_much_later() -> None:
    sure, unsure = a_unit("P-07", 12.2, log_sd=0.12), a_unit("P-08", 12.0, log_sd=0.6)

    pair = a_pair(a_scene(violence=True), a_unit("P-03", 11.5, log_sd=0.12), unsure, sure)

    assert names(pair) == ("P-03", "P-07")


def test_a_pair_whose_shift_ends_is_passed_over_for_one_that_is_hardly_later() -> None:
    tired = a_unit("P-03", 8, on_duty_s=11 * 3600.0)
    fresh = [a_unit("P-07", 9, on_duty_s=3600.0), a_unit("P-08", 10, on_duty_s=3600.0)]
    scene = a_scene(violence=True, priority="routine")

    assert names(a_pair(scene, *fresh, tired)) == ("P-07", "P-08")
    assert names(a_pair(scene, *fresh, replace(tired, on_duty_s=3600.0))) == ("P-03", "P-07")


def test_to_an_emergency_the_soonest_two_go_whatever_else_is_said_of_them() -> None:
    tired = a_unit("P-03", 8, on_duty_s=11 * 3600.0)
    fresh = [a_unit("P-07", 12, on_duty_s=3600.0), a_unit("P-08", 19, on_duty_s=3600.0)]

    pair = a_pair(a_scene(violence=True, priority="emergency"), *fresh, tired)

    assert names(pair) == ("P-03", "P-07")


def test_where_one_is_on_it_already_no_two_more_are_named() -> None:
    units = [a_unit("P-03", 8), a_unit("P-07", 9)]

    assert choose(a_scene(violence=True, on_it=1), units) is None
    assert choose(a_scene(units=3, on_it=1), units) is not None


def test_a_second_is_wanted_beside_one_who_is_alone_at_a_fight_or_a_lone_officer() -> None:
    def more(scene: Scene, *on_it: Contender) -> list[str]:
        return [each.code for each in why_more(scene, on_it)]

    crew, lone = a_unit("P-03", 8), a_unit("P-07", 9, crew_len=1)

    assert more(a_scene(), crew) == []
    assert more(a_scene(violence=True), crew) == ["pair_violence"]
    assert more(a_scene(violence=True), crew, lone) == []
    assert more(a_scene(no_signal=True), crew) == ["pair_no_signal"]
    assert more(a_scene(), lone) == ["pair_lone"]
    assert more(a_scene(priority="routine"), lone) == []
    assert more(a_scene(units=3), crew, lone) == ["pair_card"]
    assert more(a_scene(deadline_s=60.0), crew) == [], "who is late is relieved, not joined"


def test_for_violence_they_meet_before_for_a_lone_officer_the_first_goes_on() -> None:
    units = [a_unit("P-03", 8, crew_len=1), a_unit("P-07", 12)]

    assert a_pair(a_scene(violence=True), *units).meets
    assert not a_pair(a_scene(), *units).meets


# -- when -----------------------------------------------------------------------------------

ETAS = st.tuples(st.floats(10.0, 7200.0), st.floats(0.12, 0.66))


def contender(eta: tuple[float, float], name: str = "P") -> Contender:
    return a_unit(name, eta[0] / MIN, log_sd=eta[1])


@settings(max_examples=80, deadline=None)
@given(ETAS, ETAS, st.sampled_from([0.1, 0.5, 0.8, 0.9]))
def test_both_are_there_never_before_either_and_the_first_never_after(
    one: tuple[float, float], other: tuple[float, float], share: float
) -> None:
    alone = [Eta(median_s=each[0], log_sd=each[1]).quantile_s(share) for each in (one, other)]

    both = Joint(contender(one), contender(other), later=True).quantile_s(share)
    first = Joint(contender(one), contender(other), later=False).quantile_s(share)

    assert first <= min(alone)
    assert both >= max(alone)


@settings(max_examples=40, deadline=None)
@given(st.lists(ETAS, min_size=2, max_size=6), ETAS)
def test_one_more_unit_never_makes_the_best_pair_later(
    etas: list[tuple[float, float]], more: tuple[float, float]
) -> None:
    scene = a_scene(violence=True)
    units = [contender(each, f"P-{number}") for number, each in enumerate(etas)]

    before = a_pair(scene, *units).both.quantile_s(0.5)
    after = a_pair(scene, *units, contender(more, "P-new")).both.quantile_s(0.5)

    assert after <= before


@settings(max_examples=30, deadline=None)
@given(st.lists(ETAS, min_size=2, max_size=5))
def test_no_other_pair_is_sooner_than_the_one_that_is_chosen(
    etas: list[tuple[float, float]],
) -> None:
    units = [contender(each, f"P-{number}") for number, each in enumerate(etas)]

    chosen = a_pair(a_scene(violence=True), *units).both.quantile_s(0.5)

    every = [
        Joint(one, other, later=True).quantile_s(0.5)
        for number, one in enumerate(units)
        for other in units[:number]
    ]
    assert chosen == pytest.approx(min(every), abs=0.002)


DOUBTS = st.tuples(st.floats(0.0, 1800.0), st.floats(0.0, 43_200.0))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(ETAS, DOUBTS), min_size=2, max_size=7))
def test_no_other_pair_counts_less_with_all_that_is_doubted_of_both(
    units: list[tuple[tuple[float, float], tuple[float, float]]],
) -> None:
    scene = a_scene(violence=True, priority="routine")
    some = [
        replace(contender(eta, f"P-{number}"), coverage_s=cover_s, on_duty_s=on_duty_s)
        for number, (eta, (cover_s, on_duty_s)) in enumerate(units)
    ]

    def counts_s(one: Contender, other: Contender) -> float:
        both_s = Joint(one, other, later=True).quantile_s(0.5)
        scores = [score(scene, each) for each in (one, other)]
        return both_s + sum(each.doubts_s - each.risk_s for each in scores if each is not None)

    pair = a_pair(scene, *some)

    every = [counts_s(*each) for each in itertools.combinations(some, 2)]
    assert counts_s(pair.first, pair.second) == pytest.approx(min(every), abs=0.002)


def test_of_two_hundred_units_with_doubts_few_pairs_are_reckoned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There are 19,900: a dispatcher waits for this."""
    chance = Random(5)
    units = [
        a_unit(
            f"P-{number:03}",
            chance.uniform(2, 40),
            log_sd=chance.uniform(0.2, 0.4),
            coverage_s=chance.uniform(0, 1800),
            on_duty_s=chance.uniform(0, 43_200),
        )
        for number in range(200)
    ]
    reckoned: list[int] = []
    medians = pairs._both_medians_s

    def counting(one_s: Any, *more: Any) -> Any:
        reckoned.append(len(one_s))
        return medians(one_s, *more)

    monkeypatch.setattr(pairs, "_both_medians_s", counting)
    a_pair(a_scene(violence=True, priority="routine"), *units)

    assert sum(reckoned) <= 1_000


@pytest.mark.parametrize(("later", "share"), [(True, 0.5), (True, 0.9), (False, 0.5), (False, 0.9)])
def test_the_joint_time_is_that_of_a_million_drawn_pairs(later: bool, share: float) -> None:
    """The plain reference of the integral: draw the pairs."""
    one, other = (600.0, 0.25), (720.0, 0.4)
    drawn = np.random.default_rng(7).standard_normal((3, 1_000_000))
    times = [
        median * np.exp(sd * (np.sqrt(SHARED) * drawn[0] + np.sqrt(1 - SHARED) * own))
        for (median, sd), own in zip((one, other), drawn[1:], strict=True)
    ]
    reference = np.quantile((np.maximum if later else np.minimum)(*times), share)

    found = Joint(contender(one), contender(other), later=later).quantile_s(share)

    assert found == pytest.approx(reference, rel=0.005)


def test_one_who_is_there_already_makes_nobody_later() -> None:
    there, coming = a_unit("P-03", 0.0, log_sd=0.0), a_unit("P-07", 10)

    assert Joint(there, coming, later=True).quantile_s(0.5) == pytest.approx(600.0)
    assert Joint(there, coming, later=False).quantile_s(0.9) == 0.0
    assert Joint(there, coming, later=False).chance_by(1.0) == 1.0
