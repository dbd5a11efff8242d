"""A county to take pictures of: a demonstration on a free port, its fleet on the road."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec

from server import demo
from server.cli.demo import FLEET_FILE, KEPT_FILE
from tests.server_process import free_port

SEED = 3
AREA_KM2 = 900
UNITS = 14
SPEED = 20.0
HISTORY_SPEED = 60.0
HISTORY_S = 90.0
"""So long a simulated dispatcher works before the first picture: what there is to look back on."""
INCIDENTS_PER_HOUR = 8.0
"""Of simulated hours: some units are still at work then, more than half are free."""
START_S_MAX = 300.0
STOP_S_MAX = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class County:
    """Runs; its people and devices are invented."""

    url: str
    seeded: demo.DemoSeed


@contextmanager
def county(maps: Path, folder: Path) -> Iterator[County]:
    """`maps` keeps the synthetic map for the next time; all else is in `folder`."""
    roads = _map(maps)
    port = free_port()
    command = ["demo", "--no-sim", "--map", str(roads), "--data", str(folder), "--port", str(port)]
    with _running([*command, "--seed", str(SEED), "--units", str(UNITS)], folder / "server.log"):
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, folder / "server.log")
        kept = msgspec.json.decode((folder / KEPT_FILE).read_bytes())
        seeded = msgspec.convert(kept["seed"], demo.DemoSeed)
        drive = [
            *("sim", "--url", url, "--fleet", str(folder / FLEET_FILE), "--map", str(roads)),
            *("--seed", str(SEED)),
        ]
        hectic = ["--speed", str(HISTORY_SPEED), "--duration", str(HISTORY_S)]
        _once([*drive, *hectic, "--incidents-per-hour", str(INCIDENTS_PER_HOUR)])
        calm = ["--speed", str(SPEED), "--no-autopilot"]
        with _running([*drive, *calm], folder / "simulator.log"):
            yield County(url=url, seeded=seeded)


def _map(maps: Path) -> Path:
    folder = maps / f"map-synthetic-{SEED}-{AREA_KM2}"
    if not (folder / "meta.json").exists():
        _once(
            ["map", "synth", "--seed", str(SEED), "--area-km2", str(AREA_KM2), "--out", str(folder)]
        )
    return folder


def _once(command: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "server.cli", *command], check=True)


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("ab") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", "server.cli", *command], stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait_for(url: str, log: Path) -> None:
    deadline = time.monotonic() + START_S_MAX
    while True:
        try:
            if httpx.get(f"{url}/readyz", timeout=START_S_MAX).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.2)  # between two looks at another process; nothing else tells
        if time.monotonic() > deadline:
            raise TimeoutError(f"The server was not ready in time:\n{log.read_text()}")
