"""The asyncio shell and the SQLite store: real sockets on this machine, a real file."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from devices.client import DeviceClient
from devices.client_events import CommandArrived, Connected, Disconnected, Event, Stopped
from devices.errors import StorageFailed
from devices.link import Phase
from devices.session import DeviceSession
from devices.session_events import Downlink, HelloReceived, LocationReceived, StateReceived
from devices.session_flow import SessionLimits
from devices.shell.client import DeviceShell
from devices.shell.radio import Radio
from devices.shell.storage import SqliteStorage
from devices.storage import MemoryStorage, Storage
from protocols.native import SUBPROTOCOL, Location, Report, State
from tests.patience import PATIENCE_S

UNIX_MS = 1_790_000_000_000
PATIENT = SessionLimits(hello_s=PATIENCE_S, heartbeat_s=int(10 * PATIENCE_S))
"""However slow the machine, nobody is given up here unless the test says so."""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.shell.client.CONNECT_S_MAX", PATIENCE_S)
    monkeypatch.setattr("devices.link.WELCOME_S_MAX", PATIENCE_S)


class Station:
    """A small server around the real session: one device, a log in memory."""

    def __init__(self) -> None:
        self.log: list[Downlink] = []
        self.records: list[Location | State] = []
        self.hellos = 0
        self.connections: list[ServerConnection] = []
        self.refuse: int | None = None
        self.server: Server | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        host, port = self.server.sockets[0].getsockname()[:2]
        return f"ws://{host}:{port}/v1/device"

    def order(self) -> str:
        seq = len(self.log) + 1
        self.log.append(
            Downlink(seq=seq, id=f"c{seq}", kind="task", priority="routine", body={"n": seq})
        )
        return f"c{seq}"

    async def handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        now = asyncio.get_running_loop().time
        session = DeviceSession(PATIENT, now=now())
        try:
            async for frame in connection:
                session.receive(frame, now())
                for event in session.events():
                    self._take(session, event, now())
                if session.hello is not None:
                    session.queue([each for each in self.log if each.seq > session.read_seq], now())
                session.ack(len(self.records), now())
                for out in session.data_to_send():
                    await connection.send(out, text=True)
        except ConnectionClosed:
            return

    def _take(self, session: DeviceSession, event: object, now: float) -> None:
        match event:
            case HelloReceived(hello=hello):
                self.hellos += 1
                session.welcome(
                    epoch="e1",
                    resumed=hello.epoch == "e1",
                    head_seq=len(self.log),
                    up_n=len(self.records),
                    now=now,
                    unix_ms=UNIX_MS,
                )
            case LocationReceived(location=record):
                self.records.append(record)
            case StateReceived(state=state):
                self.records.append(state)

    def check(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Authorization") != "Bearer good":
            return connection.respond(401, "no such token\n")
        return None if self.refuse is None else connection.respond(self.refuse, "not now\n")


@asynccontextmanager
async def a_station() -> AsyncIterator[Station]:
    station = Station()
    async with serve(
        station.handle,
        "127.0.0.1",
        0,
        subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
        process_request=station.check,
        open_timeout=PATIENCE_S,
        ping_interval=None,
        close_timeout=0.5,
    ) as station.server:
        yield station


class Device:
    """A shell with its task and what it said."""

    def __init__(self, url: str, *, token: str = "good", storage: Storage | None = None) -> None:
        self.events: list[Event] = []
        self.radio = Radio()
        now = asyncio.get_running_loop().time()
        client = DeviceClient(
            device_id="cam-1", storage=storage or MemoryStorage(), rng=random.Random(1), now=now
        )
        self.shell = DeviceShell(
            client, url, token=token, on_event=self.events.append, radio=self.radio
        )

    def count(self, kind: type[Any]) -> int:
        return sum(isinstance(each, kind) for each in self.events)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Device]:
        task = asyncio.create_task(self.shell.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def fix(self) -> None:
        self.shell.report_location(Location(n=0, at=UNIX_MS, lat=42.5, lon=1.5))


async def until(true: Callable[[], object]) -> None:
    """Poll a condition; fails after PATIENCE_S."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - many parties, no single event
            await asyncio.sleep(0.005)


async def test_order_and_reports_travel() -> None:
    async with a_station() as station:
        station.order()
        async with Device(station.url).running() as device:
            await until(lambda: device.count(CommandArrived))

            device.shell.report("c1", Report.SHOWN, at_ms=UNIX_MS)
            device.fix()

            await until(lambda: len(station.records) == 3)
            steps = [each.s for each in station.records if isinstance(each, State)]
            assert steps == [Report.RECEIVED, Report.SHOWN]
            (connection,) = station.connections
            assert connection.subprotocol == SUBPROTOCOL
            offer = (
                connection.request.headers["Sec-WebSocket-Extensions"] if connection.request else ""
            )
            assert "server_max_window_bits=12; client_max_window_bits=12" in offer
            assert connection.protocol.extensions


async def test_broken_connection_is_resumed() -> None:
    async with a_station() as station, Device(station.url).running() as device:
        await until(lambda: device.count(Connected))
        station.connections[0].transport.abort()
        await until(lambda: device.count(Disconnected))
        station.order()
        device.fix()

        await until(lambda: device.count(CommandArrived))
        await until(lambda: len(station.records) == 2)

        assert [each.n for each in station.records] == [1, 2]
        assert station.hellos == 2


async def test_refused_token_stops_and_tells() -> None:
    async with a_station() as station:
        device = Device(station.url, token="bad")

        async with asyncio.timeout(PATIENCE_S):
            await device.shell.run()

        assert device.shell.client.phase is Phase.STOPPED
        (stopped,) = device.events
        assert isinstance(stopped, Stopped)
        assert "401" in stopped.reason


async def test_busy_server_is_tried_again_after_a_while() -> None:
    async with a_station() as station:
        station.refuse = 503
        async with Device(station.url).running() as device:
            await until(lambda: device.count(Disconnected))

            assert device.shell.client.phase is Phase.WAITING


async def test_absent_server_is_tried_again() -> None:
    async with a_station() as station:
        url = station.url
    async with Device(url).running() as device:
        await until(lambda: device.count(Disconnected) >= 2)

        assert device.shell.client.phase is not Phase.STOPPED


async def test_without_signal_nothing_moves_and_nobody_is_told() -> None:
    async with a_station() as station, Device(station.url).running() as device:
        await until(lambda: device.count(Connected))

        device.radio.lose()
        device.fix()
        await until(lambda: device.shell.client.outbox.in_flight_len == 1)
        assert station.records == []
        assert device.count(Disconnected) == 0

        device.radio.regain()
        await until(lambda: len(station.records) == 1)
        assert station.hellos == 1


async def test_signal_that_returns_after_the_link_was_given_up_connects_at_once() -> None:
    async with a_station() as station, Device(station.url).running() as device:
        await until(lambda: device.count(Connected))
        device.radio.lose()
        device.fix()
        device.shell.network_changed()  # what two missed heartbeats would do
        await until(lambda: device.count(Disconnected))
        assert len(station.connections) == 1
        assert station.connections[0].close_code is None

        device.radio.regain()

        await until(lambda: len(station.records) == 1)
        assert station.hellos == 2


async def test_leaving_closes_politely_and_leaves_no_task() -> None:
    async with a_station() as station:
        before = asyncio.all_tasks()
        async with Device(station.url).running() as device:
            await until(lambda: device.count(Connected))
        await until(lambda: station.connections[0].close_code is not None)

        assert station.connections[0].close_code == 1001
        left = {task for task in asyncio.all_tasks() - before if "device" in task.get_name()}
        assert not left


async def test_device_survives_its_restart_on_sqlite(tmp_path: Path) -> None:
    async with a_station() as station:
        station.order()
        first = SqliteStorage(tmp_path / "device.db")
        async with Device(station.url, storage=first).running() as device:
            await until(lambda: device.count(CommandArrived))
            await until(lambda: len(station.records) == 1)
        device.shell.client.report("c1", Report.SHOWN, at_ms=UNIX_MS)
        first.close()

        second = SqliteStorage(tmp_path / "device.db")
        async with Device(station.url, storage=second).running() as device:
            await until(lambda: len(station.records) == 2)
            arrived = [each for each in device.events if isinstance(each, CommandArrived)]

        assert [each.again for each in arrived] == [True]
        assert [each.n for each in station.records] == [1, 2]
        second.close()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_store_keeps_what_was_saved(kind: str, tmp_path: Path) -> None:
    storage: Storage = MemoryStorage() if kind == "memory" else SqliteStorage(tmp_path / "d.db")

    storage.save({"a": b"1", "b": b"2"}, [])
    storage.save({"a": b"3"}, ["b", "never"])

    assert storage.load() == {"a": b"3"}
    if isinstance(storage, SqliteStorage):
        storage.close()


def test_sqlite_save_is_all_or_nothing(tmp_path: Path) -> None:
    storage = SqliteStorage(tmp_path / "d.db")
    storage.save({"a": b"1"}, [])
    other = sqlite3.connect(tmp_path / "d.db")
    other.execute(
        "CREATE TRIGGER full BEFORE INSERT ON entry WHEN new.key = 'z'"
        " BEGIN SELECT raise(ABORT, 'no space left'); END"
    )
    other.close()

    with pytest.raises(StorageFailed, match="no space left"):
        storage.save({"b": b"2", "z": b"9"}, ["a"])

    assert storage.load() == {"a": b"1"}
    storage.save({"b": b"2"}, [])
    storage.close()


def test_file_that_is_no_store_says_so(tmp_path: Path) -> None:
    (tmp_path / "d.db").write_bytes(b"not a database" * 100)

    with pytest.raises(StorageFailed, match=r"d\.db"):
        SqliteStorage(tmp_path / "d.db")
