"""Where a unit has been lately, over HTTP: what its devices said, with every gap left a gap."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import ApiError, json
from server.http.needs import Services, guarded, number
from server.mapviews import TrailView
from server.oneatatime import OneAtATime
from server.pipeline import utc_now
from server.playbackdesk import STALE_S
from server.playbackviews import TrackView
from server.stores import tracks
from server.stores.users import User

MINUTES_DEFAULT: Final = 30
MINUTES_MAX: Final = 60
"""An hour; whoever wants more looks into the replay."""
FIXES_MAX: Final = 600
"""Of one device; of more, one in each 600th of the time is taken."""
WAITING_MAX: Final = 8


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    pool, board, one = services.pool, services.board, OneAtATime(WAITING_MAX)

    async def trail(request: Request, user: User) -> Response:
        unit_id = request.path_params["id"]
        if board.unit(unit_id) is None:
            raise ApiError(404, "not_found", "There is no such unit.")
        span = timedelta(minutes=_minutes(request))
        until = utc_now()
        async with one.turn(), pool.acquire() as conn:
            found = await tracks.load(
                conn,
                until - span,
                until,
                lead=timedelta(0),
                step_s=max(1.0, span.total_seconds() / FIXES_MAX),
                stale_s=STALE_S,
                unit_ids=[unit_id],
            )
        return json(
            TrailView(
                unit_id=unit_id,
                since=until - span,
                until=until,
                stale_s=STALE_S,
                tracks=[TrackView(**asdict(each)) for each in found],
            )
        )

    return [Route("/api/units/{id}/trail", guarded(trail, "dispatcher", "supervisor"))]


def _minutes(request: Request) -> int:
    """Raises `ApiError` 400."""
    minutes = number(request, "minutes", default=MINUTES_DEFAULT)
    assert minutes is not None, "it has a default"
    if not 1 <= minutes <= MINUTES_MAX:
        raise ApiError(400, "malformed", f"minutes is 1 to {MINUTES_MAX}.")
    return minutes
