"""Reminders and the change of shift over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import json, read_body
from server.http.needs import RequestId, Services, Text, guarded
from server.http.texts import NOT_BLANK
from server.stores.users import User

READ = ("dispatcher", "supervisor")


class ReminderBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/reminders."""

    request_id: RequestId
    text: Annotated[str, Meta(max_length=500, pattern=NOT_BLANK)]
    due_at: Annotated[datetime, Meta(tz=True)]
    incident_id: Annotated[str, Meta(max_length=36)] | None = None


class TakeBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/handover."""

    request_id: RequestId
    note: Text = ""


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    room = services.watch_room

    async def reminders(request: Request, user: User) -> Response:
        return json(await room.reminders())

    async def remind(request: Request, user: User) -> Response:
        body = await read_body(request, ReminderBody)
        found, fresh = await room.remind(
            body.text.strip(),
            body.due_at,
            request_id=body.request_id,
            incident_id=body.incident_id,
            by=user.actor,
        )
        return json(found, 201 if fresh else 200)

    async def drop(request: Request, user: User) -> Response:
        await room.drop(request.path_params["id"], by=user.actor)
        return Response(status_code=204)

    async def handover(request: Request, user: User) -> Response:
        return json(await room.handover())

    async def take(request: Request, user: User) -> Response:
        body = await read_body(request, TakeBody)
        taken = await room.take(request_id=body.request_id, note=body.note.strip(), by=user.actor)
        return json(taken)

    return [
        Route("/api/reminders", guarded(reminders, *READ)),
        Route("/api/reminders", guarded(remind, "dispatcher"), methods=["POST"]),
        Route("/api/reminders/{id}/drop", guarded(drop, "dispatcher"), methods=["POST"]),
        Route("/api/handover", guarded(handover, *READ)),
        Route("/api/handover", guarded(take, "dispatcher"), methods=["POST"]),
    ]
