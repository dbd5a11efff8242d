"""Keeps what was covered in each quarter of an hour, for the review.

It looks at what `server.coverwatch` saw last and asks routing nothing. A quarter of an hour that
nobody looked in, because no server ran or the database was away, stays empty: a gap is told as one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from server.coverwatch import STALE, CoverPicture, CoverWatch
from server.metrics import Metrics
from server.ports import Clock
from server.review.coverage import in_time
from server.stores import coverlooks
from server.stores.away import STORE_AWAY
from server.stores.coverlooks import CoverLook

logger = logging.getLogger(__name__)

EVERY: Final = timedelta(minutes=15)
LOOK_S: Final = 30.0


class CoverKeeper:
    """`run` keeps looks until cancelled; `look` is one of its rounds."""

    def __init__(
        self,
        *,
        pool: Any,
        watch: CoverWatch,
        map_id: str,
        log_sd: Callable[[], float],
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        """`log_sd`: of a journey whose road is not computed, as it is known now."""
        self._pool, self._watch, self._map_id = pool, watch, map_id
        self._log_sd, self._clock = log_sd, clock
        self._metrics = metrics or Metrics()
        self._kept_at: datetime | None = None

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except STORE_AWAY as error:
                logger.warning("cover is not kept, PostgreSQL is away: %s", error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Keep the look of this quarter of an hour, where there is none yet and somebody looked."""
        now, seen = self._clock(), self._watch.picture
        at = quarter(now)
        if at == self._kept_at or seen is None or now - seen.at > STALE:
            return
        async with self._pool.acquire() as conn, conn.transaction():
            kept = await coverlooks.keep(conn, self._of(seen, at))
            if kept:
                await coverlooks.forget(conn, now)
        self._kept_at = at
        self._metrics.count("cover_looks_kept" if kept else "cover_looks_kept_elsewhere")

    def _of(self, seen: CoverPicture, at: datetime) -> CoverLook:
        limit_s = self._watch.rules.limit_s
        counts = in_time(seen.times_s, limit_s, self._log_sd())
        return CoverLook(
            at=at,
            map_id=self._map_id,
            limit_s=limit_s,
            free_units=len(seen.times_s),
            units_in_time=np.minimum(counts, 2).astype(np.uint8),
        )


def quarters(since: datetime, until: datetime) -> int:
    """How many of them begin at or after `since` and before `until`."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return max(0, -((epoch - until) // EVERY) + (epoch - since) // EVERY)


def quarter(at: datetime) -> datetime:
    """The beginning of the quarter of an hour, UTC."""
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
