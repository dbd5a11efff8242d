"""What devices say of their batteries, and what is kept of them. Knows what no level can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from devices.battery.model import OVERSHOOT_MAX_PCT, Floats, Prior

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """What K devices say, one each."""

    at_s: Floats
    """Seconds of any one epoch; what is not newer than the last report is left out."""
    level_pct: Floats
    """As reported, NaN where it is missing."""
    mask: Ints
    """Loads from now on (`mask_of`)."""
    charging: Bools
    temp_c: Floats
    """NaN: unknown."""
    weak: Floats
    """1.0 where the signal is weak, else 0.0."""


class Counts(msgspec.Struct, frozen=True):
    """What was seen and not learned from."""

    nonsense: int = 0
    """Levels nobody can have: 153 %, less than nothing, 0 % on external power."""
    stale: int = 0
    swaps: int = 0
    outliers: int = 0


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """One device as it is kept over a restart."""

    mean: tuple[float, ...]
    """(8,) charge in %, log rates of %/h, log excess."""
    cov: tuple[tuple[float, ...], ...]
    exposure_h: tuple[float, ...]
    """(6,) since the charge was last reckoned."""
    waited_h: float
    at_s: float | None
    level_pct: float | None
    mask: int
    charging: bool
    broken: bool
    """Something came between since the last level: a charger, a silence."""
    temp_c: float | None
    weak: float
    prior: Prior
    """What it began with."""
    counts: Counts = Counts()
    shown: tuple[Annotated[int, Meta(ge=0, le=100)], ...] = ()
    """Whole levels that its gauge has shown."""


def sensible(reports: Reports) -> tuple[Floats, Bools]:
    """Levels inside 0 … 100, NaN for what nobody can have; and which were such."""
    level = reports.level_pct
    impossible = (level < 0.0) | (level > OVERSHOOT_MAX_PCT) | np.isinf(level)
    impossible |= (level == 0.0) & reports.charging
    clamped = np.where(impossible, np.nan, np.minimum(level, 100.0))
    return clamped, impossible | (level > 100.0)
