"""The charging log and a shift's list over HTTP, on the whole server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import convert

from server.chargeviews import ChargingLogView
from server.shiftviews import ShiftPlanView
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.server.field_rows import add_device, add_unit, room_for_positions
from tests.small_county import CENTRE
from tests.whole_server import WholeServer, whole_server


@pytest.fixture
async def server(
    small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str
) -> AsyncIterator[WholeServer]:
    async with whole_server(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    ) as server:
        yield server


async def report(pool: Pool, device_id: str, began: datetime, *levels: tuple[int, bool]) -> None:
    """One report a minute, as the gateway stores it."""
    await room_for_positions(pool)
    rows = [
        (device_id, began + timedelta(minutes=minute), *CENTRE, level, charging)
        for minute, (level, charging) in enumerate(levels)
    ]
    async with pool.acquire() as conn, conn.transaction():
        for table, also in (
            ("position", ""),
            ("last_position", "ON CONFLICT (device_id) DO UPDATE SET observed_at = $2"),
        ):
            await conn.executemany(
                f"INSERT INTO {table} (device_id, observed_at, received_at, lon, lat, battery_pct, "
                f"charging, mode) VALUES ($1, $2, now(), $3, $4, $5, $6, 'standby') {also}",
                rows,
            )


async def read(server: WholeServer, pool: Pool) -> None:
    """Return when the charging log has what was reported; the server itself may be reading it."""
    async with asyncio.timeout(PATIENCE_S):
        while not await pool.fetchval("SELECT EXISTS (SELECT FROM charge)"):
            await server.services.charging.read_all()


async def test_reports_become_pages_of_the_log(server: WholeServer, pool: Pool) -> None:
    await add_device(pool)
    began = datetime.now(UTC) - timedelta(hours=2)
    twice = ((40, False), (40, True), (60, True), (60, False), (55, False), (55, False))
    await report(pool, "cam-07", began, *twice, (55, False), (55, True), (90, False))
    await read(server, pool)

    async with server.signed_in("dispatcher") as client:
        path = "/api/devices/cam-07/charges"
        first = convert((await client.get(f"{path}?limit=1")).json(), ChargingLogView)
        assert first.next is not None
        query = {"before": first.next.isoformat()}
        second = convert((await client.get(path, params=query)).json(), ChargingLogView)
        malformed = await client.get(f"{path}?before=yesterday")
        nobody = convert((await client.get("/api/devices/none/charges")).json(), ChargingLogView)

    (newest,), (oldest,) = first.charges, second.charges
    assert (newest.began_pct, newest.ended_pct) == (55, 90)
    assert (oldest.began_pct, oldest.until_pct, oldest.ended_pct) == (40, 60, 60)
    assert oldest.place
    assert (second.next, nobody.charges) == (None, [])
    assert malformed.status_code == 400


async def test_the_shift_that_runs_and_the_one_to_come(server: WholeServer, pool: Pool) -> None:
    await add_device(pool, unit_id=await add_unit(pool, "P-07", on_duty=False))
    await server.services.board.reload()

    async with server.signed_in("supervisor") as client:
        now = convert((await client.get("/api/shift-plan")).json(), ShiftPlanView)
        begins = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
        answer = await client.get("/api/shift-plan", params={"begins": begins})
        malformed = await client.get("/api/shift-plan?begins=8")

    later = convert(answer.json(), ShiftPlanView)
    assert now.cameras == []
    assert [(each.device_id, each.p_lasts) for each in later.cameras] == [("cam-07", None)]
    assert malformed.status_code == 400
