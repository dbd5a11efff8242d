"""Computes a kept recommendation once more: the same code, asked the same, on the roads of then.

`again` needs the record alone and takes travel times as recorded. A `Replayer` has the map and
finds the roads anew: by the engine of then, under what was closed and the weather of then, with the
learned travel times that were in force. Changes nothing and reads no store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache, lru_cache, partial
from typing import Final, Self

from devices.battery.outlook import Outlooks
from devices.battery.record import unpack
from geo.driving.vehicles import Mode
from geo.errors import NoRouteError, OffMapError
from geo.ground import Ground
from geo.learning.factors import LearnedFactors
from geo.live.kept import Roads
from geo.meeting import Meeting
from geo.roadmap import RoadMap
from geo.routing.choose import EngineName
from geo.routing.probe import cch_verdict
from geo.snap import Snap, SnapIndex
from geo.walk import Approach, DropOff
from server.dispatch.battery import Battery, Endurance
from server.dispatch.cover import Left
from server.dispatch.premises import Premises, answer
from server.dispatch.reckoned import Reckoned
from server.dispatch.record import Record
from server.dispatch.runcards import RunCards
from server.dispatch.travel import Traveller
from server.ports import Footing, LiveRoads
from server.recommender import Recommender
from server.routing import RoutingService
from server.views import RecommendationView, UnitView
from server.weather import times_under

Learned = Mapping[Mode, LearnedFactors]

SNAPS_MAX: Final = 10_000
"""Places on the road that are remembered: units stand still between two recommendations."""


def again(record: Record) -> RecommendationView:
    """What follows from the premises by the rules of this program."""
    return answer(record.premises)


class Replayer:
    """One map, opened once for any number of records of it."""

    def __init__(
        self, roadmap: RoadMap, footing: Footing, *, routing: type[RoutingService] = RoutingService
    ) -> None:
        """`footing` as `footing_here` gives it."""
        self._roadmap = roadmap
        self._snap = lru_cache(SNAPS_MAX)(SnapIndex(roadmap).snap)
        self._router = routing(partial(_open, roadmap, footing))
        self._times_of = cache(partial(times_under, roadmap))
        self._learned_version: int | None = None
        self._in_force: tuple[str, int] | None = None
        """Name and version of the roads that routing has."""

    async def __aenter__(self) -> Self:
        await self._router.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._router.close()

    async def again(
        self, record: Record, reckoned: Reckoned, roads: Roads, learned: Learned | None
    ) -> RecommendationView:
        """The recommendation from what was asked; `roads` and `learned` those of then.

        Raises ValueError for a record of another map.
        """
        if record.premises.map_id != self._roadmap.meta.map_id:
            raise ValueError(f"made on map {record.premises.map_id}")
        await self._put_in_force(record, roads, learned)
        asked, premises = record.asked, record.premises
        made = await Recommender(
            live=AsSeen(asked.units, self._snap),
            router=self._router,
            batteries=AsReckoned(record, reckoned),
            map_id=premises.map_id,
            turnout=asked.turnout,
            shift=timedelta(seconds=asked.shift_s),
            cover=AsLeft(asked.left),
            rendezvous=AsMet(record.premises),
        ).compute(
            asked.incident,
            asked.doing,
            in_need=frozenset(asked.in_need),
            on_it=asked.on_it,
            cards=RunCards(
                version=asked.run_cards_version, cards=(asked.card,), skills=asked.skills
            ),
            stations=asked.stations,
            war=asked.war,
            recommendation_id=premises.recommendation_id,
            now=premises.computed_at,
        )
        return made.view

    async def _put_in_force(self, record: Record, roads: Roads, learned: Learned | None) -> None:
        version = record.circumstances.learned_version
        if version != self._learned_version:
            await self._router.set_learned(learned, version=version)
            self._learned_version = version
        of_then = record.circumstances.roads, record.premises.road_version
        if of_then == self._in_force:
            return
        self._in_force = of_then
        await self._router.set_roads(
            LiveRoads(
                version=record.premises.road_version,
                county=roads.county,
                conditions=record.premises.conditions,
                weather=roads.where,
                table=roads.table(self._times_of, self._roadmap.edge_count),
            )
        )


class AsSeen:
    """The units as the live picture showed them then."""

    def __init__(self, units: Iterable[UnitView], snapper: Callable[[float, float], Snap]) -> None:
        self._units = {each.id: each for each in units}
        self._snapper = snapper

    def units(self) -> list[UnitView]:
        return list(self._units.values())

    def unit(self, unit_id: str) -> UnitView | None:
        return self._units.get(unit_id)

    def snap(self, unit_id: str) -> Snap | None:
        unit = self._units.get(unit_id)
        if unit is None or unit.position is None:
            return None
        try:
            return self._snapper(unit.position.lon, unit.position.lat)
        except (OffMapError, NoRouteError):
            return None


class AsLeft:
    """What the county was left with then."""

    def __init__(self, left: Mapping[str, Left]) -> None:
        self._left = left

    def left(self, now: datetime) -> Mapping[str, Left]:
        return self._left


class AsMet:
    """Where the two of a pair were to meet then, and whether there was signal at the place."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def no_signal(self, place: Approach) -> bool:
        return self._premises.scene.no_signal

    async def meet(
        self, one: tuple[Traveller, DropOff], other: tuple[Traveller, DropOff], mode: Mode
    ) -> tuple[Meeting | None, str]:
        return self._premises.meeting, self._premises.meeting_place


class AsReckoned:
    """The batteries as they stood then."""

    def __init__(self, record: Record, reckoned: Reckoned) -> None:
        self._record, self._reckoned = record, reckoned
        self._batteries: dict[str, Battery] = {
            each.battery.device_id: each.battery
            for one in record.premises.contenders
            for each in one.batteries
        }

    def endurance(self, device_ids: Iterable[str], now: datetime) -> Endurance:
        """Devices that were not reckoned with then are left out."""
        basis, _ = unpack(self._reckoned.numbers)
        return Endurance(
            at=now,
            batteries={
                each: self._batteries[each] for each in device_ids if each in self._batteries
            },
            index={each: row for row, each in enumerate(self._reckoned.device_ids)},
            basis=basis,
            outlooks=Outlooks(basis),
            version=self._reckoned.version,
        )

    def outdoors_c(self, lon: float, lat: float) -> float | None:
        """At the scene, which is all that was asked."""
        return self._record.premises.scene.temp_c


def footing_here(record: Record) -> tuple[Footing, bool]:
    """How its roads were found, with the engine that runs here; False where it is another."""
    was = record.circumstances
    engine = "cch" if was.engine == "cch" and cch_verdict().ok else "scipy"
    footing = Footing(engine=engine, against_one_ways=was.against_one_ways)
    return footing, engine == was.engine


def _open(roadmap: RoadMap, footing: Footing) -> Ground:
    engine: EngineName = "cch" if footing.engine == "cch" else "scipy"
    return Ground(roadmap, engine=engine, against_one_ways=footing.against_one_ways)
