"""Travel times over a road map: Ridgeline beside OSRM, Valhalla, SciPy and the bare library.

All run in this process, a round of each in turn, on maps made from the same two files (an
OpenStreetMap extract and elevation), between the same places on roads that every system knows. A
place is found on the road beforehand where a system can be told (Ridgeline: once a fix, as the
server does; `bare` and `scipy`: the nearest junction); OSRM and Valhalla do it in every query.
Their answers are of their own models: what is compared is the time to an answer.

eta_200_to_1     200 units to one scene
matrix_200x20    200 units to 20 scenes
route_geometry   one way with its whole shape
close_to_answer  from closing a road to the first 200-to-1 answer that heeds it
reweight_all     from another travel time on every road to the first 200-to-1 answer
build            from the extract to files that a server starts from
memory           of the loaded map, after one answer, in a process of its own

Maps: `andorra`, real; `synth-1m`, ours, about a million junctions, not when --quick. OSRM and
Valhalla have wheels for Python 3.12 and newer: `make bench-peers`. A peer that is not installed is
named as absent. A system that is slow sits out rounds: n says how many it ran.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random

import msgspec

from benchmarks import _extracts, _memory
from benchmarks._andorra import ROOT
from benchmarks._extracts import Extract
from benchmarks._peers import OsrmSystem, ValhallaSystem
from benchmarks._places import as_places, choose_closures, choose_places, joined_by_all
from benchmarks._questions import ROUNDS, SCENES, UNITS, Questions
from benchmarks._report import Options, Row, main, say, timed_ms
from benchmarks._routers import (
    BareSystem,
    Closure,
    NodeGraph,
    Places,
    RidgelineSystem,
    Router,
    ScipySystem,
    System,
)
from geo import mapfolder

SYSTEMS: tuple[System, ...] = (
    RidgelineSystem(),
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
"""Where the synthetic map is kept from run to run."""


def run(options: Options) -> list[Row]:
    extracts: list[Callable[[], Extract]] = [_extracts.andorra]
    if not options.quick:
        extracts.append(partial(_extracts.synthetic, MAPS))
    rows: list[Row] = []
    for extract in extracts:
        with tempfile.TemporaryDirectory(prefix="rl-routing-") as folder:
            rows += on_map(extract(), Path(folder), options)
    return rows


def on_map(extract: Extract, folder: Path, options: Options) -> list[Row]:
    """Build, choose places that all can join, ask, weigh."""
    rows, built = _build_all(extract, folder, options)
    say(options, f"{extract.name}: choosing places")
    closures = _places(extract, folder, built, options.random())
    routers = _opened(built, folder)
    questions = Questions(extract.name, routers, closures, options)
    for metric in ROUNDS:
        say(options, f"{extract.name}: {metric}")
        rows += questions.rows(metric)
    _shut(routers)
    for system in built:
        mb = round(_memory.of(system.name, folder), 1)
        rows.append(Row(metric="memory", system=system.name, unit="MB", map=extract.name, value=mb))
    return [_noted(row) for row in rows]


def _build_all(extract: Extract, folder: Path, options: Options) -> tuple[list[Row], list[System]]:
    """What building took, what is absent, and who can go on."""
    rows: list[Row] = []
    built: list[System] = []
    for system in SYSTEMS:
        why = system.absent()
        if why is not None:
            say(options, f"{system.name}: {why}")
            rows.append(
                Row(metric="build", system=system.name, unit="ms", map=extract.name, note=why)
            )
            continue
        say(options, f"{extract.name}: building {system.name}")
        took_ms = timed_ms(partial(system.build, extract, folder))
        rows.append(
            Row(
                metric="build",
                system=system.name,
                unit="ms",
                map=extract.name,
                value=round(took_ms),
            )
        )
        built.append(system)
        if system.name == "ridgeline":
            roadmap = mapfolder.load(folder / "ridgeline")
            NodeGraph.of(roadmap).save(folder / "bare")
    return rows, built


def _places(
    extract: Extract, folder: Path, built: Sequence[System], chance: Random
) -> list[Closure]:
    """Choose places and keep them in `folder`; the roads to close between them."""
    roadmap = mapfolder.load(folder / "ridgeline")
    snaps = choose_places(roadmap, chance, 2 * (UNITS + SCENES))
    as_places(roadmap, snaps).save(folder)
    routers = _opened(built, folder)
    kept = joined_by_all(list(routers.values()), len(snaps), UNITS + SCENES)
    _shut(routers)
    snaps = [snaps[number] for number in kept]
    as_places(roadmap, snaps).save(folder)
    rounds = ROUNDS["close_to_answer"]
    return choose_closures(roadmap, extract.osm, snaps[:UNITS], snaps[UNITS:], rounds)


def _opened(built: Sequence[System], folder: Path) -> dict[str, Router]:
    places = Places.load(folder)
    return {system.name: system.open(folder, places) for system in built}


def _shut(routers: Mapping[str, Router]) -> None:
    for router in routers.values():
        router.shut()


def _noted(row: Row) -> Row:
    """The row with what one has to know about its system."""
    said = NOTES.get((row.metric, row.system))
    if row.metric == "eta_200_to_1":
        (said,) = (each.note for each in SYSTEMS if each.name == row.system)
    notes = "; ".join(part for part in (said, row.note) if part)
    return msgspec.structs.replace(row, note=notes or None)


if __name__ == "__main__":
    main("routing", run, __doc__)
