"""Run cards over HTTP: look, try a change, save it as a version, go back; and checklists."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.dispatch.runcardform import STEPS_MAX
from server.dispatch.runcards import plain
from server.http.errors import ApiError, json, read_body
from server.http.learning import ActivateBody, Reason
from server.http.needs import Services, guarded, number
from server.runcardviews import (
    RunCardChangesView,
    RunCardSetView,
    checklist,
    incident_types,
    run_cards,
)
from server.stores.users import User

LOOK = ("dispatcher", "supervisor", "admin")
CHANGE = ("supervisor", "admin")
KnownVersion = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class PreviewBody(Struct, kw_only=True):
    """POST /api/run-cards/preview."""

    set: Any


class SaveBody(Struct, kw_only=True):
    """POST /api/run-cards."""

    set: Any
    based_on: KnownVersion
    """The version that was edited; 0: the set that comes with Ridgeline."""
    reason: Reason


class StepBody(Struct, kw_only=True):
    """POST /api/incidents/{id}/checklist."""

    step: Annotated[int, Meta(ge=0, lt=STEPS_MAX)]
    ticked: bool
    version: KnownVersion
    """Of the run cards whose steps were seen."""


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk, checklists = services.run_cards, services.checklists

    async def types(request: Request, user: User) -> Response:
        async with services.pool.acquire() as conn:
            return json(incident_types(await desk.current(conn)))

    async def look(request: Request, user: User) -> Response:
        return json(run_cards(await desk.overview()))

    async def version(request: Request, user: User) -> Response:
        if (wanted := number(request, "version")) is None:
            raise ApiError(400, "malformed", "Name one version: ?version=3.")
        found = await desk.version(wanted)
        return json(RunCardSetView(version=found.version, set=plain(found)))

    async def preview(request: Request, user: User) -> Response:
        body = await read_body(request, PreviewBody)
        return json(RunCardChangesView(changes=await desk.preview(body.set)))

    async def save(request: Request, user: User) -> Response:
        body = await read_body(request, SaveBody)
        await desk.save(body.set, based_on=body.based_on, by=user.actor, reason=body.reason.strip())
        return json(run_cards(await desk.overview()), 201)

    async def activate(request: Request, user: User) -> Response:
        body = await read_body(request, ActivateBody)
        await desk.activate(body.version, by=user.actor, reason=body.reason.strip())
        return json(run_cards(await desk.overview()))

    async def steps(request: Request, user: User) -> Response:
        return json(checklist(await checklists.look(request.path_params["id"])))

    async def set_step(request: Request, user: User) -> Response:
        body = await read_body(request, StepBody)
        found = await checklists.set_step(
            request.path_params["id"],
            body.step,
            ticked=body.ticked,
            version=body.version,
            by=user.actor,
        )
        return json(checklist(found))

    one = "/api/incidents/{id}/checklist"
    return [
        Route("/api/incident-types", guarded(types)),
        Route("/api/run-cards", guarded(look, *LOOK)),
        Route("/api/run-cards", guarded(save, *CHANGE), methods=["POST"]),
        Route("/api/run-cards/versions", guarded(version, *LOOK)),
        Route("/api/run-cards/preview", guarded(preview, *LOOK), methods=["POST"]),
        Route("/api/run-cards/activate", guarded(activate, *CHANGE), methods=["POST"]),
        Route(one, guarded(steps, "dispatcher", "supervisor")),
        Route(one, guarded(set_step, "dispatcher"), methods=["POST"]),
    ]
