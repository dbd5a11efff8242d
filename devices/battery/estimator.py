"""Drain rates of many devices at once, learned from the levels they report.

A Kalman filter of eight numbers a device: charge, the logs of six rates, and the present excess of
use over the mean. What it is told is not the level but its *steps*: between two of them the charge
is known to lie in a cell as wide as the step and nothing more. A step says that an edge was crossed
since the report before. No step where one was due bounds the rate: the distribution is cut off at
the cell's lower edge and replaced by the Gauss of the same mean and variance. As charge and rates
are one state, errors at a step that end one wait and begin the next are counted once.

The relation of log rates to charge is not straight, so each update is iterated (Gauss-Newton;
Bell and Cathey 1993). Rows of arrays are devices; a call takes at most one report of each.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from scipy.special import log_ndtr

from devices.battery.model import (
    DRIFT_VAR_PER_H,
    FACTOR_MAX,
    GAP_MAX_S,
    GAUGE_SD_PCT,
    LOADS,
    OUTLIER_SIGMAS,
    PACK_LOG_SD,
    SWAP_RISE_PCT,
    WANDER_H,
    WANDER_LOG_SD,
    Floats,
    Prior,
    charge_of,
    exposure_h,
)
from devices.battery.reports import Bools, Counts, DeviceState, Ints, Reports, sensible

SIZE = len(LOADS) + 2
CHARGE, RATES, WANDER = 0, slice(1, 1 + len(LOADS)), SIZE - 1
ITERATIONS = 3


class Estimator:
    """Devices by index; each has the prior it came with."""

    def __init__(self, priors: Sequence[Prior]) -> None:
        n = len(priors)
        self.priors = list(priors)
        self.step_pct = np.zeros(n)
        self._centre, self._prior_var = np.zeros((2, n, len(LOADS)))
        self.mean = np.zeros((n, SIZE))
        self.cov = np.zeros((n, SIZE, SIZE))
        for device, prior in enumerate(priors):
            self._begin(device, prior)
        self.tally = np.zeros((n, len(Counts.__struct_fields__)), dtype=np.int64)
        self.exposure_h = np.zeros((n, len(LOADS)))
        self.waited_h = np.zeros(n)
        self.at_s, self.level_pct, self.temp_c = (np.full(n, np.nan) for _ in range(3))
        self.mask = np.zeros(n, dtype=np.int64)
        self.charging, self.broken = np.zeros((2, n), dtype=np.bool_)
        self.shown = np.zeros((n, 101), dtype=np.bool_)
        """Whole levels that each gauge has shown."""
        self.weak = np.zeros(n)

    def extend(self, priors: Sequence[Prior]) -> None:
        """More devices, after those there are; each as if it had been there from the beginning."""
        more = Estimator(priors)
        self.priors += more.priors
        for name, values in vars(more).items():
            if isinstance(values, np.ndarray):
                setattr(self, name, np.concatenate([getattr(self, name), values]))

    def begin_anew(self, device: int, prior: Prior) -> None:
        """Forget what was learned of a device; its level and what it does are still known."""
        self.priors[device] = prior
        self._begin(device, prior)
        which = np.array([device])
        if not np.isnan(self.level_pct[device]):
            self._anchor(which, self.level_pct[which])

    def update(self, which: Ints, reports: Reports) -> None:
        """Take one report of each of the devices `which`, (K,) and each at most once."""
        level, nonsense = sensible(reports)
        self._count("nonsense", which[nonsense])
        old = reports.at_s <= self.at_s[which]
        self._count("stale", which[old])
        which, level = which[~old], level[~old]
        at_s, charging = reports.at_s[~old], reports.charging[~old]

        waited_s = at_s - self.at_s[which]
        last = exposure_h(waited_s / 3600, self.mask[which], self.temp_c[which], self.weak[which])
        last[np.isnan(waited_s) | self.charging[which]] = 0.0
        self.exposure_h[which] += last
        self.waited_h[which] += np.nan_to_num(waited_s) / 3600

        told = ~np.isnan(level)
        before = self.level_pct[which]
        self.broken[which] |= charging | self.charging[which] | (waited_s > GAP_MAX_S)
        fresh = np.isnan(before) | self.broken[which]
        swapped = told & ~fresh & (level - before >= np.maximum(SWAP_RISE_PCT, self._step(which)))
        self._swap(which[swapped])
        anew = told & (fresh | (level > before))
        self._anchor(which[anew], level[anew])
        self.broken[which[told]] = charging[told]
        stepped = told & ~anew & (level < before)
        self._step_down(which[stepped], level[stepped], last[stepped])
        same = told & ~anew & (level == before)
        self._bound(which[same])
        self._remember(which, level, reports, ~old)

    def charge(self, which: Ints) -> tuple[Floats, Floats]:
        """(K,) expected charge now and (K, 8) its slopes by the state, when last reckoned."""
        used = self._used(self.mean[which], self.exposure_h[which])
        slope = np.empty((len(which), SIZE))
        slope[:, CHARGE] = 1.0
        slope[:, RATES] = -used
        slope[:, WANDER] = -used.sum(axis=1)
        return self.mean[which, CHARGE] - used.sum(axis=1), slope

    def known(self) -> Floats:
        """(N,) how much is known of each beside its prior: 0 nothing, near 1 all of some load."""
        var = np.diagonal(self.cov, axis1=1, axis2=2)[:, RATES]
        return np.asarray((1.0 - var / self._prior_var).max(axis=1))

    def known_of(self, device: int) -> float:
        """As `known`, of one."""
        var = np.diagonal(self.cov[device])[RATES]
        return float((1.0 - var / self._prior_var[device]).max())

    @property
    def counts(self) -> Counts:
        """Of all devices."""
        return Counts(*self.tally.sum(axis=0).tolist())

    def counts_of(self, device: int) -> Counts:
        return Counts(*self.tally[device].tolist())

    def state(self, device: int) -> DeviceState:
        """One device, to be kept."""
        at_s, level, temp = (
            None if np.isnan(values[device]) else float(values[device])
            for values in (self.at_s, self.level_pct, self.temp_c)
        )
        return DeviceState(
            mean=tuple(self.mean[device].tolist()),
            cov=tuple(map(tuple, self.cov[device].tolist())),
            exposure_h=tuple(self.exposure_h[device].tolist()),
            waited_h=float(self.waited_h[device]),
            at_s=at_s,
            level_pct=level,
            mask=int(self.mask[device]),
            charging=bool(self.charging[device]),
            broken=bool(self.broken[device]),
            temp_c=temp,
            weak=float(self.weak[device]),
            prior=self.priors[device],
            counts=self.counts_of(device),
            shown=tuple(np.flatnonzero(self.shown[device]).tolist()),
        )

    def restore(self, device: int, state: DeviceState) -> None:
        """Go on with a device as it was kept."""
        self.priors[device] = state.prior
        self._begin(device, state.prior)
        self.tally[device] = msgspec.structs.astuple(state.counts)
        self.shown[device, list(state.shown)] = True
        self.mean[device], self.cov[device] = state.mean, state.cov
        self.exposure_h[device], self.waited_h[device] = state.exposure_h, state.waited_h
        self.at_s[device] = np.nan if state.at_s is None else state.at_s
        self.level_pct[device] = np.nan if state.level_pct is None else state.level_pct
        self.temp_c[device] = np.nan if state.temp_c is None else state.temp_c
        self.mask[device], self.charging[device] = state.mask, state.charging
        self.weak[device], self.broken[device] = state.weak, state.broken

    def cell(self, which: Ints, level_pct: Floats) -> tuple[Floats, Floats]:
        """Charge between which a reported level lies: (K,) lower and upper edge."""
        step = self._step(which)
        upper = np.minimum(level_pct + step, 100.0)
        return charge_of(np.minimum(level_pct, 100.0 - step)), charge_of(upper)

    def _begin(self, device: int, prior: Prior) -> None:
        """As nobody has watched it yet."""
        self.step_pct[device] = prior.step_pct
        self._centre[device], self.mean[device, RATES] = prior.log_rate, prior.log_rate
        self.mean[device, WANDER] = 0.0
        self.cov[device] = 0.0
        self.cov[device, RATES, RATES] = prior.cov
        self._prior_var[device] = np.diagonal(self.cov[device])[RATES]
        self.cov[device, WANDER, WANDER] = WANDER_LOG_SD**2

    def _count(self, name: str, which: Ints) -> None:
        self.tally[which, Counts.__struct_fields__.index(name)] += 1

    def _step(self, which: Ints) -> Floats:
        return np.asarray(self.step_pct[which], dtype=np.float64)

    def _anchor(self, which: Ints, level_pct: Floats) -> None:
        """Take the level as it is, and learn nothing of the rates."""
        self._let_wander(which)
        low, high = self.cell(which, level_pct)
        self.mean[which, CHARGE] = (low + high) / 2
        self.cov[which, CHARGE, :] = 0.0
        self.cov[which, :, CHARGE] = 0.0
        self.cov[which, CHARGE, CHARGE] = (high - low) ** 2 / 12 + GAUGE_SD_PCT**2
        self._clear(which)

    def _swap(self, which: Ints) -> None:
        """Another pack: what all rates have in common is less certain."""
        self._count("swaps", which)
        self._forget(which, np.full(len(which), PACK_LOG_SD**2))

    def _step_down(self, which: Ints, level_pct: Floats, last_h: Floats) -> None:
        """An edge was crossed since the report before: the charge is just below it."""
        self._let_wander(which)
        low, high = self.cell(which, level_pct)
        since = self._used(self.mean[which], last_h).sum(axis=1)
        width = np.minimum(high - low, since)
        seen, noise = high - width / 2, width**2 / 12 + GAUGE_SD_PCT**2

        expected, slope = self.charge(which)
        spread = _quadratic(self.cov[which], slope) + noise
        odd = np.abs(seen - expected) > OUTLIER_SIGMAS * np.sqrt(spread)
        self._count("outliers", which[odd])
        self._anchor(which[odd], level_pct[odd])
        self._see(which[~odd], seen[~odd], noise[~odd])

    def _see(self, which: Ints, seen: Floats, noise: Floats) -> None:
        """Iterated update: the charge now is `seen`, with a variance."""
        begin, cov = self.mean[which].copy(), self.cov[which]
        for _ in range(ITERATIONS):
            expected, slope = self.charge(which)
            cross = np.einsum("nij,nj->ni", cov, slope)
            spread = np.einsum("ni,ni->n", slope, cross) + noise
            moved = np.einsum("ni,ni->n", slope, begin - self.mean[which])
            off = (seen - expected - moved) / spread
            self.mean[which] = begin + cross * off[:, None]
        self._settle(which, cov - cross[:, :, None] * cross[:, None, :] / spread[:, None, None])

    def _bound(self, which: Ints) -> None:
        """No step, though one was due: cut off what lies below the edge (truncated Gauss).

        There is no edge below 0 %: a gauge that stays there says nothing.
        """
        which = which[self.level_pct[which] > 0.0]
        low, _ = self.cell(which, self.level_pct[which])
        expected, _ = self.charge(which)
        which, low = which[expected < low], low[expected < low]
        self._let_wander(which)
        expected, slope = self.charge(which)
        cov = self.cov[which]
        cross = np.einsum("nij,nj->ni", cov, slope)
        spread = np.einsum("ni,ni->n", slope, cross) + GAUGE_SD_PCT**2
        below = np.minimum((low - expected) / np.sqrt(spread), OUTLIER_SIGMAS)
        hazard = np.exp(-0.5 * below**2 - log_ndtr(-below)) / np.sqrt(2.0 * np.pi)
        self.mean[which] += cross * (hazard / np.sqrt(spread))[:, None]
        shrink = hazard * (hazard - below) / spread
        self._settle(which, cov - cross[:, :, None] * cross[:, None, :] * shrink[:, None, None])

    def _settle(self, which: Ints, cov: Floats) -> None:
        """Reckon the charge of now, and begin the next wait."""
        centre = self._centre[which]
        self.mean[which, RATES] = np.clip(
            self.mean[which, RATES], centre - np.log(FACTOR_MAX), centre + np.log(FACTOR_MAX)
        )
        charge, slope = self.charge(which)
        moved = np.einsum("nij,nj->ni", cov, slope)
        self.mean[which, CHARGE] = charge
        cov[:, CHARGE, CHARGE] = np.einsum("ni,ni->n", slope, moved)
        cov[:, CHARGE, 1:] = moved[:, 1:]
        cov[:, 1:, CHARGE] = moved[:, 1:]
        self.cov[which] = cov
        self._clear(which)

    def _let_wander(self, which: Ints) -> None:
        """Time passes: the excess of use is forgotten, packs age."""
        waited_h = self.waited_h[which]
        kept = np.exp(-waited_h / WANDER_H)
        self.mean[which, WANDER] *= kept
        self.cov[which, WANDER, :] *= kept[:, None]
        self.cov[which, :, WANDER] *= kept[:, None]
        self.cov[which, WANDER, WANDER] += WANDER_LOG_SD**2 * (1.0 - kept**2)
        self._forget(which, DRIFT_VAR_PER_H * waited_h)
        self.waited_h[which] = 0.0

    def _forget(self, which: Ints, variance: Floats) -> None:
        """All rates grow less certain together, none more than it was at first."""
        known = self._prior_var[which] - np.diagonal(self.cov[which], axis1=1, axis2=2)[:, RATES]
        sd = np.sqrt(np.clip(known, 0.0, variance[:, None]))
        self.cov[which, RATES, RATES] += sd[:, :, None] * sd[:, None, :]

    def _clear(self, which: Ints) -> None:
        self.exposure_h[which] = 0.0
        self.waited_h[which] = 0.0

    def _used(self, mean: Floats, hours: Floats) -> Floats:
        """(K, 6) charge that each load took, %."""
        return np.asarray(np.exp(mean[:, RATES] + mean[:, WANDER, None]) * hours)

    def _remember(self, which: Ints, level: Floats, reports: Reports, kept: Bools) -> None:
        self.at_s[which] = reports.at_s[kept]
        told = ~np.isnan(level)
        self.level_pct[which[told]] = level[told]
        self.shown[which[told], np.rint(level[told]).astype(np.int64)] = True
        self.mask[which], self.charging[which] = reports.mask[kept], reports.charging[kept]
        self.temp_c[which], self.weak[which] = reports.temp_c[kept], reports.weak[kept]


def _quadratic(cov: Floats, slope: Floats) -> Floats:
    return np.asarray(np.einsum("ni,nij,nj->n", slope, cov, slope))
