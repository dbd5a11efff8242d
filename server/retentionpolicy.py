"""How long positions are to be kept: exact, then coarse, then not at all. Knows no store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

DAYS_MIN: Final = 7
"""The database keeps that much whoever asks."""
DAYS_MAX: Final = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Of receipt, with positions."""

    day: date
    coarse: bool
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Days after the day of receipt; 0: for ever."""

    exact_days: int = 90
    """Then of each device one fix a quarter of an hour is kept, on a grid of some 1 km."""
    kept_days: int = 365
    """Then nothing is."""

    def exact_from(self, today: date) -> date:
        """The first day that stays exact."""
        return _days_before(today, self.exact_days)

    def kept_from(self, today: date) -> date:
        """The first day that is kept at all."""
        return _days_before(today, self.kept_days)

    def due(self, days: Iterable[Day], today: date) -> Due:
        """Of days with positions, oldest first."""
        exact, oldest = self.exact_from(today), self.kept_from(today)
        found = [
            each for each in days if each.day < oldest or (each.day < exact and not each.coarse)
        ]
        free = [each.day for each in found if not each.held]
        return Due(
            coarsen=[day for day in free if oldest <= day],
            drop=[day for day in free if day < oldest],
            held=[each.day for each in found if each.held],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What a run would do now, oldest first."""

    coarsen: list[date]
    drop: list[date]
    held: list[date]
    """Would be one or the other, but for an incident that is open or held."""


def _days_before(today: date, days: int) -> date:
    return today - timedelta(days=days) if days else date.min
