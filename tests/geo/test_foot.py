"""Walking times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.driving.conditions import Condition, Weather
from geo.driving.foot import din_33466_s, tobler_mps, walking_mps


def walk_s(length_m: float, grade_pct: float) -> float:
    return length_m / float(tobler_mps(np.array([grade_pct]))[0])


def test_tobler_at_known_slopes() -> None:
    speeds = 3.6 * tobler_mps(np.array([-5.0, 0.0, 10.0]))

    assert speeds == pytest.approx([6.0, 5.0367, 3.5493], abs=0.001)


@pytest.mark.parametrize("grade_pct", [-20.0, -15.0, 0.0, 5.0, 10.0, 15.0])
def test_tobler_agrees_with_the_signposts(grade_pct: float) -> None:
    """DIN 33466 is for walkers with breaks: up to 1.9 times Tobler, never quicker."""
    rise_m = 3_000.0 * grade_pct / 100.0
    signposted_s = din_33466_s(3_000.0, up_m=max(rise_m, 0.0), down_m=max(-rise_m, 0.0))

    assert 1.0 <= signposted_s / walk_s(3_000.0, grade_pct) <= 1.9


def test_din_33466_takes_the_longer_and_half_the_shorter() -> None:
    """6 km and 300 m up: 1.5 h and 1 h, so 2 h."""
    assert din_33466_s(6_000.0, up_m=300.0, down_m=0.0) == pytest.approx(2 * 3600.0)


@given(st.floats(0.0, 40.0), st.floats(0.0, 40.0))
def test_steeper_is_never_faster(one: float, two: float) -> None:
    gentle, steep = sorted((one, two))
    up = tobler_mps(np.array([gentle, steep]))
    down = tobler_mps(np.array([-5.0 - gentle, -5.0 - steep]))

    assert up[1] <= up[0]
    assert down[1] <= down[0]


def test_night_weather_and_ice_slow_walkers() -> None:
    def speed(condition: Condition, *, ice: bool = False) -> float:
        return float(walking_mps(np.array([3.0]), np.array([ice]), condition)[0])

    by_weather = [speed(Condition(weather=weather)) for weather in Weather]
    dry = speed(Condition())

    assert by_weather == sorted(by_weather, reverse=True)
    assert speed(Condition(night=True)) == pytest.approx(0.7 * dry)
    assert speed(Condition(), ice=True) < by_weather[-1]
