"""Who enters a dead zone, who is silent in one, who is not back: on real PostgreSQL and roads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from geo.roadmap import RoadMap
from protocols.native import Report
from server.classroom import Classroom
from server.dispatch import radio
from server.stores import deadzones as store
from server.stores import worklist
from server.stores.units import UnitRow, load_units
from server.views import ContactView, OrderView
from server.zonedesk import ZoneDesk
from server.zonewatch import ZoneWatch
from tests.server.dispatch_room import BY, NOW, Room, a_room
from tests.small_county import crossing

START, NEAR, INSIDE, BEYOND, SCENE = (crossing(column, 1) for column in (0, 2, 3, 5, 6))


@dataclass
class Watched:
    """A room with a dead zone around the crossing INSIDE, and what is shown of each unit."""

    room: Room
    desk: ZoneDesk
    shown: dict[str, ContactView | None] = field(default_factory=dict)

    def watch(self) -> ZoneWatch:
        """As another process would have it."""
        return ZoneWatch(
            pool=self.room.pool,
            fanout=self.room.fanout,
            live=self.room.live,
            router=self.room.routing,
            zones=self.desk,
            surveyor=self.room.surveyor,
            show=self.shown.__setitem__,
            clock=lambda: self.room.now,
        )

    async def confirm(self) -> None:
        """Somebody says that there is no radio from 400 m before the crossing to 400 m beyond."""
        room, pieces = self.room, self.desk.picture.pieces
        ends = [await room.routing.snap(lon, INSIDE[1]) for lon in (_east(-0.004), _east(0.004))]
        route = await room.routing.route(*ends)
        found: set[int] = set()
        for leg in route.legs:
            shares = (1 - leg.start, 1 - leg.end) if leg.arc & 1 else (leg.start, leg.end)
            found |= {int(each) >> 1 for each in pieces.along(leg.arc, *shares)[0]}
        async with room.pool.acquire() as conn:
            await store.insert_verdict(
                conn,
                "confirmed",
                sorted(found),
                map_id=room.roadmap.meta.map_id,
                at=NOW,
                by=BY,
                reason="known",
            )
        await self.desk.catch_up()

    async def send(
        self,
        call_sign: str = "P-01",
        *,
        scene: tuple[float, float] = SCENE,
        received: bool = True,
        en_route: bool = True,
    ) -> tuple[UnitRow, OrderView]:
        """A unit at START with an order, on its way."""
        unit = await self.room.add_unit(call_sign, START)
        incident = await self.room.open(lon=scene[0], lat=scene[1])
        (order,) = await self.room.send(incident, unit)
        steps = [Report.RECEIVED, Report.SHOWN, Report.ACCEPTED] if received else []
        steps += [Report.EN_ROUTE] if en_route and received else []
        device_id = f"{call_sign}-handset"
        command_id = (await self.room.tasks(order))[device_id]
        for step in steps:
            await self.room.report(device_id, command_id, step, by=f"B-{call_sign}")
        return await self.row(unit.id), order

    async def row(self, unit_id: str) -> UnitRow:
        async with self.room.pool.acquire() as conn:
            (row,) = await load_units(conn, unit_id)
        return row

    def heard(self, row: UnitRow, at: tuple[float, float]) -> None:
        """The newest fix, five seconds before now."""
        age_s = 5.0 - (self.room.now - NOW).total_seconds()
        self.room.live.put(row, at, age_s=age_s)

    def later(self, seconds: float) -> None:
        self.room.now += timedelta(seconds=seconds)


@pytest.fixture
async def watched(pool: Any, small_map: RoadMap) -> AsyncIterator[Watched]:
    classroom = Classroom(small_map)
    async with a_room(pool, small_map) as room:
        desk = ZoneDesk(
            pool=pool,
            fanout=room.fanout,
            classroom=classroom,
            surveyor=room.surveyor,
            roadmap=small_map,
            clock=lambda: room.now,
        )
        watched = Watched(room, desk)
        await watched.confirm()
        yield watched
    await classroom.close()


def _east(by: float) -> float:
    return INSIDE[0] + by


async def stays(watched: Watched) -> list[Any]:
    return await watched.room.fetch("SELECT * FROM zone_stay ORDER BY foretold_at")


async def work(watched: Watched) -> dict[str, str]:
    """Severity of what a person must see to, by kind."""
    async with watched.room.pool.acquire() as conn:
        return {each.kind: each.severity for each in await worklist.gravest(conn, 10)}


async def radio_kinds(watched: Watched) -> list[str]:
    return [kind for kind in await watched.room.kinds() if kind.startswith("radio.")]


async def test_a_unit_that_falls_silent_before_a_zone_is_expected_back_behind_it(
    watched: Watched,
) -> None:
    row, order = await watched.send()
    watch = watched.watch()
    watched.heard(row, NEAR)
    watched.later(radio.SILENT_S)

    await watch.round()

    shown, back = watched.shown[row.id], watch.expected_back(row.id)
    assert shown is not None
    assert back is not None
    assert (shown.state, shown.at_scene) == ("silent", False)
    assert shown.place["en"].startswith("G320 km ")
    assert (back.at, back.at_latest) == (shown.back_at, shown.latest_at)
    assert NOW < back.at < back.at_latest < NOW + timedelta(minutes=10)
    (stay,) = await stays(watched)
    assert (stay["order_id"], stay["silent_since"]) == (order.id, NOW - timedelta(seconds=5))
    assert stay["lon"] == pytest.approx(_east(0.004), abs=0.003)  # the far end


async def test_it_is_foretold_once_and_kept_over_a_restart_and_beside_other_processes(
    watched: Watched,
) -> None:
    row, _ = await watched.send()
    watched.heard(row, NEAR)
    watched.later(radio.SILENT_S)
    await watched.watch().round()

    other = watched.watch()
    watched.later(10)
    await other.round()

    assert len(await stays(watched)) == 1
    assert other.expected_back(row.id) is not None


async def test_the_alarm_rises_when_a_unit_does_not_come_out_and_ends_when_it_is_heard(
    watched: Watched,
) -> None:
    row, _ = await watched.send()
    watch = watched.watch()
    watched.heard(row, NEAR)
    watched.later(radio.SILENT_S)
    await watch.round()
    back = watch.expected_back(row.id)
    assert back is not None

    watched.room.now = back.at_latest
    await watch.round()
    assert await radio_kinds(watched) == []
    watched.later(1)
    await watch.round()
    await watched.watch().round()

    shown = watched.shown[row.id]
    assert shown is not None
    assert shown.state == "overdue"
    assert watch.expected_back(row.id) is None  # timers stretch no further
    assert await radio_kinds(watched) == ["radio.overdue"]
    assert await work(watched) == {"not_back": "alarm"}

    watched.heard(row, BEYOND)
    await watch.round()

    assert watched.shown[row.id] is None
    assert await radio_kinds(watched) == ["radio.overdue", "radio.back"]
    assert await work(watched) == {}
    assert (await stays(watched))[0]["ended_at"] == watched.room.now


async def test_the_end_of_its_shift_is_no_word_of_a_missing_unit(watched: Watched) -> None:
    row = await watched.room.add_unit("P-03", NEAR)
    watch = watched.watch()
    watched.later(radio.SILENT_S)
    await watch.round()
    back = watch.expected_back(row.id)
    assert back is not None
    watched.room.now = back.at_latest + timedelta(seconds=1)
    await watch.round()

    await watched.room.pipeline.set_shift(row.id, on_duty=False, by=BY)
    watched.room.live.put(await watched.row(row.id), NEAR)
    await watched.watch().round()

    assert await work(watched) == {"not_back": "alarm"}
    assert await radio_kinds(watched) == ["radio.overdue"]

    watched.heard(await watched.row(row.id), BEYOND)
    await watched.watch().round()

    assert await work(watched) == {}
    assert await radio_kinds(watched) == ["radio.overdue", "radio.back"]


async def test_who_goes_off_duty_before_the_time_is_over_is_not_missed(watched: Watched) -> None:
    row = await watched.room.add_unit("P-03", NEAR)
    watch = watched.watch()
    watched.later(radio.SILENT_S)
    await watch.round()

    await watched.room.pipeline.set_shift(row.id, on_duty=False, by=BY)
    watched.room.live.put(await watched.row(row.id), NEAR)
    await watch.round()

    assert (await stays(watched))[0]["ended_at"] == watched.room.now
    assert await work(watched) == {}


async def test_who_comes_out_in_time_is_no_entry_of_the_log(watched: Watched) -> None:
    row, _ = await watched.send()
    watch = watched.watch()
    watched.heard(row, NEAR)
    watched.later(radio.SILENT_S)
    await watch.round()

    watched.heard(row, BEYOND)
    await watch.round()

    assert (watched.shown[row.id], watch.expected_back(row.id)) == (None, None)
    assert await radio_kinds(watched) == []


@pytest.mark.parametrize("at", [START, BEYOND], ids=["far before", "behind"])
async def test_a_silence_that_no_zone_explains_is_nothing_of_ours(
    watched: Watched, at: tuple[float, float]
) -> None:
    row, _ = await watched.send()
    watch = watched.watch()
    watched.heard(row, at)
    watched.later(radio.SILENT_S)

    await watch.round()

    assert (watched.shown[row.id], await stays(watched)) == (None, [])


async def test_a_unit_whose_scene_lies_inside_stays_and_comes_back_the_way_it_went(
    watched: Watched,
) -> None:
    row, _ = await watched.send(scene=INSIDE)
    watch = watched.watch()
    watched.heard(row, NEAR)
    watched.later(radio.SILENT_S)

    await watch.round()

    shown = watched.shown[row.id]
    assert shown is not None
    assert shown.at_scene
    assert shown.back_at > NOW + timedelta(seconds=radio.SCENE_S)
    assert (await stays(watched))[0]["lon"] == pytest.approx(_east(-0.004), abs=0.003)


async def test_a_unit_about_to_enter_is_shown_with_its_way_out(watched: Watched) -> None:
    row, _ = await watched.send()
    watch = watched.watch()
    watched.heard(row, NEAR)

    await watch.round()

    shown = watched.shown[row.id]
    assert shown is not None
    assert shown.enters_at is not None
    assert (shown.state, shown.unreceived) == ("ahead", False)
    assert NOW < shown.enters_at < shown.back_at
    assert (await stays(watched), await radio_kinds(watched)) == ([], [])


async def test_a_unit_about_to_enter_without_its_order_is_to_be_called_once(
    watched: Watched,
) -> None:
    row, _ = await watched.send(received=False)
    watch = watched.watch()
    watched.heard(row, NEAR)

    await watch.round()
    watched.later(10)
    watched.heard(row, NEAR)
    await watch.round()
    await watched.watch().round()

    shown = watched.shown[row.id]
    assert shown is not None
    assert shown.unreceived
    assert await radio_kinds(watched) == ["radio.unreceived"]
    assert await work(watched) == {"unreceived": "warning"}


async def test_a_unit_without_an_order_is_expected_by_the_door_that_takes_longest(
    watched: Watched,
) -> None:
    row = await watched.room.add_unit("P-02", NEAR)
    watch = watched.watch()
    await watch.round()
    assert watched.shown[row.id] is None  # nobody knows where it goes

    watched.later(radio.SILENT_S)
    await watch.round()

    shown = watched.shown[row.id]
    assert shown is not None
    assert not shown.at_scene
    assert shown.latest_at - shown.back_at > timedelta(seconds=radio.PATROL_S)


async def test_without_zones_no_unit_is_looked_at(watched: Watched) -> None:
    row, _ = await watched.send()
    zone = watched.desk.picture.zones[0].zone.id
    await watched.desk.judge(zone, "withdrawn", by=BY, reason="a mast was built")
    watch = watched.watch()
    watched.heard(row, NEAR)
    watched.later(radio.SILENT_S)

    await watch.round()

    assert (watched.shown[row.id], await stays(watched)) == (None, [])


async def test_a_stay_ends_with_the_shift(watched: Watched) -> None:
    row = await watched.room.add_unit("P-03", NEAR)
    watch = watched.watch()
    watched.later(radio.SILENT_S)
    await watch.round()
    assert watch.expected_back(row.id) is not None

    await watched.room.pipeline.set_shift(row.id, on_duty=False, by=BY)
    watched.room.live.put(await watched.row(row.id), NEAR)
    await watch.round()

    assert watch.expected_back(row.id) is None
    assert (await stays(watched))[0]["ended_at"] is not None
