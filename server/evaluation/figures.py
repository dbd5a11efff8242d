"""What runs came to: shares, means and tails of jobs, with intervals.

Intervals are percentile bootstraps (Efron 1979) over days: a day of a seed is drawn whole, because
its jobs are not independent of each other. Of the county's own past a day is drawn with all its
seeds: more draws of how people answer make no more days. Calls that nobody came to are counted as
waiting for as long as the run went on. Two policies lived through the same days, so what lies
between them is reckoned on the same draws of days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.evaluation.history import History
from server.evaluation.scenario import DAY_S
from server.evaluation.units import Job

DRAWS: Final = 500
INTERVAL: Final = (0.025, 0.975)
LATE_S: Final = 25 * 60.0
WRONG_S: Final = 60.0
"""A unit that is there within this of the first is no wrong one."""
P90_N_MIN: Final = 29
"""Of fewer jobs the largest is below the true P90 too often (0.9^29 < 5 %)."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Less = Callable[[float, float], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Jobs of one policy as columns, (J,) each."""

    block: Ints
    """Which of the days that differ from each other: of which seed, or of the county's past."""
    response_s: Floats
    """Of calls that nobody came to: so far, which is later than all others."""
    answered: NDArray[np.bool_]
    priority: NDArray[np.bool_]
    """Not routine."""
    wrong: Floats
    """1.0 or 0.0; NaN where nobody came; so the next."""
    camera_alive: Floats
    """NaN where the job is not done."""
    swaps: Floats
    """Units under way that were called off."""

    @classmethod
    def of(cls, runs: Sequence[Sequence[Job]], days_apart: int) -> Table:
        """`runs`: the jobs of each seed; `days_apart`: from the first day of one seed to that of
        the next, 0 where all live through the same days."""
        jobs = [(days_apart * number, job) for number, run in enumerate(runs) for job in run]
        return cls(
            block=np.array([first + int(job.call.at_s // DAY_S) for first, job in jobs], np.int64),
            response_s=np.array([job.response_s for _, job in jobs]),
            answered=np.array([job.answered for _, job in jobs], np.bool_),
            priority=np.array([job.call.priority != "routine" for _, job in jobs], np.bool_),
            wrong=_known([(job.answered, job.later_s > WRONG_S) for _, job in jobs]),
            camera_alive=_known([(job.done_s > 0.0, job.camera_alive) for _, job in jobs]),
            swaps=np.array([job.released for _, job in jobs], np.float64),
        )

    @classmethod
    def of_past(cls, past: History) -> Table:
        """Of calls whose response is known, as it really was."""
        calls = [each for each in past.calls if each.response_min is not None]
        unknown = np.full(len(calls), np.nan)
        return cls(
            block=np.array([past.day(each) for each in calls], np.int64),
            response_s=np.array([60.0 * (each.response_min or 0.0) for each in calls]),
            answered=np.ones(len(calls), np.bool_),
            priority=np.array([each.priority in ("priority", "emergency") for each in calls], bool),
            wrong=unknown,
            camera_alive=unknown,
            swaps=unknown,
        )

    def rows(self, index: Ints) -> Table:
        return Table(**{each.name: getattr(self, each.name)[index] for each in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number; None where too few jobs tell it."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    name: str
    unit: str
    """min, share, or per job."""
    of: Callable[[Table], Floats]
    """The jobs' values that count."""
    reduce: Callable[[Floats], float]
    n_min: int = 1


def _known(told: Sequence[tuple[bool, bool]]) -> Floats:
    """Yes and no as numbers, NaN where it is not known."""
    return np.array([float(yes) if known else np.nan for known, yes in told])


def _told(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _mean(values: Floats) -> float:
    return float(values.mean())


def _p90(values: Floats) -> float:
    return float(np.percentile(values, 90))


METRICS: Final = (
    Metric(
        name="camera_alive_share",
        unit="share",
        of=lambda table: _told(table.camera_alive),
        reduce=_mean,
    ),
    Metric(
        name="mean_response", unit="min", of=lambda table: table.response_s / 60.0, reduce=_mean
    ),
    Metric(
        name="p90_response",
        unit="min",
        of=lambda table: table.response_s / 60.0,
        reduce=_p90,
        n_min=P90_N_MIN,
    ),
    Metric(
        name="priority_mean",
        unit="min",
        of=lambda table: table.response_s[table.priority] / 60.0,
        reduce=_mean,
    ),
    Metric(
        name="priority_p90",
        unit="min",
        of=lambda table: table.response_s[table.priority] / 60.0,
        reduce=_p90,
        n_min=P90_N_MIN,
    ),
    Metric(
        name="late_share",
        unit="share",
        of=lambda table: (table.response_s > LATE_S).astype(np.float64),
        reduce=_mean,
    ),
    Metric(
        name="wrong_unit_share",
        unit="share",
        of=lambda table: _told(table.wrong),
        reduce=_mean,
    ),
    Metric(
        name="unanswered_share",
        unit="share",
        of=lambda table: (~table.answered).astype(np.float64),
        reduce=_mean,
    ),
    Metric(name="swaps", unit="per job", of=lambda table: _told(table.swaps), reduce=_mean),
)


def figures(table: Table, blocks: int, seed: int) -> dict[str, Figure]:
    """Every metric of one policy by name."""
    drawn = [_values(table.rows(rows)) for rows in _draws(table, blocks, seed)]
    return _figures(_values(table), drawn, table)


def differences(table: Table, base: Table, blocks: int, seed: int) -> dict[str, Figure]:
    """Of one policy less another one that met the same calls."""
    return _against(table, base, blocks, seed, lambda ours, theirs: ours - theirs)


def savings(table: Table, base: Table, blocks: int, seed: int) -> dict[str, Figure]:
    """By which share one policy's figure is below another's; none where that one's is 0."""
    return _against(
        table, base, blocks, seed, lambda ours, theirs: 1.0 - ours / theirs if theirs else None
    )


def _against(table: Table, base: Table, blocks: int, seed: int, less: Less) -> dict[str, Figure]:
    pairs = zip(_draws(table, blocks, seed), _draws(base, blocks, seed), strict=True)
    drawn = [
        _less(_values(table.rows(ours)), _values(base.rows(theirs)), less) for ours, theirs in pairs
    ]
    return _figures(_less(_values(table), _values(base), less), drawn, table)


def _figures(
    values: dict[str, float | None], drawn: Sequence[dict[str, float | None]], table: Table
) -> dict[str, Figure]:
    found = {}
    for metric in METRICS:
        name, value = metric.name, values[metric.name]
        known = [each[name] for each in drawn]
        low, high = (
            np.quantile(np.array(known, dtype=np.float64), INTERVAL).tolist()
            if known and value is not None and None not in known
            else (None, None)
        )
        found[name] = Figure(value=value, low=low, high=high, n=len(metric.of(table)))
    return found


def _values(table: Table) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for metric in METRICS:
        counted = metric.of(table)
        found[metric.name] = metric.reduce(counted) if len(counted) >= metric.n_min else None
    return found


def _less(
    ours: dict[str, float | None], theirs: dict[str, float | None], less: Less
) -> dict[str, float | None]:
    return {
        name: None if value is None or (base := theirs[name]) is None else less(value, base)
        for name, value in ours.items()
    }


def _draws(table: Table, blocks: int, seed: int) -> list[Ints]:
    """Rows of each draw of days; none where there is one day alone."""
    if blocks < 2:
        return []
    rng = np.random.default_rng(seed)
    by_block = [np.flatnonzero(table.block == block) for block in range(blocks)]
    return [
        np.concatenate([by_block[block] for block in rng.integers(0, blocks, blocks)])
        for _ in range(DRAWS)
    ]
