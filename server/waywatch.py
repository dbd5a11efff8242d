"""Tells handsets under way when weather has changed their way or its time.

Weather comes into force some time after it was set, in each process when its travel times are
there. So the way of every order under way is reckoned once under the weather it began in, and again
when another is in force; where it is another way by then (`server.dispatch.waychange`), the handset
is to fetch it again. One of several processes says so.

A way that nobody could reckon before is not compared. Ways are kept in memory: a process that
starts begins with those of the weather that it finds.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Final

from geo.errors import NoRouteError, OffMapError
from geo.ground import Route
from geo.live.conditionfield import ConditionField
from server.dispatch.travel import MODE_OF_PRIORITY, traveller
from server.dispatch.waychange import is_another
from server.metrics import Metrics
from server.ports import Clock, FanOut, LiveUnits, RoadNews, Router
from server.routing import RoutingBusy
from server.stores import waynews, zonestays
from server.stores.away import STORE_AWAY
from server.stores.zonestays import OpenWay

logger = logging.getLogger(__name__)

LOOK_S: Final = 30.0
"""Between two looks when nothing is said to have changed."""
THERE: Final = frozenset({"on_scene", "feedback"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """A way as it was reckoned last."""

    way: Route
    weather: ConditionField | None


class WayWatch:
    """`run` looks until cancelled."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        live: LiveUnits,
        router: Router,
        roads: RoadNews,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._live, self._router = live, router
        self._metrics = metrics or Metrics()
        self._given: dict[str, _Given] = {}
        """By order under way."""
        self._untold: set[str] = set()
        """Orders whose way is another, which the store does not know yet."""
        self._wake = asyncio.Event()
        roads.on_change(self._wake.set)
        fanout.subscribe("incident", lambda _: self._wake.set())

    async def run(self) -> None:
        """Look whenever an order or the roads changed, until cancelled."""
        while True:
            try:
                await self.look()
            except STORE_AWAY as error:
                logger.warning("ways under weather are looked at later: %s", error)
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()

    async def look(self) -> None:
        """Reckon the ways that are new, and all of them under a new weather.

        Where routing is busy the next look goes on; what was found until then is told.
        """
        async with self._pool.acquire() as conn:
            open_ways = await zonestays.open_ways(conn)
        under_way = {each.order_id: each for each in open_ways.values() if each.state not in THERE}
        self._given = {key: given for key, given in self._given.items() if key in under_way}
        self._untold &= under_way.keys()
        try:
            for each in under_way.values():
                if await self._is_another(each):
                    self._untold.add(each.order_id)
        except RoutingBusy as error:
            logger.warning("ways under weather are looked at later: %s", error)
        if self._untold:
            await self._tell()

    async def _is_another(self, order: OpenWay) -> bool:
        roads, before = self._router.roads, self._given.get(order.order_id)
        if before is not None and before.weather is roads.weather:
            return False
        way = await self._way(order)
        if way is None or self._router.roads is not roads:
            return False  # looked at again at once in the second case
        self._given[order.order_id] = _Given(way=way, weather=roads.weather)
        return before is not None and is_another(before.way, way)

    async def _way(self, order: OpenWay) -> Route | None:
        """From where the unit is now. Raises `RoutingBusy`."""
        unit, snap = self._live.unit(order.unit_id), self._live.snap(order.unit_id)
        if unit is None or snap is None:
            return None
        who, mode = traveller(unit, snap, self._clock()), MODE_OF_PRIORITY[order.priority]
        try:
            return (await self._router.lead(who, order.lon, order.lat, mode)).route
        except (NoRouteError, OffMapError):
            return None

    async def _tell(self) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            told = await waynews.tell_weather(conn, sorted(self._untold), at=self._clock())
        self._untold.clear()
        self._metrics.count("ways_changed_by_weather", len(told))
        for topic, payload in told:
            self._fanout.publish(topic, payload)
