"""Batteries whose true numbers are hidden, many at once: of cameras and handsets.

Each model's rates lie off what is supposed of it, each device's off its model's, packs age with
every charge, use varies by the hour, cold takes capacity, gauges round down by 1 %, 5 % or to four
bars, and packs are swapped. How much things differ is what `devices.battery.model` supposes
(starting values), so this shows that the method works, not what real cameras do. Knows no unit and
no clock: time is advanced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.battery.model import (
    CAMERA_W,
    CAMERA_WH,
    LOADS,
    OWN_LOG_SD,
    PACK_LOG_SD,
    RESERVE_PCT,
    SHARED_LOG_SD,
    TAIL_BELOW_PCT,
    TAIL_FACTOR,
    WANDER_H,
    WANDER_LOG_SD,
    Load,
    exposure_h,
    level_of,
)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

CHARGE_W: Final = 8.0
"""A cradle at the station, or the car's socket. Starting value."""
CYCLES_MAX: Final = 600.0
"""Charges behind the oldest packs in use; new ones and old ones are equally many."""
FADE_PER_CYCLE: Final = PACK_LOG_SD * sqrt(6.0) / CYCLES_MAX
"""Log of the capacity lost with every full charge: by it alone two packs of one device differ as
`PACK_LOG_SD` supposes, and 300 charges take 14 %. Starting value."""
FIRST_PCT: Final = (60.0, 100.0)
SWAPPED_PCT: Final = (85.0, 100.0)
"""Between what levels a pack is when first seen, and when it comes from the charger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """A model of device, as it truly is."""

    step_pct: float
    thirst: float
    """Its rates over those of the starting prior."""
    capacity_wh: float = CAMERA_WH
    power_w: Mapping[Load, float] = field(default_factory=lambda: CAMERA_W)


MAKES: Final = (
    Make(step_pct=1.0, thirst=1.0),
    Make(step_pct=1.0, thirst=1.25),
    Make(step_pct=5.0, thirst=0.85),
    Make(step_pct=5.0, thirst=1.1),
    Make(step_pct=25.0, thirst=0.9),
)
"""Body cameras."""


class Cells:
    """N batteries. Charge is in % of the pack above the reserve, as energy would have it."""

    def __init__(
        self, makes: Sequence[Make], rng: np.random.Generator, differ: float = 1.0
    ) -> None:
        """`differ`: how far devices and use vary, as a multiple of what is supposed."""
        n = len(makes)
        self.rng = rng
        self._differ = differ
        self.step_pct = np.array([make.step_pct for make in makes])
        capacity_wh = np.array([make.capacity_wh for make in makes])
        power_w = np.array([[make.power_w[load] for load in LOADS] for make in makes])
        thirst = np.array([make.thirst for make in makes])
        base = np.log((100.0 * thirst / capacity_wh)[:, None] * power_w.reshape(n, len(LOADS)))
        habits = rng.normal(0.0, differ * _HABITS_LOG_SD, n)
        self._own = base + habits[:, None] + rng.normal(0.0, differ * OWN_LOG_SD, base.shape)
        self._charger_pct_per_h = 100.0 * CHARGE_W / capacity_wh
        self._excess = rng.normal(0.0, differ * WANDER_LOG_SD, n)
        self.cycles = rng.uniform(0.0, CYCLES_MAX, n)
        self.charge_pct = rng.uniform(*FIRST_PCT, n) - _TAIL_LOST

    @property
    def log_rate(self) -> Floats:
        """(N, 6) true log of %/h at 25 °C with good signal, as use is on average."""
        age = self._differ * FADE_PER_CYCLE * (self.cycles - CYCLES_MAX / 2.0)
        return np.asarray(self._own + age[:, None])

    def step(
        self, seconds: float, mask: Ints, temp_c: Floats, weak: Floats, charging: Bools
    ) -> None:
        """Let time pass: `wander`, then `use`."""
        self.wander(seconds)
        self.use(seconds, mask, temp_c, weak, charging)

    def wander(self, seconds: float) -> None:
        """Use becomes another, as in so much time. The only chance there is in passing time."""
        kept = np.exp(-seconds / 3600.0 / WANDER_H)
        sd = self._differ * WANDER_LOG_SD * np.sqrt(1.0 - kept**2)
        self._excess = kept * self._excess + self.rng.normal(0.0, sd, len(self._excess))

    def use(
        self,
        seconds: float,
        mask: Ints,
        temp_c: Floats,
        weak: Floats,
        charging: Bools,
        seldom: Floats | float = 0.0,
    ) -> None:
        """Let time pass as things are. What is on a charger gains and spends nothing."""
        hours = seconds / 3600.0
        gained = self._charger_pct_per_h * hours
        spent = self.rate(mask, temp_c, weak, seldom) * hours
        before = self.charge_pct
        self.charge_pct = np.minimum(before + np.where(charging, gained, -spent), FULL_PCT)
        self.charge_pct = np.maximum(self.charge_pct, _DEEPEST_PCT)
        self.cycles += np.maximum(self.charge_pct - before, 0.0) / 100.0

    def rate(
        self, mask: Ints, temp_c: Floats, weak: Floats, seldom: Floats | float = 0.0
    ) -> Floats:
        """(N,) charge taken now, %/h. `seldom`: 1 where fixes are far apart."""
        hour = exposure_h(np.ones(len(mask)), mask, temp_c, weak, seldom)
        return np.asarray((np.exp(self.log_rate + self._excess[:, None]) * hour).sum(axis=1))

    def swap(self, which: Bools, rng: np.random.Generator | None = None) -> None:
        """Charged packs of another age; `rng`: by whose chance, if not by that of all."""
        chance, count = rng or self.rng, int(which.sum())
        self.charge_pct[which] = chance.uniform(*SWAPPED_PCT, count) - _TAIL_LOST
        self.cycles[which] = chance.uniform(0.0, CYCLES_MAX, count)

    @property
    def level_pct(self) -> Floats:
        """What the gauges show."""
        shown = np.floor(level_of(self.charge_pct) / self.step_pct) * self.step_pct
        return np.asarray(np.clip(shown, 0.0, 100.0))

    @property
    def empty(self) -> Bools:
        """At the reserve, where a device shuts down to save its last file."""
        return np.asarray(self.charge_pct <= 0.0)


_HABITS_LOG_SD: Final = sqrt(SHARED_LOG_SD**2 - PACK_LOG_SD**2 / 2.0)
"""What devices of one model differ by beside the age of their packs."""
_TAIL_LOST: Final = TAIL_BELOW_PCT - (TAIL_BELOW_PCT - RESERVE_PCT) / TAIL_FACTOR
FULL_PCT: Final = 100.0 - _TAIL_LOST
_DEEPEST_PCT: Final = -RESERVE_PCT / TAIL_FACTOR
"""A pack without any energy."""
