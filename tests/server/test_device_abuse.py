"""Devices that break every rule of the wire, at the server as the product runs it.

Each gets its close code (docs/protocol.md); nobody else notices, and the log holds no stack.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import os
import struct
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from protocols import native
from protocols.native import Ack, Hello, Location, Ping, Pong, Report, State, Welcome
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.server.field_room import issue_order
from tests.server.field_rows import add_device, until
from tests.server_process import ServerProcess, running
from tests.whole_server import WholeServer, whole_server

TOKEN = "secret"


@pytest.fixture
async def server(
    small_map_dir: Path,
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    caplog: pytest.LogCaptureFixture,
) -> AsyncIterator[WholeServer]:
    caplog.set_level(logging.INFO)
    async with whole_server(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    ) as server:
        yield server
    stacks = [record.getMessage() for record in caplog.records if record.exc_info]
    assert stacks == []


def door(server: WholeServer | ServerProcess) -> str:
    return f"{server.url.replace('http', 'ws', 1)}/v1/device"


def knock(server: WholeServer | ServerProcess, **options: object) -> connect:
    return connect(
        door(server),
        subprotocols=[Subprotocol(native.SUBPROTOCOL)],
        proxy=None,
        ping_interval=None,
        open_timeout=PATIENCE_S,
        close_timeout=1,
        **options,  # type: ignore[arg-type]
    )


async def greet(peer: ClientConnection, device_id: str = "cam-07", **changes: object) -> Welcome:
    fields = {"dev": device_id, "inst": "i1", "tok": TOKEN, "epoch": "e1"} | changes
    await peer.send(native.encode(Hello(**fields)).decode())  # type: ignore[arg-type]
    welcome = native.decode_server(await peer.recv())
    assert isinstance(welcome, Welcome)
    return welcome


async def closed(peer: ClientConnection) -> tuple[int | None, str | None]:
    async with asyncio.timeout(PATIENCE_S):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await peer.recv()
    return peer.close_code, peer.close_reason


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def a_fix(n: int) -> Location:
    return Location(n=n, at=now_ms(), lat=27.54, lon=100.26, bat=63)


BROKEN: dict[str, tuple[str | bytes, int]] = {
    "no JSON": ("{", 4003),
    "an array": ("[]", 4003),
    "deep": ('{"t":"ping","i":1,"x":' + "[" * 8_000 + "]" * 8_000 + "}", 4003),
    "unknown type": ('{"t":"root"}', 4003),
    "the server's own": ('{"t":"ack","up":9}', 4003),
    "binary": (b'{"t":"ping","i":1}', 4003),
    "no number": ('{"t":"up","k":"loc","at":1,"lat":0,"lon":0}', 4003),
    "negative number": ('{"t":"up","k":"loc","n":-1,"at":1,"lat":0,"lon":0}', 4003),
    "number as text": ('{"t":"up","k":"loc","n":"1","at":1,"lat":0,"lon":0}', 4003),
    "number of 400 figures": ('{"t":"up","k":"loc","n":' + "9" * 400 + "}", 4003),
    "another device": ('{"t":"hello","dev":"cam-08","inst":"i1","tok":"secret"}', 4003),
    "another installation": ('{"t":"hello","dev":"cam-07","inst":"i2","tok":"secret"}', 4003),
    "another token": ('{"t":"hello","dev":"cam-07","inst":"i1","tok":"guessed"}', 4002),
    "hello with too much": (
        '{"t":"hello","dev":"cam-07","inst":"i1","caps":[' + '"x",' * 40 + '"x"]}',
        4003,
    ),
    "frame over 16 KiB": ("x" * (16 * 1024 + 1), 4003),
    "16 KiB of characters": ("山" * (16 * 1024 - 10), 4003),
    "message over 64 KiB": ("x" * (64 * 1024 + 1), 1009),
    "a bomb": ("0" * 20_000_000, 1009),
}


async def test_each_broken_frame_has_its_close_code(server: WholeServer, pool: Pool) -> None:
    await add_device(pool, "cam-07", token=TOKEN)
    codes = {}

    for what, (frame, _) in BROKEN.items():
        async with knock(server) as peer:
            await greet(peer)
            await peer.send(frame)
            codes[what] = (await closed(peer))[0]

    assert codes == {what: code for what, (_, code) in BROKEN.items()}


async def test_first_frame_is_a_hello_or_the_last(server: WholeServer) -> None:
    fix = '{"t":"up","k":"loc","n":1,"at":1,"lat":0,"lon":0}'
    for frame in ('{"t":"ping","i":1}', fix, "{", b""):
        async with knock(server) as peer:
            await peer.send(frame)

            assert (await closed(peer))[0] == 4003, frame


# -- below the messages -------------------------------------------------------------------


def masked(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """One frame of a client (RFC 6455 §5.2), masked with zeros."""
    first, size = opcode | (0x80 if fin else 0), len(payload)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    else:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    return head + bytes(4) + payload


class RawPeer:
    """A WebSocket client that keeps no rule by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def rest(self) -> bytes:
        """What comes until the server has closed."""
        came = b""
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ConnectionResetError):  # what it did not read is thrown away
                while piece := await self.reader.read(4096):
                    came += piece
        return came

    async def close_code(self) -> int:
        """Of the close frame that ends what comes."""
        came = await self.rest()
        assert came[:1] == b"\x88", came
        (code,) = struct.unpack("!H", came[2:4])
        return int(code)


@contextlib.asynccontextmanager
async def raw(server: WholeServer, *, headers: bytes = b"") -> AsyncIterator[RawPeer]:
    """After the request for a handshake; its answer is still to be read."""
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        key = base64.b64encode(os.urandom(16))
        writer.write(
            b"GET /v1/device HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ridgeline.v1.json\r\n"
            b"Sec-WebSocket-Key: " + key + b"\r\n" + headers + b"\r\n"
        )
        yield RawPeer(reader, writer)
    finally:
        writer.transport.abort()


@contextlib.asynccontextmanager
async def raw_socket(server: WholeServer) -> AsyncIterator[RawPeer]:
    async with raw(server) as peer:
        answer = await peer.reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101"), answer
        yield peer


TEXT, BINARY, PING, CONTINUATION = 1, 2, 9, 0
WIRE: dict[str, tuple[bytes, int]] = {
    "no UTF-8": (masked(TEXT, b"\xff\xfe"), 1007),
    "half a character": (masked(TEXT, b"\xed\xa0\x80"), 1007),
    "unknown opcode": (masked(3, b"x"), 1002),
    "reserved bit": (bytes([0xC1 | 0x20, 0x80]) + bytes(4), 1002),
    "not masked": (b"\x81\x01x", 1002),
    "a continuation of nothing": (masked(CONTINUATION, b"x"), 1002),
    "an interrupted message": (masked(TEXT, b"x", fin=False) + masked(TEXT, b"y"), 1002),
    "a long ping": (masked(PING, b"x" * 126), 1002),
    "pieces over 64 KiB": (
        masked(TEXT, b"x" * 60_000, fin=False) + masked(CONTINUATION, b"x" * 60_000, fin=False),
        1009,
    ),
}


async def test_each_broken_wire_has_its_close_code(server: WholeServer) -> None:
    codes = {}

    for what, (data, _) in WIRE.items():
        async with raw_socket(server) as peer:
            peer.writer.write(data)
            codes[what] = await peer.close_code()

    assert codes == {what: code for what, (_, code) in WIRE.items()}


async def test_handshake_with_too_much_is_refused(server: WholeServer) -> None:
    long_line = b"X-Long: " + b"x" * 9_000 + b"\r\n"
    many_lines = b"".join(b"X-%d: x\r\n" % n for n in range(200))
    for headers in (long_line, many_lines):
        async with raw(server, headers=headers) as peer:
            answer = await peer.rest()

        assert answer.startswith(b"HTTP/1.1 4"), answer[:100]


async def ping_for_ever(peer: RawPeer) -> None:
    pings = masked(PING, b"x" * 125) * 5_000
    async with asyncio.timeout(PATIENCE_S):
        while True:
            peer.writer.write(pings)
            await peer.writer.drain()


async def test_peer_that_pings_and_does_not_read_is_cut_off(server: WholeServer) -> None:
    """Else the pongs that it does not take would fill our memory."""
    async with raw_socket(server) as peer:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's own has it

        with pytest.raises(ConnectionError):
            await ping_for_ever(peer)


# -- what devices may not do to each other ------------------------------------------------


async def test_device_cannot_answer_for_another(server: WholeServer, pool: Pool) -> None:
    order = await issue_order(pool, device_id="cam-07", badge="B-1042")
    await add_device(pool, "cam-08", token=TOKEN)

    async with knock(server) as peer:
        await greet(peer, "cam-08")
        accepted = State(n=1, id=order.command_id, s=Report.ACCEPTED, at=now_ms(), by="B-1042")
        await peer.send(native.encode(accepted).decode())
        while not isinstance(native.decode_server(await peer.recv()), Ack):
            pass

    assert await pool.fetchval("SELECT state FROM dispatch_order") == "issued"
    kinds = await pool.fetch(
        "SELECT kind FROM journal_entry WHERE kind = 'order.report_ignored' "
        "OR kind = 'work.raised' AND subject = 'device:cam-08' ORDER BY id"
    )
    assert [row["kind"] for row in kinds] == ["order.report_ignored", "work.raised"]


def acknowledged(said: list[native.ServerMessage]) -> list[int]:
    return [each.up for each in said if isinstance(each, Ack)]


def answered(said: list[native.ServerMessage]) -> list[int]:
    """The pings that had their answer; none of them waits for what is stored, nor is waited for."""
    return [each.i for each in said if isinstance(each, Pong)]


class Abuse:
    """What five devices do at once, each in its own way.

    One that is held up between its handshake and its hello is sent away, and comes again.
    """

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.let_in: set[str] = set()

    async def flood(self, name: str, frame: str) -> None:
        """Send without reading for as long as the server lets it."""
        while True:
            async with knock(self._server, max_queue=1) as peer:
                with contextlib.suppress(ConnectionClosed):
                    await self._greet(peer, name)
                    while True:
                        await peer.send(frame)
                        await asyncio.sleep(0)  # the good device lives in this process, too

    async def storm(self, name: str) -> None:
        """Come, break a rule, and go, as fast as it can."""
        while True:
            async with knock(self._server) as peer:
                with contextlib.suppress(ConnectionClosed):
                    await self._greet(peer, name)
                    await peer.send("{")

    async def guess(self) -> None:
        """Try one token after the other for the good device."""
        while True:
            async with knock(self._server) as peer:
                with contextlib.suppress(ConnectionClosed):
                    await peer.send(native.encode(Hello(dev="cam-07", inst="x", tok="no")).decode())
                await closed(peer)

    async def _greet(self, peer: ClientConnection, name: str) -> None:
        await greet(peer, name)
        self.let_in.add(name)


async def test_abuse_of_some_does_not_hold_up_another(
    small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str, pool: Pool
) -> None:
    for name in ("cam-07", "bad-0", "bad-1", "bad-2", "bad-3"):
        await add_device(pool, name, token=TOKEN)
    server = ServerProcess(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    )
    with running(server):
        abuse = Abuse(server)
        hello = native.encode(Hello(dev="bad-2", inst="i1", tok=TOKEN, epoch="e1")).decode()
        abusers = [
            asyncio.create_task(work)
            for work in (
                abuse.flood("bad-0", native.encode(a_fix(1)).decode()),
                abuse.flood("bad-1", '{"t":"ping","i":1}'),
                abuse.flood("bad-2", hello),
                abuse.storm("bad-3"),
                abuse.guess(),
            )
        ]
        said: list[native.ServerMessage] = []
        await until(lambda: len(abuse.let_in) == 4)
        async with asyncio.timeout(PATIENCE_S), knock(server) as peer:
            await greet(peer)
            for n in range(1, 11):
                for message in (a_fix(n), Ping(i=n)):
                    await peer.send(native.encode(message).decode())
            while 10 not in acknowledged(said) or len(answered(said)) < 10:
                said.append(native.decode_server(await peer.recv()))
        failures = [each.exception() for each in abusers if each.done()]
        for each in abusers:
            each.cancel()
        await asyncio.wait(abusers)

    assert failures == []
    assert answered(said) == list(range(1, 11))
    query = "SELECT count(*) FROM position WHERE device_id = 'cam-07'"
    assert await pool.fetchval(query) == 10
    assert "Traceback" not in server.log.read_text()
