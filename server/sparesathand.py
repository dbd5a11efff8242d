"""What a unit on a job could put in its camera: a power bank in its vehicle, spares on its way.

Where spares lie is the roster's, the way is routing's. Asked only when a camera may not last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from geo.errors import NoRouteError, OffMapError
from server.dispatch import spares
from server.dispatch.mitigation import Spare
from server.dispatch.orders import RANK, OrderState
from server.dispatch.spares import LonLat, NearSpare, SpareKind, spares_near
from server.dispatch.travel import MODE_OF_PRIORITY, traveller
from server.ports import LiveUnits, Router
from server.routing import RoutingBusy
from server.stores import spares as store
from server.stores.batteryjobs import BatteryJob
from server.views import UnitView

DETOUR_MPS: Final = 8.0
"""m/s. Off the way to a station and back; about 30 km/h. Starting value."""
SPARES_LEN_MAX: Final = 8
"""Of a unit, the soonest reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHand:
    """For one model of camera."""

    power_bank: bool = False
    spares: tuple[Spare, ...] = ()


class SparesAtHand:
    """Asks routing and the store."""

    def __init__(self, *, pool: Any, live: LiveUnits, router: Router) -> None:
        self._pool, self._live, self._router = pool, live, router

    async def find(self, unit: UnitView, job: BatteryJob, model: str, now: datetime) -> AtHand:
        """Nothing where nobody knows where the unit is."""
        way, way_s = await self._way(unit, job, now)
        if not way:
            return AtHand()
        async with self._pool.acquire() as conn:
            known = await store.load_spares(conn)
        near = spares_near(known, model=model, way=way, unit_id=unit.id)
        own = [each for each in near if each.spare.unit_id == unit.id]
        length_m = spares.length_m(way)
        return AtHand(
            power_bank=any(each.spare.kind is SpareKind.POWER_BANK for each in own),
            spares=tuple(
                _spare(each, unit, length_m=length_m, way_s=way_s)
                for each in near
                if each.spare.kind is not SpareKind.POWER_BANK
            )[:SPARES_LEN_MAX],
        )

    async def _way(
        self, unit: UnitView, job: BatteryJob, now: datetime
    ) -> tuple[list[LonLat], float]:
        """Corners of what it has yet to drive to the scene, and the seconds that takes."""
        position, snap = unit.position, self._live.snap(unit.id)
        if position is None:
            return [], 0.0
        here = (position.lon, position.lat)
        if snap is None or RANK[job.state] >= RANK[OrderState.ON_SCENE]:
            return [here], 0.0
        who = traveller(unit, snap, position.observed_at)
        try:
            lead = await self._router.lead(who, job.lon, job.lat, MODE_OF_PRIORITY[job.priority])
        except (NoRouteError, OffMapError, RoutingBusy):
            return [here], 0.0
        corners = [(float(lon), float(lat)) for lon, lat in lead.route.lonlat]
        return [here, *corners], lead.route.duration_s


def _spare(near: NearSpare, unit: UnitView, *, length_m: float, way_s: float) -> Spare:
    share = near.after_m / length_m if length_m > 0.0 else 0.0
    return Spare(
        station=near.spare.station or unit.call_sign,
        after_min=share * way_s / 60.0,
        detour_min=2.0 * near.off_m / DETOUR_MPS / 60.0,
    )
