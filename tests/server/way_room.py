"""A dispatch room with units under way, whose fixes a test gives by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec

from protocols.native import Report
from server.dispatch import sights
from server.dispatch.demand import Rules
from server.dispatch.timers import Stance
from server.enroutewatch import EnRouteWatch
from server.openplan import OpenPlan
from server.proposaldesk import ProposalDesk
from server.proposalwatch import ProposalWatch
from server.sightings import Sightings
from server.stores import worklist
from server.stores.units import UnitRow
from server.timekeeper import Timekeeper
from server.views import OrderView
from server.watchviews import WorkItemView
from tests.server.dispatch_room import Room
from tests.server.watch_room import Silences, a_keeper
from tests.small_county import crossing

SCENE, START, FAR = crossing(6, 1), crossing(3, 1), crossing(0, 1)
ROUND_S = 30.0


@dataclass
class WayRoom:
    """Whoever watches, and what was said."""

    room: Room
    watch: EnRouteWatch
    keeper: Timekeeper
    proposals: ProposalWatch
    desk: ProposalDesk
    stance: list[Stance]
    rows: dict[str, UnitRow] = field(default_factory=dict)

    @classmethod
    def of(cls, room: Room) -> WayRoom:
        watch = a_watch(room)
        stance = [Stance()]
        return cls(
            room,
            watch,
            a_keeper(room, stance, {}),
            a_proposal_watch(room, watch, stance),
            a_proposal_desk(room),
            stance,
        )

    async def send(
        self, call_sign: str = "P-01", *, en_route: bool = True, crew: int = 2, **incident: Any
    ) -> OrderView:
        """A unit at START that has accepted an order to SCENE."""
        row = self.rows[call_sign] = await self.room.add_unit(call_sign, START, crew=crew)
        values: dict[str, Any] = {"lon": SCENE[0], "lat": SCENE[1]}
        (order,) = await self.room.send(await self.room.open(**(values | incident)), row)
        steps = (Report.RECEIVED, Report.SHOWN, Report.ACCEPTED)
        for step in (*steps, Report.EN_ROUTE) if en_route else steps:
            await self.says(order, step)
        return order

    async def free(self, call_sign: str, place: tuple[float, float], *, crew: int = 2) -> UnitRow:
        """A unit that comes on duty."""
        row = self.rows[call_sign] = await self.room.add_unit(call_sign, place, crew=crew)
        return row

    async def says(self, order: OrderView, said: Report) -> None:
        handset = f"{order.call_sign}-handset"
        task = (await self.room.tasks(order))[handset]
        await self.room.report(handset, task, said, by=f"B-{order.call_sign}")

    async def at(
        self,
        place: tuple[float, float],
        call_sign: str = "P-01",
        *,
        rounds: int = 1,
        speed_mps: float = 0.0,
    ) -> None:
        """A fix at the same place every ROUND_S, and a look at each."""
        for _ in range(rounds):
            self.room.now += timedelta(seconds=ROUND_S)
            self.fix(place, call_sign, speed_mps=speed_mps)
            await self.watch.round()

    def fix(
        self, place: tuple[float, float], call_sign: str = "P-01", *, speed_mps: float = 0.0
    ) -> None:
        self.room.live.put(self.rows[call_sign], place)
        shown = self.room.live.unit(self.rows[call_sign].id)
        assert shown is not None
        assert shown.position is not None
        position = msgspec.structs.replace(
            shown.position,
            observed_at=self.room.now,
            received_at=self.room.now,
            speed_mps=speed_mps,
        )
        self.room.live.show(msgspec.structs.replace(shown, position=position))

    async def open(self) -> dict[str, WorkItemView]:
        """Open items of the worklist by kind."""
        async with self.room.pool.acquire() as conn:
            return {each.kind: each for each in await worklist.gravest(conn, 100)}

    async def settled(self) -> list[tuple[str, str]]:
        """(kind, why) of what is settled, oldest first."""
        async with self.room.pool.acquire() as conn:
            items, _ = await worklist.page(conn, which="settled", before=None, limit=100)
        return [(each.kind, each.why) for each in reversed(items)]

    async def order(self, order: OrderView) -> OrderView:
        found = await self.room.incident(order.incident_id)
        return next(each for each in found.orders if each.id == order.id)


def a_watch(room: Room, router: Any = None) -> EnRouteWatch:
    """One server's; several on one room are several servers, or one that was started again."""
    return EnRouteWatch(
        pool=room.pool,
        fanout=room.fanout,
        live=room.live,
        sightings=Sightings(live=room.live, router=router or room.routing, roadmap=room.roadmap),
        surveyor=room.surveyor,
        rules=sights.Rules(),
        clock=lambda: room.now,
    )


def a_proposal_desk(room: Room) -> ProposalDesk:
    return ProposalDesk(pool=room.pool, pipeline=room.pipeline, clock=lambda: room.now)


def a_proposal_watch(
    room: Room, watch: EnRouteWatch, stance: Sequence[Stance] = (Stance(),)
) -> ProposalWatch:
    """With a smaller margin than the county's, for a smaller county."""
    plan = OpenPlan(
        pipeline=room.pipeline,
        live=room.live,
        router=room.routing,
        radio=Silences({}),
        drive=watch.drive,
        clock=lambda: room.now,
        rules=Rules(saves_s=120.0, to_go_s=30.0),
    )
    return ProposalWatch(
        pool=room.pool,
        fanout=room.fanout,
        plan=plan,
        pipeline=room.pipeline,
        desk=a_proposal_desk(room),
        stance=lambda: stance[0],
        clock=lambda: room.now,
    )
