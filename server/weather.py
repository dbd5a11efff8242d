"""The conditions in force, as factors on travel times, and the travel times that takes.

Computing the travel times of a whole map takes a second for a county; that is `compute`, to be run
on a thread. What is in force stays so until everything a newer field needs is there.
Knows no store and no router.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from geo.conditionfield import DIFFERENT_MAX, ConditionField, Factors, TimesOf, factors, field
from geo.conditions import Condition
from geo.routing.engine import Weights

BASE: Final = Condition()
"""What travel times are modelled under, that conditions are laid over."""
KEPT_MAX: Final = DIFFERENT_MAX + 8
"""Conditions whose travel times are kept: all that can hold at once, and some that held lately."""


class Weather:
    """What holds where. `where` and `longer` change together, in `lay`."""

    def __init__(self, times_of: TimesOf, edge_count: int) -> None:
        self.where: ConditionField = field([], edge_count)
        self.longer: Factors = np.ones(2 * edge_count, dtype=np.float32)
        self._times_of = times_of
        self._times: dict[Condition, Weights] = {}

    @property
    def words(self) -> tuple[str, ...]:
        """The conditions in force, the county's first."""
        return tuple(str(each) for each in self.where.conditions)

    def missing(self, wanted: ConditionField) -> list[Condition]:
        """Whose travel times `lay` would need and are not there."""
        if wanted.conditions == (BASE,):
            return []
        return [each for each in (BASE, *wanted.conditions) if each not in self._times]

    def compute(self, condition: Condition) -> None:
        """Find out the travel times under one condition; takes long."""
        self._times[condition] = self._times_of(condition)

    def is_laid(self, wanted: ConditionField) -> bool:
        """Whether this is in force already."""
        return self.where.conditions == wanted.conditions and np.array_equal(
            self.where.index, wanted.index
        )

    def lay(self, wanted: ConditionField) -> None:
        """Put a field in force of which nothing is `missing`."""
        self.longer = (
            np.ones_like(self.longer)
            if wanted.conditions == (BASE,)
            else factors(wanted, self._times.__getitem__, BASE)
        )
        self.where = wanted
        idle = [each for each in self._times if each not in (BASE, *wanted.conditions)]
        for each in idle[: max(len(self._times) - KEPT_MAX, 0)]:
            del self._times[each]
