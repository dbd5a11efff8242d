"""`ridgeline batteries` asks a running server; refusals are one line."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from devices.shell import api as shellapi
from server.cli.batteries import PASSWORD, batteries_command
from server.http.passwords import Passwords
from server.stores.pool import Pool
from server.views import UnitView
from tests.patience import PATIENCE_S
from tests.server.field_rows import add_device, add_unit
from tests.whole_server import WholeServer, whole_server

SECRET = "seven small otters"


@pytest.fixture
async def server(
    small_map_dir: Path,
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[WholeServer]:
    """With two cameras on duty, one of which has told its level; the command waits for it."""
    monkeypatch.setattr(shellapi, "TIMEOUT_S", PATIENCE_S)
    for number in (7, 8):
        await add_device(pool, f"cam-0{number}", unit_id=await add_unit(pool, f"P-0{number}"))
    await pool.execute("UPDATE shift SET on_at = now()")
    await pool.execute(
        "INSERT INTO last_position (device_id, observed_at, received_at, lon, lat, battery_pct, "
        "mode) VALUES ('cam-07', now(), now(), 100.2, 27.5, 34, 'standby')"
    )
    async with whole_server(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    ) as server:
        passwords = Passwords()
        hashed = await passwords.hash(SECRET)
        passwords.close()
        await server.add_user("wang", ["dispatcher"], password_hash=hashed)
        yield server


async def run(*arguments: str, password: str = SECRET) -> Result:
    return await asyncio.to_thread(
        CliRunner().invoke, batteries_command, arguments, env={PASSWORD: password}
    )


async def test_the_list_as_a_table_as_json_and_as_csv(server: WholeServer) -> None:
    where = ("--server", server.url, "--user", "wang")

    table, plain, sheet = [await run(*where, *form) for form in ((), ("--json",), ("--csv",))]

    assert (table.exit_code, plain.exit_code, sheet.exit_code) == (0, 0, 0)
    assert "1 of 2 cameras last with less than 80 %" in " ".join(table.stdout.split())
    low, unknown = json.loads(plain.stdout)["cameras"]
    assert (low["device_id"], low["level_pct"]) == ("cam-07", 34.0)
    assert (unknown["device_id"], unknown["p_lasts"]) == ("cam-08", None)
    head, first, second = csv.reader(sheet.stdout.splitlines())
    assert head[:3] == ["unit", "camera", "level"]
    assert first[:3] == ["P-07", "cam-07", "34 %"]
    assert first[7].startswith("charge by ")
    assert second[4] == "unknown"


async def test_a_shift_to_come_has_nobody_who_is_on_duty_then(server: WholeServer) -> None:
    units: list[UnitView] = server.services.board.units()
    assert units[0].on_duty_since is not None
    later = f"{units[0].on_duty_since.astimezone():%Y-%m-%dT%H:%M}"

    found = await run("--server", server.url, "--user", "wang", "--begins", later, "--json")

    assert json.loads(found.stdout)["cameras"] == []


@pytest.mark.parametrize(
    ("arguments", "password", "words"),
    [
        ((), "wrong", "refuses"),
        (("--begins", "tomorrow"), SECRET, "2026-01-31T08:00"),
        (("--server", "127.0.0.1"), SECRET, "begins with http"),
        (("--server", "http://127.0.0.1:1"), SECRET, "does not answer"),
    ],
    ids=["password", "time", "address", "nobody there"],
)
async def test_a_refusal_is_one_line(
    server: WholeServer, arguments: tuple[str, ...], password: str, words: str
) -> None:
    found = await run("--server", server.url, "--user", "wang", *arguments, password=password)

    assert found.exit_code == 1
    assert words in found.stderr
    assert len(found.stderr.splitlines()) == 1
