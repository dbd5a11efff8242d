"""The conditions in force: the county's as a profile of its own, those of areas as factors on it.

Modelling the times of a whole map takes a second or more for a county; that is `compute`, to be
run on a thread. What is in force stays so until everything that a newer field needs is there.
Knows no store and no router.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from geo.driving.conditions import Condition
from geo.driving.speed import Profile, travel_times_ms
from geo.live.conditionfield import DIFFERENT_MAX, ConditionField, Factors, factors, field
from geo.roadmap import RoadMap
from geo.routing.engine import Weights

KEPT_MAX: Final = DIFFERENT_MAX + 8
"""Conditions whose travel times are kept: all that can hold at once, and some that held lately."""

TimesOf: TypeAlias = Callable[[Condition], Weights]
"""(2M,) milliseconds of a patrol car in routine; how much slower an area is holds for all."""


def times_under(roadmap: RoadMap, condition: Condition) -> Weights:
    """Of a patrol car in routine; how much slower an area is than the county holds for all."""
    return travel_times_ms(roadmap, Profile(condition=condition))


class Weather:
    """What holds where. `where` and `longer` change together, in `lay`."""

    def __init__(self, times_of: TimesOf, edge_count: int) -> None:
        self.where: ConditionField = field([], edge_count)
        self.longer: Factors = np.ones(2 * edge_count, dtype=np.float32)
        """On the travel times under the county's condition."""
        self._times_of = times_of
        self._times: dict[Condition, Weights] = {}

    @property
    def words(self) -> tuple[str, ...]:
        """The conditions in force, the county's first."""
        return tuple(str(each) for each in self.where.conditions)

    def missing(self, wanted: ConditionField) -> list[Condition]:
        """What has to be computed before `lay`: nothing where one condition holds everywhere."""
        several = wanted.conditions if len(wanted.conditions) > 1 else ()
        return [each for each in several if each not in self._times]

    def compute(self, condition: Condition) -> None:
        """Find out the travel times under one condition of a field; takes long."""
        self._times[condition] = self._times_of(condition)

    def is_laid(self, wanted: ConditionField) -> bool:
        """Whether this is in force already."""
        return self.where.conditions == wanted.conditions and np.array_equal(
            self.where.index, wanted.index
        )

    def lay(self, wanted: ConditionField) -> None:
        """Put a field in force of which nothing is `missing`."""
        if len(wanted.conditions) > 1:
            self.longer = factors(wanted, self._times.__getitem__, wanted.county)
        else:
            self.longer = np.ones_like(self.longer)
        self.where = wanted
        idle = [each for each in self._times if each not in wanted.conditions]
        for each in idle[: max(len(self._times) - KEPT_MAX, 0)]:
            del self._times[each]
