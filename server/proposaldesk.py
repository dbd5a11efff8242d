"""Takes a proposal: every unit of it is sent, and every order of it gives way, or nothing is done.

The decision is the dispatcher's; or that of a signed order of war, where it says so and no person
has taken the proposal on. One transaction holds all incidents, orders and devices that it touches;
whatever is no more as the proposal saw it (an order in another version, a unit that is busy, an
incident that is closed) refuses the whole.
"""

from __future__ import annotations

from typing import Any

import msgspec

from server import proposalitems
from server.dispatch.errors import Conflict, Impossible, NotFound
from server.dispatch.timers import Mandate
from server.pipeline import Pipeline
from server.ports import Clock
from server.stores import order_rows, worklist
from server.stores.steps import Marked
from server.views import OrderView
from server.watchviews import WorkItemView

ACCEPTED = "taken"


class ProposalDesk:
    """`by` is who acts: `user:<username>`."""

    def __init__(self, *, pool: Any, pipeline: Pipeline, clock: Clock) -> None:
        self._pool, self._pipeline, self._clock = pool, pipeline, clock

    async def accept(
        self, item_id: str, *, reason: str, by: str, instruction: str = ""
    ) -> tuple[list[OrderView], bool]:
        """The orders of a proposal; False with the same ones where it was accepted before.

        Raises `NotFound`, `Impossible` (`no_proposal`, `no_reason`), `Conflict` (`settled`,
        `plan_changed`, and those of `Pipeline.dispatch`).
        """
        item, said = await self._said(item_id)
        if not reason and said.gone:
            raise Impossible("no_reason", "Say why a unit is called off.")
        return await self._take(item, said, reason=reason, by=by, instruction=instruction)

    async def offer(self, item_id: str, mandate: Mandate) -> tuple[list[OrderView], bool]:
        """The same by an order of war, for its reason. Raises as `accept`; `Conflict` (`claimed`)
        also where a person has taken the proposal on."""
        item, said = await self._said(item_id)
        return await self._take(item, said, reason=mandate.reason, by=mandate.actor, unclaimed=True)

    async def _said(self, item_id: str) -> tuple[WorkItemView, proposalitems.Body]:
        async with self._pool.acquire() as conn:
            item = await worklist.item(conn, item_id)
        if item is None:
            raise NotFound("not_found", "There is no such item.")
        said = _said(item)
        if item.settled_at is not None and item.why != ACCEPTED:
            raise _settled(item)
        return item, said

    async def _take(
        self,
        item: WorkItemView,
        said: proposalitems.Body,
        *,
        reason: str,
        by: str,
        instruction: str = "",
        unclaimed: bool = False,
    ) -> tuple[list[OrderView], bool]:
        """`unclaimed`: only while no person has taken it on."""

        async def require(conn: Any) -> None:
            """Nobody was sent there, and nobody is gone, since: no second unit by accident."""
            if not await holds(conn, said):
                raise Conflict("plan_changed", "Other units are on these incidents by now.")

        async def settle(conn: Any) -> Marked:
            done = await worklist.settle(conn, item.id, by=by, at=self._clock(), why=ACCEPTED)
            if done is None:
                raise _settled(item)
            if unclaimed and done.item.claimed_by is not None:
                raise Conflict("claimed", f"Somebody has taken item {item.number} on.")
            return Marked(entries=done.entries, hints=done.hints)

        steps = proposalitems.decisions(item, said, reason=reason, instruction=instruction)
        return await self._pipeline.carry_out(steps, by=by, require=require, also=settle)


async def holds(conn: Any, said: proposalitems.Body) -> bool:
    """Whether the incidents have the open orders that the plan saw, and no others."""
    found = await order_rows.views_of_incidents(conn, list(said.orders), with_events=False)
    now = {each: proposalitems.open_orders(found.get(each, [])) for each in said.orders}
    return now == said.orders


def _said(item: WorkItemView) -> proposalitems.Body:
    try:
        if item.kind not in proposalitems.KINDS:
            raise Impossible("no_proposal", f"Item {item.number} proposes nothing.")
        return proposalitems.read(item)
    except msgspec.ValidationError:
        raise Impossible("no_proposal", f"Item {item.number} cannot be read any more.") from None


def _settled(item: WorkItemView) -> Conflict:
    return Conflict("settled", f"Item {item.number} is settled: it is no proposal any more.")
