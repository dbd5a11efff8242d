"""One foreign device while it is connected, or heard now and then: what it says, into the store.

Every call returns once what it took is durable, so that the protocol's own acknowledgement is true;
each raises what the store raises when it is away, and then nothing was taken: the device is to say
it again. Fixes are judged like those of our own devices, with two rules more, because a foreign
device says again what it believes lost, and some clocks were never set: the same fix is stored
once, and one from more than a day ahead is refused. A fix that is not the newest is history: it
moves no marker and raises no alarm. Knows no socket and no protocol.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from devices.intake import Accepted, Doubt, Fix, Rejection, Track, believed_pct
from devices.reading import Reading, located, unix_ms
from devices.session_flow import Budget, SessionLimits
from geo.datum import Datum
from protocols.native import Limits, Report, State
from server.dispatch.answers import Path
from server.dispatch.clock import ClockEstimate
from server.gateways import uplink
from server.gateways.field import Field
from server.gateways.guests.calls import Call, Calls, Taken, believable
from server.gateways.guests.letters import Letter, Letters
from server.stores import orders
from server.stores.identities import Identity, Opening
from server.stores.orders import ReportOutcome
from server.stores.positions import Raw, Record
from server.stores.presence import DeviceFix, Presence

logger = logging.getLogger(__name__)

AHEAD_MAX: Final = timedelta(hours=24)
"""A clock that is ahead by more was never set (jt808.md, 0x0200)."""
RECENT_LEN_MAX: Final = 256
"""Fixes of one guest that are remembered, to know the same one again."""


class Recent:
    """A bounded memory of what was said; the oldest is forgotten."""

    def __init__(self, len_max: int) -> None:
        self._len_max = len_max
        self._said: OrderedDict[object, None] = OrderedDict()

    def __contains__(self, said: object) -> bool:
        return said in self._said

    def add(self, said: object) -> None:
        self._said[said] = None
        if len(self._said) > self._len_max:
            self._said.popitem(last=False)


class Guest:
    """Made by `Guests`, which knows when it comes and goes."""

    def __init__(
        self,
        field: Field,
        identity: Identity,
        opening: Opening,
        *,
        pace: SessionLimits,
        ahead: Recent | None = None,
    ) -> None:
        """`ahead`: fixes of all guests under our time in place of theirs. The store cannot know
        such a one again, so they are remembered beyond a conversation."""
        self.identity = identity
        self.admission = opening.admission
        self.letters = Letters(field, identity, opening)
        """What it is to be told."""
        self.closing = ""
        """Why it must go; empty while it may stay."""
        self.on_close: Callable[[], None] = lambda: None
        self.finished = asyncio.Event()
        """Nothing of its conversation is under way any more."""
        self.store_s_max = uplink.FLUSH_S_MAX
        """How long a reading may wait to be stored. Longer where a link can hold its device back:
        sending it away would only bring it back, with all that it says again."""
        self.battery_pct: int | None = None
        self.heard_at = field.clock()
        self._field, self._metrics = field, field.metrics
        self._track = Track(opening.newest, ahead_max=AHEAD_MAX)
        self._said_at = None if opening.newest is None else opening.newest.observed_at
        """The device's time of its newest reading, with a position or without."""
        self._clock = ClockEstimate()
        self._recent = Recent(RECENT_LEN_MAX)
        self._ahead = Recent(RECENT_LEN_MAX) if ahead is None else ahead
        self._pace = Budget(pace, _now())
        self._calls = Calls(field, lambda: self.identity)

    @property
    def device_id(self) -> str:
        return self.identity.device_id

    @property
    def protocol(self) -> str:
        return self.identity.protocol

    @property
    def clock_offset_s(self) -> float | None:
        return self._clock.offset_s

    def is_older_than(self, age: timedelta) -> bool:
        """Whether its device was last seen anywhere longer ago, or never."""
        newest = self._track.newest
        return newest is None or self._field.clock() - newest.observed_at > age

    def close(self, why: str) -> None:
        """End the conversation from outside; `letters` gives out nothing more."""
        if self.closing:
            return
        self.closing = why
        self.letters.end()
        self.on_close()

    def wait_s(self) -> float:
        """Until the next reading may be taken; 0: now. TCP stops reading, HTTP answers 429."""
        wait_s = self._pace.wait_s(_now())
        if wait_s:
            self._metrics.count("guest_throttled", protocol=self.protocol)
        return wait_s

    def presence(self, *, online: bool) -> Presence:
        return Presence(
            device_id=self.device_id,
            install_id=self.protocol,
            online=online,
            at=self._field.clock(),
            admission=self.admission,
            gateway=self._field.gateway_id,
            battery_pct=self.battery_pct,
        )

    # -- where it is ----------------------------------------------------------------------

    async def take(self, reading: Reading, *, history: bool = False) -> Taken:
        """One reading. `history`: the device says that it is old, whatever its time."""
        self._pace.spend(1, _now())
        self.heard()
        taken = await self._take(reading, history=history)
        self._metrics.count("guest_readings", protocol=self.protocol, taken=taken)
        return taken

    def heard(self) -> None:
        """A sign of life, whatever it says."""
        self.heard_at = self._field.clock()

    async def _take(self, reading: Reading, *, history: bool) -> Taken:
        received_at = self._field.clock()
        if reading.has_position and self._is_known(reading):
            await self._flush()
            return Taken.DUPLICATE
        is_late = history or not self._is_newest(reading)
        if not is_late:
            self._said_at = min(reading.observed_at or received_at, received_at)
        if not reading.has_position:
            self._take_status(reading, history=is_late)
            return Taken.HISTORY if is_late else Taken.STATUS
        location = located(reading, self.identity.datum, received_at)
        if not history:
            self._clock.note(location.at, received_at)
        verdict = self._track.judge(location, received_at, history=history)
        if isinstance(verdict, Rejection):
            self._metrics.count("records_rejected", kind=verdict.kind)
            logger.info(
                "a fix of %s is rejected: %s, %s", self.device_id, verdict.kind, verdict.detail
            )
            return Taken.REJECTED
        for doubt in verdict.doubts:
            self._metrics.count("records_doubted", kind=doubt)
        await self._store(reading, verdict, received_at)
        return Taken.LIVE if verdict.live else Taken.HISTORY

    async def _store(self, reading: Reading, verdict: Accepted, received_at: datetime) -> None:
        if verdict.live:
            self._share(verdict.fix)
        await self._field.positions.put(
            Record(
                device_id=self.device_id,
                install_id=self.protocol,
                n=None,
                received_at=received_at,
                fix=verdict.fix,
                live=verdict.live,
                raw=self._raw(reading),
            )
        )
        await self._flush()
        if (what := self._what(reading)) is not None:
            self._recent.add(what)
            if Doubt.CLOCK_AHEAD in verdict.doubts:
                self._ahead.add(what)

    async def _flush(self) -> None:
        """Raises `TimeoutError`: what was taken stays taken, and may be said again all the same."""
        async with asyncio.timeout(self.store_s_max):
            await self._field.positions.flush(self.device_id, self.protocol)

    def _share(self, fix: Fix) -> None:
        if fix.battery_pct is not None:
            self.battery_pct = fix.battery_pct
        self._field.share_fix(DeviceFix.of(self.device_id, fix))

    def _take_status(self, reading: Reading, *, history: bool) -> None:
        pct = believed_pct(reading.gauge_pct)
        if pct is not None and not history:
            self.battery_pct = pct
        self._field.share_presence(self.presence(online=True))

    def _raw(self, reading: Reading) -> Raw | None:
        datum = reading.datum or self.identity.datum
        if datum is Datum.WGS84 or reading.lon is None or reading.lat is None:
            return None
        return Raw(datum, reading.lon, reading.lat)

    def _is_newest(self, reading: Reading) -> bool:
        """Whether the device has said nothing of a later time."""
        at = reading.observed_at
        return at is None or self._said_at is None or at >= self._said_at

    def _is_current(self, reading: Reading, taken: Taken) -> bool:
        """Whether it was the newest when it was taken; said again, whether it still is."""
        if taken is Taken.DUPLICATE:
            return self._is_newest(reading)
        return taken is not Taken.HISTORY

    def _is_known(self, reading: Reading) -> bool:
        what = self._what(reading)
        return what in self._recent or what in self._ahead

    def _what(self, reading: Reading) -> tuple[str, datetime, float, float] | None:
        """What makes two readings the same; None: it has no time of its own, none is the same."""
        if reading.observed_at is None or reading.lon is None or reading.lat is None:
            return None
        return self.device_id, reading.observed_at, reading.lon, reading.lat

    # -- what it answers --------------------------------------------------------------------

    async def report(
        self,
        letter: Letter,
        says: Report,
        *,
        by: str = "",
        reason: str = "",
        note: str = "",
        at: datetime | None = None,
        until: datetime | None = None,
        reading: Reading | None = None,
        did: Limits | None = None,
        settles: bool = False,
    ) -> ReportOutcome | None:
        """What the guest, or a person at it, says to a command; None: the machine's word is known.

        `by`: a badge, where the way gives one; `did`: the limits that it keeps now; `settles`: the
        command needs not be said any more. Raises `Outlived`. A machine's receipt says no more than
        the way gives: report `RECEIVED` when the device confirmed it, `REFUSED` when it cannot show
        it, so that the next path is tried.
        """
        received_at = self._field.clock()
        where = None if reading is None else believable(reading, self.identity.datum, received_at)
        state = State(
            n=0,
            id=letter.id,
            s=says,
            at=unix_ms(at or received_at),
            by=by,
            reason=reason,
            note=note,
            until=None if until is None else unix_ms(until),
            lat=None if where is None else where.lat,
            lon=None if where is None else where.lon,
            did=did,
        )
        if settles and not letter.missed:
            outcome = await self._report_and_settle(letter, state, received_at)
        elif settles:
            await self.letters.settle(letter)
            return None
        else:
            async with self._field.pool.acquire() as conn, conn.transaction():
                outcome = await self._apply(conn, state, received_at)
        if outcome is not None:
            self._metrics.count("reports", step=says)
            self._field.publish(outcome.hints)
        return outcome

    async def _report_and_settle(
        self, letter: Letter, state: State, received_at: datetime
    ) -> ReportOutcome | None:
        """Both or neither, so that what is confirmed is never said again."""
        letters = self.letters
        async with letters.lock:
            if letters.standing.has(letter.seq) and state.s is Report.RECEIVED:
                return None
            async with self._field.pool.acquire() as conn, conn.transaction():
                standing = await letters.settle_in(conn, letter.seq)
                outcome = await self._apply(conn, state, received_at)
            letters.settled(letter.seq, standing)
        return outcome

    async def report_by_id(
        self,
        command_id: str,
        says: Report,
        *,
        by: str = "",
        reason: str = "",
        note: str = "",
        at: datetime | None = None,
    ) -> ReportOutcome:
        """The same about a command that was told before this conversation began."""
        received_at = self._field.clock()
        state = State(
            n=0,
            id=command_id,
            s=says,
            at=unix_ms(at or received_at),
            by=by,
            reason=reason,
            note=note,
        )
        async with self._field.pool.acquire() as conn, conn.transaction():
            outcome = await self._apply(conn, state, received_at)
        self._metrics.count("reports", step=says)
        self._field.publish(outcome.hints)
        return outcome

    async def _apply(
        self, conn: asyncpg.Connection, state: State, received_at: datetime
    ) -> ReportOutcome:
        return await orders.apply_report(
            conn,
            device_id=self.device_id,
            state=state,
            received_at=received_at,
            clock_offset_s=self._clock.offset_s,
            path=Path(name=self.protocol, carrier=self.identity.badge or None, names_people=False),
        )

    # -- calls for help ----------------------------------------------------------------------

    async def call(self, call: Call) -> None:
        """A call for help that is said once; said again under the same `ref` it changes nothing."""
        await self._calls.take(call)

    async def alarm(
        self, *, on: bool, reading: Reading, taken: Taken, by: str = "", lapses: bool = False
    ) -> bool:
        """An alarm that stays on in every reading until somebody sees to it; True: it is new.

        It calls for help once, from the reading in which it came on until one without it. `taken`:
        what became of the reading; history ends no alarm and raises none that is over. `by`: a
        badge, where the way gives one. `lapses`: nothing but a person's word ends it, so one that
        is not heard for a while is over.
        """
        is_newest = self._is_current(reading, taken)
        return await self._calls.alarm(
            on=on, reading=reading, is_newest=is_newest, by=by, lapses=lapses
        )

    async def alarm_over(self, *, by: str = "") -> bool:
        """A person takes the alarm that is on back; True: it was on. A dispatcher still looks."""
        return await self._calls.over(by=by)

    async def pressed(self, reading: Reading, taken: Taken, *, note: str = "") -> bool:
        """An alarm that one reading carries, and the next does not; True: it called for help."""
        is_newest = self._is_current(reading, taken)
        return await self._calls.pressed(reading, is_newest=is_newest, note=note)


def _now() -> float:
    return asyncio.get_running_loop().time()
