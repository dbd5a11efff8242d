"""Villages of a county and the posts where its units may wait: how far one is from the other.

Villages weigh by their people, as calls do here, and count from where one leaves the road for them.
Posts are the stations, and standby points as a supervisor might mark them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from geo.driving.speed import Profile
from geo.driving.vehicles import Vehicle
from geo.ground import Ground
from geo.reach.coverage import villages_of
from geo.snap import Snap
from geo.walk import Approach
from server.dispatch.cover import Floats, Rules, residents, shares
from server.evaluation.trips import place_on

POINTS_MAX: Final = 4
"""Standby points beside the stations. Starting value."""
PIECE_M: Final = 500.0
"""Of a road: from all of it everything is as far."""
PIECES_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Times:
    """Of one unit, inf where no road leads."""

    to_villages_s: Floats
    """(V,) walk included."""
    to_posts_s: Floats
    """(P,)"""


class Posts:
    """Of one county, whatever happens in it."""

    def __init__(
        self,
        ground: Ground,
        approach: Callable[[float, float], Approach],
        stations: Sequence[Snap],
        rules: Rules,
    ) -> None:
        self._ground, self._stations, self.rules = ground, stations, rules
        found = [
            (each, each.approach.nearest)
            for each in villages_of(ground.roadmap, approach)
            if each.approach is not None
        ]
        self._villages = [way.snap for _, way in found]
        self._walk_s = np.array([way.walk.duration_s for _, way in found])
        self.people = residents([(each.place.kind, each.place.population) for each, _ in found])
        """(V,) as the product supposes where the map does not say."""
        self.share = shares(self.people)
        """(V,) of calls."""
        self._known = lru_cache(PIECES_KEPT)(self._asked)

    @cached_property
    def snaps(self) -> tuple[Snap, ...]:
        """Stations, then standby points: one after the other, the village with the most people
        whom no post reaches within the limit."""
        found = list(self._stations)
        near = (self._villages_s(found) <= self.rules.limit_s).any(axis=0)
        while not near.all() and len(found) < len(self._stations) + POINTS_MAX:
            village = int(np.argmax(np.where(near, -1.0, self.people)))
            found.append(self._villages[village])
            near |= self._villages_s(found[-1:])[0] <= self.rules.limit_s
            near[village] = True
        return tuple(found)

    @cached_property
    def from_posts_s(self) -> Floats:
        """(P, V) seconds of a patrol car at each post to each village."""
        return self._villages_s(self.snaps)

    def times_s(self, place: Snap, vehicle: Vehicle) -> Times:
        """Of a unit on its way to nothing; for each PIECE_M of a road asked once, of its middle."""
        return self._known(vehicle, place.edge, self._piece(place))

    def _piece(self, place: Snap) -> int:
        pieces = self._pieces(place.edge)
        return min(int(place.fraction * pieces), pieces - 1)

    def _pieces(self, edge: int) -> int:
        return max(1, round(float(self._ground.roadmap.edge_length_m[edge]) / PIECE_M))

    def _asked(self, vehicle: Vehicle, edge: int, piece: int) -> Times:
        middle = place_on(self._ground.roadmap, edge, (piece + 0.5) / self._pieces(edge))
        goals, villages = [*self._villages, *self.snaps], len(self._villages)
        (found,) = self._ground.matrix([middle], goals, profile=Profile(vehicle=vehicle))
        return Times(found[:villages] + self._walk_s, np.asarray(found[villages:]))

    def _villages_s(self, starts: Sequence[Snap]) -> Floats:
        """(S, V) of a patrol car."""
        return np.asarray(self._ground.matrix(starts, self._villages) + self._walk_s)
