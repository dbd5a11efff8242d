"""Batteries over HTTP: how the fleet stands, and whether it lasts until the end of the shift."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.batteryfleet import fleet
from server.http.errors import json
from server.http.needs import Services, guarded, instant, term
from server.stores.users import User

LOOK = ("dispatcher", "supervisor", "admin")


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    board, batteries = services.board, services.batteries
    shift = timedelta(hours=services.settings.shift_h)

    async def look(request: Request, user: User) -> Response:
        now, unit_id = datetime.now(UTC), term(request, "unit")
        units = [each for each in board.units() if unit_id in ("", each.id)]
        return json(fleet(batteries, units, now, until=instant(request, "until"), shift=shift))

    async def plan(request: Request, user: User) -> Response:
        return json(await services.shifts.plan(instant(request, "begins")))

    return [
        Route("/api/batteries", guarded(look, *LOOK)),
        Route("/api/shift-plan", guarded(plan, *LOOK)),
    ]
