"""What the county is left with while a unit is away, kept beside the live picture.

How far each free unit is from every village and post is asked of routing in small pieces, and
remembered while the unit stands, and roads and posts stay as they are: a look at a quiet county
costs nothing. Who waits at a post by order, or is on the way there, is counted at that post. Who is
not heard, or calls for help himself, covers nobody. What follows from it for the choice of a unit,
and who could move up, is `server.dispatch.cover`. Losing a look costs seconds: `picture` says of
which moment it is. Writes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from devices.intake import distance_m
from geo.reach.coverage import Village, times_to
from geo.reach.times import Reach
from geo.snap import Snap
from server.dispatch.cover import (
    BACK_SOON_S,
    Cover,
    Floats,
    Left,
    Loss,
    MoveUp,
    Rules,
    residents,
    shares,
)
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
UNHEARD: Final = timedelta(minutes=10)
"""Whom nobody has heard for so long, and no dead zone explains it, is not counted on. Starting
value."""
BACK_SOON: Final = timedelta(seconds=BACK_SOON_S)
ON_FOOT: Final = "foot"
"""A kind of unit that is not asked to go and wait elsewhere."""

TERMS: Final = Terms()
"""As everybody drives who hurries to nothing yet, under what holds now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Where a unit may wait: a station, or a standby point."""

    id: str
    name: str
    lon: float
    lat: float
    at: Snap
    """Where the road passes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Units that are not free as they look, or not bound as they look."""

    posted: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """On the order to wait at a place, (lon, lat), by unit id."""
    in_need: frozenset[str] = frozenset()
    """They call for help."""
    calls_waiting: int = 0
    """Calls that nobody was sent to."""
    free_at: Mapping[str, datetime] = field(default_factory=dict)
    """When each unit on a call is expected to be free again, by unit id."""


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
    unheard: Sequence[str]
    """Free by the book, and nobody has heard of them: not counted."""
    times_s: Floats
    """(W, V) seconds to each village of everybody who counts for cover, inf where no road leads:
    free units, and those that wait at a post by order."""
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
    places: _Places
    to_villages_s: Floats
    to_posts_s: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """What times are asked to."""

    villages: Sequence[Village]
    """Of one walking profile of one map: the same object, the same villages."""
    posts: tuple[Post, ...]

    def same(self, other: _Places) -> bool:
        return self.villages is other.villages and self.posts == other.posts


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
        bound: Callable[[], Awaitable[Bound]],
        rules: Rules,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        """`villages`, `posts`, `calls` (of each village), `bound`: asked at every look; the first
        and the third are expected to remember."""
        self._live, self._router, self._rules, self._clock = live, router, rules, clock
        self._villages, self._posts, self._calls, self._bound = villages, posts, calls, bound
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
        places = _Places(villages=await self._villages(), posts=tuple(await self._posts()))
        bound, now = await self._bound(), self._clock()
        on_call = [
            each
            for each in self._live.units()
            if each.status is UnitStatus.AVAILABLE and each.id not in bound.in_need
        ]
        free = self._placed(each for each in on_call if is_heard(each, now))
        soon = self._placed(
            each
            for each in self._live.units()
            if now < bound.free_at.get(each.id, now) <= now + BACK_SOON
        )
        on_roads = {
            each.id: traveller(each, snap, now)
            for each in (*free, *soon)
            if (snap := self._live.snap(each.id)) is not None
        }
        at_posts = {each.id: Traveller(snap=each.at) for each in places.posts}
        positions = self._positions([*free, *soon], places)
        await self._catch_up(on_roads | at_posts, places, positions)
        calls = await self._calls(places.villages)
        self._picture = self._seen(
            places,
            free,
            bound,
            soon=[each.id for each in soon],
            unheard=[each.id for each in on_call if not is_heard(each, now)],
            calls=calls,
        )
        self._left = self._picture.left(self._rules)
        return self._picture

    def _placed(self, units: Iterable[UnitView]) -> list[UnitView]:
        """Those of which it is known where on the roads they are."""
        return [each for each in units if self._live.snap(each.id) is not None]

    def _positions(
        self, units: Sequence[UnitView], places: _Places
    ) -> dict[str, tuple[float, float]]:
        found = {each.id: (each.lon, each.lat) for each in places.posts}
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
        roads = self._router.roads
        self._known = {
            each: known
            for each, known in self._known.items()
            if each in wanted
            and known.roads is roads
            and known.places.same(places)
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
                    lon=lon,
                    lat=lat,
                    roads=roads,
                    places=places,
                    to_villages_s=villages_s,
                    to_posts_s=posts_s,
                )

    def _seen(
        self,
        places: _Places,
        units: Sequence[UnitView],
        bound: Bound,
        *,
        soon: Sequence[str],
        unheard: Sequence[str],
        calls: Floats,
    ) -> CoverPicture:
        """For a post where one waits by order no second one is proposed, nobody is where as many
        calls wait as units are free, and nobody for whom is back `soon`."""
        manned = _manned(places.posts, bound)
        spare = units if len(units) > bound.calls_waiting else ()
        people = residents([(each.place.kind, each.place.population) for each in places.villages])
        ids, posts = [each.id for each in units], [each.id for each in places.posts]
        table = self._table([*ids, *manned], len(people))
        share = shares(people, calls)
        cover = Cover(table, people, share, self._rules)
        lasting = [*ids, *manned, *soon]
        to_posts_s = np.array([self._known[each].to_posts_s for each in lasting])
        to_posts_s = to_posts_s.reshape(len(lasting), len(posts))
        to_posts_s[:, [each in manned for each in posts]] = np.inf
        return CoverPicture(
            at=self._clock(),
            covered=cover.covered(),
            villages=places.villages,
            posts=places.posts,
            units=ids,
            unheard=unheard,
            times_s=table,
            losses=cover.losses[: len(ids)],
            move_ups=Cover(self._table(lasting, len(people)), people, share, self._rules).move_ups(
                self._table(posts, len(people)),
                to_posts_s,
                may_move=[row for row, each in enumerate(spare) if each.kind != ON_FOOT],
            ),
        )

    def _table(self, ids: Sequence[str], columns: int) -> Floats:
        rows = [self._known[each].to_villages_s for each in ids]
        return np.array(rows, dtype=np.float64).reshape(len(ids), columns)


def is_heard(unit: UnitView, now: datetime) -> bool:
    """Whether a unit can be counted on to hear an order."""
    if any(each.online for each in unit.devices):
        return True
    if unit.contact is not None and unit.contact.state != "overdue":
        return True  # a dead zone explains it
    seen = [each.last_seen_at for each in unit.devices if each.last_seen_at is not None]
    return bool(seen) and now - max(seen) <= UNHEARD


def _manned(posts: Sequence[Post], bound: Bound) -> list[str]:
    """The post of each unit that is to wait at one; a post that was taken away counts for none."""
    at = {(each.lon, each.lat): each.id for each in posts}
    return [at[place] for place in bound.posted.values() if place in at]


def _tables(reaches: Sequence[Reach], places: _Places) -> list[tuple[Floats, Floats]]:
    """Seconds to all villages and to all posts, of each."""
    edges = np.array([each.at.edge for each in places.posts], dtype=np.int64)
    fractions = np.array([each.at.fraction for each in places.posts], dtype=np.float64)
    return [(times_to(places.villages, each), each.at(edges, fractions)) for each in reaches]
