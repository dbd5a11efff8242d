"""How long a device will last: a distribution, by what was learned of it.

Futures are drawn from the filter's state with the same random numbers every time, so the answer is
the same for the same question and never contradicts itself: in each future more minutes, more
cold or another load take more charge. A future in which the level would have stepped down by now
has no weight, as it has not. On a charger a battery is taken to hold its level, not to gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtr

from devices.battery.estimator import CHARGE, RATES, SIZE, WANDER, Estimator
from devices.battery.model import (
    GAUGE_SD_PCT,
    LOADS,
    WANDER_AHEAD_KEPT,
    WANDER_AHEAD_LOG_SD,
    Floats,
    Load,
    exposure_h,
    mask_of,
)

FUTURES: Final = 512
LEGS_MAX: Final = 64
NEVER_S: Final = float("inf")
NOTHING_PCT: Final = 1e-9
"""Less charge than this is none."""


def _draws() -> Floats:
    """(512, 9) numbers of mean 0 and covariance 1 exactly, each beside its opposite."""
    half = np.random.default_rng(20_260_101).standard_normal((FUTURES // 2, SIZE + 1))
    both = np.concatenate([half, -half])
    root = np.linalg.cholesky(both.T @ both / FUTURES)
    return np.asarray(np.linalg.solve(root, both.T).T)


_DRAWS: Final = _draws()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """Part of a plan."""

    loads: frozenset[Load]
    minutes: float
    temp_c: float | None = None
    """None: unknown."""
    weak: float = 0.0
    """Share of the time with weak signal, 0 … 1."""
    charging: bool = False

    def __post_init__(self) -> None:
        if not self.minutes >= 0.0 or not 0.0 <= self.weak <= 1.0:
            raise ValueError(f"minutes below 0 or a weak share outside 0 … 1: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Equally made futures of one device."""

    charge_pct: Floats
    """(512,) above the reserve, now."""
    rate: Floats
    """(512, 6) %/h of each load at 25 °C, mean over the hours ahead."""
    fresh: Floats
    """(512,) standard normal: how use will differ from what it is now."""
    weight: Floats
    """(512,) sum 1."""

    def p_last(self, plan: Sequence[Leg]) -> float:
        """Probability that the battery outlasts a plan."""
        used = self._used(plan)
        left = np.maximum(self.charge_pct, NOTHING_PCT)
        margin = np.log(left) - np.log(np.maximum(used, NOTHING_PCT))
        lasts = np.where(self.charge_pct > 0.0, ndtr(margin / WANDER_AHEAD_LOG_SD), 0.0)
        return float(np.clip(self.weight @ lasts, 0.0, 1.0))

    def empty_after_s(self, leg: Leg, quantiles: Sequence[float]) -> list[float]:
        """Time to the reserve if the device goes on like `leg` (its minutes do not matter)."""
        hour = Leg(
            loads=leg.loads,
            minutes=60.0,
            temp_c=leg.temp_c,
            weak=leg.weak,
            charging=leg.charging,
        )
        rate = self._used([hour]) * np.exp(WANDER_AHEAD_LOG_SD * self.fresh)
        if not rate.any():
            return [NEVER_S] * len(quantiles)
        seconds = 3600.0 * np.maximum(self.charge_pct, 0.0) / rate
        order = np.argsort(seconds)
        reached = np.cumsum(self.weight[order]) - self.weight[order] / 2
        return [float(value) for value in np.interp(quantiles, reached, seconds[order])]

    def rate_pct_per_h(self, loads: frozenset[Load]) -> float:
        """Median drain at 25 °C with good signal."""
        on = [LOADS.index(load) for load in loads]
        return float(np.median(self.rate[:, on].sum(axis=1)))

    def _used(self, plan: Sequence[Leg]) -> Floats:
        """(512,) charge that a plan takes, %."""
        if len(plan) > LEGS_MAX:
            raise ValueError(f"a plan has at most {LEGS_MAX} legs, not {len(plan)}")
        if not plan:
            return np.zeros(FUTURES)
        hours = exposure_h(
            np.array([0.0 if leg.charging else leg.minutes / 60.0 for leg in plan]),
            np.array([mask_of(leg.loads) for leg in plan]),
            np.array([np.nan if leg.temp_c is None else leg.temp_c for leg in plan]),
            np.array([leg.weak for leg in plan]),
        )
        return np.asarray(self.rate @ hours.sum(axis=0))


def outlook(estimator: Estimator, device: int, now_s: float) -> Outlook | None:
    """Look ahead from `now_s`; None where the device never told a level."""
    level = estimator.level_pct[device]
    if np.isnan(level):
        return None
    mean, cov = estimator.mean[device], estimator.cov[device]
    state = mean + _DRAWS[:, :SIZE] @ _root(cov).T
    seen_h = estimator.exposure_h[device]
    silent_h = _silent(estimator, device, now_s)
    present = np.exp(state[:, RATES] + state[:, WANDER, None])
    seen = state[:, CHARGE] - present @ seen_h
    which = np.array([device])
    low, _ = estimator.cell(which, np.array([level]))
    weight = ndtr((seen - low) / GAUGE_SD_PCT) + 1e-9
    return Outlook(
        charge_pct=seen - present @ silent_h,
        rate=np.exp(state[:, RATES] + WANDER_AHEAD_KEPT * state[:, WANDER, None]),
        fresh=_DRAWS[:, SIZE],
        weight=weight / weight.sum(),
    )


def _silent(estimator: Estimator, device: int, now_s: float) -> Floats:
    """(6,) exposure since the last report."""
    if estimator.charging[device]:
        return np.zeros(len(LOADS))
    part = slice(device, device + 1)
    hours = np.maximum(now_s - estimator.at_s[part], 0.0) / 3600
    temp_c, weak = estimator.temp_c[part], estimator.weak[part]
    return np.asarray(exposure_h(hours, estimator.mask[part], temp_c, weak)[0])


def _root(cov: Floats) -> Floats:
    """A square root that bears a covariance rounded to just below positive."""
    values, vectors = np.linalg.eigh(cov)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
