"""The live picture, on real PostgreSQL and Valkey, with the real fan-out delivering locally."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import redis.asyncio as aioredis

from geo.errors import NoRouteError
from geo.snap import Snap
from server.board import UNHEARD_MAX, Board
from server.ids import new_id
from server.metrics import Metrics
from server.stores.fanout import RedisFanOut
from server.stores.pool import Pool
from server.stores.presence import DeviceFix, Presence, PresenceStore
from server.views import UnitStatus
from tests.server.field_rows import add_device, add_unit, store_outage, until

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)


class Roads:
    """One road along the parallel of 27.5 degrees; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def snap(self, lon: float, lat: float) -> Snap:
        self.asked += 1
        if abs(lat - 27.5) > 0.1:
            raise NoRouteError("far from any road")
        return Snap(edge=1, fraction=0.5, lon=lon, lat=27.5, distance_m=10)


class Room:
    """A board with what it stands on."""

    def __init__(self, pool: Pool, redis_url: str) -> None:
        self.pool = pool
        self.fanout = RedisFanOut(redis_url)
        self.roads = Roads()
        self.now = NOW
        self.changed: list[str] = []
        self.metrics = Metrics()

    async def board(self, presence: PresenceStore | None = None) -> Board:
        board = await Board.load(
            self.pool,
            fanout=self.fanout,
            snapper=self.roads.snap,
            clock=lambda: self.now,
            presence=presence,
            metrics=self.metrics,
        )
        board.on_change(self.changed.append)
        return board

    def say(self, what: DeviceFix | Presence) -> None:
        topic = "fix" if isinstance(what, DeviceFix) else "presence"
        self.fanout.publish(topic, msgspec.json.encode(what).decode())


def a_fix(device_id: str = "cam-07", *, seconds: float = 0, **changes: Any) -> DeviceFix:
    at = NOW + timedelta(seconds=seconds)
    fields: dict[str, Any] = {"observed_at": at, "received_at": at, "lon": 100.2, "lat": 27.5}
    return DeviceFix(device_id=device_id, **fields | {"battery_pct": 63} | changes)


def presence(online: bool, *, admission: int = 1, at: datetime = NOW) -> Presence:
    return Presence(
        device_id="cam-07", install_id="i1", online=online, at=at, admission=admission, gateway="g1"
    )


@pytest.fixture
async def unit_id(pool: Pool) -> str:
    unit_id = await add_unit(pool, "P-07", badge="B-1042")
    await add_device(pool, "cam-07", unit_id=unit_id)
    await add_device(pool, "hs-07", kind="handset", unit_id=unit_id)
    return unit_id


@pytest.fixture
def room(pool: Pool, redis_url: str) -> Room:
    return Room(pool, redis_url)


@asynccontextmanager
async def kept_fresh(board: Board) -> AsyncIterator[None]:
    task = asyncio.create_task(board.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_unit_without_reports_has_no_position_and_is_offline(
    room: Room, unit_id: str
) -> None:
    board = await room.board()

    (unit,) = board.units()

    assert (unit.id, unit.call_sign, unit.status) == (unit_id, "P-07", UnitStatus.AVAILABLE)
    assert [officer.badge for officer in unit.officers] == ["B-1042"]
    assert unit.position is None
    assert [(device.id, device.online) for device in unit.devices] == [
        ("cam-07", False),
        ("hs-07", False),
    ]
    assert board.snap(unit_id) is None


async def test_newest_fix_of_any_device_is_the_units_position(room: Room, unit_id: str) -> None:
    board = await room.board()

    room.say(a_fix("cam-07", seconds=0, lon=100.1))
    room.say(a_fix("hs-07", seconds=5, lon=100.3, battery_pct=88))
    room.say(a_fix("cam-07", seconds=3, lon=100.2, battery_pct=62))

    unit = board.unit(unit_id)
    assert unit is not None
    assert unit.position is not None
    assert (unit.position.device_id, unit.position.lon) == ("hs-07", 100.3)
    assert [device.battery_pct for device in unit.devices] == [62, 88]
    assert room.changed == [unit_id] * 3


async def test_older_fix_changes_nothing(room: Room, unit_id: str) -> None:
    board = await room.board()
    room.say(a_fix(seconds=10, lon=100.3))
    room.changed.clear()

    room.say(a_fix(seconds=0, lon=100.1))

    unit = board.unit(unit_id)
    assert unit is not None
    assert unit.position is not None
    assert unit.position.lon == 100.3
    assert room.changed == []


async def test_each_place_is_brought_to_the_road_once(room: Room, unit_id: str) -> None:
    board = await room.board()

    room.say(a_fix())
    first, second = board.snap(unit_id), board.snap(unit_id)

    assert first is second
    assert first is not None
    assert room.roads.asked == 1


async def test_unit_far_from_any_road_has_no_snap(room: Room, unit_id: str) -> None:
    board = await room.board()

    room.say(a_fix(lat=28.0))

    assert board.snap(unit_id) is None


async def test_leaving_of_an_older_connection_is_no_leaving(room: Room, unit_id: str) -> None:
    board = await room.board()

    room.say(presence(True, admission=1))
    room.say(presence(True, admission=2))
    room.say(presence(False, admission=1))

    unit = board.unit(unit_id)
    assert unit is not None
    assert unit.devices[0].online


async def test_device_unheard_of_for_long_is_offline(room: Room, unit_id: str) -> None:
    board = await room.board()
    room.say(presence(True))
    room.changed.clear()

    board.expire(NOW + UNHEARD_MAX)
    assert room.changed == []
    board.expire(NOW + UNHEARD_MAX + timedelta(seconds=1))

    unit = board.unit(unit_id)
    assert unit is not None
    assert not unit.devices[0].online
    assert room.changed == [unit_id]


async def test_row_is_read_again_when_the_unit_changed(
    room: Room, pool: Pool, unit_id: str
) -> None:
    board = await room.board()

    async with kept_fresh(board):
        await pool.execute("UPDATE shift SET off_at = on_at")
        room.fanout.publish("unit", unit_id)
        await until(lambda: board.units()[0].status is UnitStatus.OFF_DUTY)

    assert room.changed == [unit_id]


async def test_retired_unit_is_gone_and_new_one_appears(
    room: Room, pool: Pool, unit_id: str
) -> None:
    board = await room.board()

    async with kept_fresh(board):
        await pool.execute("UPDATE unit SET retired_at = now()")
        other_id = await add_unit(pool, "P-08")
        room.fanout.publish("unit", unit_id)
        room.fanout.publish("unit", other_id)
        await until(lambda: [unit.id for unit in board.units()] == [other_id])

    assert set(room.changed) == {unit_id, other_id}


async def test_lost_hints_are_made_up_for_after_resync(
    room: Room, pool: Pool, unit_id: str
) -> None:
    board = await room.board()

    async with kept_fresh(board):
        await pool.execute("UPDATE shift SET off_at = on_at")
        room.fanout.publish("resync", "")
        await until(lambda: board.units()[0].status is UnitStatus.OFF_DUTY)


async def test_outage_of_the_store_leaves_the_old_picture_and_ends(
    room: Room, pool: Pool, unit_id: str, database_url: str
) -> None:
    board = await room.board()

    async with kept_fresh(board):
        await pool.execute("UPDATE shift SET off_at = on_at")
        async with store_outage(database_url):
            room.fanout.publish("unit", unit_id)
            await until(lambda: room.metrics.value("board_store_failures") > 0)
            assert board.units()[0].status is UnitStatus.AVAILABLE
        await until(lambda: board.units()[0].status is UnitStatus.OFF_DUTY)


async def test_restarted_board_knows_presence_and_fixes_of_the_others(
    room: Room, redis_url: str, unit_id: str
) -> None:
    async with aioredis.Redis.from_url(redis_url) as redis:
        noted = PresenceStore(redis)
        noted.note(presence(True))
        noted.note(a_fix(lon=100.1))
        noted.note(a_fix(lon=100.3))
        await noted.flush()

        board = await room.board(PresenceStore(redis))

    unit = board.unit(unit_id)
    assert unit is not None
    assert unit.devices[0].online
    assert unit.position is not None
    assert unit.position.lon == 100.3


async def test_presence_left_behind_by_a_dead_gateway_is_not_believed(
    room: Room, redis_url: str, unit_id: str
) -> None:
    async with aioredis.Redis.from_url(redis_url) as redis:
        noted = PresenceStore(redis)
        noted.note(presence(True, at=NOW - timedelta(hours=1)))
        await noted.flush()

        board = await room.board(PresenceStore(redis))

    assert not board.units()[0].devices[0].online


async def test_board_does_without_valkey(room: Room, unit_id: str, short_dir: Any) -> None:
    metrics = Metrics()
    async with aioredis.Redis.from_url(f"unix://{short_dir}/nobody") as redis:
        absent = PresenceStore(redis, metrics)
        absent.note(a_fix())
        await absent.flush()

        board = await room.board(absent)

    assert len(board.units()) == 1
    assert metrics.value("presence_store_failures") == 2


@pytest.mark.parametrize(
    ("fix", "expected"),
    [
        ({"lon": 100.2, "lat": 27.5, "speed_mps": 0.0}, True),
        ({"lon": 100.2, "lat": 27.501}, True),
        ({"lon": 100.2, "lat": 27.503}, False),
        ({"lon": 100.2, "lat": 27.5, "speed_mps": 8.0}, False),
    ],
    ids=["in the yard", "in the street", "farther", "driving past"],
)
async def test_a_unit_stands_at_its_own_station(
    room: Room, unit_id: str, fix: dict[str, Any], expected: bool
) -> None:
    await room.pool.execute(
        "INSERT INTO station (id, name, lon, lat) VALUES ($1, 'Ninghe', 100.2, 27.5)", new_id()
    )
    board = await room.board()
    board.report_fix(a_fix(**fix))
    elsewhere = board.unit(unit_id)

    await room.pool.execute("UPDATE unit SET station_id = (SELECT id FROM station)")
    await board.reload()

    unit = board.unit(unit_id)
    assert unit is not None
    assert elsewhere is not None
    assert (elsewhere.at_station, unit.at_station) == (False, expected)
