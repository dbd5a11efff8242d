"""Reach over HTTP: isochrones as polygons, and how many villages and people are covered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from geo.driving.conditions import Condition
from geo.driving.sun import at_hour
from geo.driving.vehicles import Mode, Vehicle
from geo.errors import GeoError
from geo.reach import coverage, isochrone
from geo.reach.coverage import Coverage
from geo.snap import Snap
from server.dispatch.travel import Terms, Traveller, traveller
from server.http.errors import ApiError, json
from server.http.needs import Services, choice, guarded, instant, term
from server.pipeline import utc_now
from server.stores import stations
from server.stores.users import User
from server.views import UnitStatus, UnitView

MINUTES_DEFAULT = 30.0


class Group(StrEnum):
    """All stations, units on duty, or only those of them that are free."""

    STATIONS = "stations"
    UNITS = "units"
    AVAILABLE = "available"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A unit or a station: its place on the road, and how it drives."""

    id: str
    name: str
    at: Traveller


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How all drive that a request asks about."""

    terms: Terms
    vehicle: Vehicle | None
    """None: each unit its own, stations and places a patrol car."""
    condition: Condition
    depart_at: datetime | None

    def about(self) -> dict[str, Any]:
        """What every answer says of how it was made."""
        return {
            "vehicle": None if self.vehicle is None else self.vehicle.value,
            "mode": self.terms.mode.value,
            "condition": str(self.condition),
            "depart_at": self.depart_at,
        }


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = _Desk(services)
    return [
        Route("/api/isochrone", guarded(desk.isochrone, "dispatcher", "supervisor")),
        Route("/api/coverage", guarded(desk.coverage, "dispatcher", "supervisor")),
    ]


class _Desk:
    def __init__(self, services: Services) -> None:
        self._pool = services.pool
        self._live = services.board
        self._routing = services.routing
        self._reach = services.reach
        self._road_desk = services.road_desk
        self._bounds = services.roadmap.meta.bounds

    async def isochrone(self, request: Request, user: User) -> Response:
        asked = await self._asked(request)
        sources = await self._sources(request, asked)
        limits_s = [60.0 * each for each in _numbers(request, "minutes", isochrone.BANDS_MIN)]
        (share,) = _numbers(request, "share", (0.5,), length_max=1)
        if not 0.0 < share < 1.0:
            raise ApiError(400, "malformed", "share lies between 0 and 1, e.g. 0.9.")
        try:
            bands = await self._reach.bands(
                [each.at for each in sources], limits_s, asked.terms, share=share
            )
        except ValueError as error:
            raise ApiError(422, "impossible", f"This cannot be drawn: {error}.") from None
        return json({
            "type": "FeatureCollection",
            **asked.about(),
            "sources": _named(sources),
            "features": [isochrone.feature(each, share=share) for each in bands],
        })  # fmt: skip

    async def coverage(self, request: Request, user: User) -> Response:
        asked = await self._asked(request)
        sources = await self._group(choice(request, "from", Group) or Group.STATIONS, asked)
        (minutes,) = _numbers(request, "minutes", (MINUTES_DEFAULT,), length_max=1)
        try:
            found = await self._reach.coverage(
                [each.at for each in sources], 60.0 * minutes, asked.terms
            )
        except ValueError as error:
            raise ApiError(422, "impossible", f"This cannot be reckoned: {error}.") from None
        return json({
            **coverage.summary(found),
            **asked.about(),
            "sources": _named(sources),
            **_collection(found),
        })  # fmt: skip

    async def _asked(self, request: Request) -> Asked:
        """The roads as the database has them now, and what the request assumes instead."""
        await self._road_desk.catch_up()
        depart_at = instant(request, "depart")
        county = condition = self._routing.roads.county
        if text := term(request, "condition"):
            condition = _condition(text)
        if depart_at is not None:
            condition = at_hour(condition, depart_at, self._bounds)
        assumed = condition if text or condition != county else None
        mode = choice(request, "mode", Mode)
        return Asked(
            terms=Terms(mode=mode or Mode.ROUTINE, condition=assumed),
            vehicle=choice(request, "vehicle", Vehicle),
            condition=condition,
            depart_at=depart_at,
        )

    async def _sources(self, request: Request, asked: Asked) -> list[Source]:
        """The one place, unit or station that is asked for, or a group of them."""
        if unit_id := term(request, "unit"):
            return [self._unit(unit_id, asked)]
        if station_id := term(request, "station"):
            return [await self._station(station_id, asked)]
        if group := choice(request, "from", Group):
            return await self._group(group, asked)
        lon, lat = (_numbers(request, name, (), length_max=1) for name in ("lon", "lat"))
        if not lon or not lat:
            raise ApiError(400, "malformed", "Name a unit, a station, lon and lat, or from.")
        snap = await self._snap(lon[0], lat[0])
        return [Source(id="", name="", at=_standing(snap, asked))]

    async def _group(self, group: Group, asked: Asked) -> list[Source]:
        if group is Group.STATIONS:
            return await self._stations(asked)
        return self._units(group, asked)

    async def _stations(self, asked: Asked) -> list[Source]:
        """Stations that a road reaches."""
        async with self._pool.acquire() as conn:
            rows = await stations.load_all(conn)
        found = []
        for row in rows:
            try:
                snap = await self._routing.snap(row.lon, row.lat)
            except GeoError:
                continue
            found.append(Source(id=row.id, name=row.name, at=_standing(snap, asked)))
        return found

    async def _station(self, station_id: str, asked: Asked) -> Source:
        for each in await self._stations(asked):
            if each.id == station_id:
                return each
        raise ApiError(404, "not_found", "There is no such station near a road.")

    def _units(self, group: Group, asked: Asked) -> list[Source]:
        """Units whose place on the road is known."""
        wanted = set(UnitStatus) - {UnitStatus.OFF_DUTY}
        if group is Group.AVAILABLE:
            wanted = {UnitStatus.AVAILABLE}
        return [
            _unit_source(unit, snap, asked)
            for unit in self._live.units()
            if unit.status in wanted and (snap := self._live.snap(unit.id)) is not None
        ]

    def _unit(self, unit_id: str, asked: Asked) -> Source:
        unit, snap = self._live.unit(unit_id), self._live.snap(unit_id)
        if unit is None:
            raise ApiError(404, "not_found", "There is no such unit.")
        if snap is None:
            raise ApiError(
                422, "no_position", f"{unit.call_sign} has no position near a road.",
                {"call_sign": unit.call_sign},
            )  # fmt: skip
        return _unit_source(unit, snap, asked)

    async def _snap(self, lon: float, lat: float) -> Snap:
        try:
            return await self._routing.snap(lon, lat)
        except GeoError as error:
            raise ApiError(422, "no_road", f"{str(error).capitalize()}.") from None


def _standing(snap: Snap, asked: Asked) -> Traveller:
    return Traveller(snap=snap, vehicle=asked.vehicle or Vehicle.PATROL_CAR)


def _unit_source(unit: UnitView, snap: Snap, asked: Asked) -> Source:
    """As it moves, by its own vehicle unless another is asked for."""
    at = traveller(unit, snap, utc_now())
    return Source(
        id=unit.id, name=unit.call_sign, at=replace(at, vehicle=asked.vehicle or at.vehicle)
    )


def _collection(found: Coverage) -> dict[str, Any]:
    features = [coverage.feature(each) for each in found.reached]
    return {"type": "FeatureCollection", "features": features}


def _named(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """In the order that the features' `source` numbers them."""
    return [
        {
            "id": each.id,
            "name": each.name,
            "lon": each.at.snap.lon,
            "lat": each.at.snap.lat,
            "vehicle": each.at.vehicle.value,
        }
        for each in sources
    ]


def _condition(text: str) -> Condition:
    try:
        return Condition.parse(text)
    except GeoError as error:
        raise ApiError(400, "malformed", str(error).rstrip(".") + ".") from None


def _numbers(
    request: Request,
    name: str,
    default: Sequence[float],
    *,
    length_max: int = isochrone.BANDS_LEN_MAX,
) -> Sequence[float]:
    """Numbers of the query, joined by commas. Raises `ApiError` 400."""
    text = term(request, name)
    if not text:
        return default
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = [math.nan]
    if len(found) > length_max or not all(map(math.isfinite, found)):
        many = "a number" if length_max == 1 else f"up to {length_max} numbers joined by commas"
        raise ApiError(400, "malformed", f"{name} is {text[:40]!r}; it must be {many}.")
    return found
