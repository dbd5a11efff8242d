"""Wires the parts of one server process together: what is built, and in which order.

The only module that knows them all. `build` gives `Services`; `server.lifetime` keeps their
background tasks alive around the time the server serves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import redis.asyncio as aioredis

from devices.battery.modes import loads_of
from devices.session_flow import SessionLimits
from devices.sim.incidents import language_of
from geo import mapfolder
from geo.basemap.tiles import TileMaker
from geo.describe import Describer
from geo.driving.vehicles import Vehicle
from geo.ground import Ground
from geo.linear import LinearIndex
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from geo.snap import SnapIndex
from server import signingkey
from server.accesslog import AccessLog
from server.auditdesk import AuditDesk
from server.batteries import STARTING_PRIORS, Batteries
from server.batterymodels import BatteryModels
from server.batterywatch import BatteryWatch
from server.board import Board
from server.calllog import CallLog
from server.chargingdesk import ChargingDesk
from server.checklistdesk import ChecklistDesk
from server.checkpointfile import CheckpointFile
from server.claimdesk import ClaimDesk
from server.classroom import Classroom
from server.coverdesk import CoverDesk, Posts, bound
from server.coverkeeper import CoverKeeper
from server.coverwatch import TERMS, CoverWatch
from server.dispatch.fieldwords import Language
from server.enroutewatch import EnRouteWatch
from server.gateways.console import ConsoleHub
from server.gateways.door import DoorLimits
from server.gateways.guests.registry import Guests
from server.gateways.hub import HubLimits
from server.gateways.jt808 import wiring as jt808_wiring
from server.gateways.jt808.gateway import Jt808Gateway
from server.gateways.sessions import GatewayLimits, Sessions
from server.gateways.tak import wiring as tak_wiring
from server.gateways.tak.port import TakPort
from server.http.auth import Auth
from server.http.pages import Check
from server.intakedesk import IntakeDesk
from server.jobbatteries import JobBatteries
from server.learnedroads import LearnedRoads
from server.learningdesk import LearningDesk
from server.limits import Limits
from server.measuredesk import MeasureDesk
from server.metrics import Metrics
from server.mitigationdesk import MitigationDesk
from server.moveups import MoveUps
from server.openplan import OpenPlan
from server.orderdesk import OrderDesk
from server.photodesk import PhotoDesk
from server.pipeline import Pipeline, utc_now
from server.placenames import PlaceNames
from server.playbackdesk import PlaybackDesk
from server.proposaldesk import ProposalDesk
from server.proposalwatch import ProposalWatch
from server.reachdesk import ReachDesk
from server.rendezvous import Rendezvous
from server.restored import live_batteries, live_learning, live_roads, live_run_cards
from server.retention import Retention
from server.reviewdesk import ReviewDesk
from server.roaddesk import RoadDesk
from server.roadpicture import RoadPicture
from server.routing import RoutingService
from server.runcarddesk import RunCardDesk
from server.sealer import Sealer
from server.settings import Settings
from server.shiftdesk import ShiftDesk
from server.sightings import Sightings
from server.signingkey import SigningKey
from server.sosdesk import SYSTEM, SosDesk
from server.sparedesk import SpareDesk
from server.sparesathand import SparesAtHand
from server.stancedesk import StanceDesk
from server.stores import timersets
from server.stores.fanout import RedisFanOut
from server.stores.pool import Pool, open_pool
from server.stores.positions import PositionWriter, WriterLimits
from server.stores.presence import PresenceStore
from server.surveyor import Surveyor
from server.tak.keys import TakKeys
from server.terminaldesk import TerminalDesk
from server.timekeeper import Timekeeper
from server.warmth import Warmth
from server.watchroom import WatchRoom
from server.waywatch import WayWatch
from server.webhooks import Webhooks
from server.witnesses import Witnesses
from server.wordindexer import WordIndexer
from server.zonedesk import ZoneDesk
from server.zonewatch import ZoneWatch


@dataclass(slots=True, kw_only=True)
class Services:
    """Everything a route or a gateway may ask for."""

    settings: Settings
    pool: Pool
    redis: aioredis.Redis
    fanout: RedisFanOut
    metrics: Metrics
    roadmap: RoadMap
    tiles: TileMaker
    places: PlaceIndex
    place_names: PlaceNames
    routing: RoutingService
    presence: PresenceStore
    board: Board
    batteries: Batteries
    battery_models: BatteryModels
    run_cards: RunCardDesk
    checklists: ChecklistDesk
    claims: ClaimDesk
    pipeline: Pipeline
    sos_desk: SosDesk
    order_desk: OrderDesk
    mitigation_desk: MitigationDesk
    battery_watch: BatteryWatch
    timekeeper: Timekeeper
    stance: StanceDesk
    reach: ReachDesk
    cover_watch: CoverWatch
    cover_desk: CoverDesk
    cover_keeper: CoverKeeper
    move_ups: MoveUps
    watch_room: WatchRoom
    intake_desk: IntakeDesk
    surveyor: Surveyor
    warmth: Warmth
    roads: RoadPicture
    road_desk: RoadDesk
    classroom: Classroom
    learning: LearningDesk
    learned_roads: LearnedRoads
    dead_zones: ZoneDesk
    zone_watch: ZoneWatch
    way_watch: WayWatch
    en_route_watch: EnRouteWatch
    proposal_watch: ProposalWatch
    proposal_desk: ProposalDesk
    spares: SpareDesk
    charging: ChargingDesk
    shifts: ShiftDesk
    measures: MeasureDesk
    reviews: ReviewDesk
    photos: PhotoDesk
    playback: PlaybackDesk
    sealer: Sealer
    word_indexer: WordIndexer
    webhooks: Webhooks
    audit: AuditDesk
    checkpoint_file: CheckpointFile
    retention: Retention
    positions: PositionWriter
    sessions: Sessions
    guests: Guests
    terminals: Jt808Gateway
    terminal_desk: TerminalDesk
    hub: ConsoleHub
    auth: Auth
    access: AccessLog
    tak_keys: TakKeys | None
    tak: TakPort
    checks: Mapping[str, Check] = field(default_factory=dict)
    helpers: Mapping[str, Check] = field(default_factory=dict)


async def build(settings: Settings) -> Services:
    """Open what the settings name and wire it. Raises `GeoError`, and what the stores raise."""
    assert settings.database_url is not None
    assert settings.redis_url is not None
    limits = settings.limits
    roadmap = await asyncio.to_thread(mapfolder.load, settings.map_dir)
    index, tiles, places, names = await asyncio.to_thread(_indices, roadmap)
    async with AsyncExitStack() as undo:
        routing = RoutingService(
            lambda: Ground(
                roadmap,
                engine=settings.engine,
                against_one_ways=settings.urgent_against_one_ways,
            )
        )
        undo.push_async_callback(routing.close)
        await routing.start()
        pool = await open_pool(settings.database_url, connections_max=limits.pool_connections_max)
        undo.push_async_callback(pool.close)
        redis = aioredis.Redis.from_url(settings.redis_url)
        undo.push_async_callback(redis.aclose)
        await timersets.note(pool, settings.timers)
        metrics = Metrics()
        fanout = RedisFanOut(settings.redis_url, queue_len_max=limits.fanout_queue_len_max)
        presence = PresenceStore(redis, metrics)
        positions = PositionWriter(pool, metrics=metrics, limits=writer_limits(limits))
        board = await Board.load(
            pool,
            fanout=fanout,
            snapper=index.snap,
            clock=utc_now,
            presence=presence,
            metrics=metrics,
        )
        warmth = Warmth(live=board, router=routing)
        board.on_change(warmth.unit_changed)
        surveyor = await asyncio.to_thread(Surveyor, roadmap)
        undo.push_async_callback(surveyor.close)
        roads, road_desk = await live_roads(
            pool, fanout, routing, surveyor, roadmap, metrics, warmth, clock=utc_now
        )
        batteries, battery_models = await live_batteries(
            pool, fanout, routing, roadmap, metrics, settings, clock=utc_now
        )
        run_cards = await live_run_cards(pool, fanout, clock=utc_now)
        classroom = Classroom(roadmap)
        undo.push_async_callback(classroom.close)
        learning = await live_learning(
            pool, fanout, routing, surveyor, classroom, roadmap, metrics, warmth, clock=utc_now
        )
        dead_zones = ZoneDesk(
            pool=pool,
            fanout=fanout,
            classroom=classroom,
            surveyor=surveyor,
            roadmap=roadmap,
            clock=utc_now,
        )
        await dead_zones.catch_up()
        zone_watch = ZoneWatch(
            pool=pool,
            fanout=fanout,
            live=board,
            router=routing,
            zones=dead_zones,
            surveyor=surveyor,
            show=board.show_contact,
            clock=utc_now,
            metrics=metrics,
        )
        read_keys = partial(signingkey.load_keys, settings.data_dir)
        key = SigningKey(await asyncio.to_thread(read_keys), read_keys)
        tak_keys = await asyncio.to_thread(_tak_keys, settings, metrics)
        stance = StanceDesk(
            pool=pool,
            fanout=fanout,
            key=key,
            clock=utc_now,
            war_h_max=limits.war_hours_max,
        )
        await stance.catch_up()
        reach = ReachDesk(router=routing, roadmap=roadmap, index=index)
        posts = Posts(pool=pool, index=index)
        cover_watch = CoverWatch(
            live=board,
            router=routing,
            villages=partial(reach.villages, TERMS),
            posts=posts.on_roads,
            calls=CallLog(pool=pool, clock=utc_now).calls,
            bound=partial(bound, pool, run_cards.in_force),
            rules=settings.cover,
            clock=utc_now,
            metrics=metrics,
        )
        pipeline = Pipeline(
            pool=pool,
            fanout=fanout,
            live=board,
            router=routing,
            batteries=batteries,
            roads=roads,
            cards=run_cards,
            map_meta=roadmap.meta,
            turnout=settings.turnout,
            shift=timedelta(hours=settings.shift_h),
            cover=cover_watch,
            stance=stance.stance,
            rendezvous=Rendezvous(
                router=routing,
                silent=lambda edge, share: dead_zones.picture.silent_at(edge, share),
                name_place=names.of,
            ),
        )
        jobs = JobBatteries(
            batteries=batteries,
            rules=settings.battery,
            at_hand=SparesAtHand(pool=pool, live=board, router=routing),
            cards=run_cards.in_force,
        )
        en_route_watch = EnRouteWatch(
            pool=pool,
            fanout=fanout,
            live=board,
            sightings=Sightings(live=board, router=routing, roadmap=roadmap, metrics=metrics),
            surveyor=surveyor,
            rules=settings.en_route,
            clock=utc_now,
            metrics=metrics,
        )
        proposal_desk = ProposalDesk(pool=pool, pipeline=pipeline, clock=utc_now)
        proposal_watch = ProposalWatch(
            pool=pool,
            fanout=fanout,
            plan=OpenPlan(
                pipeline=pipeline,
                live=board,
                router=routing,
                radio=zone_watch,
                drive=en_route_watch.drive,
                clock=utc_now,
                cards=run_cards.in_force,
                rules=settings.plan,
            ),
            pipeline=pipeline,
            desk=proposal_desk,
            clock=utc_now,
            stance=stance.stance,
            catch_up=stance.catch_up,
            metrics=metrics,
        )
        en_route_watch.on_trouble(proposal_watch.look_again)
        sealer = Sealer(pool=pool, key=key, metrics=metrics)
        witnesses = Witnesses(
            pool=pool, fanout=fanout, clock=utc_now, newest=sealer.newest, metrics=metrics
        )
        sessions = Sessions(
            pool=pool,
            positions=positions,
            fanout=fanout,
            clock=utc_now,
            presence=presence,
            metrics=metrics,
            limits=gateway_limits(limits),
            name_place=names.inside,
            session_limits=session_limits(limits),
            all_report=lambda: stance.stance().off_duty_reports,
            witnesses=witnesses,
        )
        guests = Guests(sessions.field)
        intake_desk = IntakeDesk(pool=pool, fanout=fanout, clock=utc_now, metrics=metrics)
        language = settings.language or _language(roadmap)
        access = AccessLog(pool, clock=utc_now, metrics=metrics)
        tak = tak_wiring.build(
            settings.tak,
            tak_wiring.Parts(
                guests=guests,
                board=board,
                inbox=intake_desk,
                access=access,
                cards=run_cards.in_force,
                center=_center(roadmap),
            ),
            keys=tak_keys,
            language=language,
        )
        undo.push_async_callback(tak.close)
        terminals = jt808_wiring.build(
            settings.jt808, limits, guests, run_cards.in_force, language=language
        )
        undo.callback(terminals.close)
        services = Services(
            settings=settings,
            pool=pool,
            redis=redis,
            fanout=fanout,
            metrics=metrics,
            roadmap=roadmap,
            tiles=tiles,
            places=places,
            place_names=names,
            routing=routing,
            presence=presence,
            board=board,
            batteries=batteries,
            battery_models=battery_models,
            run_cards=run_cards,
            checklists=ChecklistDesk(pool=pool, fanout=fanout, cards=run_cards, clock=utc_now),
            claims=ClaimDesk(pool=pool, fanout=fanout, clock=utc_now),
            pipeline=pipeline,
            sos_desk=SosDesk(
                pool=pool,
                fanout=fanout,
                places=names,
                rank=partial(pipeline.recommend, by=SYSTEM),
                clock=utc_now,
            ),
            stance=stance,
            order_desk=OrderDesk(pool=pool, fanout=fanout, clock=utc_now),
            mitigation_desk=MitigationDesk(
                pool=pool, fanout=fanout, live=board, jobs=jobs, clock=utc_now
            ),
            battery_watch=BatteryWatch(
                pool=pool,
                fanout=fanout,
                live=board,
                jobs=jobs,
                radio=zone_watch,
                recommend=partial(pipeline.recommend, by=SYSTEM),
                rules=settings.battery,
                clock=utc_now,
                metrics=metrics,
            ),
            timekeeper=Timekeeper(
                pool=pool,
                fanout=fanout,
                table=settings.timers,
                stance=stance.stance,
                catch_up=stance.catch_up,
                radio=zone_watch,
                live=board,
                cards=run_cards.in_force,
                clock=utc_now,
                metrics=metrics,
            ),
            reach=reach,
            cover_watch=cover_watch,
            intake_desk=intake_desk,
            cover_desk=CoverDesk(
                pool=pool, posts=posts, watch=cover_watch, pipeline=pipeline, clock=utc_now
            ),
            watch_room=WatchRoom(
                pool=pool,
                fanout=fanout,
                live=board,
                roads=roads,
                stance=stance.view,
                clock=utc_now,
                metrics=metrics,
            ),
            cover_keeper=CoverKeeper(
                pool=pool,
                watch=cover_watch,
                map_id=roadmap.meta.map_id,
                log_sd=partial(routing.unrouted_sd, Vehicle.PATROL_CAR, TERMS.mode),
                clock=utc_now,
                metrics=metrics,
            ),
            move_ups=MoveUps(
                pool=pool,
                fanout=fanout,
                live=board,
                posts=posts,
                watch=cover_watch,
                clock=utc_now,
            ),
            surveyor=surveyor,
            warmth=warmth,
            roads=roads,
            road_desk=road_desk,
            classroom=classroom,
            learning=learning,
            learned_roads=LearnedRoads(
                desk=learning, classroom=classroom, surveyor=surveyor, roadmap=roadmap
            ),
            dead_zones=dead_zones,
            zone_watch=zone_watch,
            way_watch=WayWatch(
                pool=pool,
                fanout=fanout,
                live=board,
                router=routing,
                roads=roads,
                clock=utc_now,
                metrics=metrics,
            ),
            en_route_watch=en_route_watch,
            proposal_watch=proposal_watch,
            proposal_desk=proposal_desk,
            spares=SpareDesk(pool=pool, clock=utc_now),
            shifts=ShiftDesk(
                pool=pool,
                live=board,
                batteries=batteries,
                jobs=jobs,
                shift=timedelta(hours=settings.shift_h),
                cards=run_cards.in_force,
                clock=utc_now,
            ),
            measures=MeasureDesk(
                pool=pool, roadmap=roadmap, clock=utc_now, weights=settings.points, metrics=metrics
            ),
            reviews=ReviewDesk(
                pool=pool,
                timers=settings.timers,
                cards=run_cards.in_force,
                roadmap=roadmap,
                clock=utc_now,
            ),
            photos=PhotoDesk(
                pool=pool, fanout=fanout, clock=utc_now, limits=limits, metrics=metrics
            ),
            playback=PlaybackDesk(pool=pool, surveyor=surveyor, map_id=roadmap.meta.map_id),
            charging=ChargingDesk(
                pool=pool,
                places=names,
                prior_of=STARTING_PRIORS.__getitem__,
                loads_of=loads_of,
                kept=timedelta(days=limits.charging_log_days),
                clock=utc_now,
            ),
            sealer=sealer,
            word_indexer=WordIndexer(pool=pool, metrics=metrics),
            webhooks=Webhooks(pool=pool, clock=utc_now, metrics=metrics),
            audit=AuditDesk(pool=pool, sealer=sealer),
            checkpoint_file=CheckpointFile(
                settings.checkpoint_file or settings.data_dir / "checkpoint.txt",
                newest=sealer.newest,
                fits=witnesses.take_own,
                metrics=metrics,
            ),
            retention=Retention(
                pool=pool, policy=settings.retention, clock=utc_now, metrics=metrics
            ),
            positions=positions,
            sessions=sessions,
            guests=guests,
            hub=ConsoleHub(
                pool=pool,
                board=board,
                roads=roads,
                stance=stance,
                cards=run_cards,
                fanout=fanout,
                clock=utc_now,
                metrics=metrics,
                limits=hub_limits(limits),
            ),
            auth=Auth(pool, limits),
            access=access,
            tak_keys=tak_keys,
            tak=tak,
            terminals=terminals,
            terminal_desk=TerminalDesk(
                pool=pool, fanout=fanout, clock=utc_now, media=settings.jt808.media
            ),
            checks={"postgresql": lambda: _answers(pool)},
            helpers={"valkey": fanout.ping},
        )
        undo.pop_all()
    stance.on_change(services.timekeeper.stance_changed)
    stance.on_change(services.proposal_watch.look_again)
    _offer_gauges(services)
    return services


def _indices(roadmap: RoadMap) -> tuple[SnapIndex, TileMaker, PlaceIndex, PlaceNames]:
    linear = LinearIndex(roadmap)
    names = PlaceNames(roadmap, Describer(roadmap, linear))
    return SnapIndex(roadmap), TileMaker(roadmap, linear), PlaceIndex(roadmap, linear), names


def _center(roadmap: RoadMap) -> tuple[float, float]:
    """lon, lat of the middle of the map."""
    west, south, east, north = roadmap.meta.bounds
    return (west + east) / 2, (south + north) / 2


def _language(roadmap: RoadMap) -> Language:
    """That of the county's place names."""
    return "zh" if language_of(roadmap.places) == "zh" else "en"


def _tak_keys(settings: Settings, metrics: Metrics) -> TakKeys | None:
    """Raises `SettingsError`. None: TAK clients are not let in over TLS."""
    if settings.tak.port is None:
        return None
    return TakKeys(
        settings.data_dir,
        settings.tak.certified_names,
        port=settings.tak.port,
        clock=utc_now,
        metrics=metrics,
    )


def writer_limits(limits: Limits) -> WriterLimits:
    return WriterLimits(
        interval_s=limits.positions_interval_s, buffer_len_max=limits.positions_buffer_len_max
    )


def gateway_limits(limits: Limits) -> GatewayLimits:
    door = DoorLimits(
        connections_max=limits.device_connections_max,
        strangers_per_address_max=limits.device_strangers_per_address_max,
    )
    return GatewayLimits(door=door)


def session_limits(limits: Limits) -> SessionLimits:
    return SessionLimits(
        heartbeat_s=limits.device_heartbeat_s,
        standby_heartbeat_s=limits.device_standby_heartbeat_s,
        frames_per_s_max=limits.device_frames_per_s_max,
        frames_burst_max=limits.device_frames_burst_max,
        send_queue_bytes_max=limits.device_queue_bytes_max,
    )


def hub_limits(limits: Limits) -> HubLimits:
    return HubLimits(
        consoles_max=limits.consoles_max, queue_bytes_max=limits.console_queue_bytes_max
    )


async def _answers(pool: Pool) -> bool:
    return bool(await pool.fetchval("SELECT true"))


def _offer_gauges(services: Services) -> None:
    fanout, metrics = services.fanout, services.metrics
    metrics.gauge("fanout_queue", lambda: fanout.queue_len)
    metrics.gauge("fanout_connected", lambda: fanout.connected)
    metrics.gauge("fanout_dropped", lambda: fanout.counters.dropped)
    metrics.gauge("fanout_outages", lambda: fanout.counters.outages)
