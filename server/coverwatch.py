"""What the county is left with while a unit is away, kept beside the live picture.

How far each free unit is from every village and post is asked of routing in small pieces, and
remembered while the unit stands and the roads stay as they are: a look at a quiet county costs
nothing. What follows from it for the choice of a unit, and who could move up, is
`server.dispatch.cover`. Losing a look costs seconds: `picture` says of which moment it is. Writes
nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from devices.intake import distance_m
from geo.reach.coverage import Village, times_to
from geo.reach.times import Reach
from geo.snap import Snap
from server.dispatch.cover import Cover, Floats, Left, Loss, MoveUp, Rules, shares
from server.dispatch.travel import Terms, Traveller, traveller
from server.metrics import Metrics
from server.ports import Clock, LiveRoads, LiveUnits, Router
from server.routing import RoutingBusy
from server.stores.away import STORE_AWAY
from server.views import UnitStatus, UnitView

logger = logging.getLogger(__name__)

LOOK_S: Final = 15.0
PIECE_LEN: Final = 4
"""Units whose times are asked of routing at once: others ask in between."""
MOVED_M: Final = 500.0
"""A unit this near to where it was last asked about is still there: half a minute of driving."""
STALE: Final = timedelta(minutes=2)
"""What was seen longer ago says nothing for a choice."""

TERMS: Final = Terms()
"""As everybody drives who hurries to nothing yet, under what holds now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Where a unit may wait: a station, or a standby point."""

    id: str
    name: str
    at: Snap


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverPicture:
    """What one look saw."""

    at: datetime
    covered: float
    """Share of calls that comes from where a free unit is within the limit."""
    villages: Sequence[Village]
    posts: Sequence[Post]
    units: Sequence[str]
    """Free ones; `losses` and `MoveUp.unit` count in this order."""
    losses: Sequence[Loss]
    move_ups: Sequence[MoveUp]

    def left(self, rules: Rules) -> dict[str, Left]:
        """Each loss as a choice takes it, by unit id."""
        return {
            unit_id: self._left(loss, rules)
            for unit_id, loss in zip(self.units, self.losses, strict=True)
        }

    def _left(self, loss: Loss, rules: Rules) -> Left:
        near = loss.worst is not None and loss.worst_next_s < rules.horizon_s
        return Left(
            wait_s=loss.wait_s,
            calls_per_day=rules.calls_per_day,
            limit_s=rules.limit_s,
            people=loss.people,
            places=loss.places,
            worst="" if loss.worst is None else self.villages[loss.worst].place.name,
            worst_next_s=loss.worst_next_s if near else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Times of one unit, or of a unit at one post."""

    lon: float
    lat: float
    roads: LiveRoads
    to_villages_s: Floats
    to_posts_s: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """What times are asked to."""

    villages: Sequence[Village]
    posts: Sequence[Post]


class CoverWatch:
    """`run` looks until cancelled; `picture` is what the last look saw."""

    def __init__(
        self,
        *,
        live: LiveUnits,
        router: Router,
        villages: Callable[[], Awaitable[list[Village]]],
        posts: Callable[[], Awaitable[list[Post]]],
        calls: Callable[[Sequence[Village]], Awaitable[Floats]],
        rules: Rules,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        """`villages`, `posts`, `calls` (of each village): asked at every look; they are expected to
        remember."""
        self._live, self._router, self._rules, self._clock = live, router, rules, clock
        self._villages, self._posts, self._calls = villages, posts, calls
        self._metrics = metrics or Metrics()
        self._known: dict[str, _Known] = {}
        """By id of a unit or a post."""
        self._picture: CoverPicture | None = None
        self._left: dict[str, Left] = {}

    @property
    def picture(self) -> CoverPicture | None:
        """None: nobody has looked yet."""
        return self._picture

    @property
    def rules(self) -> Rules:
        return self._rules

    def left(self, now: datetime) -> Mapping[str, Left]:
        """See `ports.CoverSight`."""
        seen = self._picture
        return self._left if seen is not None and now - seen.at <= STALE else {}

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except (RoutingBusy, *STORE_AWAY) as error:
                self._metrics.count("cover_looks_missed")
                logger.info("cover is looked at later: %s", error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> CoverPicture:
        """Raises `RoutingBusy`, and what the store raises when it is away."""
        places = _Places(villages=await self._villages(), posts=await self._posts())
        units = [each for each in self._live.units() if each.status is UnitStatus.AVAILABLE]
        free = {
            each.id: traveller(each, snap, self._clock())
            for each in units
            if (snap := self._live.snap(each.id)) is not None
        }
        at_posts = {each.id: Traveller(snap=each.at) for each in places.posts}
        await self._catch_up(free | at_posts, places, self._positions(units, places))
        calls = await self._calls(places.villages)
        self._picture = self._seen(places, list(free), calls)
        self._left = self._picture.left(self._rules)
        return self._picture

    def _positions(
        self, units: Sequence[UnitView], places: _Places
    ) -> dict[str, tuple[float, float]]:
        found = {each.id: (each.at.lon, each.at.lat) for each in places.posts}
        for unit in units:
            if unit.position is not None:
                found[unit.id] = unit.position.lon, unit.position.lat
        return found

    async def _catch_up(
        self,
        wanted: Mapping[str, Traveller],
        places: _Places,
        positions: Mapping[str, tuple[float, float]],
    ) -> None:
        """Know the times of all that are wanted and of nobody else."""
        roads, sizes = self._router.roads, (len(places.villages), len(places.posts))
        self._known = {
            each: known
            for each, known in self._known.items()
            if each in wanted
            and known.roads is roads
            and (len(known.to_villages_s), len(known.to_posts_s)) == sizes
            and distance_m(known.lon, known.lat, *positions[each]) <= MOVED_M
        }
        new = [each for each in wanted if each not in self._known]
        for start in range(0, len(new), PIECE_LEN):
            piece = new[start : start + PIECE_LEN]
            found = await self._router.reach(
                [wanted[each] for each in piece], self._rules.horizon_s, TERMS
            )
            tables = await asyncio.to_thread(_tables, found, places)
            for each, (villages_s, posts_s) in zip(piece, tables, strict=True):
                lon, lat = positions[each]
                self._known[each] = _Known(
                    lon=lon, lat=lat, roads=roads, to_villages_s=villages_s, to_posts_s=posts_s
                )

    def _seen(self, places: _Places, units: list[str], calls: Floats) -> CoverPicture:
        people = np.array([each.place.population for each in places.villages], dtype=np.float64)
        cover = Cover(self._table(units, len(people)), people, shares(people, calls), self._rules)
        posts = [each.id for each in places.posts]
        to_posts_s = np.array([self._known[each].to_posts_s for each in units])
        return CoverPicture(
            at=self._clock(),
            covered=cover.covered(),
            villages=places.villages,
            posts=places.posts,
            units=units,
            losses=cover.losses,
            move_ups=cover.move_ups(
                self._table(posts, len(people)),
                to_posts_s.reshape(len(units), len(posts)),
                may_move=range(len(units)),
            ),
        )

    def _table(self, ids: Sequence[str], columns: int) -> Floats:
        rows = [self._known[each].to_villages_s for each in ids]
        return np.array(rows, dtype=np.float64).reshape(len(ids), columns)


def _tables(reaches: Sequence[Reach], places: _Places) -> list[tuple[Floats, Floats]]:
    """Seconds to all villages and to all posts, of each."""
    edges = np.array([each.at.edge for each in places.posts], dtype=np.int64)
    fractions = np.array([each.at.fraction for each in places.posts], dtype=np.float64)
    return [(times_to(places.villages, each), each.at(edges, fractions)) for each in reaches]
