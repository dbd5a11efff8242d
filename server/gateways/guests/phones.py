"""The door of phone apps: OsmAnd's reports at `/o/<token>`, OwnTracks' at `/owntracks/<token>`.

The token in the path says who it is: each identity has its own, 256 random bits. Where the operator
has set one for everybody (`RIDGELINE_GUEST_TOKEN`), apps under it are told apart by the id that
they say, and one that nobody knows is listed for the administrator. An app keeps what it could not
deliver and says it again, the oldest first, until the answer is 2xx. So:

* 200 what is stored, and what never will be: nonsense, a device that was dismissed;
* 404 a token that nobody has; and an id that nobody has yet, so that the app keeps its points until
  an administrator has seen to it (400 where a query says no id, as Traccar does);
* 429 too fast, 503 the store is away: later.

What is written is durable before the answer. Orders are not shown by these apps.
"""

from __future__ import annotations

import hmac
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from devices.reading import Reading
from protocols import osmand, owntracks
from protocols.errors import ProtocolError
from server.gateways.device import address_of
from server.gateways.guests.guest import Guest
from server.gateways.guests.registry import Guests
from server.http.errors import ApiError
from server.settings import GUEST_TOKEN, Settings
from server.stores.identities import Identity

logger = logging.getLogger(__name__)

OSMAND_PATH: Final = "/o/{token}"
OWNTRACKS_PATH: Final = "/owntracks/{token}"
POSITION_WANTED_AFTER: Final = timedelta(minutes=5)
"""A unit on duty whose app says something, and no newer fix, is asked for one (starting value)."""


class Services(Protocol):
    """What this door needs of the wired services."""

    @property
    def guests(self) -> Guests: ...
    @property
    def settings(self) -> Settings: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """One message, whichever app it is of."""

    device_id: str
    """Empty: it has no name that could be anybody's."""
    reading: Reading
    alarm: str = ""


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    door = _Door(services.guests, services.settings.guest_token)
    return [
        Route(OSMAND_PATH, door.osmand, methods=["GET", "POST"]),
        Route(OWNTRACKS_PATH, door.owntracks, methods=["POST"]),
    ]


class _Door:
    def __init__(self, guests: Guests, token_of_all: str) -> None:
        self._guests = guests
        self._metrics = guests.field.metrics
        self._token_of_all = token_of_all

    async def osmand(self, request: Request) -> Response:
        owner = await self._owner("osmand", request)
        query = request.url.query
        try:
            messages = osmand.decode(f"?{query}" if query else await request.body())
        except ProtocolError as error:
            return self._nonsense("osmand", error, Response())
        said = [_of_osmand(each) for each in messages]
        is_json = not query and "json" in request.headers.get("content-type", "")
        missing = ApiError(400, "malformed", "It says no id.")
        for each in said:
            identity = owner or await self._named("osmand", each, request, no_name=missing)
            if identity is not None and not await self._is_refused(identity, each, request):
                await self._take(identity, each)
        return Response(media_type="application/json" if is_json else "text/plain")

    async def owntracks(self, request: Request) -> Response:
        owner = await self._owner("owntracks", request)
        try:
            messages = owntracks.decode(await request.body())
        except ProtocolError as error:
            return self._nonsense("owntracks", error, _array())
        missing = ApiError(400, "malformed", "It says neither a topic nor X-Limit-U and X-Limit-D.")
        guest: Guest | None = None
        for message in messages:
            said = _of_owntracks(message, request)
            identity = owner or await self._named("owntracks", said, request, no_name=missing)
            if identity is None or await self._is_refused(identity, said, request):
                continue
            guest = await self._take(identity, said)
        wanted = guest is not None and _is_wanted(guest)
        return _array([owntracks.REPORT_LOCATION] if wanted else [])

    # -- who ---------------------------------------------------------------------------------

    async def _owner(self, protocol: str, request: Request) -> Identity | None:
        """Whose token it is; None: it is everybody's. Raises `ApiError` 404."""
        token = request.path_params["token"]
        if self._token_of_all and hmac.compare_digest(token.encode(), self._token_of_all.encode()):
            return None
        found = (
            await self._guests.with_secret(protocol, token)
            if GUEST_TOKEN.fullmatch(token)
            else None
        )
        if found is None:
            self._metrics.count("guest_refused", protocol=protocol, why="token")
            raise ApiError(404, "not_found", "There is no such address.")
        return found

    async def _named(
        self, protocol: str, said: _Said, request: Request, *, no_name: ApiError
    ) -> Identity | None:
        """Whose name it is; None: of one that was dismissed. Raises `ApiError` 400, 404."""
        if not said.device_id:
            self._metrics.count("guest_refused", protocol=protocol, why="no_name")
            raise no_name
        found = await self._guests.identify(protocol, said.device_id)
        if found is None:
            await self._stranger(protocol, said, request, told={})
        return found

    async def _is_refused(self, identity: Identity, said: _Said, request: Request) -> bool:
        """Whether it speaks under a name that is not its own, where that is not allowed."""
        if not identity.strict or said.device_id == identity.external_id:
            return False
        await self._stranger(
            identity.protocol, said, request, told={"token of": identity.device_id}
        )
        return True

    async def _stranger(
        self, protocol: str, said: _Said, request: Request, *, told: dict[str, str]
    ) -> None:
        """Nothing is taken of one that was dismissed, and it may forget it. Else `ApiError` 404."""
        told = told | {"app": request.headers.get("user-agent", "")}
        name = said.device_id or "?"
        if await self._guests.stranger(protocol, name, address=address_of(request), said=told):
            self._metrics.count("guest_refused", protocol=protocol, why="dismissed")
            return
        self._metrics.count("guest_refused", protocol=protocol, why="unknown")
        raise ApiError(404, "not_found", "Nobody knows this device yet.")

    # -- what --------------------------------------------------------------------------------

    async def _take(self, identity: Identity, said: _Said) -> Guest:
        guest = await self._guests.heard(identity)
        if wait_s := guest.wait_s():
            seconds = math.ceil(wait_s)
            headers = {"retry-after": f"{seconds}"}
            message = f"Too fast. Go on in {seconds} s."
            raise ApiError(429, "rate_limited", message, {"wait_s": seconds}, headers=headers)
        taken = await guest.take(said.reading)
        self._guests.announce(guest)
        if said.alarm == osmand.SOS:
            await guest.pressed(said.reading, taken)
        return guest

    def _nonsense(self, protocol: str, error: ProtocolError, answer: Response) -> Response:
        """It will never be anything else: the app is to forget it."""
        self._metrics.count("guest_refused", protocol=protocol, why="malformed")
        logger.info("a message of %s cannot be read: %s", protocol, error.reason)
        return answer


def _of_osmand(message: osmand.Message) -> _Said:
    reading = Reading(
        observed_at=message.time,
        lon=message.lon if message.has_position else None,
        lat=message.lat if message.has_position else None,
        accuracy_m=message.accuracy_m,
        speed_mps=message.speed_mps,
        heading_deg=message.heading_deg,
        battery_pct=message.battery_pct,
        charging=bool(message.charging),
    )
    return _Said(device_id=message.device_id, reading=reading, alarm=message.alarm.lower())


def _of_owntracks(message: owntracks.Message, request: Request) -> _Said:
    """What is no location says at least that it is there."""
    reading = Reading(
        observed_at=message.time,
        lon=message.lon,
        lat=message.lat,
        accuracy_m=message.accuracy_m,
        speed_mps=message.speed_mps,
        heading_deg=message.heading_deg,
        battery_pct=message.battery_pct,
        charging=bool(message.charging),
    )
    return _Said(device_id=_owntracks_name(message, request), reading=reading)


def _owntracks_name(message: owntracks.Message, request: Request) -> str:
    """`user/device`, of the topic or of the headers; never the two letters of `tid`."""
    if message.has_topic:
        return message.device_id.removeprefix("owntracks/")
    named = [request.headers.get(f"x-limit-{which}", "").strip() for which in "ud"]
    return "/".join(named) if all(named) else ""


def _is_wanted(guest: Guest) -> bool:
    """Whether the unit's newest fix is too old to know where it is."""
    return guest.identity.on_duty and guest.is_older_than(POSITION_WANTED_AFTER)


def _array(commands: Sequence[dict[str, str]] = ()) -> Response:
    return Response(owntracks.answer(commands), media_type="application/json")
