"""The county's run cards: the set in force in this process, and the steps that change it.

A version is added once and never changed; which is in force is a history of its own, so every older
one can come back, and the set that comes with Ridgeline as well (`server.runcardversions`). What is
in force reaches other processes by the fan-out, or when they look. Whoever recommends looks first,
so no server recommends by cards that another has replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from server import runcardversions
from server.dispatch.errors import Conflict
from server.dispatch.runcardfile import shipped
from server.dispatch.runcards import RunCards, changes
from server.ports import Clock, FanOut
from server.runcardversions import checked
from server.stores import runcards as store
from server.stores import watch
from server.stores.activation import ActivationRow
from server.stores.away import STORE_AWAY
from server.stores.runcards import VersionRow

logger = logging.getLogger(__name__)

TOPIC: Final = "run_cards"
POLL_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What a person sees."""

    active: ActivationRow | None
    """What was put in force last."""
    cards: RunCards
    """That this program goes by: others, where it cannot use what was put in force."""
    versions: list[VersionRow]


class RunCardDesk:
    """`by` is who acts: `user:<username>`."""

    def __init__(self, *, pool: Any, fanout: FanOut, clock: Clock) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._active: ActivationRow | None = None
        """What was taken over last."""
        self._cards = shipped()
        self._new = False
        """Running orders may have other timers since."""
        self._wake = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []
        for topic in (TOPIC, "resync"):
            fanout.subscribe(topic, lambda _: self._wake.set())

    def in_force(self) -> RunCards:
        """As far as this process knows."""
        return self._cards

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call whenever `in_force` is another."""
        self._listeners.append(listener)

    async def current(self, conn: Any) -> RunCards:
        """As any process put in force last."""
        active = await store.active(conn)
        if active is None or self._is_known(active):
            return self._cards
        try:
            cards = await runcardversions.load(conn, active.version)
        except Conflict as error:
            # Written by a program that knows more: dispatching goes on by the cards of before.
            logger.critical("run cards cannot be used, those of before are: %s", error.message)
            cards = self._cards if self._active else await self._before(conn, active)
        if self._is_known(active):  # a newer one was taken over while this one was read
            return self._cards
        self._active, self._cards = active, cards
        self._new = True
        self._wake.set()
        for listener in self._listeners:
            listener()
        return cards

    async def _before(self, conn: Any, active: ActivationRow) -> RunCards:
        """The last set in force before that one which this program can use."""
        for each in await store.active_before(conn, active.id):
            with contextlib.suppress(Conflict):
                return await runcardversions.load(conn, each.version)
        return shipped()

    def _is_known(self, active: ActivationRow) -> bool:
        """Whether this, or what was put in force after it, is taken over already."""
        return self._active is not None and active.id <= self._active.id

    async def overview(self) -> Overview:
        async with self._pool.acquire() as conn:
            return Overview(
                cards=await self.current(conn),
                active=await store.active(conn),
                versions=await store.versions(conn),
            )

    async def version(self, number: int) -> RunCards:
        """Raises `NotFound`, `Conflict` (`unusable`)."""
        async with self._pool.acquire() as conn:
            return await runcardversions.load(conn, number or None)

    async def preview(self, said: object) -> dict[str, list[str]]:
        """What a set would change (`runcards.changes`). Raises `Impossible` (`bad_run_cards`)."""
        cards = checked(said)
        async with self._pool.acquire() as conn:
            return changes(await self.current(conn), cards)

    async def save(self, said: object, *, based_on: int, by: str, reason: str) -> VersionRow:
        """See `runcardversions.save`."""
        async with self._pool.acquire() as conn, conn.transaction():
            row = await runcardversions.save(
                conn, said, based_on=based_on, at=self._clock(), by=by, reason=reason
            )
        await self._announce()
        return row

    async def activate(self, version: int | None, *, by: str, reason: str) -> ActivationRow:
        """See `runcardversions.activate`."""
        async with self._pool.acquire() as conn, conn.transaction():
            row = await runcardversions.activate(
                conn, version, at=self._clock(), by=by, reason=reason
            )
        await self._announce()
        return row

    async def catch_up(self) -> None:
        """Take over what any process put in force; running orders are planned by it anew."""
        async with self._pool.acquire() as conn:
            await self.current(conn)
            if not self._new:
                return
            self._new = False  # first: what comes while the orders are looked at is looked at anew
            try:
                await watch.look_at_all(conn)
            except BaseException:
                self._new = True
                raise

    async def run(self) -> None:
        """Catch up until cancelled."""
        while True:
            try:
                await self.catch_up()
            except STORE_AWAY as error:
                logger.warning("run cards wait, PostgreSQL is away: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
            self._wake.clear()

    async def _announce(self) -> None:
        """Tell the others; return when it is in force here."""
        self._fanout.publish(TOPIC, "")
        await self.catch_up()
