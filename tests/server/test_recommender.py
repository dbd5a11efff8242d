"""What the recommender asks of live picture and roads, and that one answer is of one moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from random import Random

import msgspec
import pytest

from geo.driving.vehicles import Mode
from geo.ground import Ground
from geo.live.kept import Roads
from geo.roadmap import RoadMap
from geo.snap import Snap, SnapIndex
from geo.walk import Approach, DropOff
from server.dispatch.contenders import Way
from server.dispatch.premises import canonical
from server.dispatch.record import Recommended
from server.dispatch.runcardfile import shipped
from server.dispatch.travel import Traveller
from server.ports import Footing
from server.recommender import TRIES_MAX, WAYS_LOOKED_AT_MAX, WAYS_MAX, Recommender
from server.replay import Replayer
from server.routing import RoutingBusy
from server.views import IncidentView, PositionView, UnitStatus, UnitView
from tests.decision_county import NOW, RoutingHere, SeededBatteries
from tests.small_county import crossing

SCENE = crossing(0, 1)


class Cars:
    """Patrol cars along the Valley Road, one crossing farther each; `move` drives one on."""

    def __init__(self, roadmap: RoadMap, count: int) -> None:
        self._index = SnapIndex(roadmap)
        self._views = {str(number): a_car(number, count) for number in range(count)}

    def units(self) -> list[UnitView]:
        return list(self._views.values())

    def unit(self, unit_id: str) -> UnitView | None:
        return self._views.get(unit_id)

    def snap(self, unit_id: str) -> Snap | None:
        position = self._views[unit_id].position
        assert position is not None
        return self._index.snap(position.lon, position.lat)

    def move(self, unit_id: str, lonlat: tuple[float, float]) -> None:
        view = self._views[unit_id]
        assert view.position is not None
        there = msgspec.structs.replace(view.position, lon=lonlat[0], lat=lonlat[1])
        self._views[unit_id] = msgspec.structs.replace(view, position=there)


def a_car(number: int, count: int) -> UnitView:
    west, east = crossing(1, 1), crossing(6, 1)
    lon = west[0] + (east[0] - west[0]) * number / count
    return UnitView(
        id=str(number),
        call_sign=f"P-{number:02d}",
        kind="patrol_car",
        station=None,
        status=UnitStatus.AVAILABLE,
        order_id=None,
        incident_id=None,
        officers=[],
        leader=None,
        position=PositionView(
            device_id=f"{number}",
            lon=lon,
            lat=west[1],
            observed_at=NOW,
            received_at=NOW,
            accuracy_m=5.0,
            speed_mps=0.0,
            heading_deg=None,
        ),
        devices=[],
        on_duty_since=NOW,
    )


class SnowyRoads(RoutingHere):
    """Every way has tracks in snow; `while_asked` happens in the middle of a question."""

    snowy_m = 0.0

    def __init__(self, roadmap: RoadMap) -> None:
        super().__init__(lambda: Ground(roadmap, engine="scipy"))
        self.looked_at = 0
        self.while_asked: Callable[[], None] = lambda: None

    async def approach(self, lon: float, lat: float, mode: Mode) -> Approach:
        self.while_asked()
        return await super().approach(lon, lat, mode)

    async def ways(
        self, journeys: Sequence[tuple[Traveller, DropOff]], mode: Mode
    ) -> list[Way | None]:
        self.looked_at += len(journeys)
        found = await super().ways(journeys, mode)
        return [each and replace(each, snowy_track_m=self.snowy_m) for each in found]


@pytest.fixture
async def roads(small_map: RoadMap) -> AsyncIterator[SnowyRoads]:
    router = SnowyRoads(small_map)
    await router.start()
    yield router
    await router.close()


async def recommended(cars: Cars, roads: SnowyRoads, roadmap: RoadMap) -> Recommended:
    doing = {each.id: (UnitStatus.AVAILABLE, None) for each in cars.units()}
    return await Recommender(
        live=cars,
        router=roads,
        batteries=SeededBatteries({"another's": "handset"}, Random(1)),
        map_id=roadmap.meta.map_id,
    ).compute(
        IncidentView(
            id="0193e3a0-0000-7000-8000-000000000002",
            number=1,
            type="patrol_task",
            priority="routine",
            note="",
            place="",
            lon=SCENE[0],
            lat=SCENE[1],
            status="open",
            opened_by="user:wang",
            opened_at=NOW,
            closed_by=None,
            closed_at=None,
            outcome="",
        ),
        doing,
        cards=shipped(),
        recommendation_id="0193e3a0-0000-7000-8000-000000000001",
        now=NOW,
    )


@pytest.mark.parametrize("snowy_m", [0.0, 2_000.0])
async def test_nobody_is_first_because_nobody_looked_at_its_way(
    roads: SnowyRoads, small_map: RoadMap, snowy_m: float
) -> None:
    """All are alike and drive the same tracks in snow: the nearest is first, and so on."""
    roads.snowy_m = snowy_m

    found = (await recommended(Cars(small_map, 9), roads, small_map)).view

    best = found.candidates[:WAYS_MAX]
    assert [each.call_sign for each in best] == [f"P-{number:02d}" for number in range(WAYS_MAX)]
    assert all(each.distance_m is not None for each in best), "each by its own road"


async def test_how_many_ways_are_looked_at_has_a_limit(
    roads: SnowyRoads, small_map: RoadMap
) -> None:
    roads.snowy_m = 2_000.0

    await recommended(Cars(small_map, 40), roads, small_map)

    assert roads.looked_at <= WAYS_LOOKED_AT_MAX


async def test_where_nothing_changes_by_looking_only_the_best_ways_are_looked_at(
    roads: SnowyRoads, small_map: RoadMap
) -> None:
    await recommended(Cars(small_map, 40), roads, small_map)

    assert roads.looked_at == WAYS_MAX


async def test_a_unit_that_drives_on_while_its_way_is_sought_is_where_it_was_seen(
    roads: SnowyRoads, small_map: RoadMap
) -> None:
    """Else the record would name one position and the travel time be of another."""
    cars = Cars(small_map, 3)
    roads.while_asked = lambda: cars.move("2", SCENE)

    made = await recommended(cars, roads, small_map)

    async with Replayer(
        small_map, Footing(engine="scipy", against_one_ways=False), routing=RoutingHere
    ) as replayer:
        again = await replayer.again(
            made.record, made.reckoned, Roads(where=None, changes=()), None
        )
    assert canonical(again) == canonical(made.view)


@pytest.mark.parametrize("changes", [1, TRIES_MAX])
async def test_no_answer_is_half_of_one_road_picture_and_half_of_the_next(
    roads: SnowyRoads, small_map: RoadMap, changes: int
) -> None:
    versions = iter(range(1, 1 + changes))

    async def change(lon: float, lat: float, mode: Mode) -> Approach:
        found = await SnowyRoads.approach(roads, lon, lat, mode)
        if (version := next(versions, None)) is not None:
            await roads.set_roads(replace(roads.roads, version=version))
        return found

    cars = Cars(small_map, 3)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(roads, "approach", change)
        if changes == TRIES_MAX:
            with pytest.raises(RoutingBusy, match="roads change"):
                await recommended(cars, roads, small_map)
        else:
            assert (await recommended(cars, roads, small_map)).view.road_version == changes
