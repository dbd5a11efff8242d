"""The list of a shift's cameras: from the database, the live picture and learned batteries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from devices.battery.charging import Charge, ChargeKind, Told
from geo.roadmap import RoadMap
from server import shiftdesk
from server.dispatch.batteryrules import Rules
from server.dispatch.errors import Impossible
from server.dispatch.shiftplan import COUNTY_H, JOBS_PER_H, STARTING_H, STREAM_MIN
from server.dispatch.spares import SpareKind
from server.ids import new_id
from server.jobbatteries import JobBatteries
from server.shiftdesk import AHEAD_MAX, PAST_DAYS, ShiftDesk, ShiftDeskBusy
from server.shiftviews import ShiftCameraView, ShiftPlanView
from server.sparesathand import SparesAtHand
from server.stores import charges, shifts, spares
from server.stores.presence import DeviceFix
from server.stores.units import UnitRow, load_units
from tests.server.dispatch_room import NOW, Room, a_room
from tests.small_county import crossing

SHIFT = timedelta(hours=8)


@pytest.fixture
async def room(pool: Any, small_map: RoadMap) -> AsyncIterator[Room]:
    async with a_room(pool, small_map) as room:
        yield room


@pytest.fixture
def desk(room: Room) -> ShiftDesk:
    return ShiftDesk(
        pool=room.pool,
        live=room.live,
        batteries=room.batteries,
        jobs=JobBatteries(
            batteries=room.batteries,
            rules=Rules(),
            at_hand=SparesAtHand(pool=room.pool, live=room.live, router=room.routing),
        ),
        shift=SHIFT,
        clock=lambda: room.now,
    )


async def add(room: Room, call_sign: str, level: int | None, **changed: Any) -> UnitRow:
    """A unit whose camera reports that level now."""
    row = await room.add_unit(call_sign, crossing(5, 2), battery_pct=None, **changed)
    (row,) = await load_units(room.pool, row.id)
    room.live.put(row, crossing(5, 2), battery_pct=level)
    if level is not None:
        hear(room, f"{call_sign}-body_camera", level)
        await room.batteries.meet_strangers()
    return row


def hear(room: Room, device_id: str, level: int, **changed: Any) -> None:
    fix = DeviceFix(
        device_id=device_id,
        observed_at=NOW,
        received_at=NOW,
        lon=100.2,
        lat=27.5,
        gauge_pct=level,
        mode="standby",
    )
    room.batteries.hear_fix(msgspec.structs.replace(fix, **changed))


def by_unit(found: ShiftPlanView) -> dict[str, ShiftCameraView]:
    return {camera.call_sign: camera for camera in found.cameras}


async def test_the_shift_that_runs_has_every_camera_on_duty_until_its_own_end(
    room: Room, desk: ShiftDesk
) -> None:
    await add(room, "P-01", 90)
    await add(room, "P-02", 25)
    await add(room, "P-03", None)
    await add(room, "P-04", 60, on_duty=False)

    found = await desk.plan()

    assert [camera.call_sign for camera in found.cameras] == ["P-02", "P-01", "P-03"]
    low, high, unknown = found.cameras
    assert high.ends_at == NOW - timedelta(hours=1) + SHIFT
    assert (low.device_id, low.level_pct, low.lasts) == ("P-02-body_camera", 25, False)
    assert (low.fails, high.fails, unknown.fails) == (True, False, False)
    assert low.empty_p10_at is not None
    assert low.empty_p50_at is not None
    assert NOW < low.empty_p10_at < low.empty_p50_at < low.ends_at
    assert (unknown.p_lasts, unknown.level_pct, unknown.advice) == (None, None, [])
    assert (found.begins_at, found.left_out) == (None, 0)


async def test_the_shift_to_come_has_those_who_are_not_on_duty_then(
    room: Room, desk: ShiftDesk
) -> None:
    begins = NOW + timedelta(hours=7, minutes=10)
    await add(room, "P-01", 90)
    await add(room, "P-04", 60, on_duty=False)

    found = await desk.plan(begins)
    sooner = await desk.plan(NOW + timedelta(hours=2))

    assert set(by_unit(found)) == {"P-01", "P-04"}
    assert set(by_unit(sooner)) == {"P-04"}
    camera = by_unit(found)["P-04"]
    assert (camera.begins_at, camera.ends_at) == (begins, begins + SHIFT)
    assert camera.advice[0].remedy == "charge"
    assert camera.advice[0].charge_min is not None
    at = camera.advice[0].by_at + timedelta(minutes=camera.advice[0].charge_min)
    assert abs(at - begins) < timedelta(minutes=1)


async def test_a_level_told_before_the_shift_counts_as_it_was_told(
    room: Room, desk: ShiftDesk
) -> None:
    """A camera that is off drains nothing."""
    await add(room, "P-04", 60, on_duty=False)
    first = by_unit(await desk.plan(NOW + timedelta(hours=1)))["P-04"]

    room.now = NOW + timedelta(hours=9)
    later = by_unit(await desk.plan(room.now + timedelta(hours=1)))["P-04"]

    assert later.p_lasts == first.p_lasts


async def test_the_present_job_is_part_of_the_plan(room: Room, desk: ShiftDesk) -> None:
    row = await add(room, "P-01", 70)
    idle = by_unit(await desk.plan())["P-01"]

    await room.send(await room.open(type="armed_threat", priority="emergency"), row)
    busy = by_unit(await desk.plan())["P-01"]

    assert idle.p_lasts is not None
    assert busy.p_lasts is not None
    assert busy.p_lasts < idle.p_lasts - 0.1
    assert busy.job_ends_at is not None
    assert busy.job_ends_at > NOW + timedelta(minutes=90)
    assert idle.job_ends_at is None


async def test_spares_of_the_county_are_promised(room: Room, desk: ShiftDesk) -> None:
    row = await add(room, "P-01", 20, kind="foot")
    async with room.pool.acquire() as conn:
        await spares.insert(
            conn,
            spare_id=new_id(),
            label="pack-1",
            kind=SpareKind.PACK,
            fits=[],
            place=spares.Place(unit_id=row.id),
            charged=True,
        )

    (advice,) = by_unit(await desk.plan())["P-01"].advice

    assert (advice.remedy, advice.label, advice.station) == ("swap", "pack-1", None)


async def test_how_fast_a_device_charged_lately_counts(room: Room, desk: ShiftDesk) -> None:
    await add(room, "P-04", 60, on_duty=False)
    begins = NOW + timedelta(hours=20)
    usual = by_unit(await desk.plan(begins))["P-04"].advice[0]
    began = NOW - timedelta(days=1)
    slow = Charge(
        kind=ChargeKind.CHARGE,
        before=None,
        began=Told(at=began, level_pct=20),
        until=Told(at=began + timedelta(hours=2), level_pct=40),
        lon=100,
        lat=27,
    )
    async with room.pool.acquire() as conn:
        await charges.keep(conn, "P-04-body_camera", slow, None)

    slower = by_unit(await desk.plan(begins))["P-04"].advice[0]

    assert usual.charge_min is not None
    assert slower.charge_min == pytest.approx(4 * usual.charge_min, rel=0.05)


async def finish(room: Room, row: UnitRow, *, scene_min: float, of_type: str) -> None:
    """An order that the unit has done."""
    (order,) = await room.send(await room.open(type=of_type), row)
    at = NOW - timedelta(days=1)
    await room.pool.execute(
        "INSERT INTO order_event (order_id, ver, state, applied, actor, server_at) "
        "VALUES ($1, 9, 'on_scene', true, 'officer:x', $2)",
        order.id,
        at,
    )
    await room.pool.execute(
        "UPDATE dispatch_order SET state = 'done', closed_at = $2 WHERE id = $1",
        order.id,
        at + timedelta(minutes=scene_min),
    )


async def test_expected_jobs_are_drawn_from_the_past(room: Room, desk: ShiftDesk) -> None:
    row = await add(room, "P-01", 80)
    await room.pool.execute("UPDATE shift SET on_at = $1", NOW - timedelta(hours=1))
    await room.pool.execute(
        "INSERT INTO shift (id, unit_id, on_at, off_at) VALUES ($1, $2, $3, $4)",
        new_id(),
        row.id,
        NOW - timedelta(days=2),
        NOW - timedelta(days=2) + timedelta(hours=39),
    )
    for _ in range(5):
        await finish(room, row, scene_min=30, of_type="assault")

    found = await desk.plan()

    assert (found.past.jobs, found.past.on_duty_h, found.past.days) == (5, 40.0, PAST_DAYS)
    county = (5 + JOBS_PER_H * STARTING_H) / (40 + STARTING_H)
    unit = (5 + COUNTY_H * county) / (40 + COUNTY_H)
    camera = by_unit(found)["P-01"]
    assert camera.jobs == pytest.approx(7 * unit, abs=0.06)
    assert camera.stream_min / camera.jobs > STREAM_MIN


async def test_hours_are_those_inside_the_weeks_that_count(room: Room) -> None:
    row = await room.add_unit("P-01", None)
    await room.pool.execute("UPDATE shift SET on_at = $1", NOW - timedelta(hours=100))

    async with room.pool.acquire() as conn:
        found = await shifts.hours_on_duty(conn, since=NOW - timedelta(hours=30), until=NOW)

    assert found == {row.id: pytest.approx(30)}


async def test_of_too_many_cameras_those_with_the_lowest_levels_are_planned(
    room: Room, desk: ShiftDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, level in enumerate((80, 30, 60)):
        await add(room, f"P-0{number}", level)
    monkeypatch.setattr(shiftdesk, "CAMERAS_LEN_MAX", 2)

    found = await desk.plan()

    assert set(by_unit(found)) == {"P-01", "P-02"}
    assert found.left_out == 1


async def test_more_plans_than_may_wait_are_refused(
    room: Room, desk: ShiftDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shiftdesk, "WAITING_MAX", 2)

    answers = await asyncio.gather(*(desk.plan() for _ in range(3)), return_exceptions=True)

    assert [isinstance(each, ShiftDeskBusy) for each in answers] == [False, False, True]
    assert (await desk.plan()).cameras == []


async def test_nobody_plans_a_shift_at_the_end_of_time(desk: ShiftDesk) -> None:
    with pytest.raises(Impossible, match="28 days"):
        await desk.plan(datetime.max.replace(tzinfo=UTC))

    assert (await desk.plan(NOW + AHEAD_MAX)).cameras == []


async def test_an_empty_county_has_an_empty_list(desk: ShiftDesk) -> None:
    assert (await desk.plan()).cameras == []
