"""Driving along stations: speeds that the vehicle can reach and brake from, and the time it takes.

    forward   v[i+1] = min(cap[i+1], sqrt(v[i]^2 + 2 a ds))
    backward  v[i]   = min(v[i], sqrt(v[i+1]^2 + 2 b ds))
    dt = 2 ds / (v[i] + v[i+1])

    a = min(a_max, share P/(m v) - rolling g - drag v^2/m - g G/100)

(pointwise limits, then acceleration, then braking, as in velocity profiles of the vehicle dynamics
literature). Chains begin and end at their cap: what a turn onto or off them costs is
`geo.driving.turning`. Knows no roads and no kinds of vehicle, only arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.driving.vehicles import GRAVITY_MPS2, ROLLING

SPEED_MPS_MIN: Final = 3.0 / 3.6
"""m/s. A vehicle on a road it may use moves at least at walking pace."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """K stations of C chains in the direction they are driven."""

    start: Ints
    """(C + 1,) the stations of chain c are start[c] … start[c + 1] - 1."""
    step_m: Floats
    """(C,)"""
    cap_mps: Floats
    """(K,) no faster than this."""
    grade_pct: Floats
    """(K,)"""
    acceleration_mps2: Floats
    """(K,) that the driver asks for, as far as the road grips."""
    braking_mps2: Floats
    """(K,)"""


def drive(road: Road, *, power_w_per_kg: float, drag_per_m: float) -> Floats:
    """(K,) m/s at each station, with this much power in use and this much drag, per mass."""
    highest = np.maximum(road.cap_mps, SPEED_MPS_MIN) ** 2
    reached = _accelerated(road, highest, power_w_per_kg, drag_per_m)
    speeds: Floats = np.sqrt(_braked(road, reached))
    return speeds


def seconds_between(start: Ints, step_m: Floats, speed_mps: Floats) -> Floats:
    """(K,) time between the station before and each station; 0 at the first of a chain."""
    before = np.concatenate((speed_mps[:1], speed_mps[:-1]))
    seconds = 2.0 * np.repeat(step_m, np.diff(start)) / (before + speed_mps)
    seconds[start[:-1]] = 0.0
    return seconds


def _accelerated(road: Road, highest: Floats, power: float, drag: float) -> Floats:
    """(K,) squared speed, gathered from each chain's start: all chains one step at a time."""
    resisting = GRAVITY_MPS2 * (ROLLING + road.grade_pct / 100.0)
    squared = highest.copy()
    steps = np.diff(road.start) - 1
    longest_first = np.argsort(-steps, kind="stable")
    start, steps = road.start[longest_first], steps[longest_first]
    double_m = 2.0 * road.step_m[longest_first]
    still_going = np.searchsorted(-steps, -np.arange(1, steps[0] + 1), side="right")
    for nth, active in enumerate(still_going):
        here = start[:active] + nth
        now = squared[here]
        pull = power / np.sqrt(now) - resisting[here] - drag * now
        gain = np.minimum(pull, road.acceleration_mps2[here]) * double_m[:active]
        ahead = np.maximum(now + gain, SPEED_MPS_MIN**2)
        squared[here + 1] = np.minimum(ahead, highest[here + 1])
    return squared


def _braked(road: Road, squared: Floats) -> Floats:
    """(K,) squared speed from which each station ahead can still be braked for.

    v[i]^2 = min over j >= i of v[j]^2 + 2 (B[j] - B[i]), B the braking summed along the way: a
    running minimum from the end. Chains lie farther apart than any speed needs.
    """
    step_m = np.repeat(road.step_m, np.diff(road.start))
    worth = 2.0 * road.braking_mps2 * step_m
    worth[road.start[1:] - 1] = squared.max()
    before = np.cumsum(worth) - worth
    braked: Floats = np.minimum.accumulate((squared + before)[::-1])[::-1] - before
    return np.maximum(braked, SPEED_MPS_MIN**2)
