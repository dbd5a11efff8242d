"""Measures of a span of time: reads what happened page by page and reckons, one answer at a time.

What is read is one state of the database, however long it takes. Every reading is in the command
log before anybody sees it. Knows no face.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from geo.driving.sun import is_night
from geo.reach.coverage import settlements
from geo.roadmap import RoadMap
from server.coverageviews import CoverageView, coverage_view
from server.coverkeeper import quarters
from server.dispatch.cover import residents
from server.dispatch.errors import Impossible
from server.dispatch.runcards import ROOM_TASKS
from server.dispatch.stance import StanceOrder
from server.journal.kinds import JournalKind
from server.measureviews import MeasuresView, measures_view
from server.metrics import Metrics
from server.oneatatime import TooMany
from server.pointviews import PointsView, points_view
from server.ports import Clock
from server.review.circumstances import RoadGroup, held_at, road_of
from server.review.coverage import CoverGathering
from server.review.history import IncidentPast
from server.review.ledger import Ledger, Who
from server.review.measures import AXES_DEFAULT, Axis, Gathering, Table
from server.review.points import Job, Weights, standings
from server.stores import coverlooks, duty, histories, journal, stance
from server.stores.histories import Drive, Page

SPAN_MAX: Final = timedelta(days=400)
"""A year, and the month before it to compare with."""
SPAN_DEFAULT: Final = timedelta(days=28)
"""Whole weeks."""
INCIDENTS_MAX: Final = 100_000
"""Three hundred a day for a year; of more, a shorter span."""
WAITING_MAX: Final = 4
"""Answers that wait for one another; more are refused."""

V = TypeVar("V")
Reckon: TypeAlias = Callable[[Any, "Asked", datetime], Awaitable[V]]
"""An answer from a connection, for what is asked, now."""


class MeasuresBusy(TooMany):
    """Too many answers wait already; ask again in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Incidents opened at or after `since` and before `until`, by these axes."""

    since: datetime
    until: datetime
    axes: Sequence[Axis] = AXES_DEFAULT

    def require(self) -> None:
        """Raises `Impossible` (`bad_span`)."""
        if not timedelta(0) < self.until - self.since <= SPAN_MAX:
            text = f"From must lie before to, by at most {SPAN_MAX.days} days."
            raise Impossible("bad_span", text, {"days_max": SPAN_MAX.days})


class MeasureDesk:
    """`by` is who reads: `user:<username>` or `operator:<name>`.

    Every answer raises `Impossible` (`bad_span`, `too_many`), `MeasuresBusy`.
    """

    def __init__(
        self,
        *,
        pool: Any,
        roadmap: RoadMap | None,
        clock: Clock,
        weights: Weights = Weights(),  # noqa: B008 (frozen)
        metrics: Metrics | None = None,
    ) -> None:
        """Without a map, no drive is known by its roads."""
        self._pool, self._roadmap, self._clock, self._weights = pool, roadmap, clock, weights
        self._working = asyncio.Lock()
        self._waiting = 0
        self._metrics = metrics or Metrics()
        self._metrics.gauge("measures_waiting", lambda: self._waiting)

    async def measures(self, asked: Asked, *, by: str) -> MeasuresView:
        """How long every part of a response took."""
        return await self._answer(asked, "times", by, self._measures)

    async def points(self, asked: Asked, who: Who, *, by: str) -> PointsView:
        """What units or officers did, in work points."""
        return await self._answer(asked, "points", by, partial(self._points, who))

    async def coverage(self, asked: Asked, *, by: str) -> CoverageView:
        """Which share of people and villages somebody free was likely to reach in time."""
        return await self._answer(asked, "coverage", by, self._coverage)

    async def _answer(self, asked: Asked, figures: str, by: str, reckon: Reckon[V]) -> V:
        """One state of the database, one answer at a time, and nothing unread in the log."""
        asked.require()
        async with self._turn():
            now = self._clock()
            async with self._snapshot() as conn:
                view = await reckon(conn, asked, now)
            await self._log(asked, figures, by=by)
        return view

    async def _measures(self, conn: Any, asked: Asked, now: datetime) -> MeasuresView:
        tasks = await _count(conn, asked, without=())
        calls = await _count(conn, asked, without=ROOM_TASKS)
        return measures_view(
            await self._table(conn, asked, now),
            since=asked.since,
            until=asked.until,
            as_of=now,
            first_opened_at=await histories.first_opened(conn),
            tasks_left_out=tasks - calls,
        )

    async def _points(self, who: Who, conn: Any, asked: Asked, now: datetime) -> PointsView:
        await _count(conn, asked, without=())
        shifts = await duty.between(conn, asked.since, min(asked.until, now), now=now)
        ledger = Ledger(shifts, who, asked.since, min(asked.until, now))
        async for page in histories.pages(conn, asked.since, asked.until, without=()):
            await asyncio.to_thread(self._credit, ledger, page)
        found = await asyncio.to_thread(standings, ledger.workers, self._weights)
        return points_view(
            found,
            self._weights,
            of=who.value,
            since=asked.since,
            until=asked.until,
            as_of=now,
            uncredited=ledger.uncredited,
        )

    async def _coverage(self, conn: Any, asked: Asked, now: datetime) -> CoverageView:
        """Raises `Impossible` (`no_map`)."""
        if self._roadmap is None:
            raise Impossible("no_map", "Coverage is told by the villages of a map; name the map.")
        map_id = self._roadmap.meta.map_id
        west, south, east, north = self._roadmap.meta.bounds
        middle = (west + east) / 2.0, (south + north) / 2.0
        places = settlements(self._roadmap)
        limit_s = await coverlooks.newest_limit_s(conn, map_id, asked.since, asked.until)
        people = residents([(each.kind, each.population) for each in places])
        gathering, left_out = CoverGathering(people), 0
        async for page in coverlooks.pages(conn, asked.since, asked.until):
            alike = [each for each in page if (each.map_id, each.limit_s) == (map_id, limit_s)]
            left_out += len(page) - len(alike)
            for look in alike:
                dark = is_night(look.at, *middle)
                gathering.add(
                    look.at, "night" if dark else "day", look.free_units, look.units_in_time
                )
        return coverage_view(
            await asyncio.to_thread(gathering.parts),
            list(zip(places, people.tolist(), strict=True)),
            since=asked.since,
            until=asked.until,
            as_of=now,
            limit_s=limit_s,
            looks_possible=quarters(asked.since, min(asked.until, now)),
            looks_left_out=left_out,
        )

    def _credit(self, ledger: Ledger, page: Page) -> None:
        for incident in page.incidents:
            for order in incident.orders:
                drive = page.drives.get(order.id)
                night = is_night(order.issued_at, incident.lon, incident.lat)
                ledger.credit(order, Job.of(order, night=night, km=self._way(drive)[1] / 1_000.0))

    async def _table(self, conn: Any, asked: Asked, now: datetime) -> Table:
        stances = await stance.around(conn, asked.since, now)
        gathering = Gathering(asked.axes)
        async for page in histories.pages(conn, asked.since, asked.until, without=ROOM_TASKS):
            await asyncio.to_thread(self._gather, gathering, page, stances, now)
        return await asyncio.to_thread(gathering.table)

    def _gather(
        self, gathering: Gathering, page: Page, stances: Sequence[StanceOrder], now: datetime
    ) -> None:
        for incident in page.incidents:
            held = partial(self._held, incident, page, stances)
            first = incident.first_there
            gathering.add(
                incident,
                held(incident.opened_at, None if first is None else first.id),
                {each.id: held(each.issued_at, each.id) for each in incident.orders},
                now,
            )

    def _held(
        self,
        incident: IncidentPast,
        page: Page,
        stances: Sequence[StanceOrder],
        at: datetime,
        order_id: str | None,
    ) -> dict[Axis, str]:
        """Then and there, with the drive of this order; None: of none."""
        drive = None if order_id is None else page.drives.get(order_id)
        return held_at(
            at,
            (incident.lon, incident.lat),
            priority=incident.priority,
            stances=stances,
            road=self._way(drive)[0],
            condition=None if drive is None else drive.condition,
        )

    def _way(self, drive: Drive | None) -> tuple[RoadGroup | None, float]:
        """As `road_of`; of nothing where nothing was matched, or on another map."""
        if drive is None or self._roadmap is None or drive.map_id != self._roadmap.meta.map_id:
            return None, 0.0
        return road_of(self._roadmap, drive.arcs, drive.shares)

    async def _log(self, asked: Asked, figures: str, *, by: str) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            await journal.append(
                conn,
                actor=by,
                subject=by,
                kind=JournalKind.MEASURES_READ,
                body={"figures": figures, "since": asked.since, "until": asked.until},
            )

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[Any]:
        """A connection that sees one state of the database."""
        async with (
            self._pool.acquire() as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield conn

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING_MAX:
            self._metrics.count("measures_refused")
            raise MeasuresBusy(f"{WAITING_MAX} answers wait already")
        self._waiting += 1
        try:
            async with self._working:
                yield
        finally:
            self._waiting -= 1


async def _count(conn: Any, asked: Asked, *, without: Sequence[str]) -> int:
    found = await histories.count(conn, asked.since, asked.until, without=without)
    if found > INCIDENTS_MAX:
        text = f"There are {found} incidents, and at most {INCIDENTS_MAX} are reckoned at once."
        raise Impossible("too_many", f"{text} Ask for a shorter span.", {"max": INCIDENTS_MAX})
    return found
