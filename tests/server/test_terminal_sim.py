"""`ridgeline device sim jt808` against the door of terminals."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from click.testing import CliRunner

from devices.jt808.ride import Ride, location_of
from server.cli import main
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.server.field_room import utc_now
from tests.server.terminal_room import (
    PHONE,
    QUICK,
    TerminalRoom,
    an_order,
    comes,
    known,
    terminal_room,
)


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[TerminalRoom]:
    async with terminal_room(pool, limits=replace(QUICK, track_every_s=1)) as house:
        yield house


async def test_the_command_drives_answers_calls_for_help_and_backfills(
    house: TerminalRoom, pool: Pool
) -> None:
    await an_order(pool)
    await known(pool)
    command = [
        *("device", "sim", "jt808", "--server", f"127.0.0.1:{house.port}", "--phone", PHONE),
        *("--year", "2019", "--route", "104.9,28.65;104.95,28.7", "--interval", "0.5"),
        *("--answer", "accept", "--think", "0", "--battery", "63", "--sos-after", "1"),
        *("--dead-zone", "2:3"),
    ]

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server.cli", *command), stdout=asyncio.subprocess.PIPE
    )
    try:
        await comes(lambda: house.value("SELECT state FROM dispatch_order"), "accepted")
        await comes(lambda: house.value("SELECT count(*) FROM sos_call"), 1)
        said = await _until(process, "network again")
        backfilled = "SELECT count(*) > 0 FROM position WHERE received_at > observed_at + '1.2 s'"
        await comes(lambda: house.value(backfilled), True)
    finally:
        process.terminate()
        rest, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)

    said += rest.decode()
    assert process.returncode == 0
    assert "question: A17 紧急 交通事故 永宁路口。先到者封路。约12分钟。" in said
    assert "[1 收到 / 2 无法执行]" in said
    assert "answers: 收到" in said
    assert "no network" in said
    assert await house.value("SELECT max(battery_pct) FROM position") == 63


async def _until(process: asyncio.subprocess.Process, words: str) -> str:
    """What it says, up to the line with these words."""
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(PATIENCE_S):
        while words not in said:
            line = (await process.stdout.readline()).decode()
            assert line, f"it ended without saying {words!r}:\n{said}"
            said += line
    return said


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--server", "nowhere"),
        ("--route", "104.9"),
        ("--route", "200,10"),
        ("--dead-zone", "5"),
        ("--phone", "no number"),
    ],
)
def test_wrong_options_are_named(option: str, text: str) -> None:
    options = {"--server": "127.0.0.1:1", "--phone": PHONE} | {option: text}
    words = [word for pair in options.items() for word in pair]

    found = CliRunner().invoke(main, ["device", "sim", "jt808", *words, "--duration", "0.1"])

    assert found.exit_code != 0
    assert option in found.output


def test_a_ride_goes_to_and_fro_at_its_speed() -> None:
    ride = Ride([(100.0, 27.0), (100.0, 27.01)], speed_mps=10.0)
    half_s = ride.length_m / 10.0

    there, back = ride.at(half_s / 2), ride.at(half_s * 1.5)

    assert [there.lat, back.lat] == pytest.approx([27.005, 27.005])
    assert [there.heading_deg, back.heading_deg] == pytest.approx([0.0, 180.0])
    assert location_of(back, utc_now(), battery_pct=7).values.battery_pct == 7
    assert Ride([(1.0, 2.0)], speed_mps=10.0).at(99).speed_mps == 0
