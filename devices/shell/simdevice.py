"""One simulated device: a battery, a store in memory, and a real connection.

It keeps the limits that it is sent, says so, and falls silent when its battery is empty.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from random import Random, SystemRandom
from typing import Final

import msgspec

from devices.battery.model import SELDOM_FIX_S
from devices.battery.modes import loads_of
from devices.client import DeviceClient
from devices.client_events import Event
from devices.errors import OrderOver
from devices.limits import CAPABILITY
from devices.shell.client import DeviceShell
from devices.shell.fleetfile import FleetDevice
from devices.shell.radio import Radio
from devices.sim.packs import Around, Mode, Pack, Use
from devices.sim.thrift import Thrift
from devices.storage import MemoryStorage
from protocols.native import Command, Limits, Report

LOW_KBPS, HIGH_KBPS = 500.0, 2_000.0
SWAP_BELOW_PCT: Final = 25
"""A camera that comes home lower than this gets another pack. Starting value."""
REBOOT_PCT: Final = 8
"""An empty device comes back when it has been charged to this."""


class SimDevice:
    """One device of a unit: battery, storage, connection."""

    def __init__(
        self,
        device: FleetDevice,
        *,
        url: str,
        radio: Radio,
        pack: Pack | None,
        rng: Random,
        on_event: Callable[[Event], None],
        connect_after_s: float,
    ) -> None:
        now = asyncio.get_running_loop().time()
        self.device = device
        self.pack = pack
        """None: it hangs on its vehicle's supply."""
        self.client = DeviceClient(
            device_id=device.device_id,
            storage=MemoryStorage(),
            rng=SystemRandom(),  # an installation is new every time, whatever the seed
            now=now,
            app="ridgeline-sim",
            caps=(CAPABILITY,),
        )
        self.thrift = Thrift()
        self.mode: Mode = "standby"
        self.doing = "standby"
        """As it says it: with screen and infrared light."""
        self.stream_kbps: float | None = None
        self.charging = False
        self.around = Around(at_home=True)
        self.client.net = "4g"
        self.client.connect_at = now + connect_after_s
        self.shell = DeviceShell(
            self.client, url, token=device.token, on_event=on_event, radio=radio
        )
        self.next_fix_at = now + connect_after_s + rng.random()
        self.fixed_m = 0.0
        """What the unit had driven at the last fix."""
        self._lit = asyncio.Event()
        self._lit.set()

    @property
    def dark(self) -> bool:
        """Its battery is empty."""
        return not self._lit.is_set()

    def apply(self, command: Command) -> None:
        """Keep the limits that came, and say so. Raises StorageFailed, OutboxFull."""
        self.thrift.keep(msgspec.convert(command.body.get("limits", {}), Limits))
        did = self.thrift.limits
        with contextlib.suppress(OrderOver):  # newer ones are here already
            self.shell.report(command.id, Report.APPLIED, at_ms=unix_ms(), did=did)

    def live(self, wanted: Mode, around: Around, *, screen: bool = False) -> None:
        """From now on do so, there; an empty device falls silent, a charged one comes back.

        `wanted`: what its crew would have it do. `screen`: somebody looks at it.
        """
        if around.at_home:
            self.thrift.come_home()
            self._come_home()
        self.around = around
        self.mode = self.thrift.mode(wanted, has_signal=around.has_signal)
        self.doing, self.stream_kbps = self._doing(screen), self._stream_kbps()
        handset = self.device.kind == "handset"
        self.charging = (
            around.at_home
            or (handset and around.driving)
            or self.thrift.charges(driving=around.driving)
        )
        if self.pack is None:
            return
        self.pack.use = Use(
            loads=loads_of(self.doing, self.stream_kbps),
            temp_c=around.temp_c,
            weak=0.0 if around.has_signal else 1.0,
            charging=self.charging,
            seldom=self.thrift.fix_s(0.0) >= SELDOM_FIX_S,
        )
        self.client.battery_pct = self.pack.level_pct
        if self.pack.empty and not self.dark:
            self._lit.clear()
            self.shell.stop("battery empty")
        elif self.dark and self.pack.level_pct >= REBOOT_PCT:
            self.client.start(asyncio.get_running_loop().time())
            self._lit.set()

    def _come_home(self) -> None:
        """A camera that is low gets another pack; what is not, and every handset, a charger."""
        low = self.pack is not None and self.pack.level_pct < SWAP_BELOW_PCT
        if low and self.pack is not None and self.device.kind == "body_camera":
            self.pack.swap()

    def _doing(self, screen: bool) -> str:
        words: list[str] = [self.mode]
        if self.thrift.limits.lights is not False:
            films = self.device.kind == "body_camera" and self.mode != "standby"
            words += ["screen"] * screen + ["ir"] * (films and self.around.dark)
        return "+".join(words)

    def _stream_kbps(self) -> float | None:
        if self.mode != "stream":
            return None
        return LOW_KBPS if self.thrift.limits.stream == "low" else HIGH_KBPS

    async def run(self) -> None:
        """Until refused; through empty batteries."""
        while True:
            await self.shell.run()
            if not self.dark:
                return
            await self._lit.wait()


def unix_ms() -> int:
    return round(time.time() * 1000)
