"""How far journeys differ from what is foretold, measured on our own drives.

Each drive is foretold by the others: the newest drives are dealt into FOLDS parts, and what the
rest teaches foretells one part after the other. So no drive vouches for itself, and few drives
are judged by little, as they will be. Of each comes r = ln(T / T foretold), and three values say
how far such r differ: on roads that are known, on those that are not, and on tracks.

A value is its starting value times s, where s solves

    sum_i min(r_i^2 / (s^2 t_i^2 + e_i^2), c^2) + m k / s^2 = (n + m) k

with t_i and e_i what `geo.eta` expects from trip to trip and from edges, k what the left side makes
of a normal r, and c = CUT (Huber's proposal 2, 1981: a drive that went quite wrong counts as one
of c). m imagined drives come out as the starting value says, so few drives change little; s stays
in RATIO_MIN … RATIO_MAX. Bias counts as spread: r is not centred.
What a drive leaves out (`geo.learning.observing`: stops, loops) is not in r either.
Knows no database and no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappush, heappushpop
from itertools import count
from math import exp, pi, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from geo.eta import (
    LEARNED_SD,
    RATIO_MAX,
    RATIO_MIN,
    ROUGH_SD,
    UNLEARNED_SD,
    Spreads,
    TripSpread,
)
from geo.learning.factors import Evidence, LearnedFactors
from geo.learning.observing import Observations
from geo.roadmap import RoadMap

JUDGED_MAX: Final = 500
"""Drives judged: the newest. Of so many the spread is known to 3 %."""

FOLDS: Final = 10

JUDGED_S_MIN: Final = 120.0
"""s. Modelled time below which a drive is not judged: fixes err too much for its whole time."""

STARTING_DRIVES: Final = 20
"""m: drives that the starting values count as."""

CUT: Final = 2.0
"""c, in standard deviations."""

UNLEARNED_MIN: Final = 0.5
ROUGH_MIN: Final = 0.5
"""Share of what is unknown, and of the time on tracks, from which a drive tells of such roads."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """How one drive came out."""

    log_ratio: float
    """r."""
    trip_sd: float
    """t, by the starting values."""
    edge_sd: float
    """e."""
    unknown: float
    """Share of what its roads have in common with their like that was not known; 0 to 1."""
    rough: float
    """Share of its time on tracks."""


class Judge:
    """Keeps the newest drives of one mode."""

    def __init__(self, roadmap: RoadMap) -> None:
        self._roadmap = roadmap
        self._newest: list[tuple[float, int, Observations]] = []
        self._number = count()

    def __len__(self) -> int:
        """Drives kept, at most JUDGED_MAX."""
        return len(self._newest)

    def keep(self, seen: Observations, ended_s: float) -> None:
        """A drive that evidence was given of; the oldest makes room."""
        if seen.model_s.sum() < JUDGED_S_MIN:
            return
        push = heappush if len(self._newest) < JUDGED_MAX else heappushpop
        push(self._newest, (ended_s, next(self._number), seen))

    def spread(self, evidence: Evidence, now_s: float) -> TripSpread:
        """`evidence`: of all drives of this mode, those kept here among them."""
        kept = [(seen, ended_s) for ended_s, _, seen in sorted(self._newest)]
        residuals: list[Residual] = []
        for fold in range(min(FOLDS, len(kept))):
            part = kept[fold::FOLDS]
            others = evidence.without(part).factors(now_s)
            spreads = Spreads(self._roadmap, learned=others)
            residuals += [_residual(seen, others, spreads) for seen, _ in part]
        return judged(residuals)


def judged(residuals: Sequence[Residual]) -> TripSpread:
    """What drives that came out so say of the spread."""
    rough = [each for each in residuals if each.rough >= ROUGH_MIN]
    road = [each for each in residuals if each.rough < ROUGH_MIN]
    learned = [each for each in road if each.unknown < UNLEARNED_MIN]
    unlearned = [each for each in road if each.unknown >= UNLEARNED_MIN]
    learned_sd, unlearned_sd, rough_sd = (
        start_sd * _ratio(part)
        for start_sd, part in (
            (LEARNED_SD, learned),
            (UNLEARNED_SD, unlearned),
            (ROUGH_SD, rough),
        )
    )
    return TripSpread(
        learned_sd=learned_sd,
        unlearned_sd=max(unlearned_sd, learned_sd),
        rough_sd=rough_sd,
        learned_drives=len(learned),
        unlearned_drives=len(unlearned),
        rough_drives=len(rough),
    )


def _residual(seen: Observations, others: LearnedFactors, spreads: Spreads) -> Residual:
    took_s = seen.model_s * np.exp(seen.log_ratio)
    foretold_s = seen.model_s * others.factor[seen.arc]
    trip_sd, edge_sd = spreads.parts(seen.arc, foretold_s)
    share = foretold_s / foretold_s.sum()
    return Residual(
        log_ratio=float(np.log(took_s.sum() / foretold_s.sum())),
        trip_sd=trip_sd,
        edge_sd=edge_sd,
        unknown=float(share @ others.unknown[seen.arc]),
        rough=float(share @ spreads.rough[seen.arc]),
    )


def _ratio(residuals: Sequence[Residual]) -> float:
    """s of some drives; 1 without any."""
    if not residuals:
        return 1.0
    square = np.array([each.log_ratio for each in residuals]) ** 2
    trip = np.array([each.trip_sd for each in residuals]) ** 2
    edge = np.array([each.edge_sd for each in residuals]) ** 2
    expected = _cut_square()

    def beyond(ratio: float) -> float:
        seen = np.minimum(square / (ratio**2 * trip + edge), CUT**2).sum()
        imagined = STARTING_DRIVES * expected / ratio**2
        return float(seen + imagined - (len(residuals) + STARTING_DRIVES) * expected)

    if beyond(RATIO_MIN) <= 0.0:
        return RATIO_MIN
    if beyond(RATIO_MAX) >= 0.0:
        return RATIO_MAX
    return float(brentq(beyond, RATIO_MIN, RATIO_MAX, xtol=1e-6))


def _cut_square() -> float:
    """k: the mean of min(z^2, c^2) over normal z."""
    beyond = 2.0 * float(ndtr(-CUT))
    return 1.0 - beyond - 2.0 * CUT * exp(-(CUT**2) / 2.0) / sqrt(2.0 * pi) + CUT**2 * beyond
