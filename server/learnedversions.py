"""Learned versions of one map: add one, put one in force, and keep this process in step.

A version is added once and never changed; which is in force is a history of its own, so every older
one can come back, and the model alone as well. Each step is one transaction with the command log.
What is in force reaches other processes by the fan-out, or when they look (`catch_up`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from geo.driving.vehicles import Mode
from geo.learning.factors import LearnedFactors
from server.dispatch.errors import Conflict, NotFound
from server.journal.kinds import JournalKind as Kind
from server.ports import Clock, FanOut
from server.reasons import require_reason
from server.stores import journal
from server.stores import learning as store
from server.stores.activation import ActivationRow
from server.stores.journal import Entry
from server.stores.learning import VersionRow

TOPIC: Final = "learning"

Learned: TypeAlias = dict[Mode, LearnedFactors]
PutInForce: TypeAlias = Callable[[Learned | None, int | None], Awaitable[None]]
"""Has routing take over the factors of a version; None: the model alone."""


class LearnedVersions:
    """The steps. `by` is who acts: `user:<username>`, `operator:<name>` or `system`."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        map_id: str,
        put_in_force: PutInForce,
        clock: Clock,
    ) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._put_in_force = put_in_force
        self.map_id = map_id
        self._active: ActivationRow | None = None
        """What is in force in this process."""
        self._learned: Learned | None = None
        self._taking = asyncio.Lock()

    @property
    def number(self) -> int | None:
        """The version in force; None: the model alone."""
        return self._active.version if self._active else None

    @property
    def learned(self) -> Learned | None:
        """Its factors; None: the model alone."""
        return self._learned

    async def add(
        self,
        learned: Learned,
        *,
        drives: int,
        newest_s: float | None,
        by: str,
        reason: str,
        activate: bool,
        unless_since: datetime | None = None,
    ) -> VersionRow | None:
        """Add a version and, with `activate`, put it in force.

        None where another was made at `unless_since` or later. Raises `Impossible` (`no_reason`).
        """
        require_reason(reason)
        async with self._transaction() as conn:
            await store.lock(conn)
            newest = await newest_of(conn, self.map_id)
            if unless_since and newest and newest.created_at >= unless_since:
                return None
            row = await store.insert_version(
                conn,
                map_id=self.map_id,
                at=self._clock(),
                by=by,
                reason=reason,
                trip_count=drives,
                newest_at=None if newest_s is None else datetime.fromtimestamp(newest_s, UTC),
                learned=learned,
            )
            said = [_learned_entry(row)]
            if activate:
                said.append((await self._activate(conn, row.version, by=by, reason=reason))[1])
            await journal.append_all(conn, said)
        await self._announce()
        return row

    async def activate(self, version: int | None, *, by: str, reason: str) -> ActivationRow:
        """Put a version in force, or the model alone (None).

        Raises `Impossible` (`no_reason`), `NotFound`, `Conflict` (`other_map`, `in_force`).
        """
        require_reason(reason)
        async with self._transaction() as conn:
            await store.lock(conn)
            await self._require_version(conn, version)
            row, entry = await self._activate(conn, version, by=by, reason=reason)
            await journal.append_all(conn, [entry])
        await self._announce()
        return row

    async def catch_up(self) -> None:
        """Put in force what any process activated. Raises `RoutingBusy`."""
        async with self._taking:
            async with self._pool.acquire() as conn:
                active = await store.active(conn, self.map_id)
                if active is None or active == self._active:
                    return
                learned = None
                if active.version is not None:
                    learned = await store.factors(conn, active.version)
            await self._put_in_force(learned, active.version)
            self._active, self._learned = active, learned

    async def _activate(
        self, conn: Any, version: int | None, *, by: str, reason: str
    ) -> tuple[ActivationRow, Entry]:
        """Under the lock."""
        row = await store.activate(
            conn, version, map_id=self.map_id, at=self._clock(), by=by, reason=reason
        )
        body: dict[str, Any] = {"reason": reason, "map": self.map_id}
        kind = Kind.LEARNING_SET_ASIDE
        if version is not None:
            kind, body = Kind.LEARNING_ACTIVATED, {"version": version, **body}
        return row, Entry(actor=by, subject=f"learning:{version or 0}", kind=kind, body=body)

    async def _require_version(self, conn: Any, version: int | None) -> None:
        """It can be put in force: it exists, is of this map, and is not in force."""
        active = await store.active(conn, self.map_id)
        if version == (active.version if active else None):
            raise Conflict("in_force", "This is in force already.")
        if version is None:
            return
        row = await store.version(conn, version)
        if row is None:
            raise NotFound("not_found", f"There is no version {version}.")
        if row.map_id != self.map_id:
            raise Conflict("other_map", f"Version {version} was learned on another map.")

    async def _announce(self) -> None:
        """Tell the others; return when it is in force here."""
        self._fanout.publish(TOPIC, self.map_id)
        await self.catch_up()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as conn, conn.transaction():
            yield conn


async def newest_of(conn: Any, map_id: str) -> VersionRow | None:
    """The version added last."""
    return next(iter(await store.versions(conn, map_id)), None)


def _learned_entry(row: VersionRow) -> Entry:
    body = {
        "version": row.version,
        "drives": row.trips,
        "arcs": row.arcs,
        "reason": row.reason,
        "map": row.map_id,
        "spread": {mode.value: asdict(each) for mode, each in row.spread.items()},
    }
    subject = f"learning:{row.version}"
    return Entry(actor=row.created_by, subject=subject, kind=Kind.LEARNING_LEARNED, body=body)
