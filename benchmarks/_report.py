"""What every benchmark shares: rows, percentiles, interleaved timing, command line.

`--json` prints one object: {"benchmark", "seed", "quick", "rows": [...]}; else a table. Systems
that are compared run in the same process, a round of each in turn, so that heat, other load and
memory layout fall on all alike.
"""

from __future__ import annotations

import argparse
import gc
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from server.review.estimates import proportion

Unit = Literal["ms", "1/s", "MB", "kB", "B", "share", "min", "per job"]

SEED_DEFAULT: Final = 20_260_101
WARM_UP_ROUNDS: Final = 3
"""Rounds that are run and not counted: caches fill, lazy parts are made."""
TOLD_PER_PHASE: Final = 5
SAMPLES_MIN: Final = 2
"""Of a system whose time is up."""


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure: what does not apply is left out."""

    metric: str
    system: str
    """"ridgeline", a peer's name, or "bare" for a library called directly."""
    unit: Unit
    map: str | None = None
    p50: float | None = None
    p99: float | None = None
    value: float | None = None
    n: int | None = None
    low: float | None = None
    """With `high`, a 95 % interval of `value`."""
    high: float | None = None
    note: str | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    benchmark: str
    seed: int
    quick: bool
    rows: list[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a benchmark was asked to run."""

    seed: int
    quick: bool
    """End within a minute."""
    as_json: bool

    def rounds(self, full: int) -> int:
        """A tenth of the full number of rounds when quick, at least 5."""
        return max(5, full // 10) if self.quick else full

    def random(self) -> random.Random:
        return random.Random(self.seed)


def main(
    benchmark: str,
    run: Callable[[Options], Sequence[Row]],
    description: str | None,
    arguments: Sequence[str] | None = None,
) -> None:
    """Parse the command line, run, print. `description`: the module's docstring."""
    options = options_of(parser_of(benchmark, description).parse_args(arguments))
    publish(report_of(benchmark, run(options), options), options)


def main_writing(
    benchmark: str,
    run: Callable[[Options, Path | None], Sequence[Row]],
    description: str | None,
) -> None:
    """`main` of a benchmark whose table stands in a document: `run` gets what --write names."""
    parser = parser_of(benchmark, description)
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into FILE, too")
    parsed = parser.parse_args()
    options = options_of(parsed)
    publish(report_of(benchmark, run(options, parsed.write), options), options)


def parser_of(benchmark: str, description: str | None) -> argparse.ArgumentParser:
    """What every benchmark's command line knows."""
    parser = argparse.ArgumentParser(
        prog=f"benchmarks.{benchmark}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--seed", type=int, default=SEED_DEFAULT)
    return parser


def options_of(parsed: argparse.Namespace) -> Options:
    return Options(seed=parsed.seed, quick=parsed.quick, as_json=parsed.json)


def report_of(benchmark: str, rows: Sequence[Row], options: Options) -> Report:
    return Report(benchmark=benchmark, seed=options.seed, quick=options.quick, rows=list(rows))


def publish(report: Report, options: Options) -> None:
    """On standard output, as it was asked for."""
    if options.as_json:
        print(msgspec.json.encode(report).decode())
    else:
        show(report)


def say(options: Options, text: str) -> None:
    """A line of progress on standard error: standard output is the report's."""
    if not options.as_json:
        Console(stderr=True).print(f"{time.strftime('%H:%M:%S')} {text}", style="dim")


def telling(options: Options, what: str) -> Callable[[str, float], None]:
    """Progress of long work as lines: each phase as it begins, and each fifth of it."""
    told = ("", -1)

    def tell(phase: str, share: float) -> None:
        nonlocal told
        now = (phase, int(share * TOLD_PER_PHASE))
        if now != told:
            told = now
            say(options, f"{what}: {phase} {share:.0%}")

    return tell


def show(report: Report) -> None:
    quick = ", quick" if report.quick else ""
    table = Table(title=f"{report.benchmark} (seed {report.seed}{quick})")
    columns: dict[str, Callable[[Row], str]] = {
        "metric": lambda row: row.metric,
        "map": lambda row: row.map or "",
        "system": lambda row: row.system,
        "p50": lambda row: _short(row.p50),
        "p99": lambda row: _short(row.p99),
        "value": lambda row: _short(row.value),
        "95 %": lambda row: "" if row.low is None else f"{_short(row.low)} … {_short(row.high)}",
        "unit": lambda row: row.unit,
        "n": lambda row: "" if row.n is None else str(row.n),
    }
    used = {name: cell for name, cell in columns.items() if any(map(cell, report.rows))}
    for name in used:
        table.add_column(name, overflow="fold", no_wrap=name in ("metric", "system"))
    for row in report.rows:
        table.add_row(*(cell(row) for cell in used.values()))
    console = Console()
    console.print(table)
    for row in report.rows:
        if row.note:
            where = " ".join(part for part in (row.metric, row.map, row.system) if part)
            console.print(f"{where}: {row.note}", style="dim", markup=False, highlight=False)


def timed_ms(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - start) / 1e6


def interleaved_ms(
    systems: Mapping[str, Callable[[int], object]],
    rounds: int,
    warm_up: int = WARM_UP_ROUNDS,
    *,
    before: Callable[[str], None] | None = None,
    budget_ms: float = math.inf,
) -> dict[str, list[float]]:
    """Time each system's call in turn, `rounds` times over; calls get the number of the round.

    The order changes from round to round (`_turns`), so that none always runs in the wake of the
    same other one. The garbage collector runs between rounds, not inside a measurement; neither
    does `before`, which is called with the system's name. A system sits out what is left once its
    calls have taken `budget_ms`, but its first two counted ones: the number of samples says so.
    """
    samples: dict[str, list[float]] = {name: [] for name in systems}
    spent_ms = dict.fromkeys(systems, 0.0)
    names = list(systems)
    collecting = gc.isenabled()
    gc.disable()
    try:
        for round_ in range(-warm_up, rounds):
            for name in _turns(names, round_):
                if spent_ms[name] > budget_ms and (round_ < 0 or len(samples[name]) >= SAMPLES_MIN):
                    continue
                if before is not None:
                    before(name)
                took = timed_ms(partial(systems[name], max(round_, 0)))
                spent_ms[name] += took
                if round_ >= 0:
                    samples[name].append(took)
            gc.collect(0)
    finally:
        if collecting:
            gc.enable()
    return samples


def _turns(names: Sequence[str], round_: int) -> list[str]:
    """Who follows whom in a round: over as many rounds as there are systems (twice as many where
    that is odd), each comes right after every other equally often (Williams 1949)."""
    count = len(names)
    zigzag = [(step + 1) // 2 * (1 if step % 2 else -1) for step in range(count)]  # 0 1 -1 2 -2 …
    turns = [names[(at + round_) % count] for at in zigzag]
    return turns[::-1] if count % 2 and round_ // count % 2 else turns


def timing_row(
    metric: str,
    system: str,
    samples_ms: Sequence[float],
    map: str | None = None,  # noqa: A002 - as the report calls it
) -> Row:
    """Median and 99th percentile of some timings."""
    p50, p99 = np.percentile(np.asarray(samples_ms), (50, 99)).tolist()
    return Row(
        metric=metric,
        system=system,
        map=map,
        unit="ms",
        p50=round(p50, 4),
        p99=round(p99, 4),
        n=len(samples_ms),
    )


def share_row(
    metric: str,
    system: str,
    hits: int,
    n: int,
    map: str | None = None,  # noqa: A002 - as the report calls it
) -> Row:
    """A proportion with its 95 % Wilson interval."""
    low, high = wilson(hits, n)
    return Row(
        metric=metric,
        system=system,
        map=map,
        unit="share",
        value=round(hits / n, 5) if n else 0.0,
        n=n,
        low=round(low, 5),
        high=round(high, 5),
    )


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Score interval (Wilson 1927) of a proportion at 95 %; 0 … 1 where nothing was tried."""
    found = proportion(hits, n)
    return found.low, found.high


def write_between(file: Path, begin: str, end: str, table: str) -> None:
    """Put a table between the markers of a document. Exits with a clear line without them."""
    text = file.read_text(encoding="utf-8")
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise SystemExit(f"{file} has no lines {begin} and {end} to put the table between")
    file.write_text(f"{before}{begin}\n\n{table}\n\n{end}{after}", encoding="utf-8")


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:.4g}"
