"""Two units when one is not enough: why, which, and when both are there."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.battery.model import Load
from geo.eta import Eta
from server.dispatch.contest import Contender, Scene
from server.dispatch.pairs import SHARED, Joint, Pair, choose, why_two
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
    assert chosen == min(every)


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
