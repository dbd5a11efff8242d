"""A dispatch room with a timekeeper, whose clock a test moves by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from geo.roadmap import RoadMap
from protocols.native import Report
from server.dispatch.runcardfile import shipped
from server.dispatch.timers import Stance, TimerTable
from server.metrics import Metrics
from server.ports import CardsInForce, ExpectedBack
from server.stores import worklist
from server.stores.units import UnitRow
from server.timekeeper import Timekeeper
from server.views import IncidentView, OrderView
from server.watchviews import WorkItemView
from tests.server.dispatch_room import NOW, Room, a_room
from tests.small_county import crossing

BADGE = "B-P-02"
HANDSET, CAMERA = "P-02-handset", "P-02-body_camera"


@dataclass
class Watch:
    """One order to P-02, with P-05 as the next-best unit, and who keeps the watch over it."""

    room: Room
    keeper: Timekeeper
    incident: IncidentView
    order: OrderView
    tasks: dict[str, str]
    next_best: UnitRow
    stance: list[Stance] = field(default_factory=lambda: [Stance()])
    zones: dict[str, datetime] = field(default_factory=dict)

    async def says(
        self, said: Report, *, device: str = HANDSET, by: str = BADGE, **values: Any
    ) -> Any:
        return await self.room.report(device, self.tasks[device], said, by=by, **values)

    async def others_say(self, order: OrderView, said: Report, **values: Any) -> None:
        """The unit of any order reports by its handset."""
        handset = f"{order.call_sign}-handset"
        task = (await self.room.tasks(order))[handset]
        await self.room.report(handset, task, said, by=f"B-{order.call_sign}", **values)

    async def answers(
        self, kind: str, said: Report, *, device: str = HANDSET, **values: Any
    ) -> Any:
        """Report on the newest command of this kind."""
        return await self.room.report(
            device, await self.newest(kind, device), said, **({"by": BADGE} | values)
        )

    async def newest(self, kind: str, device: str = HANDSET) -> str:
        rows = await self.room.fetch(
            "SELECT id FROM command WHERE device_id = $1 AND kind = $2 ORDER BY seq DESC LIMIT 1",
            device,
            kind,
        )
        return str(rows[0]["id"])

    async def after(self, seconds: float) -> None:
        """So many seconds after the order was issued, the keeper looks."""
        self.room.now = NOW + timedelta(seconds=seconds)
        await self.keeper.look()

    async def now(self) -> OrderView:
        found = await self.room.incident(self.incident.id)
        return next(each for each in found.orders if each.id == self.order.id)

    async def open(self) -> dict[str, WorkItemView]:
        """Open items of the worklist by kind."""
        async with self.room.pool.acquire() as conn:
            return {each.kind: each for each in await worklist.gravest(conn, 100)}

    async def settled(self) -> dict[str, WorkItemView]:
        """Settled items by kind; the last of each."""
        async with self.room.pool.acquire() as conn:
            items, _ = await worklist.page(conn, which="settled", before=None, limit=100)
        return {each.kind: each for each in reversed(items)}

    async def commands(self, device: str = HANDSET) -> list[tuple[str, str]]:
        """(kind, why) of everything the device was sent."""
        rows = await self.room.fetch(
            "SELECT kind, body FROM command WHERE device_id = $1 ORDER BY seq", device
        )
        return [(row["kind"], row["body"].get("why", "")) for row in rows]

    async def events(self) -> list[str]:
        return [event.state for event in (await self.now()).events]

    async def timers(self) -> dict[str, float]:
        """Seconds from issuing to each timer that has not rung."""
        return {
            each.kind: (each.due_at - NOW).total_seconds()
            for each in (await self.now()).timers
            if each.fired_at is None
        }


@dataclass(frozen=True)
class Silences:
    """Which units dead zones keep silent, and until when; by hand."""

    until: dict[str, datetime]

    def expected_back(self, unit_id: str) -> ExpectedBack | None:
        back_at = self.until.get(unit_id)
        if back_at is None:
            return None
        return ExpectedBack(unit_id=unit_id, silent_since=NOW, at=NOW, at_latest=back_at, place={})


def a_keeper(
    room: Room,
    stance: list[Stance],
    zones: dict[str, datetime],
    *,
    at_once: int = 200,
    metrics: Metrics | None = None,
    cards: CardsInForce = shipped,
) -> Timekeeper:
    """One server's; several on one room are several servers."""
    return Timekeeper(
        pool=room.pool,
        fanout=room.fanout,
        table=TimerTable(),
        stance=lambda: stance[0],
        radio=Silences(zones),
        live=room.live,
        cards=cards,
        clock=lambda: room.now,
        metrics=metrics,
        orders_len_max=at_once,
    )


@asynccontextmanager
async def a_watch(pool: Any, small_map: RoadMap, **incident: Any) -> AsyncIterator[Watch]:
    async with a_room(pool, small_map) as room:
        first = await room.add_unit("P-02", crossing(4, 2))
        second = await room.add_unit("P-05", crossing(1, 1))
        opened = await room.open(**incident)
        (order,) = await room.send(opened, first)
        stance, zones = [Stance()], dict[str, datetime]()
        keeper = a_keeper(room, stance, zones)
        await keeper.look()
        room.fanout.published.clear()
        tasks = await room.tasks(order)
        yield Watch(room, keeper, opened, order, tasks, second, stance, zones)
