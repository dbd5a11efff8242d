"""From the end of an order to a drive over roads that can be learned from.

A drive is the way of a unit from setting off to arriving, as its devices reported it; of several
devices the one that said most counts. It is compared with the model under the conditions that held
in the whole county; roads that were closed, slowed, or under other conditions are left out. A drive
that cannot be matched is kept empty, with the reason, so that it is not tried for ever. Beside the
drive is kept what it says of radio: where its fixes came late. Knows nothing of learning.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.driving.conditions import Condition
from geo.driving.speed import Profile
from geo.driving.vehicles import Vehicle
from geo.errors import ExtentError, TrackError
from geo.learning.matching import Match
from geo.learning.passages import Passages
from geo.learning.track import Track
from geo.live.conditionfield import SetCondition, TooManyConditions, field
from geo.live.extent import Zone
from geo.radio.evidence import Heard, heard_on
from geo.radio.pieces import Pieces
from geo.radio.silences import PROMPT_S, Contact
from geo.roadmap import RoadMap
from server.classroom import Classroom
from server.dispatch.travel import MODE_OF_PRIORITY, VEHICLE_OF_KIND
from server.ids import new_id
from server.metrics import Metrics
from server.ports import Clock
from server.stores import deadzones, roadstate
from server.stores import drives as store
from server.stores.drives import Trip, Waiting
from server.stores.roadentries import where_of
from server.stores.roadstate import CONDITIONS, STATES, ConditionRow, RoadStateRow
from server.surveyor import Surveyor

Edges = NDArray[np.int64]


def profile_of(kind: str, priority: str, condition: Condition) -> Profile | None:
    """Whose times a drive is compared with; None for a unit that does not drive."""
    vehicle = VEHICLE_OF_KIND[kind]
    if vehicle is Vehicle.FOOT:
        return None  # walking teaches nothing about driving
    return Profile(vehicle=vehicle, mode=MODE_OF_PRIORITY[priority], condition=condition)


class DriveMatcher:
    """Matches what waits; `map_id` and edges are those of its one map."""

    def __init__(
        self,
        *,
        pool: Any,
        roadmap: RoadMap,
        classroom: Classroom,
        surveyor: Surveyor,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._pool, self._clock = pool, clock
        self._classroom, self._surveyor = classroom, surveyor
        self._map_id, self._edge_count = roadmap.meta.map_id, roadmap.edge_count
        self._pieces = Pieces.of(roadmap)
        self._metrics = metrics or Metrics()

    async def match_waiting(self) -> int:
        """Match the drives of orders that came to their end; how many, at most
        `stores.drives.WAITING_MAX`.

        Raises `ClassroomBusy`, `SurveyorBusy`.
        """
        async with self._pool.acquire() as conn:
            orders = await store.waiting(conn, self._clock())
        for order in orders:
            await self._match(order)
        return len(orders)

    async def _match(self, order: Waiting) -> None:
        condition, unlike = await self._roads_then(order)
        async with self._pool.acquire() as conn:
            said = await store.fixes(conn, order)
        profile = profile_of(order.vehicle, order.priority, condition)
        match, note = None, "on foot" if profile is None else "no fixes"
        if profile is not None and said:
            match, note = await self._matched(said[0], profile)
        trip = Trip(
            id=new_id(),
            vehicle=order.vehicle,
            mode=MODE_OF_PRIORITY[order.priority].value,
            condition=str(condition),
            from_at=order.from_at,
            to_at=order.to_at,
            runs=_runs(match, order.from_at.timestamp(), unlike),
        )
        spans = match.unmatched if match else ()
        heard = await self._heard(order, said[0], match) if match and match.runs else None
        async with self._pool.acquire() as conn, conn.transaction():
            kept = await store.insert_trip(
                conn,
                order,
                trip,
                map_id=self._map_id,
                fix_count=len(said[0].at_s) if said else 0,
                unmatched_s=sum(span.to_s - span.from_s for span in spans),
                note=note,
                at=self._clock(),
            )
            if kept and heard is not None and len(heard):
                await deadzones.insert_drive(
                    conn, trip.id, heard, map_id=self._map_id, ended_at=trip.to_at
                )
        self._metrics.count("drives_matched" if trip.runs else "drives_unmatched")

    async def _matched(self, said: store.Fixes, profile: Profile) -> tuple[Match | None, str]:
        """The roads, or why there are none."""
        try:
            track = Track.of(said.at_s, said.lonlat, said.accuracy_m)
        except TrackError as error:
            return None, str(error)
        match = await self._classroom.ask(lambda school: school.match(track, profile))
        return match, "" if match.runs else "no road fits the fixes"

    async def _heard(self, order: Waiting, said: store.Fixes, match: Match) -> Heard:
        """Where on the way there was radio and where not, as far as it is known."""
        prompt = timedelta(seconds=PROMPT_S)
        async with self._pool.acquire() as conn:
            witnesses_s = await deadzones.witnesses(
                conn, order.unit_id, order.from_at, order.to_at, prompt
            )
        contact = Contact.of(said.at_s, said.received_s, witnesses_s)
        return await self._classroom.ask(lambda _: heard_on(match.runs, contact, self._pieces))

    async def _roads_then(self, order: Waiting) -> tuple[Condition, Edges]:
        """What held in the whole county during a drive, and the edges where it was otherwise."""
        async with self._pool.acquire() as conn:
            states = await roadstate.held(conn, STATES, order.from_at, order.to_at)
            rows = await roadstate.held(conn, CONDITIONS, order.from_at, order.to_at)
        unlike = [await self._edges_of(state) for state in states]
        held = [
            SetCondition(
                condition=Condition.parse(row.condition),
                edges=None if row.extent is None else await self._members(row),
            )
            for row in rows
        ]
        try:
            where = field(held, self._edge_count)
        except TooManyConditions:
            return Condition(), np.arange(self._edge_count)
        return where.county, np.concatenate([np.flatnonzero(where.index), *unlike])

    async def _edges_of(self, state: RoadStateRow) -> Edges:
        assert state.extent is not None
        of_this_map = state.map_id == self._map_id
        with contextlib.suppress(ExtentError):
            survey = await self._surveyor.survey(where_of(state.extent), of_this_map=of_this_map)
            return survey.coverage.edges
        return np.empty(0, dtype=np.int64)  # it lies nowhere on this map

    async def _members(self, row: ConditionRow) -> Edges:
        assert row.extent is not None
        zone = where_of(row.extent)
        assert isinstance(zone, Zone)
        edges, _ = await self._surveyor.members(zone)
        return edges


def _runs(match: Match | None, from_s: float, unlike: Edges) -> tuple[Passages, ...]:
    """Times counted from the beginning of the drive; `stood` also where a road was otherwise."""
    return tuple(
        replace(
            run,
            enter_s=run.enter_s - from_s,
            leave_s=run.leave_s - from_s,
            stood=run.stood | np.isin(run.arc >> 1, unlike),
        )
        for run in (match.runs if match else ())
    )
