"""The county's batteries: heard by the fan-out, learned from, asked; real PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
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
from server import batterymodels, batteryreports
from server.ambient import Ambient
from server.batteries import Batteries
from server.batteryfleet import fleet
from server.batterymodels import BatteryModels
from server.dispatch.errors import Conflict, Impossible, NotFound
from server.metrics import Metrics
from server.stores.away import STORE_AWAY
from server.stores.pool import Pool
from server.stores.presence import DeviceFix, Presence
from server.stores.units import bare_view, load_units
from tests.server.dispatch_room import LoudFanOut
from tests.server.field_rows import add_device, add_unit, store_outage

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
RECORD = frozenset({Load.RECORD})
ONE = {"cam-07": (12.0, 1)}


class Room:
    """Batteries with a fan-out by hand."""

    def __init__(self, pool: Pool, ambient: Ambient | None = None) -> None:
        self.pool, self.fanout, self.metrics = pool, LoudFanOut(), Metrics()
        self.batteries = Batteries(
            pool=pool,
            fanout=self.fanout,
            ambient=ambient or Ambient(None),
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
    monkeypatch.setattr(batteryreports, "PENDING_LEN_MAX", 2)

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


# -- what is kept -----------------------------------------------------------------------------


def a_morning(room: Room, cameras: Mapping[str, tuple[float, int]] = ONE) -> None:
    """Three hours of recording at so many %/h, as gauges of such steps say it every two minutes."""
    for minute in range(0, 180, 2):
        for dev, (rate, step) in cameras.items():
            level = int((95 - rate * minute / 60) // step * step)
            room.say(a_fix(level, minutes=minute, dev=dev))
        room.batteries.learn()


async def a_restart(room: Room) -> Room:
    again = Room(room.pool)
    await again.batteries.load()
    return again


async def test_a_camera_is_learned_when_it_was_watched(room: Room) -> None:
    room.say(a_fix(95))
    room.batteries.learn()
    assert not room.batteries.learned("cam-07")

    a_morning(room)

    assert room.batteries.learned("cam-07")
    assert not room.batteries.learned("car-07")


async def test_a_restart_goes_on_with_what_was_learned(room: Room) -> None:
    now = NOW + timedelta(hours=3)
    a_morning(room)
    room.say(a_fix(153, minutes=179.5))
    before = room.batteries.outlook_of("cam-07", now)
    await room.batteries.leave()

    again = await a_restart(room)

    after = again.batteries.outlook_of("cam-07", now)
    present = again.batteries.present("cam-07")
    assert before is not None
    assert after is not None
    assert after.rate == pytest.approx(before.rate)
    assert after.charge_pct == pytest.approx(before.charge_pct)
    assert present == room.batteries.present("cam-07")
    assert present is not None
    assert present.counts.nonsense == 1


async def test_a_crash_loses_what_was_not_kept_and_no_more(room: Room) -> None:
    a_morning(room)
    await room.batteries.keep()
    room.say(a_fix(20, minutes=181))
    room.batteries.learn()

    present = (await a_restart(room)).batteries.present("cam-07")

    assert present is not None
    assert present.level_at == NOW + timedelta(minutes=178)


async def test_what_is_kept_is_never_replaced_by_something_older(room: Room) -> None:
    behind = await a_restart(room)
    behind.say(a_fix(90))
    room.say(a_fix(80, minutes=10))

    await room.batteries.keep()
    await behind.batteries.keep()

    present = (await a_restart(room)).batteries.present("cam-07")
    assert present is not None
    assert present.level_pct == 80


async def test_nothing_is_forgotten_while_the_store_is_away(room: Room, database_url: str) -> None:
    a_morning(room)
    async with store_outage(database_url):
        with pytest.raises(STORE_AWAY):
            await room.batteries.keep()
        await room.batteries.leave()

    await room.batteries.keep()

    assert (await a_restart(room)).batteries.outlook_of("cam-07", NOW) is not None


async def test_a_device_of_another_model_is_learned_anew(room: Room) -> None:
    a_morning(room)
    await room.batteries.leave()
    await room.pool.execute("UPDATE device SET model = 'BC-5G' WHERE id = 'cam-07'")

    after = (await a_restart(room)).batteries.outlook_of("cam-07", NOW)

    assert after is None


async def test_a_device_that_loses_its_own_battery_is_left_out_until_it_has_one(room: Room) -> None:
    async def becomes(kind: str) -> None:
        await room.pool.execute("UPDATE device SET kind = $1 WHERE id = 'cam-07'", kind)
        await room.batteries.look_again()
        room.say(a_fix(60, minutes=next(minutes)))
        await room.batteries.meet_strangers()
        await room.batteries.keep()

    minutes = iter(range(60, 64))
    room.say(a_fix(80))
    room.batteries.learn()

    await becomes("vehicle")
    assert room.batteries.present("cam-07") is None
    room.batteries.adopt(None, {})

    await becomes("handset")
    present = room.batteries.present("cam-07")
    assert present is not None
    assert (present.kind, present.level_pct) == ("handset", 60)


async def test_a_device_that_comes_into_service_is_met(room: Room) -> None:
    await add_device(room.pool, "cam-08")
    await room.pool.execute("UPDATE device SET disabled_at = now() WHERE id = 'cam-08'")
    room.say(a_fix(80, dev="cam-08"))
    await room.batteries.meet_strangers()
    await room.pool.execute("UPDATE device SET disabled_at = NULL WHERE id = 'cam-08'")

    await room.batteries.look_again()
    room.say(a_fix(79, dev="cam-08", minutes=1))
    await room.batteries.meet_strangers()

    assert room.batteries.present("cam-08") is not None


async def test_a_state_of_another_program_is_left_alone(room: Room) -> None:
    a_morning(room)
    await room.batteries.leave()
    await room.pool.execute("UPDATE battery_state SET state = '{}'")

    assert (await a_restart(room)).batteries.outlook_of("cam-07", NOW) is None


# -- models -----------------------------------------------------------------------------------


class Models:
    """Two models of cameras, with ten devices each that were watched for a morning."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.now = NOW + timedelta(hours=4)
        self.desk = BatteryModels(
            pool=room.pool, fanout=room.fanout, batteries=room.batteries, clock=lambda: self.now
        )

    async def watch(self) -> None:
        for number in range(20):
            model = "BC-4G" if number % 2 else "BC-2"
            await add_device(self.room.pool, f"cam-{number}")
            await self.room.pool.execute(
                "UPDATE device SET model = $2 WHERE id = $1", f"cam-{number}", model
            )
        await self.room.batteries.load()
        a_morning(self.room, {f"cam-{n}": (14.0, 5) if n % 2 else (8.0, 1) for n in range(20)})

    async def newcomer(self, model: str) -> float:
        """What is supposed of the recording of a device that nobody has watched, %/h."""
        await add_device(self.room.pool, f"new-{model}")
        await self.room.pool.execute(
            "UPDATE device SET model = $2 WHERE id = $1", f"new-{model}", model
        )
        self.room.say(a_fix(80, dev=f"new-{model}"))
        await self.room.batteries.meet_strangers()
        ahead = self.room.batteries.outlook_of(f"new-{model}", NOW)
        assert ahead is not None
        return ahead.rate_pct_per_h(RECORD)


@pytest.fixture
async def models(room: Room) -> Models:
    models = Models(room)
    await models.watch()
    return models


async def kinds(pool: Pool) -> list[str]:
    rows = await pool.fetch("SELECT kind FROM journal_entry ORDER BY id")
    return [row["kind"] for row in rows]


async def test_a_new_device_begins_as_its_model_does(models: Models) -> None:
    row = await models.desk.learn(by="user:li", reason="first month")

    assert row.models["body_camera/BC-4G"].devices == 10
    assert row.models["body_camera/BC-4G"].prior.step_pct == 5.0
    assert row.models["body_camera/BC-2"].prior.step_pct == 1.0
    assert await models.newcomer("BC-4G") == pytest.approx(14.0, rel=0.12)
    assert await models.newcomer("BC-2") == pytest.approx(8.0, rel=0.12)
    assert 8.0 < await models.newcomer("BC-9") < 14.0
    assert not models.room.batteries.learned("new-BC-4G")
    assert await kinds(models.room.pool) == ["batteries.learned", "batteries.activated"]


async def test_an_older_version_comes_back_and_the_starting_values_too(models: Models) -> None:
    first = await models.desk.learn(by="user:li", reason="first month")
    second = await models.desk.learn(by="user:li", reason="second month")

    await models.desk.activate(first.version, by="user:li", reason="the second looks odd")
    back = (await models.desk.overview()).active
    await models.desk.activate(None, by="user:li", reason="and so does the first")

    assert back is not None
    assert back.version == first.version
    assert [each.version for each in (await models.desk.overview()).versions] == [
        second.version,
        first.version,
    ]
    assert await models.newcomer("BC-4G") == pytest.approx(10.5, rel=0.05)
    assert (await kinds(models.room.pool))[-2:] == ["batteries.activated", "batteries.set_aside"]


async def test_who_is_hardly_known_begins_anew_and_who_is_known_does_not(models: Models) -> None:
    await models.newcomer("BC-4G")
    known = models.room.batteries.outlook_of("cam-0", NOW)

    await models.desk.learn(by="user:li", reason="first month")

    newcomer = models.room.batteries.outlook_of("new-BC-4G", NOW)
    same = models.room.batteries.outlook_of("cam-0", NOW)
    assert newcomer is not None
    assert newcomer.rate_pct_per_h(RECORD) == pytest.approx(14.0, rel=0.12)
    assert newcomer.charge_pct.mean() == pytest.approx(74.5, abs=3.0)
    assert known is not None
    assert same is not None
    assert same.rate == pytest.approx(known.rate)


async def test_another_process_takes_over_what_is_in_force(models: Models) -> None:
    other = await a_restart(models.room)
    desk = BatteryModels(
        pool=other.pool, fanout=other.fanout, batteries=other.batteries, clock=lambda: models.now
    )
    await models.desk.learn(by="user:li", reason="first month")

    await desk.catch_up()

    other.say(a_fix(80, dev="cam-07"))
    ahead = other.batteries.outlook_of("cam-07", NOW)
    assert ahead is not None
    assert ahead.rate_pct_per_h(RECORD) == pytest.approx(10.6, rel=0.1)
    assert other.batteries.endurance(["cam-07"], NOW).version == 1


async def test_at_night_it_is_learned_once_and_what_a_person_took_back_stays(
    models: Models,
) -> None:
    await models.room.batteries.keep()
    row = await models.desk.learn_nightly()
    assert row is not None
    assert await models.desk.learn_nightly() is None
    await models.desk.activate(None, by="user:li", reason="by hand")

    models.now += timedelta(days=1)
    for minute in range(1440, 1444):
        models.room.say(a_fix(70, minutes=minute, dev="cam-1"))
    await models.room.batteries.keep()
    again = await models.desk.learn_nightly()

    active = (await models.desk.overview()).active
    assert again is not None
    assert active is not None
    assert active.version is None


async def test_refusals(room: Room) -> None:
    desk = BatteryModels(
        pool=room.pool, fanout=room.fanout, batteries=room.batteries, clock=lambda: NOW
    )

    with pytest.raises(Conflict, match="No battery has reported"):
        await desk.learn(by="user:li", reason="early")
    with pytest.raises(Conflict, match="in force already"):
        await desk.activate(None, by="user:li", reason="again")
    with pytest.raises(NotFound):
        await desk.activate(7, by="user:li", reason="which")
    with pytest.raises(Impossible):
        await desk.learn(by="user:li", reason=" ")


async def test_models_beyond_the_limit_begin_as_their_kind(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batterymodels, "MODELS_MAX", 1)

    row = await models.desk.learn(by="user:li", reason="first month")

    assert set(row.models) == {"body_camera", "body_camera/BC-2"}
