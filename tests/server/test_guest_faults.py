"""PostgreSQL stops under a terminal, a phone app and a TAK client, and returns: real processes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from geo.roadmap import RoadMap
from protocols.cot.chat import Outcome
from server import demo, migrate
from server.embedded import launcher
from server.stores.pool import open_pool
from tests.patience import PATIENCE_S
from tests.quick_passwords import QUICK
from tests.server.field_room import utc_now
from tests.server.field_rows import add_device, add_identity
from tests.server.tak_room import UID, TakPeer
from tests.server.terminal_room import PHONE, a_fix, a_terminal, comes
from tests.server_process import START_S_MAX, ServerProcess, free_port, running

DEADLINE_S = START_S_MAX + 4 * PATIENCE_S
TOKEN = "k3y-of-this-phone-alone"
REPORTS = 5
"""Of the terminal, while nobody can store them."""


async def guests_known(url: str, small_map: RoadMap) -> None:
    """A county with one device of each kind."""
    await migrate.apply(url)
    pool = await open_pool(url)
    await demo.seed(pool, small_map, units=2, hasher=QUICK)
    for device_id, protocol, name, secret in (
        ("terminal", "jt808", PHONE, None),
        ("phone", "osmand", "7", TOKEN),
        ("tak", "tak", UID, None),
    ):
        await add_device(pool, device_id, kind="handset", token=device_id)
        await add_identity(pool, device_id, protocol=protocol, external_id=name, secret=secret)
    await pool.close()


async def ask(url: str, query: str, *values: object) -> Any:
    conn = await asyncpg.connect(url)
    try:
        return await conn.fetchval(query, *values)
    finally:
        await conn.close()


async def stored(url: str, device_id: str) -> int:
    query = "SELECT count(*) FROM position WHERE device_id = $1"
    found: int = await ask(url, query, device_id)
    return found


async def well(phone: httpx.AsyncClient) -> None:
    """Until the server says that it is ready."""
    while (await phone.get("/readyz")).status_code != 200:  # noqa: ASYNC110
        await asyncio.sleep(0.05)  # between two looks at another process


def a_point(ago_s: float) -> dict[str, Any]:
    at = round((utc_now() - timedelta(seconds=ago_s)).timestamp())
    return {"id": "7", "timestamp": at, "lat": 28.65, "lon": 104.9}


async def test_nothing_is_confirmed_that_is_not_stored_and_all_go_on(
    small_map: RoadMap,
    small_map_dir: Path,
    short_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminals, tak = free_port(), free_port()
    monkeypatch.setenv("RIDGELINE_JT808_PORT", str(terminals))
    monkeypatch.setenv("RIDGELINE_TAK_PLAIN_PORT", str(tak))
    path = f"/o/{TOKEN}"
    with launcher.run(short_dir / "stores") as stores:
        url, postgres = stores.database_url, stores.postgres
        assert url is not None
        assert postgres is not None
        await guests_known(url, small_map)
        server = ServerProcess(
            map_dir=small_map_dir,
            data_dir=tmp_path,
            database_url=url,
            redis_url=str(stores.redis_url),
        )
        async with asyncio.timeout(DEADLINE_S):
            with running(server):
                async with (
                    a_terminal(terminals) as terminal,
                    httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as phone,
                ):
                    await terminal.let_in()
                    terminal.report(a_fix(60))
                    await terminal.all_taken()
                    assert (await phone.get(path, params=a_point(60))).status_code == 200
                    before = TakPeer(tak, None, uid=UID, callsign="li")
                    async with before:
                        await before.report()
                        await comes(lambda: stored(url, "tak"), 1)
                        await asyncio.to_thread(postgres.stop)

                        for number in range(REPORTS):
                            terminal.report(a_fix(10 + number))
                        missed = a_point(10)
                        said = await before.write("桥断了，别走老路")
                        refused = await phone.get(path, params=missed)
                        await before.closed()
                        kept = terminal.session.kept_count

                    await asyncio.to_thread(postgres.start)
                    await asyncio.to_thread(postgres.wait_ready)
                    await well(phone)
                    again = await phone.get(path, params=missed)
                    await terminal.all_taken()
                    async with TakPeer(tak, None, uid=UID, callsign="li") as after:
                        await after.report()
                        await after.write(said.text, id=said.id)
                        receipt = await after.hear(lambda each: each.type == Outcome.DELIVERED)
                        await comes(lambda: stored(url, "tak"), 2)
                rows = [await stored(url, each) for each in ("terminal", "phone")]
                lines = await ask(url, "SELECT count(*) FROM intake WHERE text = $1", said.text)

    assert (refused.status_code, again.status_code) == (503, 200)
    assert kept == REPORTS, "none was confirmed"
    assert not [each for each in before.heard if each.type == Outcome.DELIVERED]
    assert receipt.uid == said.id
    assert rows == [1 + REPORTS, 2]
    assert lines == 1
    assert "Traceback" not in server.log.read_text()
