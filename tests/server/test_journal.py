"""The command log: append-only for the application, dense, searchable."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from server.journal.kinds import JournalKind
from server.stores import journal, logsearch
from server.stores.logsearch import JournalFilter
from tests.server.sealed_log import seal


async def log(pool: Any, **values: Any) -> None:
    entry: dict[str, Any] = {
        "actor": "user:wang",
        "subject": "incident:1",
        "kind": "incident.opened",
        "body": {},
    }
    async with pool.acquire() as conn, conn.transaction():
        await journal.append(conn, **(entry | values))


async def found(pool: Any, **wanted: Any) -> list[int]:
    await seal(pool)
    async with pool.acquire() as conn:
        page = await logsearch.search(conn, JournalFilter(**wanted))
    return [entry.seq for entry in page.entries]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_entry SET actor = 'user:nobody'",
        "DELETE FROM journal_entry",
        "TRUNCATE journal_entry",
        "INSERT INTO journal_entry VALUES (9, now(), 'user:x', 'user:x', 'made.up', '{}')",
        "UPDATE order_event SET note = ''",
        "DELETE FROM order_event",
        "UPDATE decision SET reason = 'nicer'",
        "DELETE FROM recommendation",
        "ALTER TABLE journal_entry DISABLE TRIGGER ALL",
        "INSERT INTO journal_leaf VALUES (1, 1, '', '{}', '')",
        "UPDATE journal_leaf SET salts = ''",
        "DELETE FROM journal_node",
        "UPDATE journal_checkpoint SET note = ''",
        "INSERT INTO journal_entry (id, actor, subject, kind, body) VALUES (9, '', '', '', '{}')",
        "INSERT INTO journal_entry (at, actor, subject, kind, body) "
        "VALUES (now(), '', '', '', '{}')",
        "DELETE FROM journal_pending",
        "UPDATE journal_log SET origin = 'another'",
    ],
)
async def test_the_application_cannot_change_history(pool: Any, statement: str) -> None:
    await log(pool)

    async with pool.acquire() as conn:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(statement)

    assert await found(pool) == [1]


@pytest.mark.parametrize(
    "statement", ["UPDATE journal_entry SET actor = ''", "DELETE FROM journal_entry"]
)
async def test_even_the_owner_is_stopped_by_the_trigger(
    pool: Any, database_url: str, statement: str
) -> None:
    await log(pool)
    owner = await asyncpg.connect(database_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await owner.execute(statement)
    finally:
        await owner.close()


async def test_many_write_at_once_and_every_entry_has_its_place(pool: Any) -> None:
    await asyncio.gather(*(log(pool, body={"n": n}) for n in range(40)))

    assert await found(pool) == list(range(40, 0, -1))


async def test_who_writes_waits_for_nobody_who_has_not_committed(pool: Any) -> None:
    async with pool.acquire() as slow, slow.transaction():
        await journal.append(
            slow, actor="system", subject="user:x", kind=JournalKind.USER_SIGNED_OUT, body={}
        )
        await log(pool)

        assert await found(pool, kind="incident.opened") == [1], "the one that committed first"

    assert await found(pool) == [2, 1]


async def test_an_entry_of_a_transaction_that_fails_is_gone_and_leaves_no_gap(pool: Any) -> None:
    async def fail() -> None:
        async with pool.acquire() as conn, conn.transaction():
            await journal.append(
                conn,
                actor="system",
                subject="user:x",
                kind=JournalKind.USER_SIGNED_OUT,
                body={},
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await log(pool)

    assert await found(pool) == [1]


async def test_search_filters(pool: Any) -> None:
    await log(pool, body={"note": "two lorries at 松坪村", "rate": "50%"})
    await log(pool, kind="order.issued", subject="order:7", body={"unit": "P_07"})
    await log(pool, kind="order.done", actor="officer:B-101", subject="order:7")
    await log(pool, kind="ordered.lunch", body={"unit": "PX07"})

    assert await found(pool) == [4, 3, 2, 1]
    assert await found(pool, kind="order.issued") == [2]
    assert await found(pool, kind="order") == [3, 2]
    assert await found(pool, actor="officer:B-101") == [3]
    assert await found(pool, subject="order:7") == [3, 2]
    assert await found(pool, text="松坪村") == [1]
    assert await found(pool, text="LORRIES") == [1]
    assert await found(pool, text="50%") == [1]
    assert await found(pool, text="P_07") == [2]
    assert await found(pool, text="b-101") == [3]
    now = datetime.now(UTC)
    assert await found(pool, since=now - timedelta(minutes=1)) == [4, 3, 2, 1]
    assert await found(pool, until=now - timedelta(minutes=1)) == []


async def test_pages_cover_everything_once(pool: Any) -> None:
    for n in range(7):
        await log(pool, body={"n": n})

    pages, before = [], None
    await seal(pool)
    async with pool.acquire() as conn:
        while True:
            page = await logsearch.search(conn, JournalFilter(), before=before, limit=3)
            pages.append([entry.seq for entry in page.entries])
            if (before := page.next_before) is None:
                break

    assert pages == [[7, 6, 5], [4, 3, 2], [1]]
