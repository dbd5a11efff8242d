"""What one device sends up, on its way into the store.

Fixes are judged, shown at once, and go to the `PositionWriter`; a step of an order waits until the
fixes before it are stored, then moves the order and the uplink counter in one transaction; so does
a call for help.
Raises what the store raises when it is away; the connection then sends the device away, and both
sides go on from what is durable. Knows no socket.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Final

import asyncpg
import msgspec

from devices.intake import Fix, Rejection, RejectionKind, Track
from protocols.native import Location, Sos, State
from server.dispatch.clock import ClockEstimate
from server.gateways.field import Field
from server.journal.kinds import JournalKind
from server.stores import devices, journal, orders, sos, worklist
from server.stores.journal import Entry
from server.stores.positions import Record
from server.stores.presence import DeviceFix
from server.stores.steps import Hint

logger = logging.getLogger(__name__)

FLUSH_S_MAX: Final = 5.0
"""To wait for this installation's records to be stored before going on."""


class Uplink:
    """Records of one installation, one after the other."""

    def __init__(self, field: Field, device_id: str, install_id: str) -> None:
        self.track = Track()
        self._clock = ClockEstimate()
        self._field = field
        self._metrics = field.metrics
        self._device_id, self._install_id = device_id, install_id

    async def flush(self) -> None:
        """Wait until the records taken so far are stored. Raises `TimeoutError`."""
        async with asyncio.timeout(FLUSH_S_MAX):
            await self._field.positions.flush(self._device_id, self._install_id)

    async def take_malformed(self, n: int) -> None:
        """A numbered record without a meaning: only the counter moves."""
        self._metrics.count("records_rejected", kind=RejectionKind.MALFORMED)
        await self._put(n, self._field.clock())

    async def take_location(self, location: Location) -> None:
        received_at = self._field.clock()
        self._clock.note(location.at, received_at)
        verdict = self.track.judge(location, received_at)
        if isinstance(verdict, Rejection):
            self._metrics.count("records_rejected", kind=verdict.kind)
            logger.info(
                "a fix of %s is rejected: %s, %s", self._device_id, verdict.kind, verdict.detail
            )
            await self._put(location.n, received_at)
            return
        for doubt in verdict.doubts:
            self._metrics.count("records_doubted", kind=doubt)
        if verdict.live:
            self._field.share_fix(DeviceFix.of(self._device_id, verdict.fix))
        await self._put(location.n, received_at, verdict.fix, live=verdict.live)

    async def take_state(self, state: State) -> int:
        """The order's step and the uplink counter in one transaction; returns the counter."""
        await self.flush()
        try:
            stored, hints = await self._store_state(state)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            logger.error("a report of %s cannot be stored: %s", self._device_id, error)
            stored, hints = await self._store_unstorable(state)
        self._metrics.count("reports", step=state.s)
        self._field.publish(hints)
        return stored

    async def _store_state(self, state: State) -> tuple[int, tuple[Hint, ...]]:
        """Returns the uplink counter afterwards, and what to publish."""
        now = self._field.clock()
        self._clock.note(state.at, now)
        async with self._field.pool.acquire() as conn, conn.transaction():
            if not await devices.advance(
                conn, device_id=self._device_id, install_id=self._install_id, n=state.n, now=now
            ):
                stored = await devices.up_seq(
                    conn, device_id=self._device_id, install_id=self._install_id
                )
                return stored, ()
            outcome = await orders.apply_report(
                conn,
                device_id=self._device_id,
                state=state,
                received_at=now,
                clock_offset_s=self._clock.offset_s,
            )
        return state.n, outcome.hints

    async def take_sos(self, call: Sos) -> int:
        """A call for help and the uplink counter in one transaction; returns the counter."""
        await self.flush()
        try:
            stored, hints = await self._store_sos(_clean(call))
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            logger.error("a call of %s is taken without its details: %s", self._device_id, error)
            bare = Sos(n=call.n, id=f"n{call.n}", s=call.s)
            stored, hints = await self._store_sos(bare)
        self._metrics.count("sos", said=call.s)
        self._field.publish(hints)
        return stored

    async def _store_sos(self, call: Sos) -> tuple[int, tuple[Hint, ...]]:
        now = self._field.clock()
        who = {"device_id": self._device_id, "install_id": self._install_id}
        async with self._field.pool.acquire() as conn, conn.transaction():
            if not await devices.advance(conn, **who, n=call.n, now=now):
                return await devices.up_seq(conn, **who), ()
            hints = await sos.take(
                conn,
                device_id=self._device_id,
                sos=call,
                received_at=now,
                name_place=self._field.name_place,
            )
        return call.n, hints

    async def _store_unstorable(self, state: State) -> tuple[int, tuple[Hint, ...]]:
        """A report no table takes must not hold up those behind it; the log says it came."""
        self._metrics.count("reports_unstorable")
        async with self._field.pool.acquire() as conn, conn.transaction():
            moved = await devices.advance(
                conn,
                device_id=self._device_id,
                install_id=self._install_id,
                n=state.n,
                now=self._field.clock(),
            )
            assert moved, "the counter stood right when the report was tried"
            body = {"why": "unstorable", "n": state.n, "reported": str(state.s)}
            item = await worklist.delivery_failed(
                conn, self._device_id, body=body, at=self._field.clock()
            )
            ignored = Entry(
                actor=f"device:{self._device_id}",
                subject=f"device:{self._device_id}",
                kind=JournalKind.ORDER_REPORT_IGNORED,
                body=body,
            )
            await journal.append_all(conn, (ignored, *item.entries))
        return state.n, item.hints

    async def _put(
        self, n: int, received_at: datetime, fix: Fix | None = None, *, live: bool = False
    ) -> None:
        """To the writer; without a fix only the counter moves. Waits while the writer is full."""
        await self._field.positions.put(
            Record(
                device_id=self._device_id,
                install_id=self._install_id,
                n=n,
                received_at=received_at,
                fix=fix,
                live=live,
            )
        )


def _clean(call: Sos) -> Sos:
    """PostgreSQL stores no NUL."""
    return msgspec.structs.replace(
        call,
        id=call.id.replace("\0", "") or f"n{call.n}",
        by=call.by.replace("\0", ""),
        note=call.note.replace("\0", ""),
    )
