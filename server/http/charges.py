"""The charging log over HTTP."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import json
from server.http.needs import Services, guarded, instant, number
from server.stores.users import User

LOOK = ("dispatcher", "supervisor", "admin")


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""

    async def log(request: Request, user: User) -> Response:
        found = await services.charging.log(
            request.path_params["id"],
            before=instant(request, "before"),
            limit=number(request, "limit") or 50,
        )
        return json(found)

    return [Route("/api/devices/{id}/charges", guarded(log, *LOOK))]
