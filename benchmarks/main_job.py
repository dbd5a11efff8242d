"""The main job, timed from outside: a dispatcher's requests, a device's socket, a console's feed.

A server process over private PostgreSQL (durable commits) and Valkey serves the map of Andorra.
200 units: most are driven by `ridgeline sim` in a process of its own and keep reporting; the
handsets of a few are bare sockets of this process, so that a frame's arrival can be timed.
All share this machine, so the figures hold the simulator's load as well.

open_to_recommendation   both requests: open an incident, get all units ranked with reasons
order_to_frame           from the request that dispatches to the frame in the device's hands
ack_to_console           from the officer's word on the device to the console's feed
close_to_answer          both requests: close a road, get all units ranked for an open emergency
weather_to_answer        another weather is in force: the first ranking for that emergency under it
eta_200_to_1             200 units to one scene over the road graph, snapped beforehand as the
                         server does: the server's engine and SciPy's Dijkstra in turn
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from random import Random

import httpx
import msgspec
import websockets
from websockets.typing import Subprotocol

from benchmarks import _andorra
from benchmarks._report import Options, Row, interleaved_ms, main, say, timing_row
from geo import mapfolder
from geo.errors import NoRouteError
from geo.ground import Ground
from geo.roadmap import RoadMap
from geo.snap import Snap
from protocols import native
from server import demo, migrate
from server.embedded import launcher
from server.stores.pool import open_pool
from tests.console_feed import ConsoleFeed, watching
from tests.server_process import ServerProcess, running

MAP = "andorra"
UNITS = 200
MEASURED = 10
JOBS = 200
ETA_ROUNDS = 400
CLOSURES = 40
WEATHERS = ("rain", "heavy_rain", "snow", "fog=80", "rain,night", "snow,night")
WEATHER_S_MAX = 120.0
STEP_S_MAX = 20.0
START_S_MAX = 120.0


def run(options: Options) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="rl-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as another user and must pass through
        say(options, "Building the map of Andorra")
        map_dir = _andorra.build(folder)
        roadmap = mapfolder.load(map_dir)
        rows = eta_rows(roadmap, options)
        with launcher.run(folder / "data") as stores:
            database_url, redis_url = str(stores.database_url), str(stores.redis_url)
            asyncio.run(migrate.apply(database_url))
            seeded = asyncio.run(_seed(database_url, roadmap, options.seed))
            server = ServerProcess(
                map_dir=map_dir,
                data_dir=folder,
                database_url=database_url,
                redis_url=redis_url,
            )
            with running(server):
                measured = Measurement(server, map_dir, roadmap, seeded, folder, options)
                return asyncio.run(measured.rows()) + rows


def eta_rows(roadmap: RoadMap, options: Options) -> list[Row]:
    """200 to 1 on both engines, the same places in the same rounds."""
    grounds = {"ridgeline": Ground(roadmap), "scipy": Ground(roadmap, engine="scipy")}
    any_ground = grounds["ridgeline"]
    places = _places_on_roads(any_ground, roadmap, options.random(), UNITS + 50)
    units, scenes = places[:UNITS], places[UNITS:]

    def etas_on(ground: Ground, number: int) -> object:
        return ground.etas(units, scenes[number % len(scenes)])

    samples = interleaved_ms(
        {name: partial(etas_on, ground) for name, ground in grounds.items()},
        options.rounds(ETA_ROUNDS),
    )
    rows = [
        msgspec.structs.replace(
            timing_row("eta_200_to_1", name, samples[name], MAP), note=ground.engine_name
        )
        for name, ground in grounds.items()
    ]
    for ground in grounds.values():
        ground.close()
    return rows


def _places_on_roads(ground: Ground, roadmap: RoadMap, chance: Random, count: int) -> list[Snap]:
    points = roadmap.point_lonlat
    found: list[Snap] = []
    while len(found) < count:
        lon, lat = points[chance.randrange(len(points))].tolist()
        try:
            found.append(ground.snap(lon, lat))
        except NoRouteError:
            continue  # a shape point of a road that no car may use
    return found


async def _seed(database_url: str, roadmap: RoadMap, seed: int) -> demo.DemoSeed:
    pool = await open_pool(database_url)
    try:
        return await demo.seed(pool, roadmap, units=UNITS, seed=seed)
    finally:
        await pool.close()


class Measurement:
    """One run of jobs against a serving server."""

    def __init__(
        self,
        server: ServerProcess,
        map_dir: Path,
        roadmap: RoadMap,
        seeded: demo.DemoSeed,
        folder: Path,
        options: Options,
    ) -> None:
        self._server, self._map_dir, self._roadmap = server, map_dir, roadmap
        self._seeded, self._folder, self._options = seeded, folder, options
        self._chance = options.random()
        self._samples: dict[str, list[float]] = {
            "open_to_recommendation": [],
            "order_to_frame": [],
            "ack_to_console": [],
            "close_to_answer": [],
            "weather_to_answer": [],
        }

    async def rows(self) -> list[Row]:
        handsets = [d for d in self._seeded.fleet.devices if d.kind == "handset"][-MEASURED:]
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(self._signed_in())
            stack.enter_context(self._simulator())
            feed = await stack.enter_async_context(watching(self._server.url, client))
            say(self._options, f"Waiting for {UNITS - MEASURED} simulated units")
            await feed.wait_for_positions(UNITS - MEASURED, START_S_MAX)
            devices = [
                await stack.enter_async_context(self._handset(device)) for device in handsets
            ]
            jobs = self._options.rounds(JOBS)
            for number in range(jobs):
                await self._job(client, feed, devices[number % len(devices)], number)
                if number % 20 == 19:
                    say(self._options, f"{number + 1} of {jobs} jobs")
            await self._roads(client)
        return [timing_row(name, "ridgeline", ms, MAP) for name, ms in self._samples.items()]

    async def _job(
        self, client: httpx.AsyncClient, feed: ConsoleFeed, handset: Handset, number: int
    ) -> None:
        places = [place for place in self._roadmap.places if place.population > 0]
        place = self._chance.choice(places or list(self._roadmap.places))
        start = time.perf_counter()
        incident = await self._post(
            client,
            "/api/incidents",
            request_id=f"job-{number}",
            type="traffic_collision",
            priority="priority",
            note="",
            lon=place.lon,
            lat=place.lat,
        )
        path = f"/api/incidents/{incident['id']}"
        ranked = await self._post(client, f"{path}/recommendation")
        self._took("open_to_recommendation", start)

        start = time.perf_counter()
        await self._post(
            client,
            f"{path}/dispatch",
            request_id=f"order-{number}",
            recommendation_id=ranked["id"],
            unit_ids=[handset.device.unit_id],
            reason="measured",
        )
        command_id, arrived_at = await handset.next_task()
        self._samples["order_to_frame"].append((arrived_at - start) * 1000)

        start = time.perf_counter()
        await handset.report(command_id, native.Report.ACCEPTED)
        seen_at = await feed.wait_for_order(incident["id"], "accepted")
        self._samples["ack_to_console"].append((seen_at - start) * 1000)

        await handset.report(command_id, native.Report.DONE)
        await feed.wait_for_order(incident["id"], "done")

    async def _roads(self, client: httpx.AsyncClient) -> None:
        """Close roads and change the weather under an emergency."""
        place = self._chance.choice(self._roadmap.places)
        emergency = {"type": "traffic_collision", "priority": "emergency", "note": ""}
        incident = await self._post(
            client,
            "/api/incidents",
            request_id="emergency",
            lon=place.lon,
            lat=place.lat,
            **emergency,
        )
        rank = partial(self._post, client, f"/api/incidents/{incident['id']}/recommendation")
        await rank()
        for number in range(self._options.rounds(CLOSURES)):
            start = time.perf_counter()
            closed = await self._close(client, number)
            await rank()
            self._took("close_to_answer", start)
            await self._post(client, f"/api/roads/state/{closed['id']}/end", reason="measured")
        for number, condition in enumerate(WEATHERS[: self._options.rounds(len(WEATHERS))]):
            await self._set_weather(client, condition, number)
            start = time.perf_counter()
            await rank()
            self._took("weather_to_answer", start)

    async def _close(self, client: httpx.AsyncClient, number: int) -> dict[str, str]:
        """A road at random."""
        edge = self._chance.randrange(self._roadmap.edge_count)
        lon, lat = self._roadmap.shape(edge).mean(axis=0).tolist()
        return await self._post(
            client,
            "/api/roads/state",
            request_id=f"closure-{number}",
            state="closed",
            extent={"kind": "edges", "edges": [{"edge": edge, "lon": lon, "lat": lat}]},
            map_id=self._roadmap.meta.map_id,
            reason="measured",
        )

    async def _set_weather(self, client: httpx.AsyncClient, condition: str, number: int) -> None:
        """Return when it holds; one weather of the county at a time."""
        name = f"weather-{number}"
        wanted = {"condition": condition, "reason": "measured"}
        await self._post(client, "/api/conditions", request_id=name, **wanted)
        deadline = time.perf_counter() + WEATHER_S_MAX
        while time.perf_counter() < deadline:
            found = (await client.get("/api/conditions")).json()
            statuses = {each["condition"]: each["status"] for each in found}
            if statuses.get(condition) == "in_force":
                return
            await asyncio.sleep(0.05)
        raise RuntimeError(f"{condition} is not in force after {WEATHER_S_MAX} s: {statuses}")

    def _took(self, metric: str, start: float) -> None:
        self._samples[metric].append((time.perf_counter() - start) * 1000)

    @staticmethod
    async def _post(client: httpx.AsyncClient, path: str, **body: object) -> dict[str, str]:
        answer = await client.post(path, json=body)
        if answer.is_error:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
        found: dict[str, str] | list[dict[str, str]] = answer.json()
        return found if isinstance(found, dict) else found[0]

    @asynccontextmanager
    async def _signed_in(self) -> AsyncIterator[httpx.AsyncClient]:
        login = self._seeded.fleet.dispatcher
        async with httpx.AsyncClient(base_url=self._server.url, timeout=STEP_S_MAX) as client:
            body = {"username": login.username, "password": login.password}
            (await client.post("/api/login", json=body)).raise_for_status()
            yield client

    @contextmanager
    def _simulator(self) -> Iterator[None]:
        """The other units, driving and reporting; only they are in its fleet file."""
        theirs = [
            device
            for device in self._seeded.fleet.devices[: -2 * MEASURED]
            if device.kind in ("handset", "body_camera")
        ]
        fleet_file = self._folder / "fleet.json"
        demo.write_fleet(msgspec.structs.replace(self._seeded.fleet, devices=theirs), fleet_file)
        with (self._folder / "sim.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "server.cli", "sim", "--no-autopilot"),
                    *("--url", self._server.url, "--fleet", str(fleet_file)),
                    *("--map", str(self._map_dir), "--seed", str(self._options.seed)),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"COLUMNS": "200"},
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait(STEP_S_MAX)

    @asynccontextmanager
    async def _handset(self, device: demo.FleetDevice) -> AsyncIterator[Handset]:
        async with websockets.connect(
            self._server.url.replace("http", "ws") + "/v1/device",
            subprotocols=[Subprotocol(native.SUBPROTOCOL)],
            additional_headers={"authorization": f"Bearer {device.token}"},
        ) as socket:
            handset = Handset(device, socket)
            await handset.greet()
            yield handset


class Handset:
    """The least that can be a device: one socket, no storage."""

    def __init__(self, device: demo.FleetDevice, socket: websockets.ClientConnection) -> None:
        self.device = device
        self._socket = socket
        self._last_n = 0

    async def greet(self) -> None:
        await self._send(native.Hello(dev=self.device.device_id, inst="bench"))
        welcome = await self._receive()
        if not isinstance(welcome, native.Welcome):
            raise RuntimeError(f"expected a welcome, got {welcome}")
        self._last_n = welcome.up

    async def next_task(self) -> tuple[str, float]:
        """The id of the next task and the moment its frame was here."""
        while True:
            message = await self._receive()
            arrived_at = time.perf_counter()
            if isinstance(message, native.Command) and message.kind == "task":
                return message.id, arrived_at

    async def report(self, command_id: str, step: native.Report) -> None:
        self._last_n += 1
        now_ms = int(time.time() * 1000)
        badge = self.device.badges[0]
        await self._send(native.State(n=self._last_n, id=command_id, s=step, at=now_ms, by=badge))

    async def _send(self, message: native.ClientMessage) -> None:
        await self._socket.send(native.encode(message).decode())

    async def _receive(self) -> native.ServerMessage:
        async with asyncio.timeout(STEP_S_MAX):
            return native.decode_server(await self._socket.recv())


if __name__ == "__main__":
    main("main_job", run, __doc__)
