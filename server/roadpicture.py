"""The roads as they are now: what the database says, in force in routing, shown to consoles.

`catch_up` reads what runs, and hands routing one table of everything that differs from the map.
Closed and slowed roads are in force when it returns. A condition needs travel times of the whole
map under it (`server.weather`, and `ready` for those who drive): until `run` has them, the
conditions before it stay.
Changes nothing in the database; that is `server.roaddesk`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
import numpy as np

from geo.driving.conditions import DRY, Condition
from geo.errors import ExtentError
from geo.live.conditionfield import ConditionField, SetCondition, TooManyConditions, field, members
from geo.live.extent import Ints, Where, Zone
from geo.live.roadstate import RoadChange, RoadTable
from geo.roadmap import RoadMap
from server.metrics import Metrics
from server.ports import LiveRoads, Router
from server.roadviews import ConditionView, RoadStateView, RoadsView, SpellStatus, SpellView
from server.stores import roadstate
from server.stores.roadentries import where_of
from server.stores.roadstate import ConditionRow, Picture, RoadStateRow, Spell
from server.surveyor import Survey, Surveyor
from server.weather import TimesOf, Weather

logger = logging.getLogger(__name__)


class RoadPicture:
    """Keeps routing and consoles in step with the database; `run` beside."""

    def __init__(
        self,
        *,
        pool: Any,
        router: Router,
        surveyor: Surveyor,
        roadmap: RoadMap,
        times_of: TimesOf,
        ready: Callable[[Condition], Awaitable[None]],
        metrics: Metrics | None = None,
    ) -> None:
        """`times_of` is called on another thread, for one condition after the other; `ready` has
        routing made ready for a condition of the county, before it is in force."""
        self._pool, self._router, self._surveyor = pool, router, surveyor
        self._map_id, self._edge_count = roadmap.meta.map_id, roadmap.edge_count
        self._weather = Weather(times_of, roadmap.edge_count)
        self._ready = ready
        self._ready_for: Condition = DRY
        """The county's condition for which routing was made ready last."""
        self._metrics = metrics or Metrics()
        self._picture = Picture(version=-1, states=[], conditions=[])
        self._surveys: dict[str, Survey | None] = {}
        """Of running closed and slowed roads, by id; None: it lies nowhere on this map."""
        self._members: dict[str, Ints] = {}
        """Edges of running conditions of areas, by id."""
        self._unsettled = asyncio.Event()
        """Set while the conditions in force are not yet those of the picture."""
        self._taking = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []

    # -- looking -------------------------------------------------------------------------

    @property
    def version(self) -> int:
        return self._picture.version

    @property
    def next_due_at(self) -> datetime | None:
        """When something begins or ends by itself."""
        dues = (each.due_at for each in (*self._picture.states, *self._picture.conditions))
        return min((due for due in dues if due is not None), default=None)

    @property
    def states(self) -> list[RoadStateRow]:
        """Running ones by number, then some that ended, newest first."""
        return self._picture.states

    @property
    def conditions(self) -> list[ConditionRow]:
        return self._picture.conditions

    def running(self) -> list[tuple[RoadStateRow, Survey | None]]:
        """Closed and slowed roads that have not ended, with where they lie on this map."""
        states = self._picture.states
        return [(each, self._surveys.get(each.id)) for each in states if each.ended_at is None]

    def view(self) -> RoadsView:
        return RoadsView(
            version=self.version,
            county=self._weather.words[0],
            states=[self.state_view(each) for each in self._picture.states],
            conditions=[self.condition_view(each) for each in self._picture.conditions],
        )

    def state_view(self, row: RoadStateRow) -> RoadStateView:
        survey = self._surveys.get(row.id)
        assert row.extent is not None
        return RoadStateView(
            **_common(row, _status(row)),
            state=row.state,
            factor=row.factor,
            kind=row.extent["kind"],
            length_km=None if survey is None else round(survey.length_km, 2),
        )

    def condition_view(self, row: ConditionRow) -> ConditionView:
        status = _status(row)
        if status == "in_force" and self._unsettled.is_set():
            status = "preparing"
        return ConditionView(
            **_common(row, status),
            condition=row.condition,
            corners=row.extent["corners"] if row.extent else None,
        )

    def has_room(self, condition: Condition, edges: Ints | None) -> bool:
        """Whether this condition can hold beside all that run or are scheduled."""
        running = (each for each in self._picture.conditions if each.ended_at is None)
        held = [self._set_condition(each) for each in running]
        try:
            field([*held, SetCondition(condition=condition, edges=edges)], self._edge_count)
        except TooManyConditions:
            return False
        return True

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call whenever `view` has changed."""
        self._listeners.append(listener)

    # -- taking over ---------------------------------------------------------------------

    async def catch_up(self, version: int) -> None:
        """Return when every change up to this version is in force (conditions: see above).

        Raises `RoutingBusy` once routing has stopped, and what the store raises when it is away.
        """
        while self.version < version:
            async with self._taking:
                if self.version < version:
                    await self._read()

    async def run(self) -> None:
        """Compute what new conditions need and put them in force, until cancelled."""
        while True:
            await self._unsettled.wait()
            wanted = self._wanted(self._picture)
            for condition in self._weather.missing(wanted):
                await asyncio.to_thread(self._weather.compute, condition)
            await self._ready(wanted.county)
            self._ready_for = wanted.county
            async with self._taking:
                await self._take(self._picture)

    async def _read(self) -> None:
        async with self._pool.acquire() as conn:
            picture = await roadstate.load(conn)
        await self._look_up(picture)
        await self._take(picture)

    async def _take(self, picture: Picture) -> None:
        """Put a picture in force, with conditions as far as their travel times are known."""
        wanted = self._wanted(picture)
        known = wanted.county in (self._weather.where.county, self._ready_for)
        settled = known and not self._weather.missing(wanted)
        if settled and not self._weather.is_laid(wanted):
            await self._surveyor.insist(lambda _: self._weather.lay(wanted))
        changes = [
            RoadChange(coverage=survey.coverage, factor=row.factor)
            for row in picture.states
            if row.holds and (survey := self._surveys.get(row.id)) is not None
        ]
        longer = self._weather.longer
        table = await self._surveyor.insist(lambda _: RoadTable(changes, longer))
        await self._router.set_roads(
            LiveRoads(
                version=picture.version,
                county=self._weather.where.county,
                conditions=self._weather.words,
                weather=self._weather.where,
                table=table,
            )
        )
        self._show(picture, settled=settled)

    def _show(self, picture: Picture, *, settled: bool) -> None:
        running = {each.id for each in (*picture.states, *picture.conditions) if not each.ended_at}
        self._surveys = {key: value for key, value in self._surveys.items() if key in running}
        self._members = {key: value for key, value in self._members.items() if key in running}
        self._picture = picture
        if settled:
            self._unsettled.clear()
        else:
            self._unsettled.set()
        for listener in self._listeners:
            listener()

    def _wanted(self, picture: Picture) -> ConditionField:
        """The conditions of a picture; those in force where it has too many at once."""
        try:
            held = [self._set_condition(each) for each in picture.conditions if each.holds]
            return field(held, self._edge_count)
        except TooManyConditions:
            self._metrics.count("road_conditions_overflow")
            logger.exception("too many conditions at once: those in force stay so")
            return self._weather.where

    def _set_condition(self, row: ConditionRow) -> SetCondition:
        edges = self._members[row.id] if row.extent else None
        return SetCondition(condition=Condition.parse(row.condition), edges=edges)

    async def _look_up(self, picture: Picture) -> None:
        """Find out where what runs lies, once for each."""
        for row in picture.states:
            if row.ended_at is None and row.id not in self._surveys:
                self._surveys[row.id] = await self._survey(row)
        for each in picture.conditions:
            if each.ended_at is None and each.extent and each.id not in self._members:
                self._members[each.id] = await self._edges_of(each, where_of(each.extent))

    async def _edges_of(self, row: ConditionRow, zone: Where) -> Ints:
        assert isinstance(zone, Zone)
        try:
            return await self._surveyor.insist(partial(members, zone=zone))
        except ExtentError as error:
            logger.warning("%s (%s) lies nowhere on this map: %s", row.condition, row.place, error)
            return np.empty(0, dtype=np.int64)

    async def _survey(self, row: RoadStateRow) -> Survey | None:
        assert row.extent is not None
        where = where_of(row.extent)
        try:
            of_this_map = row.map_id == self._map_id
            return await self._surveyor.survey(where, of_this_map=of_this_map, insist=True)
        except ExtentError as error:
            logger.warning("%s lies nowhere on this map: %s", row.place, error)
            return None


def _status(row: Spell) -> SpellStatus:
    if row.ended_at is not None:
        return "ended"
    return "scheduled" if row.begun_at is None else "in_force"


def _common(row: Spell, status: SpellStatus) -> dict[str, Any]:
    """The fields of a `SpellView`."""
    names = (each.name for each in msgspec.structs.fields(SpellView) if each.name != "status")
    return {"status": status, **{name: getattr(row, name) for name in names}}
