"""Which condition holds on which edge: what is set for areas over what is set for the county.

Where several hold on one edge, the worst of each kind holds: the worst weather, the shortest
sight, the lowest ice, and night if any says so. So what is set for an area adds to what is set for
the county, and setting something never makes a road quicker.

An edge belongs to an area when at least half of it lies inside, or INSIDE_M of it.
Knows no clock, no store, and not how much slower a condition makes a road.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geo.driving.conditions import Condition, Weather
from geo.live.extent import ExtentIndex, Ints, Zone
from geo.routing.engine import CLOSED, Weights

INSIDE_M: Final = 300.0
INSIDE_SHARE: Final = 0.5
DIFFERENT_MAX: Final = 32
"""Conditions that differ, on one map at one time; each costs the county's travel times once."""

Factors: TypeAlias = NDArray[np.float32]
TimesOf: TypeAlias = Callable[[Condition], Weights]
"""(2M,) modelled milliseconds under a condition, CLOSED where forbidden."""


class TooManyConditions(ValueError):
    """Overlapping areas make more than DIFFERENT_MAX different conditions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCondition:
    """One condition that holds now."""

    condition: Condition
    edges: Ints | None
    """The edges of an area (`members`); None: the whole county."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionField:
    """What holds where."""

    conditions: tuple[Condition, ...]
    """All different; the first is the county's outside of every area."""
    index: NDArray[np.uint8]
    """(M,) which of them holds on each edge."""

    @property
    def county(self) -> Condition:
        return self.conditions[0]

    def of(self, edge: int) -> Condition:
        return self.conditions[int(self.index[edge])]


def members(extents: ExtentIndex, zone: Zone) -> Ints:
    """The edges that belong to an area; none where it has no road. Raises `ExtentError`."""
    edges, share = extents.inside(zone)
    inside_m = share * extents.roadmap.edge_length_m[edges]
    return edges[(share >= INSIDE_SHARE) | (inside_m >= INSIDE_M)]


def field(holding: Iterable[SetCondition], edge_count: int) -> ConditionField:
    """What holds where when all these hold. Raises `TooManyConditions`."""
    held = list(holding)
    county = Condition()
    for each in held:
        if each.edges is None:
            county = worst(county, each.condition)
    conditions = [county]
    index = np.zeros(edge_count, dtype=np.uint8)
    for each in held:
        if each.edges is not None:
            _lay(conditions, index, each.edges, each.condition)
    used = np.unique(np.append(index, 0))
    renumbered = np.zeros(len(conditions), dtype=np.uint8)
    renumbered[used] = np.arange(len(used))
    return ConditionField(
        conditions=tuple(conditions[number] for number in used), index=renumbered[index]
    )


def factors(where: ConditionField, times_of: TimesOf, base: Condition) -> Factors:
    """(2M,) how much longer each arc takes than under `base`: 1 and up, infinite where closed.

    Under `base` means as the travel times are modelled that these factors are laid over.
    """
    base_ms = times_of(base)
    found = np.ones(len(base_ms), dtype=np.float32)
    arc_index = np.repeat(where.index, 2)
    for number, condition in enumerate(where.conditions):
        if condition == base:
            continue
        arcs = np.flatnonzero((arc_index == number) & (base_ms < CLOSED))
        times_ms = times_of(condition)[arcs]
        longer = np.maximum(times_ms / base_ms[arcs], 1.0)
        found[arcs] = np.where(times_ms < CLOSED, longer, np.inf)
    return found


def worst(a: Condition, b: Condition) -> Condition:
    """The worst of each kind."""
    order = list(Weather)
    return Condition(
        weather=max(a.weather, b.weather, key=order.index),
        ice_above_m=_least(a.ice_above_m, b.ice_above_m),
        fog_visibility_m=_least(a.fog_visibility_m, b.fog_visibility_m),
        night=a.night or b.night,
    )


def _lay(
    conditions: list[Condition], index: NDArray[np.uint8], edges: Ints, condition: Condition
) -> None:
    """Put one more condition over some edges, whatever holds there already."""
    under = index[edges]
    for number in np.unique(under).tolist():
        both = worst(conditions[number], condition)
        if both not in conditions:
            if len(conditions) >= DIFFERENT_MAX:
                raise TooManyConditions
            conditions.append(both)
        index[edges[under == number]] = conditions.index(both)


def _least(a: float | None, b: float | None) -> float | None:
    return min((value for value in (a, b) if value is not None), default=None)
