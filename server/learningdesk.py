"""What drives teach: learn a version, put it in force, go back to an older one.

A version is learned from all drives kept, every night and whenever a person wants one. Any version
can be put in force, or the model alone; what a person chose stays, for the nightly version follows
by itself only where the newest one is in force. Each step is one transaction with the command log.

What is in force reaches other processes by the fan-out, or when they look, every POLL_S. `run` also
has the drives matched that came in meanwhile (`server.drivematcher`), and forgets the old ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias

from geo.conditions import Condition
from geo.learning import LearnedFactors
from geo.school import Drive, Lessons, School
from geo.speed import Profile
from geo.vehicles import Mode
from server.classroom import Classroom, ClassroomBusy
from server.dispatch.errors import Conflict, Impossible, NotFound
from server.drivematcher import VEHICLE_OF_KIND, DriveMatcher
from server.journal.kinds import JournalKind as Kind
from server.ports import Clock, FanOut
from server.routing import RoutingBusy
from server.stores import journal
from server.stores import learning as store
from server.stores.away import STORE_AWAY
from server.stores.journal import Entry
from server.stores.learning import ActivationRow, Trip, VersionRow
from server.surveyor import SurveyorBusy

logger = logging.getLogger(__name__)

POLL_S: Final = 30.0
"""Between two looks at what is to be matched and what is in force."""
NIGHT_HOUR_UTC: Final = 19
"""Three in the morning in China."""
REASON_LEN_MAX: Final = 500
TOPIC: Final = "learning"
NIGHTLY: Final = "nightly"
SYSTEM: Final = "system"

Learned: TypeAlias = dict[Mode, LearnedFactors]
PutInForce: TypeAlias = Callable[[Learned | None], Awaitable[None]]
"""Has routing take over factors; None: the model alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What there is to learn from, what was learned, and what is in force."""

    drives: store.TripCounts
    waiting: int
    """Drives to be matched next, at most `stores.learning.WAITING_MAX`."""
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
        map_id: str,
        classroom: Classroom,
        matcher: DriveMatcher,
        put_in_force: PutInForce,
        clock: Clock,
    ) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._classroom, self.matcher = classroom, matcher
        self._put_in_force = put_in_force
        self._map_id = map_id
        self._wake = asyncio.Event()
        self._active: ActivationRow | None = None
        """What is in force in this process."""
        self._learned: Learned | None = None
        for topic in (TOPIC, "resync"):
            fanout.subscribe(topic, lambda _: self._wake.set())

    @property
    def learned(self) -> Learned | None:
        """The factors in force; None: the model alone."""
        return self._learned

    @property
    def version(self) -> int | None:
        """The version in force; None: the model alone."""
        return self._active.version if self._active else None

    # -- looking -------------------------------------------------------------------------

    async def overview(self) -> Overview:
        async with self._pool.acquire() as conn:
            return Overview(
                drives=await store.count_trips(conn, self._map_id),
                waiting=len(await store.waiting(conn, self._clock())),
                versions=await store.versions(conn, self._map_id),
                active=await store.active(conn, self._map_id),
            )

    async def drives_over(self, arcs: Sequence[int]) -> dict[Mode, int]:
        """Number of drives kept that used any of these arcs, by mode."""
        async with self._pool.acquire() as conn:
            found = await store.trips_over(conn, self._map_id, arcs)
        return {mode: found.get(mode.value, 0) for mode in Mode}

    # -- steps ---------------------------------------------------------------------------

    async def learn(self, *, by: str, reason: str, activate: bool = True) -> VersionRow:
        """Learn a version from all drives that are kept; `activate` puts it in force.

        Raises `Impossible` (`no_reason`), `Conflict` (`no_drives`), `ClassroomBusy`.
        """
        _require_reason(reason)
        row = await self._learn(by=by, reason=reason, activate=activate)
        assert row is not None, "only the nightly one may find that it is not needed"
        return row

    async def activate(self, version: int | None, *, by: str, reason: str) -> ActivationRow:
        """Put a version in force, or the model alone (None).

        Raises `Impossible` (`no_reason`), `NotFound`, `Conflict` (`other_map`, `in_force`).
        """
        _require_reason(reason)
        async with self._transaction() as conn:
            await store.lock(conn)
            await self._require_version(conn, version)
            row, entry = await self._activate(conn, version, by=by, reason=reason)
            await journal.append_all(conn, [entry])
        await self._announce()
        return row

    async def catch_up(self) -> None:
        """Put in force what any process activated. Raises `RoutingBusy`."""
        async with self._pool.acquire() as conn:
            active = await store.active(conn, self._map_id)
            if active is None or active == self._active:
                return
            learned = None
            if active.version is not None:
                learned = await store.factors(conn, active.version)
        await self._put_in_force(learned)
        self._active, self._learned = active, learned

    async def run(self) -> None:
        """Match, learn and catch up, until cancelled."""
        while True:
            try:
                await self.catch_up()
                while await self.matcher.match_waiting() == store.WAITING_MAX:
                    pass  # more may wait
                await self.learn_nightly()
            except (*STORE_AWAY, RoutingBusy, SurveyorBusy, ClassroomBusy) as error:
                logger.warning("learning waits for a moment: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
            self._wake.clear()

    async def learn_nightly(self) -> VersionRow | None:
        """Once a night: forget drives that are too old, and learn where new ones came."""
        now = self._clock()
        async with self._pool.acquire() as conn:
            newest = await self._newest(conn)
            if newest is not None and newest.created_at >= last_night(now):
                return None
            await store.forget(conn, now)
            counts = await store.count_trips(conn, self._map_id)
            active = await store.active(conn, self._map_id)
        matched_at = counts.newest_matched_at
        if matched_at is None or (newest is not None and matched_at <= newest.created_at):
            return None
        number = newest.version if newest else None
        follows = active is None or (number is not None and active.version == number)
        try:
            return await self._learn(by=SYSTEM, reason=NIGHTLY, activate=follows)
        except Conflict as error:
            logger.info("nothing is learned tonight: %s", error)
            return None

    # -- inside --------------------------------------------------------------------------

    async def _learn(self, *, by: str, reason: str, activate: bool) -> VersionRow | None:
        lessons = await self._lessons()
        if lessons.drives == 0:
            raise Conflict("no_drives", "No drive over the roads of this map says anything yet.")
        now = self._clock()
        learned = await self._classroom.ask(lambda _: lessons.learned(now.timestamp()))
        async with self._transaction() as conn:
            await store.lock(conn)
            newest = await self._newest(conn)
            if by == SYSTEM and newest is not None and newest.created_at >= last_night(now):
                return None  # another process was quicker
            row = await store.insert_version(
                conn,
                map_id=self._map_id,
                at=now,
                by=by,
                reason=reason,
                trip_count=lessons.drives,
                newest_at=_time(lessons.newest_s),
                learned=learned,
            )
            said = [_learned_entry(row)]
            if activate:
                said.append((await self._activate(conn, row.version, by=by, reason=reason))[1])
            await journal.append_all(conn, said)
        await self._announce()
        return row

    async def _lessons(self) -> Lessons:
        lessons = await self._classroom.ask(Lessons)
        async for page in store.trips(self._pool, self._map_id, self._clock() - store.KEPT):
            drives = [_drive(trip) for trip in page]
            await self._classroom.ask(partial(_take, lessons, drives))
        return lessons

    async def _activate(
        self, conn: Any, version: int | None, *, by: str, reason: str
    ) -> tuple[ActivationRow, Entry]:
        """Under the lock."""
        row = await store.activate(
            conn, version, map_id=self._map_id, at=self._clock(), by=by, reason=reason
        )
        body: dict[str, Any] = {"reason": reason, "map": self._map_id}
        kind = Kind.LEARNING_SET_ASIDE
        if version is not None:
            kind, body = Kind.LEARNING_ACTIVATED, {"version": version, **body}
        return row, Entry(actor=by, subject=f"learning:{version or 0}", kind=kind, body=body)

    async def _require_version(self, conn: Any, version: int | None) -> None:
        """It can be put in force: it exists, is of this map, and is not in force."""
        active = await store.active(conn, self._map_id)
        if version == (active.version if active else None):
            raise Conflict("in_force", "This is in force already.")
        if version is None:
            return
        row = await store.version(conn, version)
        if row is None:
            raise NotFound("not_found", f"There is no version {version}.")
        if row.map_id != self._map_id:
            raise Conflict("other_map", f"Version {version} was learned on another map.")

    async def _newest(self, conn: Any) -> VersionRow | None:
        return next(iter(await store.versions(conn, self._map_id)), None)

    async def _announce(self) -> None:
        """Tell the others; return when it is in force here."""
        self._fanout.publish(TOPIC, self._map_id)
        await self.catch_up()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as conn, conn.transaction():
            yield conn


def last_night(now: datetime) -> datetime:
    """The last time that it was NIGHT_HOUR_UTC o'clock."""
    tonight = now.astimezone(UTC).replace(hour=NIGHT_HOUR_UTC, minute=0, second=0, microsecond=0)
    return tonight if tonight <= now else tonight - timedelta(days=1)


def _require_reason(reason: str) -> None:
    if not 1 <= len(reason.strip()) <= REASON_LEN_MAX:
        raise Impossible("no_reason", f"Say why, in 1 to {REASON_LEN_MAX} characters.")


def _drive(trip: Trip) -> Drive:
    profile = Profile(
        vehicle=VEHICLE_OF_KIND[trip.vehicle],
        mode=Mode(trip.mode),
        condition=Condition.parse(trip.condition),
    )
    return Drive(profile=profile, ended_s=trip.to_at.timestamp(), runs=trip.runs)


def _take(lessons: Lessons, drives: list[Drive], school: School) -> None:
    for drive in drives:
        lessons.add(drive)


def _time(at_s: float | None) -> datetime | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC)


def _learned_entry(row: VersionRow) -> Entry:
    body = {
        "version": row.version,
        "drives": row.trips,
        "arcs": row.arcs,
        "reason": row.reason,
        "map": row.map_id,
    }
    subject = f"learning:{row.version}"
    return Entry(actor=row.created_by, subject=subject, kind=Kind.LEARNING_LEARNED, body=body)
