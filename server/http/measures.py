"""Measures of a span of time over HTTP, for supervisors; as JSON, and as CSV for spreadsheets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import ApiError, json
from server.http.needs import Services, guarded, instant, term
from server.measuredesk import SPAN_DEFAULT, Asked
from server.measuresheet import coverage_csv, measures_csv, points_csv
from server.review.ledger import Who
from server.review.measures import AXES_DEFAULT, Axis
from server.stores.users import User

LOOK: Final = ("supervisor",)
_MARK: Final = "\ufeff"
"""Tells spreadsheets that a file is UTF-8."""


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = services.measures

    async def measures(request: Request, user: User) -> Response:
        return json(await desk.measures(_asked(request), by=user.actor))

    async def measures_sheet(request: Request, user: User) -> Response:
        view = await desk.measures(_asked(request), by=user.actor)
        return csv(measures_csv(view), f"measures-{view.since:%Y%m%d}-{view.until:%Y%m%d}.csv")

    async def points(request: Request, user: User) -> Response:
        return json(await desk.points(_asked(request), _who(request), by=user.actor))

    async def points_sheet(request: Request, user: User) -> Response:
        view = await desk.points(_asked(request), _who(request), by=user.actor)
        return csv(points_csv(view), f"points-{view.since:%Y%m%d}-{view.until:%Y%m%d}.csv")

    async def coverage(request: Request, user: User) -> Response:
        return json(await desk.coverage(_asked(request), by=user.actor))

    async def coverage_sheet(request: Request, user: User) -> Response:
        view = await desk.coverage(_asked(request), by=user.actor)
        return csv(coverage_csv(view), f"coverage-{view.since:%Y%m%d}-{view.until:%Y%m%d}.csv")

    return [
        Route("/api/measures/coverage", guarded(coverage, *LOOK)),
        Route("/api/measures/coverage.csv", guarded(coverage_sheet, *LOOK)),
        Route("/api/measures/points", guarded(points, *LOOK)),
        Route("/api/measures/points.csv", guarded(points_sheet, *LOOK)),
        Route("/api/measures", guarded(measures, *LOOK)),
        Route("/api/measures.csv", guarded(measures_sheet, *LOOK)),
    ]


def csv(text: str, name: str) -> Response:
    """A file to be kept."""
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{name}"',
    }
    return Response(_MARK + text, headers=headers, media_type="text/csv; charset=utf-8")


def _asked(request: Request) -> Asked:
    """`from` and `to`, the last four weeks without; `by`, joined by commas. Raises `ApiError`."""
    until = instant(request, "to") or datetime.now(UTC)
    since = instant(request, "from") or until - SPAN_DEFAULT
    return Asked(since=since, until=until, axes=_axes(request))


def _who(request: Request) -> Who:
    text = term(request, "of")
    try:
        return Who(text) if text else Who.UNIT
    except ValueError:
        raise ApiError(400, "malformed", f"of is one of {', '.join(Who)}.") from None


def _axes(request: Request) -> tuple[Axis, ...]:
    if "by" not in request.query_params:
        return AXES_DEFAULT
    try:
        found = [Axis(part.strip()) for part in term(request, "by").split(",") if part.strip()]
    except ValueError:
        raise ApiError(
            400, "malformed", f"by takes some of {', '.join(Axis)}, joined by commas."
        ) from None
    return tuple(dict.fromkeys(found))
