"""The loop closed: a camera runs low on a job, one key, the device obeys, what it brought is kept.

A whole server, a simulated camera and an officer's handset with the reference client, and a
dispatcher over HTTP. The hour that a drain takes to be seen is the clock's, which the test moves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import numpy as np
import pytest

from devices.battery.model import charge_of
from devices.client import DeviceClient
from devices.client_events import CommandArrived, Event
from devices.shell.client import DeviceShell
from devices.shell.fleetfile import FleetDevice
from devices.shell.radio import Radio
from devices.shell.simdevice import SimDevice
from devices.sim.packs import Around, Packs
from devices.storage import MemoryStorage
from protocols.native import Location, Report
from server import bootstrap
from server.stores.pool import Pool
from tests.field_people import posted
from tests.patience import PATIENCE_S
from tests.server.field_rows import add_device, add_unit
from tests.small_county import crossing
from tests.whole_server import WholeServer, whole_server

CAMERA, HANDSET, BADGE, TOKEN = "cam-07", "hs-07", "B-07", "secret"
LON, LAT = crossing(3, 2)


@dataclass
class MovingClock:
    """The wall clock, some time ahead."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def ms(self) -> int:
        return int(self().timestamp() * 1000)


@dataclass
class Field:
    """A unit at its scene: a camera that streams, and an officer who answers what he is asked."""

    camera: SimDevice
    packs: Packs
    handset: DeviceShell
    clock: MovingClock
    advices: list[str]

    def report(self) -> None:
        """One fix of the camera, with what it does."""
        pack = self.camera.pack
        assert pack is not None
        self.camera.shell.report_location(
            Location(
                n=0, at=self.clock.ms(), lon=LON, lat=LAT, acc=5, bat=pack.level_pct,
                mode=self.camera.doing, tmp=20.0,
            )
        )  # fmt: skip

    def live(self, minutes: int) -> None:
        """A fix a minute, while the battery drains as it truly does."""
        for _ in range(minutes):
            self.clock.ahead += timedelta(minutes=1)
            self.packs.live(60.0)
            self.camera.live("stream", Around(temp_c=20.0))
            self.report()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MovingClock:
    moving = MovingClock()
    monkeypatch.setattr(bootstrap, "utc_now", moving)
    return moving


@pytest.fixture
async def server(
    clock: MovingClock,
    small_map_dir: Path,
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    pool: Pool,
) -> AsyncIterator[WholeServer]:
    unit_id = await add_unit(pool, "P-07", badge=BADGE)
    await add_device(pool, CAMERA, unit_id=unit_id, token=TOKEN)
    await add_device(pool, HANDSET, kind="handset", unit_id=unit_id, token=TOKEN)
    async with whole_server(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    ) as server:
        yield server


@asynccontextmanager
async def a_field(server: WholeServer, clock: MovingClock) -> AsyncIterator[Field]:
    url = server.url.replace("http", "ws", 1) + "/v1/device"
    (unit,) = server.services.board.units()
    packs = Packs([(CAMERA, "body_camera", "BC-2")], seed=7)
    packs.cells.charge_pct[:] = charge_of(np.array([22.5]))
    packs.look()
    camera = SimDevice(
        FleetDevice(device_id=CAMERA, token=TOKEN, kind="body_camera", unit_id=unit.id),
        url=url,
        radio=Radio(),
        pack=packs.of(CAMERA),
        rng=Random(7),
        on_event=lambda event: obeys(event),
        connect_after_s=0.0,
    )
    handset = DeviceClient(
        device_id=HANDSET, storage=MemoryStorage(), rng=Random(1), now=time.monotonic()
    )
    advices: list[str] = []

    def obeys(event: Event) -> None:
        if isinstance(event, CommandArrived) and event.command.kind == "limits":
            camera.apply(event.command)

    def officer(event: Event) -> None:
        match event:
            case CommandArrived(command=command) if command.kind == "task":
                for step in (Report.SHOWN, Report.ACCEPTED, Report.EN_ROUTE, Report.ON_SCENE):
                    shell.report(command.id, step, at_ms=clock.ms(), by=BADGE)
            case CommandArrived(command=command) if command.kind == "advice":
                advices.append(command.body["text"]["en"])
                shell.report(command.id, Report.ACCEPTED, at_ms=clock.ms(), by=BADGE)
            case _:
                pass

    shell = DeviceShell(handset, url, token=TOKEN, on_event=officer)
    runs = [asyncio.create_task(camera.run()), asyncio.create_task(shell.run())]
    camera.live("stream", Around(temp_c=20.0))
    field = Field(camera=camera, packs=packs, handset=shell, clock=clock, advices=advices)
    field.report()
    try:
        yield field
    finally:
        for run in runs:
            run.cancel()
        await asyncio.wait(runs)


async def sent_to_scene(server: WholeServer, client: httpx.AsyncClient) -> str:
    """An assault at the crossing, and P-07 with it; id of the order."""
    incident = await posted(
        client, "/api/incidents", request_id="one", type="assault", priority="emergency",
        note="", lon=LON, lat=LAT,
    )  # fmt: skip
    path = f"/api/incidents/{incident['id']}"
    ranked = await posted(client, f"{path}/recommendation")
    (unit,) = server.services.board.units()
    answer = await client.post(
        f"{path}/dispatch",
        json={"request_id": "two", "recommendation_id": ranked["id"], "unit_ids": [unit.id]},
    )
    (order,) = answer.raise_for_status().json()
    return str(order["id"])


async def watched(server: WholeServer, client: httpx.AsyncClient) -> dict[str, Any]:
    """The watch looks; open items by kind."""
    await server.services.battery_watch.round()
    page = (await client.get("/api/worklist")).raise_for_status().json()
    return {each["kind"]: each for each in page["items"]}


async def until_kind(server: WholeServer, client: httpx.AsyncClient, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while kind not in (items := await watched(server, client)):  # noqa: ASYNC110 (as below)
            await asyncio.sleep(0.05)
    found: dict[str, Any] = items[kind]
    return found


async def until_mitigation(
    server: WholeServer, client: httpx.AsyncClient, order_id: str, name: str
) -> dict[str, Any]:
    """The newest, as soon as it has this; nobody signals what only the watch sees."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await server.services.battery_watch.round()
            found = (await client.get(f"/api/orders/{order_id}/mitigations")).json()
            if found["mitigations"] and found["mitigations"][0][name] is not None:
                newest: dict[str, Any] = found["mitigations"][0]
                return newest
            await asyncio.sleep(0.05)


async def test_low_camera_is_told_one_key_is_obeyed_and_its_effect_is_kept(
    server: WholeServer, clock: MovingClock, pool: Pool
) -> None:
    async with server.signed_in("dispatcher") as client, a_field(server, clock) as field:
        order_id = await sent_to_scene(server, client)
        item = await until_kind(server, client, "battery_short")
        action = next(a for a in item["body"]["actions"] if a["kind"] == "record_locally")
        path = f"/api/orders/{item['order_id']}/mitigations"

        sent = await posted(client, path, device_id=item["body"]["device"], kind=action["kind"])
        applied = await until_mitigation(server, client, order_id, "answered_at")
        assert (sent["by_device"], applied["state"]) == (True, "applied")
        before_pct = float(field.packs.cells.charge_pct[0])
        field.live(45)
        truly = (before_pct - float(field.packs.cells.charge_pct[0])) / 0.75
        measured = await until_mitigation(server, client, order_id, "measured")

    assert item["order_id"] == order_id
    assert field.camera.mode == "record"
    expected = measured["expected"]
    change = expected["drain_after_pct_per_h"] - expected["drain_before_pct_per_h"]
    assert change < -8.0
    assert measured["measured"]["change_pct_per_h"] < change / 2.0
    assert measured["measured"]["drain_pct_per_h"] == pytest.approx(truly, rel=0.15)
    said = await pool.fetch(
        "SELECT kind FROM journal_entry WHERE kind LIKE 'mitigation.%' ORDER BY id"
    )
    assert [row["kind"] for row in said] == [
        "mitigation.sent",
        "mitigation.applied",
        "mitigation.measured",
    ]


async def test_officer_is_asked_for_what_no_device_can_do(
    server: WholeServer, clock: MovingClock, pool: Pool
) -> None:
    await pool.execute(
        "INSERT INTO spare (id, label, kind, fits, unit_id, charged) "
        "SELECT gen_random_uuid(), 'bank-1', 'power_bank', '{}', id, true FROM unit"
    )
    async with server.signed_in("dispatcher") as client, a_field(server, clock) as field:
        order_id = await sent_to_scene(server, client)
        await until_kind(server, client, "battery_short")

        path = f"/api/orders/{order_id}/mitigations"
        sent = await posted(client, path, device_id=CAMERA, kind="power_bank")
        accepted = await until_mitigation(server, client, order_id, "answered_at")

    assert not sent["by_device"]
    assert field.advices == ["Connect the camera to a power bank."]
    assert (accepted["state"], accepted["answered_by"]) == ("accepted", f"officer:{BADGE}")
