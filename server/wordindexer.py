"""Gives the entries of a log from before words to be found by, from the newest to the oldest.

What is sealed from now on has its words from the sealer. A batch holds the log's lock, so that
nobody redacts a value between reading it and writing its words; half of the time is left to others.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from server.metrics import Metrics
from server.sealer import words_of
from server.stores import seals
from server.stores.away import STORE_AWAY
from server.stores.pool import Pool

logger = logging.getLogger(__name__)

BATCH_LEN_MAX: Final = 500
"""Entries of one transaction."""
LOOK_EVERY_S: Final = 60.0
"""After all have words; a restored log may lack some again."""


class WordIndexer:
    """`run` goes on until cancelled."""

    def __init__(self, *, pool: Pool, metrics: Metrics) -> None:
        self._pool = pool
        self._missing = 0
        metrics.gauge("journal_without_words", lambda: self._missing)

    async def run(self) -> None:
        while True:
            rest_s, start = LOOK_EVERY_S, time.monotonic()
            try:
                if await self.index_batch():
                    rest_s = time.monotonic() - start
            except STORE_AWAY as error:
                logger.warning("older entries get no words, PostgreSQL is away: %s", error)
            await asyncio.sleep(rest_s)

    async def index_batch(self) -> bool:
        """The newest without words, up to a batch; whether others are left."""
        async with self._pool.acquire() as conn, conn.transaction():
            found = await seals.without_words(conn, limit=BATCH_LEN_MAX)
            if found:
                await seals.lock(conn)
                found = await seals.without_words(conn, limit=BATCH_LEN_MAX)
                lists = await asyncio.to_thread(lambda: [words_of(each) for _, each in found])
                await seals.index(conn, [seq for seq, _ in found], lists)
            self._missing = max(0, found[-1][0] - 1) if found else 0
        return self._missing > 0
