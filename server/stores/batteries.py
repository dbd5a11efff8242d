"""What is kept of batteries: which devices have one. Knows no rule of learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from server.views import DeviceKind

DEVICES_LEN_MAX = 20_000


class BatteryDevice(Struct, frozen=True, kw_only=True):
    """A device in service."""

    id: str
    kind: DeviceKind
    model: str


# Devices in service, all or those named.
DEVICES = """
SELECT id, kind, model FROM device
WHERE disabled_at IS NULL AND ($1::text[] IS NULL OR id = ANY($1)) ORDER BY id LIMIT $2
"""


async def devices(conn: Any, device_ids: Sequence[str] | None = None) -> list[BatteryDevice]:
    """By id, at most DEVICES_LEN_MAX; those that are not in service are missing."""
    wanted = None if device_ids is None else list(device_ids)
    return [BatteryDevice(**row) for row in await conn.fetch(DEVICES, wanted, DEVICES_LEN_MAX)]
