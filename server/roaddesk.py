"""What a dispatcher does to roads and conditions, and what the clock does: set, end, begin, expire.

Each step is one transaction: the row, its version, and last the command log. It returns when the
roads are in force in this process; others hear of the version and catch up, or see it when they
look (every POLL_S, and before each recommendation). Asking twice with one `request_id` sets one.
`run` begins and ends what is due, also what fell due while no server ran.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeVar

from geo.driving.conditions import Condition
from geo.errors import ConditionError, ExtentError
from geo.live.extent import Where, Zone
from geo.live.roadstate import FACTOR_MAX, FACTOR_MIN
from server.dispatch.errors import Conflict, Impossible, NotFound
from server.ids import new_id
from server.ports import Clock, FanOut
from server.roadpicture import RoadPicture
from server.routing import RoutingBusy
from server.stores import journal, roadentries, roadstate, waynews
from server.stores.away import STORE_AWAY
from server.stores.roadstate import (
    CONDITIONS,
    RUNNING_MAX,
    STATES,
    ConditionRow,
    RoadStateRow,
    Table,
)
from server.stores.roadstate import S as Row
from server.stores.steps import Hint
from server.surveyor import Surveyor, SurveyorBusy

logger = logging.getLogger(__name__)

T = TypeVar("T")

POLL_S: Final = 2.0
"""Between two looks at the version when nobody says that it changed."""
RETRY_S: Final = 1.0
AHEAD_MAX: Final = timedelta(days=366)
"""How far ahead something may begin or expire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when, until when."""

    starts_at: datetime | None = None
    """None, or past: now."""
    expires_at: datetime | None = None
    """None: until somebody ends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRoadState:
    """A road to close or slow."""

    request_id: str
    state: Literal["closed", "slow"]
    factor: float | None = None
    where: Where
    reason: str
    place: str = ""
    """As a person would say it; "": the map says it."""
    span: Span = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCondition:
    """A condition to set."""

    request_id: str
    condition: str
    """As `Condition.parse` reads it."""
    zone: Zone | None
    """None: the whole county."""
    reason: str = ""
    place: str = ""
    span: Span = Span()


class RoadDesk:
    """The steps. `by` is who acts: `user:<username>`."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        picture: RoadPicture,
        surveyor: Surveyor,
        map_id: str,
        clock: Clock,
    ) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._picture, self._surveyor = picture, surveyor
        self._map_id = map_id
        self._wake = asyncio.Event()
        fanout.subscribe("roads", lambda _: self._wake.set())
        fanout.subscribe("resync", lambda _: self._wake.set())

    # -- steps ---------------------------------------------------------------------------

    async def set_state(self, wanted: NewRoadState, *, by: str) -> tuple[RoadStateRow, bool]:
        """Close or slow a road; False with the one set before when the request is a repetition.

        Raises `Impossible` (`no_reason`, `bad_factor`, `bad_span`, and the codes of
        `ExtentError`), `Conflict` (`too_many`), `SurveyorBusy`.
        """
        _check_state(wanted)
        survey = await _possible(self._surveyor.survey(wanted.where))
        now = self._clock()
        starts_at, expires_at = _span(wanted.span, now)
        row = RoadStateRow(
            id=new_id(),
            state=wanted.state,
            factor=wanted.factor,
            extent=roadentries.stored(survey.where),
            map_id=self._map_id,
            place=wanted.place or survey.place,
            reason=wanted.reason,
            set_by=by,
            set_at=now,
            starts_at=starts_at,
            expires_at=expires_at,
            begun_at=starts_at if starts_at <= now else None,
        )
        return await self._set(STATES, row, wanted.request_id)

    async def set_condition(self, wanted: NewCondition, *, by: str) -> tuple[ConditionRow, bool]:
        """Set a condition; False as above.

        Raises `Impossible` (`bad_condition`, `bad_span`, and the codes of `ExtentError`),
        `Conflict` (`too_many`), `SurveyorBusy`.
        """
        condition = _parsed(wanted.condition)
        edges, named = None, ""
        if wanted.zone is not None:
            edges, named = await _possible(self._surveyor.members(wanted.zone))
            if not len(edges):
                raise Impossible("no_road_inside", "No road of this map lies inside.")
        if not self._picture.has_room(condition, edges):
            raise Conflict("too_many", "Too many different conditions overlap. End some first.")
        now = self._clock()
        starts_at, expires_at = _span(wanted.span, now)
        row = ConditionRow(
            id=new_id(),
            condition=str(condition),
            extent=None if wanted.zone is None else roadentries.stored(wanted.zone),
            place=wanted.place or named,
            reason=wanted.reason,
            set_by=by,
            set_at=now,
            starts_at=starts_at,
            expires_at=expires_at,
            begun_at=starts_at if starts_at <= now else None,
        )
        return await self._set(CONDITIONS, row, wanted.request_id)

    async def end(self, table: Table[Row], row_id: str, *, reason: str, by: str) -> Row:
        """End one before its time.

        Raises `Impossible` (`no_reason`), `NotFound`, `Conflict` (`ended`).
        """
        if not reason:
            raise Impossible("no_reason", "Say why it ends.")
        async with self._transaction() as conn:
            await roadstate.lock(conn)
            row = await _one(conn, table, row_id)
            if row.ended_at is not None:
                raise Conflict("ended", f"Number {row.number} has ended already.")
            await roadstate.end(conn, table, row_id, at=self._clock(), by=by, reason=reason)
            ended = await _one(conn, table, row_id)
            version = await roadstate.next_version(conn)
            told = await self._tell(conn, [ended])
            await journal.append_all(conn, [roadentries.spell_ended(ended, version=version)])
        await self._announce(version, told)
        return ended

    async def turn_over(self) -> None:
        """Begin what was scheduled for now, and end what has run out."""
        now = self._clock()
        async with self._transaction() as conn:
            if not await roadstate.is_due(conn, now):
                return
            await roadstate.lock(conn)
            tables: tuple[Table[Any], ...] = (STATES, CONDITIONS)
            begun = [row for each in tables for row in await roadstate.begin_due(conn, each, now)]
            ended = [row for each in tables for row in await roadstate.end_due(conn, each, now)]
            if not begun and not ended:
                return  # another process was quicker
            version = await roadstate.next_version(conn)
            entries = [roadentries.spell_begun(row, version=version) for row in begun]
            entries += [roadentries.spell_ended(row, version=version) for row in ended]
            told = await self._tell(conn, [*begun, *ended])
            await journal.append_all(conn, entries)
        await self._announce(version, told)

    async def catch_up(self) -> None:
        """Put in force whatever any process has changed."""
        async with self._pool.acquire() as conn:
            version = await roadstate.version(conn)
        await self._picture.catch_up(version)

    async def run(self) -> None:
        """Turn over what is due and catch up with other processes, until cancelled."""
        while True:
            await self._until_due()
            try:
                await self.turn_over()
                await self.catch_up()
            except (*STORE_AWAY, RoutingBusy, SurveyorBusy) as error:
                logger.warning("roads stay as they were for a moment: %s", error)
                await asyncio.sleep(RETRY_S)

    async def _until_due(self) -> None:
        """Something begins or ends, somebody changed something, or it is time to look."""
        wait_s = POLL_S
        if (due_at := self._picture.next_due_at) is not None:
            wait_s = min(wait_s, max((due_at - self._clock()).total_seconds(), 0.0))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        self._wake.clear()

    async def _set(self, table: Table[Row], row: Row, request_id: str) -> tuple[Row, bool]:
        async with self._transaction() as conn:
            await roadstate.lock(conn)
            if (earlier := await roadstate.by_request(conn, table, request_id)) is not None:
                return earlier, False
            if await roadstate.count_running(conn, table) >= RUNNING_MAX:
                raise Conflict("too_many", f"{RUNNING_MAX} are running already. End some first.")
            stored = await roadstate.insert(conn, table, row, request_id=request_id)
            version = await roadstate.next_version(conn)
            told = await self._tell(conn, [stored])
            await journal.append_all(conn, [roadentries.spell_set(stored, version=version)])
        await self._announce(version, told)
        return stored, True

    async def _tell(
        self, conn: Any, changed: Iterable[RoadStateRow | ConditionRow]
    ) -> tuple[Hint, ...]:
        """Those who are under way, when a road is closed, slowed or free again.

        Not when weather changes: it is in force later (`server.waywatch`).
        """
        if any(isinstance(row, RoadStateRow) and row.begun_at is not None for row in changed):
            return await waynews.tell(conn, at=self._clock())
        return ()

    async def _announce(self, version: int, told: Iterable[Hint]) -> None:
        """Tell the others; return when it is in force here. Handsets hear of it then."""
        self._fanout.publish("roads", str(version))
        try:
            await self._picture.catch_up(version)
        finally:
            for topic, payload in told:
                self._fanout.publish(topic, payload)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as conn, conn.transaction():
            yield conn


def _check_state(wanted: NewRoadState) -> None:
    if not wanted.reason:
        raise Impossible("no_reason", "Say why the road is closed or slow.")
    if (wanted.state == "slow") != (wanted.factor is not None):
        raise Impossible("bad_factor", "A slow road needs a factor, a closed one takes none.")
    if wanted.factor is not None and not FACTOR_MIN <= wanted.factor <= FACTOR_MAX:
        raise Impossible(
            "bad_factor",
            f"A slow road takes {FACTOR_MIN:g} to {FACTOR_MAX:g} times as long.",
            {"factor_min": FACTOR_MIN, "factor_max": FACTOR_MAX},
        )


def _parsed(text: str) -> Condition:
    try:
        condition = Condition.parse(text)
    except ConditionError as error:
        raise Impossible("bad_condition", str(error)) from None
    if condition == Condition():
        raise Impossible(
            "bad_condition", "A dry day is what holds when nothing is set: end what is set instead."
        )
    return condition


def _span(span: Span, now: datetime) -> tuple[datetime, datetime | None]:
    """When it starts and expires. Raises `Impossible`."""
    starts_at = max(span.starts_at or now, now)
    if span.expires_at is not None and span.expires_at <= starts_at:
        raise Impossible("bad_span", "It would expire before it begins.")
    if max(starts_at, span.expires_at or now) > now + AHEAD_MAX:
        raise Impossible("bad_span", f"At most {AHEAD_MAX.days} days ahead are possible.")
    return starts_at, span.expires_at


async def _possible(question: Awaitable[T]) -> T:
    try:
        return await question
    except ExtentError as error:
        raise Impossible(error.code, str(error), error.detail) from None


async def _one(conn: Any, table: Table[Row], row_id: str) -> Row:
    row = await roadstate.by_id(conn, table, row_id)
    if row is None:
        raise NotFound("not_found", "This does not exist.")
    return row
