"""Figures with how sure they are: quantiles of times that may not be over, shares, rates.

A quantile comes from the product-limit estimate (Kaplan and Meier 1958), which lets a time that is
not over count for as long as it has lasted. Its limits come from the beta product confidence
procedure (Fay, Brittain and Proschan 2013, Biostatistics 14:723, by moments): where every time is
over these are the exact binomial limits, order statistics whatever the distribution, and they stay
honest with few or many times that are not. Each limit holds at LIMIT, so from 29 finished times on,
and never from fewer, the ninetieth percentile has an upper limit (0.9^29 < 5 %). A quantile without
one is not estimable: then the lower limit alone says something.

That estimate supposes that a time which was broken off would have gone on like the others.

Knows no clock and no subject; seconds in, seconds out. SciPy is imported where it reckons: what
only names a figure starts without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

LIMIT: Final = 0.95
"""How surely each limit of a quantile holds; both together: 0.90."""
CONFIDENCE: Final = 0.95
"""Of the two limits of a share or a rate together."""
_ROUNDING: Final = 1e-12

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile:
    """Of times in seconds."""

    p: float
    value: float | None
    """None: more than 1 - p of the times are not over, or there are none."""
    low: float | None
    """None: the times bound it nowhere above 0."""
    high: float | None
    """None: they bound it nowhere."""

    @property
    def estimable(self) -> bool:
        return self.value is not None and self.high is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """A share with its Wilson interval (1927)."""

    hits: int
    n: int
    value: float | None
    """None: of nothing."""
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Events in some exposure, with the interval of the Gamma-Poisson model."""

    events: int
    exposure: float
    value: float | None
    """Events per exposure; None without any."""
    low: float | None
    high: float | None


def quantile(finished_s: ArrayLike, unfinished_s: ArrayLike, p: float) -> Quantile:
    """Of (F,) times that are over and (U,) times that have lasted so long and are not.

    Raises ValueError for a negative time, one that is no number, or p outside 0 to 1.
    """
    finished, unfinished = _times(finished_s), _times(unfinished_s)
    if not 0.0 < p < 1.0:
        raise ValueError(f"p lies between 0 and 1, not {p}")
    if len(finished) == 0:
        return Quantile(p=p, value=None, low=None, high=None)
    at_s = np.unique(np.concatenate([finished, unfinished]))
    ends = _counts(finished, at_s)
    leaves = ends + _counts(unfinished, at_s)
    risk = np.cumsum(leaves[::-1])[::-1]
    survival = np.cumprod(1.0 - ends / risk)
    rest = 1.0 - p
    lowest, highest = _chances(ends, risk, risk - leaves, rest)
    # Before the first time, as if one ended at once: that nobody has is no lower limit yet.
    first = float(rest ** risk[0])
    beyond = np.flatnonzero(highest < LIMIT)
    high = 0 if len(beyond) == 0 else int(beyond[-1]) + 1
    return Quantile(
        p=p,
        value=_first(at_s, survival <= rest + _ROUNDING),
        low=None if first >= 1.0 - LIMIT else _first(at_s, lowest >= 1.0 - LIMIT),
        high=float(at_s[high]) if high < len(at_s) else None,
    )


def proportion(hits: int, n: int) -> Proportion:
    """Raises ValueError where there are more hits than n, or fewer than none."""
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is no share")
    if n == 0:
        return Proportion(hits=0, n=0, value=None, low=0.0, high=1.0)
    z = NormalDist().inv_cdf((1.0 + CONFIDENCE) / 2.0)
    share, spread = hits / n, z * z / n
    middle = (share + spread / 2.0) / (1.0 + spread)
    half = z * sqrt(share * (1.0 - share) / n + spread / (4.0 * n)) / (1.0 + spread)
    return Proportion(
        hits=hits,
        n=n,
        value=share,
        low=0.0 if hits == 0 else middle - half,
        high=1.0 if hits == n else middle + half,
    )


def rate(events: int, exposure: float) -> Rate:
    """With Jeffreys' prior, Gamma(1/2, 0): the posterior is Gamma(events + 1/2, exposure).

    Raises ValueError for negative events or exposure.
    """
    if events < 0 or exposure < 0.0:
        raise ValueError("neither events nor exposure can be negative")
    if exposure == 0.0:
        return Rate(events=events, exposure=0.0, value=None, low=None, high=None)
    from scipy.special import gammaincinv

    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = gammaincinv(events + 0.5, [tail, 1.0 - tail]) / exposure
    return Rate(
        events=events,
        exposure=exposure,
        value=events / exposure,
        low=0.0 if events == 0 else float(low),
        high=float(high),
    )


def _chances(ends: Floats, risk: Floats, left: Floats, rest: float) -> tuple[Floats, Floats]:
    """(T,) chances that the survival after each time is at most `rest`: at the least of what the
    times allow, as if the next one ended at once, and at the most."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, square = _product(risk - ends + 1.0, ends)
        most = _beta_chance(mean, square, rest)
        least = _beta_chance(mean * left / (left + 1.0), square * left / (left + 2.0), rest)
    return np.where(left > 0.0, least, 1.0), most


def _product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Running mean and mean square of a product of independent Beta(a, b); 1 where b is 0."""
    mean = np.cumprod(a / (a + b))
    square = np.cumprod(a * (a + 1.0) / ((a + b) * (a + b + 1.0)))
    return np.asarray(mean, np.float64), np.asarray(square, np.float64)


def _beta_chance(mean: Floats, square: Floats, at: float) -> Floats:
    """That a Beta variable of this mean and mean square is at most `at`."""
    from scipy.special import betainc

    spread = square - mean * mean
    size = mean * (1.0 - mean) / spread - 1.0
    chance = betainc(mean * size, (1.0 - mean) * size, at)
    return np.where(spread > 0.0, chance, (mean <= at).astype(np.float64))


def _first(at_s: Floats, where: NDArray[np.bool_]) -> float | None:
    found = np.flatnonzero(where)
    return float(at_s[found[0]]) if len(found) else None


def _counts(times_s: Floats, at_s: Floats) -> Floats:
    return np.bincount(np.searchsorted(at_s, times_s), minlength=len(at_s)).astype(np.float64)


def _times(values: ArrayLike) -> Floats:
    found = np.asarray(values, dtype=np.float64).reshape(-1)
    if not np.all(np.isfinite(found) & (found >= 0.0)):
        raise ValueError("a time is a number of seconds, and not negative")
    return found
