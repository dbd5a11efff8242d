"""One entrance and one exit over HTTP: what comes in, and every order by its number."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import ApiError, json, read_body
from server.http.needs import Line, RequestId, Services, Text, guarded, number
from server.http.texts import NOT_BLANK, name_of
from server.intakedesk import NewIntake
from server.intakeviews import IntakeKind, IntakePageView, OutletPageView
from server.stores import intakes, order_rows
from server.stores.users import User
from server.views import Priority

WHICH = ("open", "settled", "all")
READ = ("dispatcher", "supervisor")

Instant = Annotated[datetime, Meta(tz=True)]


class IntakeBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/inbox."""

    request_id: RequestId
    kind: IntakeKind
    source: Annotated[str, Meta(pattern=name_of(100))]
    urgency: Priority = "routine"
    text: Annotated[str, Meta(max_length=2000, pattern=NOT_BLANK)]
    place: Line = ""
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    from_at: Instant | None = None
    until_at: Instant | None = None


class NoteBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/inbox/{id}/note."""

    why: Text


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = services.intake_desk

    async def receive(request: Request, user: User) -> Response:
        body = await read_body(request, IntakeBody)
        wanted = NewIntake(
            request_id=body.request_id,
            kind=body.kind,
            source=body.source.strip(),
            urgency=body.urgency,
            text=body.text.strip(),
            place=body.place.strip(),
            lon=body.lon,
            lat=body.lat,
            from_at=body.from_at,
            until_at=body.until_at,
        )
        taken, fresh = await desk.receive(wanted, by=user.actor)
        return json(taken, 201 if fresh else 200)

    async def page(request: Request, user: User) -> Response:
        which = request.query_params.get("status", "open")
        if which not in WHICH:
            raise ApiError(400, "malformed", f"status must be one of {', '.join(WHICH)}.")
        async with services.pool.acquire() as conn:
            items, following = await intakes.page(
                conn,
                which=which,
                before=number(request, "before"),
                limit=number(request, "limit") or 50,
            )
            waiting = await intakes.count_open(conn)
        return json(IntakePageView(items=items, open=waiting, next=following))

    async def note(request: Request, user: User) -> Response:
        body = await read_body(request, NoteBody)
        intake_id = request.path_params["id"]
        return json(await desk.note(intake_id, why=body.why.strip(), by=user.actor))

    async def outlet(request: Request, user: User) -> Response:
        async with services.pool.acquire() as conn:
            orders, following = await order_rows.page(
                conn, before=number(request, "before"), limit=number(request, "limit") or 50
            )
        return json(OutletPageView(orders=orders, next=following))

    return [
        Route("/api/inbox", guarded(receive, *READ), methods=["POST"]),
        Route("/api/inbox", guarded(page, *READ)),
        Route("/api/inbox/{id}/note", guarded(note, *READ), methods=["POST"]),
        Route("/api/outlet", guarded(outlet, *READ)),
    ]
