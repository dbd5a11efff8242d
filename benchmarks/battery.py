"""How well the time to empty is foretold, where the truth is known.

Simulated cameras of five models (`devices.sim.cells`): each device's true rates are hidden, models
differ from what is supposed of them, use wanders, cold takes capacity, gauges show whole percent,
five percent or four bars, packs are swapped and charged, some readings are nonsense. 100 other
devices of each model are watched first and make its prior. Then each camera reports once a minute
for 10 to 120 minutes of changing use, is asked how long it will last under one load, and is run
until it is empty. Cameras that are empty before they are asked do not count.

coverage_80   share of true times inside the interval from the 10th to the 90th percentile foretold
coverage_90   and from the 5th to the 95th, each with a 95 % Wilson interval
ape_median    absolute error of the median as a share of the true time, its median
rate_error    root mean square of the log of the drain learned over the true one, devices
              that differ by 30 % about 24 %/h, use that does not wander
updates_per_s reports taken in a second by one core

The other system, `linear`, draws a least-squares line through the levels of the last 30 minutes
since they last rose; its spread is the standard error of the slope. Its update is one such fit.

Worlds "as assumed" differ as the starting values say; in "alike" ones devices and use vary half as
much, in "unlike" ones half as much again, which nobody tells the estimator. `--write FILE` puts the
table between the markers of docs/battery.md and draws the plot beside it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks._cameras import STEP_S, Field
from benchmarks._report import Options, Row, main_writing, say, share_row, write_between
from benchmarks.battery_plot import svg
from devices.battery.estimator import RATES, WANDER, Estimator
from devices.battery.model import LOADS, RESERVE_PCT, Floats, Load, Prior, mask_of, starting_prior
from devices.battery.outlook import Leg, outlook
from devices.battery.pool import pooled
from devices.battery.reports import Reports
from devices.sim.cells import MAKES

DEVICES: Final = 2_000
SCHOOL: Final = 100
"""Devices of each model that make its prior."""
WATCHED_MIN: Final = (10, 30, 60, 120)
WORLDS: Final = {"as assumed": 1.0, "alike": 0.5, "unlike": 1.5}

LINE_MIN: Final = 30
RATE_EVERY_S: Final = 20.0
SHARES: Final = np.linspace(0.005, 0.995, 199)

SYSTEMS: Final = ("ridgeline", "linear")
METRICS: Final = ("coverage_80", "coverage_90", "ape_median")
BEGIN, END = "<!-- battery: made by benchmarks/battery.py -->", "<!-- battery: end -->"
PLOT: Final = Path("img/battery-coverage.svg")

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """What one system said of K devices, and what came."""

    make: Ints
    watched_min: Ints
    took_s: Floats
    median_s: Floats
    place: Floats
    """(K,) probability foretold of a time no longer than the true one."""

    def only(self, which: Bools) -> Foretold:
        return Foretold(
            make=self.make[which],
            watched_min=self.watched_min[which],
            took_s=self.took_s[which],
            median_s=self.median_s[which],
            place=self.place[which],
        )

    @classmethod
    def joined(cls, parts: Sequence[Foretold]) -> Foretold:
        return cls(
            make=np.concatenate([part.make for part in parts]),
            watched_min=np.concatenate([part.watched_min for part in parts]),
            took_s=np.concatenate([part.took_s for part in parts]),
            median_s=np.concatenate([part.median_s for part in parts]),
            place=np.concatenate([part.place for part in parts]),
        )

    def inside(self, share: float) -> int:
        """How many true times lie in the central interval of this probability."""
        return int((np.abs(2.0 * self.place - 1.0) <= share).sum())


def judged(options: Options) -> dict[tuple[str, str], Foretold]:
    """By world and system, what was foretold and what came."""
    devices = DEVICES // 10 if options.quick else DEVICES
    found = {}
    for world, differ in WORLDS.items():
        say(options, f"{devices} cameras {world}")
        rng = np.random.default_rng(options.seed)
        priors = school(rng, differ)
        groups = [group(devices, minutes, priors, rng, differ) for minutes in WATCHED_MIN]
        for system in SYSTEMS:
            found[world, system] = Foretold.joined([one[system] for one in groups])
    return found


def school(rng: np.random.Generator, differ: float) -> list[Prior]:
    """A prior of each model from devices that were watched for four hours."""
    start = [starting_prior(step_pct=make.step_pct) for make in MAKES]
    field = Field(np.repeat(np.arange(len(MAKES)), SCHOOL), start, rng, differ)
    field.watch(240)
    return [
        pooled(
            prior,
            [field.estimator.state(one) for one in np.flatnonzero(field.make == make).tolist()],
        )
        for make, prior in enumerate(start)
    ]


def group(
    devices: int, minutes: int, priors: Sequence[Prior], rng: np.random.Generator, differ: float
) -> dict[str, Foretold]:
    """A quarter of the cameras: those watched for so long."""
    make = np.arange(devices // len(WATCHED_MIN)) % len(MAKES)
    field = Field(make, priors, rng, differ)
    field.watch(minutes)
    foresight = [_ask(field, device) for device in range(len(make))]
    lines = line(field)
    took_s = field.time_to_empty_s()
    counts = np.isfinite(took_s)
    median_s, place = _places(foresight, took_s)
    line_median_s, line_place = _line_places(field, lines, took_s)
    said = {"ridgeline": (median_s, place), "linear": (line_median_s, line_place)}
    return {
        system: Foretold(
            make=make,
            watched_min=np.full(len(make), minutes),
            took_s=took_s,
            median_s=median,
            place=where,
        ).only(counts)
        for system, (median, where) in said.items()
    }


def _ask(field: Field, device: int) -> Floats:
    """(199,) quantiles of the time to empty, s."""
    ahead = outlook(field.estimator, device, field.at_s)
    assert ahead is not None
    leg = Leg(
        loads=frozenset(load for n, load in enumerate(LOADS) if field.mask[device] >> n & 1),
        minutes=0.0,
        temp_c=float(field.temp_c[device]),
        weak=float(field.weak[device]),
    )
    return np.array(ahead.empty_after_s(leg, SHARES.tolist()))


def _places(foresight: Sequence[Floats], took_s: Floats) -> tuple[Floats, Floats]:
    place = [
        np.interp(took, times, SHARES, left=0.0, right=1.0)
        for times, took in zip(foresight, took_s, strict=True)
    ]
    return np.array([times[len(SHARES) // 2] for times in foresight]), np.array(place)


def line(field: Field) -> tuple[Floats, Floats]:
    """The line through the last half hour."""
    return fit(np.array(field.levels[-LINE_MIN - 1 :]), STEP_S)


def fit(levels: Floats, every_s: float) -> tuple[Floats, Floats]:
    """Slope of (T, N) levels, %/h, and its standard error: least squares since the last rise."""
    rose = np.cumsum(np.diff(levels, axis=0, prepend=levels[:1]) > 0, axis=0)
    used = (rose == rose[-1]).astype(np.float64)
    hours = np.arange(len(levels))[:, None] * every_s / 3600
    count = used.sum(axis=0)
    at = hours - (used * hours).sum(axis=0) / count
    off = levels - (used * levels).sum(axis=0) / count
    square = np.maximum((used * at**2).sum(axis=0), 1e-12)
    slope = (used * at * off).sum(axis=0) / square
    rest = (used * (off - slope * at) ** 2).sum(axis=0) / np.maximum(count - 2.0, 1.0)
    return slope, np.sqrt(rest / square)


def _line_places(
    field: Field, lines: tuple[Floats, Floats], took_s: Floats
) -> tuple[Floats, Floats]:
    """The line's median (none where the level does not fall) and the place of the truth."""
    slope, error = lines
    left = field.levels[-1] - RESERVE_PCT
    median_s = np.where(slope < 0.0, 3600 * left / np.maximum(-slope, 1e-9), np.inf)
    needed = 3600 * left / took_s
    return median_s, np.asarray(ndtr((-slope - needed) / np.maximum(error, 1e-9)))


def rows_of(found: dict[tuple[str, str], Foretold]) -> list[Row]:
    return [row for (world, system), seen in found.items() for row in _rows(world, system, seen)]


def _rows(world: str, system: str, seen: Foretold) -> Iterator[Row]:
    for name, part in _parts(world, seen):
        n = len(part.took_s)
        error = float(np.median(np.abs(part.median_s - part.took_s) / part.took_s))
        for percent in (80, 90):
            yield share_row(f"coverage_{percent}", system, part.inside(percent / 100), n, name)
        yield Row(
            metric="ape_median",
            system=system,
            map=name,
            unit="share",
            value=round(error, 4) if np.isfinite(error) else None,
            n=n,
            note=None if np.isfinite(error) else "half of the levels did not fall: no time at all",
        )


def _parts(world: str, seen: Foretold) -> Iterator[tuple[str, Foretold]]:
    """All of a world; of the first also every model, and every time of watching."""
    yield world, seen
    if world == next(iter(WORLDS)):
        for make, true in enumerate(MAKES):
            yield (
                f"{true.step_pct:.0f} % steps, drain × {true.thirst}",
                seen.only(seen.make == make),
            )
        for minutes in WATCHED_MIN:
            yield f"watched {minutes} min", seen.only(seen.watched_min == minutes)


def rate_rows(options: Options) -> list[Row]:
    """How far the drain learned is off after some minutes of one load, by the gauge's step."""
    rng = np.random.default_rng(options.seed)
    return [
        row
        for step_pct in sorted({make.step_pct for make in MAKES})
        for minutes in (10, 30, 60)
        for row in _rate_rows(step_pct, minutes, rng)
    ]


def _rate_rows(step_pct: float, minutes: int, rng: np.random.Generator) -> Iterator[Row]:
    prior, load = starting_prior(step_pct=step_pct), LOADS.index(Load.STREAM_LOW)
    log_rate = prior.log_rate[load] + rng.normal(0.0, 0.3, DEVICES)
    begin = rng.uniform(55.0, 95.0, DEVICES)
    estimator, everyone = Estimator([prior] * DEVICES), np.arange(DEVICES)
    hours = np.arange(0.0, minutes * 60.0 + 1.0, RATE_EVERY_S)[:, None] / 3600
    levels = np.floor((begin - np.exp(log_rate) * hours) / step_pct) * step_pct
    for at_h, level in zip(hours[:, 0].tolist(), levels, strict=True):
        estimator.update(
            everyone,
            Reports(
                at_s=np.full(DEVICES, 3600 * at_h),
                level_pct=level,
                mask=np.full(DEVICES, mask_of({Load.STREAM_LOW}), dtype=np.int64),
                charging=np.zeros(DEVICES, dtype=np.bool_),
                temp_c=np.full(DEVICES, 25.0),
                weak=np.zeros(DEVICES),
            ),
        )
    learned = estimator.mean[:, RATES][:, load] + estimator.mean[:, WANDER]
    slope = -fit(levels, RATE_EVERY_S)[0]
    falls = slope > 0.0
    errors = {
        "ridgeline": learned - log_rate,
        "linear": np.log(slope[falls]) - log_rate[falls],
    }
    for system, error in errors.items():
        yield Row(
            metric="rate_error",
            system=system,
            map=f"{step_pct:.0f} % steps, {minutes} min",
            unit="share",
            value=round(float(np.sqrt(np.mean(error**2))), 4) if len(error) else None,
            n=len(error),
        )


def speed_rows(options: Options) -> list[Row]:
    """Reports a second of both systems, in turn, over the same hour of the same cameras."""
    rounds = 3 if options.quick else 10
    start = [starting_prior(step_pct=make.step_pct) for make in MAKES]
    rates: dict[str, list[float]] = {system: [] for system in SYSTEMS}
    for seed in range(options.seed, options.seed + rounds):
        rng = np.random.default_rng(seed)
        field = Field(np.arange(DEVICES) % len(MAKES), start, rng, 1.0)
        field.watch(60)
        rates["ridgeline"].append(DEVICES * len(field.levels) / field.spent_s)
        begin = time.perf_counter()
        for _ in range(20):
            line(field)
        rates["linear"].append(20 * DEVICES / (time.perf_counter() - begin))
    return [
        Row(
            metric="updates_per_s",
            system=system,
            unit="1/s",
            value=round(float(np.median(seen))),
            n=rounds,
            note=f"{DEVICES} devices a batch; slowest round {min(seen):.0f}",
        )
        for system, seen in rates.items()
    ]


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown: times to empty, drains, speed; both systems beside each other."""
    found = {(row.map, row.system, row.metric): row for row in rows}
    lines = [
        "| cameras | n | 80 % covers | 90 % covers | error of the median | "
        "linear: 80 % | 90 % | error |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in _names(rows, METRICS[0]):
        cells = [_cell(found[name, s, m]) for s in SYSTEMS for m in METRICS]
        lines.append(f"| {name} | {found[name, SYSTEMS[0], METRICS[0]].n} | {' | '.join(cells)} |")
    lines += ["", "| error of the drain learned | ridgeline | linear | of so many that fell |"]
    lines += ["|---|---|---|---|"]
    for name in _names(rows, "rate_error"):
        ours, theirs = (found[name, system, "rate_error"] for system in SYSTEMS)
        lines.append(f"| {name} | {_cell(ours)} | {_cell(theirs)} | {theirs.n} of {ours.n} |")
    speeds = [f"{row.system} {row.value:,.0f}" for row in rows if row.metric == "updates_per_s"]
    return "\n".join([*lines, "", f"Reports a second on one core: {', '.join(speeds)}."])


def _names(rows: Sequence[Row], metric: str) -> list[str]:
    return list(dict.fromkeys(row.map for row in rows if row.map and row.metric == metric))


def _cell(row: Row) -> str:
    if row.value is None:
        return "none"
    if row.low is None or row.system != SYSTEMS[0]:
        return f"{row.value:.1%}"
    return f"{row.value:.1%} ({row.low:.1%} … {row.high:.1%})"


def run_and_write(options: Options, file: Path | None) -> list[Row]:
    found = judged(options)
    rows = rows_of(found) + rate_rows(options) + speed_rows(options)
    if file is not None:
        write_between(file, BEGIN, END, table(rows))
        plot = file.parent / PLOT
        plot.parent.mkdir(exist_ok=True)
        world = next(iter(WORLDS))
        places = {system: found[world, system].place for system in SYSTEMS}
        plot.write_text(svg(places), encoding="utf-8")
    return rows


if __name__ == "__main__":
    main_writing("battery", run_and_write, __doc__)
