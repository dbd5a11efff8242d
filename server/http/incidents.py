"""Incidents over HTTP: open, look, recommend, dispatch, close."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from geo.errors import GeoError
from server.dispatch.travel import MODE_OF_PRIORITY, traveller
from server.http.errors import ApiError, json, read_body
from server.http.needs import Line, RequestId, Services, Text, guarded, number, require_short, term
from server.pipeline import UNITS_PER_DECISION_MAX, NewDecision, NewIncident, utc_now
from server.stores import incidents
from server.stores.incidents import Which
from server.stores.replacing import REPLACED_MAX, Replaced
from server.stores.stepping import COMMAND_TTL
from server.stores.users import User
from server.views import IncidentView, OrderView, Priority


class IncidentBody(Struct, kw_only=True):
    """POST /api/incidents."""

    request_id: RequestId
    type: Line
    priority: Priority
    note: Text = ""
    lon: Annotated[float, Meta(ge=-180, le=180)]
    lat: Annotated[float, Meta(ge=-90, le=90)]
    place: Line = ""
    intake_id: Annotated[str, Meta(max_length=36)] = ""

    def __post_init__(self) -> None:
        require_short(note=self.note)


class ReplacedBody(Struct, kw_only=True):
    """An order that gives way, as it was seen."""

    order_id: Line
    ver: int


class DispatchBody(Struct, kw_only=True):
    """POST /api/incidents/{id}/dispatch."""

    request_id: RequestId
    recommendation_id: Line
    unit_ids: Annotated[list[Line], Meta(max_length=UNITS_PER_DECISION_MAX)]
    instruction: Text = ""
    reason: Text = ""
    replaces: Annotated[list[ReplacedBody], Meta(max_length=REPLACED_MAX)] = []
    escalation_id: Annotated[str, Meta(max_length=36)] = ""
    valid_s: Annotated[float, Meta(ge=60, le=24 * 3600)] = COMMAND_TTL.total_seconds()

    def __post_init__(self) -> None:
        require_short(instruction=self.instruction, reason=self.reason)


class ClaimBody(Struct, kw_only=True):
    """POST /api/incidents/{id}/claim."""

    take_from: Line = ""
    """Who works on it, as it was seen: `user:<username>`."""
    reason: Text = ""

    def __post_init__(self) -> None:
        require_short(reason=self.reason)


class CloseBody(Struct, kw_only=True):
    """POST /api/incidents/{id}/close."""

    outcome: Line


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = _Desk(services)
    one = "/api/incidents/{id}"
    return [
        Route("/api/incidents", guarded(desk.open, "dispatcher"), methods=["POST"]),
        Route("/api/incidents", guarded(desk.page, "dispatcher", "supervisor")),
        Route(one, guarded(desk.look, "dispatcher", "supervisor")),
        Route(f"{one}/recommendation", guarded(desk.recommend, "dispatcher"), methods=["POST"]),
        Route(f"{one}/dispatch", guarded(desk.dispatch, "dispatcher"), methods=["POST"]),
        Route(f"{one}/routes", guarded(desk.ways, "dispatcher")),
        Route(f"{one}/claim", guarded(desk.claim, "dispatcher"), methods=["POST"]),
        Route(f"{one}/release", guarded(desk.release, "dispatcher"), methods=["POST"]),
        Route(f"{one}/close", guarded(desk.close, "dispatcher"), methods=["POST"]),
    ]


class _Desk:
    def __init__(self, services: Services) -> None:
        self._pool = services.pool
        self._pipeline = services.pipeline
        self._live = services.board
        self._routing = services.routing
        self._places = services.place_names
        self._cards = services.run_cards
        self._claims = services.claims

    async def open(self, request: Request, user: User) -> Response:
        body = await read_body(request, IncidentBody)
        wanted = NewIncident(
            request_id=body.request_id,
            type=body.type,
            priority=body.priority,
            note=body.note.strip(),
            lon=body.lon,
            lat=body.lat,
            place=body.place.strip() or self._places.of(body.lon, body.lat),
            intake_id=body.intake_id,
        )
        opened, fresh = await self._pipeline.open_incident(wanted, by=user.actor)
        return json(opened, 201 if fresh else 200)

    async def page(self, request: Request, user: User) -> Response:
        which = request.query_params.get("status", "all")
        if which not in get_args(Which):
            raise ApiError(400, "malformed", "status must be open, closed or all.")
        text = term(request, "text")
        async with self._pool.acquire() as conn:
            found = await incidents.load_page(
                conn,
                text=text,
                types=self._cards.in_force().named(text) if text else (),
                which=msgspec.convert(which, Which),
                before=number(request, "before"),
                limit=number(request, "limit") or 50,
            )
        return json(found)

    async def look(self, request: Request, user: User) -> Response:
        return json(await self._load(request))

    async def recommend(self, request: Request, user: User) -> Response:
        return json(await self._pipeline.recommend(request.path_params["id"], by=user.actor))

    async def dispatch(self, request: Request, user: User) -> Response:
        body = await read_body(request, DispatchBody)
        wanted = NewDecision(
            request_id=body.request_id,
            recommendation_id=body.recommendation_id,
            unit_ids=body.unit_ids,
            instruction=body.instruction.strip(),
            reason=body.reason.strip(),
            replaces=[Replaced(order_id=each.order_id, ver=each.ver) for each in body.replaces],
            escalation_id=body.escalation_id,
            valid=timedelta(seconds=body.valid_s),
        )
        issued, fresh = await self._pipeline.dispatch(
            request.path_params["id"], wanted, by=user.actor
        )
        return json(issued, 201 if fresh else 200)

    async def close(self, request: Request, user: User) -> Response:
        body = await read_body(request, CloseBody)
        closed = await self._pipeline.close_incident(
            request.path_params["id"], outcome=body.outcome.strip(), by=user.actor
        )
        return json(closed)

    async def claim(self, request: Request, user: User) -> Response:
        body = await read_body(request, ClaimBody)
        claimed = await self._claims.claim(
            request.path_params["id"],
            by=user.actor,
            take_from=body.take_from,
            reason=body.reason.strip(),
        )
        return json(claimed)

    async def release(self, request: Request, user: User) -> Response:
        return json(await self._claims.release(request.path_params["id"], by=user.actor))

    async def ways(self, request: Request, user: User) -> Response:
        """The road from each unit on its way to the scene; units no road connects are missing."""
        incident = await self._load(request)
        features: list[dict[str, Any]] = []
        for order in incident.orders:
            if order.closed_at is None:
                features += await self._way(order, incident)
        return json({"type": "FeatureCollection", "features": features})

    async def _way(self, order: OrderView, incident: IncidentView) -> list[dict[str, Any]]:
        unit, snap = self._live.unit(order.unit_id), self._live.snap(order.unit_id)
        if unit is None or snap is None:
            return []
        who, mode = traveller(unit, snap, utc_now()), MODE_OF_PRIORITY[incident.priority]
        try:
            lead = await self._routing.lead(who, incident.lon, incident.lat, mode)
        except GeoError:
            return []  # no road leads there; the recommendation says so
        properties = {
            "order_id": order.id,
            "unit_id": order.unit_id,
            "call_sign": order.call_sign,
            "duration_s": lead.duration_s,
            "distance_m": lead.route.distance_m,
        }
        geometry = {"type": "LineString", "coordinates": lead.route.lonlat.round(6).tolist()}
        return [{"type": "Feature", "properties": properties, "geometry": geometry}]

    async def _load(self, request: Request) -> IncidentView:
        async with self._pool.acquire() as conn:
            found = await incidents.load(conn, request.path_params["id"])
        if found is None:
            raise ApiError(404, "not_found", "There is no such incident.")
        return found
