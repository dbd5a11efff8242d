"""Calls for help of one guest, once each, whatever its protocol repeats.

An alarm counts when it is of now, by the device's time and by ours: of its newest reading, out of
a dead zone too; an older one only while it is hardly older than its arrival, and younger than the
end of the last alarm. Only the newest reading ends one. So a backlog neither raises again what is
over nor ends what is on. Everything is durable when the call returns.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import asyncpg

from devices.intake import Rejection, Track, believed_pct
from devices.reading import Reading, located, unix_ms
from geo.datum import Datum
from protocols.native import Location, Sos, SosSays
from server.gateways.field import Field
from server.stores import identities, sos
from server.stores.identities import Identity
from server.stores.steps import Hint

logger = logging.getLogger(__name__)

ALARM_AGE_MAX: Final = timedelta(hours=4)
"""A call for help that comes later than this out of a dead zone is history (starting value)."""
ALARM_FRESH: Final = timedelta(minutes=2)
"""So young, an alarm counts even when a newer fix overtook it."""

ALARM_LAPSES_AFTER: Final = timedelta(minutes=10)
"""An alarm that only a person takes back, unheard for so long, is over; the next is another one
(starting value: TAK clients say theirs again every few seconds)."""
SAID_AGAIN_S: Final = timedelta(seconds=30)
"""Between two times that an alarm which stays on is written down."""


class Taken(StrEnum):
    """What became of a reading. All are final: the device may forget it."""

    LIVE = "live"
    """The device's newest fix."""
    HISTORY = "history"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    STATUS = "status"
    """Without a position: a sign of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Somebody calls for help."""

    ref: str
    """The device's own name of this call: saying it twice raises one alarm."""
    at: datetime | None = None
    by: str = ""
    """Badge, where the device knows who holds it."""
    note: str = ""
    reading: Reading | None = None
    withdrawn: bool = False
    """The person says that it was a false alarm."""


class Calls:
    """Of one guest. Raises what the store raises; what is wrong in a call is left out."""

    def __init__(self, field: Field, identity: Callable[[], Identity]) -> None:
        self._field, self._metrics = field, field.metrics
        self._identity = identity
        self._alarm_ref = identity().alarm_ref
        """Of the alarm that is on."""
        self._said_at = identity().alarm_said_at
        """When it was heard last, as it is written down."""
        self._over_at = identity().alarm_over_at
        """The device's time when the last one ended."""

    async def take(self, call: Call) -> None:
        async with self._field.pool.acquire() as conn, conn.transaction():
            hints = await self._take(conn, call)
        self._tell(hints, withdrawn=call.withdrawn)

    async def alarm(
        self, *, on: bool, reading: Reading, is_newest: bool, by: str, lapses: bool
    ) -> bool:
        if not self._counts(reading, is_newest=is_newest, on=on):
            return False
        now = self._field.clock()
        is_on = self._alarm_ref is not None
        lapsed = lapses and is_on and self._is_silent(now, ALARM_LAPSES_AFTER)
        if on == is_on and not lapsed:
            if on and lapses and self._is_silent(now, SAID_AGAIN_S):
                await self._said_again(now)
            return False
        ref = self._ref_of(reading)
        call = Call(ref=ref, at=reading.observed_at, by=by, reading=reading)
        at = min(reading.observed_at or now, now)
        async with self._field.pool.acquire() as conn, conn.transaction():
            before = await identities.hold_alarm(conn, self._identity())
            hints: tuple[Hint, ...] = ()
            if on and (before is None or (lapsed and before == self._alarm_ref)):
                await identities.begin_alarm(conn, self._identity(), ref, at=now)
                hints = await self._take(conn, call)
                before = None
            elif not on:
                await identities.end_alarm(conn, self._identity(), at=at)
        self._alarm_ref = (before or ref) if on else None
        self._said_at, self._over_at = now, self._over_at if on else at
        if hints:
            self._tell(hints)
        return bool(hints)

    async def over(self, *, by: str) -> bool:
        now = self._field.clock()
        async with self._field.pool.acquire() as conn, conn.transaction():
            ref = await identities.hold_alarm(conn, self._identity())
            hints: tuple[Hint, ...] = ()
            if ref is not None:
                await identities.end_alarm(conn, self._identity(), at=now)
                hints = await self._take(conn, Call(ref=ref, by=by, withdrawn=True))
        self._alarm_ref = None
        if ref is not None:
            self._over_at = now
            self._tell(hints, withdrawn=True)
        return ref is not None

    async def pressed(self, reading: Reading, *, is_newest: bool, note: str) -> bool:
        """Said again it is the same call, so what the store did not take is taken then."""
        if not self._counts(reading, is_newest=is_newest, on=True):
            return False
        call = Call(ref=self._ref_of(reading), at=reading.observed_at, note=note, reading=reading)
        async with self._field.pool.acquire() as conn, conn.transaction():
            hints = await self._take(conn, call)
        if hints:
            self._tell(hints)
        return bool(hints)

    def _counts(self, reading: Reading, *, is_newest: bool, on: bool) -> bool:
        """Whether an alarm in this reading is of now, by the device's time and by ours."""
        now = self._field.clock()
        at = reading.observed_at or now
        if is_newest:
            counts = now - at <= ALARM_AGE_MAX
        else:
            is_over = self._over_at is not None and at < self._over_at
            counts = on and now - at <= ALARM_FRESH and not is_over
        if on and not counts:
            self._metrics.count("guest_alarms_late", protocol=self._identity().protocol)
        return counts

    def _is_silent(self, now: datetime, since: timedelta) -> bool:
        return self._said_at is None or now - self._said_at > since

    async def _said_again(self, now: datetime) -> None:
        async with self._field.pool.acquire() as conn:
            await identities.alarm_said(conn, self._identity(), at=now)
        self._said_at = now

    def _ref_of(self, reading: Reading) -> str:
        at = reading.observed_at or self._field.clock()
        return f"{self._identity().protocol}-{unix_ms(at)}"

    async def _take(self, conn: asyncpg.Connection, call: Call) -> tuple[Hint, ...]:
        received_at = self._field.clock()
        said = self._said(call, received_at)
        try:
            async with conn.transaction():
                return await self._put(conn, said, received_at)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            device_id = self._identity().device_id
            logger.error("a call of %s is taken without its details: %s", device_id, error)
            return await self._put(conn, Sos(n=0, id=said.id, s=said.s), received_at)

    async def _put(
        self, conn: asyncpg.Connection, said: Sos, received_at: datetime
    ) -> tuple[Hint, ...]:
        return await sos.take(
            conn,
            device_id=self._identity().device_id,
            sos=said,
            received_at=received_at,
            name_place=self._field.name_place,
        )

    def _said(self, call: Call, received_at: datetime) -> Sos:
        identity, reading = self._identity(), call.reading
        where = None if reading is None else believable(reading, identity.datum, received_at)
        place: dict[str, Any] = {}
        if where is not None:
            place = {"lat": where.lat, "lon": where.lon, "acc": where.acc, "fix": where.at}
        return Sos(
            n=0,
            id=call.ref.replace("\0", ""),
            s=SosSays.WITHDRAWN if call.withdrawn else SosSays.RAISED,
            at=None if call.at is None else unix_ms(call.at),
            by=(call.by or identity.badge or "").replace("\0", ""),
            note=call.note.replace("\0", ""),
            bat=None if reading is None else believed_pct(reading.gauge_pct),
            **place,
        )

    def _tell(self, hints: tuple[Hint, ...], *, withdrawn: bool = False) -> None:
        self._field.publish(hints)
        self._metrics.count("sos", said="withdrawn" if withdrawn else "raised")


def believable(reading: Reading, usual: Datum, received_at: datetime) -> Location | None:
    """Where a reading was made, in WGS-84; None: it does not say, or says what cannot be."""
    if not reading.has_position:
        return None
    where = located(reading, usual, received_at)
    return None if isinstance(Track().judge(where, received_at), Rejection) else where
