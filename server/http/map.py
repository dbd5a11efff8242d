"""The map over HTTP: what it is, its tiles, its relief, and the search for places.

Tiles are made on a few threads of their own, so a burst of panning holds up no order.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from geo.basemap import tiles
from geo.places import Found, PlaceIndex
from geo.roadmap import RoadMap
from server.http.errors import ApiError, json
from server.http.needs import Services, guarded, number, term
from server.stores.users import User
from server.views import PlaceView

TILE_THREADS = 2
TILES_WAITING_MAX = 256
"""Tiles under way or waiting; a screen asks for some 60 at once."""
TILE_AGE_S = 600
"""A browser asks again after this; the ETag makes it cheap."""
PLACES_LEN_DEFAULT = 8
PLACES_LEN_MAX = 50
_PLACE_KINDS = {"hamlet": "village", "road": "road_km", "street": "road_km"}
"""Kinds of the search that the faces show as another."""


class TileNumber(IntegerConvertor):
    """A number of a tile's address: few digits, or the path leads nowhere."""

    regex = "[0-9]{1,9}"


register_url_convertor("tile", TileNumber())


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    oven = _Oven()
    made = services.tiles

    async def about(request: Request, user: User) -> Response:
        return json(_about(services.roadmap))

    async def vector(request: Request, user: User) -> Response:
        return await oven.tile(request, made.vector, "application/vnd.mapbox-vector-tile")

    async def hillshade(request: Request, user: User) -> Response:
        return await oven.tile(request, made.hillshade, "image/webp")

    async def places(request: Request, user: User) -> Response:
        return json(_places(request, services.places))

    tile = "{z:tile}/{x:tile}/{y:tile}"
    return [
        Route("/api/map", guarded(about)),
        Route(f"/tiles/{tile}.mvt", guarded(vector)),
        Route(f"/hillshade/{tile}.webp", guarded(hillshade)),
        Route("/api/places", guarded(places, "dispatcher")),
    ]


class _Oven:
    """Makes tiles off the event loop, so many at a time and no more."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(TILE_THREADS, thread_name_prefix="tiles")
        self._waiting_len = 0

    async def tile(
        self, request: Request, make: Callable[[int, int, int], bytes], media_type: str
    ) -> Response:
        z, x, y = (request.path_params[name] for name in "zxy")
        if self._waiting_len >= TILES_WAITING_MAX:
            raise ApiError(
                503, "tiles_busy", "Too many map tiles wait.", headers={"retry-after": "1"}
            )
        self._waiting_len += 1
        try:
            loop = asyncio.get_running_loop()
            content = await loop.run_in_executor(self._threads, make, z, x, y)
        finally:
            self._waiting_len -= 1
        return _cached(request, content, media_type)


def _cached(request: Request, content: bytes, media_type: str) -> Response:
    """304 when the browser has it, 204 when there is nothing to draw."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    headers = {"etag": etag, "cache-control": f"private, max-age={TILE_AGE_S}"}
    known = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    if etag in known:
        return Response(status_code=304, headers=headers)
    if not content:
        return Response(status_code=204, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def _about(roadmap: RoadMap) -> dict[str, object]:
    meta = roadmap.meta
    west, south, east, north = meta.bounds
    return {
        "id": meta.map_id,
        "name": meta.name,
        "synthetic": meta.synthetic,
        "bounds": [west, south, east, north],
        "center": [(west + east) / 2, (south + north) / 2],
        "attribution": meta.attribution,
        "zoom": {"min": tiles.ZOOM_MIN, "max": tiles.ZOOM_MAX},
    }


def _places(request: Request, index: PlaceIndex) -> list[PlaceView]:
    limit = min(number(request, "limit") or PLACES_LEN_DEFAULT, PLACES_LEN_MAX)
    return [_place(each) for each in index.search(term(request, "q"), limit)]


def _place(each: Found) -> PlaceView:
    kind = _PLACE_KINDS.get(each.kind, each.kind)
    return PlaceView(kind=kind, name=each.name, lon=each.lon, lat=each.lat)  # type: ignore[arg-type]
