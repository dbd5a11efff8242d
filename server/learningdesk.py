"""What drives teach: match them as they come in, learn every night or on command.

The nightly version is put in force by itself only where the newest one is: what a person went back
to stays. `run` also keeps this process in step with what others put in force, and deletes drives
that are too old to teach anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from geo.driving.conditions import Condition
from geo.driving.speed import Profile
from geo.driving.vehicles import Mode
from geo.learning.carrying import Carrying
from geo.learning.school import Drive, Lessons, School
from server.classroom import Classroom, ClassroomBusy
from server.dispatch.errors import Conflict
from server.dispatch.travel import VEHICLE_OF_KIND
from server.drivematcher import DriveMatcher
from server.learnedversions import TOPIC, LearnedVersions, newest_of
from server.mapcarries import MapCarries
from server.ports import Clock, FanOut
from server.reasons import require_reason
from server.routing import RoutingBusy
from server.stores import drives
from server.stores import learning as store
from server.stores.activation import ActivationRow
from server.stores.away import STORE_AWAY
from server.stores.drives import Trip, TripCounts
from server.stores.learning import VersionRow
from server.surveyor import SurveyorBusy

logger = logging.getLogger(__name__)

POLL_S: Final = 30.0
"""Between two looks at what is to be matched and what is in force."""
NIGHT_HOUR_UTC: Final = 19
"""Three in the morning in China."""
NIGHTLY: Final = "nightly"
SYSTEM: Final = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What there is to learn from, what was learned, and what is in force."""

    drives: TripCounts
    waiting: int
    """Drives to be matched next, at most `stores.drives.WAITING_MAX`."""
    versions: list[VersionRow]
    """Newest first."""
    active: ActivationRow | None
    """None: nothing was ever in force but the model."""


class LearningDesk:
    """The steps. `by` is who acts: `user:<username>`, `operator:<name>` or `system`."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        classroom: Classroom,
        matcher: DriveMatcher,
        versions: LearnedVersions,
        clock: Clock,
    ) -> None:
        self._pool, self._clock, self._classroom = pool, clock, classroom
        self.matcher, self.versions = matcher, versions
        self._map_id = versions.map_id
        self._carries = MapCarries(pool=pool, map_id=self._map_id, clock=clock)
        self._wake = asyncio.Event()
        for topic in (TOPIC, "resync"):
            fanout.subscribe(topic, lambda _: self._wake.set())

    async def overview(self) -> Overview:
        async with self._pool.acquire() as conn:
            return Overview(
                drives=await drives.count_trips(conn, self._map_id),
                waiting=len(await drives.waiting(conn, self._clock())),
                versions=await store.versions(conn, self._map_id),
                active=await store.active(conn, self._map_id),
            )

    async def drives_over(self, arcs: Sequence[int]) -> dict[Mode, int]:
        """Number of drives kept that used any of these arcs, by mode; of older maps, too."""
        total = dict.fromkeys(Mode, 0)
        asked = [(self._map_id, list(arcs))]
        asked += [
            (each.map_id, each.carrying.arcs_before(arcs)) for each in await self._carries.sources()
        ]
        async with self._pool.acquire() as conn:
            for map_id, over in asked:
                found = await drives.trips_over(conn, map_id, over)
                for mode in Mode:
                    total[mode] += found.get(mode.value, 0)
        return total

    async def learn(self, *, by: str, reason: str, activate: bool = True) -> VersionRow:
        """Learn a version from all drives that are kept; `activate` puts it in force.

        Raises `Impossible` (`no_reason`), `Conflict` (`no_drives`), `ClassroomBusy`.
        """
        require_reason(reason)
        row = await self._learn(by=by, reason=reason, activate=activate)
        assert row is not None, "only the nightly one may find that it is not needed"
        return row

    async def learn_nightly(self) -> VersionRow | None:
        """Once a night: delete drives that are too old, and learn where new ones came."""
        night = last_night(self._clock())
        async with self._pool.acquire() as conn:
            newest = await newest_of(conn, self._map_id)
            if newest is not None and newest.created_at >= night:
                return None
            await drives.forget(conn, self._clock())
            matched_at = (await drives.count_trips(conn, self._map_id)).newest_matched_at
            active = await store.active(conn, self._map_id)
        if matched_at is None or (newest is not None and matched_at <= newest.created_at):
            return None
        follows = active is None or (newest is not None and active.version == newest.version)
        try:
            return await self._learn(
                by=SYSTEM, reason=NIGHTLY, activate=follows, unless_since=night
            )
        except Conflict as error:
            logger.info("nothing is learned tonight: %s", error)
            return None

    async def run(self) -> None:
        """Catch up, match and learn, until cancelled."""
        while True:
            try:
                await self.versions.catch_up()
                while await self.matcher.match_waiting() == drives.WAITING_MAX:
                    pass  # more may wait
                await self.learn_nightly()
            except (*STORE_AWAY, RoutingBusy, SurveyorBusy, ClassroomBusy) as error:
                logger.warning("learning waits for a moment: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
            self._wake.clear()

    async def _learn(
        self, *, by: str, reason: str, activate: bool, unless_since: datetime | None = None
    ) -> VersionRow | None:
        lessons = await self._lessons()
        if lessons.drives == 0:
            raise Conflict("no_drives", "No drive over the roads of this map says anything yet.")
        now_s = self._clock().timestamp()
        learned = await self._classroom.ask(lambda _: lessons.learned(now_s))
        return await self.versions.add(
            learned,
            drives=lessons.drives,
            newest_s=lessons.newest_s,
            by=by,
            reason=reason,
            activate=activate,
            unless_since=unless_since,
        )

    async def _lessons(self) -> Lessons:
        """All drives that are kept, page by page; those of older maps carried over to this one."""
        lessons = await self._classroom.ask(Lessons)
        since = self._clock() - drives.KEPT
        async for page in drives.trips(self._pool, self._map_id, since):
            await self._classroom.ask(partial(_take, lessons, page))
        for source in await self._carries.sources():
            async for page in drives.trips(self._pool, source.map_id, since):
                await self._classroom.ask(partial(_take_carried, lessons, page, source.carrying))
        return lessons


def last_night(now: datetime) -> datetime:
    """The last time that it was NIGHT_HOUR_UTC o'clock."""
    tonight = now.astimezone(UTC).replace(hour=NIGHT_HOUR_UTC, minute=0, second=0, microsecond=0)
    return tonight if tonight <= now else tonight - timedelta(days=1)


def _drive(trip: Trip) -> Drive:
    profile = Profile(
        vehicle=VEHICLE_OF_KIND[trip.vehicle],
        mode=Mode(trip.mode),
        condition=Condition.parse(trip.condition),
    )
    return Drive(profile=profile, ended_s=trip.to_at.timestamp(), runs=trip.runs)


def _take(lessons: Lessons, page: Sequence[Trip], school: School) -> None:
    lessons.add_all(_drive(trip) for trip in page)


def _take_carried(
    lessons: Lessons, page: Sequence[Trip], carrying: Carrying, school: School
) -> None:
    _take(lessons, [replace(trip, runs=carrying.runs(trip.runs)) for trip in page], school)
