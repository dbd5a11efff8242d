"""Tells the log of access what requests were: looks, searches, refusals, reads that failed.

By the route alone, so that no handler has to think of it. What desks log themselves (the log and
redactions in it, reviews, replays, measures) is told here only when it failed. Sessions at the live
map are the business of the console's door.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.accesslog import SYSTEM, AccessLog, Act
from server.http.auth import COOKIE, Session, address_of
from server.http.errors import ApiError
from server.journal.kinds import JournalKind
from server.stores.away import STORE_AWAY

logger = logging.getLogger(__name__)

LOOKS: Final = {
    "/api/places": JournalKind.ACCESS_SEARCHED,
    "/api/units": JournalKind.ACCESS_READ,
    "/api/units/{id}/trail": JournalKind.ACCESS_READ,
    "/api/users": JournalKind.ACCESS_READ,
    "/api/people": JournalKind.ACCESS_READ,
    "/api/people/{id}": JournalKind.ACCESS_READ,
    "/api/roster/units": JournalKind.ACCESS_READ,
    "/api/roster/units/{id}": JournalKind.ACCESS_READ,
    "/api/shifts": JournalKind.ACCESS_READ,
    "/api/roster/export": JournalKind.ACCESS_READ,
    "/api/roster": JournalKind.ACCESS_READ,
    "/api/devices": JournalKind.ACCESS_READ,
    "/api/devices/unknown": JournalKind.ACCESS_READ,
    "/api/devices/identities": JournalKind.ACCESS_READ,
    "/api/incidents": JournalKind.ACCESS_READ,
    "/api/inbox": JournalKind.ACCESS_READ,
    "/api/journal/proofs": JournalKind.ACCESS_READ,
    "/api/devices/{id}/charges": JournalKind.ACCESS_READ,
    "/api/incidents/{id}/photos": JournalKind.ACCESS_READ,
    "/api/photos/{id}": JournalKind.ACCESS_READ,
    "/api/photos/{id}/small": JournalKind.ACCESS_READ,
}
"""Routes that show people, devices or positions, and are read with GET."""
LOGGED_READS: Final = (
    "/api/journal",
    "/api/journal.csv",
    "/api/journal.json",
    "/api/journal/{seq:int}/proof",
    "/api/replay",
    "/api/replay.csv",
    "/api/replay.geojson",
    "/api/replay/tracks",
    "/api/incidents/{id}/eido",
    "/api/incidents/{id}/review",
    "/api/incidents/{id}/review.html",
    "/api/measures",
    "/api/measures.csv",
    "/api/measures/coverage",
    "/api/measures/coverage.csv",
    "/api/measures/points",
    "/api/measures/points.csv",
)
"""Routes whose desks log each read that succeeds."""
LOGGED_ACTS: Final = ("/api/journal/{seq:int}/redact",)
"""Routes whose desks log each POST that succeeds, and that say something of what they refuse."""
SIGN_IN: Final = "/api/login"
UNAUTHORIZED, FORBIDDEN, TOO_MANY = 401, 403, 429
REFUSALS: Final = {UNAUTHORIZED: "not_signed_in", FORBIDDEN: "forbidden"}
ERROR_MIN: Final = 400
_CONVERTER: Final = re.compile(r":\w+(?=})")


class AccessMiddleware:
    """Inside the failures: a look that cannot be logged is answered as any failure is."""

    def __init__(self, app: ASGIApp, log: AccessLog, routes: Sequence[BaseRoute]) -> None:
        self._app, self._log = app, log
        self._paths: dict[Any, str] = {
            each.endpoint: each.path for each in routes if isinstance(each, Route | WebSocketRoute)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._answered(scope, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception as error:
            await self._went_wrong(scope, error)
            raise

    async def _answered(self, scope: Scope, status: int) -> None:
        """A page says itself that it is not for this role."""
        if status < ERROR_MIN:
            await self._looked(scope)
        elif status in REFUSALS and (actor := _actor(scope)) is not None:
            act = self._act(scope, actor, JournalKind.ACCESS_REFUSED, REFUSALS[status])
            await self._note_failure(act, scope)

    async def _looked(self, scope: Scope) -> None:
        if scope.get("method") != "GET" or (kind := LOOKS.get(self._path(scope))) is None:
            return
        if (actor := _actor(scope)) is not None:
            wanted = HTTPConnection(scope).query_params.get("q", "")
            await self._log.note(self._act(scope, actor, kind), wanted or _told_apart(scope))

    async def _went_wrong(self, scope: Scope, error: Exception) -> None:
        """What was refused, or should have been read; the answer stays what it is."""
        kind = self._kind_of(scope, error)
        actor = SYSTEM if self._path(scope) == SIGN_IN else _actor(scope)
        if kind is None or actor is None:
            return
        why = error.code if isinstance(error, ApiError) else type(error).__name__
        await self._note_failure(self._act(scope, actor, kind, why), scope)

    async def _note_failure(self, act: Act, scope: Scope) -> None:
        try:
            await self._log.note(act, _told_apart(scope))
        except STORE_AWAY as away:
            logger.warning(
                "%s: %s is not logged, PostgreSQL is away: %s", act.actor, act.kind, away
            )

    def _kind_of(self, scope: Scope, error: Exception) -> JournalKind | None:
        path, method = self._path(scope), scope.get("method")
        status = error.status if isinstance(error, ApiError) else 0
        if path == SIGN_IN:  # who tries a password is logged there, until he tries too many
            return JournalKind.ACCESS_REFUSED if status == TOO_MANY else None
        if status in REFUSALS:
            return JournalKind.ACCESS_REFUSED
        if method == "GET" and (path in LOOKS or path in LOGGED_READS):
            return JournalKind.ACCESS_FAILED
        return JournalKind.ACCESS_FAILED if method == "POST" and path in LOGGED_ACTS else None

    def _act(self, scope: Scope, actor: str, kind: JournalKind, why: str = "") -> Act:
        """Where nobody knows who it was, all routes of an address are one."""
        known = actor != SYSTEM
        route = f"{scope.get('method', 'WebSocket')} {shown(self._path(scope))}" if known else ""
        address = address_of(HTTPConnection(scope))
        return Act(actor=actor, kind=kind, route=route, address=address, why=why)

    def _path(self, scope: Scope) -> str:
        """As the route has it, with names for what stands in it; empty where it leads nowhere."""
        return self._paths.get(scope.get("endpoint"), "")


def shown(path: str) -> str:
    """A route's path as the log has it."""
    return _CONVERTER.sub("", path)


def _actor(scope: Scope) -> str | None:
    """Who asks; `system` for a session that is not known (any more), None where none was shown."""
    state = scope.get("state", {})
    if "session" not in state:
        return None
    session: Session | None = state["session"]
    if session is not None:
        return session.user.actor
    return SYSTEM if COOKIE in HTTPConnection(scope).cookies else None


def _told_apart(scope: Scope) -> str:
    """The path where it says more than its pattern."""
    path: str = scope["path"]
    return path if scope.get("path_params") else ""
