"""Photos over HTTP: devices send them, with their own credential; the room looks at them.

An image is answered as what its content is, and nothing in it can act as a page of ours.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Final

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.dispatch.errors import Conflict, DispatchError, Impossible, NotFound
from server.http.errors import ApiError, json, read_body
from server.http.needs import Services, guarded
from server.http.texts import NO_NUL
from server.photodesk import PhotosFull
from server.stores import devices
from server.stores.photos import Claim
from server.stores.users import User

DEVICE_PATH: Final = "/v1/photos"
LOOK: Final = ("dispatcher", "supervisor")
OFFSET_DIGITS_MAX: Final = 9
RETRY_AFTER_S: Final = 600
"""While there is no room, for photos or for this device."""
MS_MAX: Final = 4_102_444_800_000
"""The year 2100."""
POLICY: Final = "default-src 'none'; sandbox"
ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}

_STATUS: Final[dict[type[DispatchError], int]] = {NotFound: 404, Conflict: 409, Impossible: 422}

UUID: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
ClientId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{8,64}$")]


class PhotoBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/photos: what is to come."""

    id: ClientId
    """The device's own for the photo: the same for every repetition."""
    order: Annotated[str, Meta(pattern=UUID)]
    """Id of the command that brought the order."""
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Meta(gt=0, lt=2**31)]
    by: Annotated[str, Meta(max_length=32, pattern=NO_NUL)] = ""
    at: Annotated[int, Meta(gt=0, lt=MS_MAX)] | None = None
    """When it was taken, ms since 1970 UTC by the device's clock."""
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    acc: Annotated[float, Meta(ge=0, le=1e6)] | None = None

    def __post_init__(self) -> None:
        if (self.lon is None) != (self.lat is None):
            raise ValueError("lon and lat go together")

    def claim(self) -> Claim:
        return Claim(
            order=self.order,
            sha256=self.sha256,
            size=self.size,
            by=self.by,
            taken_at=None if self.at is None else datetime.fromtimestamp(self.at / 1000, UTC),
            lon=self.lon,
            lat=self.lat,
            accuracy_m=None if self.lon is None else self.acc,
        )


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = services.photos

    async def begin(request: Request) -> Response:
        async with _device(services, request) as device_id:
            body = await read_body(request, PhotoBody)
            return json(await desk.begin(device_id, body.id, body.claim()))

    async def add(request: Request) -> Response:
        async with _device(services, request) as device_id:
            offset = _offset(request)
            part = await request.body()
            return json(await desk.add(device_id, request.path_params["id"], offset, part))

    async def of_incident(request: Request, user: User) -> Response:
        return json(await desk.of_incident(_id(request)))

    async def image(request: Request, user: User) -> Response:
        return _image(*await desk.image(_id(request), small=False))

    async def small(request: Request, user: User) -> Response:
        return _image(*await desk.image(_id(request), small=True))

    return [
        Route(DEVICE_PATH, begin, methods=["POST"]),
        Route(f"{DEVICE_PATH}/{{id}}", add, methods=["PUT"]),
        Route("/api/incidents/{id}/photos", guarded(of_incident, *LOOK)),
        Route("/api/photos/{id}", guarded(image, *LOOK)),
        Route("/api/photos/{id}/small", guarded(small, *LOOK)),
    ]


@asynccontextmanager
async def _device(services: Services, request: Request) -> AsyncIterator[str]:
    """Whose token it is; what the desk refuses becomes an answer. Raises `ApiError`."""
    device_id = await _authenticate(services, request)
    try:
        yield device_id
    except PhotosFull as full:
        status = 507 if full.code == "photos_full" else 429
        headers = {"retry-after": str(RETRY_AFTER_S)}
        raise ApiError(status, full.code, full.message, headers=headers) from None
    except DispatchError as error:
        raise ApiError(_STATUS[type(error)], error.code, error.message, error.detail) from None


async def _authenticate(services: Services, request: Request) -> str:
    """As the devices' other doors: `dev` says who, the bearer token proves it (RFC 6750 §2.1)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    device_id = request.query_params.get("dev", "")[:64].replace("\0", "")
    if scheme.lower() == "bearer" and token:
        async with services.pool.acquire() as conn:
            device = await devices.authenticate(conn, device_id, token.strip()[:200])
        if device is not None:
            return device.id
    raise ApiError(401, "not_accepted", "Device or token not accepted.")


def _offset(request: Request) -> int:
    text = request.query_params.get("at", "")
    if not (text.isascii() and text.isdigit() and len(text) <= OFFSET_DIGITS_MAX):
        raise ApiError(400, "malformed", "at is the offset of the first byte, a whole number.")
    return int(text)


def _id(request: Request) -> str:
    try:
        return str(uuid.UUID(request.path_params["id"]))
    except ValueError:
        raise NotFound("not_found", "There is no such thing by that id.") from None


def _image(image: bytes, type_: str, number: int) -> Response:
    headers = {
        "cache-control": "no-store",
        "content-security-policy": POLICY,
        "content-disposition": f'inline; filename="photo-{number}.{ENDINGS[type_]}"',
    }
    return Response(image, headers=headers, media_type=type_)
