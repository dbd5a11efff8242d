"""Batteries of five camera models whose true numbers are hidden, many at once.

Each model's rates lie off what is supposed of it, each device's off its model's, packs age, use
varies by the hour, cold takes capacity, gauges round down by 1 %, 5 % or to four bars, and packs
are swapped. How much things differ is what `devices.battery.model` supposes (starting values), so
this shows that the method works, not what real cameras do. `Pack` in `devices.sim.battery` is one
battery of the running simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.battery.model import (
    CAMERA_W,
    CAMERA_WH,
    OWN_LOG_SD,
    PACK_LOG_SD,
    RESERVE_PCT,
    SHARED_LOG_SD,
    TAIL_BELOW_PCT,
    TAIL_FACTOR,
    WANDER_H,
    WANDER_LOG_SD,
    exposure_h,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """A model of camera, as it truly is."""

    step_pct: float
    thirst: float
    """Its rates over those of the starting prior."""


MAKES: Final = (
    Make(step_pct=1.0, thirst=1.0),
    Make(step_pct=1.0, thirst=1.25),
    Make(step_pct=5.0, thirst=0.85),
    Make(step_pct=5.0, thirst=1.1),
    Make(step_pct=25.0, thirst=0.9),
)


class Cells:
    """N batteries. Charge is in % of the pack above the reserve, as energy would have it."""

    def __init__(
        self, make: NDArray[np.int64], rng: np.random.Generator, differ: float = 1.0
    ) -> None:
        """`differ`: how far devices and use vary, as a multiple of what is supposed."""
        n = len(make)
        self.rng = rng
        self._differ = differ
        self.step_pct = np.array([MAKES[one].step_pct for one in make])
        thirst = np.log([MAKES[one].thirst for one in make])
        base = np.log(100.0 * np.array(list(CAMERA_W.values())) / CAMERA_WH)
        shared = rng.normal(0.0, differ * SHARED_LOG_SD, n) + thirst
        self.log_rate = (
            base + shared[:, None] + rng.normal(0.0, differ * OWN_LOG_SD, (n, len(base)))
        )
        self._excess = rng.normal(0.0, differ * WANDER_LOG_SD, n)
        self.charge_pct = rng.uniform(60.0, _FULL, n)

    def step(
        self,
        seconds: float,
        mask: NDArray[np.int64],
        temp_c: Floats,
        weak: Floats,
        charging: Floats,
    ) -> None:
        """Let time pass. `charging`: (N,) %/h put in; while it is above 0 nothing is taken."""
        hours = seconds / 3600.0
        kept = np.exp(-hours / WANDER_H)
        sd = self._differ * WANDER_LOG_SD * np.sqrt(1.0 - kept**2)
        anew = self.rng.normal(0.0, sd, len(mask))
        self._excess = kept * self._excess + anew
        self.charge_pct += np.where(
            charging > 0.0, charging * hours, -self.rate(mask, temp_c, weak) * hours
        )
        self.charge_pct = np.minimum(self.charge_pct, _FULL)

    def rate(self, mask: NDArray[np.int64], temp_c: Floats, weak: Floats) -> Floats:
        """(N,) charge taken now, %/h."""
        hour = exposure_h(np.ones(len(mask)), mask, temp_c, weak)
        return np.asarray((np.exp(self.log_rate + self._excess[:, None]) * hour).sum(axis=1))

    def swap(self, which: NDArray[np.bool_]) -> None:
        """Full packs of another age."""
        count = int(which.sum())
        self.charge_pct[which] = self.rng.uniform(85.0, _FULL, count)
        self.log_rate[which] += self.rng.normal(0.0, PACK_LOG_SD, count)[:, None]

    @property
    def level_pct(self) -> Floats:
        """What the gauges show."""
        tail = TAIL_FACTOR * self.charge_pct + RESERVE_PCT
        true = np.where(tail < TAIL_BELOW_PCT, tail, self.charge_pct + _TAIL_LOST)
        return np.asarray(np.clip(np.floor(true / self.step_pct) * self.step_pct, 0.0, 100.0))

    @property
    def empty(self) -> NDArray[np.bool_]:
        return np.asarray(self.charge_pct <= 0.0)


_TAIL_LOST: Final = TAIL_BELOW_PCT - (TAIL_BELOW_PCT - RESERVE_PCT) / TAIL_FACTOR
_FULL: Final = 100.0 - _TAIL_LOST
