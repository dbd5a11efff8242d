"""The clocks of a simulated fleet; nobody answers it."""

from __future__ import annotations

import asyncio

import numpy as np

from devices.shell.fleet import Fleet
from devices.shell.fleetfile import FleetDevice
from devices.sim.deadzones import DeadZones
from devices.sim.packs import Kind
from devices.sim.roads import Roads
from geo.roadmap import RoadMap


def a_device(kind: Kind) -> FleetDevice:
    return FleetDevice(device_id=kind, token="t", kind=kind, unit_id="u1")


def after_a_minute(roads: Roads, speed: float) -> Fleet:
    fleet = Fleet(
        [[a_device("handset"), a_device("body_camera")]],
        url="ws://127.0.0.1:9/",
        roads=roads,
        dead_zones=DeadZones([]),
        seed=1,
        speed=speed,
        fix_interval_s=20.0,
        language="en",
    )
    now = asyncio.get_running_loop().time()
    for second in range(60):
        fleet.live(1.0, now + second)
    return fleet


async def test_a_quick_fleet_drives_faster_and_its_batteries_live_by_the_clock(
    small_map: RoadMap,
) -> None:
    roads = Roads(small_map, engine="scipy")

    slow, quick = after_a_minute(roads, 1.0), after_a_minute(roads, 20.0)

    assert (slow.sim_now_s, quick.sim_now_s) == (60.0, 1200.0)
    np.testing.assert_allclose(slow.packs.cells.charge_pct, quick.packs.cells.charge_pct)
