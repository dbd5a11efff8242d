"""Who can be where in time, for the faces: isochrones, and coverage of the villages.

Asks the routing thread in small pieces, one after the other, so that a survey of the county holds
up no recommendation; draws outlines on other threads. Only WORK_MAX such answers are made at once;
of more, WAITING_MAX wait and the others hear `RoutingBusy`. Writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import numpy as np

from geo.eta import Eta
from geo.reach.coverage import Coverage, Pair, Survey, Village, villages_of
from geo.reach.isochrone import Band, isochrones
from geo.roadmap import RoadMap
from geo.snap import Snap
from server.ports import Router
from server.routing import RoutingBusy

WORK_MAX = 2
"""Answers under way: each may keep a processor busy for a second."""
WAITING_MAX = 8
PIECE_LEN = 8
"""Sources followed, or roads computed, in one query: some 50 ms on a county."""


T = TypeVar("T")


class ReachDesk:
    """Isochrones and coverage over one map."""

    def __init__(
        self, *, router: Router, roadmap: RoadMap, snapper: Callable[[float, float], Snap]
    ) -> None:
        self._router = router
        self._roadmap = roadmap
        self._snapper = snapper
        self._villages: list[Village] | None = None
        self._work = asyncio.Semaphore(WORK_MAX)
        self._waiting = 0

    async def bands(
        self, sources: Sequence[Snap], limits_s: Sequence[float], *, share: float
    ) -> list[Band]:
        """What the nearest of the sources reaches within each limit;
        `geo.reach.isochrone.isochrones`.

        Raises ValueError for limits or a number of sources out of range, `RoutingBusy`.
        """
        async with self._place():
            furthest_s = max(limits_s)
            reach = await self._router.reach(sources[:PIECE_LEN], furthest_s)
            for piece in _pieces(sources[PIECE_LEN:]):
                reach = reach.joined(await self._router.reach(piece, furthest_s))
            return await asyncio.to_thread(isochrones, reach, limits_s, share=share)

    async def coverage(self, sources: Sequence[Snap], limit_s: float) -> Coverage:
        """Which villages the sources reach within the limit.

        Raises ValueError for a limit or a number of sources out of range, `RoutingBusy`.
        """
        async with self._place():
            villages = await self._known_villages()
            times_s = [await self._router.times_to(villages, source) for source in sources]
            table = np.array(times_s).reshape(len(sources), len(villages))
            survey = Survey(villages, table, limit_s)
            etas: dict[Pair, Eta] = {}
            for piece in _pieces(survey.undecided()):
                roads = [(sources[source], villages[village]) for source, village in piece]
                etas.update(zip(piece, await self._router.etas_to(roads), strict=True))
            return survey.verdict(etas)

    async def _known_villages(self) -> list[Village]:
        """Brought to the road once."""
        if self._villages is None:
            self._villages = await asyncio.to_thread(villages_of, self._roadmap, self._snapper)
        return self._villages

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING_MAX:
            raise RoutingBusy(f"{WAITING_MAX} maps of reach wait already")
        self._waiting += 1
        try:
            await self._work.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._work.release()


def _pieces(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[start : start + PIECE_LEN] for start in range(0, len(items), PIECE_LEN)]
