"""The charging log over a real database: read once, whatever happens, and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from devices.battery.charging import Charge, ChargeKind, Told
from devices.battery.model import Load, starting_prior
from geo.describe import Describer
from geo.roadmap import RoadMap
from server import chargingdesk
from server.chargingdesk import ChargingDesk
from server.http.devices_admin import NewStation, add_station
from server.placenames import PlaceNames
from server.stores import charges
from server.stores.charges import PER_DEVICE_MAX
from server.stores.pool import Pool
from tests.server.field_rows import NOW, add_device, room_for_positions
from tests.small_county import CENTRE, crossing

Step = tuple[float, int | None, bool]
"""(minutes, level, charging)"""
LON, LAT = CENTRE


@pytest.fixture
def desk(pool: Pool, small_map: RoadMap) -> ChargingDesk:
    return a_desk(pool, small_map)


def a_desk(pool: Pool, small_map: RoadMap, *, later: timedelta = timedelta()) -> ChargingDesk:
    return ChargingDesk(
        pool=pool,
        places=PlaceNames(small_map, Describer(small_map)),
        prior_of=lambda kind: starting_prior(),
        loads_of=lambda mode: frozenset({Load(mode)}),
        kept=timedelta(days=30),
        clock=lambda: NOW + timedelta(hours=12) + later,
    )


async def report(
    pool: Pool, device_id: str, steps: Sequence[Step], *, at: tuple[float, float] = CENTRE
) -> None:
    """As the gateway stores it."""
    await room_for_positions(pool)
    rows = [
        (device_id, NOW + timedelta(minutes=minute), *at, level, charging, "record")
        for minute, level, charging in steps
    ]
    await pool.executemany(
        "INSERT INTO position (device_id, observed_at, received_at, lon, lat, battery_pct, "
        "charging, mode) VALUES ($1, $2, now(), $3, $4, $5, $6, $7)",
        rows,
    )
    await pool.execute(
        "INSERT INTO last_position (device_id, observed_at, received_at, lon, lat, battery_pct, "
        "charging, mode) VALUES ($1, $2, now(), $3, $4, $5, $6, $7) "
        "ON CONFLICT (device_id) DO UPDATE SET observed_at = excluded.observed_at",
        *rows[-1],
    )


NIGHT: list[Step] = [(0, 20, False), (5, 19, False), (6, 19, True), (60, 90, True), (61, 92, False)]
SWAP: list[Step] = [(240, 30, False), (245, 29, False), (250, 97, False), (255, 96, False)]


async def told(desk: ChargingDesk, device_id: str = "cam-07") -> list[tuple[str, Any, Any]]:
    log = await desk.log(device_id)
    return [(each.kind, each.began_pct, each.ended_pct) for each in log.charges]


async def test_reports_become_a_log_with_places(
    desk: ChargingDesk, pool: Pool, small_map: RoadMap
) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await add_station(conn, NewStation(name="North", lon=LON, lat=LAT), by="system")
    await add_device(pool)
    await report(pool, "cam-07", NIGHT)
    await report(pool, "cam-07", SWAP, at=crossing(4, 2))

    await desk.read_all()

    log = await desk.log("cam-07")
    swap, charge = log.charges
    assert (swap.kind, swap.before_pct, swap.station) == ("swap", 29, None)
    assert swap.place
    assert (charge.kind, charge.station, charge.until_pct) == ("charge", "North", 90)
    assert charge.until_at == NOW + timedelta(minutes=60)
    assert (log.next, log.trend) == (None, None)


async def test_a_running_charge_is_ended_by_what_comes_later(
    desk: ChargingDesk, pool: Pool
) -> None:
    await add_device(pool)
    await report(pool, "cam-07", NIGHT[:4])
    await desk.read_all()
    assert await told(desk) == [("charge", 19, None)]

    await report(pool, "cam-07", NIGHT[4:])
    await desk.read_all()

    assert await told(desk) == [("charge", 19, 92)]


async def test_batches_and_restarts_make_no_difference(
    pool: Pool, small_map: RoadMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    for device_id in ("cam-07", "cam-08"):
        await add_device(pool, device_id)
        await report(pool, device_id, NIGHT + SWAP)
    monkeypatch.setattr(chargingdesk, "READINGS_LEN_MAX", 2)

    while await a_desk(pool, small_map).read():
        pass

    desk = a_desk(pool, small_map)
    for device_id in ("cam-07", "cam-08"):
        assert await told(desk, device_id) == [("swap", 97, 97), ("charge", 19, 92)]
    await desk.read_all()
    assert await pool.fetchval("SELECT count(*) FROM charge") == 4


async def test_one_server_at_a_time_reads(desk: ChargingDesk, pool: Pool) -> None:
    await add_device(pool)
    await report(pool, "cam-07", NIGHT)

    async with pool.acquire() as conn, conn.transaction():
        assert await charges.lock(conn)
        assert not await desk.read()
    assert await told(desk) == []


async def test_vehicles_and_devices_without_news_are_not_read(
    desk: ChargingDesk, pool: Pool
) -> None:
    await add_device(pool, "car-07", kind="vehicle")
    await add_device(pool, "cam-07")
    await report(pool, "car-07", NIGHT)

    await desk.read_all()

    assert await pool.fetchval("SELECT count(*) FROM charge_follow") == 0


async def keep_many(pool: Pool, number: int) -> None:
    began = NOW - timedelta(days=2)
    await pool.execute(
        "INSERT INTO charge (device_id, kind, began_at, lon, lat) "
        "SELECT 'cam-07', 'swap', $1::timestamptz + n * interval '1 second', 100, 27 "
        "FROM generate_series(1, $2::int) AS n",
        began,
        number,
    )


async def test_the_log_of_a_device_is_bounded_and_forgets_the_oldest(
    desk: ChargingDesk, pool: Pool
) -> None:
    await add_device(pool)
    await keep_many(pool, PER_DEVICE_MAX + 5)

    await desk.forget()

    oldest = await pool.fetchval("SELECT min(began_at) FROM charge")
    assert await pool.fetchval("SELECT count(*) FROM charge") == PER_DEVICE_MAX
    assert oldest == NOW - timedelta(days=2) + timedelta(seconds=6)


async def test_what_is_older_than_it_is_kept_is_forgotten(pool: Pool, small_map: RoadMap) -> None:
    await add_device(pool)
    await keep_many(pool, 3)

    await a_desk(pool, small_map, later=timedelta(days=27)).forget()
    assert await pool.fetchval("SELECT count(*) FROM charge") == 3
    await a_desk(pool, small_map, later=timedelta(days=29)).forget()

    assert await pool.fetchval("SELECT count(*) FROM charge") == 0


async def test_pages_follow_one_another(desk: ChargingDesk, pool: Pool) -> None:
    await add_device(pool)
    await keep_many(pool, 5)

    first = await desk.log("cam-07", limit=3)
    second = await desk.log("cam-07", before=first.next, limit=3)

    assert [len(first.charges), len(second.charges)] == [3, 2]
    assert second.next is None
    assert first.charges[-1].began_at > second.charges[0].began_at


async def test_capacities_speeds_and_their_trend(desk: ChargingDesk, pool: Pool) -> None:
    await add_device(pool)
    charge = Charge(
        kind=ChargeKind.CHARGE,
        before=None,
        began=Told(at=NOW, level_pct=20),
        until=Told(at=NOW + timedelta(hours=1), level_pct=70),
        ended=Told(at=NOW + timedelta(hours=1), level_pct=70),
        lon=100,
        lat=27,
        used_pct=80,
    )
    async with pool.acquire() as conn:
        for night, capacity in enumerate((100, 100, 90, 90, 75, 75)):
            at = NOW + timedelta(days=night)
            until = Told(at=at + timedelta(hours=1), level_pct=70)
            each = replace(
                charge,
                began=Told(at=at, level_pct=20),
                until=until,
                expected_pct=0.8 * capacity,
            )
            await charges.keep(conn, "cam-07", each, None)
        speeds = await charges.speeds_pct_per_h(conn, since=NOW)

    log = await desk.log("cam-07")

    assert log.capacity_pct == pytest.approx(75)
    assert log.trend == pytest.approx(0.75)
    assert speeds == {"cam-07": pytest.approx(50)}
