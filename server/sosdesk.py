"""What a dispatcher does about a call for help: see who is near, acknowledge it, say where it is.

Each step is one transaction. What devices say about calls does not pass here: the gateway writes
it with `stores.sos.take`, in the transaction that moves the device's uplink counter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.placenames import PlaceNames
from server.ports import Clock, FanOut
from server.stores import sos
from server.stores.pool import Pool
from server.stores.steps import Hint
from server.views import RecommendationView, SosView

SYSTEM: Final = "system"

Rank = Callable[[str], Awaitable[RecommendationView]]
"""Incident id → its units ranked, kept and logged as asked for by SYSTEM."""


class SosDesk:
    """`by` is who acts: `user:<username>`."""

    def __init__(
        self, *, pool: Pool, fanout: FanOut, places: PlaceNames, rank: Rank, clock: Clock
    ) -> None:
        self._pool, self._fanout, self._places, self._clock = pool, fanout, places, clock
        self._rank = rank
        self._ranking = asyncio.Lock()
        """All consoles ask at once; one connection at a time waits for routing."""

    async def nearest(self, call_id: str) -> RecommendationView:
        """The units ranked for a call, once for all who ask.

        Raises `NotFound`, `Conflict` (`no_place`, `incident_closed`), `RoutingBusy`.
        """
        call = await self._load(call_id)
        if call.incident_id is None:
            raise Conflict("no_place", f"Nobody knows yet where call {call.number} comes from.")
        async with self._ranking, self._pool.acquire() as conn, conn.transaction():
            found = await sos.nearest(conn, call.id)
            if found is None:
                found = await self._rank(call.incident_id)
                await sos.keep_nearest(conn, call.id, found.id)
        return found

    async def acknowledge(self, call_id: str, *, by: str) -> SosView:
        """Say that a dispatcher has seen it; asked again, it says who was first.

        Raises `NotFound`.
        """
        async with self._pool.acquire() as conn, conn.transaction():
            hints = await sos.acknowledge(conn, call_id, by=by, at=self._clock())
        self._publish(hints or ())
        return await self._load(call_id)

    async def place(self, call_id: str, *, lon: float, lat: float, place: str, by: str) -> SosView:
        """Say where a call comes from that nobody knew the place of; its incident is opened.

        Raises `NotFound`, `Conflict` (`placed`), `Impossible` (`off_map`).
        """
        named = self._places.inside(lon, lat)
        if named is None:
            raise Impossible("off_map", f"{lat:.5f}, {lon:.5f} is outside the map.")
        call = await self._load(call_id)
        async with self._pool.acquire() as conn, conn.transaction():
            hints = await sos.place(
                conn, call, lon=lon, lat=lat, place=place or named, by=by, at=self._clock()
            )
        if hints is None:
            raise Conflict("placed", f"Call {call.number} has an incident already.")
        self._publish(hints)
        return await self._load(call_id)

    async def _load(self, call_id: str) -> SosView:
        async with self._pool.acquire() as conn:
            found = await sos.load(conn, call_id)
        if found is None:
            raise NotFound("not_found", "There is no such call.")
        return found

    def _publish(self, hints: tuple[Hint, ...]) -> None:
        for topic, payload in hints:
            self._fanout.publish(topic, payload)
