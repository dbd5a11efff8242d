"""`ridgeline webhook` on a real database: added, listed, tried again, removed, as over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from server.cli.webhook import webhook_group
from server.journal.kinds import JournalKind
from server.stores import journal
from server.stores.pool import open_pool
from server.webhookform import ATTEMPTS_MAX
from tests.server.sealed_log import seal

URL = "https://province.example/told?key=secret"


@pytest.fixture
def command(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("DATABASE_URL", database_url)

    def run(*arguments: str, fails: str = "") -> Any:
        done = CliRunner().invoke(webhook_group, [*arguments, "--json"])
        assert (done.exit_code != 0) == bool(fails), done.output
        assert fails in done.output
        return None if fails else json.loads(done.output)

    return run


def on_the_database(url: str, *statements: str) -> list[Any]:
    async def work() -> list[Any]:
        pool = await open_pool(url)
        for each in statements:
            await pool.execute(each)
        async with pool.acquire() as conn, conn.transaction():
            kind = JournalKind.ORDER_ISSUED
            await journal.append(conn, actor="system", subject="order:1", kind=kind, body={})
        await seal(pool)
        rows = await pool.fetch(
            "SELECT kind, body FROM journal_entry WHERE kind LIKE 'webhook.%' ORDER BY id"
        )
        await pool.close()
        return [(row["kind"], row["body"]) for row in rows]

    return asyncio.run(work())


def test_its_life_from_the_command_line(database_url: str, command: Callable[..., Any]) -> None:
    made = command("add", "Province", URL, "--kind", "order", "--kind", "journal.checkpoint")
    webhook_id = made["webhook"]["id"]
    assert made["secret"].startswith("whsec_")
    [listed] = command("list")
    assert (listed["name"], listed["kinds"]) == ("Province", ["journal.checkpoint", "order"])
    assert "secret" not in listed
    on_the_database(
        database_url,
        f"""INSERT INTO webhook_delivery (webhook_id, what, number, attempts, next_at, dead_at)
            SELECT id, 'entry', n, {ATTEMPTS_MAX}, now(), now()
            FROM webhook, generate_series(1, 3) n""",
    )
    assert [each["number"] for each in command("dead", "Province")["deliveries"]] == [3, 2, 1]
    assert command("resend", "Province", "--number", "2")["dead"] == 2
    assert command("drop", webhook_id)["dead"] == 0
    assert command("remove", "Province", "--why", "moved")["ended_why"] == "moved"
    command("resend", "Province", fails="There is no webhook Province")
    command("resend", webhook_id, fails="told nothing any more")
    assert on_the_database(database_url) == [
        ("webhook.added", {"name": "Province", "url": "https://province.example"}
         | {"kinds": ["journal.checkpoint", "order"]}),
        ("webhook.retried", {"deliveries": 1}),
        ("webhook.dropped", {"deliveries": 2}),
        ("webhook.ended", {"why": "moved", "dropped": 1}),
    ]  # fmt: skip


def test_what_cannot_be_is_refused_in_one_line(command: Callable[..., Any]) -> None:
    for url, kind in (("http://province.example", "order"), (URL, "nothing")):
        command("add", "P", url, "--kind", kind, fails="Error: ")
    command("add", " ", URL, "--kind", "order", fails="Error: ")
    command("dead", "nonsense", fails="There is no webhook nonsense")
    for _ in range(2):
        command("add", "P", URL, "--kind", "order")
    command("remove", "P", "--why", "x", fails="Several are called P")
