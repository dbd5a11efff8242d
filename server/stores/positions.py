"""Position history and last positions: group commits of what all devices reported.

Records wait in one bounded buffer and are written once a second, or when a batch is full, or when
somebody waits for a device's records: history by COPY, last positions, and the installations'
`up_seq`, in ONE transaction. Only then are they acknowledged. While the store is away nothing is
lost: the buffer fills, `put` waits, and the gateways stop reading from their sockets.

Our own devices number their records. One that numbers nothing says a fix again when it has not
heard that it arrived; it is told by what it says: the same device, time and place is the same fix.

Knows no socket; `on_stored` tells whoever acknowledges.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

import asyncpg

from devices.intake import Fix
from server.metrics import Metrics
from server.stores.away import STORE_AWAY
from server.stores.pool import Pool

logger = logging.getLogger(__name__)

Key: TypeAlias = tuple[str, str]
"""(device id, install id)."""
OnStored = Callable[[str, str, int], None]
"""(device id, install id, up_seq): everything up to there is durable."""

SAID_AGAIN_WITHIN = timedelta(days=2)
"""A fix that its device did not number, and that came before within this time, is the same one."""

_BAD_ROW = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterLimits:
    interval_s: float = 1.0
    """From the first waiting record to its commit."""
    batch_len_max: int = 5_000
    buffer_len_max: int = 20_000
    """Records that wait; beyond it `put` waits, too."""
    retry_s_min: float = 0.2
    retry_s_max: float = 5.0


class Raw(NamedTuple):
    """A position as it was said."""

    datum: str
    lon: float
    lat: float


class Said(NamedTuple):
    """What makes two fixes without a number the same one."""

    device_id: str
    observed_at: datetime
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One uplink record. Without a fix it only moves `up_seq`: it was refused."""

    device_id: str
    install_id: str
    n: int | None
    """None: its device numbers nothing."""
    received_at: datetime
    fix: Fix | None = None
    live: bool = False
    """Whether the fix may become the device's last position."""
    raw: Raw | None = None
    """Where the device does not speak WGS-84."""

    @property
    def key(self) -> Key:
        return self.device_id, self.install_id


# Lock the installations of a batch, always in the same order.
LOCK_INSTALLATIONS = """
SELECT device_id, install_id, up_seq FROM installation
WHERE (device_id, install_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
ORDER BY device_id, install_id FOR UPDATE
"""

# The uplink logs after the batch.
MOVE_INSTALLATIONS = """
UPDATE installation SET up_seq = moved.up_seq, last_seen_at = greatest(last_seen_at, moved.at)
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[])
     AS moved(device_id, install_id, up_seq, at)
WHERE installation.device_id = moved.device_id AND installation.install_id = moved.install_id
"""

# One newest fix per device; an older one never replaces a newer.
UPSERT_LAST = """
INSERT INTO last_position AS old (device_id, observed_at, received_at, lon, lat, accuracy_m,
    speed_mps, heading_deg, battery_pct, charging, mode)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::float8[], $5::float8[],
    $6::real[], $7::real[], $8::real[], $9::smallint[], $10::boolean[], $11::text[])
ON CONFLICT (device_id) DO UPDATE SET
    observed_at = excluded.observed_at, received_at = excluded.received_at, lon = excluded.lon,
    lat = excluded.lat, accuracy_m = excluded.accuracy_m, speed_mps = excluded.speed_mps,
    heading_deg = excluded.heading_deg, battery_pct = excluded.battery_pct,
    charging = excluded.charging, mode = excluded.mode
WHERE excluded.observed_at >= old.observed_at
"""

# Which of these fixes are stored already.
SAID_BEFORE = """
SELECT device_id, observed_at, position.lon, position.lat
FROM position JOIN unnest($1::text[], $2::timestamptz[]) AS said (device_id, observed_at)
    USING (device_id, observed_at)
WHERE received_at > $3
"""

# Make room for a day of history.
ENSURE_PARTITION = "SELECT ensure_position_partition($1)"

COLUMNS = (
    "device_id",
    "observed_at",
    "received_at",
    "lon",
    "lat",
    "accuracy_m",
    "speed_mps",
    "heading_deg",
    "battery_pct",
    "charging",
    "mode",
)
HISTORY_COLUMNS = (*COLUMNS, "raw_datum", "raw_lon", "raw_lat")


class PositionWriter:
    """`run` writes until `stop`; `put` and `flush` may be called from any task."""

    def __init__(
        self,
        pool: Pool,
        *,
        limits: WriterLimits | None = None,
        metrics: Metrics | None = None,
        on_stored: OnStored = lambda device_id, install_id, up_seq: None,
    ) -> None:
        self.limits = limits or WriterLimits()
        self.on_stored = on_stored
        """Called after each commit, once per installation."""
        self.store_is_away = False
        self._pool = pool
        self._metrics = metrics or Metrics()
        self._buffer: deque[Record] = deque()
        self._written_count = 0
        """Records that have left the buffer since the start, in the order in which they came."""
        self._newest: dict[Key, int] = {}
        """Which in that order is the last of each installation with something in the buffer."""
        self._flushes: dict[int, asyncio.Event] = {}
        """Who waits until that one has left."""
        self._partitions: set[date] = set()
        self._first = asyncio.Event()
        """Something waits."""
        self._now = asyncio.Event()
        """Write without waiting for the interval."""
        self._room = asyncio.Event()
        self._room.set()
        self._stopping = asyncio.Event()
        self._metrics.gauge("positions_buffered", lambda: len(self._buffer))

    @property
    def buffer_len(self) -> int:
        return len(self._buffer)

    async def put(self, record: Record) -> None:
        """Take one record; waits while the buffer is full."""
        if len(self._buffer) >= self.limits.buffer_len_max:
            self._metrics.count("positions_buffer_full")
        while len(self._buffer) >= self.limits.buffer_len_max:
            self._room.clear()
            self._now.set()
            await self._room.wait()
        self._buffer.append(record)
        self._newest[record.key] = self._written_count + len(self._buffer)
        self._first.set()
        if len(self._buffer) >= self.limits.batch_len_max:
            self._now.set()

    async def flush(self, device_id: str, install_id: str) -> None:
        """Return when everything taken from this installation so far is stored."""
        if (newest := self._newest.get((device_id, install_id))) is None:
            return
        done = self._flushes.setdefault(newest, asyncio.Event())
        self._now.set()
        await done.wait()

    async def run(self) -> None:
        """Write batches until `stop`, then what is left; gives up then if the store is away."""
        retry_s = self.limits.retry_s_min
        while await self._due():
            try:
                await self._write_next()
            except STORE_AWAY as error:
                self._note_away(error)
                if self._stopping.is_set():
                    logger.error("%d records were not stored; devices resend", len(self._buffer))
                    return
                await _wait(self._stopping, retry_s)
                retry_s = min(retry_s * 2, self.limits.retry_s_max)
            else:
                retry_s = self.limits.retry_s_min
                self._note_back()

    def stop(self) -> None:
        """Let `run` write what is left and return."""
        self._stopping.set()
        self._first.set()
        self._now.set()

    async def _due(self) -> bool:
        """Wait for a batch; False when stopping and nothing is left."""
        if not self._buffer:
            self._first.clear()
            if self._stopping.is_set():
                return False
            await self._first.wait()
        if not self._stopping.is_set() and len(self._buffer) < self.limits.batch_len_max:
            await _wait(self._now, self.limits.interval_s)
        self._now.clear()
        return bool(self._buffer) or not self._stopping.is_set()

    async def _write_next(self) -> None:
        count = min(len(self._buffer), self.limits.batch_len_max)
        batch = [self._buffer[i] for i in range(count)]
        stored = await self._write(batch)
        for _ in range(count):
            self._buffer.popleft()
        self._written_count += count
        self._room.set()
        self._metrics.count("positions_stored", count)
        for (device_id, install_id), up_seq in stored.items():
            self.on_stored(device_id, install_id, up_seq)
        self._settle(batch)

    async def _write(self, batch: list[Record]) -> dict[Key, int]:
        """Store a batch; a row the store cannot take is found by halving, and left out."""
        if not batch:
            return {}
        try:
            await self._ensure_partitions({record.received_at.date() for record in batch})
            async with self._pool.acquire() as conn, conn.transaction():
                return await store(conn, batch)
        except _BAD_ROW as error:
            if len(batch) == 1:
                self._metrics.count("positions_unstorable")
                logger.error("a record of %s cannot be stored: %s", batch[0].device_id, error)
                return await self._write([replace(batch[0], fix=None)])
        middle = len(batch) // 2
        return await self._write(batch[:middle]) | await self._write(batch[middle:])

    async def _ensure_partitions(self, days: set[date]) -> None:
        """Those of the batch, and tomorrow's before midnight comes."""
        wanted = days | {day + timedelta(days=1) for day in days}
        for day in sorted(wanted - self._partitions):
            await self._pool.execute(ENSURE_PARTITION, day)
            self._partitions.add(day)

    def _settle(self, batch: list[Record]) -> None:
        for key in {record.key for record in batch}:
            if self._newest[key] <= self._written_count:
                del self._newest[key]
        for newest in [each for each in self._flushes if each <= self._written_count]:
            self._flushes.pop(newest).set()
        if self._flushes:
            self._now.set()

    def _note_away(self, error: BaseException) -> None:
        self._partitions.clear()
        self._metrics.count("positions_store_failures")
        if not self.store_is_away:
            self.store_is_away = True
            logger.warning("positions wait in memory, PostgreSQL is away: %s", error)

    def _note_back(self) -> None:
        if self.store_is_away:
            self.store_is_away = False
            logger.warning("PostgreSQL is back")


async def store(conn: Any, batch: Iterable[Record]) -> dict[Key, int]:
    """Store one batch in a transaction of the caller; returns each installation's `up_seq`.

    Takes of each installation only what continues its log, and of what has no number only what was
    not said before: what another connection stored meanwhile is not stored twice.
    """
    by_key: dict[Key, list[Record]] = {}
    for record in batch:
        by_key.setdefault(record.key, []).append(record)
    locked = await conn.fetch(LOCK_INSTALLATIONS, *_columns(by_key, 2))
    up_seqs: dict[Key, int] = {(row[0], row[1]): row[2] for row in locked}
    said_before = await _said_before(conn, [one for key in up_seqs for one in by_key[key]])
    taken: list[Record] = []
    for key in up_seqs:
        for record in by_key[key]:
            if record.n is None:
                said = _said(record)
                if said is not None and said not in said_before:
                    said_before.add(said)
                    taken.append(record)
            elif record.n == up_seqs[key] + 1:
                up_seqs[key] = record.n
                taken.append(record)
    history = [
        (*_row(record.device_id, record.fix), *(record.raw or (None, None, None)))
        for record in taken
        if record.fix is not None
    ]
    await conn.copy_records_to_table("position", records=history, columns=HISTORY_COLUMNS)
    await conn.execute(UPSERT_LAST, *_columns(_newest(taken), len(COLUMNS)))
    seen_at = {key: by_key[key][-1].received_at for key in up_seqs}
    moved = [(*key, up_seqs[key], at) for key, at in seen_at.items()]
    await conn.execute(MOVE_INSTALLATIONS, *_columns(moved, 4))
    return up_seqs


async def _said_before(conn: Any, records: list[Record]) -> set[Said]:
    """What of the records without a number is stored, as far back as one is said again."""
    asked = [
        (one.device_id, one.fix.observed_at)
        for one in records
        if one.n is None and one.fix is not None
    ]
    if not asked:
        return set()
    since = min(one.received_at for one in records) - SAID_AGAIN_WITHIN
    return {Said(*row) for row in await conn.fetch(SAID_BEFORE, *_columns(asked, 2), since)}


def _said(record: Record) -> Said | None:
    if (fix := record.fix) is None:
        return None
    return Said(record.device_id, fix.observed_at, fix.lon, fix.lat)


def _newest(taken: Iterable[Record]) -> list[tuple[Any, ...]]:
    """One row per device, in order of id: all writers lock the rows in the same order."""
    newest: dict[str, Fix] = {}
    for record in taken:
        if record.fix is not None and record.live:
            known = newest.get(record.device_id)
            if known is None or record.fix.observed_at >= known.observed_at:
                newest[record.device_id] = record.fix
    return [_row(device_id, newest[device_id]) for device_id in sorted(newest)]


def _row(device_id: str, fix: Fix) -> tuple[Any, ...]:
    """In the order of COLUMNS."""
    return (
        device_id,
        fix.observed_at,
        fix.received_at,
        fix.lon,
        fix.lat,
        fix.accuracy_m,
        fix.speed_mps,
        fix.heading_deg,
        fix.battery_pct,
        fix.charging,
        fix.mode,
    )


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows as arrays for `unnest`; no rows make empty arrays."""
    turned = [list(column) for column in zip(*rows, strict=True)]
    return turned or [[] for _ in range(width)]


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    """Until the event or the time, whichever is first."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), timeout_s)
