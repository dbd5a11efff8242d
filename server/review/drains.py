"""What a job took from a battery, from the levels that its device told.

Levels are told in steps, and only a step says anything: a level that stands still for an hour may
have fallen by almost one. So a drain is told with what its two ends leave open, and not at all
where that is more than it. Charging, or another pack, ends what can be measured. Knows no store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from devices.battery.model import SWAP_RISE_PCT

NEAR: Final = timedelta(minutes=10)
"""A level told this long before a moment is still taken for it."""
STEPS_MIN: Final = 2
"""Steps between the ends that a drain needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One report of one device."""

    at: datetime
    pct: int
    charging: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Percent of the pack an hour."""

    pct_per_h: float
    low: float
    high: float
    """What the steps of the gauge leave open, at each end."""
    hours: float
    steps: int


def plausible(levels: Sequence[Level]) -> list[Level]:
    """Without single readings far off both their neighbours, which agree: a gauge says 0 now and
    then, and the next moment what it said before. Another pack goes on as it began."""
    kept: list[Level] = []
    for each, following in zip(levels, (*levels[1:], None), strict=True):
        before = kept[-1] if kept else None
        if before is None or following is None or not _misread(before, each, following):
            kept.append(each)
    return kept


def _misread(before: Level, each: Level, following: Level) -> bool:
    off = min(abs(each.pct - before.pct), abs(each.pct - following.pct))
    return off >= SWAP_RISE_PCT > abs(before.pct - following.pct)


def level_at(levels: Sequence[Level], at: datetime) -> int | None:
    """What was told last before a moment; None: nothing within NEAR."""
    before = [each for each in levels if at - NEAR <= each.at <= at]
    return before[-1].pct if before else None


def charged_between(levels: Sequence[Level], since: datetime, until: datetime) -> bool:
    """Whether it was on a charger then, or became another pack."""
    within = [each for each in levels if since <= each.at <= until]
    rises = (later.pct - earlier.pct >= SWAP_RISE_PCT for earlier, later in pairwise(within))
    return any(each.charging for each in within) or any(rises)


def drain(levels: Sequence[Level], since: datetime, until: datetime) -> Drain | None:
    """Between two moments, levels by time; None: too little fell, it was charged, or nobody knows.

    From the first step to the last: between them the level fell by whole steps in a known time.
    """
    within = [each for each in levels if since <= each.at <= until]
    if charged_between(within, since, until):
        return None
    steps = [later for earlier, later in pairwise(within) if later.pct < earlier.pct]
    if len(steps) <= STEPS_MIN:
        return None
    hours = (steps[-1].at - steps[0].at).total_seconds() / 3600.0
    fell = steps[0].pct - steps[-1].pct
    if hours <= 0.0:
        return None
    slack = fell / (len(steps) - 1)
    return Drain(
        pct_per_h=fell / hours,
        low=max(0.0, fell - slack) / hours,
        high=(fell + slack) / hours,
        hours=hours,
        steps=len(steps) - 1,
    )
