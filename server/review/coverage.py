"""Coverage over a span of time: what share of people, and of each village's time, somebody free was
likely to reach in time; and a second one.

Each look tells of every village whether 0, 1 or 2 free units had a chance of at least 0.9 to be
there within the limit. Looks of one day are alike, so a day is drawn whole: limits are percentile
bootstraps over days (Efron 1979), and of few days there are none. A mean time is not told: it hides
the far villages. Knows no store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from geo.eta import LIKELY

DAYS_MIN: Final = 7
"""Of fewer days no limits are told: nothing is known of how days differ."""
DRAWS: Final = 500
SEED: Final = 20_130_617
INTERVAL: Final = (0.025, 0.975)
EVERYTHING: Final = "all"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """0 to 1, with limits that hold at 95 % together."""

    value: float
    low: float | None
    """None: of fewer than DAYS_MIN days."""
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """Of a village: of the looks; of the people: of people, on the mean of the looks."""

    once: Share
    twice: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """All looks, or those by day, or by night."""

    daylight: str
    """all, day, night."""
    looks: int
    days: int
    free_units: float
    """On the mean."""
    people: Covered | None
    """None: nobody knows how many live anywhere."""
    villages: tuple[Covered, ...]
    """In the order of the map."""


def in_time(times_s: Floats, limit_s: float, log_sd: float) -> NDArray[np.int64]:
    """(V,) how many of U units have a chance of at least LIKELY to be at each place within the
    limit, from (U, V) median seconds that spread alike: lognormal, as in `geo.eta`."""
    latest_s = limit_s * np.exp(-float(ndtri(LIKELY)) * log_sd)
    return np.asarray((times_s <= latest_s).sum(axis=0), dtype=np.int64)


class CoverGathering:
    """Takes looks one after the other and keeps sums by day."""

    def __init__(self, people: Floats) -> None:
        """(V,) how many live in each village."""
        self._people = people
        self._days: dict[tuple[str, date], _Day] = {}

    def add(
        self, at: datetime, daylight: str, free_units: int, units_in_time: NDArray[np.uint8]
    ) -> None:
        """One look; `units_in_time` (V,). Days are UTC: they only have to be days."""
        for part in (EVERYTHING, daylight):
            day = self._days.setdefault((part, at.date()), _Day(len(self._people)))
            day.add(free_units, units_in_time)

    def parts(self) -> list[Part]:
        """Of everything, by day, by night, those there were looks of."""
        names = [name for name in (EVERYTHING, "day", "night") if self._of(name)]
        return [self._part(name, self._of(name)) for name in names]

    def _of(self, name: str) -> list[_Day]:
        return [day for (part, _), day in sorted(self._days.items()) if part == name]

    def _part(self, name: str, days: Sequence[_Day]) -> Part:
        looks = np.array([day.looks for day in days], dtype=np.float64)
        once = np.array([day.once for day in days], dtype=np.float64)
        twice = np.array([day.twice for day in days], dtype=np.float64)
        weights = _draws(len(days))
        villages = zip(_shares(once, looks, weights), _shares(twice, looks, weights), strict=True)
        total = float(self._people.sum())
        return Part(
            daylight=name,
            looks=int(looks.sum()),
            days=len(days),
            free_units=sum(day.free_units for day in days) / float(looks.sum()),
            people=None
            if total == 0.0
            else Covered(
                once=_shares((once @ self._people / total)[:, None], looks, weights)[0],
                twice=_shares((twice @ self._people / total)[:, None], looks, weights)[0],
            ),
            villages=tuple(Covered(once=a, twice=b) for a, b in villages),
        )


class _Day:
    """Sums of the looks of one day."""

    def __init__(self, villages: int) -> None:
        self.looks = self.free_units = 0
        self.once = np.zeros(villages, dtype=np.int64)
        self.twice = np.zeros(villages, dtype=np.int64)

    def add(self, free_units: int, units_in_time: NDArray[np.uint8]) -> None:
        self.looks += 1
        self.free_units += free_units
        self.once += units_in_time >= 1
        self.twice += units_in_time >= 2


def _draws(days: int) -> Floats | None:
    """(D, days) how often each day is in each draw of as many days; None of few days."""
    if days < DAYS_MIN:
        return None
    rng = np.random.default_rng(SEED)
    return rng.multinomial(days, np.full(days, 1.0 / days), DRAWS).astype(np.float64)


def _shares(hits: Floats, looks: Floats, weights: Floats | None) -> list[Share]:
    """Of (days, K) hits in (days,) looks, K of them."""
    values = (hits.sum(axis=0) / looks.sum()).tolist()
    if weights is None:
        return [Share(value=each, low=None, high=None) for each in values]
    drawn = (weights @ hits) / (weights @ looks)[:, None]
    low, high = np.quantile(drawn, INTERVAL, axis=0).tolist()
    return [Share(value=v, low=a, high=b) for v, a, b in zip(values, low, high, strict=True)]
