"""Cameras that each say once a second where they are, over sockets of their own, until stopped.

python -m benchmarks._console_devices --server URL --fleet FILE
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import time
from pathlib import Path
from typing import Final
from uuid import uuid4

import websockets
from websockets.typing import Subprotocol

from protocols import native
from server import demo

EVERY_S: Final = 1.0
STEP_DEG: Final = 1.3e-4
"""In a second: some 14 m northwards."""
SPREAD_DEG: Final = 0.05
TURN_DEG_MAX: Final = 12.0
OPEN_S_MAX: Final = 60.0


async def report(url: str, device: demo.FleetDevice, chance: random.Random) -> None:
    """Begin somewhere around home, and drive about."""
    lon, lat = (at + chance.uniform(-SPREAD_DEG, SPREAD_DEG) for at in device.home)
    heading = chance.uniform(0.0, 360.0)
    await asyncio.sleep(chance.uniform(0.0, EVERY_S))
    async with websockets.connect(
        url.replace("http", "ws", 1) + "/v1/device",
        subprotocols=[Subprotocol(native.SUBPROTOCOL)],
        additional_headers={"authorization": f"Bearer {device.token}"},
        open_timeout=OPEN_S_MAX,
        compression=None,
    ) as socket:
        await socket.send(
            native.encode(native.Hello(dev=device.device_id, inst=uuid4().hex)).decode()
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(_listen(socket))
            for number in range(1, 1_000_000):
                heading = (heading + chance.uniform(-TURN_DEG_MAX, TURN_DEG_MAX)) % 360.0
                lon += STEP_DEG * math.sin(math.radians(heading))
                lat += STEP_DEG * math.cos(math.radians(heading))
                fix = native.Location(
                    n=number,
                    at=int(time.time() * 1000),
                    lon=lon,
                    lat=lat,
                    bat=80,
                    spd=14.0,
                    hdg=heading,
                )
                await socket.send(native.encode(fix).decode())
                await asyncio.sleep(EVERY_S)


async def _listen(socket: websockets.ClientConnection) -> None:
    async for _ in socket:
        pass


async def run(url: str, fleet: demo.Fleet) -> None:
    cameras = [each for each in fleet.devices if each.kind == "body_camera"]
    async with asyncio.TaskGroup() as group:
        for number, device in enumerate(cameras):
            group.create_task(report(url, device, random.Random(number)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks._console_devices", description=__doc__)
    parser.add_argument("--server", required=True)
    parser.add_argument("--fleet", required=True, type=Path)
    parsed = parser.parse_args()
    asyncio.run(run(parsed.server, demo.read_fleet(parsed.fleet)))


if __name__ == "__main__":
    main()
