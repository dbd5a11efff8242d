"""What is seen of the units under way: their newest fixes, and the rest of each way from there.

Ways of many units are one question to routing, in bounded portions, so that a dispatcher who asks
meanwhile waits for one portion at most. Where routing is busy, the rest is seen in the next round.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import numpy as np

from devices.intake import distance_m
from geo.driving.vehicles import Mode
from geo.errors import NoRouteError, OffMapError
from geo.roadmap import EdgeFlag, RoadMap
from geo.walk import Approach
from server.dispatch.enroute import Drive
from server.dispatch.orders import RANK, OrderState
from server.dispatch.sights import Sight
from server.dispatch.travel import MODE_OF_PRIORITY, Arrival, Traveller, traveller
from server.metrics import Metrics
from server.ports import LiveRoads, LiveUnits, Router
from server.routing import RoutingBusy
from server.stores.enroute import UnderWay
from server.views import PositionView

logger = logging.getLogger(__name__)

WAYS_LEN_MAX: Final = 20
"""Ways that are one question; some 5 ms each."""
FERRY_M: Final = 500.0
"""Who stands so near a landing waits for the ferry. Starting value."""
MEETING_M: Final = 150.0
"""Who stands so near where it meets the other of its pair waits for it. Starting value."""


class Sightings:
    """Asks; keeps where one can stop for each place while an order to it is under way."""

    def __init__(
        self,
        *,
        live: LiveUnits,
        router: Router,
        roadmap: RoadMap,
        metrics: Metrics | None = None,
    ) -> None:
        self._live, self._router = live, router
        self._metrics = metrics or Metrics()
        self._landings = _landings(roadmap)
        self._approaches: dict[str, Approach | None] = {}
        """By order; None: no road reaches the place."""
        self._roads: tuple[LiveRoads | None, int] = (None, 0)
        """What holds on the roads, and a number for it."""

    async def of(
        self,
        orders: Sequence[UnderWay],
        drives: Mapping[str, Drive],
        meetings: Mapping[str, tuple[float, float]],
    ) -> list[tuple[UnderWay, Sight]]:
        """A sight of each order whose unit has a newer fix than its drive knows.

        `meetings`: lon and lat where units wait for the other of a pair, by order.
        """
        running = {each.order_id for each in orders}
        self._approaches = {key: at for key, at in self._approaches.items() if key in running}
        positions = [self._news(each, drives[each.order_id]) for each in orders]
        pairs = zip(orders, positions, strict=True)
        news = [(order, at) for order, at in pairs if at is not None]
        roads = self._router.roads
        try:
            ways = await self._ways([order for order, _ in news if not _there(order)])
        except RoutingBusy as error:
            self._metrics.count("en_route_routing_busy")
            logger.warning("units under way are looked at later: %s", error)
            ways = None
        if ways is None or self._router.roads is not roads:  # then they are of no one moment
            news, ways = [(order, at) for order, at in news if _there(order)], {}
        number = self._number(roads)
        return [
            (
                order,
                self._sight(
                    order, at, ways.get(order.order_id), number, meetings.get(order.order_id)
                ),
            )
            for order, at in news
        ]

    def _news(self, order: UnderWay, drive: Drive) -> PositionView | None:
        """The newest position of the unit, where its drive does not know it."""
        unit = self._live.unit(order.unit_id)
        if unit is None or unit.position is None:
            return None
        known = bool(drive.sights) and taken_at(unit.position) <= drive.sights[-1].at
        return None if known else unit.position

    async def _ways(self, orders: Sequence[UnderWay]) -> dict[str, Arrival]:
        """The rest of each way that somebody can say, by order. Raises `RoutingBusy`."""
        found: dict[str, Arrival] = {}
        for mode in dict.fromkeys(MODE_OF_PRIORITY[each.priority] for each in orders):
            some = [each for each in orders if MODE_OF_PRIORITY[each.priority] is mode]
            for first in range(0, len(some), WAYS_LEN_MAX):
                found |= await self._ask(some[first : first + WAYS_LEN_MAX], mode)
        return found

    async def _ask(self, orders: Sequence[UnderWay], mode: Mode) -> dict[str, Arrival]:
        journeys = {each.order_id: await self._journey(each, mode) for each in orders}
        known = {key: journey for key, journey in journeys.items() if journey is not None}
        if not known:
            return {}
        arrivals = await self._router.remaining(list(known.values()), mode)
        pairs = zip(known, arrivals, strict=True)
        return {order_id: arrival for order_id, arrival in pairs if arrival is not None}

    async def _journey(self, order: UnderWay, mode: Mode) -> tuple[Traveller, Approach] | None:
        unit, snap = self._live.unit(order.unit_id), self._live.snap(order.unit_id)
        place = await self._approach(order, mode)
        if unit is None or unit.position is None or snap is None or place is None:
            return None
        return traveller(unit, snap, unit.position.observed_at), place

    async def _approach(self, order: UnderWay, mode: Mode) -> Approach | None:
        if order.order_id not in self._approaches:
            try:
                found = await self._router.approach(order.lon, order.lat, mode)
            except (NoRouteError, OffMapError):
                found = None
            self._approaches[order.order_id] = found
        return self._approaches[order.order_id]

    def _sight(
        self,
        order: UnderWay,
        position: PositionView,
        arrival: Arrival | None,
        roads: int,
        meeting: tuple[float, float] | None,
    ) -> Sight:
        place = self._approaches.get(order.order_id)
        stop = arrival.drop_off if arrival is not None else place and place.nearest
        ends = [(order.lon, order.lat), *([(stop.snap.lon, stop.snap.lat)] if stop else [])]
        return Sight(
            at=taken_at(position),
            lon=position.lon,
            lat=position.lat,
            place_m=min(distance_m(position.lon, position.lat, *end) for end in ends),
            speed_mps=position.speed_mps,
            left_s=None if arrival is None else arrival.eta_s,
            road_s=None if arrival is None else arrival.eta_s - arrival.drop_off.walk.duration_s,
            roads=roads,
            excused=self._excused(order, position, meeting),
        )

    def _excused(
        self, order: UnderWay, position: PositionView, meeting: tuple[float, float] | None
    ) -> bool:
        """Whether a road that somebody closed or slowed, a ferry, or the other of a pair explains a
        standstill."""
        snap, table = self._live.snap(order.unit_id), self._router.roads.table
        if snap is not None and table is not None and table.changed_at(snap.edge):
            return True
        here = position.lon, position.lat
        if meeting is not None and distance_m(*here, *meeting) <= MEETING_M:
            return True
        return any(distance_m(*here, lon, lat) <= FERRY_M for lon, lat in self._landings)

    def _number(self, roads: LiveRoads) -> int:
        """Of what holds on the roads: another one whenever anything differs."""
        known, number = self._roads
        if known is not roads:
            self._roads = roads, number + 1
        return self._roads[1]


def taken_at(position: PositionView) -> datetime:
    """When a fix was taken. A device whose clock runs ahead cannot make it younger."""
    return min(position.observed_at, position.received_at)


def _there(order: UnderWay) -> bool:
    """By what it reports: nobody asks for its way any more."""
    return RANK[order.state] >= RANK[OrderState.ON_SCENE]


def _landings(roadmap: RoadMap) -> list[tuple[float, float]]:
    """Both ends of every ferry."""
    ferries = np.flatnonzero(roadmap.edge_flags & int(EdgeFlag.FERRY))
    nodes = np.unique([roadmap.edge_tail[ferries], roadmap.edge_head[ferries]])
    return [(lon, lat) for lon, lat in roadmap.node_lonlat[nodes].tolist()]
