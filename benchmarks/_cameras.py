"""Simulated cameras in changing use, and the estimator that hears them once a minute."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.battery.estimator import Estimator
from devices.battery.model import Floats, Prior
from devices.battery.reports import Reports
from devices.sim.cells import MAKES, Cells

STEP_S: Final = 60.0
HOURS_MAX: Final = 200
CHANGE_P, SWAP_P, CHARGE_P, UNPLUG_P, NONSENSE_P = 0.05, 0.0005, 0.001, 0.1, 0.005
"""A minute: another load, another pack, onto the charger, off it, a reading of 153 %."""

Ints = NDArray[np.int64]


class Field:
    """Some cameras in use, and the estimator that hears them."""

    def __init__(
        self, make: Ints, priors: Sequence[Prior], rng: np.random.Generator, differ: float
    ) -> None:
        n = len(make)
        self.make, self.rng = make, rng
        self.cells = Cells([MAKES[one] for one in make.tolist()], rng, differ)
        self.estimator = Estimator([priors[one] for one in make])
        self.mask = self._loads(n)
        self.temp_c = rng.uniform(-15.0, 30.0, n)
        self.weak = (rng.random(n) < 0.2).astype(np.float64)
        self.charging = np.zeros(n, dtype=np.bool_)
        self.at_s, self.spent_s = 0.0, 0.0
        self.levels: list[Floats] = []

    def watch(self, minutes: int) -> None:
        for _ in range(minutes):
            self._change()
            self._report()
            self._pass()
        self.charging[:] = False
        self._report()

    def time_to_empty_s(self) -> Floats:
        """(N,) until the reserve, if nothing changes any more. NaN: empty already."""
        took_s = np.where(self.cells.empty, np.nan, np.inf)
        for step in range(1, int(HOURS_MAX * 3600 / STEP_S)):
            self._pass()
            took_s[self.cells.empty & np.isinf(took_s)] = (step - 0.5) * STEP_S
            if not np.isinf(took_s).any():
                break
        return took_s

    def _pass(self) -> None:
        self.at_s += STEP_S
        self.cells.step(STEP_S, self.mask, self.temp_c, self.weak, self.charging)

    def _report(self) -> None:
        """Whoever is not empty: a camera at the reserve has shut down."""
        level = self.cells.level_pct
        self.levels.append(level)
        odd = self.rng.random(len(level)) < NONSENSE_P
        lit = np.flatnonzero(~self.cells.empty)
        said = Reports(
            at_s=np.full(len(lit), self.at_s),
            level_pct=np.where(odd, 153.0, level)[lit],
            mask=self.mask[lit],
            charging=self.charging[lit],
            temp_c=self.temp_c[lit],
            weak=self.weak[lit],
        )
        begin = time.perf_counter()
        self.estimator.update(lit, said)
        self.spent_s += time.perf_counter() - begin

    def _change(self) -> None:
        """What the officer does; the next report tells of it."""
        n = len(self.mask)
        chance = self.rng.random((4, n))
        self.cells.swap(chance[1] < SWAP_P)
        self.charging = np.where(self.charging, chance[3] >= UNPLUG_P, chance[2] < CHARGE_P)
        other = chance[0] < CHANGE_P
        self.mask = np.where(other, self._loads(n), self.mask)
        self.temp_c += self.rng.normal(0.0, 0.2, n)

    def _loads(self, n: int) -> Ints:
        base = 1 << self.rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
        screen = np.where(self.rng.random(n) < 0.2, 1 << 4, 0)
        light = np.where(self.rng.random(n) < 0.1, 1 << 5, 0)
        return np.asarray(base | screen | light, dtype=np.int64)
