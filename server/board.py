"""The live picture: every unit with crew, order, newest position, presence and batteries.

Rows come from PostgreSQL (read again when the fan-out says `unit`), fixes and presence from the
fan-out as they happen. Losing a message costs seconds, not truth: everything is read again every
`RELOAD_S`, and after the link to the other processes was down. One board a process, on the loop.

Knows no socket; `on_change` tells the console hub which units look different.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from devices.intake import distance_m
from geo.errors import NoRouteError, OffMapError
from server.dispatch.turnout import MOVING_MPS
from server.metrics import Metrics
from server.ports import Clock, FanOut
from server.stores import picture, units
from server.stores.away import STORE_AWAY
from server.stores.pool import Pool
from server.stores.presence import DeviceFix, Presence, PresenceStore
from server.stores.units import DeviceRow, UnitRow
from server.views import ContactView, DeviceView, PositionView, UnitView

if TYPE_CHECKING:
    from geo.snap import Snap

logger = logging.getLogger(__name__)

Snapper = Callable[[float, float], "Snap"]
"""(lon, lat) to the road. Raises `OffMapError`, `NoRouteError`."""
RELOAD_S: Final = 30.0
UNHEARD_MAX: Final = timedelta(seconds=100)
"""Presence is renewed every 30 s by the gateway; three misses mean that the gateway is gone."""
RETRY_S: Final = 1.0
AT_STATION_M: Final = 150.0
"""A yard, the street before it, and the error of a fix between houses."""


@dataclass(slots=True)
class _Device:
    """What is live of one device."""

    fix: DeviceFix | None = None
    admission: int = 0
    """Of the newest connection that was heard of."""
    """When its newest connection began."""
    online: bool = False
    heard_at: datetime | None = None
    battery_pct: int | None = None
    battery_at: datetime | None = None


class Board:
    """`run` keeps it fresh until cancelled; reading is immediate and never waits."""

    def __init__(
        self,
        *,
        pool: Pool,
        fanout: FanOut,
        snapper: Snapper,
        clock: Clock,
        presence: PresenceStore | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._pool, self._snapper, self._clock = pool, snapper, clock
        self._presence = presence
        self._metrics = metrics or Metrics()
        self._rows: dict[str, UnitRow] = {}
        self._unit_of: dict[str, str] = {}
        self._devices: dict[str, _Device] = {}
        self._snaps: dict[str, tuple[float, float, Snap | None]] = {}
        self._views: dict[str, UnitView] = {}
        """Built when asked for, dropped when something changes."""
        self._contacts: dict[str, ContactView] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._stale: set[str] = set()
        self._reload_all = False
        self._wake = asyncio.Event()
        fanout.subscribe("unit", self._unit_changed)
        fanout.subscribe("fix", self._fix_arrived)
        fanout.subscribe("presence", self._presence_arrived)
        fanout.subscribe("resync", self._resync)

    @classmethod
    async def load(
        cls,
        pool: Pool,
        *,
        fanout: FanOut,
        snapper: Snapper,
        clock: Clock,
        presence: PresenceStore | None = None,
        metrics: Metrics | None = None,
    ) -> Board:
        """A board that shows what is known now. Raises what the store raises when it is away."""
        board = cls(
            pool=pool,
            fanout=fanout,
            snapper=snapper,
            clock=clock,
            presence=presence,
            metrics=metrics,
        )
        await board.reload()
        return board

    # -- reading -------------------------------------------------------------------------

    def units(self) -> list[UnitView]:
        """All units in service, by call sign."""
        rows = sorted(self._rows.values(), key=lambda row: (row.call_sign, row.id))
        return [self._view(row) for row in rows]

    def unit(self, unit_id: str) -> UnitView | None:
        """One unit; None when there is none in service."""
        row = self._rows.get(unit_id)
        return None if row is None else self._view(row)

    def snap(self, unit_id: str) -> Snap | None:
        """Where the unit's newest fix meets a road, found once per place; None: nowhere near."""
        view = self.unit(unit_id)
        if view is None or view.position is None:
            return None
        lon, lat = view.position.lon, view.position.lat
        known = self._snaps.get(unit_id)
        if known is None or known[:2] != (lon, lat):
            known = (lon, lat, self._to_road(lon, lat))
            self._snaps[unit_id] = known
        return known[2]

    def on_change(self, listener: Callable[[str], None]) -> None:
        """Call with the id of each unit that looks different, or is gone."""
        self._listeners.append(listener)

    # -- what happens --------------------------------------------------------------------

    def report_fix(self, fix: DeviceFix) -> None:
        """A device's newest fix, from whichever process received it."""
        device = self._device(fix.device_id)
        self._heard(device, fix.received_at)
        if device.fix is not None and fix.observed_at < device.fix.observed_at:
            return
        device.fix = fix
        if fix.battery_pct is not None:
            device.battery_pct, device.battery_at = fix.battery_pct, fix.observed_at
        self._changed(fix.device_id)
        if unit_id := self._unit_of.get(fix.device_id):
            self.snap(unit_id)

    def report_presence(self, presence: Presence) -> None:
        """An installation came, is still there, or left."""
        device = self._device(presence.device_id)
        if presence.admission < device.admission:
            return  # an older connection of the device leaves; the newer one stays
        before = device.online, device.battery_pct
        device.admission, device.online = presence.admission, presence.online
        self._heard(device, presence.at)
        if presence.battery_pct is not None:
            device.battery_pct, device.battery_at = presence.battery_pct, presence.at
        if before != (device.online, device.battery_pct):
            self._changed(presence.device_id)
        elif (unit_id := self._unit_of.get(presence.device_id)) is not None:
            self._views.pop(unit_id, None)  # `last_seen_at` alone is worth no message

    def show_contact(self, unit_id: str, contact: ContactView | None) -> None:
        """What a dead zone means for a unit now; None: nothing."""
        if self._contacts.get(unit_id) == contact:
            return
        if contact is None:
            del self._contacts[unit_id]
        else:
            self._contacts[unit_id] = contact
        self._tell(unit_id)

    def expire(self, now: datetime) -> None:
        """Devices unheard of for long are offline: their gateway died without a word."""
        for device_id, device in self._devices.items():
            unheard = device.heard_at is None or now - device.heard_at > UNHEARD_MAX
            if device.online and unheard:
                device.online = False
                self._changed(device_id)

    def refresh(self, unit_id: str) -> None:
        """Read this unit's row again soon."""
        self._stale.add(unit_id)
        self._wake.set()

    async def reload(self) -> None:
        """Read everything again; what looks different is told to the listeners."""
        self._reload_all = False
        self._stale.clear()
        async with self._pool.acquire() as conn:
            rows = await units.load_units(conn)
            fixes = await picture.last_fixes(conn)
            seen = await picture.last_seen(conn)
        presences, newer = await self._presence.load() if self._presence else ([], [])
        self._take_rows(rows, gone=set(self._rows) - {row.id for row in rows})
        for device_id, at in seen.items():
            self._heard(self._device(device_id), at)
        for fix in (*fixes, *newer):
            known = self._device(fix.device_id).fix
            if known is None or fix.observed_at > known.observed_at:
                self.report_fix(fix)
        for presence in presences:
            if presence.online and self._clock() - presence.at <= UNHEARD_MAX:
                self.report_presence(presence)

    async def run(self) -> None:
        """Read rows that changed, everything now and then; survives an outage of the store."""
        next_reload_s = _loop_s() + RELOAD_S
        while True:
            await self._wait_until(next_reload_s)
            self.expire(self._clock())
            if _loop_s() >= next_reload_s:
                self._reload_all = True
                next_reload_s = _loop_s() + RELOAD_S
            try:
                await self._read_stale()
            except STORE_AWAY as error:
                self._metrics.count("board_store_failures")
                logger.warning("the board shows old rows, PostgreSQL is away: %s", error)
                self._reload_all = True
                next_reload_s = _loop_s() + RETRY_S

    async def _read_stale(self) -> None:
        if self._reload_all:
            await self.reload()
            return
        wanted, self._stale = self._stale, set()
        if not wanted:
            return
        async with self._pool.acquire() as conn:
            rows = await units.load_some(conn, sorted(wanted))
        self._take_rows(rows, gone=wanted - {row.id for row in rows})

    async def _wait_until(self, deadline_s: float) -> None:
        try:
            async with asyncio.timeout_at(deadline_s):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    # -- fan-out -------------------------------------------------------------------------

    def _unit_changed(self, unit_id: str) -> None:
        self.refresh(unit_id)

    def _fix_arrived(self, payload: str) -> None:
        self.report_fix(msgspec.json.decode(payload, type=DeviceFix))

    def _presence_arrived(self, payload: str) -> None:
        self.report_presence(msgspec.json.decode(payload, type=Presence))

    def _resync(self, _payload: str) -> None:
        self._reload_all = True
        self._wake.set()

    # -- inside --------------------------------------------------------------------------

    def _take_rows(self, rows: list[UnitRow], gone: set[str]) -> None:
        for unit_id in gone & set(self._rows):
            self._drop_devices(self._rows.pop(unit_id))
            self._snaps.pop(unit_id, None)
            self._tell(unit_id)
        for row in rows:
            if (known := self._rows.get(row.id)) != row:
                if known is not None:
                    self._drop_devices(known)
                self._rows[row.id] = row
                self._unit_of |= {device.id: row.id for device in row.devices}
                self._tell(row.id)

    def _drop_devices(self, row: UnitRow) -> None:
        """Its devices are of this unit no more; some may be of another already."""
        for device in row.devices:
            if self._unit_of.get(device.id) == row.id:
                del self._unit_of[device.id]

    def _device(self, device_id: str) -> _Device:
        return self._devices.setdefault(device_id, _Device())

    def _heard(self, device: _Device, at: datetime) -> None:
        device.heard_at = at if device.heard_at is None else max(device.heard_at, at)

    def _changed(self, device_id: str) -> None:
        if (unit_id := self._unit_of.get(device_id)) is not None:
            self._tell(unit_id)

    def _tell(self, unit_id: str) -> None:
        self._views.pop(unit_id, None)
        for listener in self._listeners:
            listener(unit_id)

    def _to_road(self, lon: float, lat: float) -> Snap | None:
        try:
            return self._snapper(lon, lat)
        except (OffMapError, NoRouteError):
            return None

    def _view(self, row: UnitRow) -> UnitView:
        known = self._views.get(row.id)
        if known is None:
            known = self._views[row.id] = self._build(row)
        return known

    def _build(self, row: UnitRow) -> UnitView:
        devices = [(each, self._device(each.id)) for each in row.devices]
        fixes = [device.fix for _, device in devices if device.fix is not None]
        newest = max(fixes, key=lambda fix: fix.observed_at, default=None)
        return UnitView(
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
            rest_s=row.rest_s,
            at_station=newest is not None and _at_station(row, newest),
            position=None if newest is None else _position_view(newest),
            devices=[_device_view(each, device) for each, device in devices],
            contact=self._contacts.get(row.id),
        )


def _at_station(row: UnitRow, fix: DeviceFix) -> bool:
    """Whether a unit stands at its own station."""
    if row.station_at is None or (fix.speed_mps or 0.0) >= MOVING_MPS:
        return False
    return distance_m(*row.station_at, fix.lon, fix.lat) <= AT_STATION_M


def _position_view(fix: DeviceFix) -> PositionView:
    return PositionView(
        device_id=fix.device_id,
        lon=fix.lon,
        lat=fix.lat,
        observed_at=fix.observed_at,
        received_at=fix.received_at,
        accuracy_m=fix.accuracy_m,
        speed_mps=fix.speed_mps,
        heading_deg=fix.heading_deg,
    )


def _device_view(row: DeviceRow, device: _Device) -> DeviceView:
    return DeviceView(
        id=row.id,
        kind=row.kind,
        model=row.model,
        shows_orders=row.shows_orders,
        online=device.online,
        last_seen_at=device.heard_at,
        battery_pct=device.battery_pct,
        battery_at=device.battery_at,
        charging=device.fix is not None and device.fix.charging,
        mode="" if device.fix is None else device.fix.mode,
    )


def _loop_s() -> float:
    return asyncio.get_running_loop().time()
