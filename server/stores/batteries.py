"""Batteries as rows: the devices that have one, and what was learned of each.

Knows no rule of learning.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from devices.battery.reports import DeviceState
from server.views import DeviceKind

DEVICES_LEN_MAX = 20_000
STATES_LEN_MAX = 500
"""Of one statement: some 30 ms of work."""


class BatteryDevice(Struct, frozen=True, kw_only=True):
    """A device in service."""

    id: str
    kind: DeviceKind
    model: str
    """Empty: unknown."""

    @property
    def key(self) -> str:
        """Of its model: `body_camera/BC-4G`; of an unknown one its kind."""
        return f"{self.kind}/{self.model}" if self.model else self.kind


class KeptState(Struct, frozen=True, kw_only=True):
    """What was learned of one device."""

    device_id: str
    at: datetime
    """Of the last report in it."""
    model: str
    """Key of the model that it had then."""
    state: DeviceState


# Devices in service, all or those named.
DEVICES = """
SELECT id, kind, model FROM device
WHERE disabled_at IS NULL AND ($1::text[] IS NULL OR id = ANY($1)) ORDER BY id LIMIT $2
"""

# What was learned of the devices in service, all or those named.
STATES = """
SELECT device_id, at, battery_state.model, state
FROM battery_state JOIN device ON device.id = device_id
WHERE disabled_at IS NULL AND ($1::text[] IS NULL OR device_id = ANY($1))
ORDER BY device_id LIMIT $2
"""

# Keep states, in order of id; one of an older report never replaces a newer.
KEEP = """
INSERT INTO battery_state AS old (device_id, at, model, state)
SELECT said.* FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::jsonb[])
     AS said(device_id, at, model, state)
JOIN device ON device.id = said.device_id
ORDER BY said.device_id
ON CONFLICT (device_id) DO UPDATE SET
    at = excluded.at, model = excluded.model, state = excluded.state
WHERE excluded.at >= old.at
"""


async def devices(conn: Any, device_ids: Sequence[str] | None = None) -> list[BatteryDevice]:
    """By id, at most DEVICES_LEN_MAX; those that are not in service are missing."""
    wanted = None if device_ids is None else list(device_ids)
    return [BatteryDevice(**row) for row in await conn.fetch(DEVICES, wanted, DEVICES_LEN_MAX)]


async def states(conn: Any, device_ids: Sequence[str] | None = None) -> list[KeptState]:
    """By id, at most DEVICES_LEN_MAX. Those of another form of this program are missing."""
    wanted = None if device_ids is None else list(device_ids)
    found = []
    for row in await conn.fetch(STATES, wanted, DEVICES_LEN_MAX):
        try:
            found.append(msgspec.convert(dict(row), KeptState))
        except msgspec.ValidationError:
            continue  # the device is learned anew
    return found


async def keep(conn: Any, kept: Sequence[KeptState]) -> None:
    """At most STATES_LEN_MAX, all or none."""
    assert len(kept) <= STATES_LEN_MAX
    await conn.execute(
        KEEP,
        [each.device_id for each in kept],
        [each.at for each in kept],
        [each.model for each in kept],
        [each.state for each in kept],
    )
