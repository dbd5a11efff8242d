"""Calls for help over HTTP: what a dispatcher does about them. They arrive through devices."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import json, read_body
from server.http.needs import Line, Services, guarded
from server.stores.users import User


class PlaceBody(Struct, kw_only=True):
    """POST /api/sos/{id}/place."""

    lon: Annotated[float, Meta(ge=-180, le=180)]
    lat: Annotated[float, Meta(ge=-90, le=90)]
    place: Line = ""


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = services.sos_desk

    async def acknowledge(request: Request, user: User) -> Response:
        return json(await desk.acknowledge(request.path_params["id"], by=user.actor))

    async def place(request: Request, user: User) -> Response:
        body = await read_body(request, PlaceBody)
        call = await desk.place(
            request.path_params["id"],
            lon=body.lon,
            lat=body.lat,
            place=body.place.strip(),
            by=user.actor,
        )
        return json(call)

    async def nearest(request: Request, user: User) -> Response:
        return json(await desk.nearest(request.path_params["id"]))

    return [
        Route("/api/sos/{id}/nearest", guarded(nearest, "dispatcher"), methods=["POST"]),
        Route("/api/sos/{id}/acknowledge", guarded(acknowledge, "dispatcher"), methods=["POST"]),
        Route("/api/sos/{id}/place", guarded(place, "dispatcher"), methods=["POST"]),
    ]
