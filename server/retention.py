"""Holds the history of positions and photos to the policy, and has the log say so.

What is due is worked through in steps of one transaction each: a day made coarse, up to thirty
days dropped, or some photos, with the entry of the log that says so. A server that dies in the
middle leaves whole steps, and the next goes on. A lock lets one process at a time do it.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, date
from typing import Final

from server.metrics import Metrics
from server.ports import Clock
from server.retentionpolicy import Due, Policy
from server.stores import photos, retention
from server.stores.away import STORE_AWAY
from server.stores.pool import Connection, Pool

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 3600.0
"""A day is due once a day."""
AGAIN_S: Final = 60.0
"""After a step that found its table taken: it gives way at once, so that nobody waits for it."""


async def due(conn: Connection, policy: Policy, today: date) -> Due:
    """What a run would do now; `today` in UTC, as the days of the history are."""
    before = max(policy.exact_from(today), policy.kept_from(today))
    return policy.due(await retention.days(conn, before=before), today)


async def step(pool: Pool, policy: Policy, today: date, *, by: str) -> bool:
    """One step; False where nothing is due, or another process is at it.

    Raises `asyncpg.LockNotAvailableError` where somebody reads that day just now.
    """
    async with pool.acquire() as conn, conn.transaction():
        if not await retention.try_lock(conn):
            return False
        found = await due(conn, policy, today)
        if found.drop:
            await retention.drop(conn, before=policy.kept_from(today), by=by)
        elif found.coarsen:
            await retention.coarsen(conn, found.coarsen[0], by=by)
        elif policy.kept_days:
            return bool(await photos.drop(conn, before=policy.kept_from(today), by=by))
        return bool(found.drop or found.coarsen)


class Retention:
    """`run` does what is due until cancelled; `look` is one of its rounds."""

    def __init__(self, *, pool: Pool, policy: Policy, clock: Clock, metrics: Metrics) -> None:
        self._pool, self._policy, self._clock, self._metrics = pool, policy, clock, metrics

    async def run(self) -> None:
        while True:
            rest_s = LOOK_EVERY_S
            try:
                await self.look()
            except STORE_AWAY as error:
                self._metrics.count("retention_failures")
                logger.warning("positions are kept longer than they should be: %s", error)
                rest_s = AGAIN_S
            await asyncio.sleep(rest_s)

    async def look(self) -> None:
        """All that is due."""
        today = self._clock().astimezone(UTC).date()
        while await step(self._pool, self._policy, today, by="system"):
            self._metrics.count("retention_steps")
