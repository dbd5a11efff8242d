"""Computes a recommendation: asks the live picture and the road graph, then ranks.

Writes nothing. The rules are in `server.dispatch.ranking`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from geo.errors import NoRouteError, OffMapError
from geo.snap import Snap
from server.dispatch.contenders import Approach, contender, recommendation_view
from server.dispatch.incidents import INCIDENT_TYPES
from server.dispatch.ranking import Ranking, Scene, rank
from server.ports import LiveUnits, Router
from server.views import IncidentView, RecommendationView, UnitStatus, UnitView

APPROACHES_MAX = 5
"""Best units whose road is computed, for its length and its spread; it costs more than its time."""
TRIES_MAX = 3
"""Computed anew when roads change under way; people change them, so twice in a row is rare."""


class Recommender:
    """Ranks the units in service for one incident."""

    def __init__(self, *, live: LiveUnits, router: Router, map_id: str) -> None:
        self._live = live
        self._router = router
        self._map_id = map_id

    def unseen(self, unit_ids: Iterable[str]) -> list[str]:
        """Those of the units that the live picture does not show yet, in order of id."""
        return sorted(set(unit_ids) - {each.id for each in self._live.units()})

    async def compute(
        self,
        incident: IncidentView,
        doing: Mapping[str, tuple[UnitStatus, int | None]],
        *,
        unseen: Sequence[UnitView] = (),
        recommendation_id: str,
        now: datetime,
    ) -> RecommendationView:
        """Every unit of `doing` (status and open order's number by unit id), ranked or excluded.

        `unseen` are the views of those that the live picture does not show yet.
        Raises `RoutingBusy`. A place that no road reaches is a reason, not an error.
        """
        for _ in range(TRIES_MAX):
            roads = self._router.roads
            found = await self._compute(incident, doing, unseen, recommendation_id, now)
            if self._router.roads is roads:
                break  # nothing changed under way: all of it is of one moment
        return msgspec.structs.replace(
            found, road_version=roads.version, conditions=list(roads.conditions)
        )

    async def _compute(
        self,
        incident: IncidentView,
        doing: Mapping[str, tuple[UnitStatus, int | None]],
        unseen: Sequence[UnitView],
        recommendation_id: str,
        now: datetime,
    ) -> RecommendationView:
        target, no_road = await self._target(incident)
        living = {each.id: each for each in (*unseen, *self._live.units()) if each.id in doing}
        snaps = {each: snap for each in living if (snap := self._live.snap(each)) is not None}
        etas_s = await self._etas(snaps, target)
        contenders = [
            contender(
                each,
                status=doing[each.id][0],
                order_number=doing[each.id][1],
                off_road_m=snaps[each.id].distance_m if each.id in snaps else None,
                eta_s=etas_s.get(each.id),
                now=now,
            )
            for each in living.values()
        ]
        closed = target is not None and bool(self._router.roads.closures_at(target.edge))
        ranking = rank(_scene(incident, target, no_road, closed), contenders)
        return recommendation_view(
            ranking,
            recommendation_id=recommendation_id,
            incident_id=incident.id,
            computed_at=now,
            map_id=self._map_id,
            approaches=await self._approaches(ranking, snaps, target),
        )

    async def _target(self, incident: IncidentView) -> tuple[Snap | None, str]:
        """Where the incident meets a road, or why no road reaches it."""
        try:
            return await self._router.snap(incident.lon, incident.lat), ""
        except (NoRouteError, OffMapError) as error:
            return None, str(error)

    async def _etas(self, snaps: dict[str, Snap], target: Snap | None) -> dict[str, float]:
        """Seconds by unit id; units that no road connects are missing."""
        if target is None or not snaps:
            return {}
        found = await self._router.etas(list(snaps.values()), target)
        pairs = zip(snaps, found.tolist(), strict=True)
        return {unit_id: eta_s for unit_id, eta_s in pairs if math.isfinite(eta_s)}

    async def _approaches(
        self, ranking: Ranking, snaps: dict[str, Snap], target: Snap | None
    ) -> dict[str, Approach | None]:
        """The roads of the best units by unit id."""
        timed = [each.contender for each in ranking.candidates if each.contender.eta_s is not None]
        best = [one.unit_id for one in timed[:APPROACHES_MAX]]
        if target is None or not best:
            return {}
        found = await self._router.approaches([snaps[each] for each in best], target)
        return dict(zip(best, found, strict=True))


def _scene(incident: IncidentView, target: Snap | None, no_road: str, road_closed: bool) -> Scene:
    kind = INCIDENT_TYPES[incident.type]
    return Scene(
        scene_s=kind.scene_min * 60.0,
        recording=kind.recording,
        off_road_m=None if target is None else target.distance_m,
        no_road=no_road,
        road_closed=road_closed,
    )
