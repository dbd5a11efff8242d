"""Ranks that say how sure they are, and bands of those that cannot be told apart.

Somebody's place in a list hangs on chance as well: on who was called that month. So ranks are drawn
many times, from what the counts allow, and told as an interval; whoever is not surely behind the
first of a band belongs to it. Within a band there is no order.

What a unit earned on its jobs is a compound Poisson sum. Its rate is drawn by weighting each job
with an exponential of mean 1, the Bayesian bootstrap (Rubin 1981) without its fixed total, so
that equal jobs give the Gamma(k) of the Poisson model; half a mean job more is Jeffreys' prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

DRAWS: Final = 2_000
SURE: Final = 0.95
"""How surely somebody must be behind the first of a band to be out of it."""
INTERVAL: Final = (0.05, 0.95)
SEED: Final = 20_130_617
"""The same counts give the same ranks."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """1 is the most."""

    low: int
    high: int
    """In nine of ten draws the rank lies from `low` to `high`."""
    band: int
    """1 is the first; within one, nobody is told apart from its first."""


def ranks(draws: Floats) -> list[Rank]:
    """Of (D, U) draws of what each of U has; the more, the better."""
    count = draws.shape[1]
    if count == 0:
        return []
    places = np.argsort(np.argsort(-draws, axis=1, kind="stable"), axis=1) + 1
    low, high = np.quantile(places, INTERVAL, axis=0, method="inverted_cdf")
    bands = _bands(draws, np.argsort(places.mean(axis=0), kind="stable"))
    return [
        Rank(low=int(low[each]), high=int(high[each]), band=bands[each]) for each in range(count)
    ]


def draw_rates(jobs: Sequence[Sequence[float]], exposure: Sequence[float]) -> Floats:
    """(D, U) rates that U units' jobs, with what each is worth, allow for their exposure (> 0).

    Where nobody did anything, a job is supposed to be worth 1: no two draws are ever alike.
    """
    rng = np.random.default_rng(SEED)
    worths = [worth for each in jobs for worth in each]
    typical = sum(worths) / len(worths) if worths else 1.0
    sums = np.empty((DRAWS, len(jobs)))
    for number, each in enumerate(jobs):
        prior = typical * rng.standard_gamma(0.5, DRAWS)
        sums[:, number] = prior + _weighted(np.asarray(each, dtype=np.float64), rng)
    return sums / np.asarray(exposure, dtype=np.float64)


def _weighted(worths: Floats, rng: np.random.Generator) -> Floats:
    """(D,) sums of the worths, each by an exponential; alike jobs are one Gamma."""
    values, counts = np.unique(worths, return_counts=True)
    if not len(values):
        return np.zeros(DRAWS)
    return np.asarray(rng.standard_gamma(counts, (DRAWS, len(values))) @ values)


def _bands(draws: Floats, order: NDArray[np.int64]) -> dict[int, int]:
    bands: dict[int, int] = {}
    band, first = 0, -1
    for each in order.tolist():
        if first < 0 or float(np.mean(draws[:, first] > draws[:, each])) >= SURE:
            band, first = band + 1, each
        bands[each] = band
    return bands
