"""What is laid over modelled travel times: factors learned from tracks, and live road state.

Two tables by arc: factors learned from drives, one column for each mode of driving, replaced as a
whole and seldom; and overrides (closed, slowed, worse weather on some roads), the same for every
metric, replaced as a whole and often. Metrics are caches: modelled times with this on top. Knows
no engine and no reason for anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.driving.vehicles import Mode
from geo.routing.engine import CLOSED, Weights

LEARNED_MIN: Final = 0.2
LEARNED_MAX: Final = 5.0
"""A road five times quicker or slower than modelled is a mistake of the learning."""

Arcs = NDArray[np.int64]


class Overlay:
    """Factors on the travel times of 2M arcs; infinity closes."""

    def __init__(self, arc_count: int) -> None:
        self._learned: dict[Mode, NDArray[np.float32]] = {}
        self._override = np.ones(arc_count, dtype=np.float64)
        self._overridden: set[int] = set()

    @property
    def arc_count(self) -> int:
        return len(self._override)

    def set_overrides(self, table: Mapping[int, float]) -> Arcs:
        """Replace the override table; gives the arcs whose factor is another one now, ascending.

        Arc → factor above 1, or CLOSED. Raises ValueError, changing nothing, for any other value.
        """
        arcs = np.fromiter(table.keys(), dtype=np.int64, count=len(table))
        factors = np.fromiter(table.values(), dtype=np.float64, count=len(table))
        factors[factors == CLOSED] = np.inf
        if arcs.size and (arcs.min() < 0 or arcs.max() >= self.arc_count):
            raise ValueError("an override for an arc outside the map")
        if not (factors > 1.0).all() or (factors[np.isfinite(factors)] > CLOSED).any():
            raise ValueError("an override is a factor above 1, or CLOSED")
        either = table.keys() | self._overridden
        touched = np.fromiter(either, dtype=np.int64, count=len(either))
        before = self._override[touched]
        self._override[touched] = 1.0
        self._override[arcs] = factors
        self._overridden = set(table)
        changed: Arcs = touched[self._override[touched] != before]
        changed.sort()
        return changed

    def set_learned(self, factors: Mapping[Mode, NDArray[np.float32]]) -> set[Mode]:
        """Replace the learned factors; modes that are not named run as modelled. Gives the modes
        whose factors are others now.

        Raises ValueError, changing nothing, outside LEARNED_MIN … LEARNED_MAX.
        """
        for column in factors.values():
            if column.shape != (self.arc_count,):
                raise ValueError(f"{self.arc_count} learned factors are needed, one per arc")
            if not ((column >= LEARNED_MIN) & (column <= LEARNED_MAX)).all():
                raise ValueError(f"learned factors are {LEARNED_MIN} to {LEARNED_MAX}")
        before = self._learned
        self._learned = {mode: column.astype(np.float32) for mode, column in factors.items()}
        named = before.keys() | self._learned.keys()
        same = before.keys() & self._learned.keys()
        return named - {mode for mode in same if (before[mode] == self._learned[mode]).all()}

    def over(
        self, modelled: Weights, mode: Mode | None, arcs: Arcs | slice = slice(None)
    ) -> Weights:
        """Milliseconds in force on some arcs (or all), of the (2M,) modelled ones.

        `mode`: whose learned factors count; None for those who do not drive.
        """
        base = modelled[arcs]
        factors = self._override[arcs]
        if mode is not None and (learned := self._learned.get(mode)) is not None:
            factors = learned[arcs] * factors
        closed = (base >= CLOSED) | (factors == np.inf)
        times = np.minimum(np.maximum(np.rint(base * factors), 1.0), CLOSED - 1)
        return np.where(closed, CLOSED, times).astype(np.uint32)
