"""People at work for tests: an officer with the reference client, and a dispatcher."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Protocol

import httpx

from devices.client import DeviceClient
from devices.client_events import CommandArrived, Event
from devices.shell.client import DeviceShell
from devices.shell.storage import SqliteStorage
from protocols.native import Location, Report
from server import demo
from tests.patience import PATIENCE_S

STEPS = [
    Report.SHOWN,
    Report.ACCEPTED,
    Report.EN_ROUTE,
    Report.ON_SCENE,
    Report.FEEDBACK,
    Report.DONE,
]
"""After the receipt, which the client sends by itself."""


class Reachable(Protocol):
    """A server, or what stands before it."""

    @property
    def url(self) -> str: ...


class Handset:
    """The reference client in an officer's hand."""

    def __init__(self, server: Reachable, device: demo.FleetDevice, folder: Path) -> None:
        self.device = device
        self.tasks: asyncio.Queue[str] = asyncio.Queue()
        self.task_count = 0
        client = DeviceClient(
            device_id=device.device_id,
            storage=SqliteStorage(folder / f"{device.device_id}.db"),
            rng=Random(1),
            now=time.monotonic(),
        )
        url = server.url.replace("http", "ws", 1) + "/v1/device"
        self.shell = DeviceShell(client, url, token=device.token, on_event=self._happened)

    def _happened(self, event: Event) -> None:
        if not isinstance(event, CommandArrived) or event.again:
            return
        if event.command.kind == "task":  # on a slow machine the leader is asked beside it
            self.task_count += 1
            self.tasks.put_nowait(event.command.id)

    def report(self, command_id: str, step: Report) -> None:
        details: dict[str, Any] = {"at_ms": now_ms()}
        if step is not Report.SHOWN:
            details["by"] = self.device.badges[0]
        if step is Report.FEEDBACK:
            details["note"] = "road clear"
        self.shell.report(command_id, step, **details)

    def report_position(self, lon: float, lat: float, *, at_ms: int | None = None) -> None:
        at_ms = now_ms() if at_ms is None else at_ms
        self.shell.report_location(Location(n=0, at=at_ms, lon=lon, lat=lat, bat=71))

    @asynccontextmanager
    async def on(self) -> AsyncIterator[None]:
        run = asyncio.create_task(self.shell.run())
        try:
            yield
        finally:
            run.cancel()
            await asyncio.wait({run})


@asynccontextmanager
async def dispatcher(url: str, login: demo.Login) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
        body = {"username": login.username, "password": login.password}
        (await client.post("/api/login", json=body)).raise_for_status()
        yield client


async def order_sent(
    client: httpx.AsyncClient, device: demo.FleetDevice, *, request_id: str = "one"
) -> str:
    """Open an incident at the unit's station and send the unit there; returns the incident's id."""
    lon, lat = device.home
    incident = await posted(
        client,
        "/api/incidents",
        request_id=request_id,
        type="traffic_collision",
        priority="priority",
        note="",
        lon=lon,
        lat=lat,
    )
    path = f"/api/incidents/{incident['id']}"
    ranked = await posted(client, f"{path}/recommendation")
    body = {
        "request_id": f"{request_id}, sent",
        "recommendation_id": ranked["id"],
        "unit_ids": [device.unit_id],
        "reason": "lives there",
    }
    (await client.post(f"{path}/dispatch", json=body)).raise_for_status()
    found: str = incident["id"]
    return found


async def posted(client: httpx.AsyncClient, path: str, **body: object) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def now_ms() -> int:
    return int(time.time() * 1000)
