"""The worklist over HTTP: look, claim, settle."""

from __future__ import annotations

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import ApiError, json, read_body
from server.http.needs import Services, Text, guarded, number, require_short
from server.stores import worklist
from server.stores.users import User
from server.watchviews import WorkPageView

WHICH = ("open", "settled", "all")
WATCHERS = ("dispatcher", "supervisor")


class ClaimBody(Struct, kw_only=True):
    """POST /api/worklist/{id}/claim."""

    take_over: bool = False
    """Also from somebody who has claimed it."""


class SettleBody(Struct, kw_only=True):
    """POST /api/worklist/{id}/settle."""

    reason: Text


class AcceptBody(Struct, kw_only=True):
    """POST /api/worklist/{id}/accept."""

    reason: Text = ""
    """For the units that are called off."""
    instruction: Text = ""
    """For all that are sent."""

    def __post_init__(self) -> None:
        require_short(reason=self.reason, instruction=self.instruction)


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = services.order_desk

    async def page(request: Request, user: User) -> Response:
        which = request.query_params.get("status", "open")
        if which not in WHICH:
            raise ApiError(400, "malformed", f"status must be one of {', '.join(WHICH)}.")
        async with services.pool.acquire() as conn:
            items, following = await worklist.page(
                conn,
                which=which,
                before=number(request, "before"),
                limit=number(request, "limit") or 50,
            )
            still_open = await worklist.open_count(conn)
        return json(WorkPageView(items=items, open=still_open, next=following))

    async def claim(request: Request, user: User) -> Response:
        body = await read_body(request, ClaimBody)
        item_id = request.path_params["id"]
        return json(await desk.claim(item_id, take_over=body.take_over, by=user.actor))

    async def settle(request: Request, user: User) -> Response:
        body = await read_body(request, SettleBody)
        item_id = request.path_params["id"]
        return json(await desk.settle(item_id, reason=body.reason.strip(), by=user.actor))

    async def accept(request: Request, user: User) -> Response:
        body = await read_body(request, AcceptBody)
        orders, fresh = await services.proposal_desk.accept(
            request.path_params["id"],
            reason=body.reason.strip(),
            instruction=body.instruction.strip(),
            by=user.actor,
        )
        return json(orders, 201 if fresh else 200)

    one = "/api/worklist/{id}"
    return [
        Route("/api/worklist", guarded(page, *WATCHERS)),
        Route(f"{one}/claim", guarded(claim, *WATCHERS), methods=["POST"]),
        Route(f"{one}/accept", guarded(accept, "dispatcher"), methods=["POST"]),
        Route(f"{one}/settle", guarded(settle, *WATCHERS), methods=["POST"]),
    ]
