"""What was in force when the last process ended, in force again: roads, batteries, learned times.

Each with the desk that changes it. Knows no gateway and no route.
"""

from __future__ import annotations

from functools import partial

from geo.roadmap import RoadMap
from server.ambient import Ambient
from server.batteries import Batteries
from server.batterymodels import BatteryModels
from server.classroom import Classroom
from server.drivematcher import DriveMatcher
from server.learnedversions import Learned, LearnedVersions
from server.learningdesk import LearningDesk
from server.metrics import Metrics
from server.ports import Clock
from server.roaddesk import RoadDesk
from server.roadpicture import RoadPicture
from server.routing import RoutingService
from server.runcarddesk import RunCardDesk
from server.settings import Settings
from server.stores.fanout import RedisFanOut
from server.stores.pool import Pool
from server.surveyor import Surveyor
from server.warmth import Warmth
from server.weather import times_under


async def live_roads(
    pool: Pool,
    fanout: RedisFanOut,
    routing: RoutingService,
    surveyor: Surveyor,
    roadmap: RoadMap,
    metrics: Metrics,
    warmth: Warmth,
    *,
    clock: Clock,
) -> tuple[RoadPicture, RoadDesk]:
    """What was closed, slowed or set before, in force again; and the desk that changes it."""
    picture = RoadPicture(
        pool=pool,
        router=routing,
        surveyor=surveyor,
        roadmap=roadmap,
        times_of=partial(times_under, roadmap),
        ready=warmth.ready_for,
        metrics=metrics,
    )
    picture.on_change(warmth.wake)
    desk = RoadDesk(
        pool=pool,
        fanout=fanout,
        picture=picture,
        surveyor=surveyor,
        map_id=roadmap.meta.map_id,
        clock=clock,
    )
    await desk.turn_over()
    await desk.catch_up()
    return picture, desk


async def live_run_cards(pool: Pool, fanout: RedisFanOut, *, clock: Clock) -> RunCardDesk:
    """The run cards that were in force; the desk that changes them."""
    desk = RunCardDesk(pool=pool, fanout=fanout, clock=clock)
    await desk.catch_up()
    return desk


async def live_batteries(
    pool: Pool,
    fanout: RedisFanOut,
    routing: RoutingService,
    roadmap: RoadMap,
    metrics: Metrics,
    settings: Settings,
    *,
    clock: Clock,
) -> tuple[Batteries, BatteryModels]:
    """What was learned of batteries before, going on; and the desk that learns of their models."""
    batteries = Batteries(
        pool=pool,
        fanout=fanout,
        ambient=Ambient(
            roadmap.elevation, lambda: routing.roads.county, sea_level_c=settings.sea_level_c
        ),
        metrics=metrics,
        keep_s=settings.limits.batteries_keep_s,
    )
    models = BatteryModels(pool=pool, fanout=fanout, batteries=batteries, clock=clock)
    await models.catch_up()
    await batteries.load()
    return batteries, models


async def live_learning(
    pool: Pool,
    fanout: RedisFanOut,
    routing: RoutingService,
    surveyor: Surveyor,
    classroom: Classroom,
    roadmap: RoadMap,
    metrics: Metrics,
    warmth: Warmth,
    *,
    clock: Clock,
) -> LearningDesk:
    """The learned times that were in force, in force again; and the desk that learns more."""

    async def put_in_force(learned: Learned | None, version: int | None) -> None:
        await routing.set_learned(learned, version=version)
        warmth.wake()

    versions = LearnedVersions(
        pool=pool,
        fanout=fanout,
        map_id=roadmap.meta.map_id,
        put_in_force=put_in_force,
        clock=clock,
    )
    await versions.catch_up()
    matcher = DriveMatcher(
        pool=pool,
        roadmap=roadmap,
        classroom=classroom,
        surveyor=surveyor,
        clock=clock,
        metrics=metrics,
    )
    return LearningDesk(
        pool=pool,
        fanout=fanout,
        classroom=classroom,
        matcher=matcher,
        versions=versions,
        clock=clock,
    )
