"""Watches units and dead zones: who is about to enter one, who is silent in one, who is not back.

Once a round every unit is looked at. One that is about to enter is shown so, and where it has not
received all of its order the dispatcher is told in time to call by radio. One that fell silent
where its way has no radio is foretold once: when it is back, where, and from when on it is missing.
That is kept as a row, so it survives a restart, and one of several processes says it; the alarm and
the return after an alarm are in the command log. `expected_back` is what timers ask.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from geo.driving.vehicles import Mode, Vehicle
from geo.errors import NoRouteError, OffMapError
from geo.ground import Route
from geo.linear import point_at
from geo.radio.ahead import Silence
from geo.snap import Snap
from server.deadzones import ZonePicture
from server.dispatch import radio
from server.dispatch.radio import Ahead, explains, foretell
from server.dispatch.travel import MODE_OF_PRIORITY, traveller
from server.dispatch.worklist import ItemKind
from server.ids import new_id
from server.journal.kinds import JournalKind as Kind
from server.metrics import Metrics
from server.ports import Clock, ExpectedBack, FanOut, LiveUnits, Router
from server.routing import RoutingBusy
from server.stores import journal, worklist
from server.stores import zonestays as store
from server.stores.away import STORE_AWAY
from server.stores.journal import Entry
from server.stores.worklist import About, Changed, Hint
from server.stores.zonestays import OpenWay, Stay
from server.surveyor import Surveyor, Words
from server.views import ContactView, PositionView, UnitStatus, UnitView
from server.zonedesk import ZoneDesk

logger = logging.getLogger(__name__)

ROUND_S: Final = 10.0
"""Between two looks at all units."""
NEAR_M: Final = 1_500.0
"""A zone is looked for this far from a unit that has no order."""
EN_ROUTE: Final = "en_route"
THERE: Final = frozenset({"on_scene", "feedback"})
SYSTEM: Final = "system"

Show = Callable[[str, ContactView | None], None]
"""(unit id, what to show)."""
_Known = tuple[datetime, str | None, int, int]
"""What an `Ahead` was computed from: the fix, the order, the zones and the roads."""


class ZoneWatch:
    """`run` looks until cancelled; `expected_back` answers at once."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        live: LiveUnits,
        router: Router,
        zones: ZoneDesk,
        surveyor: Surveyor,
        show: Show,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._pool, self._fanout = pool, fanout
        self._live, self._router = live, router
        self._zones, self._surveyor, self._show, self._clock = zones, surveyor, show, clock
        self._metrics = metrics or Metrics()
        self._stays: dict[str, Stay] = {}
        self._ahead: dict[str, tuple[_Known, Ahead | None]] = {}

    def expected_back(self, unit_id: str) -> ExpectedBack | None:
        """See `ports.RadioOutlook`: until the unit is heard again or is overdue."""
        stay = self._stays.get(unit_id)
        if stay is None or stay.overdue_at is not None:
            return None
        return ExpectedBack(
            unit_id=unit_id,
            silent_since=stay.silent_since,
            at=stay.back_at,
            at_latest=stay.latest_at,
            place=stay.place,
        )

    async def run(self) -> None:
        """A round now and then, until cancelled."""
        while True:
            try:
                await self.round()
            except STORE_AWAY as error:
                self._metrics.count("zone_watch_store_failures")
                logger.warning("nobody looks at silent units, PostgreSQL is away: %s", error)
            await asyncio.sleep(ROUND_S)

    async def round(self) -> None:
        """Look at every unit once."""
        async with self._pool.acquire() as conn:
            self._stays = await store.open_stays(conn)
            ways = await store.open_ways(conn)
            missing = await store.unreceived(conn, [way.order_id for way in ways.values()])
        units = {unit.id: unit for unit in self._live.units()}
        self._ahead = {unit_id: known for unit_id, known in self._ahead.items() if unit_id in units}
        for unit in units.values():
            way = ways.get(unit.id)
            unreceived = way is not None and way.order_id in missing
            try:
                self._show(unit.id, await self._look(unit, way, unreceived=unreceived))
            except RoutingBusy:
                self._metrics.count("zone_watch_routing_busy")

    async def _look(
        self, unit: UnitView, way: OpenWay | None, *, unreceived: bool
    ) -> ContactView | None:
        stay, position, now = self._stays.get(unit.id), unit.position, self._clock()
        if stay is not None:
            heard = position is not None and position.received_at > stay.silent_since
            # The end of a shift is no word of the missing: whoever is overdue stays so until heard.
            over = unit.status is UnitStatus.OFF_DUTY and stay.overdue_at is None
            if not (heard or over):
                return await self._waited_for(unit, stay, now)
            await self._end(unit, stay, now)
        if position is None or unit.status is UnitStatus.OFF_DUTY:
            return None
        silent_s = (now - position.received_at).total_seconds()
        if silent_s > radio.SILENT_S_MAX or not self._zones.picture.dead.any():
            return None
        heard = silent_s < radio.SILENT_S
        if heard and (way is None or not (unreceived or way.state == EN_ROUTE)):
            return None  # nobody knows where it goes, or whether it goes already
        ahead = await self._first_silence(unit, position, way)
        if ahead is None:
            return None
        if heard:
            return await self._enters(unit, position, way, ahead, now, unreceived=unreceived)
        return await self._fell_silent(unit, position, way, ahead, now) if explains(ahead) else None

    # -- what is done --------------------------------------------------------------------

    async def _enters(
        self,
        unit: UnitView,
        position: PositionView,
        way: OpenWay | None,
        ahead: Ahead,
        now: datetime,
        *,
        unreceived: bool,
    ) -> ContactView | None:
        """A unit that is heard, with a zone ahead; None: not soon."""
        when = foretell(position.observed_at, ahead)
        if when.enters_at - now > timedelta(seconds=radio.ENTERS_SOON_S):
            return None
        place = await self._words(ahead.silence.enter_at)
        if unreceived and way is not None:
            await self._call_by_radio(unit, way, place)
        return ContactView(
            state="ahead",
            enters_at=when.enters_at,
            silent_since=None,
            back_at=when.back_at,
            latest_at=when.latest_at,
            at_scene=ahead.at_scene,
            place=place,
            unreceived=unreceived,
        )

    async def _fell_silent(
        self,
        unit: UnitView,
        position: PositionView,
        way: OpenWay | None,
        ahead: Ahead,
        now: datetime,
    ) -> ContactView | None:
        when = foretell(position.observed_at, ahead)
        lon, lat = point_at(self._zones.picture.roadmap, *ahead.out_at)
        stay = Stay(
            id=new_id(),
            unit_id=unit.id,
            order_id=way.order_id if way else None,
            silent_since=position.received_at,
            foretold_at=now,
            back_at=when.back_at,
            latest_at=when.latest_at,
            place=await self._words(ahead.out_at),
            lon=lon,
            lat=lat,
            at_scene=ahead.at_scene,
        )
        async with self._pool.acquire() as conn:
            if not await store.insert_stay(conn, stay):
                return None  # the next round reads what another process foretold
        self._stays[unit.id] = stay
        self._metrics.count("zone_stays")
        return _view(stay)

    async def _waited_for(self, unit: UnitView, stay: Stay, now: datetime) -> ContactView:
        hints: tuple[Hint, ...] = ()
        if stay.overdue_at is None and now > stay.latest_at:
            async with self._pool.acquire() as conn, conn.transaction():
                if await store.mark_overdue(conn, stay.id, now):
                    item = await _not_back(conn, unit, stay, now)
                    overdue = _entry(unit, stay, Kind.RADIO_OVERDUE)
                    await journal.append_all(conn, (overdue, *item.entries))
                    hints = item.hints
                stay = self._stays[unit.id] = (await store.open_stays(conn)).get(unit.id, stay)
            self._metrics.count("zone_overdue")
        self._publish(hints)
        return _view(stay)

    async def _end(self, unit: UnitView, stay: Stay, now: datetime) -> None:
        """Heard again, or off duty before it was overdue."""
        hints: tuple[Hint, ...] = ()
        async with self._pool.acquire() as conn, conn.transaction():
            if await store.end_stay(conn, stay.id, now) and stay.overdue_at is not None:
                back = _entry(unit, stay, Kind.RADIO_BACK)
                item = await worklist.settle_about(
                    conn, ItemKind.NOT_BACK, f"unit:{unit.id}", at=now, why="heard"
                )
                await journal.append_all(conn, (back, *(item.entries if item else ())))
                hints = item.hints if item else ()
        self._publish(hints)
        del self._stays[unit.id]

    async def _call_by_radio(self, unit: UnitView, way: OpenWay, place: Words) -> None:
        """Say once for an order that it may not reach the unit any more."""
        subject, kind = f"order:{way.order_id}", Kind.RADIO_UNRECEIVED
        since = self._clock() - timedelta(seconds=radio.SILENT_S_MAX)
        hints: tuple[Hint, ...] = ()
        body = {"number": way.number, "call_sign": unit.call_sign, "place": place["en"]}
        async with self._pool.acquire() as conn, conn.transaction():
            if not await store.said_since(conn, subject, kind, since):
                entry = Entry(actor=SYSTEM, subject=subject, kind=kind, body=body)
                about = About(
                    subject=subject,
                    order_id=way.order_id,
                    incident_id=way.incident_id,
                    unit_id=unit.id,
                )
                item = await worklist.raise_item(
                    conn, ItemKind.UNRECEIVED, about, body=body | {"words": place}, at=self._clock()
                )
                hints = item.hints
                await journal.append_all(conn, (entry, *item.entries))
                self._metrics.count("zone_unreceived")
        self._publish(hints)

    def _publish(self, hints: Iterable[Hint]) -> None:
        for topic, payload in hints:
            self._fanout.publish(topic, payload)

    # -- what lies ahead -----------------------------------------------------------------

    async def _first_silence(
        self, unit: UnitView, position: PositionView, way: OpenWay | None
    ) -> Ahead | None:
        """Computed once for a fix. Raises `RoutingBusy`."""
        picture, order_id = self._zones.picture, way.order_id if way else None
        known = position.observed_at, order_id, id(picture), id(self._router.roads)
        if (before := self._ahead.get(unit.id)) is not None and before[0] == known:
            return before[1]
        snap = self._live.snap(unit.id)
        found = None
        if snap is not None:
            try:
                if way is None:
                    found = await self._through(picture, snap)
                else:
                    found = await self._on_the_way(picture, unit, position, snap, way)
            except (NoRouteError, OffMapError):
                found = None
        self._ahead[unit.id] = known, found
        return found

    async def _on_the_way(
        self,
        picture: ZonePicture,
        unit: UnitView,
        position: PositionView,
        snap: Snap,
        way: OpenWay,
    ) -> Ahead | None:
        if way.state in THERE:
            inside = picture.silent_at(snap.edge, snap.fraction)
            return Ahead(silence=_here(snap), log_sd=0.0) if inside else None
        who = traveller(unit, snap, position.observed_at)
        mode = MODE_OF_PRIORITY[way.priority]
        route = (await self._router.lead(who, way.lon, way.lat, mode)).route
        driven = None if who.vehicle is Vehicle.FOOT else mode
        return await self._first(picture, route, driven, on_order=True)

    async def _through(self, picture: ZonePicture, snap: Snap) -> Ahead | None:
        """Of a unit without an order: by the door of a zone nearby that takes longest."""
        found = []
        for edge, fraction in picture.doors_near(snap.lon, snap.lat, NEAR_M):
            lon, lat = point_at(picture.roadmap, edge, fraction)
            door = Snap(edge=edge, fraction=fraction, lon=lon, lat=lat, distance_m=0.0)
            route = await self._router.route(snap, door)
            if (
                ahead := await self._first(picture, route, Mode.ROUTINE, on_order=False)
            ) is not None:
                found.append(ahead)
        return max(found, key=lambda each: each.silence.leave_s, default=None)

    async def _first(
        self, picture: ZonePicture, route: Route, mode: Mode | None, *, on_order: bool
    ) -> Ahead | None:
        silence = next(iter(picture.ahead(route)), None)
        if silence is None:
            return None
        log_sd = await self._router.spread(route, mode)
        return Ahead(silence=silence, log_sd=log_sd, on_order=on_order)

    async def _words(self, at: tuple[int, float]) -> Words:
        (words,) = await self._surveyor.points([at])
        return words


async def _not_back(conn: Any, unit: UnitView, stay: Stay, now: datetime) -> Changed:
    """Somebody must look for it."""
    about = About(subject=f"unit:{unit.id}", order_id=stay.order_id, unit_id=unit.id)
    body = {
        "call_sign": unit.call_sign,
        "expected_back_at": stay.latest_at,
        "words": stay.place,
    }
    return await worklist.raise_item(conn, ItemKind.NOT_BACK, about, body=body, at=now)


def _here(snap: Snap) -> Silence:
    """Of a unit at its scene, in silence."""
    at = snap.edge, snap.fraction
    return Silence(
        enter_m=0.0, leave_m=0.0, enter_s=0.0, leave_s=0.0, enter_at=at, leave_at=at,
        to_the_end=True,
    )  # fmt: skip


def _view(stay: Stay) -> ContactView:
    return ContactView(
        state="silent" if stay.overdue_at is None else "overdue",
        enters_at=None,
        silent_since=stay.silent_since,
        back_at=stay.back_at,
        latest_at=stay.latest_at,
        at_scene=stay.at_scene,
        place=stay.place,
    )


def _entry(unit: UnitView, stay: Stay, kind: Kind) -> Entry:
    body = {
        "call_sign": unit.call_sign,
        "order": stay.order_id,
        "place": stay.place["en"],
        "silent_since": stay.silent_since.isoformat(),
        "latest_at": stay.latest_at.isoformat(),
    }
    return Entry(actor=SYSTEM, subject=f"unit:{unit.id}", kind=kind, body=body)
