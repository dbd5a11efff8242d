"""Acceleration and braking along stations, against the same loop written plainly."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.driving.drive import SPEED_MPS_MIN, Floats, Road, drive, seconds_between
from geo.driving.vehicles import GRAVITY_MPS2, ROLLING

POWER, DRAG = 31.0, 0.0002


def a_road(
    caps_mps: list[list[float]], grades_pct: list[list[float]], *, a: float, b: float
) -> Road:
    counts = [len(caps) for caps in caps_mps]
    cap = np.concatenate([np.array(caps) for caps in caps_mps])
    return Road(
        start=np.concatenate(([0], np.cumsum(counts))),
        step_m=np.full(len(counts), 5.0),
        cap_mps=cap,
        grade_pct=np.concatenate([np.array(grades) for grades in grades_pct]),
        acceleration_mps2=np.full(len(cap), a),
        braking_mps2=np.full(len(cap), b),
    )


def plainly(caps: list[float], grades: list[float], a: float, b: float) -> list[float]:
    speed = [max(cap, SPEED_MPS_MIN) for cap in caps]
    for i in range(len(speed) - 1):
        now = speed[i]
        pull = POWER / now - GRAVITY_MPS2 * (ROLLING + grades[i] / 100.0) - DRAG * now**2
        ahead = now**2 + 2.0 * min(a, pull) * 5.0
        speed[i + 1] = min(speed[i + 1], sqrt(max(ahead, SPEED_MPS_MIN**2)))
    for i in reversed(range(len(speed) - 1)):
        speed[i] = min(speed[i], sqrt(speed[i + 1] ** 2 + 2.0 * b * 5.0))
    return speed


caps = st.floats(0.0, 40.0)
grades = st.floats(-14.0, 14.0)
chain = st.lists(st.tuples(caps, grades), min_size=2, max_size=40)


@given(st.lists(chain, min_size=1, max_size=5), st.floats(0.3, 2.0), st.floats(0.3, 2.5))
def test_all_chains_at_once_are_as_each_alone(
    chains: list[list[tuple[float, float]]], a: float, b: float
) -> None:
    caps_mps = [[cap for cap, _ in one] for one in chains]
    grades_pct = [[grade for _, grade in one] for one in chains]
    expected = [plainly(*one, a, b) for one in zip(caps_mps, grades_pct, strict=True)]

    speed = drive(a_road(caps_mps, grades_pct, a=a, b=b), power_w_per_kg=POWER, drag_per_m=DRAG)

    np.testing.assert_allclose(speed, np.concatenate(expected), rtol=1e-7, atol=1e-7)


def test_gathering_speed_takes_v_over_a() -> None:
    road = a_road([[SPEED_MPS_MIN] + [15.0] * 40], [[0.0] * 41], a=1.2, b=1.5)
    speed = drive(road, power_w_per_kg=1e6, drag_per_m=0.0)
    seconds = np.cumsum(seconds_between(road.start, road.step_m, speed))
    reached = int(np.argmax(speed >= 15.0 - 1e-9))
    distance_m = (15.0**2 - SPEED_MPS_MIN**2) / 2.4

    assert reached == pytest.approx(distance_m / 5.0, abs=1.0)
    assert seconds[reached] == pytest.approx((15.0 - SPEED_MPS_MIN) / 1.2, rel=0.02)


def test_a_weak_engine_slows_on_a_climb() -> None:
    road = a_road([[25.0] * 400], [[10.0] * 400], a=1.2, b=1.5)
    speed = drive(road, power_w_per_kg=10.0, drag_per_m=0.0)

    assert speed[-1] == pytest.approx(10.0 / (GRAVITY_MPS2 * (ROLLING + 0.10)), rel=0.01)


def test_seconds_are_zero_where_a_chain_begins() -> None:
    road = a_road([[10.0] * 3, [10.0] * 2], [[0.0] * 3, [0.0] * 2], a=1.0, b=1.0)
    speed: Floats = np.full(5, 10.0)

    assert seconds_between(road.start, road.step_m, speed).tolist() == [0.0, 0.5, 0.5, 0.0, 0.5]
