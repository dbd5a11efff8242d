"""Roads closed or slowed: which arcs take how much longer, as routing takes it over at once.

Where several changes lie on one arc, closed wins over slow, and the slowest of the slow wins. A
change that covers a part of an edge slows that part alone, but closes the whole edge to whoever
would drive through. Whoever goes to a place on a closed road, or sets off from one, drives into it
from where he comes, slowly: where the road is blocked nobody has said. Weather
(`geo.live.conditionfield`) multiplies. Nothing ever makes a road quicker.
Knows no clock, no store, and not who changed what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from geo.live.conditionfield import Factors
from geo.live.extent import Coverage
from geo.routing.engine import CLOSED

FACTOR_MIN: Final = 1.05
"""A road slowed by less is not slowed."""
FACTOR_MAX: Final = 20.0
"""A road slower than this is as good as closed."""

INTO_FACTOR: Final = 4.0
"""On the travel time of whoever drives into a closed road: at walking pace past whatever lies
there. Starting value."""

Overrides: TypeAlias = dict[int, float]
"""Arc (2e forward, 2e + 1 backward) to a factor on its travel time above 1, or CLOSED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadChange:
    """One stretch of road closed or slowed."""

    coverage: Coverage
    factor: float | None
    """On the travel time, FACTOR_MIN … FACTOR_MAX; None: closed."""


class RoadTable:
    """What differs from the modelled travel times at one moment. Does not change."""

    def __init__(self, changes: Sequence[RoadChange], weather: Factors) -> None:
        """`weather`: (2M,) factors from 1 up, infinite where weather closes."""
        self._changes, self._weather = tuple(changes), weather
        self._fair = not (weather != 1.0).any()
        self.overrides: Overrides = self._overrides(frozenset())
        """For everybody; arcs that nothing changes are missing."""

    @property
    def changes(self) -> tuple[RoadChange, ...]:
        """Roads closed and slowed, without the weather."""
        return self._changes

    def closures_at(self, edge: int) -> frozenset[int]:
        """Which of the changes close this edge; numbers for `into`."""
        arcs = (2 * edge, 2 * edge + 1)
        if not any(self.overrides.get(arc) == CLOSED for arc in arcs):
            return frozenset()
        return frozenset(
            number
            for number, each in enumerate(self._changes)
            if each.factor is None and np.isin(arcs, each.coverage.arcs).any()
        )

    def changed_at(self, edge: int) -> bool:
        """Whether a change closes or slows this edge; weather is none."""
        arcs = (2 * edge, 2 * edge + 1)
        return any(np.isin(arcs, each.coverage.arcs).any() for each in self._changes)

    def into(self, closures: frozenset[int], *, weather: bool = True) -> Overrides:
        """For whoever drives into these closures, or out of them; all others stay closed.

        Without `weather`: as if the county's own held everywhere.
        """
        if closures or not (weather or self._fair):
            return self._overrides(closures, weather=weather)
        return self.overrides

    def _overrides(self, opened: frozenset[int], *, weather: bool = True) -> Overrides:
        longer_by_weather = self._weather if weather else np.ones_like(self._weather)
        slow = np.ones(len(self._weather), dtype=np.float32)
        shut = np.isinf(longer_by_weather)
        for number, each in enumerate(self._changes):
            arcs = each.coverage.arcs
            if each.factor is not None:
                longer = (1.0 + each.coverage.share * (each.factor - 1.0)).astype(np.float32)
                slow[arcs] = np.maximum(slow[arcs], longer)
            elif number in opened:
                slow[arcs] = np.maximum(slow[arcs], INTO_FACTOR)
            else:
                shut[arcs] = True
        factors = slow * np.where(shut, 1.0, longer_by_weather)
        arcs = np.flatnonzero((factors > 1.0) & ~shut)
        table = dict(zip(arcs.tolist(), factors[arcs].tolist(), strict=True))
        table.update(dict.fromkeys(np.flatnonzero(shut).tolist(), float(CLOSED)))
        return table
