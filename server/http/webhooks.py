"""Webhooks over HTTP, for administrators: who outside is told what, and what was given up."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import json, read_body
from server.http.needs import RequestId, Services, guarded, number
from server.http.texts import NOT_BLANK, name_of
from server.stores.users import User
from server.webhookform import URL_LEN_MAX

ADMIN = ("admin",)
DEAD_PAGE_LEN_DEFAULT = 50

Why = Annotated[str, Meta(max_length=200, pattern=NOT_BLANK)]


class WebhookBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/webhooks."""

    request_id: RequestId
    name: Annotated[str, Meta(pattern=name_of(100))]
    url: Annotated[str, Meta(min_length=1, max_length=URL_LEN_MAX)]
    kinds: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(min_length=1, max_length=50)]


class EndBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/webhooks/{id}/end."""

    why: Why


class DeadBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/webhooks/{id}/retry and …/drop."""

    number: Annotated[int, Meta(ge=1, le=2**62)] | None = None
    """Of the entry or checkpoint; None: all that was given up."""


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = services.webhooks

    async def look(request: Request, user: User) -> Response:
        return json(await desk.everybody())

    async def add(request: Request, user: User) -> Response:
        body = await read_body(request, WebhookBody)
        made, fresh = await desk.add(
            request_id=body.request_id,
            name=body.name.strip(),
            url=body.url.strip(),
            kinds=body.kinds,
            by=user.actor,
        )
        return json(made, 201 if fresh else 200)

    async def end(request: Request, user: User) -> Response:
        body = await read_body(request, EndBody)
        return json(await desk.end(request.path_params["id"], why=body.why.strip(), by=user.actor))

    async def dead(request: Request, user: User) -> Response:
        return json(
            await desk.dead(
                request.path_params["id"],
                before=number(request, "before"),
                limit=number(request, "limit") or DEAD_PAGE_LEN_DEFAULT,
            )
        )

    async def see_to(request: Request, user: User) -> Response:
        body = await read_body(request, DeadBody)
        again = request.url.path.endswith("/retry")
        return json(
            await desk.see_to_dead(
                request.path_params["id"], number=body.number, again=again, by=user.actor
            )
        )

    one = "/api/webhooks/{id}"
    return [
        Route("/api/webhooks", guarded(look, *ADMIN)),
        Route("/api/webhooks", guarded(add, *ADMIN), methods=["POST"]),
        Route(f"{one}/end", guarded(end, *ADMIN), methods=["POST"]),
        Route(f"{one}/dead", guarded(dead, *ADMIN)),
        Route(f"{one}/retry", guarded(see_to, *ADMIN), methods=["POST"]),
        Route(f"{one}/drop", guarded(see_to, *ADMIN), methods=["POST"]),
    ]
