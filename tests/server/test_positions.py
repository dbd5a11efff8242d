"""Position history and uplink counters on real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devices.intake import Fix
from server.metrics import Metrics
from server.stores import devices
from server.stores.pool import Pool
from server.stores.positions import PositionWriter, Raw, Record, WriterLimits
from tests.patience import PATIENCE_S
from tests.server.field_rows import add_device, store_outage, until

TODAY = datetime.now(UTC)


def a_record(n: int, *, device_id: str = "cam-07", live: bool = True, **fix: Any) -> Record:
    fields: dict[str, Any] = {
        "observed_at": TODAY + timedelta(seconds=n),
        "received_at": TODAY + timedelta(seconds=n),
        "lon": 100.2,
        "lat": 27.5,
        "battery_pct": 63,
    }
    return Record(
        device_id=device_id,
        install_id="i1",
        n=n,
        received_at=TODAY + timedelta(seconds=n),
        fix=Fix(**fields | fix),
        live=live,
    )


async def open_installation(pool: Pool, device_id: str = "cam-07", *, up_acked: int = 0) -> Any:
    async with pool.acquire() as conn, conn.transaction():
        return await devices.open_session(
            conn,
            device_id=device_id,
            install_id="i1",
            epoch="e1",
            cursor=0,
            up_acked=up_acked,
            app="test",
            now=TODAY,
        )


@asynccontextmanager
async def running(writer: PositionWriter) -> AsyncIterator[PositionWriter]:
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.run())
        try:
            yield writer
        finally:
            writer.stop()


async def put_all(writer: PositionWriter, *records: Record) -> None:
    for record in records:
        await writer.put(record)


async def history(pool: Pool) -> list[Any]:
    rows: list[Any] = await pool.fetch("SELECT * FROM position ORDER BY device_id, observed_at")
    return rows


@pytest.fixture
async def camera(pool: Pool) -> str:
    device_id = await add_device(pool)
    await open_installation(pool)
    return device_id


async def test_history_last_position_and_counter_move_together(pool: Pool, camera: str) -> None:
    stored: list[tuple[str, str, int]] = []
    writer = PositionWriter(pool, on_stored=lambda *args: stored.append(args))

    async with running(writer):
        await put_all(writer, a_record(1, lat=27.5), a_record(2, lat=27.6, speed_mps=12.5))
        assert stored == []
        await writer.flush(camera, "i1")

        assert stored == [(camera, "i1", 2)]
        assert [row["lat"] for row in await history(pool)] == [27.5, 27.6]
        last = await pool.fetchrow("SELECT * FROM last_position")
        assert (last["lat"], last["speed_mps"], last["battery_pct"]) == (27.6, 12.5, 63)
        assert await devices.up_seq(pool, device_id=camera, install_id="i1") == 2


async def test_old_fix_is_history_and_leaves_the_last_position(pool: Pool, camera: str) -> None:
    async with running(PositionWriter(pool)) as writer:
        await put_all(writer, a_record(1, lat=27.5), a_record(2, lat=28.0, live=False))
        await writer.flush(camera, "i1")

    assert len(await history(pool)) == 2
    assert await pool.fetchval("SELECT lat FROM last_position") == 27.5


async def test_late_batch_never_replaces_a_newer_last_position(pool: Pool, camera: str) -> None:
    earlier = TODAY - timedelta(minutes=5)

    async with running(PositionWriter(pool)) as writer:
        await writer.put(a_record(1, lat=27.5))
        await writer.flush(camera, "i1")
        await writer.put(a_record(2, lat=28.0, observed_at=earlier))
        await writer.flush(camera, "i1")

    assert await pool.fetchval("SELECT lat FROM last_position") == 27.5


async def test_refused_record_only_moves_the_counter(pool: Pool, camera: str) -> None:
    refused = Record(device_id=camera, install_id="i1", n=1, received_at=TODAY, fix=None)

    async with running(PositionWriter(pool)) as writer:
        await writer.put(refused)
        await writer.flush(camera, "i1")

    assert await history(pool) == []
    assert await devices.up_seq(pool, device_id=camera, install_id="i1") == 1


async def test_records_stored_by_another_connection_are_not_stored_twice(
    pool: Pool, camera: str
) -> None:
    stored: list[tuple[str, str, int]] = []
    writer = PositionWriter(pool, on_stored=lambda *args: stored.append(args))

    async with running(writer):
        await put_all(writer, a_record(1), a_record(2), a_record(2), a_record(1), a_record(3))
        await put_all(writer, a_record(9))
        await writer.flush(camera, "i1")

    assert len(await history(pool)) == 3
    assert stored == [(camera, "i1", 3)]


async def test_flush_of_an_idle_installation_returns_at_once(pool: Pool, camera: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await PositionWriter(pool).flush(camera, "i1")


async def test_put_waits_while_the_buffer_is_full(pool: Pool, camera: str) -> None:
    metrics = Metrics()
    limits = WriterLimits(buffer_len_max=2, batch_len_max=2)
    writer = PositionWriter(pool, limits=limits, metrics=metrics)
    await put_all(writer, a_record(1), a_record(2))

    third = asyncio.create_task(writer.put(a_record(3)))
    await asyncio.wait([third], timeout=0.05)

    assert not third.done()
    assert writer.buffer_len == 2
    assert metrics.value("positions_buffer_full") == 1
    async with running(writer):
        await third
    assert len(await history(pool)) == 3


async def test_outage_of_the_store_loses_nothing(
    pool: Pool, camera: str, database_url: str
) -> None:
    metrics = Metrics()
    limits = WriterLimits(interval_s=0.01, retry_s_min=0.01, retry_s_max=0.02)
    writer = PositionWriter(pool, limits=limits, metrics=metrics)

    async with running(writer):
        async with store_outage(database_url):
            await put_all(writer, a_record(1), a_record(2))
            await until(lambda: metrics.value("positions_store_failures") >= 2)
            assert writer.store_is_away
            assert writer.buffer_len == 2
        await writer.flush(camera, "i1")

    assert not writer.store_is_away
    assert len(await history(pool)) == 2
    assert await devices.up_seq(pool, device_id=camera, install_id="i1") == 2


async def test_stop_writes_what_is_left(pool: Pool, camera: str) -> None:
    async with running(PositionWriter(pool)) as writer:
        await put_all(writer, a_record(1), a_record(2))

    assert len(await history(pool)) == 2


async def test_one_unstorable_row_does_not_hold_up_the_others(pool: Pool, camera: str) -> None:
    metrics = Metrics()
    await add_device(pool, "cam-08")
    await open_installation(pool, "cam-08")
    poison = a_record(2, mode="\0")

    async with running(PositionWriter(pool, metrics=metrics)) as writer:
        await put_all(writer, a_record(1), poison, a_record(3), a_record(1, device_id="cam-08"))
        await writer.flush(camera, "i1")
        await writer.flush("cam-08", "i1")

    assert len(await history(pool)) == 3
    assert metrics.value("positions_unstorable") == 1
    assert await devices.up_seq(pool, device_id=camera, install_id="i1") == 3


async def test_days_have_their_partitions(pool: Pool, camera: str) -> None:
    async with running(PositionWriter(pool)) as writer:
        await writer.put(a_record(1))

    names = await pool.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits "
        "WHERE inhparent = 'position'::regclass ORDER BY 1"
    )
    day = timedelta(days=1)
    stored_at = a_record(1).received_at
    assert [row["name"] for row in names] == [
        f"position_{stored_at:%Y%m%d}",
        f"position_{stored_at + day:%Y%m%d}",
    ]


# -- opening a session ---------------------------------------------------------------------


async def test_first_contact_is_not_resumed_by_epoch(pool: Pool) -> None:
    await add_device(pool, epoch="e2")

    opening = await open_installation(pool)

    assert (opening.epoch, opening.resumed, opening.up_seq) == ("e2", False, 0)


async def test_device_that_had_more_acknowledged_goes_on_with_its_own_count(pool: Pool) -> None:
    await add_device(pool)

    opening = await open_installation(pool, up_acked=7)

    assert opening.up_seq == 7
    assert opening.up_was_lost


async def test_counter_moves_by_one_and_only_once(pool: Pool, camera: str) -> None:
    async def advance(n: int) -> bool:
        return await devices.advance(pool, device_id=camera, install_id="i1", n=n, now=TODAY)

    assert not await advance(2)
    assert await advance(1)
    assert not await advance(1)
    assert await advance(2)


async def test_longest_unseen_installation_is_forgotten(pool: Pool) -> None:
    await add_device(pool)

    for number in range(devices.INSTALLATIONS_PER_DEVICE_MAX + 3):
        async with pool.acquire() as conn, conn.transaction():
            await devices.open_session(
                conn,
                device_id="cam-07",
                install_id=f"i{number:02}",
                epoch="e1",
                cursor=0,
                up_acked=0,
                app="",
                now=TODAY + timedelta(seconds=number),
            )

    kept = await pool.fetch("SELECT install_id FROM installation ORDER BY install_id")
    assert [row["install_id"] for row in kept] == [f"i{n:02}" for n in range(3, 23)]


@pytest.mark.parametrize(("device_id", "token"), [("cam-07", "wrong"), ("cam-99", "secret")])
async def test_wrong_token_or_device_is_nobody(pool: Pool, device_id: str, token: str) -> None:
    await add_device(pool)

    assert await devices.authenticate(pool, device_id, token) is None


async def test_right_token_is_the_device_until_it_is_disabled(pool: Pool) -> None:
    await add_device(pool)
    found = await devices.authenticate(pool, "cam-07", "secret")
    await pool.execute("UPDATE device SET disabled_at = now()")

    assert found is not None
    assert found.id == "cam-07"
    assert await devices.authenticate(pool, "cam-07", "secret") is None


async def test_what_has_no_number_is_stored_once_whoever_says_it(pool: Pool, camera: str) -> None:
    def unnumbered(n: int, **fix: Any) -> Record:
        return replace(a_record(n, **fix), n=None)

    async with running(PositionWriter(pool)) as here, running(PositionWriter(pool)) as there:
        await put_all(here, unnumbered(1), unnumbered(1), unnumbered(2), a_record(1))
        await put_all(there, unnumbered(1), unnumbered(2, lat=28.0))
        await here.flush(camera, "i1")
        await there.flush(camera, "i1")
        await there.put(unnumbered(2))
        await there.flush(camera, "i1")

    # The numbered one is stored whatever was said without a number.
    assert sorted(row["lat"] for row in await history(pool)) == [27.5, 27.5, 27.5, 28.0]
    assert await devices.up_seq(pool, device_id=camera, install_id="i1") == 1


async def test_what_was_said_is_kept_beside_what_it_means(pool: Pool, camera: str) -> None:
    async with running(PositionWriter(pool)) as writer:
        await writer.put(replace(a_record(1), raw=Raw("gcj02", 100.21, 27.49)))
        await writer.put(a_record(2))
        await writer.flush(camera, "i1")

    kept = [(row["raw_datum"], row["raw_lon"], row["raw_lat"]) for row in await history(pool)]
    assert kept == [("gcj02", 100.21, 27.49), (None, None, None)]


async def test_flush_ends_though_its_device_goes_on(pool: Pool, camera: str) -> None:
    """What comes after the call is waited for by the next one."""
    writer = PositionWriter(pool)
    flushed = asyncio.Event()

    async def go_on() -> None:
        n = 1
        while not flushed.is_set():
            n += 1
            await writer.put(a_record(n))
            await asyncio.sleep(0)

    async with running(writer):
        await writer.put(a_record(1))
        going_on = asyncio.create_task(go_on())
        await writer.flush(camera, "i1")
        flushed.set()
        await going_on
        await writer.flush(camera, "i1")
