"""`ridgeline device renew-epochs` on a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner, Result

from server.cli.admin import device_group
from server.stores.pool import Pool, open_pool
from tests.server.field_rows import add_device

T = TypeVar("T")


def on(url: str, work: Callable[[Pool], Awaitable[T]]) -> T:
    async def run() -> T:
        pool = await open_pool(url, connections_max=1)
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with two devices, which the command finds."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def seed(pool: Pool) -> None:
        await add_device(pool, "cam-07")
        await add_device(pool, "cam-08")

    on(database_url, seed)
    return database_url


def run(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(device_group, ["renew-epochs", *arguments], input=answer)


def state(url: str) -> tuple[dict[str, str], list[Any]]:
    """Epochs by device, and what the command log says."""

    async def read(pool: Pool) -> tuple[dict[str, str], list[Any]]:
        epochs = await pool.fetch("SELECT id, epoch FROM device")
        said = await pool.fetch(
            "SELECT subject, body FROM journal_entry WHERE kind = 'device.epochs_renewed'"
        )
        return {row["id"]: row["epoch"] for row in epochs}, [tuple(row) for row in said]

    return on(url, read)


def test_all_devices_begin_anew_and_the_log_says_who_did_it(url: str) -> None:
    before, _ = state(url)

    result = run("--yes", "--json")

    assert json.loads(result.output) == {"renewed": ["cam-07", "cam-08"]}
    after, said = state(url)
    assert all(after[each] != before[each] for each in before)
    assert after["cam-07"] != after["cam-08"]
    assert said == [("device:all", {"devices": "all", "count": 2})]


def test_one_device_begins_anew_and_the_others_go_on(url: str) -> None:
    before, _ = state(url)

    result = run("cam-08", answer="y\n")

    assert result.exit_code == 0
    after, said = state(url)
    assert [each for each in before if after[each] != before[each]] == ["cam-08"]
    assert said == [("device:cam-08", {"devices": ["cam-08"], "count": 1})]


@pytest.mark.parametrize(
    ("arguments", "answer", "told"),
    [((), "n\n", "Aborted"), (("cam-08", "cam-99", "--yes"), None, "called cam-99")],
    ids=["not confirmed", "no such device"],
)
def test_nothing_changes_where_it_is_not_wanted_or_not_possible(
    url: str, arguments: tuple[str, ...], answer: str | None, told: str
) -> None:
    before = state(url)

    result = run(*arguments, answer=answer)

    assert (result.exit_code, told in result.output) == (1, True)
    assert state(url) == before
