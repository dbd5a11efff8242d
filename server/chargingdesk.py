"""The charging log: reads what devices reported, a little later, and keeps what it tells.

Reports are read from the history in batches, each batch one transaction with how far it came: no
report is read twice or left out, whatever crashes and however many servers run. A device that was
never read begins FIRST_LOOK back. Levels are facts of devices, no decisions: the command log has
none of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from devices.battery.charging import Charge, Follow, Told, capacity_trend, follow
from devices.battery.model import Load, Prior
from devices.intake import distance_m
from server.board import AT_STATION_M
from server.chargeviews import ChargeView, ChargingLogView
from server.placenames import PlaceNames
from server.ports import Clock
from server.stores import charges
from server.stores.away import STORE_AWAY
from server.stores.charges import ChargeRow, Reader
from server.stores.pool import Connection, Pool
from server.views import DeviceKind

logger = logging.getLogger(__name__)

POLL_S: Final = 60.0
FIRST_LOOK: Final = timedelta(days=1)
READERS_LEN_MAX: Final = 500
READINGS_LEN_MAX: Final = 5_000
"""Of one transaction: a tenth of a second of reckoning."""
SWEEP_EVERY: Final = timedelta(hours=1)

PriorOf = Callable[[DeviceKind], Prior]
"""What is supposed of a new device, always the same."""
LoadsOf = Callable[[str], frozenset[Load]]
"""A reported mode → loads."""


class ChargingDesk:
    """`run` reads until cancelled."""

    def __init__(
        self,
        *,
        pool: Pool,
        places: PlaceNames,
        prior_of: PriorOf,
        loads_of: LoadsOf,
        kept: timedelta,
        clock: Clock,
    ) -> None:
        self._pool, self._places, self._clock = pool, places, clock
        self._prior_of, self._loads_of = prior_of, loads_of
        self._kept = kept
        self._swept_at: datetime | None = None

    async def run(self) -> None:
        while True:
            try:
                await self.read_all()
                await self._sweep()
            except STORE_AWAY as error:
                logger.warning("the charging log waits, PostgreSQL is away: %s", error)
            await asyncio.sleep(POLL_S)

    async def read_all(self) -> None:
        """Batch by batch, until nothing waits."""
        while await self.read():
            pass

    async def read(self) -> bool:
        """Read one batch; whether more may wait."""
        async with self._pool.acquire() as conn, conn.transaction():
            if not await charges.lock(conn):
                return False
            since = self._clock() - FIRST_LOOK
            who = await charges.readers(conn, since=since, limit=READERS_LEN_MAX)
            if not who:
                return False
            found = await charges.readings(conn, who, limit=READINGS_LEN_MAX)
            if not found:
                return False
            follows, changed = self._follow(who, found)
            await charges.keep_follows(conn, follows)
            await _keep(conn, changed)
        return len(found) == READINGS_LEN_MAX or len(who) == READERS_LEN_MAX

    async def log(
        self, device_id: str, *, before: datetime | None = None, limit: int = 50
    ) -> ChargingLogView:
        """One device's, newest first."""
        async with self._pool.acquire() as conn:
            rows, following = await charges.page(conn, device_id, before=before, limit=limit)
            capacities = await charges.capacities(conn, device_id)
        return ChargingLogView(
            device_id=device_id,
            charges=[self._view(row) for row in rows],
            next=following,
            capacity_pct=median(capacities[-3:]) if capacities else None,
            trend=capacity_trend(capacities),
        )

    async def forget(self) -> None:
        """What is older than it is to be kept, and what is too much of one device."""
        async with self._pool.acquire() as conn, conn.transaction():
            await charges.forget(conn, before=self._clock() - self._kept)

    async def _sweep(self) -> None:
        now = self._clock()
        if self._swept_at is None or now - self._swept_at >= SWEEP_EVERY:
            await self.forget()
            self._swept_at = now

    def _follow(
        self, who: Sequence[Reader], found: Sequence[charges.Read]
    ) -> tuple[dict[str, Follow], dict[str, dict[datetime, Charge]]]:
        """What is known of each device then, and its charges that changed, by when they began."""
        readers = {reader.device_id: reader for reader in who}
        follows: dict[str, Follow] = {}
        changed: dict[str, dict[datetime, Charge]] = defaultdict(dict)
        for read in found:
            reader = readers[read.device_id]
            known = follows.get(read.device_id, reader.known)
            follows[read.device_id], told = follow(
                known,
                read.reading,
                self._loads_of(read.mode),
                self._prior_of(reader.kind),
            )
            changed[read.device_id] |= {charge.began.at: charge for charge in told}
        return follows, changed

    def _view(self, row: ChargeRow) -> ChargeView:
        charge = row.charge
        before_at, before_pct = _end(charge.before)
        until_at, until_pct = _end(charge.until)
        ended_at, ended_pct = _end(charge.ended)
        return ChargeView(
            kind=charge.kind,
            before_at=before_at,
            before_pct=before_pct,
            began_at=charge.began.at,
            began_pct=charge.began.level_pct,
            until_at=until_at,
            until_pct=until_pct,
            ended_at=ended_at,
            ended_pct=ended_pct,
            lon=charge.lon,
            lat=charge.lat,
            station=row.station,
            place=self._places.inside(charge.lon, charge.lat) or "",
            capacity_pct=charge.capacity_pct,
        )


def _end(told: Told | None) -> tuple[datetime | None, float | None]:
    return (None, None) if told is None else (told.at, told.level_pct)


async def _keep(conn: Connection, changed: dict[str, dict[datetime, Charge]]) -> None:
    stations = await charges.stations(conn) if any(changed.values()) else []
    for device_id in sorted(changed):
        for charge in changed[device_id].values():
            await charges.keep(conn, device_id, charge, _station(stations, charge))


def _station(stations: Sequence[tuple[str, float, float]], charge: Charge) -> str | None:
    """The station it was at, the nearest of several."""
    near = [
        (off_m, station_id)
        for station_id, lon, lat in stations
        if (off_m := distance_m(charge.lon, charge.lat, lon, lat)) <= AT_STATION_M
    ]
    return min(near)[1] if near else None
