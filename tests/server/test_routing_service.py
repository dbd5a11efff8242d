"""The routing thread: one owner, a bounded queue, a clean end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import numpy as np
import pytest

from geo.departure import TURN_ROUND_S
from geo.driving.vehicles import Mode, Vehicle
from geo.errors import MapFolderError, OffMapError
from geo.eta import ROUGH_SD, UNROUTED_SD, TripSpread
from geo.ground import Ground
from geo.learning.factors import LearnedFactors
from geo.roadmap import RoadMap
from server.dispatch.travel import Traveller
from server.routing import RoutingBusy, RoutingService
from tests.patience import PATIENCE_S
from tests.small_county import crossing

KNOWN = TripSpread(unlearned_sd=0.24)


class WatchedGround(Ground):
    """Notes the threads it is used on; `gate` holds queries back."""

    def __init__(self, roadmap: RoadMap) -> None:
        super().__init__(roadmap, engine="scipy")
        self.threads = {threading.current_thread().name}
        self.gate: threading.Event | None = None
        self.closed_on = ""

    def snap(self, lon: float, lat: float):  # type: ignore[no-untyped-def]
        self.threads.add(threading.current_thread().name)
        if self.gate is not None:
            assert self.gate.wait(PATIENCE_S)
        return super().snap(lon, lat)

    def close(self) -> None:
        self.closed_on = threading.current_thread().name
        super().close()


async def a_service(
    roadmap: RoadMap, queue_len_max: int = 4
) -> tuple[RoutingService, WatchedGround]:
    made: list[WatchedGround] = []

    def make() -> WatchedGround:
        made.append(WatchedGround(roadmap))
        return made[-1]

    service = RoutingService(make, queue_len_max=queue_len_max)
    await service.start()
    return service, made[0]


async def test_everything_runs_on_the_one_routing_thread(small_map: RoadMap) -> None:
    service, ground = await a_service(small_map)

    snap = await service.snap(*crossing(1, 1))
    target = await service.snap(*crossing(3, 3))
    place = await service.approach(*crossing(3, 3), Mode.ROUTINE)
    start = Traveller(snap=snap)
    etas_s, (way,) = await asyncio.gather(
        service.etas([snap], target), service.ways([(start, place.nearest)], Mode.ROUTINE)
    )
    await service.close()

    assert etas_s.shape == (1,)
    assert way is not None
    assert way.eta.median_s == pytest.approx(etas_s[0])
    assert way.distance_m > 0
    assert ground.threads == {ground.closed_on} == {"routing_0"}


async def test_arrivals_depend_on_vehicle_mode_and_heading(small_map: RoadMap) -> None:
    service, _ = await a_service(small_map)
    (lon, lat), (next_lon, next_lat) = crossing(1, 2), crossing(2, 2)
    snap = await service.snap((lon + next_lon) / 2, (lat + next_lat) / 2)
    place = await service.approach(*crossing(5, 2), Mode.ROUTINE)
    travellers = [
        Traveller(snap=snap),
        Traveller(snap=snap, vehicle=Vehicle.FOOT),
        Traveller(snap=snap, heading_deg=270.0, speed_mps=12.0),
    ]

    routine = await service.arrivals(travellers, place, Mode.ROUTINE)
    urgent = await service.arrivals(travellers[:1], place, Mode.URGENT)
    await service.close()

    car, walker, other_way = (each.eta_s for each in routine if each is not None)
    assert urgent[0] is not None
    assert urgent[0].eta_s < car < walker
    assert other_way == pytest.approx(car + TURN_ROUND_S, abs=0.01)


async def test_how_sure_an_arrival_is_was_learned_in_its_own_mode(small_map: RoadMap) -> None:
    """Only urgent drives were seen: routine ones are as unsure as before, and so are walkers."""
    service, _ = await a_service(small_map)
    snap = await service.snap(*crossing(1, 1))
    place = await service.approach(*crossing(5, 1), Mode.URGENT)
    walker = Traveller(snap=snap, vehicle=Vehicle.FOOT)

    async def log_sds() -> list[float]:
        found = []
        for traveller, mode in (
            (Traveller(snap=snap), Mode.URGENT),
            (Traveller(snap=snap), Mode.ROUTINE),
            (walker, Mode.URGENT),
        ):
            (way,) = await service.ways([(traveller, place.drop_offs[0])], mode)
            assert way is not None
            found.append(way.eta.log_sd)
        return found

    def unrouted_sds() -> list[float]:
        return [
            service.unrouted_sd(Vehicle.PATROL_CAR, Mode.URGENT),
            service.unrouted_sd(Vehicle.PATROL_CAR, Mode.ROUTINE),
            service.unrouted_sd(Vehicle.FOOT, Mode.URGENT),
        ]

    before = await log_sds()
    await service.set_learned({Mode.URGENT: well_known(small_map)})
    after, unrouted_after = await log_sds(), unrouted_sds()
    await service.set_learned(None)
    set_aside = await log_sds()
    await service.close()

    assert after[0] < 0.75 * before[0]
    assert after[1:] == before[1:]
    assert before[2] > before[1]
    assert set_aside == before
    assert unrouted_after == [KNOWN.unlearned_sd, UNROUTED_SD, ROUGH_SD]
    assert unrouted_sds() == [UNROUTED_SD, UNROUTED_SD, ROUGH_SD]


def well_known(roadmap: RoadMap) -> LearnedFactors:
    """As modelled, and sure of it."""
    arcs = 2 * roadmap.edge_count
    return LearnedFactors(
        factor=np.ones(arcs, dtype=np.float32),
        log_sd=np.zeros(arcs, dtype=np.float32),
        unknown=np.zeros(arcs, dtype=np.float32),
        trips=np.full(arcs, 400, dtype=np.int32),
        spread=KNOWN,
    )


async def test_the_walk_to_a_place_beside_the_road_is_part_of_the_arrival(
    small_map: RoadMap,
) -> None:
    service, _ = await a_service(small_map)
    (lon, lat), (_, next_lat) = crossing(3, 2), crossing(3, 3)
    start = Traveller(snap=await service.snap(*crossing(5, 2)))
    place = await service.approach(lon, lat + 0.45 * (next_lat - lat), Mode.ROUTINE)

    (arrival,) = await service.arrivals([start], place, Mode.ROUTINE)
    assert arrival is not None
    (way,) = await service.ways([(start, arrival.drop_off)], Mode.ROUTINE)
    by_road = await service.etas([start.snap], arrival.drop_off.snap)
    await service.close()

    walk = arrival.drop_off.walk
    assert walk.distance_m > 200.0
    assert arrival.eta_s == pytest.approx(float(by_road[0]) + walk.duration_s)
    assert way is not None
    assert way.eta.median_s == pytest.approx(arrival.eta_s)


async def test_errors_of_the_ground_reach_the_caller(small_map: RoadMap) -> None:
    service, _ = await a_service(small_map)

    with pytest.raises(OffMapError):
        await service.snap(0, 0)

    await service.close()


async def test_a_full_queue_refuses_at_once_and_recovers(small_map: RoadMap) -> None:
    service, ground = await a_service(small_map, queue_len_max=2)
    ground.gate = threading.Event()
    waiting = [asyncio.create_task(service.snap(*crossing(1, 1))) for _ in range(2)]
    await asyncio.sleep(0)

    with pytest.raises(RoutingBusy, match="2 routing queries wait"):
        await service.snap(*crossing(1, 1))
    ground.gate.set()
    await asyncio.gather(*waiting)

    assert service.refused_count == 1
    await service.snap(*crossing(1, 1))
    await service.close()


async def test_a_caller_who_gave_up_frees_his_place(small_map: RoadMap) -> None:
    service, ground = await a_service(small_map, queue_len_max=2)
    ground.gate = threading.Event()
    running = asyncio.create_task(service.snap(*crossing(1, 1)))
    waiting = asyncio.create_task(service.snap(*crossing(1, 1)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    third = asyncio.create_task(service.snap(*crossing(1, 1)))
    ground.gate.set()
    await asyncio.gather(running, third)

    assert service.refused_count == 0
    await service.close()


async def test_closing_refuses_what_waits_and_what_comes(small_map: RoadMap) -> None:
    service, ground = await a_service(small_map)
    gate = ground.gate = threading.Event()
    running, waiting = (asyncio.create_task(service.snap(*crossing(1, 1))) for _ in range(2))
    await asyncio.sleep(0)

    closing = asyncio.create_task(service.close())
    await asyncio.sleep(0)
    gate.set()
    await closing
    await service.close()

    answers = await asyncio.gather(running, waiting, return_exceptions=True)
    assert isinstance(answers[1], RoutingBusy)
    with pytest.raises(RoutingBusy, match="stopped"):
        await service.snap(*crossing(1, 1))


async def test_a_broken_map_is_known_at_start() -> None:
    def fail() -> Ground:
        raise MapFolderError("the map folder is empty")

    factory: Callable[[], Ground] = fail
    service = RoutingService(factory)

    with pytest.raises(MapFolderError, match="empty"):
        await service.start()
    await service.close()
