"""A server signs no more of a log that is not what was signed of it before.

Who has the database and not the key would else have us sign what he has made of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from server.auditexport import Range, export
from server.journal.notes import Signer
from server.journal.verifier import Verification
from server.metrics import Metrics
from server.stores import seals
from server.stores.pool import use_codecs
from tests.server.sealed_log import SIGNER, a_sealer, seal
from tests.server.test_sealer import log
from tests.server.test_tampering import Log


@pytest.fixture
async def owner(pool: Any, database_url: str) -> AsyncIterator[Log]:
    """Eight entries, sealed two at a time; and the database in the hands of its owner."""
    for _ in range(4):
        await log(pool, 2)
        await seal(pool)
    conn = await asyncpg.connect(database_url)
    await use_codecs(conn)
    await conn.execute("SET session_replication_role = replica")
    yield Log(pool, conn)
    await conn.close()


async def rewrite(owner: Log, seq: int = 3, *, without_checkpoints_from: int = 1) -> None:
    """One entry says something else, with its leaf and the whole tree: all that needs no key."""
    async with owner.owner.transaction():
        await owner.sql("UPDATE journal_entry SET body = '{\"n\": 99}' WHERE id = $1", seq)
        await owner.leaf(seq)
        await owner.tree()
        await owner.sql("DELETE FROM journal_checkpoint WHERE size >= $1", without_checkpoints_from)


async def signed(pool: Any) -> int:
    newest = await seals.newest(pool)
    return 0 if newest is None else newest.size


async def size(pool: Any) -> int:
    async with pool.acquire() as conn:
        return await seals.size(conn)


async def restarted(pool: Any, caplog: pytest.LogCaptureFixture) -> str:
    """What a server says that starts now, with one entry to seal."""
    metrics, before = Metrics(), await size(pool)
    await log(pool)
    sealer = a_sealer(pool, metrics=metrics)
    await sealer.seal_batch()
    await sealer.seal_batch()
    assert await size(pool) == before + 1, "entries get their places all the same"
    said = [each.message for each in caplog.records if "is signed" in each.message]
    assert f"journal_unsigned {before + 1}" in metrics.text() or not said
    assert len(said) < 2, "once is enough"
    return said[0] if said else ""


async def test_a_server_that_starts_signs_on(
    pool: Any, owner: Log, caplog: pytest.LogCaptureFixture
) -> None:
    assert await restarted(pool, caplog) == ""
    assert await signed(pool) == 9


@pytest.mark.parametrize(
    ("kept", "why"),
    [(9, "first 8 entries are not those that were signed"),
     (7, "first 6 entries are not those that were signed"),
     (1, "its checkpoints are gone")],
)  # fmt: skip
async def test_a_log_that_was_rewritten_is_not_signed(
    pool: Any, owner: Log, caplog: pytest.LogCaptureFixture, kept: int, why: str
) -> None:
    await rewrite(owner, without_checkpoints_from=kept)

    assert why in await restarted(pool, caplog)
    assert await signed(pool) == kept - 1


async def test_nor_one_whose_end_was_cut_off(
    pool: Any, owner: Log, caplog: pytest.LogCaptureFixture
) -> None:
    await owner.sql("DELETE FROM journal_leaf WHERE seq > 6")

    assert "8 entries were signed, and some are gone" in await restarted(pool, caplog)
    assert await signed(pool) == 8


async def test_nor_one_that_a_stranger_signed(
    pool: Any, owner: Log, caplog: pytest.LogCaptureFixture
) -> None:
    await owner.sign(Signer(name="ridgeline", secret=bytes(32)))

    assert "not signed with a key we know" in await restarted(pool, caplog)


async def test_nor_one_whose_nodes_were_taken_out(
    pool: Any, owner: Log, caplog: pytest.LogCaptureFixture
) -> None:
    await owner.sql("DELETE FROM journal_leaf WHERE seq > 7")
    await owner.sql("DELETE FROM journal_checkpoint WHERE size > 6")
    await owner.sql("DELETE FROM journal_node WHERE level = 1 AND number = 3")
    await owner.sql("DELETE FROM journal_node WHERE level = 1 AND number = 2")

    with pytest.raises(seals.LogDamaged):
        await restarted(pool, caplog)
    assert await a_sealer(pool).before_reading() == 1, "what there is can be read all the same"


async def test_of_two_servers_the_one_that_remembers_does_not_sign_what_the_other_reads(
    pool: Any, owner: Log, caplog: pytest.LogCaptureFixture
) -> None:
    one = a_sealer(pool)
    await one.seal_batch()
    await log(pool)
    other = await seal(pool)
    await rewrite(owner, seq=9, without_checkpoints_from=9)
    await log(pool)

    await one.seal_batch()  # it knows of eight, and those are as they were
    await log(pool)
    await other.seal_batch()

    assert "first 9 entries are not those that were sealed" in caplog.text
    assert await signed(pool) == 10


async def test_a_server_under_which_a_backup_is_restored_says_what_to_do(
    pool: Any, owner: Log, caplog: pytest.LogCaptureFixture
) -> None:
    running = a_sealer(pool)
    await running.seal_batch()
    await owner.sql("DELETE FROM journal_leaf WHERE seq > 4")
    await owner.sql("DELETE FROM journal_checkpoint WHERE size > 4")
    await log(pool)

    await running.seal_batch()

    assert "it had 8 entries and has lost some. Where a backup was restored, start" in caplog.text
    await seal(pool)
    assert await signed(pool) == 5


async def test_after_another_key_a_server_that_starts_signs_on(pool: Any, owner: Log) -> None:
    new = Signer(name="ridgeline", secret=bytes(32))
    async with pool.acquire() as conn:
        await seals.use_key(conn, expected=str(SIGNER.verifier), wanted=str(new.verifier))
    await log(pool)

    await seal(pool, new, former=SIGNER)

    assert await signed(pool) == 9


async def test_without_the_key_nobody_makes_a_log_that_verifies(
    pool: Any, owner: Log, caplog: pytest.LogCaptureFixture
) -> None:
    await rewrite(owner)
    await restarted(pool, caplog)
    verification = Verification(SIGNER.verifier)

    await export(pool, Range(), verification.feed)

    assert verification.finish().findings
