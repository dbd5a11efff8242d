"""One map as the evaluator asks it: stations, goals of patrols, ways, and the reckoning of others.

What was asked once is remembered, as every policy of every seed drives much the same roads. Not
thread-safe, like the Ground below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import cos, radians
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.sim import force
from devices.sim.deadzones import DeadZones
from devices.sim.movement import METRES_PER_DEGREE
from geo import grid
from geo.departure import Start
from geo.driving.speed import Profile
from geo.errors import GeoError
from geo.ground import Ground
from geo.roadmap import Place, RoadClass, RoadMap
from geo.routing.choose import EngineName
from geo.snap import Snap
from geo.walk import Approach
from server.dispatch.cover import Rules
from server.evaluation.classspeed import ClassSpeed
from server.evaluation.posts import Posts
from server.evaluation.trips import Way

WAYS_KEPT: Final = 20_000
PLACES_KEPT: Final = 20_000
GOALS_LEN: Final = 8
"""Villages that the units of a station patrol to: its nearest."""
GOALS_TRIED: Final = 200
ROADSIDE_CLASS_MAX: Final = RoadClass.TERTIARY
"""Roads that carry traffic: this class and better."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Where units are at home, and where they patrol from there."""

    name: str
    snap: Snap
    goals: tuple[Snap, ...]


class County:
    """`close` it on the thread that made it."""

    def __init__(self, roadmap: RoadMap, *, engine: EngineName = "auto") -> None:
        """Raises ValueError for a map without places, EngineUnavailable."""
        self.roadmap = roadmap
        self.ground = Ground(roadmap, engine=engine)
        self.way = lru_cache(WAYS_KEPT)(self._way)
        self.approach = lru_cache(PLACES_KEPT)(self._approach)
        self.height_m = lru_cache(PLACES_KEPT)(self._height_m)
        self.dead_zones = DeadZones.of(roadmap, Random("dead-zones"))

    @cached_property
    def stations(self) -> tuple[Station, ...]:
        """Those that roads join with the first. Raises ValueError where there is none."""
        snapped = [(place, self._snapped(place)) for place in force.stations(self.roadmap)]
        found = [(place.name, snap) for place, snap in snapped if snap is not None]
        if not found:
            raise ValueError("no station of the map lies near a road")
        villages = self._villages
        joined = self._joined(found[0][1], [snap for _, snap in found]).tolist()
        return tuple(
            Station(name=name, snap=snap, goals=self._goals(snap, villages))
            for (name, snap), can in zip(found, joined, strict=True)
            if can
        )

    def post_at(self, lon: float, lat: float) -> Station:
        """A place that somebody might be posted to. Raises ValueError where no road leads."""
        place = None if (found := self.joined(lon, lat)) is None else self.ground.snap(*found)
        if place is None:
            raise ValueError(f"no road of the map joins {lon:g}, {lat:g} with the stations")
        return Station(
            name=f"{lon:g}, {lat:g}", snap=place, goals=self._goals(place, self._villages)
        )

    @cached_property
    def posts(self) -> Posts:
        """Where units may wait, and how far that is from the villages."""
        stations = [each.snap for each in self.stations]
        return Posts(self.ground, self.approach, stations, Rules())

    @cached_property
    def _villages(self) -> list[Snap]:
        return [snap for place in self.roadmap.places if (snap := self._snapped(place))]

    @cached_property
    def class_speed(self) -> ClassSpeed:
        """Travel times at a speed by class of road."""
        return ClassSpeed(self.roadmap)

    @cached_property
    def roadside_m(self) -> Floats:
        """(M,) metres of roads that carry traffic, summed up to each edge."""
        carries = self.roadmap.edge_class <= ROADSIDE_CLASS_MAX
        return np.asarray(np.cumsum(self.roadmap.edge_length_m * carries))

    def least_s(self, source: Snap, target: Snap, profile: Profile) -> float:
        """Seconds of the quickest way, inf where there is none."""
        return float(self.ground.matrix([source], [target], profile=profile)[0, 0])

    def joined(self, lon: float, lat: float) -> tuple[float, float] | None:
        """A place brought to a road that leads to a station and back; None: there is none."""
        try:
            place = self.ground.snap(lon, lat)
        except GeoError:
            return None
        return (place.lon, place.lat) if self._joined(self.stations[0].snap, [place])[0] else None

    def apart_m(self, places: Sequence[Snap], lon: float, lat: float) -> Floats:
        """(S,) metres as the crow flies, on a local plane."""
        away = np.array([[place.lon - lon, place.lat - lat] for place in places])
        away[:, 0] *= cos(radians(lat))
        return np.asarray(np.hypot(*away.T) * METRES_PER_DEGREE)

    def close(self) -> None:
        self.ground.close()

    def _way(self, source: Start, target: Snap, profile: Profile) -> Way:
        """The quickest way, remembered. Raises NoRouteError."""
        return Way.of(self.ground.route(source, target, profile=profile), source, target)

    def _approach(self, lon: float, lat: float) -> Approach:
        """Where one can stop for a place, remembered."""
        return self.ground.approach(lon, lat)

    def _height_m(self, lon: float, lat: float) -> float:
        """Above the sea; 0 where the map does not know."""
        elevation = self.roadmap.elevation
        if elevation is None:
            return 0.0
        return float(np.nan_to_num(grid.sample(elevation, np.array([[lon, lat]]))[0]))

    def _snapped(self, place: Place) -> Snap | None:
        try:
            return self.ground.snap(place.lon, place.lat)
        except GeoError:
            return None

    def _joined(self, station: Snap, places: Sequence[Snap]) -> NDArray[np.bool_]:
        there_s = self.ground.matrix([station], places)[0]
        return np.asarray(np.isfinite(there_s + self.ground.etas(places, station)))

    def _goals(self, station: Snap, villages: Sequence[Snap]) -> tuple[Snap, ...]:
        apart_m = self.apart_m(villages, station.lon, station.lat)
        near = [villages[at] for at in np.argsort(apart_m, kind="stable")[:GOALS_TRIED].tolist()]
        joined = self._joined(station, near).tolist()
        goals = [place for place, can in zip(near, joined, strict=True) if can and place != station]
        return tuple(goals[:GOALS_LEN])
