"""Roads closed or slowed: which arcs take how much longer, as routing takes it over at once.

Where several changes lie on one arc, closed wins over slow, and the slowest of the slow wins. A
change that covers a part of an edge slows that part alone, but closes the whole edge to whoever
would drive through. Weather (`geo.conditionfield`) multiplies. Nothing ever makes a road quicker.
Knows no clock, no store, and not who changed what.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from geo.conditionfield import Factors
from geo.extent import Coverage
from geo.routing.engine import CLOSED

FACTOR_MIN: Final = 1.05
"""A road slowed by less is not slowed."""
FACTOR_MAX: Final = 20.0
"""A road slower than this is as good as closed."""

Overrides: TypeAlias = dict[int, float]
"""Arc (2e forward, 2e + 1 backward) to a factor on its travel time above 1, or CLOSED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadChange:
    """One stretch of road closed or slowed."""

    coverage: Coverage
    factor: float | None
    """On the travel time, FACTOR_MIN … FACTOR_MAX; None: closed."""


def overrides(changes: Iterable[RoadChange], weather: Factors) -> Overrides:
    """What differs from the modelled travel times, by arc; arcs that nothing changes are missing.

    `weather`: (2M,) factors from 1 up, infinite where weather closes.
    """
    slow = np.ones(len(weather), dtype=np.float32)
    shut = np.isinf(weather)
    for each in changes:
        arcs = each.coverage.arcs
        if each.factor is None:
            shut[arcs] = True
        else:
            longer = (1.0 + each.coverage.share * (each.factor - 1.0)).astype(np.float32)
            slow[arcs] = np.maximum(slow[arcs], longer)
    factors = slow * np.where(shut, 1.0, weather)
    arcs = np.flatnonzero((factors > 1.0) & ~shut)
    table = dict(zip(arcs.tolist(), factors[arcs].tolist(), strict=True))
    table.update(dict.fromkeys(np.flatnonzero(shut).tolist(), float(CLOSED)))
    return table
