"""Travel times over a road map: Ridgeline beside OSRM, Valhalla, SciPy and the bare library.

`scipy_turns` answers the same question as Ridgeline, turns included; `bare` and `scipy` an easier
one, between junctions and without turns.

All run in this process, a round of each in turn, on maps made from the same two files (an
OpenStreetMap extract and elevation), between the same places on roads that every system knows. A
place is found on the road beforehand where a system can be told (Ridgeline, `scipy_turns`: once a
fix, as the server does; `bare` and `scipy`: the nearest junction); OSRM and Valhalla do it in every
query. Their answers are of their own models: what is compared is the time to an answer.

eta_200_to_1     200 units to one scene
matrix_200x20    200 units to 20 scenes
route_geometry   one way with its whole shape
close_to_answer  from closing a road to the first 200-to-1 answer that heeds it
reweight_all     from another travel time on every road to the first 200-to-1 answer
build            from the extract to files that a server starts from
memory           of the loaded map, after one answer, in a process of its own

Maps: `andorra`, real; `synth-1m`, ours, about a million junctions, not when --quick (and smaller
ones of its kind by `--map`). It and what every system builds of it are kept, so that a long run may
be cut off and go on later; report.json beside them has the figures so far. OSRM and Valhalla have
wheels for Python 3.12 and newer: `make bench-peers`. A peer that is not installed, fails or is not
done in its time is named with the reason. One that is slow sits out rounds: n says how many it ran.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks import _extracts, _memory, _report
from benchmarks._andorra import ROOT
from benchmarks._extracts import SYNTH_KM2, Extract
from benchmarks._peers import OsrmSystem, ValhallaSystem
from benchmarks._prepared import open_all, prepare, shut_all
from benchmarks._questions import BUDGET_QUICK_S, BUDGET_S, ROUNDS, Questions
from benchmarks._report import Options, Row, say, telling
from benchmarks._routers import (
    OURS,
    BareSystem,
    RidgelineSystem,
    ScipySystem,
    ScipyTurnsSystem,
    System,
)

SYSTEMS: tuple[System, ...] = (
    RidgelineSystem(),
    ScipyTurnsSystem(),
    BareSystem(),
    ScipySystem(),
    OsrmSystem(),
    ValhallaSystem(),
)
NOTES = {
    ("close_to_answer", "osrm"): "MLD: osrm-customize with a speed file, then load",
    ("close_to_answer", "valhalla"): "excluded in the request; at most 50 roads",
    ("reweight_all", "osrm"): "MLD: osrm-customize, no speeds read, then load: too good",
    ("reweight_all", "valhalla"): "another top speed in the request; no weight of one's own",
}
MAPS = Path(os.environ.get("RIDGELINE_BENCH_MAPS", ROOT / "data" / "benchmarks"))
"""Where invented maps are kept from run to run, and what was built of them."""
PRIORITY = 50
"""Of `--realtime`; the kernel's own work is above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How the questions are asked."""

    budget_s: float
    """Of one system for one metric."""
    realtime: bool = False
    """Before all other work of the machine."""


def run(name: str, options: Options, asking: Asking) -> list[Row]:
    """Ask about one map."""
    if name == "andorra":
        with tempfile.TemporaryDirectory(prefix="rl-routing-") as folder:
            return on_map(_extracts.andorra(), Path(folder), options, asking)
    extract = _extracts.synthetic(MAPS, name, SYNTH_KM2[name], telling(options, name))
    return on_map(extract, extract.osm.parent / "built", options, asking)


def on_map(extract: Extract, folder: Path, options: Options, asking: Asking) -> list[Row]:
    """Build, choose places that all can join, ask, weigh; what is known goes to report.json."""

    def tell(text: str) -> None:
        say(options, f"{extract.name}: {text}")

    prepared = prepare(extract, folder, SYSTEMS, options.random(), tell)
    routers = open_all(prepared, extract.name, folder, tell)
    rows = list(prepared.rows)
    questions = Questions(extract.name, routers, prepared.closures, options, asking.budget_s)
    for metric in ROUNDS:
        tell(metric)
        with _urgent(asking.realtime):
            rows += questions.rows(metric)
        _keep(rows, folder, options)
    shut_all(routers)
    for system in prepared.systems:
        tell(f"weighing {system.name}")
        rows.append(_weighed(system, extract.name, folder))
        _keep(rows, folder, options)
    return [_noted(row) for row in rows]


def _weighed(system: System, map_name: str, folder: Path) -> Row:
    row = Row(metric="memory", system=system.name, unit="MB", map=map_name)
    try:
        return msgspec.structs.replace(row, value=round(_memory.of(system.name, folder), 1))
    except RuntimeError as error:
        if system.name in OURS:
            raise
        return msgspec.structs.replace(row, note=f"not weighed: {error}")


def _keep(rows: Sequence[Row], folder: Path, options: Options) -> None:
    """Write what is known so far: a long run may be cut off."""
    report = _report.report_of("routing", [_noted(row) for row in rows], options)
    (folder / "report.json").write_bytes(msgspec.json.encode(report))


@contextmanager
def _urgent(realtime: bool) -> Iterator[None]:
    """Inside, this thread goes before all others of the machine, where asked for and permitted."""
    if not realtime:
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)


def _noted(row: Row) -> Row:
    """The row with what one has to know about its system."""
    said = NOTES.get((row.metric, row.system))
    if row.metric == "eta_200_to_1":
        (said,) = (each.note for each in SYSTEMS if each.name == row.system)
    notes = "; ".join(part for part in (said, row.note) if part)
    return msgspec.structs.replace(row, note=notes or None)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = _report.parser_of("routing", __doc__)
    parser.add_argument(
        "--map", action="append", choices=["andorra", *SYNTH_KM2], help="once or several times"
    )
    parser.add_argument(
        "--realtime", action="store_true", help="ask at real-time priority (Linux, as root)"
    )
    parser.add_argument(
        "--budget-s", type=float, help="of one system for one metric (30; 3 when --quick)"
    )
    parsed = parser.parse_args(arguments)
    options = _report.options_of(parsed)
    try:
        with _urgent(parsed.realtime):
            pass
    except (PermissionError, AttributeError):
        parser.error("--realtime: this user or system does not permit it; run without it")
    names = parsed.map or (["andorra"] if options.quick else ["andorra", "synth-1m"])
    budget_s = parsed.budget_s or (BUDGET_QUICK_S if options.quick else BUDGET_S)
    asking = Asking(budget_s=budget_s, realtime=parsed.realtime)
    rows = [row for name in names for row in run(name, options, asking)]
    _report.publish(_report.report_of("routing", rows, options), options)


if __name__ == "__main__":
    main()
