"""The real country: built from its data, served, and driven through by the simulator."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from geo import mapfolder
from server import demo
from server.stores.pool import Pool
from tests.console_feed import watching
from tests.patience import PATIENCE_S
from tests.quick_passwords import QUICK
from tests.server_process import ServerProcess, running

pytestmark = pytest.mark.data

UNITS = 12
CLOSED = 3
SECONDS_MAX = 2 * PATIENCE_S
"""The simulator loads the map first, and whole jobs take their time."""


@contextmanager
def simulated(server: ServerProcess, fleet: Path, map_dir: Path, log: Path) -> Iterator[None]:
    """`ridgeline sim` with its dispatcher, in a process of its own, forty times as fast as life."""
    command = [
        *(sys.executable, "-m", "server.cli", "sim", "--url", server.url),
        *("--fleet", str(fleet), "--map", str(map_dir), "--seed", "7"),
        *("--speed", "40", "--incidents-per-hour", "60"),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield
        assert process.poll() is None, f"the simulator ended:\n{log.read_text()}"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


async def test_incidents_in_andorra_go_from_open_to_closed(
    andorra_dir: Path, database_url: str, redis_url: str, pool: Pool, tmp_path: Path
) -> None:
    seeded = await demo.seed(pool, mapfolder.load(andorra_dir), units=UNITS, hasher=QUICK)
    demo.write_fleet(seeded.fleet, tmp_path / "fleet.json")
    login = seeded.fleet.dispatcher
    server = ServerProcess(
        map_dir=andorra_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    )

    with running(server), simulated(server, tmp_path / "fleet.json", andorra_dir, tmp_path / "sim"):
        async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
            body = {"username": login.username, "password": login.password}
            (await client.post("/api/login", json=body)).raise_for_status()
            async with watching(server.url, client) as feed:
                await feed.wait_for_positions(UNITS, SECONDS_MAX)
                await feed.wait_for_closed(CLOSED, SECONDS_MAX)

    closed = await pool.fetch("SELECT outcome, closed_by FROM incident WHERE status = 'closed'")
    assert len(closed) >= CLOSED
    states = await pool.fetch("SELECT DISTINCT state FROM order_event WHERE applied ORDER BY state")
    assert {"issued", "delivered", "accepted", "en_route", "on_scene", "done"} <= {
        row["state"] for row in states
    }
