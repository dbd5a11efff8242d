"""What a fix costs of a device's mobile data: bytes on the TCP connection, headers of TCP apart.

The reference client's WebSocket against the server's own configuration, over a real socket, through
a relay that counts. A unit drives and reports every few seconds, with battery. Systems: `deflate`,
as the product negotiates it (a 4 KiB window that both sides keep), and `plain`, without.
"""

from __future__ import annotations

import asyncio
import random
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.extensions.permessage_deflate import PerMessageDeflate

from benchmarks._report import Options, Row, main
from devices.shell.wires import WebSocketWire
from protocols import native
from protocols.native import SUBPROTOCOL, Location
from server import main as product
from server.settings import Settings

FIXES: Final = 1000
FIXES_QUICK: Final = 200
WARM_UP: Final = 20
"""Until the window knows what a fix looks like."""
EVERY_MS: Final = 10_000
DEGREES_PER_FIX: Final = 0.001
CHUNK_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    bytes_per_fix: float
    extension: PerMessageDeflate | None
    """As both sides agreed."""


def run(options: Options) -> list[Row]:
    count = FIXES_QUICK if options.quick else FIXES
    rows = []
    for system in ("deflate", "plain"):
        found = asyncio.run(measure(count, seed=options.seed, deflate=system == "deflate"))
        rows.append(Row(metric="fix", system=system, unit="B", value=found.bytes_per_fix, n=count))
    return rows


async def measure(count: int, *, seed: int, deflate: bool) -> Measured:
    """Send so many fixes one after the other, each in a frame of its own."""
    fixes = a_drive(random.Random(seed), WARM_UP + count)
    sent = asyncio.Event()
    async with _server(len(fixes), sent, deflate=deflate) as port, _Counter(port) as counter:
        wire = await WebSocketWire.open(f"ws://127.0.0.1:{counter.port}/v1/device", {})
        for fix in fixes[:WARM_UP]:
            await wire.send(native.encode(fix))
        await counter.settle(wire)
        before = counter.up_bytes
        for fix in fixes[WARM_UP:]:
            await wire.send(native.encode(fix))
        await sent.wait()
        extensions = wire.extensions
        per_fix = (counter.up_bytes - before) / count
        await wire.close(1000, "")
    deflates = [each for each in extensions if isinstance(each, PerMessageDeflate)]
    return Measured(bytes_per_fix=per_fix, extension=deflates[0] if deflates else None)


def a_drive(chance: random.Random, count: int) -> Sequence[Location]:
    """A unit on the road: place, speed and heading change a little each time."""
    lat, lon, heading = 27.54, 100.26, 90.0
    fixes = []
    for n in range(1, count + 1):
        heading = (heading + chance.gauss(0, 15)) % 360
        lat += chance.uniform(0, DEGREES_PER_FIX)
        lon += chance.uniform(0, DEGREES_PER_FIX)
        fixes.append(
            Location(
                n=n,
                at=1_790_000_000_000 + n * EVERY_MS + chance.randrange(200),
                lat=round(lat, 6),
                lon=round(lon, 6),
                acc=round(chance.uniform(3, 12), 1),
                spd=round(chance.uniform(8, 18), 1),
                hdg=round(heading, 1),
                bat=max(1, 90 - n // 40),
                mode="record",
            )
        )
    return fixes


@asynccontextmanager
async def _server(expected: int, sent: asyncio.Event, *, deflate: bool) -> AsyncIterator[int]:
    """Takes frames and says nothing, configured as the product is."""

    async def take(peer: WebSocket) -> None:
        await peer.accept(subprotocol=SUBPROTOCOL)
        taken = 0
        try:
            while True:
                await peer.receive_text()
                taken += 1
                if taken == expected:
                    sent.set()
        except WebSocketDisconnect:
            return

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), map_dir=Path(folder), websocket_deflate=deflate)
        app = Starlette(routes=[WebSocketRoute("/v1/device", take)])
        config = product.uvicorn_config(app, settings)
        server = uvicorn.Server(config)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        serving = asyncio.create_task(server._serve([listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


class _Counter:
    """A TCP relay that counts what the client sends."""

    def __init__(self, target_port: int) -> None:
        self.up_bytes = 0
        self.port = 0
        self._target_port = target_port
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> _Counter:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def settle(self, wire: WebSocketWire) -> None:
        """Return when what was sent has been counted: its answer came back the same way."""
        await wire.ping()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.create_task(self._carry(reader, writer)))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, server_end = await asyncio.open_connection("127.0.0.1", self._target_port)
        await asyncio.gather(self._up(reader, server_end), _pump(upstream, writer))

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            self.up_bytes += len(chunk)
            writer.write(chunk)
            await writer.drain()
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    writer.close()


if __name__ == "__main__":
    main("wire", run, __doc__)
