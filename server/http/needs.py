"""What the dispatcher's routes need of the wired services, and how they guard and refuse.

`server.bootstrap.Services` fulfils `Services`; routes cannot import it, because it wires them.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from server.dispatch.errors import Conflict, DispatchError, Forbidden, Impossible, NotFound
from server.http.auth import require
from server.http.errors import ApiError
from server.http.texts import NO_NUL
from server.oneatatime import TooMany
from server.stores.users import User

if TYPE_CHECKING:
    from geo.basemap.tiles import TileMaker
    from geo.places import PlaceIndex
    from geo.roadmap import RoadMap
    from server.auditdesk import AuditDesk
    from server.batteries import Batteries
    from server.batterymodels import BatteryModels
    from server.chargingdesk import ChargingDesk
    from server.checklistdesk import ChecklistDesk
    from server.claimdesk import ClaimDesk
    from server.coverdesk import CoverDesk
    from server.intakedesk import IntakeDesk
    from server.learnedroads import LearnedRoads
    from server.learningdesk import LearningDesk
    from server.measuredesk import MeasureDesk
    from server.mitigationdesk import MitigationDesk
    from server.orderdesk import OrderDesk
    from server.photodesk import PhotoDesk
    from server.pipeline import Pipeline
    from server.placenames import PlaceNames
    from server.playbackdesk import PlaybackDesk
    from server.ports import FanOut, LiveUnits, Router
    from server.proposaldesk import ProposalDesk
    from server.reachdesk import ReachDesk
    from server.reviewdesk import ReviewDesk
    from server.roaddesk import RoadDesk
    from server.roadpicture import RoadPicture
    from server.runcarddesk import RunCardDesk
    from server.sealer import Sealer
    from server.settings import Settings
    from server.shiftdesk import ShiftDesk
    from server.sosdesk import SosDesk
    from server.sparedesk import SpareDesk
    from server.surveyor import Surveyor
    from server.watchroom import WatchRoom
    from server.webhooks import Webhooks
    from server.zonedesk import ZoneDesk

TERM_LEN_MAX = 200
TEXT_BYTES_MAX = 6000
"""Of a text on its way to a device: 2,000 Chinese characters. Two of them, and all else that a task
says, stay below `protocols.native.FRAME_BYTES_MAX`."""
RequestId = Annotated[str, Meta(min_length=1, max_length=64, pattern=NO_NUL)]
Line = Annotated[str, Meta(max_length=200, pattern=NO_NUL)]
Text = Annotated[str, Meta(max_length=2000, pattern=NO_NUL)]

_STATUS: dict[type[DispatchError], int] = {
    NotFound: 404,
    Forbidden: 403,
    Conflict: 409,
    Impossible: 422,
}

Handler = Callable[[Request, User], Awaitable[Response]]
C = TypeVar("C", bound=StrEnum)


class Services(Protocol):
    """The wired parts that these routes use."""

    @property
    def pool(self) -> Any: ...
    @property
    def fanout(self) -> FanOut: ...
    @property
    def pipeline(self) -> Pipeline: ...
    @property
    def order_desk(self) -> OrderDesk: ...
    @property
    def proposal_desk(self) -> ProposalDesk: ...
    @property
    def sealer(self) -> Sealer: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def audit(self) -> AuditDesk: ...
    @property
    def mitigation_desk(self) -> MitigationDesk: ...
    @property
    def board(self) -> LiveUnits: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def batteries(self) -> Batteries: ...
    @property
    def run_cards(self) -> RunCardDesk: ...
    @property
    def checklists(self) -> ChecklistDesk: ...
    @property
    def claims(self) -> ClaimDesk: ...
    @property
    def battery_models(self) -> BatteryModels: ...
    @property
    def routing(self) -> Router: ...
    @property
    def roadmap(self) -> RoadMap: ...
    @property
    def tiles(self) -> TileMaker: ...
    @property
    def places(self) -> PlaceIndex: ...
    @property
    def place_names(self) -> PlaceNames: ...
    @property
    def sos_desk(self) -> SosDesk: ...
    @property
    def reach(self) -> ReachDesk: ...
    @property
    def surveyor(self) -> Surveyor: ...
    @property
    def roads(self) -> RoadPicture: ...
    @property
    def road_desk(self) -> RoadDesk: ...
    @property
    def learning(self) -> LearningDesk: ...
    @property
    def dead_zones(self) -> ZoneDesk: ...
    @property
    def watch_room(self) -> WatchRoom: ...
    @property
    def intake_desk(self) -> IntakeDesk: ...
    @property
    def cover_desk(self) -> CoverDesk: ...
    @property
    def spares(self) -> SpareDesk: ...
    @property
    def charging(self) -> ChargingDesk: ...
    @property
    def shifts(self) -> ShiftDesk: ...
    @property
    def measures(self) -> MeasureDesk: ...
    @property
    def reviews(self) -> ReviewDesk: ...
    @property
    def photos(self) -> PhotoDesk: ...
    @property
    def playback(self) -> PlaybackDesk: ...
    @property
    def learned_roads(self) -> LearnedRoads: ...


_guards: WeakKeyDictionary[object, frozenset[str]] = WeakKeyDictionary()


def roles_of(endpoint: object) -> frozenset[str] | None:
    """Whom `guarded` lets through (empty: whoever is signed in); None: it does not guard it."""
    return _guards.get(endpoint)


def guarded(handler: Handler, *roles: str) -> Callable[[Request], Awaitable[Response]]:
    """Only for signed-in users with one of `roles` (none named: any); refusals become answers."""

    async def endpoint(request: Request) -> Response:
        user = await require(request, *roles)
        try:
            return await handler(request, user)
        except DispatchError as error:
            status = _STATUS[type(error)]
            raise ApiError(status, error.code, error.message, error.detail) from None
        except TooMany as error:
            raise ApiError(
                503, "routing_busy", f"Too much to reckon just now: {error}.",
                headers={"retry-after": "1"},
            ) from None  # fmt: skip

    _guards[endpoint] = frozenset(roles)
    return endpoint


def require_short(**texts: str) -> None:
    """For a body's `__post_init__`. Raises `ValueError`, of which msgspec makes a refusal."""
    for name, text in texts.items():
        size = len(msgspec.json.encode(text))
        if size > TEXT_BYTES_MAX:
            raise ValueError(
                f"{name} is too long for a device: {size} bytes, and it takes {TEXT_BYTES_MAX}"
            )


def term(request: Request, name: str) -> str:
    """What is to be looked for, from the query. Raises `ApiError` 400."""
    text = request.query_params.get(name, "").strip()
    if len(text) > TERM_LEN_MAX or "\0" in text:
        raise ApiError(
            400, "malformed", f"{name} may have {TERM_LEN_MAX} characters, and no NUL among them."
        )
    return text


def choice(request: Request, name: str, choices: type[C]) -> C | None:
    """One of a closed set, of the query; None: not said. Raises `ApiError` 400."""
    text = term(request, name)
    try:
        return choices(text) if text else None
    except ValueError:
        raise ApiError(400, "malformed", f"{name} must be one of {', '.join(choices)}.") from None


def number(request: Request, name: str, *, default: int | None = None) -> int | None:
    """A whole number of the query, at least 0. Raises `ApiError` 400."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ApiError(400, "malformed", f"{name} is {text[:40]!r}; it must be a whole number.")
    return int(text)


def real(request: Request, name: str, *, default: float | None = None) -> float:
    """A finite number of the query. Raises `ApiError` 400, also when it is missing."""
    text = request.query_params.get(name, "")
    if text == "" and default is not None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ApiError(400, "malformed", f"{name} is {text[:40]!r}; it must be a number.")
    return value


def instant(request: Request, name: str) -> datetime | None:
    """A point in time with its zone, of the query. Raises `ApiError` 400."""
    text = term(request, name)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ApiError(
            400, "malformed", f"{name} is {text[:40]!r}; write 2026-01-31T21:30:00+08:00."
        )
    return at
