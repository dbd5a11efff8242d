"""Where the two of a pair come together before the place, and whether there is radio at a place.

Asks routing for the junction and the picture of dead zones for its signal. Knows no rule of when
two go: that is `server.dispatch.pairs`.
"""

from __future__ import annotations

from collections.abc import Callable

from geo.driving.vehicles import Mode
from geo.meeting import Meeting, Silent
from geo.walk import Approach, DropOff
from server.dispatch.travel import Traveller
from server.ports import Router

Journey = tuple[Traveller, DropOff]


class Rendezvous:
    """Of one map."""

    def __init__(
        self, *, router: Router, silent: Silent, name_place: Callable[[float, float], str]
    ) -> None:
        """`silent`: where we know of no radio; `name_place`: of lon and lat, in words."""
        self._router, self._silent, self._name_place = router, silent, name_place

    def no_signal(self, place: Approach) -> bool:
        """Whether we know of no radio where the road is left for a place."""
        snap = place.nearest.snap
        return self._silent(snap.edge, snap.fraction)

    async def meet(self, one: Journey, other: Journey, mode: Mode) -> tuple[Meeting | None, str]:
        """Where they meet, and in words; None: nowhere. Raises `RoutingBusy`."""
        found = await self._router.meeting(one, other, mode, self._silent)
        return found, "" if found is None else self._name_place(found.lon, found.lat)
