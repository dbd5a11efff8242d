"""The map over HTTP: what it is, its tiles, its relief, and the search for places.

Tiles are made on a few threads of their own, so a burst of panning holds up no order.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Sequence
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
PACK_LEN_MAX = 64
"""Tiles of one pack: what a few seconds of a poor link carry, so that little is lost with it."""
TILE_AGE_S = 600
"""A browser asks again after this; the ETag makes it cheap."""
SEARCH = ("dispatcher", "supervisor", "admin")
"""Whoever enters a place: of an incident, of what comes in, of a standby point."""
PLACES_LEN_DEFAULT = 8
PLACES_LEN_MAX = 50
TILE_NAME = re.compile(r"([0-9]{1,2})/([0-9]{1,9})/([0-9]{1,9})")
TileName = tuple[int, int, int]
"""Zoom, column, row."""
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

    async def pack(request: Request, user: User) -> Response:
        return await oven.pack(_names(request.query_params.get("of", "")), made.vector)

    async def hillshade(request: Request, user: User) -> Response:
        return await oven.tile(request, made.hillshade, "image/webp")

    async def places(request: Request, user: User) -> Response:
        return json(_places(request, services.places))

    tile = "{z:tile}/{x:tile}/{y:tile}"
    return [
        Route("/api/map", guarded(about)),
        Route(f"/tiles/{tile}.mvt", guarded(vector)),
        Route("/tiles/pack", guarded(pack)),
        Route(f"/hillshade/{tile}.webp", guarded(hillshade)),
        Route("/api/places", guarded(places, *SEARCH)),
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
        content = await self._made(1, lambda: make(z, x, y))
        return _cached(request, content, media_type)

    async def pack(self, names: Sequence[TileName], make: Callable[..., bytes]) -> Response:
        """Each tile with its length before it, four bytes, highest first; in the order asked for.

        For a handset that keeps the map around a way: over a poor link the round trips of single
        tiles take longer than the tiles.
        """

        def bake() -> bytes:
            tiles = [make(*each) for each in names]
            return b"".join(part for each in tiles for part in (len(each).to_bytes(4), each))

        content = await self._made(len(names), bake)
        headers = {"cache-control": "no-store"}
        return Response(content, headers=headers, media_type="application/octet-stream")

    async def _made(self, count: int, bake: Callable[[], bytes]) -> bytes:
        if self._waiting_len >= TILES_WAITING_MAX:
            raise ApiError(
                503, "tiles_busy", "Too many map tiles wait.", headers={"retry-after": "1"}
            )
        self._waiting_len += count
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, bake)
        finally:
            self._waiting_len -= count


def _names(text: str) -> list[TileName]:
    """Of `z/x/y,z/x/y`; PACK_LEN_MAX at most."""
    found = [TILE_NAME.fullmatch(each) for each in text.split(",")]
    names = [(int(each[1]), int(each[2]), int(each[3])) for each in found if each]
    if len(names) < len(found) or len(names) > PACK_LEN_MAX:
        message = f"`of` names up to {PACK_LEN_MAX} tiles, as 12/3189/1718,12/3190/1718."
        raise ApiError(400, "malformed", message)
    return names


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
    kind = _PLACE_KINDS.get(each.kind, each.kind)  # all others are the view's own
    return PlaceView(kind=kind, name=each.name, lon=each.lon, lat=each.lat)  # type: ignore[arg-type]
