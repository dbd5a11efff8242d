"""Who is connected and where everybody was last, in Valkey, for processes that start later.

Two hashes keyed by device: presence and newest fix. Everything here can be rebuilt: presence is
renewed while a device is connected, fixes come again and are in PostgreSQL anyway. Writes are
gathered and sent in one round trip a second; an outage only delays them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
import redis.asyncio as aioredis
from msgspec import Struct
from redis.exceptions import RedisError

from devices.intake import Fix
from server.metrics import Metrics

logger = logging.getLogger(__name__)

PRESENCE_KEY: Final = "ridgeline:presence"
FIXES_KEY: Final = "ridgeline:fixes"
FLUSH_S: Final = 1.0
PENDING_LEN_MAX: Final = 20_000
"""Devices with something unwritten, per hash; more are not remembered, and counted."""

T = TypeVar("T", bound=Struct)


class Presence(Struct, frozen=True, kw_only=True):
    """One installation came, is still there, or left. Travels on the fan-out, too."""

    device_id: str
    install_id: str
    online: bool
    at: datetime
    admission: int
    """Of the connection: a newer one of the installation has a higher number, on every server."""
    gateway: str
    """The process that holds the connection."""
    battery_pct: int | None = None


class DeviceFix(Struct, frozen=True, kw_only=True):
    """A device's newest fix, as it travels on the fan-out and rests in Valkey."""

    device_id: str
    observed_at: datetime
    received_at: datetime
    lon: float
    lat: float
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    battery_pct: int | None = None
    charging: bool = False
    mode: str = ""
    gauge_pct: int | None = None
    """The battery as it was reported, believed or not; of a fix read back from the store: None."""
    temp_c: float | None = None
    rsrp_dbm: float | None = None
    stream_kbps: float | None = None

    @classmethod
    def of(cls, device_id: str, fix: Fix) -> DeviceFix:
        return cls(
            device_id=device_id,
            observed_at=fix.observed_at,
            received_at=fix.received_at,
            lon=fix.lon,
            lat=fix.lat,
            accuracy_m=fix.accuracy_m,
            speed_mps=fix.speed_mps,
            heading_deg=fix.heading_deg,
            battery_pct=fix.battery_pct,
            charging=fix.charging,
            mode=fix.mode,
            gauge_pct=fix.gauge_pct,
            temp_c=fix.temp_c,
            rsrp_dbm=fix.rsrp_dbm,
            stream_kbps=fix.stream_kbps,
        )


class PresenceStore:
    """`run` writes what was noted until cancelled; `load` reads what others noted."""

    def __init__(self, redis: aioredis.Redis, metrics: Metrics | None = None) -> None:
        self._redis = redis
        self._metrics = metrics or Metrics()
        self._pending: dict[str, dict[str, bytes]] = {PRESENCE_KEY: {}, FIXES_KEY: {}}
        self._some = asyncio.Event()
        self._away = False

    def note(self, what: Presence | DeviceFix) -> None:
        """Remember the newest of this device; written within a second. Never blocks."""
        key = PRESENCE_KEY if isinstance(what, Presence) else FIXES_KEY
        pending = self._pending[key]
        if what.device_id not in pending and len(pending) >= PENDING_LEN_MAX:
            self._metrics.count("presence_dropped")
            return
        pending[what.device_id] = msgspec.json.encode(what)
        self._some.set()

    async def load(self) -> tuple[list[Presence], list[DeviceFix]]:
        """What was noted by all processes; nothing when Valkey is away or was emptied."""
        try:
            presences = await self._redis.hgetall(PRESENCE_KEY)
            fixes = await self._redis.hgetall(FIXES_KEY)
        except (RedisError, OSError) as error:
            self._note_away(error)
            return [], []
        return _decoded(presences, Presence), _decoded(fixes, DeviceFix)

    async def run(self) -> None:
        """Write what was noted, once a second at most."""
        while True:
            await self._some.wait()
            await self.flush()
            await asyncio.sleep(FLUSH_S)

    async def flush(self) -> None:
        """Write what waits, in one round trip; while Valkey is away it goes on waiting."""
        self._some.clear()
        batch = {key: dict(pending) for key, pending in self._pending.items() if pending}
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for key, values in batch.items():
                    mapping: dict[Any, Any] = dict(values)
                    pipe.hset(key, mapping=mapping)
                await pipe.execute()
        except (RedisError, OSError) as error:
            self._note_away(error)
            self._some.set()
            return
        self._away = False
        for key, values in batch.items():
            self._forget(key, values)

    def _forget(self, key: str, written: dict[str, bytes]) -> None:
        """All but what was noted anew meanwhile."""
        pending = self._pending[key]
        for device_id, value in written.items():
            if pending.get(device_id) is value:
                del pending[device_id]

    def _note_away(self, error: Exception) -> None:
        self._metrics.count("presence_store_failures")
        if not self._away:
            self._away = True
            logger.warning("presence is not shared, Valkey is away: %s", error)


def _decoded(values: Mapping[bytes | str, bytes | str], shape: type[T]) -> list[T]:
    """Values of another version are left out: they come again."""
    found = []
    for value in values.values():
        with contextlib.suppress(msgspec.DecodeError):
            found.append(msgspec.json.decode(value, type=shape))
    return found
