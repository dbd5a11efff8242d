"""Learned travel times over HTTP: what was learned, what is known of a road, learn, go back."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from geo.driving.vehicles import Mode
from server.http.errors import ApiError, json, read_body
from server.http.needs import Services, choice, guarded, number, real, term
from server.http.texts import NO_NUL
from server.learnedlines import Box, LearnedLines
from server.learningdesk import Overview
from server.roadviews import LearnedVersionView, LearningView, TripSpreadView
from server.stores.learning import VersionRow
from server.stores.users import User

Reason = Annotated[str, Meta(max_length=500, pattern=NO_NUL)]
VersionNumber = Annotated[int, Meta(ge=1, le=2**63 - 1)]

LOOK = ("dispatcher", "supervisor", "admin")
CHANGE = ("supervisor", "admin")
TOLERANCE_M_DEFAULT = 10.0


class LearnBody(Struct, kw_only=True):
    """POST /api/learning/learn."""

    reason: Reason


class ActivateBody(Struct, kw_only=True):
    """POST /api/learning/activate."""

    version: VersionNumber | None
    """None: the model alone."""
    reason: Reason


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk, roads = services.learning, services.learned_roads
    drawn = LearnedLines(versions=desk.versions, roadmap=services.roadmap)

    async def look(request: Request, user: User) -> Response:
        return json(_view(await desk.overview()))

    async def road(request: Request, user: User) -> Response:
        edge, ref = number(request, "edge"), term(request, "ref")
        if (edge is None) == (ref == ""):
            raise ApiError(400, "malformed", "Name one road: by edge, or by ref.")
        return json(await (roads.by_ref(ref) if edge is None else roads.by_edge(edge)))

    async def lines(request: Request, user: User) -> Response:
        box = Box(**{side: real(request, side) for side in ("west", "south", "east", "north")})
        tolerance_m = real(request, "tolerance_m", default=TOLERANCE_M_DEFAULT)
        mode = choice(request, "mode", Mode) or Mode.ROUTINE
        return json(await drawn.within(box, mode, tolerance_m=tolerance_m))

    async def learn(request: Request, user: User) -> Response:
        body = await read_body(request, LearnBody)
        row = await desk.learn(by=user.actor, reason=body.reason.strip())
        return json(_version(row), 201)

    async def activate(request: Request, user: User) -> Response:
        body = await read_body(request, ActivateBody)
        await desk.versions.activate(body.version, by=user.actor, reason=body.reason.strip())
        return json(_view(await desk.overview()))

    return [
        Route("/api/learning", guarded(look, *LOOK)),
        Route("/api/learning/roads", guarded(road, *LOOK)),
        Route("/api/learning/lines", guarded(lines, *LOOK)),
        Route("/api/learning/learn", guarded(learn, *CHANGE), methods=["POST"]),
        Route("/api/learning/activate", guarded(activate, *CHANGE), methods=["POST"]),
    ]


def _view(found: Overview) -> LearningView:
    active = found.active
    return LearningView(
        drives=found.drives.drives,
        without_roads=found.drives.without_roads,
        waiting=found.waiting,
        active=active.version if active else None,
        activated_at=active.activated_at if active else None,
        activated_by=active.activated_by if active else None,
        reason=active.reason if active else None,
        versions=[_version(row) for row in found.versions],
    )


def _version(row: VersionRow) -> LearnedVersionView:
    return LearnedVersionView(
        version=row.version,
        created_at=row.created_at,
        created_by=row.created_by,
        reason=row.reason,
        drives=row.trips,
        arcs=row.arcs,
        newest_at=row.newest_at,
        spread={
            mode.value: TripSpreadView(
                learned_sd=round(each.learned_sd, 4),
                unlearned_sd=round(each.unlearned_sd, 4),
                rough_sd=round(each.rough_sd, 4),
                learned_drives=each.learned_drives,
                unlearned_drives=each.unlearned_drives,
                rough_drives=each.rough_drives,
            )
            for mode, each in row.spread.items()
        },
    )
