"""Who can be where in time, for the faces: isochrones, and coverage of the villages.

Asks the routing thread in small pieces, one after the other, so that a survey of the county holds
up no recommendation; draws outlines on other threads. Only WORK_MAX such answers are made at once;
of more, WAITING_MAX wait and the others hear `RoutingBusy`. Writes nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

import numpy as np

from geo.driving.speed import Profile
from geo.driving.vehicles import Vehicle
from geo.eta import UNROUTED_SD, Eta
from geo.reach.coverage import Coverage, Pair, Survey, Village, villages_of
from geo.reach.isochrone import Band, isochrones
from geo.reach.times import SOURCES_MAX, Nearest, Reach
from geo.roadmap import RoadMap
from geo.snap import SnapIndex
from geo.walk import approach
from server.dispatch.travel import Terms, Traveller
from server.ports import Router
from server.routing import RoutingBusy

WORK_MAX = 2
"""Answers under way: each may keep a processor busy for a second."""
WAITING_MAX = 8
PIECE_LEN = 8
"""Sources followed, or roads computed, in one query: some 50 ms on a county."""
PROFILES_MAX = 4
"""Ways of walking to the villages that are remembered; a county's take some 100 KB."""


T = TypeVar("T")


class ReachDesk:
    """Isochrones and coverage over one map."""

    def __init__(self, *, router: Router, roadmap: RoadMap, index: SnapIndex) -> None:
        self._router, self._roadmap, self._index = router, roadmap, index
        self._villages: OrderedDict[Profile, list[Village]] = OrderedDict()
        """By who walks there from the road; of the PROFILES_MAX asked last."""
        self._work = asyncio.Semaphore(WORK_MAX)
        self._waiting = 0

    async def bands(
        self, sources: Sequence[Traveller], limits_s: Sequence[float], terms: Terms, *, share: float
    ) -> list[Band]:
        """What the soonest of the sources, each as it drives, reaches within each limit;
        `geo.reach.isochrone.isochrones`.

        Raises ValueError for limits or a number of sources out of range, `RoutingBusy`.
        """
        if not 1 <= len(sources) <= SOURCES_MAX:
            raise ValueError(f"1 to {SOURCES_MAX} places to start from")
        async with self._place():
            alike: dict[tuple[Vehicle, frozenset[int]], Reach] = {}
            for piece in _pieces(sources):
                found = await self._router.reach(piece, max(limits_s), terms)
                for source, reach in zip(piece, found, strict=True):
                    same = source.vehicle, self._router.roads.closures_of(source.snap)
                    known = alike.get(same)
                    alike[same] = reach if known is None else known.joined(reach)
            nearest = Nearest(parts=tuple(alike.values()))
            return await asyncio.to_thread(
                isochrones, nearest, limits_s, share=share, log_sd=self._log_sd(sources, terms)
            )

    async def coverage(
        self, sources: Sequence[Traveller], limit_s: float, terms: Terms
    ) -> Coverage:
        """Which villages the sources, each as it drives, reach within the limit.

        Raises ValueError for a limit or a number of sources out of range, `RoutingBusy`.
        """
        async with self._place():
            villages = await self.villages(terms)
            times_s = [await self._router.times_to(villages, each, terms) for each in sources]
            table = np.array(times_s).reshape(len(sources), len(villages))
            survey = Survey(villages, table, limit_s)
            etas: dict[Pair, Eta] = {}
            for piece in _pieces(survey.undecided()):
                roads = [(sources[source], villages[village]) for source, village in piece]
                etas.update(zip(piece, await self._router.etas_to(roads, terms), strict=True))
            return survey.verdict(etas, log_sd=self._log_sd(sources, terms))

    async def villages(self, terms: Terms) -> list[Village]:
        """Brought to the road once for every way of walking there."""
        condition = self._router.roads.county if terms.condition is None else terms.condition
        walker = Profile(vehicle=Vehicle.FOOT, mode=terms.mode, condition=condition)
        if (found := self._villages.get(walker)) is None:
            walk = partial(approach, self._roadmap, self._index, profile=walker)
            found = self._villages[walker] = await asyncio.to_thread(
                villages_of, self._roadmap, walk
            )
        self._villages.move_to_end(walker)
        while len(self._villages) > PROFILES_MAX:
            self._villages.popitem(last=False)
        return found

    def _log_sd(self, sources: Sequence[Traveller], terms: Terms) -> float:
        """Of the source whose journeys differ most."""
        log_sds = [self._router.unrouted_sd(each.vehicle, terms.mode) for each in sources]
        return max(log_sds, default=UNROUTED_SD)

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
