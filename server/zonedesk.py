"""Dead zones of one map: learned as drives are matched, judged by people, in force here.

New drives are counted as they come. A version is added when other roads are dead than in the one
before, at most one in VERSION_S, and every night when drives came; the nightly one counts all
drives anew. It comes into force by itself only where the newest one is: what a person went back to
stays. Every step is one transaction with the command log; what is in force reaches other processes
by the fan-out, or when they look (`catch_up`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from geo.learning.school import School
from geo.radio.evidence import Outlook, RadioEvidence
from geo.roadmap import RoadMap
from server.classroom import Classroom, ClassroomBusy
from server.deadzones import ZonePicture, judged, named, no_zones
from server.dispatch.errors import Conflict, NotFound
from server.journal.kinds import JournalKind as Kind
from server.learningdesk import NIGHTLY, SYSTEM, last_night
from server.ports import Clock, FanOut
from server.reasons import require_reason
from server.stores import deadzones as store
from server.stores import journal
from server.stores.away import STORE_AWAY
from server.stores.deadzones import DriveRow, Verdict, ZoneActivation, ZoneVersion
from server.stores.journal import Entry
from server.surveyor import Surveyor, SurveyorBusy

logger = logging.getLogger(__name__)

TOPIC: Final = "dead_zones"
POLL_S: Final = 30.0
"""Between two looks at new drives and at what is in force."""
VERSION_S: Final = 600.0
"""Between two versions that the machine adds because other roads are dead."""
CHANGED: Final = "other roads are dead"

_KIND: Final[dict[str, Kind]] = {
    "confirmed": Kind.DEAD_ZONE_CONFIRMED,
    "dismissed": Kind.DEAD_ZONE_DISMISSED,
    "withdrawn": Kind.DEAD_ZONE_WITHDRAWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneOverview:
    """What was learned and what is in force."""

    versions: list[ZoneVersion]
    """Newest first."""
    active: ZoneActivation | None
    picture: ZonePicture


class ZoneDesk:
    """The steps. `by` is who acts: `user:<username>`, `operator:<name>` or `system`."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        classroom: Classroom,
        surveyor: Surveyor,
        roadmap: RoadMap,
        clock: Clock,
    ) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._classroom, self._surveyor, self._roadmap = classroom, surveyor, roadmap
        self._map_id = roadmap.meta.map_id
        self.picture = no_zones(roadmap)
        self._shown: tuple[int | None, int] = None, 0
        """Activation and verdict that the picture shows."""
        self._evidence: RadioEvidence | None = None
        self._counted: str | None = None
        """The newest drive in it."""
        self._listeners: list[Callable[[], None]] = []
        self._taking = asyncio.Lock()
        self._wake = asyncio.Event()
        for topic in (TOPIC, "resync"):
            fanout.subscribe(topic, lambda _: self._wake.set())

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call whenever `picture` is another."""
        self._listeners.append(listener)

    async def overview(self) -> ZoneOverview:
        async with self._pool.acquire() as conn:
            return ZoneOverview(
                versions=await store.versions(conn, self._map_id),
                active=await store.active(conn, self._map_id),
                picture=self.picture,
            )

    async def learn(self, *, by: str, reason: str, activate: bool = True) -> ZoneVersion:
        """Count all drives that are kept; `activate` puts the version in force.

        Raises `Impossible` (`no_reason`), `Conflict` (`no_drives`), `ClassroomBusy`.
        """
        require_reason(reason)
        if await self._count_all() == 0:
            raise Conflict("no_drives", "No drive on this map says anything of radio yet.")
        return await self._add(await self._outlook(), by=by, reason=reason, activate=activate)

    async def learn_new(self) -> ZoneVersion | None:
        """Count drives that came, and add a version where it is due. Raises `ClassroomBusy`."""
        if self._evidence is None:
            await self._count_all()
        drives = await self._count_new()
        async with self._pool.acquire() as conn:
            newest = next(iter(await store.versions(conn, self._map_id)), None)
            active = await store.active(conn, self._map_id)
            before = await store.outlook(conn, newest.version, self._map_id) if newest else None
        now = self._clock()
        if drives == (newest.drives if newest else 0):
            return None
        if newest is not None and now - newest.created_at < timedelta(seconds=VERSION_S):
            return None
        if at_night := newest is not None and newest.created_at < last_night(now):
            await self._count_all()
        found = await self._outlook()
        if not at_night and np.array_equal(found.dead, _dead(before, found)):
            return None
        follows = active is None or (newest is not None and active.version == newest.version)
        reason = NIGHTLY if at_night else CHANGED
        return await self._add(found, by=SYSTEM, reason=reason, activate=follows)

    async def activate(self, version: int | None, *, by: str, reason: str) -> ZoneActivation:
        """Put a version in force, or nothing learned (None).

        Raises `Impossible` (`no_reason`), `NotFound`, `Conflict` (`in_force`).
        """
        require_reason(reason)
        async with self._transaction() as conn:
            active = await store.active(conn, self._map_id)
            if version == (active.version if active else None):
                raise Conflict("in_force", "This is in force already.")
            if version is not None and await store.outlook(conn, version, self._map_id) is None:
                raise NotFound("not_found", f"There is no version {version} for this map.")
            row, entry = await self._activate(conn, version, by=by, reason=reason)
            await journal.append_all(conn, [entry])
        await self._announce()
        return row

    async def judge(self, zone: int, verdict: Verdict, *, by: str, reason: str) -> None:
        """A person confirms a zone, dismisses it, or takes back what was said.

        Raises `Impossible` (`no_reason`), `NotFound` where the zone is another meanwhile.
        """
        require_reason(reason)
        found = self.picture.zone(zone)
        if found is None:
            raise NotFound("not_found", "There is no such zone any more; look at the map again.")
        async with self._transaction() as conn:
            number = await store.insert_verdict(
                conn,
                verdict,
                found.zone.pieces.tolist(),
                map_id=self._map_id,
                at=self._clock(),
                by=by,
                reason=reason,
            )
            body = {
                "place": found.place["en"],
                "passages": found.zone.passages,
                "length_km": round(found.zone.length_m / 1000.0, 2),
                "reason": reason,
                "map": self._map_id,
            }
            subject = f"dead_zone:{number}"
            entry = Entry(actor=by, subject=subject, kind=_KIND[verdict], body=body)
            await journal.append_all(conn, [entry])
        await self._announce()

    async def catch_up(self) -> None:
        """Show what any process put in force or anybody said."""
        async with self._taking:
            async with self._pool.acquire() as conn:
                active = await store.active(conn, self._map_id)
                verdicts = await store.verdicts(conn, self._map_id)
                shown = active.id if active else None, verdicts[-1].id if verdicts else 0
                if shown == self._shown:
                    return
                version = active.version if active else None
                found = None
                if version is not None:
                    found = await store.outlook(conn, version, self._map_id)
            roadmap, pieces = self._roadmap, self.picture.pieces
            zones = await asyncio.to_thread(judged, roadmap, pieces, found, verdicts)
            self.picture = await named(roadmap, pieces, zones, version, self._surveyor)
            self._shown = shown
        for listener in self._listeners:
            listener()

    async def run(self) -> None:
        """Catch up and learn, until cancelled."""
        while True:
            try:
                await self.catch_up()
                await self.learn_new()
            except (*STORE_AWAY, SurveyorBusy, ClassroomBusy) as error:
                logger.warning("dead zones wait for a moment: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
            self._wake.clear()

    async def _count_all(self) -> int:
        self._evidence, self._counted = RadioEvidence(self.picture.pieces), None
        return await self._count_new()

    async def _count_new(self) -> int:
        """Count drives kept since; how many there are now. What another process keeps out of turn
        is counted at night."""
        evidence = self._evidence
        assert evidence is not None, "counted from the beginning before"
        async for page in store.drives(self._pool, self._map_id, self._counted):
            await self._classroom.ask(partial(_take, evidence, page))
            self._counted = page[-1].trip_id
        return evidence.drives

    async def _outlook(self) -> Outlook:
        evidence, now_s = self._evidence, self._clock().timestamp()
        assert evidence is not None
        return await self._classroom.ask(lambda _: evidence.outlook(now_s))

    async def _add(self, found: Outlook, *, by: str, reason: str, activate: bool) -> ZoneVersion:
        assert self._evidence is not None
        async with self._transaction() as conn:
            row = await store.insert_version(
                conn,
                found,
                map_id=self._map_id,
                at=self._clock(),
                by=by,
                reason=reason,
                drive_count=self._evidence.drives,
            )
            body: dict[str, Any] = {
                "version": row.version,
                "drives": row.drives,
                "pieces": row.pieces,
                "reason": reason,
                "map": self._map_id,
            }
            said = [_entry(by, row.version, Kind.DEAD_ZONES_LEARNED, body)]
            if activate:
                said.append((await self._activate(conn, row.version, by=by, reason=reason))[1])
            await journal.append_all(conn, said)
        await self._announce()
        return row

    async def _activate(
        self, conn: Any, version: int | None, *, by: str, reason: str
    ) -> tuple[ZoneActivation, Entry]:
        """Under the lock."""
        row = await store.activate(
            conn, version, map_id=self._map_id, at=self._clock(), by=by, reason=reason
        )
        body: dict[str, Any] = {"reason": reason, "map": self._map_id}
        kind = Kind.DEAD_ZONES_SET_ASIDE
        if version is not None:
            kind, body = Kind.DEAD_ZONES_ACTIVATED, {"version": version, **body}
        return row, _entry(by, version or 0, kind, body)

    async def _announce(self) -> None:
        """Tell the others; return when it is in force here."""
        self._fanout.publish(TOPIC, self._map_id)
        await self.catch_up()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as conn, conn.transaction():
            await store.lock(conn)
            yield conn


def _entry(by: str, version: int, kind: Kind, body: dict[str, Any]) -> Entry:
    return Entry(actor=by, subject=f"dead_zones:{version}", kind=kind, body=body)


def _dead(before: Outlook | None, like: Outlook) -> NDArray[np.bool_]:
    return np.zeros_like(like.dead) if before is None else before.dead


def _take(evidence: RadioEvidence, rows: list[DriveRow], _: School) -> None:
    for row in rows:
        evidence.add(row.heard, row.ended_at.timestamp())
