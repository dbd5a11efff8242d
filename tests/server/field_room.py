"""The devices' door on a real socket, over real PostgreSQL, with a plain client to knock."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from devices.session_flow import SessionLimits
from protocols.native import (
    SUBPROTOCOL,
    Ack,
    ClientMessage,
    Command,
    Hello,
    ServerMessage,
    Welcome,
    decode_server,
    encode,
)
from server.gateways import device, exchange
from server.gateways.guests.registry import GuestLimits, Guests
from server.gateways.sessions import GatewayLimits, Sessions
from server.http.errors import FailureMiddleware
from server.ids import new_id
from server.metrics import Metrics
from server.ports import Clock
from server.stores import commands
from server.stores.fanout import RedisFanOut
from server.stores.pool import Pool
from server.stores.positions import PositionWriter, WriterLimits
from server.witnesses import Witnesses
from tests.http_server import serving
from tests.patience import PATIENCE_S
from tests.server.field_rows import add_device, add_unit

TOKEN = "secret"
FAST = WriterLimits(interval_s=0.02, retry_s_min=0.01, retry_s_max=0.05)
PATIENT = SessionLimits(hello_s=PATIENCE_S)
"""A test that is held up between its handshake and its hello is not sent away for that."""

M = TypeVar("M", bound=ServerMessage)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Room:
    """What `server.bootstrap` would wire, as far as devices need it."""

    pool: Pool
    sessions: Sessions
    guests: Guests
    positions: PositionWriter
    fanout: RedisFanOut
    metrics: Metrics
    transport: Literal["websocket", "http"] = "websocket"
    url: str = ""
    said: list[tuple[str, str]] = field(default_factory=list)
    """What went over the fan-out: (topic, payload)."""

    def hear(self, topic: str, payload: str) -> None:
        self.said.append((topic, payload))

    def device(self, **changes: Any) -> Device:
        if self.transport == "http":
            return HttpDevice(self.url, **changes)
        return Device(self.url, **changes)


@asynccontextmanager
async def field_room(
    pool: Pool,
    *,
    writer: WriterLimits = FAST,
    session: SessionLimits | None = None,
    gateway: GatewayLimits | None = None,
    guests: GuestLimits | None = None,
    transport: Literal["websocket", "http"] = "websocket",
    newest: Callable[[], str] = str,
    clock: Clock = utc_now,
) -> AsyncIterator[Room]:
    """`newest`: the newest checkpoint of the command log; none as a rule."""
    metrics = Metrics()
    fanout = RedisFanOut("redis://127.0.0.1:1")  # never run: delivers within this process
    positions = PositionWriter(pool, limits=writer, metrics=metrics)
    sessions = Sessions(
        pool=pool,
        positions=positions,
        fanout=fanout,
        clock=clock,
        metrics=metrics,
        limits=gateway,
        session_limits=session or PATIENT,
        witnesses=Witnesses(pool=pool, fanout=fanout, clock=clock, newest=newest, metrics=metrics),
    )
    registry = Guests(sessions.field, limits=guests)
    room = Room(pool, sessions, registry, positions, fanout, metrics, transport)
    for topic in ("unit", "incident", "device", "fix", "presence"):
        fanout.subscribe(topic, partial(room.hear, topic))
    app = Starlette(
        routes=[*device.routes(room), *exchange.routes(room)],
        middleware=[Middleware(FailureMiddleware)],
    )
    tasks = [
        asyncio.create_task(each) for each in (positions.run(), sessions.run(), registry.run())
    ]
    try:
        async with serving(app) as url:
            room.url = url if transport == "http" else url.replace("http", "ws", 1) + device.PATH
            yield room
            await sessions.drain()
            await registry.drain()
    finally:
        positions.stop()
        for each in tasks[1:]:
            each.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


class Device:
    """A plain device: says hello, sends what it is told, collects what comes."""

    def __init__(
        self,
        url: str,
        *,
        device_id: str = "cam-07",
        install_id: str = "i1",
        token: str = TOKEN,
        in_header: bool = True,
        subprotocol: str | None = SUBPROTOCOL,
        small_buffers: bool = False,
        **hello: Any,
    ) -> None:
        """`small_buffers`: neither compression nor the kernel hides that we stop reading."""
        self._hello: dict[str, Any] = {"dev": device_id, "inst": install_id, "epoch": "e1", **hello}
        if not in_header:
            self._hello["tok"] = token
        self._connect = connect(
            url,
            compression=None if small_buffers else "deflate",
            sock=small_socket(url) if small_buffers else None,
            subprotocols=[Subprotocol(subprotocol)] if subprotocol else None,
            additional_headers={"Authorization": f"Bearer {token}"} if in_header else None,
            proxy=None,
            ping_interval=None,
            open_timeout=PATIENCE_S,
            close_timeout=1,
        )
        self.socket: ClientConnection
        self.seen: list[ServerMessage] = []

    async def __aenter__(self) -> Self:
        self.socket = await self._connect.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._connect.__aexit__(kind, error, trace)

    async def hello(self, **changes: Any) -> Welcome:
        """Say hello and wait for the welcome."""
        await self.say(Hello(**self._hello | changes))
        return await self.expect(Welcome)

    async def say(self, *messages: ClientMessage) -> None:
        for message in messages:
            await self.socket.send(encode(message).decode())

    async def say_frames(self, *frames: str) -> None:
        """Whatever they are."""
        for frame in frames:
            await self.socket.send(frame)

    async def next(self) -> ServerMessage:
        async with asyncio.timeout(PATIENCE_S):
            message = decode_server(await self.socket.recv())
        self.seen.append(message)
        return message

    async def expect(self, kind: type[M]) -> M:
        """The next message, which must be of this kind."""
        message = await self.next()
        assert isinstance(message, kind), message
        return message

    async def acked(self, up: int) -> None:
        """Read until everything up to `up` is acknowledged."""
        while not (isinstance(message := await self.next(), Ack) and message.up >= up):
            assert not isinstance(message, Ack) or message.up < up

    async def commands(self, count: int) -> list[Command]:
        """The next so many commands; acknowledgements in between are passed over."""
        found: list[Command] = []
        while len(found) < count:
            if isinstance(message := await self.next(), Command):
                found.append(message)
        return found

    async def closed(self) -> tuple[int, str]:
        """Code and reason, when the server has closed."""
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""


class HttpDevice(Device):
    """The same device in a network that lets no WebSocket pass."""

    def __init__(
        self, url: str, *, device_id: str = "cam-07", install_id: str = "i1", token: str = TOKEN
    ) -> None:
        self._hello = {"dev": device_id, "inst": install_id, "epoch": "e1"}
        self._http = httpx.AsyncClient(
            base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=PATIENCE_S
        )
        self._heard: deque[ServerMessage] = deque()
        self._refused: tuple[int, str] | None = None
        self.seen = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def hello(self, **changes: Any) -> Welcome:
        self._hello |= changes
        welcome = await self._ask(wait=0)
        self._hello |= {"epoch": welcome.epoch}
        if not welcome.resumed:
            self._hello["cur"] = 0
        return welcome

    async def say(self, *messages: ClientMessage) -> None:
        await self.say_frames(*(encode(each).decode() for each in messages))

    async def say_frames(self, *frames: str) -> None:
        hello = encode(Hello(**self._hello)).decode()
        answer = await self._http.post(exchange.UP_PATH, content="\n".join([hello, *frames]))
        self._take(answer)

    async def next(self) -> ServerMessage:
        async with asyncio.timeout(PATIENCE_S):
            while not self._heard:
                await self._ask(wait=5)
        message = self._heard.popleft()
        if isinstance(message, Command):
            self._hello["cur"] = message.seq
        self.seen.append(message)
        return message

    async def closed(self) -> tuple[int, str]:
        while self._refused is None:
            await self._ask(wait=5)
        return self._refused

    async def _ask(self, *, wait: float) -> Welcome:
        query = {**self._hello, "wait": wait}
        return self._take(await self._http.get(exchange.COMMANDS_PATH, params=query))

    def _take(self, answer: httpx.Response) -> Welcome:
        if answer.is_error:
            error = answer.json()["error"]
            self._refused = error["detail"]["close"], error["message"]
            raise RuntimeError(f"{self._refused}")
        welcome, *rest = (decode_server(line) for line in answer.content.splitlines())
        assert isinstance(welcome, Welcome)
        self._heard += rest
        return welcome


def small_socket(url: str) -> socket.socket:
    address = urlsplit(url)
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    small.connect((address.hostname, address.port))
    return small


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    unit_id: str
    incident_id: str
    order_id: str
    command_id: str


async def issue_order(
    pool: Pool, *, device_id: str = "cam-07", badge: str = "B-1042", expires_at: Any = None
) -> OpenOrder:
    """A unit with a device and an officer, under an order that waits in the device's log."""
    unit_id = await add_unit(pool, f"P-{device_id}", badge=badge)
    await add_device(pool, device_id, unit_id=unit_id, token=TOKEN)
    incident_id, recommendation_id, decision_id, order_id = (new_id() for _ in range(4))
    now = utc_now()
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(
            "INSERT INTO incident (id, type, priority, place, lon, lat, status, opened_by, "
            "opened_at) VALUES ($1, 'traffic', 'priority', 'km 12', 100.2, 27.5, 'assigned', "
            "'user:test', $2)",
            incident_id,
            now,
        )
        await conn.execute(
            "INSERT INTO recommendation (id, incident_id, computed_at, computed_by, body) "
            "VALUES ($1, $2, $3, 'user:test', $4)",
            recommendation_id,
            incident_id,
            now,
            {},
        )
        await conn.execute(
            "INSERT INTO decision (id, incident_id, recommendation_id, unit_ids, decided_by, "
            "decided_at) VALUES ($1, $2, $3, $4, 'user:test', $5)",
            decision_id,
            incident_id,
            recommendation_id,
            [unit_id],
            now,
        )
        await conn.execute(
            "INSERT INTO dispatch_order (id, incident_id, decision_id, unit_id, state, issued_by, "
            "issued_at, state_at, expires_at) "
            "VALUES ($1, $2, $3, $4, 'issued', 'user:test', $5, $5, "
            "$5::timestamptz + interval '4 hours')",
            order_id,
            incident_id,
            decision_id,
            unit_id,
            now,
        )
        command = await enqueue(
            conn, device_id, kind="task", order_id=order_id, expires_at=expires_at
        )
    return OpenOrder(
        unit_id=unit_id, incident_id=incident_id, order_id=order_id, command_id=command.id
    )


async def enqueue(
    conn: Any,
    device_id: str = "cam-07",
    *,
    kind: commands.CommandKind = "notice",
    order_id: str | None = None,
    expires_at: Any = None,
    text: str = "",
) -> commands.Command:
    """One more command in the device's log."""
    return await commands.enqueue(
        conn,
        device_id=device_id,
        kind=kind,
        priority="priority",
        body={"order": order_id, "text": text},
        order_id=order_id,
        expires_at=expires_at,
        now=utc_now(),
    )
