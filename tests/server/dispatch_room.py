"""A dispatch room for tests: real PostgreSQL, real roads, a live picture and a fan-out by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from geo.driving.speed import Profile, travel_times_ms
from geo.errors import NoRouteError
from geo.ground import Ground
from geo.roadmap import RoadMap
from geo.snap import Snap, SnapIndex
from protocols.native import Report, State
from server.ambient import Ambient
from server.batteries import Batteries
from server.dispatch.cover import Left
from server.dispatch.travel import Traveller, traveller
from server.dispatch.turnout import AT_ONCE, Turnout
from server.ids import new_id
from server.orderdesk import OrderDesk
from server.pipeline import NewDecision, NewIncident, Pipeline
from server.rendezvous import Rendezvous
from server.roaddesk import RoadDesk
from server.roadpicture import RoadPicture
from server.routing import RoutingService
from server.runcarddesk import RunCardDesk
from server.stores import incidents, orders
from server.stores.orders import ReportOutcome
from server.stores.presence import DeviceFix
from server.stores.units import UnitRow, load_units
from server.surveyor import Surveyor
from server.views import (
    DeviceView,
    IncidentView,
    OrderView,
    PositionView,
    RecommendationView,
    UnitKind,
    UnitView,
)
from server.warmth import Warmth
from tests.small_county import crossing

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
BY = "user:wang"


@dataclass
class LoudFanOut:
    """Remembers what was published, and calls those who listen."""

    published: list[tuple[str, str]] = field(default_factory=list)
    listeners: list[tuple[str, Callable[[str], None]]] = field(default_factory=list)

    def publish(self, topic: str, payload: str) -> None:
        self.published.append((topic, payload))
        for wanted, callback in self.listeners:
            if wanted == topic:
                callback(payload)

    def subscribe(self, topic: str, callback: Callable[[str], None]) -> None:
        self.listeners.append((topic, callback))

    def topics(self) -> set[str]:
        return {topic for topic, _ in self.published}


class StillLife:
    """A live picture that changes only when a test says so."""

    def __init__(self, roadmap: RoadMap) -> None:
        self._index = SnapIndex(roadmap)
        self._units: dict[str, UnitView] = {}

    def units(self) -> list[UnitView]:
        return list(self._units.values())

    def unit(self, unit_id: str) -> UnitView | None:
        return self._units.get(unit_id)

    def snap(self, unit_id: str) -> Snap | None:
        unit = self._units.get(unit_id)
        if unit is None or (position := unit.position) is None:
            return None
        try:
            return self._index.snap(position.lon, position.lat)
        except NoRouteError:
            return None

    def show(self, view: UnitView) -> None:
        self._units[view.id] = view

    def forget(self, unit_id: str) -> None:
        del self._units[unit_id]

    def put(
        self,
        row: UnitRow,
        at: tuple[float, float] | None,
        *,
        battery_pct: int | None = 80,
        online: bool = True,
        age_s: float = 5,
        at_station: bool = False,
    ) -> None:
        seen_at = NOW - timedelta(seconds=age_s)
        self._units[row.id] = UnitView(
            id=row.id,
            call_sign=row.call_sign,
            kind=row.kind,
            station=row.station,
            status=row.status,
            order_id=row.order_id,
            incident_id=row.incident_id,
            officers=row.officers,
            leader=row.leader,
            on_duty_since=row.on_duty_since,
            position=None if at is None else _fix(row.devices[0].id, at, seen_at),
            devices=[
                DeviceView(
                    id=device.id,
                    kind=device.kind,
                    model=device.model,
                    online=online,
                    last_seen_at=seen_at,
                    battery_pct=battery_pct,
                    battery_at=seen_at,
                    charging=False,
                    mode="standby",
                    shows_orders=device.shows_orders,
                )
                for device in row.devices
            ],
            at_station=at_station,
        )


def _fix(device_id: str, at: tuple[float, float], seen_at: datetime) -> PositionView:
    lon, lat = at
    return PositionView(
        device_id=device_id,
        lon=lon,
        lat=lat,
        observed_at=seen_at,
        received_at=seen_at,
        accuracy_m=8,
        speed_mps=0,
        heading_deg=None,
    )


def _level(device_id: str, at: tuple[float, float], level_pct: int | None) -> DeviceFix:
    seen_at = NOW - timedelta(seconds=5)
    return DeviceFix(
        device_id=device_id,
        observed_at=seen_at,
        received_at=seen_at,
        lon=at[0],
        lat=at[1],
        gauge_pct=level_pct,
        mode="standby",
    )


@dataclass
class Seen:
    """What the county is left with, as a test says, by unit id."""

    of: dict[str, Left] = field(default_factory=dict)

    def left(self, now: datetime) -> dict[str, Left]:
        return self.of


@dataclass
class Room:
    """Everything a test of the pipeline needs."""

    pool: Any
    pipeline: Pipeline
    order_desk: OrderDesk
    fanout: LoudFanOut
    live: StillLife
    batteries: Batteries
    routing: RoutingService
    surveyor: Surveyor
    roads: RoadPicture
    road_desk: RoadDesk
    run_cards: RunCardDesk
    roadmap: RoadMap
    cover: Seen
    now: datetime = NOW

    async def add_unit(
        self,
        call_sign: str,
        at: tuple[float, float] | None = None,
        *,
        kind: UnitKind = "patrol_car",
        on_duty: bool = True,
        devices: tuple[str, ...] = ("body_camera", "handset"),
        battery_pct: int | None = 80,
        crew: int = 1,
    ) -> UnitRow:
        """A unit with officer B-<call sign>, its devices, and a fix at a crossing; `crew`: how many
        officers, the others B-<call sign>-2 and so on."""
        unit_id = new_id()
        async with self.pool.acquire() as conn, conn.transaction():
            await conn.execute(
                "INSERT INTO unit (id, call_sign, kind) VALUES ($1, $2, $3)",
                unit_id,
                call_sign,
                kind,
            )
            for number in range(1, crew + 1):
                officer_id, more = new_id(), "" if number == 1 else f"-{number}"
                await conn.execute(
                    "INSERT INTO officer (id, badge, name) VALUES ($1, $2, $3)",
                    officer_id,
                    f"B-{call_sign}{more}",
                    f"Officer{more} of {call_sign}",
                )
                await conn.execute(
                    "INSERT INTO unit_officer (officer_id, unit_id) VALUES ($1, $2)",
                    officer_id,
                    unit_id,
                )
            for device in devices:
                await conn.execute(
                    "INSERT INTO device (id, kind, unit_id, epoch) VALUES ($1, $2, $3, 'e1')",
                    f"{call_sign}-{device}",
                    device,
                    unit_id,
                )
            if on_duty:
                await conn.execute(
                    "INSERT INTO shift (id, unit_id, on_at) VALUES ($1, $2, $3)",
                    new_id(),
                    unit_id,
                    NOW - timedelta(hours=1),
                )
            (row,) = await load_units(conn, unit_id)
        self.live.put(row, at, battery_pct=battery_pct)
        for each in row.devices:
            self.batteries.hear_fix(_level(each.id, at or crossing(0, 0), battery_pct))
        await self.batteries.meet_strangers()
        return row

    def traveller(self, unit_id: str) -> Traveller:
        """As it moves, without its turnout."""
        unit, snap = self.live.unit(unit_id), self.live.snap(unit_id)
        assert unit is not None
        assert snap is not None
        return traveller(unit, snap, NOW)

    async def open(self, **changed: Any) -> IncidentView:
        opened, _ = await self.pipeline.open_incident(an_incident(**changed), by=BY)
        return opened

    async def send(
        self, incident: IncidentView, *rows: UnitRow, found: RecommendationView | None = None
    ) -> list[OrderView]:
        """Recommend, then dispatch these units."""
        found = found or await self.pipeline.recommend(incident.id, by=BY)
        issued, _ = await self.pipeline.dispatch(incident.id, a_decision(found, *rows), by=BY)
        return issued

    async def tasks(self, order: OrderView) -> dict[str, str]:
        """Command id of the task by device id."""
        rows = await self.fetch(
            "SELECT device_id, id FROM command WHERE order_id = $1 AND kind = 'task'", order.id
        )
        return {row["device_id"]: row["id"] for row in rows}

    async def report(
        self,
        device_id: str,
        command_id: str,
        said: Report,
        *,
        by: str = "",
        reason: str = "",
        note: str = "",
        at: datetime = NOW,
        until: int | None = None,
    ) -> ReportOutcome:
        """A device reports, in a transaction of its own, as the gateway does it."""
        state = State(
            n=1,
            id=command_id,
            s=said,
            at=int(at.timestamp() * 1000),
            by=by,
            reason=reason,
            note=note,
            until=until,
            lat=27.54,
            lon=100.26,
        )
        async with self.pool.acquire() as conn, conn.transaction():
            return await orders.apply_report(
                conn, device_id=device_id, state=state, received_at=self.now
            )

    async def fetch(self, query: str, *values: Any) -> list[Any]:
        async with self.pool.acquire() as conn:
            found: list[Any] = await conn.fetch(query, *values)
            return found

    async def kinds(self) -> list[str]:
        """Kinds of the command log, oldest first."""
        return [
            row["kind"] for row in await self.fetch("SELECT kind FROM journal_entry ORDER BY id")
        ]

    async def incident(self, incident_id: str) -> IncidentView:
        async with self.pool.acquire() as conn:
            found = await incidents.load(conn, incident_id)
        assert found is not None
        return found

    async def counts(self) -> dict[str, int]:
        """Rows of everything a step may write."""
        tables = (
            "incident", "recommendation", "decision", "dispatch_order", "order_event", "command",
            "journal_entry", "shift",
        )  # fmt: skip
        rows = {table: await self.fetch(f"SELECT count(*) FROM {table}") for table in tables}
        return {table: found[0]["count"] for table, found in rows.items()}


def an_incident(**changed: Any) -> NewIncident:
    lon, lat = crossing(3, 2)
    values: dict[str, Any] = {
        "request_id": new_id(),
        "type": "traffic_collision",
        "priority": "priority",
        "note": "two lorries",
        "lon": lon,
        "lat": lat,
        "place": "X02 at Cross Street",
    }
    return NewIncident(**(values | changed))


def a_decision(found: RecommendationView, *rows: UnitRow, **changed: Any) -> NewDecision:
    """With a reason where another than the first is sent."""
    first = found.candidates[0].unit_id if found.candidates else ""
    sent = changed.get("unit_ids", [row.id for row in rows])
    values: dict[str, Any] = {
        "request_id": new_id(),
        "recommendation_id": found.id,
        "unit_ids": [row.id for row in rows],
        "instruction": "take the trunk road",
        "reason": "" if first in sent else "knows the place",
    }
    return NewDecision(**(values | changed))


@asynccontextmanager
async def a_room(
    pool: Any,
    roadmap: RoadMap,
    *,
    fanout: LoudFanOut | None = None,
    turnout: Turnout = AT_ONCE,
) -> AsyncIterator[Room]:
    """One server's part of the county; several on one pool are several servers."""
    routing = RoutingService(lambda: Ground(roadmap, engine="scipy"))
    await routing.start()
    fanout, live = fanout or LoudFanOut(), StillLife(roadmap)
    surveyor = Surveyor(roadmap)
    roads = RoadPicture(
        pool=pool,
        router=routing,
        surveyor=surveyor,
        roadmap=roadmap,
        times_of=lambda condition: travel_times_ms(roadmap, Profile(condition=condition)),
        ready=Warmth(live=live, router=routing).ready_for,
    )
    batteries = Batteries(pool=pool, fanout=fanout, ambient=Ambient(None))
    run_cards = RunCardDesk(pool=pool, fanout=fanout, clock=lambda: room.now)
    cover = Seen()
    room = Room(
        pool=pool,
        run_cards=run_cards,
        pipeline=Pipeline(
            pool=pool,
            fanout=fanout,
            live=live,
            router=routing,
            batteries=batteries,
            roads=roads,
            cards=run_cards,
            map_meta=roadmap.meta,
            rendezvous=Rendezvous(
                router=routing,
                silent=lambda edge, fraction: False,
                name_place=lambda lon, lat: f"{lon:.3f} {lat:.3f}",
            ),
            turnout=turnout,
            cover=cover,
            clock=lambda: room.now,
        ),
        order_desk=OrderDesk(pool=pool, fanout=fanout, clock=lambda: room.now),
        fanout=fanout,
        live=live,
        batteries=batteries,
        routing=routing,
        surveyor=surveyor,
        roads=roads,
        road_desk=RoadDesk(
            pool=pool,
            fanout=fanout,
            picture=roads,
            surveyor=surveyor,
            map_id=roadmap.meta.map_id,
            clock=lambda: room.now,
        ),
        roadmap=roadmap,
        cover=cover,
    )
    await room.road_desk.catch_up()
    try:
        yield room
    finally:
        await surveyor.close()
        await routing.close()
