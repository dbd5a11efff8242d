"""What tests of the field begin with: units, devices, tokens; waiting; an outage of the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg

from server.ids import new_id
from server.stores.devices import token_hash
from tests.patience import PATIENCE_S

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
POSITION_COLUMNS = (
    *("device_id", "observed_at", "received_at", "lon", "lat", "accuracy_m", "speed_mps"),
    *("heading_deg", "battery_pct", "charging", "mode"),
)
"""Of a position in WGS-84, as tests write them."""


async def add_unit(
    pool: Any, call_sign: str = "P-07", *, on_duty: bool = True, badge: str | None = None
) -> str:
    """A patrol car, with one officer where a badge is given; returns its id."""
    unit_id = new_id()
    await pool.execute(
        "INSERT INTO unit (id, call_sign, kind) VALUES ($1, $2, 'patrol_car')", unit_id, call_sign
    )
    if on_duty:
        await pool.execute(
            "INSERT INTO shift (id, unit_id, on_at) VALUES ($1, $2, $3)", new_id(), unit_id, NOW
        )
    if badge is not None:
        officer_id = new_id()
        await pool.execute(
            "INSERT INTO officer (id, badge, name) VALUES ($1, $2, $2)", officer_id, badge
        )
        await pool.execute(
            "INSERT INTO unit_officer (officer_id, unit_id) VALUES ($1, $2)", officer_id, unit_id
        )
    return unit_id


async def add_device(
    pool: Any,
    device_id: str = "cam-07",
    *,
    kind: str = "body_camera",
    unit_id: str | None = None,
    token: str = "secret",
    epoch: str = "e1",
) -> str:
    """An enrolled device; returns its id."""
    await pool.execute(
        "INSERT INTO device (id, kind, unit_id, token_hash, epoch) VALUES ($1, $2, $3, $4, $5)",
        device_id,
        kind,
        unit_id,
        token_hash(token),
        epoch,
    )
    return device_id


async def room_for_positions(pool: Any) -> None:
    """For those that are received now; midnight may come before they are."""
    await pool.execute(
        "SELECT ensure_position_partition(current_date + day) FROM generate_series(0, 1) AS day"
    )


async def until(condition: Callable[[], bool], deadline_s: float = PATIENCE_S) -> None:
    """Return as soon as the condition holds. Raises `TimeoutError`."""
    async with asyncio.timeout(deadline_s):
        while not condition():  # noqa: ASYNC110 (conditions of code that signals nobody)
            await asyncio.sleep(0.002)


@asynccontextmanager
async def store_outage(database_url: str) -> AsyncIterator[None]:
    """Nobody can use the test's database within."""
    name = database_url.rsplit("/", 1)[1].split("?")[0]
    owner = await asyncpg.connect(database_url.replace(f"/{name}", "/postgres"))
    try:
        await owner.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        # It waits until they are gone: one that is only told to go may still answer.
        await owner.execute(
            "SELECT pg_terminate_backend(pid, $2) FROM pg_stat_activity WHERE datname = $1",
            name,
            int(1000 * PATIENCE_S),
        )
        yield
    finally:
        await owner.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
        await owner.close()


async def add_identity(
    pool: Any,
    device_id: str = "cam-07",
    *,
    protocol: str = "jt808",
    external_id: str = "000013800000007",
    secret: str | None = None,
    **values: Any,
) -> tuple[str, str]:
    """A name by which a guest comes; `values`: strict, datum, badge, settings."""
    columns = {"strict": False, "datum": "wgs84", "badge": None, "settings": {}} | values
    await pool.execute(
        "INSERT INTO device_identity (protocol, external_id, device_id, secret_hash, strict, "
        "datum, badge, settings, created_by, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'test', $9)",
        protocol,
        external_id,
        device_id,
        None if secret is None else token_hash(secret),
        *columns.values(),
        NOW,
    )
    return protocol, external_id
