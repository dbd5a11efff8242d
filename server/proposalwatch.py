"""Looks at all open incidents at once, and proposes: whom to send, whom to call off for whom.

Now and then, and soon after an incident, an order or a drive changed, one plan is made for all of
them (`server.openplan`). What it proposes is an item of the worklist, to be accepted or dismissed;
it is said anew where facts changed and the plan stays the same, and closes by itself once the next
plan does not propose it any more.

A person sends units, with one exception: in war, where its signed order says `automatic`, what is
proposed is offered after a while in which a person may settle it or take it on. It is that order's
decision then, in the log too, and the units answer it as any other. A unit more for an incident
that has one is always a person's matter: in war the next call may need it.

One of several processes plans at a time, and goes on from what is proposed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from server import proposalitems
from server.dispatch.errors import DispatchError
from server.dispatch.proposals import Proposal
from server.dispatch.timers import Stance
from server.dispatch.worklist import ItemKind, Severity
from server.metrics import Metrics
from server.openplan import OpenPlan, Planned, Said
from server.pipeline import Pipeline
from server.ports import Clock, FanOut
from server.proposaldesk import ProposalDesk, holds
from server.proposalitems import KINDS, Body
from server.routing import RoutingBusy
from server.stores import incidents, journal, openplan, worklist
from server.stores.away import STORE_AWAY
from server.stores.steps import Hint
from server.stores.worklist import Changed
from server.watchviews import WorkItemView

logger = logging.getLogger(__name__)

ROUND_S: Final = 30.0
"""Between two plans when nothing is said to have changed."""
GATHER_S: Final = 5.0
"""After something changed, for what changes with it; no two plans are closer together."""
SHARE: Final = 0.1
"""Of the time that planning may take of a busy county's server: the more there is, the rarer, down
to one in ROUND_S."""
DISMISSED: Final = timedelta(minutes=15)
"""So long what a person dismissed is not proposed again. Starting value."""
OFFERED_AFTER: Final = timedelta(seconds=20)
"""So long a person can stop what an order of war offers without asking. Starting value."""
SYSTEM: Final = "system"

Item = tuple[WorkItemView, Body]


def rest_s(took_s: float) -> float:
    """How long no plan is made after one that took so long."""
    return min(max(GATHER_S, took_s / SHARE), ROUND_S)


class ProposalWatch:
    """`run` plans until cancelled."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        plan: OpenPlan,
        pipeline: Pipeline,
        desk: ProposalDesk,
        clock: Clock,
        stance: Callable[[], Stance] = Stance,
        catch_up: Callable[[], Awaitable[None]] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        """`stance`: peace or war; `catch_up`: what any server ordered of it is known here then."""
        self._pool, self._fanout, self._plan = pool, fanout, plan
        self._pipeline, self._desk, self._clock = pipeline, desk, clock
        self._stance, self._catch_up = stance, catch_up
        self._metrics = metrics or Metrics()
        self._offers_at: datetime | None = None
        """The soonest."""
        self._wake = asyncio.Event()
        fanout.subscribe("incident", lambda _: self._wake.set())

    def look_again(self) -> None:
        """Something changed that says nothing by itself: how a drive gets on, peace or war."""
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
            await asyncio.sleep(rest_s(took_s))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s()):
                    await self._wake.wait()
            self._wake.clear()

    async def round(self) -> None:
        """Make one plan, say what it proposes, and offer what is to be offered.

        Raises `RoutingBusy`, `DispatchError`.
        """
        if self._catch_up is not None:
            await self._catch_up()
        async with self._pool.acquire() as conn, conn.transaction():
            if not await openplan.may_plan(conn):
                return
            items = await openplan.items(conn, KINDS, self._clock() - DISMISSED)
            known = [(item, body) for item in items if (body := _body(item)) is not None]
            planned = await self._plan.ask(conn, _said(known))
            wanted = {each.key: each for each in planned.proposals}
            standing = {
                body.key: (item, body)
                for item, body in known
                if item.settled_at is None and body.key in wanted
            }
            kept = {item.id for item, _ in standing.values()}
            for item in items:
                if item.settled_at is None and item.id not in kept:
                    await self._settle(item)
            news = [
                (each, said, standing.get(key))
                for key, each in wanted.items()
                if (said := self._news(each, planned, standing.get(key))) is not None
            ]
            await self._keep([each for each, *_ in news], planned)
            for each, said, before in news:
                await self._say(each, planned, said, before)
        await self._offer([item for item, _ in standing.values()])

    # -- what is proposed ----------------------------------------------------------------

    def _news(self, proposal: Proposal, planned: Planned, before: Item | None) -> Body | None:
        """What is to be said of it; None: nothing that is not said."""
        said = self._dated(proposalitems.body(proposal, planned), before)
        return said if before is None or said.differs(before[1]) else None

    async def _keep(self, some: Iterable[Proposal], planned: Planned) -> None:
        """What they were made from, each once: units can be sent on it from now on."""
        for each in sorted({move.incident_id for one in some for move in one.moves}):
            await self._pipeline.keep(planned.incidents[each], planned.made[each], by=SYSTEM)

    async def _say(
        self, proposal: Proposal, planned: Planned, said: Body, before: Item | None
    ) -> None:
        """In a transaction of its own."""
        incident_ids = sorted({each.incident_id for each in proposal.moves})
        async with self._pool.acquire() as conn, conn.transaction():
            running = [await incidents.lock(conn, each) for each in incident_ids]
            if any(each is None or each.status == "closed" for each in running):
                return
            if not await holds(conn, said):
                return  # somebody was sent, or is gone, under the plan
            done = await self._write(conn, proposal, planned, said, before)
            await journal.append_all(conn, done.entries if done else ())
        self._publish(done.hints if done else ())

    async def _write(
        self,
        conn: Any,
        proposal: Proposal,
        planned: Planned,
        said: Body,
        before: Item | None,
    ) -> Changed | None:
        kind, body = proposalitems.kind_of(proposal), proposalitems.builtins(said)
        if before is not None:
            return await worklist.amend(conn, kind, before[0].subject, body=body)
        self._metrics.count("proposals", kind=str(kind))
        return await worklist.raise_item(
            conn,
            kind,
            proposalitems.about(proposal, planned),
            body=body,
            at=self._clock(),
            severity=Severity.NOTICE if said.adds else None,
        )

    async def _settle(self, item: WorkItemView) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            done = await worklist.settle(
                conn, item.id, by=SYSTEM, at=self._clock(), why="plan_changed"
            )
            await journal.append_all(conn, done.entries if done else ())
        self._publish(done.hints if done else ())

    # -- what is offered without asking ----------------------------------------------------

    def _dated(self, said: Body, before: Item | None) -> Body:
        """With when it is offered, where an order of war says so; the first moment stands."""
        mandate = self._stance().mandate
        if mandate is None or said.adds:
            return said
        at = self._clock() + OFFERED_AFTER
        if before is not None and before[1].by_order == mandate.number:
            at = before[1].offers_at or at
        return msgspec.structs.replace(said, offers_at=at, by_order=mandate.number)

    async def _offer(self, standing: Sequence[WorkItemView]) -> None:
        """What this plan still proposes, whose time has come and that no person has taken on."""
        self._offers_at = None
        for item in standing:
            async with self._pool.acquire() as conn:
                now = await worklist.item(conn, item.id)
            if now is None or (at := self._due(now)) is None:
                continue
            mandate = self._stance().mandate
            if mandate is None:
                return
            if at > self._clock():
                self._offers_at = min(at, self._offers_at or at)
                continue
            try:
                await self._desk.offer(item.id, mandate)
            except DispatchError as error:  # the next plan knows what changed
                self._metrics.count("proposals_not_offered")
                logger.info("item %d is not offered: %s", item.number, error)
            else:
                self._metrics.count("proposals_offered")

    def _due(self, item: WorkItemView) -> datetime | None:
        """When it is offered; None: not by the order that holds, or a person sees to it."""
        body, mandate = _body(item), self._stance().mandate
        if body is None or mandate is None or body.by_order != mandate.number:
            return None
        return None if item.settled_at or item.claimed_by else body.offers_at

    def _wait_s(self) -> float:
        """Until something is to be offered, or it is time to look."""
        wait_s = ROUND_S - GATHER_S
        if self._offers_at is None:
            return wait_s
        return min(max((self._offers_at - self._clock()).total_seconds(), 0.0), wait_s)

    def _publish(self, hints: Iterable[Hint]) -> None:
        for topic, payload in hints:
            self._fanout.publish(topic, payload)


def _body(item: WorkItemView) -> Body | None:
    try:
        return proposalitems.read(item)
    except msgspec.ValidationError:  # kept by an older version: the plan says it anew
        return None


def _said(known: Sequence[Item]) -> Said:
    """What is proposed, and what people said of it."""
    dismissed = [(item, body) for item, body in known if item.settled_at is not None]
    swaps = [body for item, body in dismissed if item.kind == ItemKind.SWAP]
    sends = [(item, body) for item, body in dismissed if item.kind != ItemKind.SWAP]
    return Said(
        pinned=frozenset(each.unit_id for body in swaps for each in body.gone),
        without=frozenset(str(item.incident_id) for item, body in sends if not body.adds),
        enough=frozenset(str(item.incident_id) for item, body in sends if body.adds),
        proposed=_proposed(known),
    )


def _proposed(known: Sequence[Item]) -> Mapping[str, str | None]:
    open_ones = [body for item, body in known if item.settled_at is None]
    moves = {step.unit_id: step.incident_id for body in open_ones for step in body.steps}
    let_go = {unit_id for body in open_ones for unit_id in body.released}
    return moves | dict.fromkeys(let_go)
