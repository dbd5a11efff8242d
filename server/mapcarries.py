"""Drives of older maps that count on this one: carry them over, take that back, know which do.

Each step is one transaction with the command log. Drives stay as they were matched; what is kept is
where the roads of the older map lie on the newer one, so a step can be taken back.
"""

from __future__ import annotations

from typing import Any

from geo.learning.carrying import Carrying, Counted
from server.dispatch.errors import Conflict, NotFound
from server.journal.kinds import JournalKind as Kind
from server.ports import Clock
from server.reasons import require_reason
from server.stores import carries, journal
from server.stores.carries import Source
from server.stores.journal import Entry

NOTHING = Counted(edges=0, edges_lost=0, km=0.0, km_lost=0.0)


class MapCarries:
    """The steps for one map. `by` is who acts: `user:<username>` or `operator:<name>`."""

    def __init__(self, *, pool: Any, map_id: str, clock: Clock) -> None:
        self._pool, self._map_id, self._clock = pool, map_id, clock

    async def sources(self) -> list[Source]:
        """The older maps whose drives count."""
        async with self._pool.acquire() as conn:
            return await carries.sources(conn, self._map_id)

    async def carry(
        self, from_map_id: str, carrying: Carrying, counted: Counted, *, by: str, reason: str
    ) -> None:
        """Let the drives of an older map count, from the next version on.

        Raises `Impossible` (`no_reason`), `Conflict` (`same_map`, `no_road_found`, `too_many`).
        """
        require_reason(reason)
        if from_map_id == self._map_id:
            raise Conflict("same_map", "Both are the same map: its drives count already.")
        if counted.edges == 0:
            raise Conflict("no_road_found", "No road of that map is found again on this one.")
        known = {each.map_id for each in await self.sources()}
        if len(known | {from_map_id}) > carries.SOURCES_MAX:
            raise Conflict("too_many", f"Drives of {carries.SOURCES_MAX} older maps count already.")
        body = {
            "map": self._map_id,
            "from": from_map_id,
            "edges": counted.edges,
            "edges_lost": counted.edges_lost,
            "km": round(counted.km, 1),
            "km_lost": round(counted.km_lost, 1),
            "reason": reason,
        }
        await self._add(Kind.LEARNING_CARRIED, from_map_id, carrying, counted, body, by, reason)

    async def take_back(self, from_map_id: str, *, by: str, reason: str) -> None:
        """Let the drives of an older map count no more, from the next version on.

        Raises `Impossible` (`no_reason`), `NotFound`.
        """
        require_reason(reason)
        if from_map_id not in {each.map_id for each in await self.sources()}:
            raise NotFound("not_found", f"No drive of map {from_map_id} counts on this one.")
        body = {"map": self._map_id, "from": from_map_id, "reason": reason}
        await self._add(Kind.LEARNING_CARRY_ENDED, from_map_id, None, NOTHING, body, by, reason)

    async def _add(
        self,
        kind: Kind,
        from_map_id: str,
        carrying: Carrying | None,
        counted: Counted,
        body: dict[str, Any],
        by: str,
        reason: str,
    ) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            await carries.insert(
                conn,
                carrying,
                counted,
                map_id=self._map_id,
                from_map_id=from_map_id,
                at=self._clock(),
                by=by,
                reason=reason,
            )
            said = Entry(actor=by, subject=f"map:{from_map_id}", kind=kind, body=body)
            await journal.append_all(conn, [said])
