"""A server in a process of its own, as an operator runs it: to be watched, and to be killed."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.patience import PATIENCE_S

START_S_MAX = 4 * PATIENCE_S
"""It loads libraries and compiles, seconds of work where nobody else works."""

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
NEVER_LENT = range(20_000, 32_000)[WORKER % 16 :: 16]
"""Ports above the well-known services and below those that Linux (32768) and macOS (49152) lend;
no two workers choose among the same."""

NO_GUESTS = {"RIDGELINE_TAK_PORT": "off", "RIDGELINE_JT808_PORT": "off"}
"""Unless a test says otherwise: they would all want the same ports."""


class ServerProcess:
    """`ridgeline serve` over given stores, or its private ones.

    `kill` is `kill -9`; `start` again is a restart.
    """

    def __init__(
        self,
        *,
        map_dir: Path,
        data_dir: Path,
        database_url: str | None = None,
        redis_url: str | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.port = free_port()
        self.log = data_dir / "server.log"
        self._command = [
            *(sys.executable, "-m", "server.cli", "serve"),
            *("--map", str(map_dir), "--data", str(data_dir), "--port", str(self.port)),
            *options,
        ]
        self.database_url = database_url or ""
        """Empty: one of its own."""
        named = {"DATABASE_URL": self.database_url, "REDIS_URL": redis_url or ""}
        self._env = NO_GUESTS | os.environ | named
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until it says that it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._env, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_S_MAX
        while not self._is_ready():
            assert self._process.poll() is None, f"the server ended:\n{self.log.read_text()}"
            assert time.monotonic() < deadline, f"not ready in time:\n{self.log.read_text()}"

    def kill(self) -> None:
        """End it as a power cut would."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, as an operator would."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.wait(PATIENCE_S)
        self._process = None

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=PATIENCE_S).status_code == 200
        except httpx.TransportError:
            time.sleep(0.05)  # between two looks at another process; nothing else tells
            return False


@contextmanager
def running(server: ServerProcess) -> Iterator[ServerProcess]:
    """Started, and surely gone afterwards."""
    try:
        server.start()
        yield server
    finally:
        server.kill()


def free_port() -> int:
    """A port of the loopback interface that nobody uses and that nobody is lent in the meantime.

    Whoever names no port gets one above these; a server that ends and starts again keeps its own.
    """
    while True:
        port = secrets.choice(NEVER_LENT)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
