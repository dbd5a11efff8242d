"""What all consoles are told: one hub a process gathers changes and sends each once.

It notes which units, incidents, items of the worklist, roads and calls for help look different, and
that other run cards are in force, gathers for a tick (less when more than units are among them),
encodes ONE delta and hands the same text to every console. A console that joins gets a snapshot of
that moment and then deltas; one that comes back and says where it stood gets the deltas that it
missed, or an honest new snapshot where they are gone. One whose queue is full is closed with 4004
and comes back.

Hints of the fan-out may be lost: open incidents and the worklist are read again now and then, and
calls for help every few seconds, so a miss costs no more than that.
Knows no socket and no rule of dispatch.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import msgspec

from protocols.native import CloseCode
from server.board import Board
from server.dispatch.runcards import SHIPPED_VERSION
from server.gateways.recent import Recent
from server.gateways.worknews import WorkNews
from server.ids import new_id
from server.metrics import Metrics
from server.ports import Clock, FanOut, RoadNews, RunCardNews, StanceNews
from server.stanceviews import StanceView
from server.stores import incidents, sos
from server.stores.away import STORE_AWAY
from server.stores.pool import Pool
from server.views import Delta, IncidentView, Resumed, Snapshot, SosView, Tick

logger = logging.getLogger(__name__)

READY_S_MAX: Final = 10.0
"""To wait for the first reading of the open incidents."""
DRAIN_S_MAX: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HubLimits:
    tick_s: float = 0.25
    """Between two deltas; what units do in between is one message."""
    urgent_s: float = 0.02
    """The same when an incident, an order or a road changed: somebody waits for that."""
    idle_s: float = 5.0
    """Without anything new a Tick says that the feed lives."""
    consoles_max: int = 200
    queue_bytes_max: int = 4 * 1024 * 1024
    """Text that waits for one console to read; beyond it, it is closed. A snapshot always fits."""
    reload_s: float = 30.0
    """Between two readings of all open incidents."""
    recent_len_max: int = 2_000
    """Deltas kept for consoles that come back; the oldest make room."""
    recent_bytes_max: int = 4 * 1024 * 1024
    """Text of these. A console that missed more than half of its queue holds gets a snapshot."""
    sos_s: float = 3.0
    """Between two readings of the calls for help, when nobody says that there is a new one."""
    retry_s: float = 1.0
    """Until the store is asked again after it failed."""
    signed_in_s: float = 30.0
    """Between two looks whether a console's user is still signed in."""


class Console:
    """One connected console: a bounded queue of texts."""

    def __init__(self, queue_bytes_max: int, username: str = "") -> None:
        self.closing: tuple[int, str] | None = None
        self.username = username
        self.stirred = asyncio.Event()
        """It was closed, or whether its user is still signed in must be looked at now."""
        self._texts: deque[str] = deque()
        self._bytes = 0
        self._bytes_max = queue_bytes_max
        self._some = asyncio.Event()

    def put(self, text: str) -> None:
        """Queue one message; a full queue closes the console."""
        if self.closing is not None:
            return
        if self._texts and self._bytes + len(text) > self._bytes_max:
            self.close(CloseCode.SLOW_CONSUMER, "reading too slowly")
            return
        self._texts.append(text)
        self._bytes += len(text)
        self._some.set()

    def close(self, code: int, reason: str) -> None:
        """End it; the first reason stands."""
        if self.closing is None:
            self.closing = int(code), reason
            self._texts.clear()
            self.stirred.set()
            self._some.set()

    async def next(self) -> str | None:
        """The next text to send; None when the console is to be closed."""
        while not self._texts and self.closing is None:
            self._some.clear()
            await self._some.wait()
        if self.closing is not None:
            return None
        text = self._texts.popleft()
        self._bytes -= len(text)
        return text


class ConsoleHub:
    """`run` feeds all consoles until cancelled."""

    def __init__(
        self,
        *,
        pool: Pool,
        board: Board,
        roads: RoadNews,
        fanout: FanOut,
        clock: Clock,
        metrics: Metrics | None = None,
        limits: HubLimits | None = None,
        stance: StanceNews | None = None,
        cards: RunCardNews | None = None,
    ) -> None:
        self.limits = limits or HubLimits()
        self.metrics = metrics or Metrics()
        self.seq = 0
        self.epoch = new_id()
        self._recent = Recent(
            len_max=self.limits.recent_len_max, bytes_max=self.limits.recent_bytes_max
        )
        """Deltas; the newest has `seq`."""
        self._pool, self._board, self._roads, self._clock = pool, board, roads, clock
        self._consoles: set[Console] = set()
        self._draining = False
        self._none_left = asyncio.Event()
        self._incidents: dict[str, IncidentView] = {}
        """Those that are not closed."""
        self._loaded = asyncio.Event()
        self._changed_units: set[str] = set()
        self._changed_incidents: dict[str, IncidentView] = {}
        self._changed_roads = False
        self._stance = stance
        self._changed_stance = False
        self._cards = cards
        self._changed_cards = False
        self._sos: list[SosView] = []
        """Those that somebody must still look at."""
        self._changed_sos = False
        self._sos_at = 0.0
        self._work = WorkNews(pool)
        self._stale_incidents: set[str] = set()
        self._reload_at = 0.0
        self._said_at = 0.0
        self._changed = asyncio.Event()
        self._urgent = asyncio.Event()
        board.on_change(self._unit_changed)
        roads.on_change(self._roads_changed)
        if stance is not None:
            stance.on_change(self._stance_changed)
        if cards is not None:
            cards.on_change(self._cards_changed)
        fanout.subscribe("incident", self._incident_changed)
        fanout.subscribe(sos.TOPIC, self._sos_arrived)
        fanout.subscribe("work", self._work_changed)
        fanout.subscribe("user", self._user_changed)
        fanout.subscribe("resync", self._resync)
        self.metrics.gauge("consoles", lambda: len(self._consoles))

    # -- consoles ------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        return self._draining or len(self._consoles) >= self.limits.consoles_max

    @asynccontextmanager
    async def joined(
        self, epoch: str = "", seq: int = -1, *, username: str = ""
    ) -> AsyncIterator[Console]:
        """A console that gets everything first, then every delta. Raises `TimeoutError`.

        `epoch`, `seq`: where it stood before; if possible it goes on from there. `username`: whose
        it is.
        """
        console = Console(self.limits.queue_bytes_max, username)
        async with asyncio.timeout(READY_S_MAX):
            await self._loaded.wait()
        self._consoles.add(console)
        for text in self._opening(epoch, seq):
            console.put(text)
        if self._draining:
            console.close(CloseCode.DRAINING, "the server is stopping")
        try:
            yield console
        finally:
            self._consoles.discard(console)
            if not self._consoles:
                self._none_left.set()

    async def drain(self, within_s: float = DRAIN_S_MAX) -> None:
        """Take no more consoles, close all with 4005, wait for them to go."""
        self._draining = True
        for console in list(self._consoles):
            console.close(CloseCode.DRAINING, "the server is stopping")
        if not self._consoles:
            return
        self._none_left.clear()
        try:
            async with asyncio.timeout(within_s):
                await self._none_left.wait()
        except TimeoutError:
            logger.warning("%d consoles did not end in time", len(self._consoles))

    # -- the feed ------------------------------------------------------------------------

    async def run(self) -> None:
        """Send what changed: the first at once, what follows a tick later, incidents sooner."""
        while True:
            await self._until_due()
            try:
                await self._refresh()
            except STORE_AWAY as error:
                self.metrics.count("console_store_failures")
                logger.warning("consoles show old incidents, PostgreSQL is away: %s", error)
                self._reload_at = self._sos_at = _loop_s() + self.limits.retry_s
            self.tell()
            await self._pause()

    def tell(self) -> None:
        """One delta of everything that changed since the last; or a Tick after long silence."""
        if self._has_news:
            self.seq += 1
            self._broadcast(self._delta())
        elif _loop_s() - self._said_at >= self.limits.idle_s:
            self._broadcast(Tick(now=self._clock()))

    @property
    def _has_news(self) -> bool:
        gathered = self._changed_units or self._changed_incidents or self._changed_roads
        told = self._changed_sos or self._changed_stance or self._changed_cards
        return bool(gathered) or told or self._work.has_news

    async def _until_due(self) -> None:
        """Something changed, the feed was silent for long, or it is time to read all again."""
        deadline_s = min(self._said_at + self.limits.idle_s, self._reload_at, self._sos_at)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline_s):
                await self._changed.wait()
        self._changed.clear()

    async def _pause(self) -> None:
        """Let changes gather: for a tick, or until an incident is among them."""
        await asyncio.sleep(self.limits.urgent_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.limits.tick_s - self.limits.urgent_s):
                await self._urgent.wait()
        self._urgent.clear()

    async def _refresh(self) -> None:
        """Bring calls for help and open incidents up to date, in this order.

        What is read is crossed off before, so that a hint that comes meanwhile has it read again.
        """
        if _loop_s() >= self._sos_at:
            self._sos_at = _loop_s() + self.limits.sos_s
            await self._read_sos()
        if _loop_s() >= self._reload_at:
            self._reload_at = _loop_s() + self.limits.reload_s
            await self._reload()
        await self._read_incidents()
        await self._work.refresh()

    async def _read_incidents(self) -> None:
        """Read those that changed together; what changes meanwhile, the next time."""
        if not self._stale_incidents:
            return
        stale, self._stale_incidents = self._stale_incidents, set()
        try:
            async with self._pool.acquire() as conn:
                found = await incidents.load_some(conn, sorted(stale))
        except STORE_AWAY:
            self._stale_incidents |= stale
            raise
        for incident in found:
            self._take(incident)

    async def _read_sos(self) -> None:
        async with self._pool.acquire() as conn:
            found = await sos.load_open(conn)
        if found != self._sos:
            self._sos, self._changed_sos = found, True

    async def _reload(self) -> None:
        """Read all; those that are open no more are read once again, to be shown closed."""
        async with self._pool.acquire() as conn:
            found = await incidents.load_open(conn)
        await self._work.reload()
        for incident in found:
            self._take(incident)
        self._stale_incidents |= set(self._incidents) - {each.id for each in found}
        self._loaded.set()

    def _take(self, incident: IncidentView) -> None:
        if self._incidents.get(incident.id) == incident:
            return
        if incident.status == "closed":
            self._incidents.pop(incident.id, None)
        else:
            self._incidents[incident.id] = incident
        self._changed_incidents[incident.id] = incident

    def _opening(self, epoch: str, seq: int) -> list[str]:
        """What a console must read first: what it missed, or everything."""
        missed = self._recent.last(self.seq - seq) if epoch == self.epoch else None
        resumed = missed is not None and sum(map(len, missed)) <= self.limits.queue_bytes_max // 2
        self.metrics.count("console_openings", resumed=str(resumed).lower())
        if missed is None or not resumed:
            return [_text(self._snapshot())]
        return [_text(Resumed(seq=seq, now=self._clock(), missed=len(missed))), *missed]

    def _snapshot(self) -> Snapshot:
        work, work_open = self._work.snapshot()
        return Snapshot(
            epoch=self.epoch,
            seq=self.seq,
            now=self._clock(),
            units=self._board.units(),
            incidents=sorted(self._incidents.values(), key=lambda each: -each.number),
            roads=self._roads.view(),
            sos=self._sos,
            work=work,
            work_open=work_open,
            stance=self._stance_view(),
            run_cards=self._cards_version(),
        )

    def _cards_version(self) -> int:
        return SHIPPED_VERSION if self._cards is None else self._cards.in_force().version

    def _stance_view(self) -> StanceView:
        return StanceView() if self._stance is None else self._stance.view()

    def _delta(self) -> Delta:
        work, work_open = self._work.take()
        units = {unit_id: self._board.unit(unit_id) for unit_id in sorted(self._changed_units)}
        delta = Delta(
            seq=self.seq,
            now=self._clock(),
            units=[unit for unit in units.values() if unit is not None],
            incidents=list(self._changed_incidents.values()),
            gone_units=[unit_id for unit_id, unit in units.items() if unit is None],
            roads=self._roads.view() if self._changed_roads else None,
            sos=self._sos if self._changed_sos else None,
            work=work,
            work_open=work_open,
            stance=self._stance_view() if self._changed_stance else None,
            run_cards=self._cards_version() if self._changed_cards else None,
        )
        self._changed_units.clear()
        self._changed_incidents.clear()
        self._changed_roads = self._changed_sos = False
        self._changed_stance = self._changed_cards = False
        return delta

    def _broadcast(self, message: Delta | Tick) -> None:
        self._said_at = _loop_s()
        text = _text(message)
        if isinstance(message, Delta):
            self._recent.add(text)
        for console in self._consoles:
            console.put(text)
        self.metrics.count("console_messages", len(self._consoles))

    def _unit_changed(self, unit_id: str) -> None:
        self._changed_units.add(unit_id)
        self._changed.set()

    def _incident_changed(self, incident_id: str) -> None:
        self._stale_incidents.add(incident_id)
        self._changed.set()
        self._urgent.set()

    def _sos_arrived(self, _call_id: str) -> None:
        self._sos_at = 0.0
        self._changed.set()
        self._urgent.set()

    def _work_changed(self, item_id: str) -> None:
        self._work.note(item_id)
        self._changed.set()
        self._urgent.set()

    def _roads_changed(self) -> None:
        self._changed_roads = True
        self._changed.set()
        self._urgent.set()

    def _stance_changed(self) -> None:
        self._changed_stance = True
        self._changed.set()
        self._urgent.set()

    def _cards_changed(self) -> None:
        self._changed_cards = True
        self._changed.set()

    def _user_changed(self, username: str) -> None:
        """He may do other things now, or nothing: his consoles are looked at again at once."""
        for console in self._consoles:
            if console.username == username:
                console.stirred.set()

    def _resync(self, _payload: str) -> None:
        self._reload_at = self._sos_at = 0.0
        self._changed.set()


def _text(message: Snapshot | Resumed | Delta | Tick) -> str:
    return msgspec.json.encode(message).decode()


def _loop_s() -> float:
    return asyncio.get_running_loop().time()
