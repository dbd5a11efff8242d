"""Reach over HTTP: isochrones as polygons, and how many villages and people are covered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from geo.errors import GeoError
from geo.reach import coverage, isochrone
from geo.reach.coverage import Coverage
from geo.snap import Snap
from server.http.errors import ApiError, json
from server.http.needs import Services, guarded, term
from server.stores import stations
from server.stores.users import User
from server.views import UnitStatus

MINUTES_DEFAULT = 30.0

Group = Literal["stations", "units", "available"]
"""All stations, units on duty, or only those of them that are free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A unit or a station with its place on the road."""

    id: str
    name: str
    snap: Snap


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

    async def isochrone(self, request: Request, user: User) -> Response:
        sources = await self._sources(request)
        limits_s = [60.0 * each for each in _numbers(request, "minutes", isochrone.BANDS_MIN)]
        (share,) = _numbers(request, "share", (0.5,), length_max=1)
        if not 0.0 < share < 1.0:
            raise ApiError(400, "malformed", "share lies between 0 and 1, e.g. 0.9.")
        try:
            bands = await self._reach.bands([each.snap for each in sources], limits_s, share=share)
        except ValueError as error:
            raise ApiError(422, "impossible", f"This cannot be drawn: {error}.") from None
        features = [isochrone.feature(each, share=share) for each in bands]
        return json({"type": "FeatureCollection", "sources": _named(sources), "features": features})

    async def coverage(self, request: Request, user: User) -> Response:
        sources = await self._group(_group(request, "stations"))
        (minutes,) = _numbers(request, "minutes", (MINUTES_DEFAULT,), length_max=1)
        try:
            found = await self._reach.coverage([each.snap for each in sources], 60.0 * minutes)
        except ValueError as error:
            raise ApiError(422, "impossible", f"This cannot be reckoned: {error}.") from None
        return json({**coverage.summary(found), "sources": _named(sources), **_collection(found)})

    async def _sources(self, request: Request) -> list[Source]:
        """The one place, unit or station that is asked for, or a group of them."""
        if unit_id := term(request, "unit"):
            return [self._unit(unit_id)]
        if station_id := term(request, "station"):
            return [await self._station(station_id)]
        if term(request, "from"):
            return await self._group(_group(request, ""))
        lon, lat = (_numbers(request, name, (), length_max=1) for name in ("lon", "lat"))
        if not lon or not lat:
            raise ApiError(400, "malformed", "Name a unit, a station, lon and lat, or from.")
        snap = await self._snap(lon[0], lat[0])
        return [Source(id="", name="", snap=snap)]

    async def _group(self, group: Group) -> list[Source]:
        return await self._stations() if group == "stations" else self._units(group)

    async def _stations(self) -> list[Source]:
        """Stations that a road reaches."""
        async with self._pool.acquire() as conn:
            rows = await stations.load_all(conn)
        found = []
        for row in rows:
            try:
                snap = await self._routing.snap(row.lon, row.lat)
            except GeoError:
                continue
            found.append(Source(id=row.id, name=row.name, snap=snap))
        return found

    async def _station(self, station_id: str) -> Source:
        for each in await self._stations():
            if each.id == station_id:
                return each
        raise ApiError(404, "not_found", "There is no such station near a road.")

    def _units(self, group: Group) -> list[Source]:
        """Units whose place on the road is known."""
        wanted = set(UnitStatus) - {UnitStatus.OFF_DUTY}
        if group == "available":
            wanted = {UnitStatus.AVAILABLE}
        return [
            Source(id=unit.id, name=unit.call_sign, snap=snap)
            for unit in self._live.units()
            if unit.status in wanted and (snap := self._live.snap(unit.id)) is not None
        ]

    def _unit(self, unit_id: str) -> Source:
        unit, snap = self._live.unit(unit_id), self._live.snap(unit_id)
        if unit is None:
            raise ApiError(404, "not_found", "There is no such unit.")
        if snap is None:
            raise ApiError(
                422, "no_position", f"{unit.call_sign} has no position near a road.",
                {"call_sign": unit.call_sign},
            )  # fmt: skip
        return Source(id=unit.id, name=unit.call_sign, snap=snap)

    async def _snap(self, lon: float, lat: float) -> Snap:
        try:
            return await self._routing.snap(lon, lat)
        except GeoError as error:
            raise ApiError(422, "no_road", f"{str(error).capitalize()}.") from None


def _collection(found: Coverage) -> dict[str, Any]:
    features = [coverage.feature(each) for each in found.reached]
    return {"type": "FeatureCollection", "features": features}


def _named(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """In the order that the features' `source` numbers them."""
    return [
        {"id": each.id, "name": each.name, "lon": each.snap.lon, "lat": each.snap.lat}
        for each in sources
    ]


def _group(request: Request, default: str) -> Group:
    group = term(request, "from") or default
    if group not in get_args(Group):
        raise ApiError(400, "malformed", f"from must be one of {', '.join(get_args(Group))}.")
    return group  # type: ignore[return-value]  # just checked


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
