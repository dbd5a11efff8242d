"""How sure a travel time is: the time of a journey as a distribution, not as one number.

    ln T ~ N(ln T_model, sigma^2)
    sigma^2 = sigma_trip^2 + sum over edges of share_e^2 sigma_e^2

The model is at trip level, because the errors of the edges of one journey are not independent
(Westgate et al. 2016): the driver, the weather and the vehicle are the same on all of them, so
adding up variances edge by edge would promise far too much. `sigma_trip` is what one journey
differs from the next, weighted by the share of its time on each arc; `sigma_e` is what is not known
of the edges themselves. What the roads of a county, of a class or of a number have in common is off
the model in the same direction on all of them, so it belongs to the trip:

    sigma_trip(arc)^2 = learned^2 + unknown(arc) * (unlearned^2 - learned^2)

`unknown` is 1 where no drive told of an arc or its like, and falls with every one that does. There
is no term for a bias: what our own tracks show of it, from single edges up to the county, is in the
learned times of the arcs already. How far journeys differ is a starting value until our own drives
tell (`geo.learning.judging`).

Knows no routing: it is given a time and how it is made up. All standard deviations are of ln T.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from geo.roadmap import RoadClass, RoadMap

LEARNED_SD: Final = 0.20
"""Trip to trip on a road whose own tracks are known. Starting value."""

UNLEARNED_SD: Final = 0.30
"""Trip to trip on a road that only the model knows. Starting value."""

ROUGH_SD: Final = 0.40
"""Trip to trip on a track or on foot, learned or not: rain and legs decide. Starting value."""

EDGE_SD: Final = 0.15
"""Of an edge without a track of our own: the spread of roads of one class. Starting value."""

RATIO_MIN: Final = 0.6
RATIO_MAX: Final = 1.6
"""Bounds on what our own drives may make of the three starting values."""

SD_MIN: Final = RATIO_MIN * LEARNED_SD
SD_MAX: Final = float(np.hypot(RATIO_MAX * ROUGH_SD, EDGE_SD))
"""No journey spreads less or more, whatever was learned."""

UNROUTED_SD: Final = UNLEARNED_SD
"""Where the way itself is not computed, only its time, and nobody has learned how far journeys
differ: as if nothing on it were learned."""

LIKELY: Final = 0.9
"""A place counts as reached in time when the chance is at least this."""

SHARES_MAX: Final = 16
"""Shares whose deviate is remembered."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TripSpread:
    """What one journey differs from the next, by what is known of its roads."""

    learned_sd: float = LEARNED_SD
    """Where everything is known that drives can tell."""
    unlearned_sd: float = UNLEARNED_SD
    """Where only the model is known; nowhere less than `learned_sd`."""
    rough_sd: float = ROUGH_SD
    """On tracks."""
    learned_drives: int = 0
    unlearned_drives: int = 0
    rough_drives: int = 0
    """Drives that each is known from; of none it is the starting value."""

    def __post_init__(self) -> None:
        """Raises ValueError for what is outside the bounds."""
        ratios = (
            self.learned_sd / LEARNED_SD,
            self.unlearned_sd / UNLEARNED_SD,
            self.rough_sd / ROUGH_SD,
        )
        if not all(RATIO_MIN - 1e-9 <= ratio <= RATIO_MAX + 1e-9 for ratio in ratios):
            raise ValueError(f"a spread is {RATIO_MIN} to {RATIO_MAX} times its starting value")
        if self.unlearned_sd < self.learned_sd:
            raise ValueError("roads that only the model knows do not spread less than learned ones")


class Learned(Protocol):
    """What our own tracks taught about each arc."""

    @property
    def unknown(self) -> NDArray[np.floating]:
        """(2M,) share of what an arc and its like have in common that is not known; 0 to 1."""
        ...

    @property
    def log_sd(self) -> NDArray[np.floating]:
        """(2M,) standard deviation of what is not known of ln(true / model) on each arc alone."""
        ...

    @property
    def spread(self) -> TripSpread:
        """What journeys differ by."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Eta:
    """A travel time with its spread."""

    median_s: float
    """As likely sooner as later; 0 or more seconds."""
    log_sd: float

    @property
    def p80_s(self) -> float:
        """Eight times in ten sooner than this."""
        return self.quantile_s(0.8)

    @property
    def p90_s(self) -> float:
        """Nine times in ten sooner than this."""
        return self.quantile_s(0.9)

    def quantile_s(self, share: float) -> float:
        """Seconds by which that share of journeys has arrived; 0 < share < 1."""
        return self.median_s * exp(self.log_sd * _deviate(share))

    def chance_by(self, limit_s: float) -> float:
        """P(arrive within limit_s), 0 to 1."""
        return float(chance_by(np.float64(self.median_s), self.log_sd, limit_s))


class Spreads:
    """How far journeys over each arc of one map differ from the model, for one kind of vehicle."""

    def __init__(
        self,
        roadmap: RoadMap,
        *,
        learned: Learned | None = None,
        on_foot: bool = False,
    ) -> None:
        """Raises ValueError if the learned arrays are not those of this map."""
        arcs = 2 * roadmap.edge_count
        spread = TripSpread() if learned is None else learned.spread
        unknown = np.ones(arcs) if learned is None else np.asarray(learned.unknown, np.float64)
        if unknown.shape != (arcs,):
            raise ValueError(f"learned values of {len(unknown)} arcs for a map of {arcs}")
        known_var, unknown_var = spread.learned_sd**2, spread.unlearned_sd**2
        self.unrouted_sd = ROUGH_SD if on_foot else spread.unlearned_sd
        """From trip to trip where only the time is computed: as if nothing on it were learned."""
        self._trip_sd = np.sqrt(known_var + unknown * (unknown_var - known_var))
        self.rough: NDArray[np.bool_] = np.repeat(roadmap.edge_class == RoadClass.TRACK, 2)
        """(2M,) tracks."""
        self._trip_sd[self.rough] = spread.rough_sd
        if on_foot:
            self._trip_sd[:] = ROUGH_SD
        self._edge_sd = np.full(arcs, EDGE_SD)
        if learned is not None:
            self._edge_sd = np.minimum(np.asarray(learned.log_sd, np.float64), EDGE_SD)

    def eta(
        self,
        duration_s: float,
        arcs: Sequence[int] | NDArray[np.int64],
        leg_s: Floats,
        *,
        walk_s: float = 0.0,
    ) -> Eta:
        """The distribution of a journey of `duration_s` by road, then `walk_s` on foot.

        `arcs`: (L,) the arc of each leg; `leg_s`: (L,) seconds along it. What is in `duration_s`
        beside them (turns, gates, turnout) spreads like the legs do.
        """
        total_s = duration_s + walk_s
        if total_s <= 0.0:
            return unrouted(total_s)
        trip_sd, edge_sd = self.unrouted_sd, 0.0
        if len(arcs) and (driven_s := float(leg_s.sum())) > 0.0:
            trip_sd, edge_sd = self.parts(np.asarray(arcs), leg_s)
            edge_sd *= driven_s / total_s
        trip_sd = (duration_s * trip_sd + walk_s * ROUGH_SD) / total_s
        return Eta(median_s=total_s, log_sd=float(np.hypot(trip_sd, edge_sd)))

    def parts(self, arcs: NDArray[np.int64], leg_s: Floats) -> tuple[float, float]:
        """Standard deviation from trip to trip, and from what is not known of the edges.

        `arcs`, `leg_s`: (k,) arcs driven and seconds along each, more than 0 together.
        """
        share = leg_s / leg_s.sum()
        edge_var = float(np.sum((share * self._edge_sd[arcs]) ** 2))
        return float(share @ self._trip_sd[arcs]), float(np.sqrt(edge_var))


def unrouted(duration_s: float, log_sd: float = UNROUTED_SD) -> Eta:
    """The distribution of a journey of which only the time was computed; `Spreads.unrouted_sd`."""
    return Eta(median_s=duration_s, log_sd=log_sd)


def quantile_s(median_s: Floats | np.float64, log_sd: Floats | float, share: float) -> Floats:
    """Seconds by which that share of journeys has arrived, elementwise; inf stays inf."""
    found: Floats = median_s * np.exp(np.asarray(log_sd) * _deviate(share))
    return found


@lru_cache(maxsize=SHARES_MAX)
def _deviate(share: float) -> float:
    """The standard normal below which that share lies; every unit of a ranking asks for two."""
    if not 0.0 < share < 1.0:
        raise ValueError("a share lies between 0 and 1, both excluded")
    return float(ndtri(share))


def chance_by(median_s: Floats | np.float64, log_sd: Floats | float, limit_s: float) -> Floats:
    """P(arrive within limit_s), elementwise; 1 where the journey takes no time."""
    median, sd = np.broadcast_arrays(np.asarray(median_s, np.float64), np.asarray(log_sd))
    found = np.where(median <= limit_s, 1.0, 0.0)
    if limit_s <= 0.0:
        return found
    spread = (median > 0.0) & np.isfinite(median) & (sd > 0.0)
    found[spread] = ndtr((np.log(limit_s) - np.log(median[spread])) / sd[spread])
    return found
