"""The way to the scene of an order, turn by turn: computed when asked, from where the unit is.

Not part of the order's frame, which must stay small: a handset fetches it once and keeps it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from geo.errors import GeoError
from geo.ground import Route as Way
from geo.guidance.clock import clock
from geo.guidance.steps import Guide
from geo.guidance.track import Floats, shapes_near, track
from geo.routing.engine import CLOSED
from server.dispatch.travel import MODE_OF_PRIORITY, Traveller, traveller
from server.http.errors import ApiError, json
from server.http.needs import Services, guarded
from server.pipeline import utc_now
from server.stores import incidents, order_rows
from server.stores.users import User
from server.views import IncidentView, OrderView
from server.wayviews import OrderRouteView, line_view, shape_view, step_view

CLOSED_WITHIN_M: Final = 1_000.0
"""Closed roads as near to the way as this are drawn with it."""

CLOSED_MAX: Final = 100
"""Of one way; the nearest are kept."""


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = _Desk(services)
    return [Route("/api/orders/{id}/route", guarded(desk.way, "dispatcher", "officer"))]


class _Desk:
    def __init__(self, services: Services) -> None:
        self._pool = services.pool
        self._live = services.board
        self._routing = services.routing
        self._roads = services.road_desk
        self._zones = services.dead_zones
        self._map = services.roadmap
        self._guide = Guide(services.roadmap)

    async def way(self, request: Request, user: User) -> Response:
        order, incident = await self._load(request.path_params["id"], user)
        unit, snap = self._live.unit(order.unit_id), self._live.snap(order.unit_id)
        if unit is None or snap is None:
            raise ApiError(
                422, "no_position", f"{order.call_sign} has no position near a road.",
                {"call_sign": order.call_sign},
            )  # fmt: skip
        await self._roads.catch_up()  # a handset that hears of a closure may ask another server
        computed_at = utc_now()
        way = await self._way(traveller(unit, snap, computed_at), incident)
        closed = {
            arc >> 1 for arc, factor in self._routing.roads.overrides.items() if factor == CLOSED
        }
        place = (incident.lon, incident.lat)
        silent = [(each.enter_m, each.leave_m) for each in self._zones.picture.ahead(way)]
        steps = await asyncio.to_thread(
            self._guide.steps, way, place=place, closed=closed, silent=silent
        )
        line, shut = await asyncio.to_thread(self._drawn, way, closed)
        seconds_at = clock(self._map, way)
        return json(
            OrderRouteView(
                order_id=order.id,
                computed_at=computed_at,
                duration_s=way.duration_s,
                distance_m=way.distance_m,
                map_id=self._map.meta.map_id,
                line=line_view(line),
                closed=[shape_view(each) for each in shut],
                steps=[step_view(each, seconds_at) for each in steps],
            )
        )

    def _drawn(self, way: Way, closed: set[int]) -> tuple[Floats, list[Floats]]:
        """The way as a line, and what is closed beside it."""
        line = track(way)
        return line, shapes_near(self._map, closed, line, within_m=CLOSED_WITHIN_M, most=CLOSED_MAX)

    async def _load(self, order_id: str, user: User) -> tuple[OrderView, IncidentView]:
        """The order with its incident; of an officer, only the own unit's."""
        async with self._pool.acquire() as conn:
            order = await order_rows.view(conn, order_id)
            if order is not None and _may_see(user, order):
                incident = await incidents.load(conn, order.incident_id, with_events=False)
                assert incident is not None, "an order has an incident"
                return order, incident
        raise ApiError(404, "not_found", "You have no such order.")

    async def _way(self, who: Traveller, incident: IncidentView) -> Way:
        mode = MODE_OF_PRIORITY[incident.priority]
        try:
            return (await self._routing.lead(who, incident.lon, incident.lat, mode)).route
        except GeoError as error:
            raise ApiError(422, "no_road", f"{str(error).capitalize()}.") from None


def _may_see(user: User, order: OrderView) -> bool:
    return "dispatcher" in user.roles or order.unit_id == user.unit_id
