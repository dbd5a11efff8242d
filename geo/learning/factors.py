"""Learning travel times from our own drives: careful with one, sure with many.

Every drive gives y = ln(t_observed / t_model) for the arcs it used (`geo.learning.observing`).
Roads borrow from their like, level by level:

    county -> class and surface -> numbered road in one direction -> arc

Each level moves the estimate towards the mean of what was seen there, by a weight that grows with
the number of drives:

    u = n tau^2 / (n tau^2 + sigma^2) * (mean of y - estimate of the level above)

tau .15 and sigma .30 make the weight .20, .50, .83 after 1, 4 and 20 drives. A drive of age a
counts exp(-a / 180 d), so roads may change. One drive cannot say more than `Y_MAX`, and no factor
leaves FACTOR_MIN … FACTOR_MAX.

What is left over is not known: of an arc alone tau^2 less what its own drives tell (`log_sd`),
and of what it has in common with its like (`unknown`), level by level above the arc,

    v = (v of the level above + tau^2) less what n drives tell of it

as a share of the sum of the tau^2.

`Evidence` holds sums only, so a drive can be taken out again and the order does not matter. Routine
and urgent drives are kept in evidence of their own. Knows no database and no clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from geo.eta import TripSpread
from geo.learning.observing import NOISE_SD, Observations
from geo.linear import LinearIndex
from geo.roadmap import RoadMap, Surface

SPREAD_SD: Final = 0.15
"""tau: by how much a road differs from its like. Starting value."""

FORGET_S: Final = 180.0 * 86_400.0
"""s. Age at which a drive counts 1/e."""

FULL_S: Final = 60.0
"""s. Modelled time on a road, class or county from which one drive counts as a whole one there."""

FACTOR_MIN: Final = 0.5
FACTOR_MAX: Final = 2.5
"""Bounds of every factor on the modelled time, whatever the drives said."""

EPOCH_S: Final = 1_577_836_800.0
"""2020-01-01 in POSIX seconds: weights are kept relative to it, so that they need no ageing."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedFactors:
    """What the drives of one mode say of every arc, as (2M,) columns; 2e forward, 2e + 1 back."""

    factor: NDArray[np.float32]
    """On the modelled time."""
    log_sd: NDArray[np.float32]
    """What is not known of ln(true / model) on this very arc; SPREAD_SD without any drive."""
    unknown: NDArray[np.float32]
    """Share of what the arc has in common with its like that is not known; 1 without any drive."""
    trips: NDArray[np.int32]
    """Drives seen over the arc, old ones included."""
    spread: TripSpread = field(default_factory=TripSpread)
    """What journeys differ by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was learned of some arcs driven one after the other."""

    factor: float
    """On their modelled time."""
    log_sd: float
    """What is not known of its logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """To which group each arc belongs, level by level from the county down to the arc itself."""

    groups: tuple[Ints, ...]
    """Each (2M,): number of the group, -1 for arcs that belong to none on that level."""
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, roadmap: RoadMap) -> Self:
        arcs = 2 * roadmap.edge_count
        kind = roadmap.edge_class.astype(np.int64) * len(Surface) + roadmap.edge_surface
        road, roads = _roads(roadmap)
        groups = (np.zeros(arcs, np.int64), np.repeat(kind, 2), road, np.arange(arcs))
        return cls(groups=groups, sizes=(1, int(kind.max()) + 1, roads, arcs))


class Evidence:
    """Sums over the drives of one mode."""

    def __init__(self, levels: Levels) -> None:
        self._levels = levels
        arcs = levels.sizes[-1]
        self._weights = [np.zeros(size) for size in levels.sizes]
        """Drives per group, each counted by its weight and relative to EPOCH_S."""
        self._trips = [np.zeros(size, dtype=np.int32) for size in levels.sizes]
        self._arc_y = np.zeros(arcs)
        self._time_s = np.zeros(arcs)
        self._time_y = np.zeros(arcs)

    @property
    def trips(self) -> int:
        """Drives in it that said anything."""
        return int(self._trips[0][0])

    def add(self, seen: Observations, at_s: float) -> None:
        """Count a drive that ended at `at_s`, POSIX seconds."""
        self._count(seen, at_s, 1)

    def remove(self, seen: Observations, at_s: float) -> None:
        """Take out a drive that was added just so."""
        self._count(seen, at_s, -1)

    def without(self, drives: Iterable[tuple[Observations, float]]) -> Evidence:
        """What is left when some drives (what they said, when they ended) are taken out."""
        left = deepcopy(self)
        for seen, at_s in drives:
            left.remove(seen, at_s)
        return left

    def factors(self, now_s: float) -> LearnedFactors:
        """What is known at `now_s`."""
        faded = float(np.exp((EPOCH_S - now_s) / FORGET_S))
        estimate, prior, left = np.zeros((3, len(self._arc_y)))
        levels = list(zip(self._levels.groups, self._weights, self._trips, strict=True))
        for group, weights, trips in levels[:-1]:
            drives = np.where(trips > 0, weights * faded, 0.0)
            weight = shrinkage(drives)
            step = np.append(weight * self._residual(group, len(weights), estimate), 0.0)
            estimate += step[group]  # group -1 finds the 0 at the end
            added = np.where(group >= 0, SPREAD_SD**2, 0.0)
            prior += added
            left += added
            left *= 1.0 - shrinkage(np.append(drives, 0.0)[group], left)
        _, weights, trips = levels[-1]
        seen = trips > 0
        own = np.where(seen, weights, 0.0)
        mean = np.divide(self._arc_y, own, out=estimate.copy(), where=own > 0.0)
        weight = shrinkage(own * faded)
        estimate += weight * (mean - estimate)
        return LearnedFactors(
            factor=np.exp(estimate).clip(FACTOR_MIN, FACTOR_MAX).astype(np.float32),
            log_sd=(SPREAD_SD * np.sqrt(1.0 - weight)).astype(np.float32),
            unknown=(left / prior).astype(np.float32),
            trips=trips.copy(),
        )

    def _residual(self, group: Ints, size: int, estimate: Floats) -> Floats:
        """(size,) mean of y less the estimate so far over each group, by time driven."""
        inside = group >= 0
        group = group[inside]
        off_s = (self._time_y - self._time_s * estimate)[inside]
        total_s = np.bincount(group, self._time_s[inside], minlength=size)
        total_y = np.bincount(group, off_s, minlength=size)
        return np.divide(total_y, total_s, out=np.zeros(size), where=total_s > 0.0)

    def _count(self, seen: Observations, at_s: float, sign: int) -> None:
        if not len(seen):
            return
        age = float(np.exp((at_s - EPOCH_S) / FORGET_S)) * sign
        levels = zip(self._levels.groups, self._weights, self._trips, strict=True)
        *upper, (_, arc_weights, arc_trips) = levels
        for group, weights, trips in upper:
            hit, at = np.unique(group[seen.arc], return_inverse=True)
            driven_s = np.bincount(at, seen.model_s)
            named = hit >= 0
            weights[hit[named]] += age * (driven_s[named] / FULL_S).clip(max=1.0)
            trips[hit[named]] += sign
        np.add.at(arc_weights, seen.arc, age * seen.weight)
        np.add.at(self._arc_y, seen.arc, age * seen.weight * seen.log_ratio)
        arc_trips[np.unique(seen.arc)] += sign
        np.add.at(self._time_s, seen.arc, age * seen.model_s)
        np.add.at(self._time_y, seen.arc, age * seen.model_s * seen.log_ratio)


def summary(learned: LearnedFactors, arcs: Ints, model_s: Floats) -> Summary:
    """`model_s`: modelled seconds of each of the arcs. Of no driving time: as modelled."""
    total_s = float(model_s.sum())
    if total_s <= 0.0:
        return Summary(factor=1.0, log_sd=SPREAD_SD)
    driven_s = model_s * learned.factor[arcs]
    share = driven_s / driven_s.sum()
    return Summary(
        factor=float(driven_s.sum()) / total_s,
        log_sd=float(np.sqrt(np.sum((share * learned.log_sd[arcs]) ** 2))),
    )


def shrinkage(drives: Floats, prior_var: Floats | float = SPREAD_SD**2) -> Floats:
    """How far to go from what is expected to what was seen after so many drives; 0 to 1.

    `prior_var`: variance of what is looked for before any drive.
    """
    informed: Floats = drives * prior_var
    return informed / (informed + NOISE_SD**2)


def _roads(roadmap: RoadMap) -> tuple[Ints, int]:
    """(2M,) numbered road and direction of each arc, -1 without a number; how many there are."""
    road = np.full(2 * roadmap.edge_count, -1, dtype=np.int64)
    lines = LinearIndex(roadmap)
    for number, ref in enumerate(lines.refs):
        stretch = lines.between(ref, 0.0, np.inf)
        assert stretch is not None, f"{ref} is a road of this map"
        forward = 2 * number + (~stretch.rising).astype(np.int64)
        road[2 * stretch.edges] = forward
        road[2 * stretch.edges + 1] = forward ^ 1
    return road, 2 * len(lines.refs)
