"""What the batteries of each model have in common: learned from all devices, kept as versions.

A version is added once and never changed; which is in force is a history of its own, so every older
one can come back, and the starting values alone as well. Each step is one transaction with the
command log. What is in force reaches other processes by the fan-out, or when they look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from devices.battery.pool import pooled, step_of
from devices.battery.reports import DeviceState
from server.batteries import STARTING_PRIORS, Batteries
from server.dispatch.errors import Conflict, NotFound
from server.journal.kinds import JournalKind as Kind
from server.learningdesk import NIGHTLY, SYSTEM, last_night
from server.ports import Clock, FanOut
from server.reasons import require_reason
from server.stores import batteries as statestore
from server.stores import batteryversions as store
from server.stores import journal
from server.stores.activation import ActivationRow
from server.stores.away import STORE_AWAY
from server.stores.batteries import KeptState
from server.stores.batteryversions import ModelPool, VersionRow
from server.stores.journal import Entry

logger = logging.getLogger(__name__)

TOPIC: Final = "batteries"
POLL_S: Final = 60.0
MODELS_MAX: Final = 500
"""Of one version; of more, those with the most devices. The others begin as their kind does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What a person sees."""

    active: ActivationRow | None
    versions: list[VersionRow]


class BatteryModels:
    """The steps. `by` is who acts: `user:<username>`, or `system`."""

    def __init__(self, *, pool: Any, fanout: FanOut, batteries: Batteries, clock: Clock) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._batteries = batteries
        self._active: ActivationRow | None = None
        """What is in force in this process."""
        self._wake = asyncio.Event()
        for topic in (TOPIC, "resync"):
            fanout.subscribe(topic, lambda _: self._wake.set())

    async def overview(self) -> Overview:
        async with self._pool.acquire() as conn:
            return Overview(active=await store.active(conn), versions=await store.versions(conn))

    async def learn(self, *, by: str, reason: str) -> VersionRow:
        """Learn a version from all that is kept, and put it in force.

        Raises `Impossible` (`no_reason`), `Conflict` (`no_devices`).
        """
        require_reason(reason)
        row = await self._learn(by=by, reason=reason, activate=True)
        assert row is not None, "only the nightly one may find that it is not needed"
        return row

    async def learn_nightly(self) -> VersionRow | None:
        """Once a night, where batteries reported since. A person's choice to go back is kept."""
        night = last_night(self._clock())
        async with self._pool.acquire() as conn:
            newest = next(iter(await store.versions(conn, 1)), None)
            reported_at = await store.newest_state_at(conn)
            active = await store.active(conn)
        if reported_at is None or (newest and max(night, reported_at) <= newest.created_at):
            return None
        follows = active is None or (newest is not None and active.version == newest.version)
        return await self._learn(by=SYSTEM, reason=NIGHTLY, activate=follows, unless_since=night)

    async def activate(self, version: int | None, *, by: str, reason: str) -> ActivationRow:
        """Put a version in force, or the starting values alone (None).

        Raises `Impossible` (`no_reason`), `NotFound`, `Conflict` (`in_force`).
        """
        require_reason(reason)
        async with self._transaction() as conn:
            await store.lock(conn)
            active = await store.active(conn)
            if version == (active.version if active else None):
                raise Conflict("in_force", "This is in force already.")
            if version is not None and await store.version(conn, version) is None:
                raise NotFound("not_found", f"There is no version {version}.")
            row, entry = await self._activate(conn, version, by=by, reason=reason)
            await journal.append_all(conn, [entry])
        await self._announce()
        return row

    async def catch_up(self) -> None:
        """Take over what any process put in force."""
        async with self._pool.acquire() as conn:
            active = await store.active(conn)
            if active is None or active == self._active:
                return
            row = None if active.version is None else await store.version(conn, active.version)
        self._batteries.adopt(active.version, {} if row is None else row.models)
        self._active = active

    async def run(self) -> None:
        """Catch up, and learn at night, until cancelled."""
        while True:
            try:
                await self.catch_up()
                await self.learn_nightly()
            except STORE_AWAY as error:
                logger.warning("learning of batteries waits, PostgreSQL is away: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
            self._wake.clear()

    async def _learn(
        self, *, by: str, reason: str, activate: bool, unless_since: datetime | None = None
    ) -> VersionRow | None:
        await self._batteries.keep()
        async with self._pool.acquire() as conn:
            kept = await statestore.states(conn)
        if not kept:
            raise Conflict("no_devices", "No battery has reported anything yet.")
        models = await asyncio.to_thread(pools, kept)
        async with self._transaction() as conn:
            await store.lock(conn)
            newest = next(iter(await store.versions(conn, 1)), None)
            if unless_since and newest and newest.created_at >= unless_since:
                return None  # another process was first
            row = await store.insert_version(
                conn, at=self._clock(), by=by, reason=reason, devices=len(kept), models=models
            )
            said = [_learned_entry(row)]
            if activate:
                said.append((await self._activate(conn, row.version, by=by, reason=reason))[1])
            await journal.append_all(conn, said)
        await self._announce()
        return row

    async def _activate(
        self, conn: Any, version: int | None, *, by: str, reason: str
    ) -> tuple[ActivationRow, Entry]:
        """Under the lock."""
        row = await store.activate(conn, version, at=self._clock(), by=by, reason=reason)
        kind, body = Kind.BATTERIES_SET_ASIDE, dict[str, Any](reason=reason)
        if version is not None:
            kind, body = Kind.BATTERIES_ACTIVATED, {"version": version, **body}
        return row, Entry(actor=by, subject=f"batteries:{version or 0}", kind=kind, body=body)

    async def _announce(self) -> None:
        """Tell the others; return when it is in force here."""
        self._fanout.publish(TOPIC, "")
        await self.catch_up()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as conn, conn.transaction():
            yield conn


def pools(kept: Sequence[KeptState]) -> dict[str, ModelPool]:
    """By model, and by kind, over all of its models: how one begins that nobody knows."""
    models: dict[str, list[DeviceState]] = defaultdict(list)
    for each in kept:
        models[each.model].append(each.state)
    kinds: dict[str, list[DeviceState]] = defaultdict(list)
    found = {}
    for model, states in models.items():
        kind = model.split("/")[0]
        step_pct = step_of(states, STARTING_PRIORS[kind].step_pct)
        sound = [state for state in states if state.prior.step_pct == step_pct]
        kinds[kind] += sound
        found[model] = _pool(kind, sound, step_pct)
    most = sorted(found, key=lambda model: (-found[model].devices, model))[:MODELS_MAX]
    of_kinds = {kind: _pool(kind, sound) for kind, sound in kinds.items()}
    return {model: found[model] for model in most} | of_kinds


def _pool(kind: str, states: Sequence[DeviceState], step_pct: float | None = None) -> ModelPool:
    """Of devices that learned by the gauge they have: who was thought to have another is not one
    of them."""
    start = STARTING_PRIORS[kind]
    prior = replace(start, step_pct=start.step_pct if step_pct is None else step_pct)
    return ModelPool(prior=pooled(prior, states), devices=len(states))


def _learned_entry(row: VersionRow) -> Entry:
    body = {
        "version": row.version,
        "devices": row.devices,
        "models": sum("/" in key for key in row.models),
        "reason": row.reason,
    }
    subject = f"batteries:{row.version}"
    return Entry(actor=row.created_by, subject=subject, kind=Kind.BATTERIES_LEARNED, body=body)
