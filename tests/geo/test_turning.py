"""What turns cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geo.driving.conditions import Condition, Weather
from geo.driving.speed import Mode, Profile, Vehicle, turn_times_ms
from geo.driving.turning import U_TURN_DEG, U_TURN_S

angles = st.floats(-180.0, 180.0)
speeds = st.floats(0.0, 40.0)
profiles = st.builds(
    Profile,
    vehicle=st.sampled_from(list(Vehicle)),
    mode=st.sampled_from(list(Mode)),
    condition=st.builds(Condition, weather=st.sampled_from(list(Weather))),
)


def cost_s(angle_deg: float, v_in: float, v_out: float, profile: Profile = Profile()) -> float:  # noqa: B008 - frozen
    times = turn_times_ms(np.array([angle_deg]), np.array([v_in]), np.array([v_out]), profile)
    assert times.dtype == np.uint32
    return int(times[0]) / 1000.0


@given(speeds, profiles)
def test_straight_on_at_one_speed_costs_nothing(speed_mps: float, profile: Profile) -> None:
    assert cost_s(0.0, speed_mps, speed_mps, profile) == 0.0


@given(angles, angles, speeds, speeds, profiles)
def test_a_sharper_turn_never_costs_less(
    one: float, two: float, v_in: float, v_out: float, profile: Profile
) -> None:
    gentle, sharp = sorted((abs(one), abs(two)))

    assert cost_s(gentle, v_in, v_out, profile) <= cost_s(sharp, v_in, v_out, profile)


@given(angles, speeds, speeds, profiles)
def test_left_costs_what_right_costs(
    angle: float, v_in: float, v_out: float, profile: Profile
) -> None:
    assert cost_s(angle, v_in, v_out, profile) == cost_s(-angle, v_in, v_out, profile)


@given(angles, speeds, speeds, st.sampled_from(list(Vehicle)))
@example(1.5581757275116863e-305, 0.0, 0.0, Vehicle.PATROL_CAR)
def test_urgency_never_costs_more_nor_bad_weather_less(
    angle: float, v_in: float, v_out: float, vehicle: Vehicle
) -> None:
    costs = [
        cost_s(angle, v_in, v_out, Profile(vehicle=vehicle, condition=Condition(weather=weather)))
        for weather in Weather
    ]

    assert costs == sorted(costs)
    assert cost_s(angle, v_in, v_out, Profile(vehicle=vehicle, mode=Mode.URGENT)) <= costs[0]


def test_a_right_angle_at_60_km_h() -> None:
    """Down to sqrt(2.2 * 10) m/s, and up again: (v - w)^2 (1 / 2b + 1 / 2a) / v."""
    v, w = 60.0 / 3.6, (2.2 * 10.0) ** 0.5
    lost_s = (v - w) ** 2 / v * (1.0 / 3.0 + 1.0 / 2.4)

    assert cost_s(90.0, v, v) == pytest.approx(lost_s, abs=0.001)
    assert 5.0 < lost_s < 7.5


def test_slow_roads_turn_freely() -> None:
    assert cost_s(90.0, 4.0, 4.0) == 0.0
    assert cost_s(20.0, 8.0, 8.0) == 0.0


def test_u_turns_cost_twenty_seconds() -> None:
    for angle in (U_TURN_DEG, 180.0, -180.0):
        assert cost_s(angle, 5.0, 5.0) == U_TURN_S
    assert cost_s(180.0, 5.0, 5.0, Profile(vehicle=Vehicle.FOOT)) == 0.0


def test_a_change_of_speed_straight_on_costs_the_change() -> None:
    """From 10 to 20 m/s at 1.2 m/s2: 8.33 s over 125 m that 20 m/s would do in 6.25 s."""
    assert cost_s(0.0, 10.0, 20.0) == pytest.approx(25.0 / 3.0 - 6.25, abs=0.001)
