"""A battery that drains by what its device does. The true numbers are hidden in it.

Powers and capacity are priors of a body camera with an 11.4 Wh pack (starting values): standby
with GPS 0.6 to 0.9 W, recording 1.2 W, recording with uplink 2.7 W; weak signal multiplies the
radio's part by 1.3 to 1.8. Each pack differs from them, as real ones do; what dispatching knows of
it is only the whole percent that the device reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from random import Random
from typing import Final, Literal

Kind = Literal["body_camera", "handset", "vehicle"]
Mode = Literal["standby", "record", "stream"]

CAPACITY_WH: Final[dict[Kind, float]] = {"body_camera": 11.4, "handset": 17.0}
POWER_W: Final[dict[Kind, dict[Mode, float]]] = {
    "body_camera": {"standby": 0.75, "record": 1.2, "stream": 2.7},
    "handset": {"standby": 1.0, "record": 1.0, "stream": 1.0},
}
RADIO_W: Final = 0.3
"""Share of every mode that weak signal multiplies. Starting value."""
WEAK_SIGNAL_FACTOR: Final = 1.8
SPREAD_CAPACITY: Final = 0.10
"""Standard deviation of the log of capacity between packs of one model. Starting value."""
SPREAD_POWER: Final = 0.15
CHARGE_W: Final = 8.0
"""A cradle at the station, or the car's socket."""


@dataclass(slots=True, kw_only=True)
class Pack:
    """One device's battery."""

    capacity_wh: float
    power_w: dict[Mode, float]
    left_wh: float

    @classmethod
    def of(cls, kind: Kind, rng: Random) -> Pack | None:
        """A pack drawn around the kind's prior, mostly charged; None on the vehicle's battery."""
        if kind not in CAPACITY_WH:
            return None
        capacity_wh = CAPACITY_WH[kind] * exp(rng.gauss(0.0, SPREAD_CAPACITY))
        thirst = exp(rng.gauss(0.0, SPREAD_POWER))
        return cls(
            capacity_wh=capacity_wh,
            power_w={mode: watts * thirst for mode, watts in POWER_W[kind].items()},
            left_wh=capacity_wh * min(1.0, rng.betavariate(6.0, 1.5)),
        )

    @property
    def level_pct(self) -> int:
        """What the device reports: whole percent, 0 to 100."""
        return min(100, max(0, int(100.0 * self.left_wh / self.capacity_wh)))

    @property
    def empty(self) -> bool:
        return self.left_wh <= 0.0

    def step(
        self, seconds: float, mode: Mode, *, charging: bool = False, weak_signal: bool = False
    ) -> None:
        """Let time pass. Never rises unless charging."""
        watts = self.power_w[mode] + (RADIO_W * (WEAK_SIGNAL_FACTOR - 1.0) if weak_signal else 0.0)
        if charging:
            watts -= CHARGE_W
        left_wh = self.left_wh - watts * seconds / 3600.0
        self.left_wh = min(max(left_wh, 0.0), self.capacity_wh)
