"""A dispatch room whose cameras report levels, with the desk and the watch over their batteries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from devices.limits import CAPABILITY
from geo.roadmap import RoadMap
from protocols.native import Limits, Report, State
from server.ambient import Ambient
from server.batteries import Batteries
from server.batterywatch import BatteryWatch
from server.dispatch.answers import NATIVE, Path
from server.dispatch.batteryrules import Rules
from server.jobbatteries import JobBatteries
from server.mitigationdesk import MitigationDesk
from server.sparesathand import SparesAtHand
from server.stores import orders, worklist
from server.stores.presence import DeviceFix
from server.stores.units import UnitRow, load_units
from server.views import OrderView
from server.watchviews import WorkItemView
from tests.server.dispatch_room import Room, a_room
from tests.server.watch_room import Silences
from tests.small_county import crossing

CAMERA, HANDSET, BADGE = "P-02-body_camera", "P-02-handset", "B-P-02"
BY = "user:wang"


@dataclass
class BatteryRoom:
    """P-02 on a job where the camera streams, and whoever watches over its battery."""

    room: Room
    row: UnitRow
    order: OrderView
    zones: dict[str, datetime]
    rules: Rules
    ages_s: dict[str, float] = field(default_factory=dict)
    """Of the last word, by device id; 5 s where not told."""
    told: list[DeviceFix] = field(default_factory=list)

    async def tell(
        self, level_pct: int, mode: str = "stream", *, device_id: str = CAMERA, after_s: float = 0.0
    ) -> None:
        """A device reports its level in the cold; the server learns it as if it began anew."""
        at = self.room.now + timedelta(seconds=after_s)
        self.told.append(
            DeviceFix(
                device_id=device_id, observed_at=at, received_at=at, lon=100.2, lat=27.5,
                battery_pct=level_pct, mode=mode, temp_c=0.0,
            )
        )  # fmt: skip
        self.room.batteries = Batteries(
            pool=self.room.pool,
            fanout=self.room.fanout,
            ambient=Ambient(None),
        )
        await self.room.batteries.load()
        for each in self.told:
            self.room.batteries.hear_fix(each)

    def jobs(self) -> JobBatteries:
        room = self.room
        at_hand = SparesAtHand(pool=room.pool, live=room.live, router=room.routing)
        return JobBatteries(batteries=room.batteries, rules=self.rules, at_hand=at_hand)

    @property
    def desk(self) -> MitigationDesk:
        return MitigationDesk(
            pool=self.room.pool,
            fanout=self.room.fanout,
            live=self.room.live,
            jobs=self.jobs(),
            clock=lambda: self.room.now,
        )

    @property
    def watch(self) -> BatteryWatch:
        """As another process, or one that was started again, would have it."""
        return BatteryWatch(
            pool=self.room.pool,
            fanout=self.room.fanout,
            live=self.room.live,
            jobs=self.jobs(),
            radio=Silences(self.zones),
            recommend=partial(self.room.pipeline.recommend, by="system"),
            rules=self.rules,
            clock=lambda: self.room.now,
        )

    async def look(self, after_s: float = 0.0) -> dict[str, WorkItemView]:
        """Later, the watch looks; open items by kind."""
        self.room.now += timedelta(seconds=after_s)
        await self.refresh()
        await self.watch.round()
        return await self.open()

    async def open(self) -> dict[str, WorkItemView]:
        async with self.room.pool.acquire() as conn:
            return {each.kind: each for each in await worklist.gravest(conn, 100)}

    async def refresh(self) -> None:
        """The live picture as the rows and the ages say."""
        async with self.room.pool.acquire() as conn:
            rows = await load_units(conn)
        for row in rows:
            self.room.live.put(row, crossing(4, 2) if row.id == self.row.id else crossing(1, 1))
            view = self.room.live.unit(row.id)
            assert view is not None
            devices = [
                msgspec.structs.replace(
                    each,
                    last_seen_at=self.room.now - timedelta(seconds=self.ages_s.get(each.id, 5.0)),
                )
                for each in view.devices
            ]
            self.room.live.show(msgspec.structs.replace(view, devices=devices))

    async def can_limit(self, device_id: str = CAMERA) -> None:
        """Its hello says that it keeps limits by itself."""
        await self.room.fetch(
            "INSERT INTO installation (device_id, install_id, last_seen_at, caps) "
            "VALUES ($1, 'i1', $2, $3)",
            device_id,
            self.room.now,
            [CAPABILITY],
        )

    async def commands(self, device_id: str, kind: str) -> list[dict[str, Any]]:
        """Id and body of the commands of a kind, oldest first."""
        rows = await self.room.fetch(
            "SELECT id, body, expires_at FROM command WHERE device_id = $1 AND kind = $2 "
            "ORDER BY seq",
            device_id,
            kind,
        )
        return [dict(row) for row in rows]

    async def says(
        self,
        device_id: str,
        command_id: str,
        said: Report,
        *,
        by: str = "",
        reason: str = "",
        did: Limits | None = None,
        path: Path = NATIVE,
    ) -> None:
        state = State(
            n=1, id=command_id, s=said, at=int(self.room.now.timestamp() * 1000), by=by,
            reason=reason, did=did,
        )  # fmt: skip
        async with self.room.pool.acquire() as conn, conn.transaction():
            await orders.apply_report(
                conn, device_id=device_id, state=state, received_at=self.room.now, path=path
            )

    async def drains(
        self, pct_per_h: float, minutes: int, *, mode: str = "record", device_id: str = CAMERA
    ) -> None:
        """From now on the camera reports once a minute, as it falls from 22 %; time passes."""
        received_at = datetime.now(UTC)  # there are partitions for this week only
        await self.room.fetch("SELECT ensure_position_partition($1)", received_at.date())
        for n in range(1, minutes + 1):
            at = self.room.now + timedelta(minutes=n)
            await self.room.fetch(
                "INSERT INTO position (device_id, observed_at, received_at, lon, lat, "
                "battery_pct, charging, mode) VALUES ($1, $2, $3, 100.2, 27.5, $4, false, $5)",
                device_id,
                at,
                received_at,
                int(22.99 - pct_per_h * n / 60.0),
                mode,
            )
        self.room.now += timedelta(minutes=minutes)


@asynccontextmanager
async def a_battery_room(
    pool: Any, small_map: RoadMap, *, level_pct: int = 22, mode: str = "stream", **rules: Any
) -> AsyncIterator[BatteryRoom]:
    async with a_room(pool, small_map) as room:
        row = await room.add_unit("P-02", crossing(4, 2))
        incident = await room.open(type="assault")
        (order,) = await room.send(incident, row)
        tasks = await room.tasks(order)
        for step in (Report.RECEIVED, Report.SHOWN, Report.ACCEPTED, Report.ON_SCENE):
            await room.report(HANDSET, tasks[HANDSET], step, by=BADGE)
        found = BatteryRoom(room=room, row=row, order=order, zones={}, rules=Rules(**rules))
        await found.tell(level_pct, mode)
        await found.refresh()
        yield found
