"""Travel times made ready beforehand: for whoever is on duty, under what holds and what comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import product

import pytest

from geo.driving.conditions import DRY, Condition
from geo.driving.speed import Profile
from geo.driving.vehicles import Mode, Vehicle
from geo.ground import Ground
from geo.metrics import Modelled, Models
from geo.roadmap import RoadMap
from geo.routing.engine import CLOSED
from server.dispatch.travel import Traveller
from server.ports import LiveRoads
from server.routing import RoutingService
from server.stores.units import UnitRow
from server.views import UnitKind, UnitStatus
from server.warmth import Warmth
from tests.patience import PATIENCE_S
from tests.server.dispatch_room import StillLife
from tests.small_county import crossing

RAIN = Condition.parse("rain")


@dataclass
class Watched:
    """A routing service, its ground, and what it modelled so far, in order."""

    service: RoutingService
    ground: Ground
    live: StillLife
    modelled: list[Profile] = field(default_factory=list)

    @property
    def warmth(self) -> Warmth:
        return Warmth(live=self.live, router=self.service)

    def knows_all(self, *vehicles: Vehicle, condition: Condition = DRY) -> bool:
        every = product(vehicles, Mode)
        return all(
            self.ground.knows(Profile(vehicle=vehicle, mode=mode, condition=condition))
            for vehicle, mode in every
        )


@pytest.fixture
async def watched(small_map: RoadMap, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    ground = Ground(small_map, engine="scipy")
    found = Watched(RoutingService(lambda: ground), ground, StillLife(small_map))
    await found.service.start()
    model = Models.of

    def counted(models: Models, profile: Profile) -> Modelled:
        found.modelled.append(profile)
        return model(models, profile)

    monkeypatch.setattr(Models, "of", counted)
    yield found
    await found.service.close()


def a_unit(kind: UnitKind, status: UnitStatus = UnitStatus.AVAILABLE) -> UnitRow:
    return UnitRow(
        id=f"unit-{kind}",
        call_sign=kind,
        kind=kind,
        station=None,
        status=status,
        order_id=None,
        order_number=None,
        incident_id=None,
        officers=[],
        devices=[],
    )


@asynccontextmanager
async def running(warmth: Warmth) -> AsyncIterator[None]:
    task = asyncio.create_task(warmth.run())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def until(watched: Watched, *vehicles: Vehicle, condition: Condition = DRY) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not watched.knows_all(*vehicles, condition=condition):
            await watched.service.start()  # a turn on the routing thread


async def test_everyone_on_duty_is_ready_without_having_asked(watched: Watched) -> None:
    watched.live.put(a_unit("off_road"), None)
    watched.live.put(a_unit("motorcycle", UnitStatus.OFF_DUTY), None)

    async with running(watched.warmth):
        await until(watched, Vehicle.PATROL_CAR, Vehicle.FOUR_BY_FOUR)

    assert not watched.knows_all(Vehicle.MOTORCYCLE)
    assert watched.modelled[0] == Profile(vehicle=Vehicle.FOUR_BY_FOUR, mode=Mode.URGENT)


async def test_an_emergency_after_that_models_nothing(watched: Watched) -> None:
    watched.live.put(a_unit("off_road"), None)
    async with running(watched.warmth):
        await until(watched, Vehicle.PATROL_CAR, Vehicle.FOUR_BY_FOUR)
    before = list(watched.modelled)
    here = await watched.service.snap(*crossing(1, 1))
    there = await watched.service.approach(*crossing(3, 3), Mode.URGENT)

    both = [Traveller(snap=here), Traveller(snap=here, vehicle=Vehicle.FOUR_BY_FOUR)]
    found = await watched.service.arrivals(both, there, Mode.URGENT)

    assert None not in found
    assert watched.modelled == before


async def test_a_kind_that_comes_on_duty_is_made_ready(watched: Watched) -> None:
    warmth = watched.warmth
    async with running(warmth):
        await until(watched, Vehicle.PATROL_CAR)
        watched.live.put(a_unit("motorcycle"), None)
        warmth.unit_changed("unit-motorcycle")

        await until(watched, Vehicle.MOTORCYCLE)


async def test_the_next_weather_is_ready_before_it_holds_and_the_old_one_stays(
    watched: Watched,
) -> None:
    watched.live.put(a_unit("off_road"), None)
    warmth = watched.warmth
    await warmth.ready_for(DRY)

    await warmth.ready_for(RAIN)
    ready = [
        watched.knows_all(Vehicle.PATROL_CAR, Vehicle.FOUR_BY_FOUR, condition=each)
        for each in (DRY, RAIN)
    ]
    before = list(watched.modelled)
    await watched.service.set_roads(LiveRoads(version=1, county=RAIN))

    assert ready == [True, True]
    assert watched.modelled == before
    assert watched.ground.profile.condition == RAIN


async def test_a_road_closed_while_the_next_weather_is_made_ready_is_closed_in_it(
    watched: Watched,
) -> None:
    warmth = watched.warmth
    start, target = [watched.ground.snap(*crossing(*each)) for each in ((1, 1), (3, 3))]
    await warmth.ready_for(RAIN)
    open_s = watched.ground.etas([start], target, profile=Profile(condition=RAIN))[0]

    first_edge = watched.ground.route(start, target).legs[0].edge
    shut = {2 * first_edge: CLOSED, 2 * first_edge + 1: CLOSED}
    watched.ground.set_overrides(shut)
    await watched.service.keep_ready([Profile(condition=RAIN)])
    watched.ground.set_condition(RAIN)

    fresh = Ground(watched.ground.roadmap, engine="scipy", profile=Profile(condition=RAIN))
    fresh.set_overrides(shut)
    assert watched.ground.etas([start], target)[0] == fresh.etas([start], target)[0] > open_s


async def test_many_who_wait_for_one_kind_have_it_modelled_once(watched: Watched) -> None:
    urgent = Profile(mode=Mode.URGENT)

    await asyncio.gather(*(watched.service.keep_ready([urgent]) for _ in range(5)))

    assert watched.modelled == [urgent]


async def test_a_full_queue_of_questions_does_not_keep_it_from_being_made_ready(
    small_map: RoadMap,
) -> None:
    ground = Ground(small_map, engine="scipy")
    service = RoutingService(lambda: ground, queue_len_max=1)
    await service.start()
    question = asyncio.create_task(service.snap(*crossing(1, 1)))
    await asyncio.sleep(0)

    await service.keep_ready([Profile(mode=Mode.URGENT)])

    assert ground.knows(Profile(mode=Mode.URGENT))
    assert (await question).edge >= 0
    await service.close()


async def test_learned_times_count_in_what_was_made_ready(watched: Watched) -> None:
    profile = Profile(mode=Mode.URGENT)
    await watched.service.keep_ready([profile])
    before_s = watched.ground.arc_s_of(profile)

    watched.ground.set_factors({Mode.URGENT: (watched.ground.arc_s * 0 + 1.5).astype("float32")})
    await watched.service.keep_ready([profile])

    assert watched.ground.arc_s_of(profile).sum() == pytest.approx(1.5 * before_s.sum(), rel=0.01)
