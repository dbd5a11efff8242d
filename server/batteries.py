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
from collections.abc import Iterable, Mapping, Sequence
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
from devices.battery.pool import steps_of
from devices.battery.reports import Ints, Reports
from server.ambient import Ambient
from server.batteryreports import Said, Waiting
from server.dispatch.battery import OWN_BATTERY, Battery, Endurance
from server.metrics import Metrics
from server.ports import FanOut
from server.stores import batteries as store
from server.stores import picture
from server.stores.away import STORE_AWAY
from server.stores.batteries import BatteryDevice, KeptState
from server.stores.batteryversions import ModelPool
from server.stores.presence import DeviceFix, Presence

logger = logging.getLogger(__name__)

STARTING_PRIORS: Final[Mapping[str, Prior]] = {
    "body_camera": starting_prior(capacity_wh=CAMERA_WH, power_w=CAMERA_W),
    "handset": starting_prior(capacity_wh=HANDSET_WH, power_w=HANDSET_W),
}
"""Of the kinds that have a battery of their own."""
LEARN_S: Final = 1.0
KEEP_S: Final = 60.0
"""Between two times that states are kept: what a crash may lose."""
KNOWN_MIN: Final = 0.2
"""A device of which less is known is new: it begins with a better prior. Starting value."""
DEVICES_MAX: Final = store.DEVICES_LEN_MAX
"""That are learned of; more are counted and left out."""
ROUNDS_MAX: Final = 32
"""Reports of one device taken at a time: the backlog of a dead zone waits for the next."""
PING_AFTER_S: Final = 120.0
"""A level that comes without a fix counts when there was none for so long."""


class Batteries:
    """`run` keeps it fresh until cancelled; reading is immediate and never waits."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        ambient: Ambient,
        metrics: Metrics | None = None,
        keep_s: float = KEEP_S,
    ) -> None:
        self._pool, self._ambient, self._keep_s = pool, ambient, keep_s
        self._metrics = metrics or Metrics()
        self._estimator = Estimator([])
        self._devices: list[BatteryDevice] = []
        self._row: dict[str, int] = {}
        self._warmer_c = np.zeros(0)
        """How much warmer each device says it is than the air about it."""
        self._without: set[str] = set()
        """Who reported and has no battery of its own or is not in service; asked about again."""
        self._standing: dict[int, Battery] = {}
        self._changed: set[int] = set()
        """Rows that learned something since they were kept."""
        self._pools: dict[str, ModelPool] = {}
        """By model; what is not there begins with the starting values."""
        self._version: int | None = None
        self._fix_at_s: dict[str, float] = {}
        """Of each device's last fix."""
        self._waiting = Waiting()
        fanout.subscribe("fix", self._fix_arrived)
        fanout.subscribe("presence", self._presence_arrived)
        self._metrics.gauge("battery_reports_pending", lambda: len(self._waiting))

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

    def learned(self, device_id: str) -> bool:
        """Whether it told how it drains itself, beside what is supposed of its model."""
        row = self._row.get(device_id)
        return row is not None and self._estimator.known_of(row) >= KNOWN_MIN

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
        basis = basis_of(self._estimator, which, now.timestamp()).rounded()
        return Endurance(
            at=now,
            batteries={each: self._battery(row) for each, row in rows.items()},
            index={each: n for n, each in enumerate(told)},
            basis=basis,
            outlooks=Outlooks(basis),
            version=self._version,
        )

    def _battery(self, row: int) -> Battery:
        """As it stands, put together once after each report."""
        if (kept := self._standing.get(row)) is None:
            kept = self._standing[row] = self._put_together(row)
        return kept

    def _put_together(self, row: int) -> Battery:
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

    # -- what is kept ----------------------------------------------------------------------

    async def load(self) -> None:
        """Go on with what was kept, and with last levels. Raises what the store raises."""
        async with self._pool.acquire() as conn:
            devices = await store.devices(conn)
            kept = await store.states(conn)
            fixes = await picture.last_fixes(conn)
        self._meet(devices, kept)
        for fix in fixes:
            row = self._row.get(fix.device_id)
            if row is not None and not fix.observed_at.timestamp() <= self._estimator.at_s[row]:
                self.hear_fix(fix)
        self.learn()

    async def keep(self) -> None:
        """Write down what was learned since the last time. Raises what the store raises."""
        self.learn()
        rows, self._changed = self._changed, set()
        heard = [row for row in sorted(rows) if not np.isnan(self._estimator.at_s[row])]
        try:
            async with self._pool.acquire() as conn:
                for first in range(0, len(heard), store.STATES_LEN_MAX):
                    batch = heard[first : first + store.STATES_LEN_MAX]
                    await store.keep(conn, [self._kept(row) for row in batch])
        except STORE_AWAY:
            self._changed |= rows
            raise

    async def leave(self) -> None:
        """Before the process ends: keep all of it, if the store is there."""
        try:
            await self.keep()
        except STORE_AWAY as error:
            logger.warning("what batteries said lately is not kept, PostgreSQL is away: %s", error)

    def adopt(self, version: int | None, pools: Mapping[str, ModelPool]) -> None:
        """Begin new devices with these pools, and those of which hardly anything is known."""
        self._version, self._pools = version, dict(pools)
        known = self._estimator.known()
        for row in self._row.values():
            prior = self._prior_of(self._devices[row])
            had = self._estimator.priors[row]
            if prior != had and known[row] < KNOWN_MIN:
                self._estimator.begin_anew(row, prior)
                self._changed.add(row)

    # -- learning ------------------------------------------------------------------------

    def hear_fix(self, fix: DeviceFix) -> None:
        """A device's newest fix, from whichever process received it."""
        level = fix.battery_pct if fix.gauge_pct is None else fix.gauge_pct
        said = Said(
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
        self._hear(presence.device_id, Said(at_s=at_s, level_pct=float(presence.battery_pct)))

    def learn(self) -> None:
        """Take what waits, of devices that are known."""
        for _ in range(ROUNDS_MAX):
            said = self._waiting.oldest(self._row)
            if not said:
                return
            self._take(np.array([self._row[each] for each in said]), list(said.values()))

    async def run(self) -> None:
        """Learn once a second, get to know devices that are new, keep what was learned."""
        loop = asyncio.get_running_loop()
        keep_at = loop.time() + self._keep_s
        while True:
            await asyncio.sleep(LEARN_S)
            self.learn()
            try:
                await self.meet_strangers()
                if loop.time() >= keep_at:
                    keep_at = loop.time() + self._keep_s
                    await self.look_again()
                    await self.keep()
            except STORE_AWAY as error:
                self._metrics.count("batteries_store_failures")
                logger.warning("batteries are not kept, PostgreSQL is away: %s", error)

    def _fix_arrived(self, payload: str) -> None:
        self.hear_fix(msgspec.json.decode(payload, type=DeviceFix))

    def _presence_arrived(self, payload: str) -> None:
        self.hear_presence(msgspec.json.decode(payload, type=Presence))

    def _hear(self, device_id: str, said: Said) -> None:
        if device_id not in self._without and not self._waiting.add(device_id, said):
            self._metrics.count("battery_reports_dropped")

    def _take(self, which: Ints, said: list[Said]) -> None:
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

        self._changed.update(which.tolist())
        for row in which.tolist():
            self._standing.pop(row, None)
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
        self._mind_gauges(which)

    def _mind_gauges(self, which: Ints) -> None:
        """A gauge that turns out to be coarser, or finer, than was supposed: learn anew."""
        known = self._estimator
        steps = steps_of(known.shown[which], known.step_pct[which])
        for at in np.flatnonzero(steps != known.step_pct[which]).tolist():
            row = int(which[at])
            prior = self._prior_of(self._devices[row])
            known.begin_anew(row, msgspec.structs.replace(prior, step_pct=float(steps[at])))

    async def meet_strangers(self) -> None:
        """Find out who reported and is not known. Raises what the store raises."""
        strangers = self._waiting.strangers(self._row)
        if not strangers:
            return
        async with self._pool.acquire() as conn:
            found = await store.devices(conn, strangers)
            kept = await store.states(conn, strangers)
        self._meet(found, kept)
        for each in set(strangers) - set(self._row):
            self._without.add(each)
            self._waiting.forget(each)

    async def look_again(self) -> None:
        """The roster may have changed: a device of another model begins anew, one without a battery
        of its own is left out, and who was left out may come in. Raises what the store raises."""
        async with self._pool.acquire() as conn:
            devices = await store.devices(conn)
        self._without.clear()
        for device in devices:
            row = self._row.get(device.id)
            if row is not None and device != self._devices[row]:
                self._change(row, device)

    def _change(self, row: int, device: BatteryDevice) -> None:
        self._standing.pop(row, None)
        if device.kind not in OWN_BATTERY:
            del self._row[device.id]  # if it comes back, it is met with a row of its own
            self._changed.discard(row)
            return
        self._devices[row] = device
        self._estimator.begin_anew(row, self._prior_of(device))
        self._changed.add(row)

    def _meet(self, devices: Sequence[BatteryDevice], kept: Sequence[KeptState]) -> None:
        new = [each for each in devices if each.kind in OWN_BATTERY and each.id not in self._row]
        room = DEVICES_MAX - len(self._devices)
        if len(new) > room:
            self._metrics.count("battery_devices_refused", len(new) - room)
            logger.error("more than %d devices with a battery", DEVICES_MAX)
        for each in new[:room]:
            self._row[each.id] = len(self._devices)
            self._devices.append(each)
        self._warmer_c = np.append(self._warmer_c, np.zeros(len(new[:room])))
        self._estimator.extend([self._prior_of(each) for each in new[:room]])
        for state in kept:
            row = self._row.get(state.device_id)
            if row is not None and self._devices[row].key == state.model:
                self._estimator.restore(row, state.state)

    def _prior_of(self, device: BatteryDevice) -> Prior:
        pool = self._pools.get(device.key) or self._pools.get(device.kind)
        return STARTING_PRIORS[device.kind] if pool is None else pool.prior

    def _kept(self, row: int) -> KeptState:
        device = self._devices[row]
        return KeptState(
            device_id=device.id,
            at=datetime.fromtimestamp(self._estimator.at_s[row], UTC),
            model=device.key,
            state=self._estimator.state(row),
        )
