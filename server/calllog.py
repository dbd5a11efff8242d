"""Where the county's own calls came from, village by village: what cover weighs villages by.

Read from the incidents of a year, at most once in an hour, and each given to the nearest village as
the crow flies: a call between two villages says something of both, and it matters little of which.
Tasks that the room gave itself are no calls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from geo.reach.coverage import Village
from server.dispatch.cover import Floats
from server.dispatch.runcards import ROOM_TASKS
from server.ports import Clock
from server.stores import incidents
from server.stores.pool import Pool

YEAR: Final = timedelta(days=365)
READ_EVERY: Final = timedelta(hours=1)


class CallLog:
    """Of one county."""

    def __init__(self, *, pool: Pool, clock: Clock) -> None:
        self._pool, self._clock = pool, clock
        self._read_at: datetime | None = None
        self._villages: Sequence[Village] = ()
        self._calls: Floats = np.zeros(0)

    async def calls(self, villages: Sequence[Village]) -> Floats:
        """(V,) of each village within the year, as known within the hour."""
        now = self._clock()
        fresh = self._read_at is not None and now - self._read_at < READ_EVERY
        if not fresh or self._villages is not villages:
            async with self._pool.acquire() as conn:
                places = await incidents.places(conn, now - YEAR, without=ROOM_TASKS)
            self._calls = nearest(villages, np.array(places, dtype=np.float64).reshape(-1, 2))
            self._read_at, self._villages = now, villages
        return self._calls


def nearest(villages: Sequence[Village], places: Floats) -> Floats:
    """(V,) how many of the (N, 2) places, in degrees, are nearest to each village."""
    if not villages or not len(places):
        return np.zeros(len(villages))
    centres = np.array([(each.place.lon, each.place.lat) for each in villages])
    flat = np.array([math.cos(math.radians(float(centres[:, 1].mean()))), 1.0])
    _, found = cKDTree(centres * flat).query(places * flat)
    return np.bincount(found, minlength=len(villages)).astype(np.float64)
