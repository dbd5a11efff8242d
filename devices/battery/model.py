"""What drains a battery, and what is supposed of a device nobody has watched yet.

Every number of the estimator stands here. Powers of a body camera with an 11.4 Wh pack are starting
values: standby with GPS 0.6 to 0.9 W, recording 1.2 W, with 0.5 Mbit/s of stream 2.7 W, with
2 Mbit/s 3.4 W, screen 0.3 to 0.5 W, infrared light 0.4 to 1.0 W. Knows nothing of one device.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from math import log
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Load(StrEnum):
    """What drains: one of the first four at a time, with screen and infrared light on top."""

    STANDBY = "standby"
    RECORD = "record"
    STREAM_LOW = "stream_low"
    STREAM_HIGH = "stream_high"
    SCREEN = "screen"
    INFRARED = "infrared"


LOADS: Final = tuple(Load)
CAMERA_WH: Final = 11.4
CAMERA_W: Final[Mapping[Load, float]] = {
    Load.STANDBY: 0.75,
    Load.RECORD: 1.2,
    Load.STREAM_LOW: 2.7,
    Load.STREAM_HIGH: 3.4,
    Load.SCREEN: 0.4,
    Load.INFRARED: 0.7,
}
HANDSET_WH: Final = 17.0
HANDSET_W: Final[Mapping[Load, float]] = {
    Load.STANDBY: 1.0,
    Load.RECORD: 1.4,
    Load.STREAM_LOW: 2.9,
    Load.STREAM_HIGH: 3.6,
    Load.SCREEN: 0.5,
    Load.INFRARED: 0.7,
}
"""A telephone in the field, with GPS and a look at the screen at times. Starting values of ours."""
RADIO_SHARE: Final = np.array([0.4, 0.25, 0.67, 0.735, 0.0, 0.0])
"""(6,) part of each load that is the radio's: 0.3 W, and all that streaming adds to recording."""
WEAK_SIGNAL_FACTOR: Final = 1.5
"""On the radio's part. Starting value inside 1.3 to 1.8."""
SELDOM_SAVED: Final = np.array([0.5, 0.5, 0.0, 0.0, 0.0, 0.0])
"""(6,) of the radio's part, where fixes are at least `SELDOM_FIX_S` apart: between them the modem
sleeps, unless it streams. Starting values."""
SELDOM_FIX_S: Final = 30
"""Reports more often than about 10 s keep a modem awake; from 20 to 30 s on it may sleep."""

COLD_C: Final = (-20.0, -10.0, 0.0, 25.0)
COLD_CAPACITY: Final = (0.50, 0.70, 0.85, 1.0)
"""Usable share of the capacity at these temperatures; straight lines between. Starting values."""
TEMPERATURE_UNKNOWN_C: Final = 20.0

RESERVE_PCT: Final = 5.0
"""A level at which a camera shuts down to save its last file: empty, for us."""
TAIL_BELOW_PCT: Final = 10.0
TAIL_FACTOR: Final = 1.15
"""Below it the level falls so much faster for the same energy. Starting values."""

SHARED_LOG_SD: Final = 0.36
"""Between devices of one model, common to all loads: age of the pack, habits. Starting value; with
the next one it gives the spread 0.4 of a job's energy for a device nobody has watched."""
OWN_LOG_SD: Final = 0.20
"""Of each load by itself. Starting value."""
PACK_LOG_SD: Final = 0.12
"""Between two packs of one device: what a swap makes uncertain again. Starting value."""
WANDER_LOG_SD: Final = 0.15
WANDER_H: Final = 1.0
"""Use varies about a device's mean rate (Ornstein-Uhlenbeck): spread, and hours to forget most of
it. Starting values."""
WANDER_AHEAD_KEPT: Final = 0.43
WANDER_AHEAD_LOG_SD: Final = 0.6 * WANDER_LOG_SD
"""Mean over the hours ahead: share left of the present excess, (1 - e^-x)/x at x = 2, and what
comes anew, 2/x - (3 - 4 e^-x + e^-2x)/x² of the variance, which is 0.34 to 0.38 for x of 1 to 3."""
DRIFT_VAR_PER_H: Final = 1e-6
"""Ageing: the log of all rates walks 0.005 a day."""
FACTOR_MAX: Final = 3.0
"""A learned rate stays within this factor of the prior, whatever is reported."""

GAUGE_SD_PCT: Final = 0.15
"""A gauge's own error at a step. Starting value."""
GAP_MAX_S: Final = 30 * 60.0
"""After a longer silence nothing is learned: what the device did meanwhile is unknown."""
SWAP_RISE_PCT: Final = 10.0
"""A rise of at least this much without a charger, or a step if that is more, is another pack."""
OVERSHOOT_MAX_PCT: Final = 105.0
"""A full gauge may say 101; more than this is nonsense, and so is less than nothing."""
OUTLIER_SIGMAS: Final = 5.0
"""A step this far from what was expected moves the level alone, no rate."""


class Prior(msgspec.Struct, frozen=True, kw_only=True):
    """What is supposed of any device of one model. Rates in %/h of charge at 25 °C."""

    step_pct: float
    """Levels are reported as multiples of it, rounded down: 1, 5, or 25 for four bars."""
    log_rate: tuple[float, ...]
    """(6,) mean of the log of %/h, in the order of LOADS."""
    cov: tuple[tuple[float, ...], ...]
    """(6, 6) of it, between devices."""


def starting_prior(
    *,
    step_pct: float = 1.0,
    capacity_wh: float = CAMERA_WH,
    power_w: Mapping[Load, float] = CAMERA_W,
) -> Prior:
    """The prior of a model whose devices nobody has watched."""
    cov = np.full((len(LOADS), len(LOADS)), SHARED_LOG_SD**2) + np.eye(len(LOADS)) * OWN_LOG_SD**2
    return Prior(
        step_pct=step_pct,
        log_rate=tuple(log(100.0 * power_w[load] / capacity_wh) for load in LOADS),
        cov=tuple(map(tuple, cov.tolist())),
    )


def mask_of(loads: Iterable[Load]) -> int:
    """Loads as bits, in the order of LOADS."""
    return sum(1 << LOADS.index(load) for load in frozenset(loads))


@cache
def loads_in(mask: int) -> frozenset[Load]:
    """`mask_of` undone."""
    return frozenset(load for bit, load in enumerate(LOADS) if mask >> bit & 1)


def exposure_h(
    hours: Floats,
    mask: NDArray[np.int64],
    temp_c: Floats,
    weak: Floats,
    seldom: Floats | float = 0.0,
) -> Floats:
    """(N, 6) hours under each load as if at 25 °C with good signal: cold and weak count for more.

    `weak`: 0 … 1, share of the time without good signal; a `temp_c` of NaN is unknown. `seldom`: 1
    where fixes are far apart, 0 where they are not or nobody knows.
    """
    warm = np.where(np.isnan(temp_c), TEMPERATURE_UNKNOWN_C, temp_c)
    cold = np.interp(warm, COLD_C, COLD_CAPACITY)
    on = (mask[:, None] >> np.arange(len(LOADS))) & 1
    radio = 1.0 + RADIO_SHARE * (WEAK_SIGNAL_FACTOR - 1.0) * weak[:, None]
    radio -= RADIO_SHARE * SELDOM_SAVED * np.reshape(seldom, (-1, 1))
    return np.asarray((hours / cold)[:, None] * on * radio, dtype=np.float64)


def level_of(charge_pct: Floats) -> Floats:
    """The level, not rounded, where so much charge is left: `charge_of` undone."""
    tail = RESERVE_PCT + charge_pct * TAIL_FACTOR
    lost = TAIL_BELOW_PCT - (TAIL_BELOW_PCT - RESERVE_PCT) / TAIL_FACTOR
    return np.asarray(np.where(tail < TAIL_BELOW_PCT, tail, charge_pct + lost), dtype=np.float64)


def charge_of(level_pct: Floats) -> Floats:
    """Charge above the reserve, in % of the pack, where a gauge shows this level.

    It falls evenly with energy, which the level does not do in its tail.
    """
    above = np.maximum(level_pct - TAIL_BELOW_PCT, 0.0)
    below = np.minimum(level_pct, TAIL_BELOW_PCT) - RESERVE_PCT
    return np.asarray(above + below / TAIL_FACTOR, dtype=np.float64)
