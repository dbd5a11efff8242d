"""Looks at all open incidents at once, and proposes: whom to send, whom to call off for whom.

Now and then, and soon after an incident, an order or a drive changed, one plan is made for all of
them (`server.openplan`). What it proposes is an item of the worklist, to be accepted or dismissed;
one that the next plan does not propose any more closes by itself. Nothing here sends anybody: in
war the timekeeper offers an order that nobody answers to the next unit, where its stance says so.

One of several processes plans at a time, and goes on from what is proposed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from server import proposalitems
from server.dispatch.errors import DispatchError
from server.dispatch.proposals import Proposal
from server.dispatch.worklist import ItemKind
from server.metrics import Metrics
from server.openplan import OpenPlan, Planned
from server.pipeline import Pipeline
from server.ports import Clock, FanOut
from server.proposalitems import KINDS, Body
from server.routing import RoutingBusy
from server.stores import incidents, journal, openplan, worklist
from server.stores.away import STORE_AWAY
from server.stores.steps import Hint
from server.watchviews import WorkItemView

logger = logging.getLogger(__name__)

ROUND_S: Final = 30.0
"""Between two plans when nothing is said to have changed."""
GATHER_S: Final = 5.0
"""After something changed, for what changes with it; no two plans are closer together."""
SHARE: Final = 0.1
"""Of the time that planning may take of a busy county's server: the more there is, the rarer."""
DISMISSED: Final = timedelta(minutes=15)
"""So long what a person dismissed is not proposed again. Starting value."""
SYSTEM: Final = "system"


class ProposalWatch:
    """`run` plans until cancelled."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        plan: OpenPlan,
        pipeline: Pipeline,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._pool, self._fanout, self._plan = pool, fanout, plan
        self._pipeline, self._clock = pipeline, clock
        self._metrics = metrics or Metrics()
        self._wake = asyncio.Event()
        fanout.subscribe("incident", lambda _: self._wake.set())

    def look_again(self) -> None:
        """Something changed that says nothing by itself: how a drive gets on."""
        self._wake.set()

    async def run(self) -> None:
        """A plan now and then, until cancelled."""
        while True:
            began_s = asyncio.get_running_loop().time()
            try:
                await self.round()
            except STORE_AWAY as error:
                self._metrics.count("proposal_store_failures")
                logger.warning("nobody plans for open incidents, PostgreSQL is away: %s", error)
            except (RoutingBusy, DispatchError) as error:  # or an incident closed under the plan
                self._metrics.count("proposals_put_off")
                logger.info("open incidents are planned for later: %s", error)
            took_s = asyncio.get_running_loop().time() - began_s
            await asyncio.sleep(max(GATHER_S, took_s / SHARE))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ROUND_S - GATHER_S):
                    await self._wake.wait()
            self._wake.clear()

    async def round(self) -> None:
        """Make one plan, and say what it proposes. Raises `RoutingBusy`, `DispatchError`."""
        async with self._pool.acquire() as conn, conn.transaction():
            if not await openplan.may_plan(conn):
                return
            items = await openplan.items(conn, KINDS, self._clock() - DISMISSED)
            said = [(item, body) for item in items if (body := _body(item)) is not None]
            planned = await self._plan.ask(conn, pinned=_dismissed(said), proposed=_proposed(said))
            dismissed = {body.key for item, body in said if item.settled_at is not None}
            wanted = {each.key: each for each in planned.proposals if each.key not in dismissed}
            for item in items:
                body = _body(item)
                if item.settled_at is None and (body is None or body.key not in wanted):
                    await self._settle(item)
            known = {body.key for item, body in said if item.settled_at is None}
            for each in wanted.values():
                if each.key not in known:
                    await self._propose(each, planned)

    async def _propose(self, proposal: Proposal, planned: Planned) -> None:
        """Keep what it was made from, and say it; in a transaction of its own."""
        for incident_id in dict.fromkeys(each.incident_id for each in proposal.moves):
            incident, made = planned.incidents[incident_id], planned.made[incident_id]
            await self._pipeline.keep(incident, made, by=SYSTEM)
        kind, about = proposalitems.kind_of(proposal), proposalitems.about(proposal, planned)
        async with self._pool.acquire() as conn, conn.transaction():
            for incident_id in sorted({each.incident_id for each in proposal.moves}):
                await incidents.lock(conn, incident_id)
            item = await worklist.raise_item(
                conn, kind, about, body=proposalitems.body(proposal, planned), at=self._clock()
            )
            await journal.append_all(conn, item.entries)
        self._metrics.count("proposals", kind=str(kind))
        self._publish(item.hints)

    async def _settle(self, item: WorkItemView) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            done = await worklist.settle(
                conn, item.id, by=SYSTEM, at=self._clock(), why="plan_changed"
            )
            await journal.append_all(conn, done.entries if done else ())
        self._publish(done.hints if done else ())

    def _publish(self, hints: Iterable[Hint]) -> None:
        for topic, payload in hints:
            self._fanout.publish(topic, payload)


Said = Sequence[tuple[WorkItemView, Body]]


def _body(item: WorkItemView) -> Body | None:
    try:
        return proposalitems.read(item)
    except msgspec.ValidationError:  # kept by an older version: the plan says it anew
        return None


def _proposed(said: Said) -> dict[str, str]:
    """Incident by unit id, of what is open."""
    return {
        step.unit_id: step.incident_id
        for item, body in said
        if item.settled_at is None
        for step in body.steps
    }


def _dismissed(said: Said) -> frozenset[str]:
    """Units that a person wants to go on: a swap of them was dismissed."""
    return frozenset(
        item.unit_id
        for item, _ in said
        if item.kind == ItemKind.SWAP and item.settled_at is not None and item.unit_id is not None
    )
