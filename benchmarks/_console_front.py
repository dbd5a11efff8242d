"""A front before a house, with as many units as wanted at its consoles' door.

    python -m benchmarks._console_front --house URL --map FOLDER --front PORT:UNITS …

Everything but `/v1/console` is the house's own: pages, tiles, sign-in. There, a console gets what
the product's hub would send of so many units that each report once a second: a snapshot, then a
delta every quarter of a second with those that reported in it, encoded from the product's own
views. Two processors cannot take in thousands of reports a second and draw them as well; this
leaves a browser what it would have if the server were elsewhere, as it is.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from devices.sim.force import draw_kind
from geo import mapfolder
from server.gateways.console import PATH, SUBPROTOCOL
from server.gateways.hub import HubLimits
from server.roadviews import RoadsView
from server.stanceviews import StanceView
from server.views import (
    Delta,
    DeviceKind,
    DeviceView,
    OfficerView,
    PositionView,
    Snapshot,
    UnitStatus,
    UnitView,
)

TICK_S: Final = HubLimits().tick_s
REPORTS_PER_S: Final = 1.0
SPEED_MPS: Final = 14.0
METRES_PER_DEGREE: Final = 111_320.0
TURN_DEG_MAX: Final = 12.0
"""In a second."""
HOP: Final = {"connection", "content-length", "transfer-encoding", "upgrade"}
SEED: Final = 20_260_101
STATUSES: Final = ("available", "available", "available", "assigned", "en_route", "on_scene")


DEVICES: Final[tuple[tuple[str, DeviceKind, str], ...]] = (
    ("cam", "body_camera", "BC-4G"),
    ("hs", "handset", "H1"),
)


class Fleet:
    """Units that drive about, from places on the roads."""

    def __init__(self, count: int, places: Sequence[tuple[float, float]]) -> None:
        chance = random.Random(SEED)
        self._chance = chance
        self._at = [places[chance.randrange(len(places))] for _ in range(count)]
        self._heading = [chance.uniform(0.0, 360.0) for _ in range(count)]
        self._who = [_unit(number, chance) for number in range(1, count + 1)]
        self._due = 0

    def snapshot(self) -> str:
        now = datetime.now(UTC)
        units = [self._seen(number, now) for number in range(len(self._who))]
        roads = RoadsView(version=0, county="dry", states=[], conditions=[])
        return _text(
            Snapshot(
                epoch="front", seq=0, now=now, units=units, incidents=[], roads=roads, sos=[],
                work=[], work_open=0, stance=StanceView(), run_cards=1,
            )
        )  # fmt: skip

    def delta(self, seq: int) -> str:
        """Those whose turn it was in a tick: each has one a second."""
        now = datetime.now(UTC)
        count = len(self._who)
        until = round(seq * TICK_S * REPORTS_PER_S * count)
        some = [number % count for number in range(self._due, until)] if count else []
        self._due = until
        for number in some:
            self._drive(number)
        units = [self._seen(number, now) for number in some]
        return _text(
            Delta(
                seq=seq, now=now, units=units, incidents=[], gone_units=[], roads=None, sos=None,
                work=[], work_open=None, stance=None, run_cards=None,
            )
        )  # fmt: skip

    def _drive(self, number: int) -> None:
        lon, lat = self._at[number]
        turn = self._chance.uniform(-TURN_DEG_MAX, TURN_DEG_MAX)
        heading = self._heading[number] = (self._heading[number] + turn) % 360.0
        step = SPEED_MPS / REPORTS_PER_S / METRES_PER_DEGREE
        east, north = math.sin(math.radians(heading)), math.cos(math.radians(heading))
        self._at[number] = (lon + east * step / math.cos(math.radians(lat)), lat + north * step)

    def _seen(self, number: int, now: datetime) -> UnitView:
        lon, lat = self._at[number]
        position = PositionView(
            device_id=f"cam-{number + 1:04d}", lon=lon, lat=lat,
            observed_at=now - timedelta(milliseconds=300), received_at=now, accuracy_m=6.0,
            speed_mps=SPEED_MPS, heading_deg=round(self._heading[number], 1),
        )  # fmt: skip
        return msgspec.structs.replace(self._who[number], position=position)


def _unit(number: int, chance: random.Random) -> UnitView:
    kind, call_sign = draw_kind(number, chance)
    badges = [f"B-{1000 + 10 * number + seat}" for seat in range(2)]
    officers = [OfficerView(badge=badge, name=f"Officer {badge}") for badge in badges]
    now = datetime.now(UTC)
    devices = [
        DeviceView(
            id=f"{prefix}-{number:04d}", kind=device_kind, model=model, online=True,
            last_seen_at=now, battery_pct=chance.randrange(8, 100), battery_at=now,
            charging=False, mode="", shows_orders=device_kind == "handset",
        )
        for prefix, device_kind, model in DEVICES
    ]  # fmt: skip
    return UnitView(
        id=f"u-{number:05d}", call_sign=call_sign, kind=kind, station="Station 1",
        status=UnitStatus(chance.choice(STATUSES)), order_id=None, incident_id=None,
        officers=officers, leader=None, position=None, devices=devices, on_duty_since=now,
    )  # fmt: skip


def _text(message: Snapshot | Delta) -> str:
    return msgspec.json.encode(message).decode()


def front(house: str, count: int, places: Sequence[tuple[float, float]]) -> Starlette:
    """`count`: units at the consoles' door."""
    client = httpx.AsyncClient(base_url=house, timeout=60.0)

    async def pass_on(request: Request) -> Response:
        headers = [pair for pair in request.headers.raw if pair[0].decode() not in HOP]
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        async with client.stream(
            request.method, path, headers=headers, content=await request.body()
        ) as found:
            body = b"".join([chunk async for chunk in found.aiter_raw()])
        answer = Response(body, found.status_code)
        for name, value in found.headers.multi_items():
            if name not in HOP and name != "date" and name != "server":
                answer.headers.append(name, value)
        return answer

    async def console(socket: WebSocket) -> None:
        await socket.accept(subprotocol=SUBPROTOCOL)
        fleet = Fleet(count, places)
        began = asyncio.get_running_loop().time()
        try:
            await socket.send_text(fleet.snapshot())
            for seq in range(1, 1_000_000):
                due_s = began + seq * TICK_S
                await asyncio.sleep(due_s - asyncio.get_running_loop().time())
                await socket.send_text(fleet.delta(seq))
        except WebSocketDisconnect:
            return

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(
        routes=[
            WebSocketRoute(PATH, console),
            Route("/{path:path}", pass_on, methods=methods),
        ]
    )


def places_of(map_dir: Path) -> list[tuple[float, float]]:
    """Points of the map's roads, lon and lat."""
    points: Iterator[tuple[float, float]] = map(
        tuple, mapfolder.load(map_dir).point_lonlat.tolist()
    )
    return list(points)


async def serve(house: str, map_dir: Path, fronts: Sequence[tuple[int, int]]) -> None:
    places = places_of(map_dir)
    servers = [
        uvicorn.Server(
            uvicorn.Config(
                front(house, units, places), port=port, ws="websockets-sansio", lifespan="off",
                log_config=None,
            )
        )
        for port, units in fronts
    ]  # fmt: skip
    await asyncio.gather(*(server.serve() for server in servers))


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks._console_front", description=__doc__)
    parser.add_argument("--house", required=True)
    parser.add_argument("--map", required=True, type=Path)
    parser.add_argument("--front", action="append", required=True, metavar="PORT:UNITS")
    parsed = parser.parse_args()
    fronts = [tuple(map(int, each.split(":"))) for each in parsed.front]
    asyncio.run(serve(parsed.house, parsed.map, [(port, units) for port, units in fronts]))


if __name__ == "__main__":
    main()
