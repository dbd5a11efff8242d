"""A bad link and a full disk: every order once in effect, in order, none lost.

The reference client with its SQLite store, a TCP relay that cuts, delays and falls silent, a server
in a process of its own over real PostgreSQL and Valkey. Times are settings, made shorter here; the
code that waits is the product's.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import httpx
import pytest

from devices.client_events import Disconnected, Event, StoreTrouble
from devices.errors import StorageFailed
from geo.roadmap import RoadMap
from server import demo
from server.dispatch.orders import OrderState
from server.dispatch.timers import PEACE_URGENT
from server.stores.pool import Pool
from tests.field_people import STEPS, Handset, dispatcher, now_ms, order_sent
from tests.patience import PATIENCE_S
from tests.quick_passwords import QUICK
from tests.relay import Relay
from tests.server_process import ServerProcess, running

HEARTBEAT_S = 1
SHORTENED = 200
"""So many times the timers of an unanswered order are shortened."""
SEEDS = range(1, 1 + int(os.environ.get("RIDGELINE_FAULT_SEEDS", "1")))
ORDERS = 3
CUT_LINKS = ORDERS * len(STEPS) + 1
GAP_MS = 20 * 60_000
FIX_EVERY_MS = 10_000
Told = TypeVar("Told", bound=Event)
REPORTED = ["issued", "delivered", *STEPS]


class NotingHandset(Handset):
    """Keeps what the client told its user."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.events: list[Event] = []

    def _happened(self, event: Event) -> None:
        self.events.append(event)
        super()._happened(event)

    def told(self, kind: type[Told]) -> list[Told]:
        return [each for each in self.events if isinstance(each, kind)]

    @property
    def owes(self) -> int:
        """Reports that the server has not acknowledged."""
        return len(self.shell.client.outbox)


class HastyHandset(NotingHandset):
    """Its system reports the signal's return at once, whenever a connection is lost."""

    def _happened(self, event: Event) -> None:
        super()._happened(event)
        if isinstance(event, Disconnected):
            self.shell.network_changed()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A county whose devices reach its server through a relay."""

    server: ServerProcess
    relay: Relay
    dispatcher: httpx.AsyncClient
    handsets: list[demo.FleetDevice]
    pool: Pool

    async def order_of(self, incident_id: str) -> dict[str, Any]:
        answer = await self.dispatcher.get(f"/api/incidents/{incident_id}")
        answer.raise_for_status()
        (order,) = answer.json()["orders"]
        found: dict[str, Any] = order
        return found


@pytest.fixture
async def field(
    database_url: str,
    redis_url: str,
    pool: Pool,
    small_map: RoadMap,
    small_map_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Field]:
    monkeypatch.setenv("RIDGELINE_DEVICE_HEARTBEAT_S", str(HEARTBEAT_S))
    monkeypatch.setenv("RIDGELINE_POSITIONS_INTERVAL_S", "0.05")
    for name in ("receipt_s", "repeat_s", "acceptance_s", "escalate_s", "supervisor_s"):
        value = getattr(PEACE_URGENT, name) / SHORTENED
        monkeypatch.setenv(f"RIDGELINE_TIMER_PEACE_URGENT_{name.upper()}", str(value))
    seeded = await demo.seed(pool, small_map, units=2, hasher=QUICK)
    server = ServerProcess(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    )
    with running(server):
        async with (
            Relay.before(server.port) as relay,
            dispatcher(server.url, seeded.fleet.dispatcher) as client,
        ):
            yield Field(
                server=server,
                relay=relay,
                dispatcher=client,
                handsets=[each for each in seeded.fleet.devices if each.kind == "handset"],
                pool=pool,
            )
    assert "Traceback" not in server.log.read_text()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - many parties, no single event
            await asyncio.sleep(0.01)


async def until_there(true: Callable[[], Awaitable[bool]]) -> None:
    """The same of what another process has to tell."""
    async with asyncio.timeout(PATIENCE_S):
        while not await true():  # noqa: ASYNC110 - another process; nothing else tells
            await asyncio.sleep(0.05)


async def until_done(field: Field, incident_id: str) -> dict[str, Any]:
    async def is_done() -> bool:
        return bool((await field.order_of(incident_id))["state"] == OrderState.DONE)

    await until_there(is_done)
    return await field.order_of(incident_id)


def reported(order: dict[str, Any]) -> list[str]:
    """Its states in order of arrival; reminders and the like stand beside them."""
    return [each["state"] for each in order["events"] if each["state"] in set(OrderState)]


@pytest.mark.parametrize("seed", SEEDS)
async def test_link_that_is_cut_and_slow_loses_nothing(
    field: Field, seed: int, tmp_path: Path
) -> None:
    chance = Random(seed)
    device = field.handsets[0]
    handset = HastyHandset(field.relay, device, tmp_path)
    field.relay.delay_s = lambda: chance.uniform(0.0, 0.02)
    field.relay.cut_after([chance.randrange(100, 2000) for _ in range(CUT_LINKS)])
    incidents: list[str] = []
    fixes = 0

    async with handset.on():
        for number in range(ORDERS):
            incidents.append(await order_sent(field.dispatcher, device, request_id=str(number)))
            command_id = await handset.tasks.get()
            for step in STEPS:
                handset.report(command_id, step)
                fixes += await walk_to_the_next_cut(field.relay, handset)
            await until_done(field, incidents[-1])
        await until(lambda: handset.owes == 0)

    orders = [await field.order_of(each) for each in incidents]
    assert len(handset.told(Disconnected)) >= CUT_LINKS
    assert [reported(order) for order in orders] == [REPORTED] * ORDERS, f"seed {seed}"
    assert all(event["applied"] for order in orders for event in order["events"])
    assert handset.task_count == ORDERS
    count = "SELECT count(*) FROM position WHERE device_id = $1"
    assert await field.pool.fetchval(count, device.device_id) == fixes, f"seed {seed}"


async def walk_to_the_next_cut(relay: Relay, handset: Handset) -> int:
    """A fix every 10 ms until one more connection is doomed; how many."""
    fixes, cuts_left = 0, relay.cuts_left
    async with asyncio.timeout(PATIENCE_S):
        while relay.cuts_left == cuts_left > 0:
            handset.report_position(*handset.device.home)
            fixes += 1
            await asyncio.sleep(0.01)
    return fixes


async def test_twenty_minutes_without_signal(field: Field, tmp_path: Path) -> None:
    """One unit is on its way when the signal goes; the other is sent while there is none."""
    going, waiting = (NotingHandset(field.relay, each, tmp_path) for each in field.handsets)
    lon, lat = going.device.home

    async with going.on(), waiting.on():
        first = await order_sent(field.dispatcher, going.device, request_id="first")
        command_id = await going.tasks.get()
        for step in STEPS[:3]:
            going.report(command_id, step)
        await until(lambda: going.owes == 0)
        escalated_before = len(await escalations(field, first))  # by a slow machine
        field.relay.fall_silent()
        second = await order_sent(field.dispatcher, waiting.device, request_id="second")
        await until(lambda: going.told(Disconnected) and waiting.told(Disconnected))
        entered_ms = now_ms() - GAP_MS
        backlog = [entered_ms + ms for ms in range(0, GAP_MS, FIX_EVERY_MS)]
        for number, at_ms in enumerate(backlog):
            going.report_position(lon + number * 1e-5, lat, at_ms=at_ms)
        for step in STEPS[3:]:
            going.report(command_id, step)
        await until_escalated(field, second, ("supervisor", False))
        during = [await field.order_of(each) for each in (first, second)]

        field.relay.sound_again()
        late_id = await waiting.tasks.get()
        for step in STEPS:
            waiting.report(late_id, step)
        await until(lambda: going.owes == waiting.owes == 0)
        orders = [await until_done(field, each) for each in (first, second)]
        await until_escalated(field, second, ("supervisor", True))

    assert [order["state"] for order in during] == ["en_route", "issued"]
    assert [reported(order) for order in orders] == [REPORTED] * 2
    assert (going.task_count, waiting.task_count) == (1, 1)
    assert len(await escalations(field, first)) == escalated_before
    assert await field.pool.fetchval("SELECT count(*) FROM dispatch_order") == 2
    states_at = [
        datetime.fromisoformat(each["server_at"])
        for each in orders[0]["events"]
        if each["state"] in STEPS[3:]
    ]
    fixes = await field.pool.fetch(
        "SELECT observed_at, received_at FROM position WHERE device_id = $1 ORDER BY received_at",
        going.device.device_id,
    )
    assert max(states_at) <= fixes[0]["received_at"]
    newest_first = [backlog[-1], *backlog[:-1]]
    assert [each["observed_at"] for each in fixes] == [
        datetime.fromtimestamp(at_ms / 1000, UTC) for at_ms in newest_first
    ]


async def until_escalated(field: Field, incident_id: str, so: tuple[str, bool]) -> None:
    """Level, and whether it is settled, of the only escalation."""

    async def is_escalated() -> bool:
        return await escalations(field, incident_id) == [so]

    await until_there(is_escalated)


async def escalations(field: Field, incident_id: str) -> list[tuple[str, bool]]:
    """Level of each escalation of the incident's orders, and whether it is settled."""
    rows = await field.pool.fetch(
        "SELECT level, settled_at IS NOT NULL AS settled FROM escalation"
        " JOIN dispatch_order ON dispatch_order.id = order_id WHERE incident_id = $1::text::uuid"
        " ORDER BY escalation.id",
        incident_id,
    )
    return [(row["level"], row["settled"]) for row in rows]


@contextmanager
def full_disk(used: Path) -> Iterator[None]:
    """No file of this process may grow beyond the size of `used` and half a page.

    The kernel refuses the write in its middle, as a full disk does; the server is another process.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (used.stat().st_size + 2048, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_full_disk_of_the_device_acknowledges_nothing_and_goes_on_with_room(
    field: Field, tmp_path: Path
) -> None:
    device = field.handsets[0]
    handset = NotingHandset(field.relay, device, tmp_path)
    write_ahead_log = tmp_path / f"{device.device_id}.db-wal"

    async with handset.on():
        handset.report_position(*device.home)
        await until(lambda: handset.owes == 0)
        with full_disk(write_ahead_log):
            with pytest.raises(StorageFailed, match=r"\.db: "):
                handset.report_position(*device.home)
            incident_id = await order_sent(field.dispatcher, device)
            await until(lambda: len(handset.told(StoreTrouble)) >= 2)
            tasks_without_room = handset.task_count
            order_without_room = await field.order_of(incident_id)
        command_id = await handset.tasks.get()
        for step in STEPS:
            handset.report(command_id, step)
        await until(lambda: handset.owes == 0)
    order = await field.order_of(incident_id)

    assert all(str(tmp_path) in each.text for each in handset.told(StoreTrouble))
    assert tasks_without_room == 0
    assert reported(order_without_room) == ["issued"]
    assert reported(order) == REPORTED
    assert handset.task_count == 1
    count = "SELECT count(*) FROM position WHERE device_id = $1"
    assert await field.pool.fetchval(count, device.device_id) == 1
