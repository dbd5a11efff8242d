"""A decision with everything, beside the bare times: 200 units, 50 open incidents, one core.

The map is Andorra. Units of three kinds stand or drive anywhere on its roads, each with a camera
and a handset; a road is closed, another slow, and it snows in a part of the county; travel times
are learned. The process keeps to one core, routing's thread included.

decide_200x50      one of the 50 incidents: places, travel times under what holds, batteries over
                   the job, what the county is left with, scores, ways of the best, reasons and what
                   would turn the choice. `bare`: 200 times for the same incident, from the same
                   engine, and nothing else
record_200         after that: all of it as the bytes that are kept; their number
plan_200x50        what all 50 count as is known: who is sent where, who is called off, who waits
reoptimise_200x50  both, from nothing: each of the 50 looked at as above, then shared out, as the
                   server does it beside (`server/openplan.py`). `bare`: the 200 x 50 times alone

Every question is another incident. What the county is left with is looked at beside
(`server/coverwatch.py`) and only read here.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks import _andorra
from benchmarks._report import Options, Row, interleaved_ms, main, say, timed_ms, timing_row
from geo import mapfolder
from geo.driving.conditions import Condition
from geo.driving.vehicles import Mode, Vehicle
from geo.ground import Fleet, Ground
from geo.learning.factors import LearnedFactors
from geo.live.conditionfield import SetCondition, field
from geo.live.extent import Coverage
from geo.live.kept import Roads
from geo.live.roadstate import RoadChange
from geo.roadmap import RoadMap
from geo.snap import Snap, SnapIndex
from server.dispatch.assignment import Plan, plan
from server.dispatch.demand import Mover, OpenIncident, Standing
from server.dispatch.record import Recommended
from server.dispatch.runcardfile import shipped
from server.dispatch.score import score
from server.dispatch.travel import MODE_OF_PRIORITY, traveller
from server.dispatch.turnout import Turnout
from server.fleets import departures
from server.ids import new_id
from server.ports import LiveRoads
from server.recommender import Recommender
from server.routing import RoutingService
from server.stores.records import packed
from server.views import IncidentView, UnitStatus
from server.weather import times_under
from tests.decision_county import NOW, SeededUnits, an_incident, some_factors, some_stations

Floats = NDArray[np.float64]

MAP: Final = "andorra"
UNITS, INCIDENTS = 200, 50
ROUNDS: Final = 400
ROUNDS_OF_ALL: Final = 40


def run(options: Options) -> list[Row]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(prefix="rl-decision-") as name:
        say(options, "Building the map of Andorra")
        roadmap = mapfolder.load(_andorra.build(Path(name)))
        with asyncio.Runner() as runner:
            room = Room(roadmap, options.random(), runner.get_loop().run_until_complete)
            runner.run(room.open())
            try:
                return measured(room, options)
            finally:
                runner.run(room.close())


def measured(room: Room, options: Options) -> list[Row]:
    for number in range(INCIDENTS):  # every vehicle and mode is ready, as `server.warmth` has it
        room.recommend(number)
        room.bare(number)
    rounds = options.rounds(ROUNDS)
    say(options, f"{rounds} decisions")
    one = interleaved_ms({"ridgeline": room.recommend, "bare": room.bare}, rounds)
    say(options, "All open incidents at once")
    shared = interleaved_ms({"ridgeline": room.share}, rounds)
    every = interleaved_ms(
        {"ridgeline": room.reoptimise, "bare": room.bare_all}, options.rounds(ROUNDS_OF_ALL)
    )
    return [
        *rows_of("decide_200x50", one),
        timing_row("plan_200x50", "ridgeline", shared["ridgeline"], MAP),
        *rows_of("reoptimise_200x50", every),
        *record_rows(room),
    ]


def rows_of(metric: str, samples: dict[str, list[float]]) -> list[Row]:
    """Ours with the ratio to the bare times."""
    ours, bare = (timing_row(metric, name, samples[name], MAP) for name in ("ridgeline", "bare"))
    assert ours.p50 is not None
    assert bare.p50
    note = f"{ours.p50 / bare.p50:.0f} times the bare times"
    return [msgspec.structs.replace(ours, note=note), bare]


def record_rows(room: Room) -> list[Row]:
    made = [room.recommend(number) for number in range(INCIDENTS)]
    took_ms = [timed_ms(partial(packed, each)) for each in made]
    lengths = [len(packed(each).body) + len(each.reckoned.numbers) for each in made]
    size = Row(
        metric="record_200",
        system="ridgeline",
        map=MAP,
        unit="B",
        value=float(np.median(lengths)),
        n=len(lengths),
        note="with the numbers of 400 batteries",
    )
    return [timing_row("record_200", "ridgeline", took_ms, MAP), size]


class Room:
    """200 units and 50 open incidents; each call answers one of them."""

    def __init__(
        self, roadmap: RoadMap, chance: Random, wait: Callable[[Coroutine[Any, Any, Any]], Any]
    ) -> None:
        self._roadmap, self._wait = roadmap, wait
        self._units = SeededUnits(roadmap, SnapIndex(roadmap), chance, UNITS)
        self._doing = self._units.doing(chance, available=0.75)
        self._incidents = [an_incident(roadmap, chance, number) for number in range(INCIDENTS)]
        self._stations = some_stations(roadmap, chance)
        self._factors = some_factors(roadmap, chance)
        self._roads = some_closed(roadmap, chance)
        self._open = [
            OpenIncident(incident_id=each.id, priority=each.priority, waited_s=60.0 * number)
            for number, each in enumerate(self._incidents)
        ]
        self._movers = [
            a_mover(each.id, self._doing[each.id][0], chance.choice(self._incidents).id)
            for each in self._units.units()
        ]
        self._scores_s: Floats | None = None
        self._router = RoutingService(lambda: Ground(roadmap))
        self._bare = Bare(roadmap, self._units, self._factors, self._roads)
        self._recommender = Recommender(
            live=self._units,
            router=self._router,
            batteries=self._units.batteries,
            map_id=roadmap.meta.map_id,
            turnout=Turnout(),
            shift=timedelta(hours=8),
            cover=self._units.cover,
        )

    async def open(self) -> None:
        await self._router.start()
        await self._router.set_learned(self._factors, version=1)
        roads, where = self._roads, self._roads.where
        assert where is not None
        await self._router.set_roads(
            LiveRoads(
                version=1,
                county=roads.county,
                conditions=tuple(map(str, where.conditions)),
                weather=where,
                table=roads.table(partial(times_under, self._roadmap), self._roadmap.edge_count),
            )
        )

    async def close(self) -> None:
        self._bare.close()
        await self._router.close()

    def recommend(self, number: int) -> Recommended:
        made: Recommended = self._wait(self._recommend(self._incident(number)))
        return made

    def share(self, _: int) -> object:
        """All that is open, shared out anew by what the units counted as before."""
        if self._scores_s is None:
            self._scores_s = self._scored()
        return plan(self._open, self._movers, self._scores_s)

    def reoptimise(self, _: int) -> Plan:
        return plan(self._open, self._movers, self._scored())

    def _scored(self) -> Floats:
        """(U, I) what every unit counts as for every incident."""
        made = [self.recommend(number) for number in range(INCIDENTS)]
        scores_s = np.full((UNITS, len(made)), np.inf)
        for column, each in enumerate(made):
            scene = each.record.premises.scene
            for row, one in enumerate(each.record.premises.contenders):
                if (counted := score(scene, one)) is not None:
                    scores_s[row, column] = counted.total_s
        return scores_s

    def bare(self, number: int) -> list[Floats]:
        """The times alone."""
        return self._bare.times([self._incident(number)])

    def bare_all(self, _: int) -> list[Floats]:
        return self._bare.times(self._incidents)

    def _incident(self, number: int) -> IncidentView:
        return self._incidents[number % INCIDENTS]

    async def _recommend(self, incident: IncidentView) -> Recommended:
        return await self._recommender.compute(
            incident,
            self._doing,
            cards=shipped(),
            stations=self._stations,
            recommendation_id=new_id(),
            now=NOW,
        )


def a_mover(unit_id: str, status: UnitStatus, incident_id: str) -> Mover:
    """Free; or under way for a while yet; or busy."""
    if status is UnitStatus.AVAILABLE:
        return Mover(unit_id=unit_id)
    if status in (UnitStatus.ASSIGNED, UnitStatus.EN_ROUTE):
        return Mover(
            unit_id=unit_id,
            standing=Standing.UNDER_WAY,
            incident_id=incident_id,
            remaining_s=900.0,
        )
    return Mover(unit_id=unit_id, standing=Standing.BUSY)


class Bare:
    """The same units, roads and incidents, and nothing but their times."""

    def __init__(
        self,
        roadmap: RoadMap,
        units: SeededUnits,
        factors: Mapping[Mode, LearnedFactors],
        roads: Roads,
    ) -> None:
        self._ground = Ground(roadmap)
        self._ground.set_factors({mode: each.factor for mode, each in factors.items()})
        table = roads.table(partial(times_under, roadmap), roadmap.edge_count)
        self._ground.set_overrides(table.overrides)
        self._fleets: dict[tuple[Mode, Vehicle], Fleet] = {}
        snaps = [(each, units.snap(each.id)) for each in units.units()]
        them = [traveller(each, snap, NOW) for each, snap in snaps if snap is not None]
        for mode in Mode:
            for vehicle in {each.vehicle for each in them}:
                some = [each for each in them if each.vehicle is vehicle]
                self._fleets[mode, vehicle] = self._ground.fleet(departures(self._ground, some))
        self._targets: dict[str, Snap] = {}

    def times(self, incidents: Sequence[IncidentView]) -> list[Floats]:
        """Seconds of every unit to every incident, by how it is driven there."""
        found = []
        for mode in Mode:
            targets = [
                self._target(each) for each in incidents if MODE_OF_PRIORITY[each.priority] is mode
            ]
            for vehicle in {each for known, each in self._fleets if targets and known is mode}:
                profile = replace(self._ground.profile, vehicle=vehicle, mode=mode)
                fleet = self._fleets[mode, vehicle]
                found.append(self._ground.matrix(fleet, targets, profile=profile))
        return found

    def close(self) -> None:
        self._ground.close()

    def _target(self, incident: IncidentView) -> Snap:
        """Found once, as the server keeps the places of units."""
        if incident.id not in self._targets:
            self._targets[incident.id] = self._ground.snap(incident.lon, incident.lat)
        return self._targets[incident.id]


def some_closed(roadmap: RoadMap, chance: Random) -> Roads:
    """One road closed, one slow, and snow on a quarter of the county."""
    edges = roadmap.edge_count
    changes = []
    for factor in (None, 2.5):
        edge = chance.randrange(edges)
        coverage = Coverage(arcs=np.array([2 * edge, 2 * edge + 1]), share=np.ones(2))
        changes.append(RoadChange(coverage=coverage, factor=factor))
    snow = SetCondition(
        condition=Condition.parse("snow"), edges=np.arange(edges // 4, dtype=np.int64)
    )
    return Roads(where=field([snow], edges), changes=tuple(changes))


if __name__ == "__main__":
    main("decision", run, __doc__)
