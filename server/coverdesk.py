"""Posts where units may wait, and what the county is left with: for the faces.

Stations are posts by themselves; a supervisor adds standby points beside them. Each step is one
transaction with the command log. What is seen of cover is `server.coverwatch`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from geo.errors import NoRouteError, OffMapError
from geo.snap import Snap, SnapIndex
from server.coverviews import CoverView, LeftView, MoveUpView, PostView
from server.coverwatch import Bound, CoverPicture, CoverWatch, Post
from server.dispatch.cover import Left, MoveUp, Rules
from server.dispatch.errors import Conflict, DispatchError, Impossible, NotFound
from server.dispatch.runcards import ROOM_TASKS, STANDBY_AT_POST, RunCards
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.pipeline import NewDecision, NewIncident, Pipeline
from server.ports import Clock
from server.routing import RoutingBusy
from server.stores import incidents, journal, sos, standby, stations
from server.stores.pool import Pool
from server.stores.standby import POINTS_LEN_MAX
from server.views import OrderView

OFF_ROAD_M_MAX: Final = 200.0
"""A car waits on a road, or in a yard beside it."""


class Posts:
    """Stations and standby points, brought to the road once per place."""

    def __init__(self, *, pool: Pool, index: SnapIndex) -> None:
        self._pool, self._index = pool, index
        self._snaps: dict[tuple[float, float], Snap | None] = {}

    async def views(self) -> list[PostView]:
        """Stations, then standby points, each by name."""
        found = [
            PostView(id=each.id, name=each.name, kind="station", lon=each.lon, lat=each.lat)
            for each in await stations.load_all(self._pool)
        ]
        return found + await standby.load_all(self._pool)

    async def on_roads(self) -> list[Post]:
        """Those that a road reaches."""
        views = await self.views()
        places = {(each.lon, each.lat) for each in views}
        self._snaps = {place: self._snap(*place) for place in places}
        return [
            Post(id=each.id, name=each.name, lon=each.lon, lat=each.lat, at=snap)
            for each in views
            if (snap := self._snaps[each.lon, each.lat]) is not None
        ]

    def require_road(self, lon: float, lat: float) -> None:
        """Raises `OffMapError`, `NoRouteError`."""
        off_m = self._index.snap(lon, lat).distance_m
        if off_m > OFF_ROAD_M_MAX:
            raise NoRouteError(f"the nearest road is {off_m:,.0f} m from {lon:.5f}, {lat:.5f}")

    def _snap(self, lon: float, lat: float) -> Snap | None:
        if (lon, lat) in self._snaps:
            return self._snaps[lon, lat]
        try:
            return self._index.snap(lon, lat)
        except (NoRouteError, OffMapError):
            return None


async def bound(pool: Pool, cards: Callable[[], RunCards]) -> Bound:
    """What orders and calls make of the units, as far as cover goes.

    A unit is expected to be free when it was to be there and has been as long as its run card says.
    """
    async with pool.acquire() as conn:
        on_calls = await standby.on_calls(conn)
        return Bound(
            posted=await standby.posted(conn),
            in_need=await sos.callers(conn),
            calls_waiting=await incidents.waiting(conn, without=ROOM_TASKS),
            free_at={
                unit_id: there_at + timedelta(minutes=cards().card(type_code).scene_min)
                for unit_id, type_code, there_at in on_calls
            },
        )


class CoverDesk:
    """`by` is who acts: `user:<username>`."""

    def __init__(
        self, *, pool: Pool, posts: Posts, watch: CoverWatch, pipeline: Pipeline, clock: Clock
    ) -> None:
        self._pool, self._posts, self._watch, self._clock = pool, posts, watch, clock
        self._pipeline = pipeline

    async def view(self) -> CoverView | None:
        """As the last look saw it; None: nobody has looked yet."""
        posts = await self._posts.views()
        seen = self._watch.picture
        return None if seen is None else cover_view(seen, posts, self._watch.rules)

    async def points(self) -> Sequence[PostView]:
        """Standby points in service, by name."""
        return await standby.load_all(self._pool)

    async def add(self, name: str, lon: float, lat: float, *, by: str) -> PostView:
        """A new standby point. Raises `Conflict` (`exists`, `too_many`), `Impossible`
        (`off_map`, `no_road`)."""
        self._require_road(lon, lat)
        point = PostView(id=new_id(), name=name.strip(), kind="standby", lon=lon, lat=lat)
        async with self._pool.acquire() as conn, conn.transaction():
            if await standby.count(conn) >= POINTS_LEN_MAX:
                text = f"There are {POINTS_LEN_MAX} standby points, the most a county may have."
                raise Conflict("too_many", text)
            if not await standby.insert(conn, point, by=by, at=self._clock()):
                raise Conflict("exists", f"There is a standby point {point.name} already.")
            await journal.append(
                conn,
                actor=by,
                subject=f"standby_point:{point.id}",
                kind=JournalKind.STANDBY_POINT_ADDED,
                body={"name": point.name, "lon": lon, "lat": lat},
            )
        return point

    async def move_up(
        self, unit_id: str, post_id: str, *, request_id: str, reason: str, by: str
    ) -> list[OrderView]:
        """Send a unit to wait at a post: an order like any other, which its officers accept.

        Asked again with the same `request_id`, it is the same order. Raises `NotFound` of the post,
        `Conflict` and `Impossible` as `Pipeline.dispatch` does; then nothing stays open.
        """
        found = [each for each in await self._posts.views() if each.id == post_id]
        if not found:
            raise NotFound("not_found", "There is no such post.")
        (post,) = found
        task = NewIncident(
            request_id=f"{request_id}-task",
            type=STANDBY_AT_POST,
            priority="routine",
            note=reason,
            lon=post.lon,
            lat=post.lat,
            place=post.name,
        )
        opened, fresh = await self._pipeline.open_incident(task, by=by)
        try:
            advised = await self._pipeline.recommend(opened.id, by=by)
            decision = NewDecision(
                request_id=f"{request_id}-send",
                recommendation_id=advised.id,
                unit_ids=[unit_id],
                instruction=reason,
                reason=reason,
            )
            orders, _ = await self._pipeline.dispatch(opened.id, decision, by=by)
        except (DispatchError, RoutingBusy):
            if fresh:
                await self._pipeline.close_incident(opened.id, outcome="nobody was sent", by=by)
            raise
        return orders

    async def retire(self, point_id: str, *, by: str) -> None:
        """Nobody is proposed to wait there any more. Raises `NotFound`."""
        async with self._pool.acquire() as conn, conn.transaction():
            name = await standby.retire(conn, point_id, at=self._clock())
            if name is None:
                raise NotFound("not_found", "There is no such standby point in service.")
            await journal.append(
                conn,
                actor=by,
                subject=f"standby_point:{point_id}",
                kind=JournalKind.STANDBY_POINT_RETIRED,
                body={"name": name},
            )

    def _require_road(self, lon: float, lat: float) -> None:
        try:
            self._posts.require_road(lon, lat)
        except OffMapError as error:
            raise Impossible("off_map", f"The place is not on the map: {error}.") from None
        except NoRouteError as error:
            raise Impossible("no_road", f"Nobody can drive there: {error}.") from None


def cover_view(seen: CoverPicture, posts: Sequence[PostView], rules: Rules) -> CoverView:
    """`posts`: at least those that the picture knows; one that was taken away is not proposed."""
    known = {each.id: each for each in posts}
    left = [_left(unit_id, each) for unit_id, each in seen.left(rules).items()]
    moves = [
        _move_up(each, seen, known[post_id])
        for each in seen.move_ups
        if (post_id := seen.posts[each.post].id) in known
    ]
    return CoverView(
        at=seen.at,
        limit_min=rules.limit_s / 60.0,
        horizon_min=rules.horizon_s / 60.0,
        covered=round(seen.covered, 3),
        unheard=list(seen.unheard),
        left=sorted(left, key=lambda each: (-each.people, -each.wait_min, each.unit_id)),
        move_ups=moves,
        posts=list(posts),
    )


def _left(unit_id: str, left: Left) -> LeftView:
    next_s = left.worst_next_s
    return LeftView(
        unit_id=unit_id,
        people=left.people,
        places=left.places,
        wait_min=round(left.wait_s / 60.0, 2),
        worst=left.worst or None,
        worst_next_min=None if next_s is None else round(next_s / 60.0, 1),
    )


def _move_up(move: MoveUp, seen: CoverPicture, post: PostView) -> MoveUpView:
    return MoveUpView(
        unit_id=seen.units[move.unit],
        post=post,
        gain=round(move.gain, 3),
        people=move.people,
        leaves=move.leaves,
        drive_min=round(move.drive_s / 60.0, 1),
    )
