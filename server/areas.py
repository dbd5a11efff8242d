"""Which station answers for a place: the one from which it is reached soonest by road.

No county hands over the outlines of its police districts, and a line on a map says little where a
ridge lies between. So a station's area is what it is nearest to by road, as the roads are now.
Remembers where stations meet the road; asks routing once a question.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geo.errors import NoRouteError, OffMapError
from geo.snap import Snap
from geo.walk import Approach
from server.dispatch.contest import Station
from server.ports import Router


class Areas:
    """Of one map."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._snaps: dict[Station, Snap | None] = {}

    async def of(self, stations: Sequence[Station], place: Approach | None) -> str:
        """The station's name; empty where there is none, or no road leads there from any.

        Of two as near, the first. Raises `RoutingBusy`.
        """
        if place is None or not stations:
            return ""
        self._snaps = {each: await self._snap(each) for each in stations}
        near = [(each, snap) for each, snap in self._snaps.items() if snap is not None]
        if not near:
            return ""
        times_s = await self._router.etas([snap for _, snap in near], place.nearest.snap)
        soonest = int(times_s.argmin())
        return near[soonest][0].name if np.isfinite(times_s[soonest]) else ""

    async def _snap(self, station: Station) -> Snap | None:
        """None: no road near it."""
        if station in self._snaps:
            return self._snaps[station]
        try:
            return await self._router.snap(station.lon, station.lat)
        except (NoRouteError, OffMapError):
            return None
