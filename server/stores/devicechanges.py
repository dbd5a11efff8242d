"""Changes of a device in PostgreSQL, each inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.stores.pool import Connection
from server.views import DeviceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDevice:
    """A device, held for update."""

    id: str
    kind: DeviceKind
    model: str
    unit_id: str | None
    enrolled: bool
    """Speaks our own protocol, with a token."""
    disabled_at: datetime | None


HOLD = """
SELECT id, kind, model, unit_id, token_hash IS NOT NULL AS enrolled, disabled_at
FROM device WHERE id = $1 FOR UPDATE
"""
HAS_ORDER = "SELECT EXISTS (SELECT FROM dispatch_order WHERE unit_id = $1 AND closed_at IS NULL)"
CHANGE = "UPDATE device SET kind = $2, model = $3, unit_id = $4 WHERE id = $1"
SET_DISABLED = "UPDATE device SET disabled_at = $2 WHERE id = $1"
SET_TOKEN = "UPDATE device SET token_hash = $2 WHERE id = $1"  # noqa: S105 (a statement)


async def hold(conn: Connection, device_id: str) -> HeldDevice | None:
    """None: there is no such device, in service or not."""
    row: Any = await conn.fetchrow(HOLD, device_id)
    return None if row is None else HeldDevice(**row)


async def has_order(conn: Connection, unit_id: str) -> bool:
    """Whether the unit has an open order."""
    found: bool = await conn.fetchval(HAS_ORDER, unit_id)
    return found


async def change(
    conn: Connection, device_id: str, *, kind: DeviceKind, model: str, unit_id: str | None
) -> None:
    await conn.execute(CHANGE, device_id, kind, model, unit_id)


async def set_disabled(conn: Connection, device_id: str, at: datetime | None) -> None:
    """Out of service since then; None: in service."""
    await conn.execute(SET_DISABLED, device_id, at)


async def set_token(conn: Connection, device_id: str, token_hash: bytes) -> None:
    """The former one ends."""
    await conn.execute(SET_TOKEN, device_id, token_hash)
