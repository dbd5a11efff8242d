"""The county's batteries: learned from what devices report, and how long they will last.

Reports come by the fan-out and are taken in batches, once a second and whenever somebody asks. All
processes of a county hear the same and learn the same. What hangs on a vehicle's supply is left
out. Knows no order and no plan; `lasts` is asked with one.

To build on: `outlook_of` (one device, any questions), `lasts` (one device, one plan),
`empty_after_s` (one device as it goes on now), `endurance` (many devices at once), `present` (what
it does now).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import numpy as np

from devices.battery.estimator import Estimator
from devices.battery.model import (
    CAMERA_W,
    CAMERA_WH,
    HANDSET_W,
    HANDSET_WH,
    Prior,
    loads_in,
    mask_of,
    starting_prior,
)
from devices.battery.modes import is_weak, loads_of
from devices.battery.outlook import Leg, Outlook, Outlooks, basis_of, outlook
from devices.battery.reports import Reports
from server.ambient import Ambient
from server.dispatch.battery import Battery, Endurance
from server.metrics import Metrics
from server.ports import Clock, FanOut
from server.stores import batteries as store
from server.stores import picture
from server.stores.away import STORE_AWAY
from server.stores.batteries import BatteryDevice
from server.stores.presence import DeviceFix, Presence
from server.views import DeviceKind

logger = logging.getLogger(__name__)

STARTING_PRIORS: Final[dict[DeviceKind, Prior]] = {
    "body_camera": starting_prior(capacity_wh=CAMERA_WH, power_w=CAMERA_W),
    "handset": starting_prior(capacity_wh=HANDSET_WH, power_w=HANDSET_W),
}
"""Of the kinds that have a battery of their own."""
LEARN_S: Final = 1.0
DEVICES_MAX: Final = store.DEVICES_LEN_MAX
"""That are learned of; more are counted and left out."""
PENDING_LEN_MAX: Final = 50_000
"""Reports that wait to be learned from; more are not taken, and counted."""
ROUNDS_MAX: Final = 32
"""Reports of one device taken at a time: the backlog of a dead zone waits for the next."""
PING_AFTER_S: Final = 120.0
"""A level that comes without a fix counts when there was none for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """One report; None: unchanged since the last."""

    at_s: float
    level_pct: float
    loads: int | None = None
    charging: bool | None = None
    temp_c: float = np.nan
    weak: float | None = None
    lonlat: tuple[float, float] | None = None

    def says_what(self, other: _Said) -> bool:
        """The same but for time and place."""
        return (self.level_pct, self.loads, self.charging, self.weak, str(self.temp_c)) == (
            *(other.level_pct, other.loads, other.charging, other.weak, str(other.temp_c)),
        )


class Batteries:
    """`run` keeps it fresh until cancelled; reading is immediate and never waits."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        ambient: Ambient,
        clock: Clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._pool, self._ambient, self._clock = pool, ambient, clock
        self._metrics = metrics or Metrics()
        self._estimator = Estimator([])
        self._devices: list[BatteryDevice] = []
        self._row: dict[str, int] = {}
        self._warmer_c = np.zeros(0)
        """How much warmer each device says it is than the air about it."""
        self._without: set[str] = set()
        """Devices that reported and have no battery of their own, or are not in service."""
        self._fix_at_s: dict[str, float] = {}
        """Of each device's last fix."""
        self._pending: dict[str, deque[_Said]] = {}
        self._pending_len = 0
        fanout.subscribe("fix", self._fix_arrived)
        fanout.subscribe("presence", self._presence_arrived)
        self._metrics.gauge("battery_reports_pending", lambda: self._pending_len)

    # -- reading -------------------------------------------------------------------------

    def outlook_of(self, device_id: str, now: datetime) -> Outlook | None:
        """The device's futures; None where it has no battery of its own or never told a level."""
        self.learn()
        row = self._row.get(device_id)
        return None if row is None else outlook(self._estimator, row, now.timestamp())

    def lasts(self, device_id: str, plan: Sequence[Leg], now: datetime) -> float | None:
        """Probability that it outlasts a plan that begins now; None as of `outlook_of`."""
        ahead = self.outlook_of(device_id, now)
        return None if ahead is None else ahead.p_last(plan)

    def empty_after_s(
        self, device_id: str, now: datetime, quantiles: Sequence[float] = (0.1, 0.5, 0.9)
    ) -> list[float] | None:
        """Seconds until it shuts down if it goes on as now; infinite on a charger."""
        ahead, present = self.outlook_of(device_id, now), self.present(device_id)
        if ahead is None or present is None:
            return None
        return ahead.empty_after_s(present.leg(), quantiles)

    def present(self, device_id: str) -> Battery | None:
        """What the device does now; None where it has no battery of its own."""
        self.learn()
        row = self._row.get(device_id)
        return None if row is None else self._battery(row)

    def outdoors_c(self, lon: float, lat: float) -> float | None:
        """The temperature at a place; None: the map knows no height there."""
        found = float(self._ambient.at(np.array([[lon, lat]]))[0])
        return None if np.isnan(found) else found

    def endurance(self, device_ids: Iterable[str], now: datetime) -> Endurance:
        """Futures of many devices at once; those without a battery of their own are left out."""
        self.learn()
        rows = {each: row for each in device_ids if (row := self._row.get(each)) is not None}
        heard = ~np.isnan(self._estimator.level_pct)
        told = [each for each, row in rows.items() if heard[row]]
        which = np.array([rows[each] for each in told], dtype=np.int64)
        basis = basis_of(self._estimator, which, now.timestamp())
        return Endurance(
            at=now,
            batteries={each: self._battery(row) for each, row in rows.items()},
            index={each: n for n, each in enumerate(told)},
            basis=basis,
            outlooks=Outlooks(basis),
        )

    def _battery(self, row: int) -> Battery:
        known, device = self._estimator, self._devices[row]
        level, temp_c = known.level_pct[row], known.temp_c[row]
        heard = not np.isnan(level)
        return Battery(
            device_id=device.id,
            kind=device.kind,
            model=device.model,
            level_pct=float(level) if heard else None,
            level_at=datetime.fromtimestamp(known.at_s[row], UTC) if heard else None,
            loads=loads_in(int(known.mask[row])),
            charging=bool(known.charging[row]),
            temp_c=None if np.isnan(temp_c) else float(temp_c),
            warmer_c=float(self._warmer_c[row]),
            weak=float(known.weak[row]),
            counts=known.counts_of(row),
        )

    # -- learning ------------------------------------------------------------------------

    async def load(self) -> None:
        """Begin with the devices in service and their last levels. Raises what the store raises."""
        async with self._pool.acquire() as conn:
            devices = await store.devices(conn)
            fixes = await picture.last_fixes(conn)
        self._meet(devices)
        for fix in fixes:
            self.hear_fix(fix)
        self.learn()

    def hear_fix(self, fix: DeviceFix) -> None:
        """A device's newest fix, from whichever process received it."""
        level = fix.battery_pct if fix.gauge_pct is None else fix.gauge_pct
        said = _Said(
            at_s=fix.observed_at.timestamp(),
            level_pct=np.nan if level is None else float(level),
            loads=mask_of(loads_of(fix.mode, fix.stream_kbps)),
            charging=fix.charging,
            temp_c=np.nan if fix.temp_c is None else fix.temp_c,
            weak=is_weak(fix.rsrp_dbm),
            lonlat=(fix.lon, fix.lat),
        )
        self._fix_at_s[fix.device_id] = said.at_s
        self._hear(fix.device_id, said)

    def hear_presence(self, presence: Presence) -> None:
        """A level that came without a fix."""
        at_s, fix_at_s = presence.at.timestamp(), self._fix_at_s.get(presence.device_id)
        if presence.battery_pct is None or (fix_at_s and at_s - fix_at_s <= PING_AFTER_S):
            return
        self._hear(presence.device_id, _Said(at_s=at_s, level_pct=float(presence.battery_pct)))

    def learn(self) -> None:
        """Take what waits, of devices that are known."""
        for _ in range(ROUNDS_MAX):
            ready = [each for each in self._pending if each in self._row]
            if not ready:
                return
            said = [self._pending[each].popleft() for each in ready]
            self._pending_len -= len(said)
            for each in ready:
                if not self._pending[each]:
                    del self._pending[each]
            self._take(np.array([self._row[each] for each in ready]), said)

    async def run(self) -> None:
        """Learn once a second, and get to know devices that are new."""
        while True:
            await asyncio.sleep(LEARN_S)
            try:
                await self.meet_strangers()
            except STORE_AWAY as error:
                logger.warning("new devices wait, PostgreSQL is away: %s", error)
            self.learn()

    def _fix_arrived(self, payload: str) -> None:
        self.hear_fix(msgspec.json.decode(payload, type=DeviceFix))

    def _presence_arrived(self, payload: str) -> None:
        self.hear_presence(msgspec.json.decode(payload, type=Presence))

    def _hear(self, device_id: str, said: _Said) -> None:
        """Let it wait; of a row of reports that all say the same, the first and the last do."""
        if device_id in self._without:
            return
        if self._pending_len >= PENDING_LEN_MAX:
            self._metrics.count("battery_reports_dropped")
            return
        waiting = self._pending.setdefault(device_id, deque())
        if len(waiting) >= 2 and waiting[-1].says_what(waiting[-2]) and said.says_what(waiting[-1]):
            waiting.pop()
            self._pending_len -= 1
        waiting.append(said)
        self._pending_len += 1

    def _take(self, which: np.ndarray[Any, np.dtype[np.int64]], said: list[_Said]) -> None:
        """One report of each of the rows `which`."""
        known = self._estimator
        lonlat = np.array([each.lonlat or (np.nan, np.nan) for each in said])
        told_c, outdoors_c = np.array([each.temp_c for each in said]), self._ambient.at(lonlat)
        placed = ~np.isnan(lonlat[:, 0])
        self._warmer_c[which[placed]] = np.nan_to_num(told_c - outdoors_c)[placed]
        outdoors_c = np.where(placed, outdoors_c, known.temp_c[which])

        def latest(name: str, before: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            values = [getattr(each, name) for each in said]
            return np.array(
                [
                    old if new is None else new
                    for new, old in zip(values, before[which], strict=True)
                ],
                dtype=before.dtype,
            )

        known.update(
            which,
            Reports(
                at_s=np.array([each.at_s for each in said]),
                level_pct=np.array([each.level_pct for each in said]),
                mask=latest("loads", known.mask),
                charging=latest("charging", known.charging),
                temp_c=np.where(np.isnan(told_c), outdoors_c, told_c),
                weak=latest("weak", known.weak),
            ),
        )

    async def meet_strangers(self) -> None:
        strangers = [each for each in self._pending if each not in self._row]
        if not strangers:
            return
        async with self._pool.acquire() as conn:
            found = await store.devices(conn, strangers)
        self._meet(found)
        for each in set(strangers) - set(self._row):
            self._without.add(each)
            self._pending_len -= len(self._pending.pop(each))

    def _meet(self, devices: Sequence[BatteryDevice]) -> None:
        new = [
            each for each in devices if each.kind in STARTING_PRIORS and each.id not in self._row
        ]
        room = DEVICES_MAX - len(self._devices)
        if len(new) > room:
            self._metrics.count("battery_devices_refused", len(new) - room)
            logger.error("more than %d devices with a battery", DEVICES_MAX)
        for each in new[:room]:
            self._row[each.id] = len(self._devices)
            self._devices.append(each)
        self._warmer_c = np.append(self._warmer_c, np.zeros(len(new[:room])))
        self._estimator.extend([STARTING_PRIORS[each.kind] for each in new[:room]])
