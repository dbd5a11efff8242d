"""What ways of choosing units come to: response, wrong units, cameras, units called off.

Seeded days of two counties in virtual time (`server.evaluation`, docs/evaluation.md): Andorra with
12 units and a synthetic county of 2,230 km² with 26, each in peace (80 calls a day), busy (200) and
in a surge (peace, and 30 calls an hour more for three hours). Every policy meets the same calls and
the same people and drives the same roads. The first four take each call by itself, most urgent and
then oldest first; `full` shares units out among all open calls, calls units off, minds cameras and
cover, and moves units up. The two beside it leave out moving up, and cover altogether.

priority_p90         nine in ten of the calls that are not routine are answered sooner
priority_mean        minutes from such a call to the first officer at the place
mean_response        the same of all calls
p90_response
late_share           over 25 minutes
wrong_unit_share     another free unit would have been there a minute sooner
camera_alive_share   jobs whose body camera lives from the order until done
swaps                units under way that were called off, per job
priority_p90_saved   share by which `full` is below a baseline, day by day

With 95 % bootstrap intervals over days. Time is virtual: a loaded machine changes no figure.
`--only` names one map or load; `--write FILE` puts the tables between the markers of
docs/dispatch.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import _andorra
from benchmarks._report import (
    Options,
    Row,
    Unit,
    options_of,
    parser_of,
    publish,
    report_of,
    say,
    telling,
    write_between,
)
from geo import mapfolder
from geo.mapmaking.build import build
from geo.synth import county as synthetic
from server.evaluation.compare import Asked, lived
from server.evaluation.county import County
from server.evaluation.figures import Figure, Table, figures, savings
from server.evaluation.policies import POLICIES
from server.evaluation.scenario import TRAFFIC

SEEDS: Final = 10
SEEDS_QUICK: Final = 2
SYNTHETIC_SEED: Final = 1
SYNTHETIC_KM2: Final = 2_230.0
UNITS: Final = {"andorra": 12, "synthetic": 26}
LOADS: Final = ("peace", "busy", "surge")
BASELINES: Final = ("straight_line", "road_class", "road", "battery_blind")
OURS: Final = "full"
WITHOUT: Final = ("full_no_cover", "full_no_move_ups")
"""Ours but for something, so that one sees what each part brings."""
SYSTEMS: Final = (*BASELINES, *WITHOUT, OURS)
METRICS: Final[dict[str, Unit]] = {
    "priority_p90": "min",
    "priority_mean": "min",
    "mean_response": "min",
    "p90_response": "min",
    "late_share": "share",
    "wrong_unit_share": "share",
    "camera_alive_share": "share",
    "swaps": "per job",
}
SAVED: Final = "priority_p90_saved"
BEGIN: Final = "<!-- dispatch policies: made by benchmarks/dispatch_policies.py -->"
END: Final = "<!-- dispatch policies: end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One county under one load."""

    place: str
    map_dir: Path
    load: str

    @property
    def name(self) -> str:
        return f"{self.place}, {self.load}"


def run(options: Options, only: str | None, at_once: int) -> list[Row]:
    """Cases beside each other, as many as there are processes for."""
    with tempfile.TemporaryDirectory(prefix="rl-policies-") as folder:
        asked = list(cases(Path(folder), options, only))
        if at_once == 1:
            found = [rows_of(case, options) for case in asked]
        else:
            with ProcessPoolExecutor(at_once) as pool:
                found = list(pool.map(partial(rows_of, options=options), asked))
    return [row for rows in found for row in rows]


def cases(folder: Path, options: Options, only: str | None) -> Iterator[Case]:
    """The quick run has Andorra in a surge alone. Exits for a name that is none."""
    places = ("andorra",) if options.quick else tuple(UNITS)
    loads = ("surge",) if options.quick else LOADS
    for place in places if only in (None, *LOADS) else (str(only),):
        say(options, f"Making the map of {place}")
        map_dir = _andorra.build(folder) if place == "andorra" else _synthetic(folder)
        for load in loads if only not in LOADS else (str(only),):
            yield Case(place=place, map_dir=map_dir, load=load)


def _synthetic(folder: Path) -> Path:
    map_dir = folder / "synthetic"
    mapfolder.save(build(synthetic(SYNTHETIC_SEED, area_km2=SYNTHETIC_KM2)), map_dir)
    return map_dir


def rows_of(case: Case, options: Options) -> list[Row]:
    asked = Asked(
        policies=[POLICIES[system] for system in SYSTEMS],
        traffic=TRAFFIC[case.load],
        seed=options.seed,
        seeds=SEEDS_QUICK if options.quick else SEEDS,
        days=1,
        units=UNITS[case.place],
    )
    with closing(County(mapfolder.load(case.map_dir))) as county:
        tables = lived(county, asked, telling(options, case.name))
    return list(_rows(case.name, asked, tables))


def _rows(name: str, asked: Asked, tables: dict[str, Table]) -> Iterator[Row]:
    for system, table in tables.items():
        found = figures(table, asked.blocks, asked.seed)
        for metric, unit in METRICS.items():
            yield _row(metric, name, system, unit, found[metric])
    for base in BASELINES:
        saved = savings(tables[OURS], tables[base], asked.blocks, asked.seed)["priority_p90"]
        yield _row(SAVED, name, f"{OURS} against {base}", "share", saved)


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
    """One line a county, load and policy; then what `full` saves against each baseline."""
    found = {(row.map, row.system, row.metric): row for row in rows}
    heads = "county, load|policy|jobs|priority P90, min|priority mean, min|mean, min|P90, min"
    lines = _head(f"{heads}|over 25 min|wrong unit|camera alive|called off per job")
    for name, system in dict.fromkeys((row.map, row.system) for row in rows if row.metric != SAVED):
        n = found[name, system, "mean_response"].n
        cells = [_cell(found.get((name, system, metric))) for metric in METRICS]
        lines.append(f"| {name} | {system} | {n} | {' | '.join(cells)} |")
    lines += ["", *_head(f"priority P90: {OURS} below|{'|'.join(BASELINES)}")]
    for name in dict.fromkeys(row.map for row in rows):
        saved = [_cell(found.get((name, f"{OURS} against {base}", SAVED))) for base in BASELINES]
        lines.append(f"| {name} | {' | '.join(saved)} |")
    return "\n".join(lines)


def _head(names: str) -> list[str]:
    return [f"| {names.replace('|', ' | ')} |", "|" + "---|" * (names.count("|") + 1)]


def _cell(row: Row | None) -> str:
    if row is None or row.value is None:
        return ""
    form = {"share": ".1%", "min": ".1f"}.get(row.unit, ".2f")
    interval = "" if row.low is None else f" ({row.low:{form}} … {row.high:{form}})"
    return f"{row.value:{form}}{interval}"


def main() -> None:
    parser = parser_of("dispatch_policies", __doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into FILE, too")
    parser.add_argument("--only", choices=(*UNITS, *LOADS), help="of this map or load alone")
    parser.add_argument("--at-once", type=int, default=1, metavar="N", help="processes; 1")
    parsed = parser.parse_args()
    options = options_of(parsed)
    rows = run(options, parsed.only, parsed.at_once)
    if parsed.write is not None:
        write_between(parsed.write, BEGIN, END, table(rows))
    publish(report_of("dispatch_policies", rows, options), options)


if __name__ == "__main__":
    main()
