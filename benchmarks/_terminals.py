"""Many terminals that report at once, each as fast as it is answered: for `protocols`.

Frames are made before the clock runs. A terminal keeps `WINDOW` reports unanswered, as a car does
that comes out of a dead zone; an answer is two delimiters, which no frame has within.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, cast

from geo import mapfolder
from protocols.jt808.framing import DELIMITER
from server import migrate
from server.embedded import launcher
from server.stores.pool import open_pool
from tests.server_process import ServerProcess, free_port, running
from tests.small_county import small_county

WINDOW: Final = 8
DELIMITERS_PER_ANSWER: Final = 2
ARRIVE_TOGETHER: Final = 50
"""Who is new is looked up and let in; what that costs is not measured here."""
STEP_S_MAX: Final = 120.0
RETRY_S: Final = 0.05
FILES_MAX: Final = 8_192
PHONE_FIRST: Final = 10_000_000_000
"""Of the terminals, in a range that no network gives out."""

_DEVICES: Final = """
INSERT INTO device (id, kind, epoch, created_at)
SELECT 'car-' || n, 'vehicle', 'bench', now() FROM generate_series(0, $1 - 1) AS n
"""
_IDENTITIES: Final = """
INSERT INTO device_identity (protocol, external_id, device_id, created_by, created_at)
SELECT 'jt808', ($2::bigint + n)::text, 'car-' || n, 'bench', now()
FROM generate_series(0, $1 - 1) AS n
"""


class Reporter(asyncio.Protocol):
    """One terminal: says its frames, `WINDOW` at a time."""

    def __init__(self) -> None:
        self._frames: Sequence[bytes] = ()
        self._said = self._delimiters = 0
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionError("the other side closed"))

    def report(self, frames: Sequence[bytes]) -> asyncio.Future[None]:
        """Say them all; done when the last one is answered."""
        self._frames, self._said, self._delimiters = frames, 0, 0
        self._done = asyncio.get_running_loop().create_future()
        self._say()
        return self._done

    def data_received(self, data: bytes) -> None:
        self._delimiters += data.count(DELIMITER)
        self._say()

    def close(self) -> None:
        self._done = None
        self._transport.close()

    def _say(self) -> None:
        answered = self._delimiters // DELIMITERS_PER_ANSWER
        until = min(answered + WINDOW, len(self._frames))
        if until > self._said:
            self._transport.write(b"".join(self._frames[self._said : until]))
            self._said = until
        if answered >= len(self._frames) and self._done is not None and not self._done.done():
            self._done.set_result(None)


class Crowd:
    """Terminals that are connected, one for each list of `first` frames, and known by those."""

    def __init__(self, port: int, first: Sequence[Sequence[bytes]]) -> None:
        self._port, self._first = port, first
        self._reporters: list[Reporter] = []

    async def __aenter__(self) -> Crowd:
        loop = asyncio.get_running_loop()
        for _ in self._first:
            _, reporter = await loop.create_connection(Reporter, "127.0.0.1", self._port)
            self._reporters.append(reporter)
        for at in range(0, len(self._first), ARRIVE_TOGETHER):
            group = slice(at, at + ARRIVE_TOGETHER)
            await _said(self._reporters[group], self._first[group])
        return self

    async def __aexit__(self, *error: object) -> None:
        for each in self._reporters:
            each.close()

    async def rate_per_s(self, frames: Sequence[Sequence[bytes]]) -> float:
        """Reports answered a second, of so many by each."""
        began = time.perf_counter()
        await _said(self._reporters, frames)
        return sum(map(len, frames)) / (time.perf_counter() - began)


async def _said(reporters: Sequence[Reporter], frames: Sequence[Sequence[bytes]]) -> None:
    """Each has said its own, and all is answered."""
    async with asyncio.timeout(STEP_S_MAX):
        pairs = zip(reporters, frames, strict=True)
        await asyncio.gather(*(each.report(said) for each, said in pairs))


@contextmanager
def a_gateway(terminals: int) -> Iterator[int]:
    """A server process over private PostgreSQL with durable commits; the terminals' port."""
    with tempfile.TemporaryDirectory(prefix="rl-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as another user and must pass through
        map_dir = folder / "map"
        mapfolder.save(small_county(), map_dir)
        with launcher.run(folder / "data") as stores:
            asyncio.run(_seed(str(stores.database_url), terminals))
            port = free_port()
            with _environment("RIDGELINE_JT808_PORT", str(port)):
                server = ServerProcess(
                    map_dir=map_dir,
                    data_dir=folder,
                    database_url=str(stores.database_url),
                    redis_url=str(stores.redis_url),
                )
            with running(server):
                yield port


@contextmanager
def a_bare_echo() -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks._bare_echo", str(port)]
    process = subprocess.Popen(command)
    try:
        asyncio.run(_answers(port))
        yield port
    finally:
        process.terminate()
        process.wait(STEP_S_MAX)


async def _answers(port: int) -> None:
    async with asyncio.timeout(STEP_S_MAX):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(RETRY_S)


async def _seed(database_url: str, terminals: int) -> None:
    await migrate.apply(database_url)
    pool = await open_pool(database_url)
    try:
        await pool.execute(_DEVICES, terminals)
        await pool.execute(_IDENTITIES, terminals, PHONE_FIRST)
    finally:
        await pool.close()


def allow_sockets() -> None:
    """A socket a terminal: as many open files as the system grants."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if most == resource.RLIM_INFINITY else min(FILES_MAX, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
