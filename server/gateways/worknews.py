"""What consoles are told of the worklist: the open items, and those that changed.

Read again from PostgreSQL whenever a hint names an item, and now and then as a whole, for hints may
be lost. A console sees the gravest items at once and pages through the rest, so no number of
troubles is too many for it; none is dropped. Knows no console.
"""

from __future__ import annotations

from typing import Final

from server.stores import worklist
from server.stores.away import STORE_AWAY
from server.stores.pool import Pool
from server.watchviews import WorkItemView

WORK_SHOWN_MAX: Final = 200
"""Open items of a snapshot, gravest first; `GET /api/worklist` has them all."""
CHANGED_MAX: Final = 500
"""Items of one delta; of more, consoles hear with the next ones."""


class WorkNews:
    """The worklist as consoles see it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._shown: list[WorkItemView] = []
        self._open = 0
        self._stale: dict[str, None] = {}
        self._changed: dict[str, WorkItemView] = {}
        self._told_open = 0

    @property
    def has_news(self) -> bool:
        return bool(self._changed) or self._open != self._told_open

    def note(self, item_id: str) -> None:
        """An item changed; it is read with the next `refresh`."""
        self._stale[item_id] = None

    async def reload(self) -> None:
        """Read the open items; those that are open no more are read once again, to be shown so."""
        before = [each.id for each in self._shown]
        await self._read_shown()
        shown = {each.id for each in self._shown}
        self._stale |= dict.fromkeys(each for each in before if each not in shown)

    async def refresh(self) -> None:
        """Read what was noted; what is noted meanwhile, the next time."""
        if not self._stale:
            return
        noted, self._stale = self._stale, {}
        try:
            async with self._pool.acquire() as conn:
                for found in await worklist.some(conn, list(noted)):
                    self._changed[found.id] = found
            await self._read_shown()
        except STORE_AWAY:
            self._stale |= noted
            raise

    def snapshot(self) -> tuple[list[WorkItemView], int]:
        """The gravest open items, and how many are open."""
        return self._shown, self._open

    def take(self) -> tuple[list[WorkItemView], int | None]:
        """What changed since the last time; the number only where it did."""
        changed = [self._changed.pop(each) for each in list(self._changed)[:CHANGED_MAX]]
        count = None if self._open == self._told_open else self._open
        self._told_open = self._open
        return changed, count

    async def _read_shown(self) -> None:
        """What moves up among the gravest because others are settled is news as well."""
        before = {each.id: each for each in self._shown}
        async with self._pool.acquire() as conn:
            self._shown = await worklist.gravest(conn, WORK_SHOWN_MAX)
            self._open = await worklist.open_count(conn)
        for each in self._shown:
            if before.get(each.id) != each:
                self._changed[each.id] = each
