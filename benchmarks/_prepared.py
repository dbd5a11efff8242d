"""A map made ready for the questions, stage by stage: every system's files, places, closures.

What a stage made is kept in the folder, with the time it took, so that a run that was cut off goes
on where it was, and the next one asks at once. Delete the folder, or the part of one system with
its `.json`, to make it anew. A system that cannot be built or opened is named with its reason, and
the others go on; without `ridgeline` there is no map to ask about.
"""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from random import Random

import msgspec

from benchmarks._extracts import Extract
from benchmarks._places import as_places, choose_closures, draw_places, joined_by_all
from benchmarks._questions import ROUNDS, SCENES, UNITS
from benchmarks._report import Row, timed_ms
from benchmarks._routers import OURS, Closure, NodeGraph, Places, Router, System
from geo import mapfolder
from geo.ground import Ground

Tell = Callable[[str], None]

CLOSURES = "closures.json"
SPARE_SHARE = 1.4
"""Places drawn for each one needed: a peer may not know the road."""


@dataclass(slots=True)
class Prepared:
    """What can be asked, and what is to be said already."""

    rows: list[Row] = field(default_factory=list)
    systems: list[System] = field(default_factory=list)
    closures: list[Closure] = field(default_factory=list)


class _OurMap:
    """Our map as built, loaded when first asked for: on a large one that takes a minute or two."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def ground(self) -> Ground:
        return Ground(mapfolder.load(self._folder / "ridgeline"))

    def close(self) -> None:
        if "ground" in self.__dict__:
            self.ground.close()


def prepare(
    extract: Extract, folder: Path, systems: Sequence[System], chance: Random, tell: Tell
) -> Prepared:
    """Do what is not done yet. Raises ValueError where no fair question can be found."""
    folder.mkdir(parents=True, exist_ok=True)
    ours, prepared = _OurMap(folder), Prepared()
    try:
        for system in systems:
            row = _built(system, extract, folder, tell)
            prepared.rows.append(row)
            if row.value is not None:
                prepared.systems.append(system)
            elif system.name == "ridgeline":
                raise ValueError(f"{extract.name}: {row.note}")
            if system.name == "ridgeline":
                _graph(ours, folder, tell)
        if not (folder / CLOSURES).exists():
            _choose(extract, folder, prepared, ours, chance, tell)
    finally:
        ours.close()
    prepared.closures = msgspec.json.decode((folder / CLOSURES).read_bytes(), type=list[Closure])
    return prepared


def open_all(prepared: Prepared, map_name: str, folder: Path, tell: Tell) -> dict[str, Router]:
    """Every system with its map loaded; one that fails leaves `prepared`, with a note."""
    places = Places.load(folder)
    routers: dict[str, Router] = {}
    for system in tuple(prepared.systems):
        tell(f"opening {system.name}")
        try:
            routers[system.name] = system.open(folder, places)
        except Exception as error:
            if system.name in OURS:
                raise
            _drop(prepared, system.name, map_name, f"could not be opened: {error}", tell)
    return routers


def shut_all(routers: Mapping[str, Router]) -> None:
    for router in routers.values():
        router.shut()


def _built(system: System, extract: Extract, folder: Path, tell: Tell) -> Row:
    """How long building took, now or when it was done; a note instead where it did not go."""
    kept = folder / f"{system.name}.json"
    absent = system.absent()
    row = Row(metric="build", system=system.name, unit="ms", map=extract.name, note=absent)
    if absent is not None:
        tell(f"{system.name}: {absent}")
        return row
    if kept.exists():
        tell(f"{system.name} is built already")
        return msgspec.json.decode(kept.read_bytes(), type=Row)
    tell(f"building {system.name}")
    shutil.rmtree(folder / system.name, ignore_errors=True)
    before_s = _children_s()
    try:
        took_ms = timed_ms(partial(system.build, extract, folder))
    except RuntimeError as error:
        tell(f"{system.name}: {error}")
        return msgspec.structs.replace(row, note=f"not built: {error}")
    tell(f"built {system.name} in {took_ms / 1000.0:.1f} s")
    worked = f"{_children_s() - before_s:.1f} s of a processor"
    row = msgspec.structs.replace(row, value=round(took_ms), note=worked)
    kept.write_bytes(msgspec.json.encode(row))
    return row


def _children_s() -> float:
    """Time that ended child processes have worked: what others do on the machine hardly counts."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _graph(ours: _OurMap, folder: Path, tell: Tell) -> None:
    """Our roads between junctions, for those that know nothing else."""
    if not (folder / "graph.npz").exists():
        tell("working out our travel times")
        NodeGraph.of(ours.ground.roadmap, ours.ground.arc_s).save(folder)


def _choose(
    extract: Extract, folder: Path, prepared: Prepared, ours: _OurMap, chance: Random, tell: Tell
) -> None:
    """Places, then roads to close between them. Our own systems have one graph: no need to ask."""
    tell("drawing places")
    joined = NodeGraph.load(folder).joined_nodes()
    wanted = UNITS + SCENES
    snaps = draw_places(ours.ground, joined, chance, round(SPARE_SHARE * wanted))
    as_places(ours.ground.roadmap, snaps).save(folder)
    peers = Prepared(systems=[each for each in prepared.systems if each.name not in OURS])
    routers = open_all(peers, extract.name, folder, tell)
    snaps = [snaps[at] for at in joined_by_all(routers, len(snaps), wanted, tell)]
    shut_all(routers)
    as_places(ours.ground.roadmap, snaps).save(folder)
    tell("choosing roads to close")
    count = ROUNDS["close_to_answer"]
    closures = choose_closures(ours.ground, extract.osm, snaps[:UNITS], snaps[UNITS:], count)
    (folder / CLOSURES).write_bytes(msgspec.json.encode(closures))


def _drop(prepared: Prepared, name: str, map_name: str, why: str, tell: Tell) -> None:
    tell(f"{name} {why}")
    prepared.systems = [each for each in prepared.systems if each.name != name]
    prepared.rows.append(Row(metric="open", system=name, unit="ms", map=map_name, note=why))
