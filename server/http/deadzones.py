"""Dead zones over HTTP: where they are and what is behind them, learn, go back, judge one."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.deadzones import NamedZone, ZonePicture
from server.http.errors import json, read_body
from server.http.learning import ActivateBody, LearnBody, Reason
from server.http.needs import Services, guarded
from server.stores.deadzones import ZoneVersion
from server.stores.users import User
from server.zonedesk import ZoneOverview
from server.zoneviews import (
    DeadZonesView,
    DoorView,
    LearnedZonesView,
    ZoneFeature,
    ZoneGeometry,
    ZoneProperties,
    ZoneVersionView,
)

LOOK = ("dispatcher", "supervisor", "admin")
CHANGE = ("supervisor", "admin")


class VerdictBody(Struct, kw_only=True):
    """POST /api/dead-zones/verdicts."""

    zone: Annotated[int, Meta(ge=0, le=2**53)]
    verdict: Literal["confirmed", "dismissed", "withdrawn"]
    reason: Reason


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = services.dead_zones

    async def look(request: Request, user: User) -> Response:
        return json(_features(desk.picture))

    async def versions(request: Request, user: User) -> Response:
        return json(_overview(await desk.overview()))

    async def learn(request: Request, user: User) -> Response:
        body = await read_body(request, LearnBody)
        return json(_version(await desk.learn(by=user.actor, reason=body.reason.strip())), 201)

    async def activate(request: Request, user: User) -> Response:
        body = await read_body(request, ActivateBody)
        await desk.activate(body.version, by=user.actor, reason=body.reason.strip())
        return json(_overview(await desk.overview()))

    async def judge(request: Request, user: User) -> Response:
        body = await read_body(request, VerdictBody)
        await desk.judge(body.zone, body.verdict, by=user.actor, reason=body.reason.strip())
        return json(_features(desk.picture), 201)

    return [
        Route("/api/dead-zones", guarded(look, *LOOK)),
        Route("/api/dead-zones/versions", guarded(versions, *LOOK)),
        Route("/api/dead-zones/learn", guarded(learn, *CHANGE), methods=["POST"]),
        Route("/api/dead-zones/activate", guarded(activate, *CHANGE), methods=["POST"]),
        Route("/api/dead-zones/verdicts", guarded(judge, *CHANGE), methods=["POST"]),
    ]


def _features(picture: ZonePicture) -> DeadZonesView:
    return DeadZonesView(
        version=picture.version, features=[_feature(each) for each in picture.zones]
    )


def _feature(named: NamedZone) -> ZoneFeature:
    zone = named.zone
    lines = [[(round(lon, 6), round(lat, 6)) for lon, lat in line.tolist()] for line in zone.lines]
    doors = [
        DoorView(lon=round(door.lon, 6), lat=round(door.lat, 6), place=words)
        for door, words in zip(zone.doors, named.doors, strict=True)
    ]
    return ZoneFeature(
        id=zone.id,
        geometry=ZoneGeometry(coordinates=lines),
        properties=ZoneProperties(
            place=named.place,
            standing=named.standing,
            length_km=round(zone.length_m / 1000.0, 2),
            passages=zone.passages,
            silences=zone.silences,
            doors=doors,
        ),
    )


def _overview(found: ZoneOverview) -> LearnedZonesView:
    active = found.active
    return LearnedZonesView(
        active=active.version if active else None,
        activated_at=active.activated_at if active else None,
        activated_by=active.activated_by if active else None,
        reason=active.reason if active else None,
        versions=[_version(row) for row in found.versions],
    )


def _version(row: ZoneVersion) -> ZoneVersionView:
    return ZoneVersionView(
        version=row.version,
        created_at=row.created_at,
        created_by=row.created_by,
        reason=row.reason,
        drives=row.drives,
        pieces=row.pieces,
    )
