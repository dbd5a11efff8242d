"""Drives as the database would hold them: an order from setting off to arriving, and its fixes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from benchmarks._drivers import Way, drive, way_of
from geo.driving.speed import Profile, travel_times_ms
from geo.ground import Ground
from geo.roadmap import RoadMap
from server import learningdesk, zonedesk
from server.ids import new_id
from tests.server.field_rows import POSITION_COLUMNS, add_device, add_unit, until
from tests.small_county import crossing
from tests.whole_server import WholeServer, whole_server

BESIDE_DEG = 0.002
"""East of a crossing: 200 m."""


@asynccontextmanager
async def server_that_is_told_to_learn(
    monkeypatch: pytest.MonkeyPatch, **options: Any
) -> AsyncIterator[WholeServer]:
    """It has looked for drives once and found none; by itself it looks again in an hour."""
    for module in (learningdesk, zonedesk):
        monkeypatch.setattr(module, "POLL_S", 3600.0)
    async with whole_server(**options) as server:
        desks = server.services.learning, server.services.dead_zones
        await until(lambda: all(each._wake._waiters for each in desks))
        yield server


class Drivers:
    """One unit that drives over the small county as often as a test wants."""

    def __init__(self, pool: Any, roadmap: RoadMap) -> None:
        self._pool, self._roadmap = pool, roadmap
        self._ground = Ground(roadmap, engine="scipy")
        self._model_s = travel_times_ms(roadmap, Profile()) / 1000.0
        self._rng = np.random.default_rng(5)
        self.unit_id = ""

    async def enrol(self, kind: str = "patrol_car") -> None:
        self.unit_id = await add_unit(self._pool, f"D-{new_id()[-6:]}", on_duty=False)
        await self._pool.execute("UPDATE unit SET kind = $2 WHERE id = $1", self.unit_id, kind)
        self.device_id = await add_device(
            self._pool, f"car-{self.unit_id[-6:]}", kind="vehicle", unit_id=self.unit_id
        )

    def way(self, start: tuple[int, int] = (0, 1), end: tuple[int, int] = (6, 1)) -> Way:
        """From a place beside a crossing to another; unless said otherwise along the trunk road."""
        places = (crossing(*start), crossing(*end))
        snaps = (self._ground.snap(lon + BESIDE_DEG, lat) for lon, lat in places)
        return way_of(self._roadmap, self._ground.route(*snaps))

    async def drive(
        self,
        way: Way,
        *,
        slower: float = 1.3,
        ended_at: datetime | None = None,
        priority: str = "routine",
        with_fixes: bool = True,
        interval_s: float = 10.0,
        silent: tuple[float, float] | None = None,
    ) -> str:
        """Drive a way in so many times the modelled time; returns the order's id.

        `silent`: between these shares of the way there is no radio, and there is elsewhere; None:
        all fixes arrive now.
        """
        driven = drive(
            self._roadmap,
            way,
            way.piece_s(self._model_s * slower),
            self._rng,
            interval_s=interval_s,
            noise_m=8.0,
        )
        ended_at = ended_at or datetime.now(UTC) - timedelta(hours=1)
        started_at = ended_at - timedelta(seconds=driven.duration_s)
        if with_fixes:
            at_s = driven.track.at_s
            at = [started_at + timedelta(seconds=each) for each in at_s.tolist()]
            received = [datetime.now(UTC)] * len(at)
            if silent is not None:
                share = driven.way_m / driven.way_m.max()
                inside = (share >= silent[0]) & (share < silent[1])
                back_s = float(at_s[inside].max(initial=0.0)) + interval_s
                lag_s = np.where(inside, back_s - at_s, 1.0).tolist()
                pairs = zip(at, lag_s, strict=True)
                received = [when + timedelta(seconds=late_s) for when, late_s in pairs]
            for day in {when.date() for when in received}:
                await self._pool.execute("SELECT ensure_position_partition($1)", day)
            await self._pool.copy_records_to_table(
                "position",
                records=[
                    (self.device_id, when, arrived, lon, lat, None, None, None, 80, False, "")
                    for when, arrived, (lon, lat)
                    in zip(at, received, driven.track.lonlat.tolist(), strict=True)
                ],
                columns=POSITION_COLUMNS,
            )  # fmt: skip
        # Last: a server that runs may match the drive at once.
        return await self._order(priority, started_at, ended_at)

    async def stand_by(self, device_id: str, from_at: datetime, to_at: datetime) -> None:
        """Another unit is heard twice a minute all that time."""
        unit_id = await add_unit(self._pool, f"W-{new_id()[-6:]}", on_duty=False)
        await add_device(self._pool, device_id, kind="vehicle", unit_id=unit_id)
        times = np.arange(0.0, (to_at - from_at).total_seconds(), 30.0).tolist()
        at = [from_at + timedelta(seconds=each) for each in times]
        for day in {when.date() for when in at}:
            await self._pool.execute("SELECT ensure_position_partition($1)", day)
        await self._pool.copy_records_to_table(
            "position",
            records=[
                (device_id, when, when, 100.21, 27.51, None, None, None, 80, False, "")
                for when in at
            ],
            columns=POSITION_COLUMNS,
        )

    async def _order(self, priority: str, started_at: datetime, ended_at: datetime) -> str:
        incident, recommendation, decision, order = (new_id() for _ in range(4))
        async with self._pool.acquire() as conn, conn.transaction():
            await conn.execute(
                "INSERT INTO incident (id, type, priority, place, lon, lat, opened_by, opened_at) "
                "VALUES ($1, 'theft', $2, 'there', 100.2, 27.5, 'user:wang', $3)",
                incident, priority, started_at,
            )  # fmt: skip
            await conn.execute(
                "INSERT INTO recommendation (id, incident_id, computed_at, computed_by, body) "
                "VALUES ($1, $2, $3, 'user:wang', '{}')",
                recommendation, incident, started_at,
            )  # fmt: skip
            await conn.execute(
                "INSERT INTO decision (id, incident_id, recommendation_id, unit_ids, decided_by, "
                "decided_at) VALUES ($1, $2, $3, $4, 'user:wang', $5)",
                decision, incident, recommendation, [self.unit_id], started_at,
            )  # fmt: skip
            await conn.execute(
                "INSERT INTO dispatch_order (id, incident_id, decision_id, unit_id, state, "
                "issued_by, issued_at, state_at, closed_at, expires_at) "
                "VALUES ($1, $2, $3, $4, 'done', 'user:wang', $5, $6, $6, $6)",
                order, incident, decision, self.unit_id, started_at, ended_at,
            )  # fmt: skip
            for ver, (state, at) in enumerate((("en_route", started_at), ("on_scene", ended_at))):
                await conn.execute(
                    "INSERT INTO order_event (order_id, ver, state, applied, actor, device_at, "
                    "server_at) VALUES ($1, $2, $3, true, 'officer:1', $4, $4)",
                    order, ver + 2, state, at,
                )  # fmt: skip
        return order
