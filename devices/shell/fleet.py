"""A simulated fleet: for each unit a crew that drives and answers, a handset and a body camera.

Every device is a real WebSocket connection through the reference client. Movement and people live
in simulated time, `speed` seconds per real second; the times that devices report are real, so at a
speed above 1 the fleet looks faster than its roads allow, and only then. Batteries drain and charge
in real time: they are told against clocks and shifts, which are real. Devices keep the limits that
they are sent; a crew follows the advice that it says yes to.

In a dead zone the radio of both devices falls silent: nothing is closed, nothing is told.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import cos, hypot, radians
from random import Random
from typing import Any, Final

from devices.client_events import (
    CommandArrived,
    CommandMissed,
    Connected,
    Disconnected,
    Event,
    OrderEnded,
    Stopped,
    StoreTrouble,
    Unrecovered,
)
from devices.errors import DeviceError
from devices.inbox import LIMITS
from devices.link import Phase
from devices.shell.fleetfile import FleetDevice
from devices.shell.radio import Radio
from devices.shell.simdevice import SimDevice, unix_ms
from devices.sim.climate import INDOORS_C, is_dark, outdoors_c
from devices.sim.deadzones import DeadZones
from devices.sim.movement import METRES_PER_DEGREE
from devices.sim.officers import Priority
from devices.sim.packs import Around, Packs
from devices.sim.roads import Roads
from devices.sim.thrift import GOOD_SIGNAL_DBM
from devices.sim.unit import Activity, Job, Said, SimUnit
from geo.errors import GeoError
from protocols.native import CloseCode, Command, Location, Report

TICK_S: Final = 0.5
"""Real seconds between two steps of the simulation; fewer at high speed (`STEP_S_MAX`)."""
STEP_S_MAX: Final = 5.0
"""Simulated seconds in one step: a fast car goes some 120 m."""
CATCH_UP_S_MAX: Final = 5.0
"""Real seconds lived in one step at most: after a pause of the machine time is lost, not leapt."""
RAMP_S: Final = 3.0
"""Real seconds over which the fleet connects, so that it does not begin with a storm."""
FIX_M_MAX: Final = 150.0
"""A device reports after so many metres even if its time has not come: at a high `speed` the
server would take longer jumps for a receiver's errors."""
STILL_FACTOR: Final = 4.0
"""A unit that stands reports its place so much more seldom."""
CAMERA_FACTOR: Final = 2.0
"""A body camera reports so much more seldom than a handset."""
BEGINS_H: Final = 9.0
"""Of the simulated day."""
WEAK_SIGNAL_DBM: Final = -118
GPS_SIGMA_M: Final = 4.0


@dataclass(slots=True, kw_only=True)
class FleetTally:
    """What the status line shows."""

    received: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    """Steps of orders reported, by name."""
    refused: list[str] = field(default_factory=list)
    """Devices whose token the server did not accept, with its words."""
    replaced: int = 0
    unrecovered: int = 0
    fixes: int = 0
    metres: float = 0.0


class FleetUnit:
    """A simulated unit with its devices."""

    def __init__(
        self,
        devices: Sequence[FleetDevice],
        *,
        fleet: Fleet,
        unit: SimUnit,
        rng: Random,
    ) -> None:
        self._fleet, self._rng = fleet, rng
        self.sim = unit
        self.radio = Radio()
        self.badge = next((badge for each in devices for badge in each.badges), "")
        self.devices = [
            SimDevice(
                each,
                url=fleet.url,
                radio=self.radio,
                pack=fleet.packs.of(each.device_id),
                rng=rng,
                on_event=self._handler(each),
                connect_after_s=rng.uniform(0.0, RAMP_S),
            )
            for each in devices
        ]
        self._advices: dict[str, Command] = {}
        """That the crew has not answered; no more than a device's inbox holds."""
        self.handset = next(
            (each for each in self.devices if each.device.kind == "handset"), self.devices[0]
        )
        """Shows the orders; where a person has the handset, another device knows of them."""

    def live(self, sim_now_s: float, now: float) -> None:
        """One step: the crew, the signal, what devices do from now on, the fixes."""
        before_m = self.sim.metres
        for said in self.sim.step(sim_now_s):
            self._report(said)
        self._fleet.tally.metres += self.sim.metres - before_m
        place, zones = self.sim.place, self._fleet.dead_zones
        if zones.covers(place.lon, place.lat):
            self.radio.lose()
        else:
            self.radio.regain()
        around = self._around(sim_now_s)
        for each in self.devices:
            if each.device.kind == "body_camera":
                each.live(self.sim.camera_mode, around)
            else:
                each.live("standby", around, screen=self.sim.reads)
            due = now >= each.next_fix_at or self.sim.metres - each.fixed_m >= FIX_M_MAX
            if due and not each.dark:
                self._fix(each, now)

    def _around(self, sim_now_s: float) -> Around:
        """The simulation begins in the morning; whoever is at a scene is outdoors."""
        place, hour = self.sim.place, (BEGINS_H + sim_now_s / 3600.0) % 24.0
        outdoors = self.sim.activity in (Activity.ARRIVED, Activity.ON_SCENE)
        height_m = self._fleet.roads.height_m(place) if outdoors else 0.0
        return Around(
            at_home=self.sim.at_home,
            driving=self.sim.moving,
            temp_c=outdoors_c(height_m, hour) if outdoors else INDOORS_C,
            has_signal=not self._fleet.dead_zones.weakens(place.lon, place.lat),
            dark=outdoors and is_dark(hour),
        )

    def _fix(self, each: SimDevice, now: float) -> None:
        place, rng = self.sim.place, self._rng
        every_s = self._fleet.fix_interval_s
        camera = each.device.kind == "body_camera"
        every_s *= CAMERA_FACTOR if camera else 1.0
        every_s *= 1.0 if self.sim.moving else STILL_FACTOR
        each.next_fix_at = now + each.thrift.fix_s(every_s) * rng.uniform(0.9, 1.1)
        each.fixed_m = self.sim.metres
        north_m, east_m = rng.gauss(0.0, GPS_SIGMA_M), rng.gauss(0.0, GPS_SIGMA_M)
        heading = self.sim.heading_deg
        each.shell.report_location(
            Location(
                n=0,
                at=unix_ms(),
                lat=round(place.lat + north_m / METRES_PER_DEGREE, 6),
                lon=round(place.lon + east_m / METRES_PER_DEGREE / cos(radians(place.lat)), 6),
                acc=round(max(3.0, hypot(north_m, east_m)), 1),
                spd=round(self.sim.speed_mps, 1),
                hdg=None if heading is None else round(heading, 1) % 360.0,
                bat=None if each.pack is None else each.pack.reading_pct(),
                chg=each.charging and each.pack is not None,
                mode=each.doing,
                tmp=round(each.around.temp_c, 1) if camera and each.pack is not None else None,
                rsrp=GOOD_SIGNAL_DBM if each.around.has_signal else WEAK_SIGNAL_DBM,
                kbps=each.stream_kbps,
            )
        )
        self._fleet.tally.fixes += 1

    def call_for_help(self) -> str:
        """An officer presses SOS on the body camera; the name of the call. Raises DeviceError."""
        camera = next((e for e in self.devices if e.device.kind == "body_camera"), self.handset)
        place = self.sim.place
        return camera.shell.call_for_help(
            at_ms=unix_ms(), by=self.badge, lon=round(place.lon, 6), lat=round(place.lat, 6)
        )

    def _report(self, said: Said) -> None:
        place = self.sim.place
        try:
            self.handset.shell.report(
                said.command_id,
                said.step,
                at_ms=unix_ms(),
                by=self.badge,
                reason=said.reason,
                note=said.note,
                lon=round(place.lon, 6),
                lat=round(place.lat, 6),
            )
        except DeviceError:
            self.sim.cancel(said.command_id, self._fleet.sim_now_s)  # it ended while he spoke
        else:
            self._fleet.tally.steps[said.step.value] += 1
            if said.step is Report.ACCEPTED:
                self._follow(self._advices.pop(said.command_id, None))

    def _arrived(self, command: Command) -> None:
        """An order, or something about one that a person answers."""
        now_s = self._fleet.sim_now_s
        if command.kind == "task":
            self._fleet.tally.received += 1
            self.sim.order(_job(command, self.sim), now_s)
        else:
            if command.kind == "advice":
                self._advices[command.id] = command
            self.sim.ask(command.id, now_s)

    def _follow(self, advice: Command | None) -> None:
        """The crew does for a battery what it said yes to."""
        body = {} if advice is None else advice.body
        for each in self.devices:
            if each.device.device_id == body.get("device"):
                each.thrift.follow(str(body.get("why", "")))

    def _apply(self, device: FleetDevice, command: Command) -> None:
        for each in self.devices:
            if each.device is device:
                each.apply(command)

    def _handler(self, device: FleetDevice) -> Callable[[Event], None]:
        def handle(event: Event) -> None:
            tally = self._fleet.tally
            match event:
                case CommandArrived(command=command) if command.kind == LIMITS:
                    self._apply(device, command)
                case CommandArrived(command=command) if device is self.handset.device:
                    self._arrived(command)
                case OrderEnded(command=command) | CommandMissed(command=command) if (
                    device is self.handset.device
                ):
                    self._advices.pop(command.id, None)
                    self.sim.cancel(command.id, self._fleet.sim_now_s)
                case Disconnected(code=CloseCode.REPLACED):
                    tally.replaced += 1
                case Stopped(code=code, reason=reason) if code is not None:
                    tally.refused.append(f"{device.device_id}: {reason}")
                case Unrecovered():
                    tally.unrecovered += 1
                case Connected() | StoreTrouble() | _:
                    pass

        return handle


class Fleet:
    """All units, and the clock they live by."""

    def __init__(
        self,
        units: Sequence[Sequence[FleetDevice]],
        *,
        url: str,
        roads: Roads,
        dead_zones: DeadZones,
        seed: int,
        speed: float,
        fix_interval_s: float,
        language: str,
    ) -> None:
        """`url`: of the device door. `units`: the devices of each unit. Needs a running loop."""
        self.url, self.dead_zones = url, dead_zones
        self.speed, self.fix_interval_s = speed, fix_interval_s
        self.sim_now_s = 0.0
        self.tally = FleetTally()
        self.roads = roads
        self.packs = Packs(
            ((each.device_id, each.kind, each.model) for devices in units for each in devices),
            seed,
        )
        self.units: list[FleetUnit] = []
        for devices in units:
            rng = Random(f"{seed}-{devices[0].call_sign or devices[0].unit_id}")
            unit = SimUnit(
                roads=roads,
                home=_home(devices, roads, rng),
                rng=rng,
                on_foot=devices[0].unit_kind == "foot",
                mute=all(each.kind != "handset" for each in devices),
                language=language,
            )
            self.units.append(FleetUnit(devices, fleet=self, unit=unit, rng=rng))

    async def run(self) -> None:
        """Until cancelled, or until the server refuses every device."""
        async with asyncio.TaskGroup() as group:
            clock = group.create_task(self._tick(), name="fleet-clock")
            runs = [
                group.create_task(each.run(), name=each.device.device_id)
                for unit in self.units
                for each in unit.devices
            ]
            await asyncio.wait(runs)
            clock.cancel()

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time()
        while True:
            await asyncio.sleep(min(TICK_S, STEP_S_MAX / self.speed))
            now = loop.time()
            self.live(min(now - before, CATCH_UP_S_MAX), now)
            before = now

    def live(self, seconds: float, now: float) -> None:
        """Let so many real seconds pass for all; `now` is the loop's."""
        self.sim_now_s += seconds * self.speed
        self.packs.live(seconds)
        for unit in self.units:
            unit.live(self.sim_now_s, now)

    # -- what the status line shows ----------------------------------------------------------

    @property
    def device_count(self) -> int:
        return sum(len(unit.devices) for unit in self.units)

    @property
    def connected_count(self) -> int:
        return sum(
            each.client.phase is Phase.LIVE and unit.radio.has_signal
            for unit in self.units
            for each in unit.devices
        )

    @property
    def silent_count(self) -> int:
        """Units in a dead zone."""
        return sum(not unit.radio.has_signal for unit in self.units)

    def answering_unit_ids(self) -> frozenset[str]:
        """Units whose handset is simulated too."""
        return frozenset(
            unit.devices[0].device.unit_id
            for unit in self.units
            if unit.handset.device.kind == "handset"
        )

    def activities(self) -> Counter[Activity]:
        return Counter(unit.sim.activity for unit in self.units)


def _home(devices: Sequence[FleetDevice], roads: Roads, rng: Random) -> Any:
    for device in devices:
        if device.home is not None:
            try:
                return roads.snap(*device.home)
            except GeoError:
                break  # a home off the map or off the roads: anywhere will do
    return roads.random_edge_place(rng)


def _job(command: Command, unit: SimUnit) -> Job:
    """An order as the handset reads it; a body without a place means: here."""
    incident = command.body.get("incident")
    incident = incident if isinstance(incident, dict) else {}
    priority: Priority = command.pri
    place = unit.place
    return Job(
        command_id=command.id,
        order_id=str(command.body.get("order", "")),
        lon=float(incident.get("lon", place.lon)),
        lat=float(incident.get("lat", place.lat)),
        type=str(incident.get("type", "")),
        priority=priority,
    )
