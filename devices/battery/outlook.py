"""How long a device will last: a distribution, by what was learned of it.

Futures are drawn from the filter's state with the same random numbers every time, so the answer is
the same for the same question and never contradicts itself: in each future more minutes, more
cold or another load take more charge. A future in which the level would have stepped down by now
has no weight, as it has not. On a charger a battery is taken to hold its level, not to gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from devices.battery.estimator import CHARGE, RATES, SIZE, WANDER, Estimator
from devices.battery.model import (
    GAUGE_SD_PCT,
    LOADS,
    WANDER_AHEAD_KEPT,
    WANDER_AHEAD_LOG_SD,
    Floats,
    Load,
    charge_of,
    exposure_h,
    mask_of,
)
from devices.battery.reports import Ints

Singles = NDArray[np.float32]
Reals = NDArray[np.floating[Any]]

FUTURES: Final = 128
"""Their error of a probability is about half a percent (against 32,768 of them)."""
LEGS_MAX: Final = 64
NEVER_S: Final = float("inf")
NOTHING_PCT: Final = 1e-9
"""Less charge than this is none."""
ROUNDING_VAR: Final = 1e-9
_mask_of: Final = cache(mask_of)


_DRAWS: Final[Singles] = np.load(Path(__file__).with_name("draws.npy"), allow_pickle=False)
"""(9, 128) normal numbers of a scrambled Sobol sequence, mean 0 and covariance 1: the estimator's
state and, last, how use differs anew. Kept, not drawn at each start, so that recorded decisions
come out the same to the last bit whatever library would draw them. Futures are reckoned in single
precision, which is twice as fast and far finer than they are."""


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
    seldom: bool = False
    """Fixes are at least `SELDOM_FIX_S` apart."""

    def __post_init__(self) -> None:
        if not self.minutes >= 0.0 or not 0.0 <= self.weak <= 1.0:
            raise ValueError(f"minutes below 0 or a weak share outside 0 … 1: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """All that is needed to look ahead from one moment, of D devices; numbers to be kept."""

    mean: Floats
    """(D, 8) of the filter's state."""
    cov: Floats
    """(D, 8, 8)"""
    seen_h: Floats
    """(D, 6) exposure from the state to the last report …"""
    silent_h: Floats
    """(D, 6) … and from there to now."""
    floor_pct: Floats
    """(D,) charge at the lower edge of the last level."""

    def only(self, rows: Ints) -> Basis:
        """Those of the rows."""
        return Basis(
            mean=self.mean[rows],
            cov=self.cov[rows],
            seen_h=self.seen_h[rows],
            silent_h=self.silent_h[rows],
            floor_pct=self.floor_pct[rows],
        )

    def rounded(self) -> Basis:
        """In single precision, as `devices.battery.record` keeps it: far finer than anything is
        known, and what was reckoned from it can be reckoned again to the last bit."""
        return Basis(
            mean=_single(self.mean),
            cov=_single(self.cov),
            seen_h=_single(self.seen_h),
            silent_h=_single(self.silent_h),
            floor_pct=_single(self.floor_pct),
        )

    def charge_pct(self) -> Floats:
        """(D,) above the reserve, as it is most likely now."""
        present = np.exp(self.mean[:, RATES] + self.mean[:, WANDER, None])
        used = (present * (self.seen_h + self.silent_h)).sum(axis=1)
        return np.asarray(self.mean[:, CHARGE] - used)

    def use_pct(self, hours: Floats) -> Floats:
        """(D,) charge that each most likely takes in `hours`, (D, 6) `exposures_of` plans."""
        ahead = np.exp(self.mean[:, RATES] + WANDER_AHEAD_KEPT * self.mean[:, WANDER, None])
        return np.asarray((ahead * hours).sum(axis=1))


class Outlooks:
    """Equally made futures of D devices, F each."""

    def __init__(self, basis: Basis) -> None:
        spread = _root(basis.cov).astype(np.float32).reshape(-1, SIZE) @ _DRAWS[:SIZE]
        state = spread.reshape(-1, SIZE, FUTURES)
        state += basis.mean.astype(np.float32)[:, :, None]
        self._log_rate, self._wander = state[:, RATES], state[:, WANDER]
        seen = state[:, CHARGE] - self._used(basis.seen_h, 1.0)
        self.charge_pct = seen - self._used(basis.silent_h, 1.0)
        """(D, F) above the reserve, now."""
        above = (seen - basis.floor_pct.astype(np.float32)[:, None]) / np.float32(GAUGE_SD_PCT)
        weight = ndtr(above).astype(np.float64) + 1e-9
        self.weight = weight / weight.sum(axis=1, keepdims=True)
        """(D, F) each device's sum to 1."""

    def only(self, rows: Ints) -> Outlooks:
        """Those of the rows."""
        if np.array_equal(rows, np.arange(len(self.charge_pct))):
            return self
        some = copy(self)
        for name, values in vars(self).items():
            setattr(some, name, values[rows])
        return some

    def __getitem__(self, device: int) -> Outlook:
        log_rate = self._log_rate[device] + WANDER_AHEAD_KEPT * self._wander[device]
        return Outlook(
            charge_pct=self.charge_pct[device].astype(np.float64),
            rate=np.exp(log_rate.T, dtype=np.float64),
            weight=self.weight[device],
        )

    def p_last(self, hours: Floats) -> Floats:
        """(D,) probability that each outlasts its plan: (D, 6) `exposure_of` it."""
        return _p_last(self.charge_pct, self.weight, self._used(hours, WANDER_AHEAD_KEPT))

    def empty_after_s(self, hour: Floats, quantiles: Sequence[float]) -> list[list[float]]:
        """D times Q: until the reserve, where each goes on as in `hour`, (D, 6) exposure of one."""
        rate = self._used(hour, WANDER_AHEAD_KEPT)
        rows = zip(self.charge_pct, self.weight, rate, strict=True)
        return [_empty_after_s(*row, quantiles) for row in rows]

    def rate_pct_per_h(self, hour: Floats) -> Floats:
        """(D,) median drain in `hour`, (D, 6) exposure of one."""
        return np.asarray(np.median(self._used(hour, WANDER_AHEAD_KEPT), axis=1))

    def _used(self, hours: Floats, kept: float) -> Singles:
        """(D, F) charge that each takes in `hours`, (D, 6), `kept` of the present excess in it."""
        used = np.zeros_like(self._wander)
        for load in range(len(LOADS)):
            if (on := np.flatnonzero(hours[:, load])).size:
                log_rate = self._log_rate[on, load] + np.float32(kept) * self._wander[on]
                used[on] += np.exp(log_rate) * hours.astype(np.float32)[on, load, None]
        return used


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Equally made futures of one device."""

    charge_pct: Floats
    """(F,) above the reserve, now."""
    rate: Floats
    """(F, 6) %/h of each load at 25 °C, mean over the hours ahead."""
    weight: Floats
    """(F,) sum 1."""

    def p_last(self, plan: Sequence[Leg]) -> float:
        """Probability that the battery outlasts a plan."""
        return float(_p_last(self.charge_pct, self.weight, self.rate @ exposure_of(plan)))

    def p_each(self, hours: Floats, charge_pct: Floats) -> Floats:
        """(N,) probability of outlasting each of N plans, (N, 6) `exposure_of` them, from another
        charge than its own, (F,)."""
        return _p_last(charge_pct, self.weight, hours @ self.rate.T)

    def empty_after_s(self, leg: Leg, quantiles: Sequence[float]) -> list[float]:
        """Time to the reserve if the device goes on like `leg` (its minutes do not matter)."""
        rate = self.rate @ exposure_of([hour_of(leg)])
        return _empty_after_s(self.charge_pct, self.weight, rate, quantiles)

    def drain_pct_per_h(self, leg: Leg) -> float:
        """Mean drain under a leg's loads, cold and signal; 0 on a charger."""
        return float(self.weight @ self.rate @ exposure_of([hour_of(leg)]))

    def with_level(self, level_pct: float) -> Outlook:
        """The same device with another pack that shows `level_pct`."""
        return replace(
            self, charge_pct=np.full_like(self.charge_pct, charge_of(np.array([level_pct]))[0])
        )

    def rate_pct_per_h(self, loads: frozenset[Load]) -> float:
        """Median drain at 25 °C with good signal."""
        on = [LOADS.index(load) for load in loads]
        return float(np.median(self.rate[:, on].sum(axis=1)))


def outlook(estimator: Estimator, device: int, now_s: float) -> Outlook | None:
    """Look ahead from `now_s`; None where the device never told a level."""
    if np.isnan(estimator.level_pct[device]):
        return None
    return Outlooks(basis_of(estimator, np.array([device]), now_s))[0]


def basis_of(estimator: Estimator, which: Ints, now_s: float) -> Basis:
    """Of devices that told a level, each once."""
    floor_pct, _ = estimator.cell(which, estimator.level_pct[which])
    return Basis(
        mean=estimator.mean[which],
        cov=estimator.cov[which],
        seen_h=estimator.exposure_h[which],
        silent_h=_silent(estimator, which, now_s),
        floor_pct=floor_pct,
    )


def hour_of(leg: Leg) -> Leg:
    """The same for an hour."""
    return replace(leg, minutes=60.0)


def exposure_of(plan: Sequence[Leg]) -> Floats:
    """(6,) hours under each load as if at 25 °C with good signal, over a plan."""
    return np.asarray(exposures_of([plan])[0])


def exposures_of(plans: Sequence[Sequence[Leg]]) -> Floats:
    """(D, 6) of D plans."""
    longest = max(map(len, plans), default=0)
    if longest > LEGS_MAX:
        raise ValueError(f"a plan has at most {LEGS_MAX} legs, not {longest}")
    legs = list(chain.from_iterable(plans))
    hours = exposure_h(
        np.array([0.0 if leg.charging else leg.minutes / 60.0 for leg in legs]),
        np.array([_mask_of(leg.loads) for leg in legs], dtype=np.int64),
        np.array([np.nan if leg.temp_c is None else leg.temp_c for leg in legs]),
        np.array([leg.weak for leg in legs]),
        np.array([float(leg.seldom) for leg in legs]),
    )
    total = np.zeros((len(plans), len(LOADS)))
    np.add.at(total, np.repeat(np.arange(len(plans)), [len(plan) for plan in plans]), hours)
    return total


def _p_last(charge_pct: Reals, weight: Floats, used_pct: Reals) -> Floats:
    """Over the last axis; the charge that use takes differs anew by WANDER_AHEAD_LOG_SD."""
    left = np.maximum(charge_pct, NOTHING_PCT)
    margin = np.log(left / np.maximum(used_pct, NOTHING_PCT)) / WANDER_AHEAD_LOG_SD
    lasts = np.where(charge_pct > 0.0, ndtr(margin), 0.0)
    return np.asarray(np.clip((weight * lasts).sum(axis=-1), 0.0, 1.0))


def _empty_after_s(
    charge_pct: Reals, weight: Floats, rate: Reals, quantiles: Sequence[float]
) -> list[float]:
    """Of one device: (F,) each; use will differ anew from what it is now."""
    if not rate.any():
        return [NEVER_S] * len(quantiles)
    fresh = np.exp(WANDER_AHEAD_LOG_SD * _DRAWS[SIZE])
    seconds = 3600.0 * np.maximum(charge_pct, 0.0) / (rate * fresh)
    order = np.argsort(seconds)
    reached = np.cumsum(weight[order]) - weight[order] / 2
    return [float(value) for value in np.interp(quantiles, reached, seconds[order])]


def _silent(estimator: Estimator, which: Ints, now_s: float) -> Floats:
    """(D, 6) exposure since the last report."""
    hours = np.maximum(now_s - estimator.at_s[which], 0.0) / 3600
    hours[estimator.charging[which]] = 0.0
    temp_c, weak = estimator.temp_c[which], estimator.weak[which]
    return exposure_h(hours, estimator.mask[which], temp_c, weak)


def _single(values: Floats) -> Floats:
    return values.astype(np.float32).astype(np.float64)


def _root(cov: Floats) -> Floats:
    """Square roots; they bear covariances rounded to just below positive."""
    try:
        return np.asarray(np.linalg.cholesky(cov + ROUNDING_VAR * np.eye(SIZE)))
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(cov)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :])
