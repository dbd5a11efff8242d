"""The county's batteries: heard by the fan-out, learned from, asked; real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from devices.battery.model import Load
from devices.battery.outlook import Leg
from geo.driving.conditions import Condition
from geo.roadmap import Elevation
from server import batteries as module
from server.ambient import Ambient
from server.batteries import Batteries
from server.batteryfleet import fleet
from server.metrics import Metrics
from server.stores.pool import Pool
from server.stores.presence import DeviceFix, Presence
from server.stores.units import bare_view, load_units
from tests.server.dispatch_room import LoudFanOut
from tests.server.field_rows import add_device, add_unit

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
RECORD = frozenset({Load.RECORD})


class Room:
    """Batteries with a fan-out by hand."""

    def __init__(self, pool: Pool, ambient: Ambient | None = None) -> None:
        self.pool, self.fanout, self.metrics = pool, LoudFanOut(), Metrics()
        self.batteries = Batteries(
            pool=pool,
            fanout=self.fanout,
            ambient=ambient or Ambient(None),
            clock=lambda: NOW,
            metrics=self.metrics,
        )

    def say(self, what: DeviceFix | Presence) -> None:
        topic = "fix" if isinstance(what, DeviceFix) else "presence"
        self.fanout.publish(topic, msgspec.json.encode(what).decode())


def a_fix(level: int | None, *, minutes: float = 0, dev: str = "cam-07", **said: Any) -> DeviceFix:
    at = NOW + timedelta(minutes=minutes)
    fields: dict[str, Any] = {"observed_at": at, "received_at": at, "lon": 100.2, "lat": 27.5}
    return DeviceFix(device_id=dev, gauge_pct=level, **fields | {"mode": "record"} | said)


def a_ping(level: int, *, minutes: float) -> Presence:
    return Presence(
        device_id="cam-07",
        install_id="i1",
        online=True,
        at=NOW + timedelta(minutes=minutes),
        admission=1,
        gateway="g1",
        battery_pct=level,
    )


@pytest.fixture
async def room(pool: Pool) -> Room:
    unit_id = await add_unit(pool, "P-07")
    await add_device(pool, "cam-07", unit_id=unit_id)
    await add_device(pool, "car-07", kind="vehicle", unit_id=unit_id)
    room = Room(pool)
    await room.batteries.load()
    return room


async def test_a_level_becomes_an_outlook(room: Room) -> None:
    assert room.batteries.outlook_of("cam-07", NOW) is None
    assert room.batteries.lasts("cam-07", [], NOW) is None

    room.say(a_fix(45))

    hour = [Leg(loads=RECORD, minutes=60.0)]
    first = room.batteries.lasts("cam-07", hour, NOW)
    assert first is not None
    assert first > 0.9
    assert room.batteries.lasts("cam-07", hour * 5, NOW) == pytest.approx(0.2, abs=0.15)
    p10, p50, p90 = room.batteries.empty_after_s("cam-07", NOW) or []
    assert p10 < p50 < p90
    assert p50 / 3600 == pytest.approx(39.5 / 10.5, rel=0.1)


async def test_the_vehicles_own_device_is_left_out(room: Room) -> None:
    room.say(a_fix(45, dev="car-07"))

    assert room.batteries.outlook_of("car-07", NOW) is None
    assert room.batteries.present("car-07") is None


async def test_what_a_device_says_is_kept_until_it_says_otherwise(room: Room) -> None:
    room.say(a_fix(80, mode="stream+screen", stream_kbps=2000, rsrp_dbm=-118, temp_c=-4.0))
    room.say(a_ping(79, minutes=10))

    present = room.batteries.present("cam-07")

    assert present is not None
    assert present.loads == {Load.STREAM_HIGH, Load.SCREEN}
    assert (present.level_pct, present.temp_c, present.weak) == (79, -4.0, 1.0)
    assert present.level_at == NOW + timedelta(minutes=10)


async def test_a_ping_between_fixes_is_not_listened_to(room: Room) -> None:
    room.say(a_fix(80))
    room.batteries.learn()
    room.say(a_ping(60, minutes=1))

    present = room.batteries.present("cam-07")

    assert present is not None
    assert present.level_pct == 80


@pytest.mark.parametrize(("gauge", "charging"), [(153, False), (-3, False), (0, True)])
async def test_nonsense_is_counted_with_its_device(room: Room, gauge: int, charging: bool) -> None:
    room.say(a_fix(80))
    room.say(a_fix(gauge, minutes=1, charging=charging))

    present = room.batteries.present("cam-07")

    assert present is not None
    assert present.level_pct == 80
    assert present.counts.nonsense == 1


async def test_a_device_is_as_cold_as_its_place_where_it_does_not_say(pool: Pool) -> None:
    hill = Elevation(
        west=100.0, north=28.0, step_lon=0.5, step_lat=0.5, height_m=np.full((3, 3), 3000, "f4")
    )
    await add_device(pool, "cam-07")
    room = Room(pool, Ambient(hill, lambda: Condition(night=True), sea_level_c=15.0))
    await room.batteries.load()

    room.say(a_fix(80))
    found = room.batteries.present("cam-07")
    room.say(a_fix(80, minutes=1, temp_c=21.0))
    said = room.batteries.present("cam-07")

    assert found is not None
    assert found.temp_c == pytest.approx(15.0 - 3 * 6.5 - 6.0)
    assert said is not None
    assert said.temp_c == 21.0


async def test_a_device_that_is_new_is_met(room: Room) -> None:
    room.say(a_fix(60, dev="cam-08"))
    room.say(a_fix(60, dev="nobody"))
    await add_device(room.pool, "cam-08")

    await room.batteries.meet_strangers()

    assert room.batteries.outlook_of("cam-08", NOW) is not None
    assert room.batteries.outlook_of("nobody", NOW) is None
    assert room.metrics.text().count("battery_reports_pending 0") == 1


async def test_a_backlog_teaches_what_it_would_have_taught_in_time(room: Room) -> None:
    levels = [(minute, 90 - minute // 6) for minute in range(240)]
    for minute, level in levels:
        room.say(a_fix(level, minutes=minute))

    now = NOW + timedelta(hours=4)
    ahead = room.batteries.outlook_of("cam-07", now)
    room.batteries.learn()
    room.batteries.learn()
    ahead = room.batteries.outlook_of("cam-07", now)

    assert ahead is not None
    assert ahead.rate_pct_per_h(RECORD) == pytest.approx(10.0, rel=0.05)
    assert ahead.charge_pct.mean() == pytest.approx(51 - 5, abs=1.5)


async def test_reports_that_find_no_room_are_counted(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PENDING_LEN_MAX", 2)

    for level in (80, 79, 78):
        room.say(a_fix(level, minutes=80 - level))

    present = room.batteries.present("cam-07")
    assert present is not None
    assert present.level_pct == 79
    assert room.metrics.value("battery_reports_dropped") == 1


async def test_devices_beyond_the_limit_are_refused(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await add_device(pool, f"cam-{number}")
    monkeypatch.setattr(module, "DEVICES_MAX", 2)
    room = Room(pool)

    await room.batteries.load()

    assert [room.batteries.present(f"cam-{number}") is None for number in range(3)] == [
        False,
        False,
        True,
    ]
    assert room.metrics.value("battery_devices_refused") == 1


async def test_the_fleet_until_the_end_of_the_shift(room: Room) -> None:
    room.say(a_fix(40))
    async with room.pool.acquire() as conn:
        units = [bare_view(each) for each in await load_units(conn)]

    def seen(**asked: Any) -> Any:
        (view,) = fleet(room.batteries, units, NOW, shift=timedelta(hours=8), **asked)
        return view

    (begun,) = (each.on_duty_since for each in units)
    view = seen()
    assert begun is not None
    assert (view.call_sign, view.device_id, view.level_pct) == ("P-07", "cam-07", 40)
    assert view.until == begun + timedelta(hours=8)
    assert view.mode == "record"
    assert view.rate_pct_per_h == pytest.approx(10.5, rel=0.1)
    assert view.min_p10 < view.min_p50 < view.min_p90
    assert view.p_until < 0.1
    assert seen(until=NOW + timedelta(minutes=30)).p_until > 0.95


async def test_a_fleet_on_chargers_lasts(room: Room) -> None:
    room.say(a_fix(20, charging=True))
    async with room.pool.acquire() as conn:
        units = [bare_view(each) for each in await load_units(conn)]

    (view,) = fleet(room.batteries, units, NOW, shift=timedelta(hours=8))

    assert (view.rate_pct_per_h, view.min_p50, view.p_until) == (0.0, None, 1.0)
