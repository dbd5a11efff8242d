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

from devices.client import DeviceClient
from devices.client_events import Event
from devices.errors import OrderOver
from devices.limits import CAPABILITY
from devices.shell.client import DeviceShell
from devices.shell.fleetfile import FleetDevice
from devices.shell.radio import Radio
from devices.sim.battery import Mode, Pack
from devices.sim.thrift import Thrift
from devices.storage import MemoryStorage
from protocols.native import Command, Limits, Report

REBOOT_PCT: Final = 5
"""An empty device comes back when it has been charged to this."""


class SimDevice:
    """One device of a unit: battery, storage, connection."""

    def __init__(
        self,
        device: FleetDevice,
        *,
        url: str,
        radio: Radio,
        rng: Random,
        on_event: Callable[[Event], None],
        connect_after_s: float,
    ) -> None:
        now = asyncio.get_running_loop().time()
        self.device = device
        self.pack = Pack.of(device.kind, rng)
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
        self.charging = False
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

    def live(
        self, seconds: float, wanted: Mode, *, at_home: bool, driving: bool, weak_signal: bool
    ) -> None:
        """Let simulated seconds pass for the battery; an empty device falls silent.

        `wanted`: what its crew would have it do. `driving`: in a vehicle that could charge it.
        """
        if at_home:
            self.thrift.come_home()
        self.mode = self.thrift.mode(wanted, has_signal=not weak_signal)
        handset = self.device.kind == "handset"
        self.charging = at_home or (handset and driving) or self.thrift.charges(driving=driving)
        if self.pack is None:
            return
        self.pack.step(seconds, self.mode, charging=self.charging, weak_signal=weak_signal)
        self.client.battery_pct = self.pack.level_pct
        if self.pack.empty and not self.dark:
            self._lit.clear()
            self.shell.stop("battery empty")
        elif self.dark and self.pack.level_pct >= REBOOT_PCT:
            self.client.start(asyncio.get_running_loop().time())
            self._lit.set()

    async def run(self) -> None:
        """Until refused; through empty batteries."""
        while True:
            await self.shell.run()
            if not self.dark:
                return
            await self._lit.wait()


def unix_ms() -> int:
    return round(time.time() * 1000)
