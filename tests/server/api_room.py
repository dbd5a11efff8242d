"""The dispatcher's HTTP API over a dispatch room: real sessions, database and roads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from starlette.applications import Starlette

from geo.basemap.tiles import TileMaker
from geo.describe import Describer
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from geo.snap import SnapIndex
from server.accesslog import AccessLog
from server.auditdesk import AuditDesk
from server.batteries import Batteries
from server.batterymodels import BatteryModels
from server.checklistdesk import ChecklistDesk
from server.claimdesk import ClaimDesk
from server.classroom import Classroom
from server.dispatch.timers import TimerTable
from server.http import (
    batteries,
    batterymodels,
    guidance,
    inbox,
    incidents,
    journal,
    map,  # noqa: A004 (its name)
    measures,
    orders,
    playback,
    reach,
    reviews,
    runcards,
    spelling,
    trails,
    travel,
    units,
    watchroom,
    webhooks,
    worklist,
)
from server.http.app import assemble
from server.http.auth import COOKIE, Auth, hash_token, new_token
from server.ids import new_id
from server.intakedesk import IntakeDesk
from server.limits import Limits
from server.measuredesk import MeasureDesk
from server.metrics import Metrics
from server.orderdesk import OrderDesk
from server.pipeline import Pipeline
from server.placenames import PlaceNames
from server.playbackdesk import PlaybackDesk
from server.reachdesk import ReachDesk
from server.reviewdesk import ReviewDesk
from server.roaddesk import RoadDesk
from server.routing import RoutingService
from server.runcarddesk import RunCardDesk
from server.sealer import Sealer
from server.settings import Settings
from server.stanceviews import StanceView
from server.stores import users
from server.stores.users import Role
from server.watchroom import WatchRoom
from server.webhooks import Webhooks
from server.zonedesk import ZoneDesk
from tests.server.dispatch_room import LoudFanOut, Room, StillLife, a_room
from tests.server.sealed_log import a_sealer

MODULES: Final = (
    *(inbox, watchroom, incidents, orders, worklist, guidance, units, batteries, batterymodels),
    *(journal, map, measures, playback, reach, reviews, runcards, webhooks),
    *(spelling, trails, travel),
)


@dataclass(frozen=True)
class Services:
    """As `server.bootstrap` wires them."""

    pool: Any
    fanout: LoudFanOut
    pipeline: Pipeline
    order_desk: OrderDesk
    board: StillLife
    settings: Settings
    batteries: Batteries
    battery_models: BatteryModels
    run_cards: RunCardDesk
    checklists: ChecklistDesk
    claims: ClaimDesk
    routing: RoutingService
    roadmap: RoadMap
    tiles: TileMaker
    places: PlaceIndex
    place_names: PlaceNames
    reach: ReachDesk
    intake_desk: IntakeDesk
    watch_room: WatchRoom
    dead_zones: ZoneDesk
    road_desk: RoadDesk
    measures: MeasureDesk
    playback: PlaybackDesk
    reviews: ReviewDesk
    sealer: Sealer
    webhooks: Webhooks
    audit: AuditDesk


@dataclass
class Api:
    room: Room
    app: Starlette
    zones: ZoneDesk
    watch_room: WatchRoom
    intake_desk: IntakeDesk
    claims: ClaimDesk
    metrics: Metrics
    access: AccessLog

    @asynccontextmanager
    async def signed_in(
        self, *roles: Role, badge: str | None = None
    ) -> AsyncIterator[httpx.AsyncClient]:
        """A browser of a new user with these roles; none: nobody is signed in."""
        cookies = {COOKIE: await self._session(*roles, badge=badge)} if roles else {}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://test", cookies=cookies
        ) as client:
            yield client

    async def _session(self, *roles: Role, badge: str | None) -> str:
        token, user_id, now = new_token(), new_id(), datetime.now(UTC)
        async with self.room.pool.acquire() as conn, conn.transaction():
            await users.insert(
                conn,
                user_id=user_id,
                username=roles[0] if badge is None else f"{roles[0]}-{badge.lower()}",
                display_name="Wang",
                password_hash="-",
                must_change_password=False,
                roles=roles,
                officer_badge=badge,
            )
            await users.start_session(
                conn,
                token_hash=hash_token(token),
                user_id=user_id,
                now=now,
                expires_at=now + timedelta(hours=1),
                address="",
                sessions_max=5,
            )
        return token


@asynccontextmanager
async def an_api(
    pool: Any, small_map: RoadMap, tiles: TileMaker, places: PlaceIndex
) -> AsyncIterator[Api]:
    classroom, metrics = Classroom(small_map), Metrics()
    async with a_room(pool, small_map) as room:
        services = Services(
            pool,
            room.fanout,
            room.pipeline,
            room.order_desk,
            room.live,
            Settings(data_dir=Path(), map_dir=Path()),
            room.batteries,
            BatteryModels(
                pool=pool,
                fanout=room.fanout,
                batteries=room.batteries,
                clock=lambda: room.now,
            ),
            room.run_cards,
            ChecklistDesk(
                pool=pool,
                fanout=room.fanout,
                cards=room.run_cards,
                clock=lambda: room.now,
            ),
            claims := ClaimDesk(pool=pool, fanout=room.fanout, clock=lambda: room.now),
            room.routing,
            small_map,
            tiles,
            places,
            PlaceNames(small_map, Describer(small_map)),
            ReachDesk(router=room.routing, roadmap=small_map, index=SnapIndex(small_map)),
            IntakeDesk(pool=pool, fanout=room.fanout, clock=lambda: room.now, metrics=metrics),
            WatchRoom(
                pool=pool,
                fanout=room.fanout,
                live=room.live,
                roads=room.roads,
                stance=StanceView,
                clock=lambda: room.now,
                metrics=metrics,
            ),
            ZoneDesk(
                pool=pool,
                fanout=room.fanout,
                classroom=classroom,
                surveyor=room.surveyor,
                roadmap=small_map,
                clock=lambda: room.now,
            ),
            room.road_desk,
            MeasureDesk(pool=pool, roadmap=small_map, clock=lambda: room.now),
            PlaybackDesk(pool=pool, surveyor=room.surveyor, map_id=small_map.meta.map_id),
            ReviewDesk(
                pool=pool,
                timers=TimerTable(),
                cards=room.run_cards.in_force,
                roadmap=small_map,
                clock=lambda: room.now,
            ),
            sealer := a_sealer(pool),
            Webhooks(pool=pool, clock=lambda: room.now, metrics=metrics),
            AuditDesk(pool=pool, sealer=sealer),
        )
        auth = Auth(pool, Limits())
        routes = [route for module in MODULES for route in module.routes(services)]
        access = AccessLog(pool)
        app = assemble(routes, auth=auth, access=access, body_bytes_max=64 * 1024)
        yield Api(
            room,
            app,
            services.dead_zones,
            services.watch_room,
            services.intake_desk,
            claims,
            metrics,
            access,
        )
        auth.close()
        await classroom.close()
