"""One entrance: warnings and tasks from outside wait here until something was made of them.

Each is an item of the worklist, as grave as it is urgent, until an incident was opened for it
(`Pipeline.open_incident` with its id, in that transaction), somebody has taken note of it and said
why nothing is done, or its time is over. Every step is one transaction with the command log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.dispatch.worklist import ItemKind, Severity
from server.ids import new_id
from server.intakeviews import IntakeKind, IntakeOutcome, IntakeView
from server.journal.kinds import JournalKind
from server.metrics import Metrics
from server.ports import Clock, FanOut
from server.stores import intakes, journal, worklist
from server.stores.away import STORE_AWAY
from server.stores.intakes import OPEN_LEN_MAX
from server.stores.journal import Entry
from server.stores.pool import Connection, Pool
from server.stores.worklist import About, Hint
from server.views import Priority

logger = logging.getLogger(__name__)

SWEEP_S: Final = 15.0
SWEPT_MAX: Final = 200
"""Settled as over in one transaction; the next follows at once."""
SEVERITY_OF_URGENCY: Final[dict[Priority, Severity]] = {
    "routine": Severity.NOTICE,
    "priority": Severity.WARNING,
    "emergency": Severity.ALARM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIntake:
    """What comes in."""

    request_id: str
    kind: IntakeKind
    source: str
    urgency: Priority
    text: str
    place: str = ""
    lon: float | None = None
    lat: float | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None


class IntakeDesk:
    """`run` settles what is over until cancelled. `by` is who acts: `user:<username>`."""

    def __init__(
        self, *, pool: Pool, fanout: FanOut, clock: Clock, metrics: Metrics | None = None
    ) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._metrics, self._open = metrics or Metrics(), 0
        self._metrics.gauge("inbox_open", lambda: self._open)

    async def receive(self, wanted: NewIntake, *, by: str) -> tuple[IntakeView, bool]:
        """Take one in; False with the one that came before when the request is a repetition.

        What says the same in every field as one that waits is that one, said again: its item counts
        it. Raises `Impossible` (`no_place`, `no_time`), `Conflict` (`request_reused`, `too_many`).
        """
        now = self._clock()
        coming = _view_of(wanted, by=by, at=now)
        async with self._step() as (conn, hints):
            await intakes.lock_all(conn)
            if (earlier := await intakes.by_request(conn, wanted.request_id)) is not None:
                return _same(earlier, coming), False
            _require_sense(wanted, now)
            alike = await intakes.waiting_alike(conn, coming)
            if alike is None and await intakes.count_open(conn) >= OPEN_LEN_MAX:
                self._metrics.count("inbox_refused")
                text = f"{OPEN_LEN_MAX:,} warnings and tasks wait already; see to some of them."
                raise Conflict("too_many", text)
            taken = alike or await intakes.insert(conn, coming, request_id=wanted.request_id)
            raised = await worklist.raise_item(
                conn,
                ItemKind.INTAKE,
                _about(taken),
                body=_item_body(taken),
                at=now,
                severity=SEVERITY_OF_URGENCY[taken.urgency],
            )
            entry = _entry(JournalKind.INTAKE_RECEIVED, taken, by, _item_body(taken))
            await journal.append_all(conn, [entry, *raised.entries])
            hints += raised.hints
        return taken, alike is None

    async def note(self, intake_id: str, *, why: str, by: str) -> IntakeView:
        """Somebody has read it, and says why nothing is opened for it.

        Raises `NotFound`, `Conflict` (`settled`), `Impossible` (`no_reason`).
        """
        if not why:
            raise Impossible("no_reason", "Say why nothing is done about it.")
        async with self._step() as (conn, hints):
            found, done = await settle(conn, intake_id, "noted", why=why, by=by, at=self._clock())
            await journal.append_all(conn, done.entries)
            hints += done.hints
        return found

    async def run(self) -> None:
        """Settle what is over, until cancelled."""
        while True:
            try:
                while await self.sweep() == SWEPT_MAX:
                    continue
            except STORE_AWAY as error:
                logger.warning("the inbox is swept later, PostgreSQL is away: %s", error)
            await asyncio.sleep(SWEEP_S)

    async def sweep(self) -> int:
        """Settle those whose time is over; how many."""
        now = self._clock()
        async with self._step() as (conn, hints):
            ids = await intakes.over(conn, now, SWEPT_MAX)
            for each in ids:
                _, done = await settle(conn, each, "over", why="", by="system", at=now)
                await journal.append_all(conn, done.entries)
                hints += done.hints
            self._open = await intakes.count_open(conn)
        return len(ids)

    @asynccontextmanager
    async def _step(self) -> AsyncIterator[tuple[Connection, list[Hint]]]:
        """A transaction, and what is to be published after its commit."""
        hints: list[Hint] = []
        async with self._pool.acquire() as conn, conn.transaction():
            yield conn, hints
        for topic, payload in hints:
            self._fanout.publish(topic, payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What the log says, and whom to tell after the commit."""

    entries: Sequence[Entry]
    hints: Sequence[Hint]


async def settle(
    conn: Connection,
    intake_id: str,
    outcome: IntakeOutcome,
    *,
    why: str,
    by: str,
    at: datetime,
    incident_id: str | None = None,
    item: bool = True,
) -> tuple[IntakeView, Settled]:
    """Somebody has seen to one, in the caller's transaction; `item`: its item is settled with it.

    Raises `NotFound`, `Conflict` (`settled`).
    """
    before = await intakes.lock(conn, intake_id)
    if before is None:
        raise NotFound("not_found", "Nothing of this number came in.")
    found = await intakes.settle(
        conn, intake_id, outcome, why=why, by=by, at=at, incident_id=incident_id
    )
    if found is None:
        detail = {"outcome": before.outcome, "incident_id": before.incident_id}
        raise Conflict("settled", f"No. {before.number} was seen to already.", detail)
    entry = _entry(JournalKind.INTAKE_SETTLED, found, by, {"outcome": outcome, "why": why})
    if not item:
        return found, Settled(entries=(entry,), hints=())
    subject = _about(found).subject
    gone = await worklist.settle_about(conn, ItemKind.INTAKE, subject, at=at, why=outcome)
    if gone is None:
        return found, Settled(entries=(entry,), hints=())
    return found, Settled(entries=(entry, *gone.entries), hints=gone.hints)


def _require_sense(wanted: NewIntake, now: datetime) -> None:
    """Raises `Impossible`."""
    if (wanted.lon is None) != (wanted.lat is None):
        raise Impossible("no_place", "A place has a longitude and a latitude.")
    if wanted.until_at is not None and wanted.until_at <= max(wanted.from_at or now, now):
        raise Impossible("no_time", "It is over before it begins.")


def _view_of(wanted: NewIntake, *, by: str, at: datetime) -> IntakeView:
    return IntakeView(
        id=new_id(),
        number=0,
        kind=wanted.kind,
        source=wanted.source,
        urgency=wanted.urgency,
        text=wanted.text,
        place=wanted.place,
        lon=wanted.lon,
        lat=wanted.lat,
        from_at=wanted.from_at,
        until_at=wanted.until_at,
        received_by=by,
        received_at=at,
        outcome=None,
        why="",
        incident_id=None,
        settled_by=None,
        settled_at=None,
    )


_SAID: Final = (
    *("kind", "source", "urgency", "text", "place"),
    *("lon", "lat", "from_at", "until_at"),
)


def _same(earlier: IntakeView, coming: IntakeView) -> IntakeView:
    """Raises `Conflict` (`request_reused`)."""
    if any(getattr(earlier, name) != getattr(coming, name) for name in _SAID):
        text = "This request id was used before, with other content. Start anew."
        raise Conflict("request_reused", text)
    return earlier


def _about(intake: IntakeView) -> About:
    return About(subject=f"intake:{intake.id}")


def _item_body(intake: IntakeView) -> dict[str, Any]:
    body = {name: getattr(intake, name) for name in _SAID}
    return {"intake": intake.id, "inbox_number": intake.number} | {
        name: value for name, value in body.items() if value not in (None, "")
    }


def _entry(kind: JournalKind, intake: IntakeView, by: str, body: dict[str, Any]) -> Entry:
    return Entry(
        actor=by,
        subject=f"intake:{intake.id}",
        kind=kind,
        body={"number": intake.number} | body,
    )
