"""Peace and war over HTTP: look, order, end. Who orders gives the password once more."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Protocol

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.dispatch.stance import Authority, Effects, Reoptimise, StanceMode
from server.http.auth import Auth, address_of
from server.http.errors import json, read_body
from server.http.needs import RequestId, guarded, number
from server.http.texts import name_of
from server.stancedesk import NewStance, StanceDesk
from server.stanceviews import StanceHistoryView
from server.stores import stance as store
from server.stores.pool import Pool
from server.stores.users import User

HOURS_MAX = 24.0 * 366
"""Of any order; how long war may last is a setting."""
Reason = Annotated[str, Meta(max_length=500, pattern=name_of(500))]
Hours = Annotated[float, Meta(gt=0, le=HOURS_MAX)]
Secret = Annotated[str, Meta(max_length=400)]


class StanceBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /api/stance."""

    request_id: RequestId
    mode: StanceMode
    reason: Reason
    password: Secret
    hours: Hours | None = None
    """None: until another order; of peace alone."""
    offers: bool = False
    reoptimise: Reoptimise = Reoptimise.PROPOSALS
    authority: Authority = Authority.SUPERVISOR
    off_duty_reports: bool = False


class EndBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /api/stance/{number}/end."""

    reason: Reason
    password: Secret


class Services(Protocol):
    """What these routes need of the wired services."""

    @property
    def pool(self) -> Pool: ...
    @property
    def auth(self) -> Auth: ...
    @property
    def stance(self) -> StanceDesk: ...


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk, auth = services.stance, services.auth

    async def look(request: Request, user: User) -> Response:
        async with services.pool.acquire() as conn:
            rows = await store.page(
                conn,
                before=number(request, "before"),
                limit=number(request, "limit") or 50,
            )
        orders = [store.signed_view(row) for row in rows]
        return json(StanceHistoryView(now=desk.view(), orders=orders))

    async def give(request: Request, user: User) -> Response:
        body = await read_body(request, StanceBody)
        await auth.confirm(user, body.password, address_of(request))
        wanted = NewStance(
            request_id=body.request_id,
            mode=body.mode,
            reason=body.reason.strip(),
            lasts=None if body.hours is None else timedelta(hours=body.hours),
            effects=Effects(
                offers=body.offers,
                reoptimise=body.reoptimise,
                authority=body.authority,
                off_duty_reports=body.off_duty_reports,
            ),
        )
        row, fresh = await desk.give(wanted, by=user.actor, roles=user.roles)
        return json(store.signed_view(row), 201 if fresh else 200)

    async def end(request: Request, user: User) -> Response:
        body = await read_body(request, EndBody)
        await auth.confirm(user, body.password, address_of(request))
        row = await desk.end(
            request.path_params["number"],
            reason=body.reason.strip(),
            by=user.actor,
            roles=user.roles,
        )
        return json(store.signed_view(row))

    may_look, may_act = ("dispatcher", "supervisor", "admin"), ("dispatcher", "supervisor")
    return [
        Route("/api/stance", guarded(look, *may_look)),
        Route("/api/stance", guarded(give, *may_act), methods=["POST"]),
        Route("/api/stance/{number:int}/end", guarded(end, *may_act), methods=["POST"]),
    ]
