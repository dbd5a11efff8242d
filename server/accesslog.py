"""Who looked, and who wanted to: entries of the command log that no desk writes itself.

The first look, search or refusal of a person on a route is logged at once; more of the same within
a few minutes are one entry with their number, so that no flood fills the log. A look is logged
before it is answered: where the log cannot be written, nothing is shown. Sessions at the live map
have an entry when they begin and one when they are over. Each process counts on its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any, Final

from server.journal.attendance import Attendance, Stay
from server.journal.coalesce import Coalescer, Repeats
from server.journal.kinds import JournalKind
from server.metrics import Metrics
from server.ports import Clock
from server.stores import journal
from server.stores.away import STORE_AWAY
from server.stores.journal import Entry

logger = logging.getLogger(__name__)

SYSTEM: Final = "system"
DETAIL_LEN_MAX: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLimits:
    window_s: float = 300.0
    """What is repeated within this is counted, and said once."""
    keys_max: int = 1_000
    """Of person, kind, route and reason within a window, and as many of strangers; more are one of
    each person, and one of all strangers."""
    grace_s: float = 60.0
    """A console that is back within this goes on with its session."""
    sessions_max: int = 1_000
    """At the live map, those that may still come back among them."""
    look_s: float = 5.0
    """Between two looks for what is to be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody did or wanted; the same again is a repetition."""

    actor: str
    """`user:<username>`, or `system` where nobody knows who it was."""
    kind: JournalKind
    route: str
    """Method and path, with names for what stands in the path: `GET /api/units/{id}`."""
    address: str
    why: str = ""
    """Code of the refusal."""

    def body(self, **more: Any) -> dict[str, Any]:
        said = {"route": self.route, "address": self.address, "why": self.why}
        return {name: value for name, value in (said | more).items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Onlooker:
    """Somebody at the live map, from one address."""

    actor: str
    address: str


class AccessLog:
    """`run` writes what is to be said later, until cancelled; `leave` writes the rest."""

    def __init__(
        self,
        pool: Any,
        *,
        clock: Clock = lambda: datetime.now(UTC),
        metrics: Metrics | None = None,
        limits: AccessLimits | None = None,
    ) -> None:
        self._pool, self._clock = pool, clock
        self._metrics = metrics or Metrics()
        self._limits = limits = limits or AccessLimits()
        self._people, self._strangers = (self._coalescer() for _ in range(2))
        """Apart, so that no stranger hides what people do."""
        self._onlookers = Attendance[Onlooker](
            grace_s=limits.grace_s, sessions_max=limits.sessions_max
        )
        self._sessions_turn = asyncio.Lock()
        """No session begins while the end of one is being written."""
        self._metrics.gauge("map_sessions", lambda: self.sessions_len)
        self._metrics.gauge("access_kept_apart", lambda: len(self._people) + len(self._strangers))

    @property
    def sessions_len(self) -> int:
        """At the live map, those that may still come back among them."""
        return len(self._onlookers)

    async def note(self, act: Act, detail: str = "") -> None:
        """Log it, or count it. `detail`: how this one differs. Raises what the store raises."""
        detail = detail.replace("\0", "\ufffd")[:DETAIL_LEN_MAX]
        self._metrics.count("access", kind=act.kind)
        acts = self._strangers if act.actor == SYSTEM else self._people
        begun = acts.begin(act, detail, _now())
        if begun is None:
            return
        try:
            await self._append([_entry(act, act.body(asked=[detail] if detail else []))])
        except BaseException:
            acts.undo(begun)
            raise

    @asynccontextmanager
    async def at_the_map(self, actor: str, address: str) -> AsyncIterator[None]:
        """A console is connected inside. Raises `attendance.Full`, and what the store raises."""
        key = Onlooker(actor=actor, address=address)
        async with self._sessions_turn:
            if self._onlookers.came(key, self._clock()):
                try:
                    await self._append([_map_opened(key)])
                except BaseException:
                    self._onlookers.forget(key)
                    raise
        try:
            yield
        finally:
            self._onlookers.went(key, _now(), self._clock())

    async def run(self) -> None:
        """Say what is due, now and then."""
        while True:
            await asyncio.sleep(self._limits.look_s)
            await self._say_or_wait(_now())

    async def leave(self) -> None:
        """Say everything: the server stops."""
        await self._say_or_wait(inf)

    async def say(self, now: float) -> None:
        """Write what is due at `now`. Raises what the store raises; then it is due still."""
        for acts in (self._people, self._strangers):
            if repeats := acts.due(now):
                await self._append([self._more(each) for each in repeats])
                for each in repeats:
                    acts.said(each, now)
        async with self._sessions_turn:
            if stays := self._onlookers.due(now):
                await self._append([_map_closed(each) for each in stays])
                for stay in stays:
                    self._onlookers.forget(stay.key)

    async def _say_or_wait(self, now: float) -> None:
        try:
            await self.say(now)
        except STORE_AWAY as error:
            logger.warning("who looked is not logged yet, PostgreSQL is away: %s", error)

    def _coalescer(self) -> Coalescer[Act]:
        limits = self._limits
        return Coalescer[Act](
            window_s=limits.window_s, keys_max=limits.keys_max, broader=_whatever_he_does
        )

    def _more(self, repeats: Repeats[Act]) -> Entry:
        said = {
            "more": repeats.count,
            "minutes": max(1, round(self._limits.window_s / 60)),
            "asked": list(repeats.lately),
        }
        return _entry(repeats.key, repeats.key.body(**said))

    async def _append(self, entries: list[Entry]) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            await journal.append_all(conn, entries)


def _whatever_he_does(act: Act) -> Act:
    """All of one person, or of all strangers."""
    return Act(actor=act.actor, kind=JournalKind.ACCESS_OTHERS, route="", address="")


def _entry(act: Act, body: dict[str, Any]) -> Entry:
    return Entry(actor=act.actor, subject=act.actor, kind=act.kind, body=body)


def _map_opened(who: Onlooker) -> Entry:
    body = {"address": who.address}
    return Entry(actor=who.actor, subject=who.actor, kind=JournalKind.ACCESS_MAP_OPENED, body=body)


def _map_closed(stay: Stay[Onlooker]) -> Entry:
    body = {
        "address": stay.key.address,
        "since": stay.since,
        "until": stay.until,
        "for_min": round((stay.until - stay.since).total_seconds() / 60, 1),
        "connections": stay.connections,
    }
    actor = stay.key.actor
    return Entry(actor=actor, subject=actor, kind=JournalKind.ACCESS_MAP_CLOSED, body=body)


def _now() -> float:
    return asyncio.get_running_loop().time()
