"""What a battery really drained after something was done about it, from the levels it told.

Between two downward steps of the gauge the fall is known to a step and the time to a report at each
end, so a drain is measured from the first step to the last. Only readings count in which the device
did what the mitigation asks; on a charger the level may rise, and the drain is then below nothing.
Independent of the estimator, so that one checks the other. Knows no store and no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import sqrt
from typing import Final

STEPS_MIN: Final = 4
"""Steps of the gauge that are waited for: three whole ones lie between. Starting value."""
CHARGE_MIN_S: Final = 900.0
"""s. On a charger there may be no step at all: so long is waited instead. Starting value."""
READINGS_LEN_MAX: Final = 2000
"""Looked at; at one in 20 s, eleven hours."""
REPORT_GAP_S_MAX: Final = 1800.0
"""s. A longer silence ends a stretch: nobody knows what the device did meanwhile."""

DRAIN_PCT_PER_H_MAX: Final = 60.0
"""What streaming with everything on in the cold takes, and more. Starting value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One level as the device told it."""

    at: datetime
    level_pct: float
    charging: bool
    fits: bool
    """It did what the mitigation asks of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Drain in %/h of the gauge, with its standard error."""

    drain_pct_per_h: float
    error_pct_per_h: float
    steps: int
    minutes: float


def measure(readings: Sequence[Reading], *, charging: bool) -> Measured | None:
    """The drain of the longest stretch that fits; None: too little was seen yet.

    `charging`: whether the mitigation is a charger.
    """
    stretches = _stretches(readings[:READINGS_LEN_MAX], charging=charging)
    found = [
        made
        for stretch in stretches
        if (made := _on_charger(stretch) if charging else _by_steps(stretch)) is not None
    ]
    return max(found, key=lambda each: each.minutes, default=None)


def _stretches(readings: Sequence[Reading], *, charging: bool) -> list[list[Reading]]:
    """Readings in a row that fit and hide nothing; another pack begins a row of its own."""
    step_pct = _step_pct(readings)
    rows: list[list[Reading]] = [[]]
    for each in readings:
        if not each.fits or each.charging is not charging:
            rows.append([])
            continue
        last = rows[-1][-1] if rows[-1] else None
        silent = last is not None and (each.at - last.at).total_seconds() > REPORT_GAP_S_MAX
        swapped = last is not None and not charging and _swapped(last, each, step_pct)
        if silent or swapped:
            rows.append([])
        rows[-1].append(each)
    return rows


def _step_pct(readings: Sequence[Reading]) -> float:
    """How coarse the gauge is: the least it ever fell by."""
    falls = (a.level_pct - b.level_pct for a, b in pairwise(readings))
    return min((fell_pct for fell_pct in falls if fell_pct > 0.0), default=0.0)


def _swapped(before: Reading, after: Reading, step_pct: float) -> bool:
    """The level rose, or fell by more than a step and what a battery gives meanwhile."""
    hours = (after.at - before.at).total_seconds() / 3600.0
    fell_pct = before.level_pct - after.level_pct
    return fell_pct < 0.0 or fell_pct > step_pct + DRAIN_PCT_PER_H_MAX * hours


def _by_steps(stretch: Sequence[Reading]) -> Measured | None:
    steps = [(a, b) for a, b in pairwise(stretch) if b.level_pct < a.level_pct]
    if len(steps) < STEPS_MIN:
        return None
    (before, first), (almost, last) = steps[0], steps[-1]
    begin_s, end_s = (
        a.at.timestamp() / 2 + b.at.timestamp() / 2 for a, b in ((before, first), (almost, last))
    )
    hours = (end_s - begin_s) / 3600.0
    gaps_h = [(b.at - a.at).total_seconds() / 3600.0 for a, b in (steps[0], steps[-1])]
    # The gauge fell by what lies between the first step's lower edge and the last one's.
    drain = (first.level_pct - last.level_pct) / hours
    edge_h = sqrt(sum(gap**2 for gap in gaps_h) / 12.0)
    return Measured(
        drain_pct_per_h=drain,
        error_pct_per_h=drain * edge_h / hours,
        steps=len(steps),
        minutes=60.0 * hours,
    )


def _on_charger(stretch: Sequence[Reading]) -> Measured | None:
    if not stretch:
        return None
    first, last = stretch[0], stretch[-1]
    hours = (last.at - first.at).total_seconds() / 3600.0
    if hours * 3600.0 < CHARGE_MIN_S:
        return None
    steps = sum(a.level_pct != b.level_pct for a, b in pairwise(stretch))
    return Measured(
        drain_pct_per_h=(first.level_pct - last.level_pct) / hours,
        error_pct_per_h=1.0 / sqrt(6.0) / hours,
        steps=steps,
        minutes=60.0 * hours,
    )
