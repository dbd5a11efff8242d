"""What one drive says about the roads it used: observed against modelled time, arc by arc.

    y = ln(t_observed / t_model)

The time of turns, which the model adds between arcs, counts half to the arc before and half to the
arc after: there it is lost by braking and gathering speed. A fix errs by some ten metres, so the
times at the two ends of a short arc mean little: y of an arc is taken over at least STRETCH_M of
the drive around it. What was not driving towards a scene is left out: stops, crawling for long,
loops (searching for a house), and both ends of the drive.
Knows no past and no other driver.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.learning.passages import Passages

STRETCH_M: Final = 150.0
"""m. Shortest stretch a ratio is taken over: fixes off by 12 m at both ends make 11 %."""

FIX_SD_M: Final = 12.0
"""m. Error of a fix along the road; see `geo.learning.matching.SIGMA_M`."""

ENDS_M: Final = 100.0
"""m. Of a drive's beginning and end that are setting off and looking for the place."""

CRAWL_RATIO: Final = 3.0
CRAWL_S: Final = 120.0
"""s. Slower than the model by CRAWL_RATIO for so long is no driving: following a herd, a patrol at
walking pace, a stop that the fixes did not show. Starting values."""

Y_MAX: Final = log(3.0)
"""One drive says at most that a road takes three times, or a third of, the modelled time."""

NOISE_SD: Final = 0.30
"""Of y from one drive to the next on the same arc: sigma of the shrinkage. Starting value."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """k observations of one drive, as (k,) columns; an arc driven twice is there twice."""

    arc: Ints
    log_ratio: Floats
    """y, at most Y_MAX either way."""
    model_s: Floats
    """Modelled time of the part driven."""
    weight: Floats
    """0 to 1: how much it says about this very arc against one long, well-timed arc."""

    def __len__(self) -> int:
        return len(self.arc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """What the model says of every arc, as (2M,) columns."""

    arc_m: Floats
    model_s: Floats
    """Not finite where nobody may drive; such arcs say nothing."""
    heads: Ints
    """Node that the arc enters."""
    turn_s: Callable[[Ints, Ints], Floats]
    """Seconds of the turns from arcs into arcs."""


def observations(runs: Sequence[Passages], road: Road) -> Observations:
    """What a drive says, its runs in order."""
    parts = [_of_run(run, road) for run in runs if len(run)]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else None
    if columns is None:
        nothing = np.empty(0)
        columns = [np.empty(0, dtype=np.int64), nothing, nothing, nothing]
    arc, log_ratio, model_s, weight = columns
    return Observations(arc=arc, log_ratio=log_ratio, model_s=model_s, weight=weight)


def _of_run(run: Passages, road: Road) -> tuple[Ints, Floats, Floats, Floats]:
    share = run.end - run.start
    model_s, metres = road.model_s[run.arc] * share, road.arc_m[run.arc] * share
    turn_s = road.turn_s(run.arc[:-1], run.arc[1:])
    model_s[:-1] += turn_s / 2.0
    model_s[1:] += turn_s / 2.0
    at_m = np.concatenate(([0.0], np.cumsum(metres)))
    known = np.isfinite(model_s) & (model_s > 0.0)
    clock_s = np.concatenate((run.enter_s[:1], run.leave_s))
    model_at_s = np.concatenate(([0.0], np.cumsum(np.where(known, model_s, 0.0))))
    low_m, high_m = _around(at_m)
    took_s = np.interp(high_m, at_m, clock_s) - np.interp(low_m, at_m, clock_s)
    should_s = np.interp(high_m, at_m, model_at_s) - np.interp(low_m, at_m, model_at_s)
    known &= (took_s > 0.0) & (should_s > 0.0)
    ratio = np.where(known, took_s, 1.0) / np.where(known, should_s, 1.0)
    log_ratio = np.log(ratio)
    kept = known & ~run.stood & ~_crawling(log_ratio, run) & ~_looping(run.arc, road.heads)
    kept &= (at_m[1:] > ENDS_M) & (at_m[:-1] < at_m[-1] - ENDS_M)
    noise = 2.0 * (FIX_SD_M / np.maximum(run.reach_m, high_m - low_m)) ** 2
    weight = share.clip(max=1.0) * NOISE_SD**2 / (NOISE_SD**2 + noise)
    return run.arc[kept], log_ratio[kept].clip(-Y_MAX, Y_MAX), model_s[kept], weight[kept]


def _around(at_m: Floats) -> tuple[Floats, Floats]:
    """Ends of each passage, moved apart to STRETCH_M where it is shorter, within the drive."""
    middle = (at_m[:-1] + at_m[1:]) / 2.0
    low = np.minimum(at_m[:-1], middle - STRETCH_M / 2.0).clip(min=0.0)
    high = np.maximum(at_m[1:], middle + STRETCH_M / 2.0).clip(max=at_m[-1])
    return low, high


def _crawling(log_ratio: Floats, run: Passages) -> NDArray[np.bool_]:
    """Passages in a row, all slower than CRAWL_RATIO, that take CRAWL_S together."""
    slow = log_ratio > log(CRAWL_RATIO)
    bounds = np.flatnonzero(np.diff(np.concatenate(([False], slow, [False])).astype(np.int8)))
    found = np.zeros(len(run), dtype=np.bool_)
    for first, end in bounds.reshape(-1, 2).tolist():
        found[first:end] = run.leave_s[end - 1] - run.enter_s[first] >= CRAWL_S
    return found


def _looping(arcs: Ints, heads: Ints) -> NDArray[np.bool_]:
    """Passages between two visits of one node: the drive came back to where it was."""
    found = np.zeros(len(arcs), dtype=np.bool_)
    nodes = np.concatenate((heads[arcs[:1] ^ 1], heads[arcs])).tolist()
    seen: dict[int, int] = {}
    for place, node in enumerate(nodes):
        if node in seen:
            found[seen[node] : place] = True
        seen[node] = place
    return found
