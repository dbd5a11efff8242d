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
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import msgspec
import numpy as np

from benchmarks import _extracts, _memory
from benchmarks._andorra import ROOT
from benchmarks._extracts import Extract
from benchmarks._peers import OsrmSystem, ValhallaSystem
from benchmarks._places import choose_closures, choose_places
from benchmarks._report import Options, Row, interleaved_ms, main, say, timed_ms, timing_row
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
UNITS, SCENES, MATRIX_SCENES = 200, 60, 20
ROUNDS = {
    "eta_200_to_1": 200,
    "matrix_200x20": 50,
    "route_geometry": 200,
    "close_to_answer": 50,
    "reweight_all": 30,
}
BUDGET_S, BUDGET_QUICK_S = 60.0, 3.0
"""Of one system for one metric."""
CHANGING = ("close_to_answer", "reweight_all")
NOTES = {
    ("close_to_answer", "osrm"): "MLD: osrm-customize with a speed file, then load",
    ("close_to_answer", "valhalla"): "excluded in the request; at most 50 roads",
    (
        "reweight_all",
        "osrm",
    ): "MLD: osrm-customize, no speeds read, then load: a lower bound",
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
    rows, built = _build_all(extract, folder, options)
    places, closures = _places(extract, folder, options.random())
    routers: dict[str, Router] = {}
    for system in built:
        say(options, f"{extract.name}: opening {system.name}")
        routers[system.name] = system.open(folder, places)
    bench = _Bench(extract.name, routers, closures, options)
    for metric, question in bench.questions.items():
        say(options, f"{extract.name}: {metric}")
        rows += bench.rows(metric, question)
    for router in routers.values():
        router.shut()
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


def _places(extract: Extract, folder: Path, chance: Random) -> tuple[Places, list[Closure]]:
    roadmap = mapfolder.load(folder / "ridgeline")
    places, snaps = choose_places(roadmap, chance, UNITS + SCENES)
    places.save(folder)
    rounds = ROUNDS["close_to_answer"]
    closures = choose_closures(roadmap, extract.osm, snaps[:UNITS], snaps[UNITS:], rounds)
    return places, closures


class _Bench:
    """All routers of one map, asked the same."""

    def __init__(
        self, map_name: str, routers: dict[str, Router], closures: list[Closure], options: Options
    ) -> None:
        self._map, self._routers, self._closures = map_name, routers, closures
        self._options = options
        self._units = list(range(UNITS))
        self.questions: dict[str, Callable[[Router, int], object]] = {
            "eta_200_to_1": lambda router, k: router.etas(self._units, self._scene(k)),
            "matrix_200x20": lambda router, k: router.matrix(self._units, self._twenty(k)),
            "route_geometry": lambda router, k: router.route(k % UNITS, self._scene(k)),
            "close_to_answer": self._close,
            "reweight_all": self._reweight,
        }

    def rows(self, metric: str, question: Callable[[Router, int], object]) -> list[Row]:
        budget_s = BUDGET_QUICK_S if self._options.quick else BUDGET_S
        changing = metric in CHANGING
        failed = {name: self._failure(name, question) for name in self._routers}
        samples = interleaved_ms(
            {
                name: partial(question, router)
                for name, router in self._routers.items()
                if failed[name] is None
            },
            self._options.rounds(ROUNDS[metric]),
            warm_up=1 if changing else 3,
            before=self._restored if changing else None,
            budget_ms=budget_s * 1000.0,
        )
        if changing:
            for name in self._routers:
                self._restored(name)
        rows = [timing_row(metric, name, ms, self._map) for name, ms in samples.items()]
        rows += [
            Row(metric=metric, system=name, unit="ms", map=self._map, note=why)
            for name, why in failed.items()
            if why is not None
        ]
        says = {"eta_200_to_1": self._agreement, "close_to_answer": self._heeded}.get(metric)
        return [
            msgspec.structs.replace(row, note=says(row.system)) if says and row.n else row
            for row in rows
        ]

    def _failure(self, name: str, question: Callable[[Router, int], object]) -> str | None:
        """Ask once, uncounted; what a peer says instead of an answer belongs in the report."""
        try:
            question(self._routers[name], 0)
        except Exception as error:
            if name == "ridgeline":
                raise
            return f"failed: {error}"
        return None

    def _scene(self, number: int) -> int:
        return UNITS + number % SCENES

    def _twenty(self, number: int) -> list[int]:
        return [self._scene(number * 7 + step) for step in range(MATRIX_SCENES)]

    def _close(self, router: Router, number: int) -> object:
        closure = self._closures[number % len(self._closures)]
        router.close_road(closure)
        return router.etas(self._units, UNITS + closure.scene)

    def _reweight(self, router: Router, number: int) -> object:
        router.reweight(number)
        return router.etas(self._units, self._scene(number))

    def _restored(self, name: str) -> None:
        """Back to the first state, and at ease in it."""
        self._routers[name].restore()
        self._routers[name].etas([0], self._scene(0))

    def _agreement(self, name: str) -> str:
        """How many of the units it found a way for, and its times beside ours."""
        etas, ours = (
            np.concatenate([router.etas(self._units, self._scene(k)) for k in range(3)])
            for router in (self._routers[name], self._routers["ridgeline"])
        )
        reached = np.isfinite(etas)
        ratio = float(np.median(etas[reached] / np.maximum(ours[reached], 1.0)))
        return f"{reached.mean():.1%} reached, median {ratio:.2f} of ridgeline's time"

    def _heeded(self, name: str) -> str:
        """In how many of a few closures the unit whose way it was comes later, or not at all."""
        router, tried = self._routers[name], self._closures[:5]
        later = 0
        for closure in tried:
            router.restore()
            before = router.etas([closure.unit], UNITS + closure.scene)
            router.close_road(closure)
            later += bool((router.etas([closure.unit], UNITS + closure.scene) > before).all())
        router.restore()
        return f"heeded {later} of {len(tried)}"


def _noted(row: Row) -> Row:
    """The row with what one has to know about its system."""
    said = NOTES.get((row.metric, row.system))
    if row.metric == "eta_200_to_1":
        (said,) = (each.note for each in SYSTEMS if each.name == row.system)
    notes = "; ".join(part for part in (said, row.note) if part)
    return msgspec.structs.replace(row, note=notes or None)


if __name__ == "__main__":
    main("routing", run, __doc__)
