"""Whether cameras live through their jobs, with and without what the product knows of batteries.

Seeded days of two counties in virtual time (`server.evaluation`): Andorra with 12 units, and a
synthetic county of 2,230 km² with 26. Every policy meets the same calls, the same people and the
same cameras, and drives the same roads. What is real in it and what is supposed is said in
docs/evaluation.md.

camera_alive_share  jobs whose body camera lives from the order until done
mean_response       minutes from the call to the first officer at the place
priority_p90        nine in ten of the calls that are not routine are answered sooner
alive_gained        camera_alive_share less that of `battery_blind`, day by day
response_price      mean_response less that of `battery_blind`, day by day

With 95 % bootstrap intervals over days. `--write FILE` puts the table between the markers of
docs/battery.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import _andorra
from benchmarks._report import Options, Row, Unit, main_writing, say, telling, write_between
from geo import mapfolder
from geo.mapmaking.build import build
from geo.roadmap import RoadMap
from geo.synth import county as synthetic
from server.evaluation.compare import Asked, Outcome, compare
from server.evaluation.county import County
from server.evaluation.figures import Figure
from server.evaluation.policies import POLICIES
from server.evaluation.scenario import TRAFFIC

SEEDS: Final = 10
SEEDS_QUICK: Final = 3
SYNTHETIC_SEED: Final = 1
SYNTHETIC_KM2: Final = 2_230.0
UNITS: Final = {"andorra": 12, "synthetic": 26}
SEA_LEVEL_C: Final = {"mild": 15.0, "cold": 0.0}
"""Mean of the day at sea level; stations lie a thousand metres higher."""
BASE: Final = "battery_blind"
SYSTEMS: Final = (BASE, "battery_choice", "mitigations", "one_by_one")
METRICS: Final[dict[str, Unit]] = {
    "camera_alive_share": "share",
    "mean_response": "min",
    "priority_p90": "min",
}
DIFFERENCES: Final[dict[str, tuple[str, Unit]]] = {
    "alive_gained": ("camera_alive_share", "share"),
    "response_price": ("mean_response", "min"),
}
BEGIN: Final = "<!-- battery loop: made by benchmarks/battery_loop.py -->"
END: Final = "<!-- battery loop: end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One county."""

    name: str
    roadmap: RoadMap


def run(options: Options) -> list[Row]:
    return [row for place in places(options) for row in rows_of(place, options)]


def places(options: Options) -> Iterator[Place]:
    """Built one after the other; the quick run has Andorra alone."""
    with tempfile.TemporaryDirectory(prefix="rl-loop-") as name:
        say(options, "Building the map of Andorra")
        yield Place(name="andorra", roadmap=mapfolder.load(_andorra.build(Path(name))))
    if not options.quick:
        say(options, f"Making up a county of {SYNTHETIC_KM2:.0f} km²")
        source = synthetic(SYNTHETIC_SEED, area_km2=SYNTHETIC_KM2)
        yield Place(name="synthetic", roadmap=build(source))


def rows_of(place: Place, options: Options) -> Iterator[Row]:
    with closing(County(place.roadmap)) as county:
        for season, sea_level_c in SEA_LEVEL_C.items():
            name = f"{place.name}, {season}"
            asked = Asked(
                policies=[POLICIES[system] for system in SYSTEMS],
                traffic=TRAFFIC["peace"],
                seed=options.seed,
                seeds=SEEDS_QUICK if options.quick else SEEDS,
                days=1,
                units=UNITS[place.name],
                sea_level_c=sea_level_c,
            )
            for outcome in compare(county, asked, telling(options, name)):
                yield from _rows(name, outcome)


def _rows(name: str, outcome: Outcome) -> Iterator[Row]:
    for metric, unit in METRICS.items():
        yield _row(metric, name, outcome.policy, unit, outcome.figures[metric])
    if outcome.against is not None:
        for difference, (metric, unit) in DIFFERENCES.items():
            yield _row(difference, name, outcome.policy, unit, outcome.against[metric])


def _row(metric: str, name: str, system: str, unit: Unit, figure: Figure) -> Row:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 4)

    return Row(
        metric=metric,
        system=system,
        map=name,
        unit=unit,
        value=rounded(figure.value),
        low=rounded(figure.low),
        high=rounded(figure.high),
        n=figure.n,
    )


def table(rows: Sequence[Row]) -> str:
    """One line a county, season and system."""
    found = {(row.map, row.system, row.metric): row for row in rows}
    lines = [
        "| county | system | jobs | camera alive | gained | mean response, min | price, min | "
        "priority P90, min |",
        "|---|---|---|---|---|---|---|---|",
    ]
    columns = ("camera_alive_share", "alive_gained", "mean_response", "response_price")
    for name, system in dict.fromkeys((row.map, row.system) for row in rows):
        cells = [_cell(found.get((name, system, each))) for each in (*columns, "priority_p90")]
        n = found[name, system, "camera_alive_share"].n
        lines.append(f"| {name} | {system} | {n} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: Row | None) -> str:
    if row is None or row.value is None:
        return ""
    sign = "+" if row.metric in DIFFERENCES else ""
    form = f"{sign}.1%" if row.unit == "share" else f"{sign}.1f"
    interval = "" if row.low is None else f" ({row.low:{form}} … {row.high:{form}})"
    return f"{row.value:{form}}{interval}"


def run_and_write(options: Options, file: Path | None) -> list[Row]:
    rows = run(options)
    if file is not None:
        write_between(file, BEGIN, END, table(rows))
    return rows


if __name__ == "__main__":
    main_writing("battery_loop", run_and_write, __doc__)
