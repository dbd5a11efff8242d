"""Travel over the road graph for the event loop: one named thread owns the `Ground`.

The contraction-hierarchy engine is bound to its thread and a query takes milliseconds, so all
routing runs on one thread, in the order asked. The queue is bounded: when it is full the caller
hears `RoutingBusy` at once instead of waiting for an answer nobody needs any more.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from geo.coverage import FOLLOWED_S, Village, eta_to, times_to
from geo.errors import NoRouteError
from geo.eta import Eta, Spreads
from geo.reach import Reach
from server.dispatch.contenders import Approach
from server.ports import LiveRoads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geo.ground import Ground, Route
    from geo.learning import LearnedFactors
    from geo.snap import Snap
    from geo.vehicles import Mode

QUEUE_LEN_MAX = 64
"""Queries under way or waiting; at 10 ms each the last waits two thirds of a second."""

CLOSED_GROUPS_MAX = 8
"""Closed roads with units inside them that one query looks at apart; units in more of them than
that count as shut in."""

T = TypeVar("T")


class RoutingBusy(Exception):
    """Too many queries wait; try again in a moment."""


class RoutingService:
    """Owns the routing thread; `start` opens the ground on it, `close` ends it."""

    def __init__(
        self, ground_factory: Callable[[], Ground], *, queue_len_max: int = QUEUE_LEN_MAX
    ) -> None:
        self._open = ground_factory
        self._ground: Ground | None = None
        self._spreads: Spreads | None = None
        self._queue_len_max = queue_len_max
        self._places = threading.BoundedSemaphore(queue_len_max)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="routing")
        self._stopping = False
        self.refused_count = 0
        self._roads = LiveRoads()

    @property
    def roads(self) -> LiveRoads:
        """What holds on the roads; another one only ever between two queries."""
        return self._roads

    async def start(self) -> None:
        """Open the ground now, so that a broken map is known at start. Raises `GeoError`."""
        await self._run(lambda ground: None)

    async def snap(self, lon: float, lat: float) -> Snap:
        """Nearest point on a road. Raises `OffMapError`, `NoRouteError`, `RoutingBusy`."""
        return await self._run(lambda ground: ground.snap(lon, lat))

    async def etas(self, sources: Sequence[Snap], target: Snap) -> NDArray[np.float64]:
        """Seconds from each source to the target, inf where no road leads. Raises `RoutingBusy`."""
        return await self._run(lambda ground: self._etas(ground, sources, target))

    async def route(self, source: Snap, target: Snap) -> Route:
        """The road itself. Raises `NoRouteError`, `RoutingBusy`."""
        return await self._run(lambda ground: self._route(ground, source, target))

    async def approaches(self, sources: Sequence[Snap], target: Snap) -> list[Approach | None]:
        """The fastest road from each, None where none leads. Raises `RoutingBusy`."""
        return await self._run(
            lambda ground: [self._approach(ground, each, target) for each in sources]
        )

    async def reach(self, sources: Sequence[Snap], limit_s: float) -> Reach:
        """See `ports.Router`."""
        return await self._run(lambda ground: Reach.of(ground, sources, limit_s))

    async def times_to(self, villages: Sequence[Village], source: Snap) -> NDArray[np.float64]:
        """See `ports.Router`."""
        return await self._run(
            lambda ground: times_to(villages, Reach.of(ground, [source], FOLLOWED_S))
        )

    async def etas_to(self, pairs: Sequence[tuple[Snap, Village]]) -> list[Eta]:
        """See `ports.Router`."""
        return await self._run(
            lambda ground: [
                eta_to(ground, self._known_spreads, source, village) for source, village in pairs
            ]
        )

    async def set_roads(self, roads: LiveRoads) -> None:
        """Put closed and slowed roads and weather in force for every query asked after this one.

        Waits for its turn among the queries, and is never refused: a closed road must close.
        Raises `RoutingBusy` once routing has stopped.
        """
        if self._stopping:
            raise RoutingBusy("routing has stopped")

        def take_over(ground: Ground) -> None:
            if roads.county != self._roads.county:
                ground.set_condition(roads.county, roads.county_speeds)
            ground.set_overrides(roads.overrides)
            self._roads = roads

        await asyncio.wrap_future(self._thread.submit(self._on_thread, take_over))

    async def set_learned(self, learned: Mapping[Mode, LearnedFactors] | None) -> None:
        """Put learned travel times in force like `set_roads`; None: the model alone."""
        if self._stopping:
            raise RoutingBusy("routing has stopped")

        def take_over(ground: Ground) -> None:
            known = learned or {}
            ground.set_factors({mode: each.factor for mode, each in known.items()})
            self._spreads = Spreads(ground.roadmap, learned=known.get(ground.profile.mode))
            self._roads = replace(self._roads)  # answers from before do not hold any more

        await asyncio.wrap_future(self._thread.submit(self._on_thread, take_over))

    async def close(self) -> None:
        """Refuse what waits, let the query under way end, close the ground, end the thread."""
        if self._stopping:
            return
        self._stopping = True
        self._thread.submit(self._close_ground)
        await asyncio.to_thread(self._thread.shutdown, wait=True)

    async def _run(self, job: Callable[[Ground], T]) -> T:
        if self._stopping:
            raise RoutingBusy("routing has stopped")
        if not self._places.acquire(blocking=False):
            self.refused_count += 1
            raise RoutingBusy(f"{self._queue_len_max} routing queries wait already")
        future = self._thread.submit(self._on_thread, job)
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)

    def _on_thread(self, job: Callable[[Ground], T]) -> T:
        if self._stopping:
            raise RoutingBusy("routing has stopped")
        if self._ground is None:
            self._ground = self._open()
            self._spreads = Spreads(self._ground.roadmap)
        return job(self._ground)

    @property
    def _known_spreads(self) -> Spreads:
        assert self._spreads is not None, "asked on the routing thread, with the ground open"
        return self._spreads

    def _etas(self, ground: Ground, sources: Sequence[Snap], target: Snap) -> NDArray[np.float64]:
        """Those that set off inside closed roads apart, so that others do not drive through."""
        groups: dict[frozenset[int], list[int]] = {frozenset(): []}
        for row, source in enumerate(sources):
            closures = self._roads.closures_at(source.edge)
            if closures not in groups and len(groups) > CLOSED_GROUPS_MAX:
                closures = frozenset()
            groups.setdefault(closures, []).append(row)
        found = np.full(len(sources), np.inf)
        for closures, rows in groups.items():
            with self._inside(ground, closures | self._roads.closures_at(target.edge)):
                found[rows] = ground.etas([sources[row] for row in rows], target)
        return found

    def _route(self, ground: Ground, source: Snap, target: Snap) -> Route:
        ends = (source.edge, target.edge)
        with self._inside(ground, frozenset().union(*map(self._roads.closures_at, ends))):
            return ground.route(source, target)

    @contextmanager
    def _inside(self, ground: Ground, closures: frozenset[int]) -> Iterator[None]:
        """For the time of one query, for somebody who starts or ends inside closed roads."""
        table = self._roads.table
        if table is None or not closures:
            yield
            return
        ground.set_overrides(table.into(closures))
        try:
            yield
        finally:
            ground.set_overrides(table.overrides)

    def _approach(self, ground: Ground, source: Snap, target: Snap) -> Approach | None:
        try:
            route = self._route(ground, source, target)
        except NoRouteError:
            return None
        eta = self._known_spreads.eta(route.duration_s, route.legs, route.leg_s)
        return Approach(distance_m=route.distance_m, eta=eta)

    def _close_ground(self) -> None:
        if self._ground is not None:
            self._ground.close()
            self._ground = None
