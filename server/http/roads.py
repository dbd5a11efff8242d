"""Roads and conditions over HTTP: close, slow, set, end; and find the road that somebody means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from geo.errors import ExtentError, GeoError
from geo.live.extent import ExtentIndex, NearEdge, Zone
from server.dispatch.errors import Impossible
from server.http.errors import ApiError, json, read_body
from server.http.needs import Line, RequestId, Services, guarded, number, real
from server.http.texts import NO_NUL
from server.roaddesk import NewCondition, NewRoadState, Span
from server.roadviews import ExtentView, RoadEdgeView, RoadNumberView, RoadStateView, SurveyView
from server.stores import roadstate
from server.stores.roadentries import where_of
from server.stores.roadstate import CONDITIONS, STATES, Table
from server.stores.users import User
from server.surveyor import Survey

NEAR_M_DEFAULT = 60.0
LINES_POINTS_MAX = 200_000
"""Points of all lines of one answer; what is beyond is listed, but not drawn."""
DIGITS = 5
"""Of a degree: a metre."""

Reason = Annotated[str, Meta(max_length=500, pattern=NO_NUL)]
When = Annotated[datetime, Meta(tz=True)]
Corners = list[tuple[float, float]]
T = TypeVar("T")


class RoadStateBody(Struct, kw_only=True):
    """POST /api/roads/state."""

    request_id: RequestId
    state: Literal["closed", "slow"]
    factor: float | None = None
    extent: ExtentView
    map_id: Line = ""
    """Of the map whose edges were picked; picks of another map are refused."""
    reason: Reason
    place: Line = ""
    starts_at: When | None = None
    expires_at: When | None = None


class ConditionBody(Struct, kw_only=True):
    """POST /api/conditions."""

    request_id: RequestId
    condition: Line
    corners: Corners | None = None
    """None: the whole county."""
    reason: Reason = ""
    place: Line = ""
    starts_at: When | None = None
    expires_at: When | None = None


class EndBody(Struct, kw_only=True):
    """POST …/end."""

    reason: Reason


class PreviewBody(Struct, kw_only=True):
    """POST /api/roads/preview."""

    extent: ExtentView


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module; everybody at a console may look and change."""
    desk = _Desk(services)

    def door(path: str, handler: Any, method: str = "GET") -> Route:
        guard = guarded(handler, "dispatcher", "supervisor", "admin")
        return Route(path, guard, methods=[method])

    return [
        door("/api/roads/state", desk.states),
        door("/api/roads/state", desk.set_state, "POST"),
        door("/api/roads/state/{id}/end", desk.end_state, "POST"),
        door("/api/roads/lines", desk.lines),
        door("/api/roads/near", desk.near),
        door("/api/roads/numbers", desk.numbers),
        door("/api/roads/preview", desk.preview, "POST"),
        door("/api/conditions", desk.conditions),
        door("/api/conditions", desk.set_condition, "POST"),
        door("/api/conditions/{id}/end", desk.end_condition, "POST"),
    ]


class _Desk:
    def __init__(self, services: Services) -> None:
        self._pool = services.pool
        self._desk = services.road_desk
        self._picture = services.roads
        self._surveyor = services.surveyor
        self._map_id = services.roadmap.meta.map_id
        self._numbers: list[RoadNumberView] | None = None

    # -- closed and slowed roads ---------------------------------------------------------

    async def states(self, request: Request, user: User) -> Response:
        found = await self._listed(request, STATES, self._picture.states)
        return json([self._picture.state_view(row) for row in found])

    async def set_state(self, request: Request, user: User) -> Response:
        body = await read_body(request, RoadStateBody)
        if body.map_id not in ("", self._map_id):
            raise ApiError(
                409, "map_changed", "The roads were picked on another map. Load the page again."
            )
        wanted = NewRoadState(
            request_id=body.request_id,
            state=body.state,
            factor=body.factor,
            where=where_of(body.extent),
            reason=body.reason.strip(),
            place=body.place.strip(),
            span=Span(starts_at=body.starts_at, expires_at=body.expires_at),
        )
        row, fresh = await self._desk.set_state(wanted, by=user.actor)
        return json(self._picture.state_view(row), 201 if fresh else 200)

    async def end_state(self, request: Request, user: User) -> Response:
        return json(self._picture.state_view(await self._end(request, STATES, user)))

    async def lines(self, request: Request, user: User) -> Response:
        """What runs, to draw: GeoJSON, newest first, until the answer is full."""
        features, points_len = [], 0
        for row, survey in reversed(self._picture.running()):
            if survey is None:
                continue
            points_len += sum(map(len, survey.lines))
            drawn = survey.lines if points_len <= LINES_POINTS_MAX else []
            features.append(_feature(self._picture.state_view(row), _rounded(drawn)))
            if isinstance(survey.where, Zone):
                features[-1]["properties"]["corners"] = survey.where.corners
        return json({
            "type": "FeatureCollection",
            "version": self._picture.version,
            "features": features,
        })  # fmt: skip

    # -- conditions ----------------------------------------------------------------------

    async def conditions(self, request: Request, user: User) -> Response:
        found = await self._listed(request, CONDITIONS, self._picture.conditions)
        return json([self._picture.condition_view(row) for row in found])

    async def set_condition(self, request: Request, user: User) -> Response:
        body = await read_body(request, ConditionBody)
        wanted = NewCondition(
            request_id=body.request_id,
            condition=body.condition,
            zone=None if body.corners is None else Zone(corners=tuple(body.corners)),
            reason=body.reason.strip(),
            place=body.place.strip(),
            span=Span(starts_at=body.starts_at, expires_at=body.expires_at),
        )
        row, fresh = await self._desk.set_condition(wanted, by=user.actor)
        return json(self._picture.condition_view(row), 201 if fresh else 200)

    async def end_condition(self, request: Request, user: User) -> Response:
        return json(self._picture.condition_view(await self._end(request, CONDITIONS, user)))

    # -- which road ----------------------------------------------------------------------

    async def near(self, request: Request, user: User) -> Response:
        """Edges under a click."""
        lon, lat = real(request, "lon"), real(request, "lat")
        within_m = real(request, "within_m", default=NEAR_M_DEFAULT)
        found = await self._ask(lambda index: index.near(lon, lat, within_m))
        return json([_edge_view(each) for each in found])

    async def numbers(self, request: Request, user: User) -> Response:
        """Numbered roads; laying all of them out takes a moment, once."""
        if self._numbers is None:
            self._numbers = await self._ask(_numbers_of)
        return json(self._numbers)

    async def preview(self, request: Request, user: User) -> Response:
        """What an extent would cover; nothing is changed."""
        body = await read_body(request, PreviewBody)
        try:
            survey = await self._surveyor.survey(where_of(body.extent))
        except ExtentError as error:
            raise Impossible(error.code, str(error), error.detail) from None
        return json(_survey_view(survey))

    async def _ask(self, question: Callable[[ExtentIndex], T]) -> T:
        try:
            return await self._surveyor.ask(question)
        except GeoError as error:
            raise Impossible("off_map", str(error)) from None

    async def _listed(self, request: Request, table: Table[Any], shown: list[T]) -> list[T]:
        """What runs and ended last; or a page of the whole history."""
        which = request.query_params.get("status", "running")
        if which == "running":
            return shown
        if which != "all":
            raise ApiError(400, "malformed", "status must be running or all.")
        async with self._pool.acquire() as conn:
            found: list[T] = await roadstate.load_page(
                conn,
                table,
                before=number(request, "before"),
                limit=number(request, "limit") or 50,
            )
        return found

    async def _end(self, request: Request, table: Table[Any], user: User) -> Any:
        body = await read_body(request, EndBody)
        return await self._desk.end(
            table, request.path_params["id"], reason=body.reason.strip(), by=user.actor
        )


def _edge_view(each: NearEdge) -> RoadEdgeView:
    return RoadEdgeView(
        edge=each.edge,
        distance_m=round(each.distance_m, 1),
        name=each.name,
        ref=each.ref,
        km=each.km,
        road_class=each.road_class.name.lower(),
        length_m=round(each.length_m, 1),
        one_way=each.one_way,
        coordinates=each.lonlat.round(DIGITS).tolist(),
    )


def _numbers_of(index: ExtentIndex) -> list[RoadNumberView]:
    linear = index.linear
    return [RoadNumberView(ref=ref, length_km=linear.length_km(ref) or 0.0) for ref in linear.refs]


def _survey_view(survey: Survey) -> SurveyView:
    return SurveyView(
        place=survey.place,
        edge_count=len(survey.coverage.edges),
        length_km=round(survey.length_km, 2),
        lines=_rounded(survey.lines),
    )


def _feature(view: RoadStateView, lines: list[Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {
            "id": view.id,
            "number": view.number,
            "state": view.state,
            "status": view.status,
        },
        "geometry": {"type": "MultiLineString", "coordinates": lines},
    }


def _rounded(lines: list[Any]) -> list[Any]:
    return [line.round(DIGITS).tolist() for line in lines]
