"""The sealer: every committed entry gets its place once, and the log's checkpoint is signed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import migrate, sealer
from server.journal import canonical, leaf, merkle
from server.journal.checkpoint import Checkpoint
from server.journal.kinds import JournalKind
from server.journal.leaf import Content
from server.journal.merkle import Frontier
from server.journal.notes import Signer
from server.metrics import Metrics
from server.stores import journal, seals
from server.stores.away import STORE_AWAY
from server.stores.journal import Entry
from server.stores.pool import open_pool
from tests.patience import PATIENCE_S
from tests.server.sealed_log import SIGNER, a_sealer, seal

KIND = JournalKind.INCIDENT_OPENED


async def log(pool: Any, count: int = 1, **body: Any) -> None:
    """In one transaction."""
    entries = [
        Entry(actor="user:wang", subject=f"incident:{n}", kind=KIND, body={"n": n, **body})
        for n in range(count)
    ]
    async with pool.acquire() as conn, conn.transaction():
        await journal.append_all(conn, entries)


async def leaves(pool: Any) -> list[bytes]:
    """As they are stored; and each is what its entry says."""
    rows = await pool.fetch(
        "SELECT l.seq, l.salts, l.hash, e.id, e.actor, e.subject, e.kind, e.body::text AS body, "
        "to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at "
        "FROM journal_leaf l JOIN journal_entry e ON e.id = l.entry_id ORDER BY l.seq"
    )
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        values = leaf.fields(
            actor=row["actor"],
            subject=row["subject"],
            kind=row["kind"],
            body=canonical.loads(row["body"]),
        )
        content = Content(id=row["id"], at=row["at"], values=values)
        assert content.leaf(leaf.paired(values, row["salts"])) == row["hash"]
    return [row["hash"] for row in rows]


async def newest(pool: Any, signer: Signer = SIGNER) -> Checkpoint | None:
    found = await seals.newest(pool)
    return None if found is None else Checkpoint.verified(found.note, signer.verifier)


async def assert_whole(pool: Any, size: int, *, strange: int = 0) -> None:
    """Dense, every leaf right, every node there, and signed as it is."""
    hashes = await leaves(pool)
    assert len(hashes) == size
    checkpoint, (whole, complete) = await newest(pool), Frontier().appended(hashes)
    assert checkpoint is not None
    assert (checkpoint.size, checkpoint.root) == (size, whole.root)
    stored = {
        (row["level"], row["number"]): row["hash"]
        for row in await pool.fetch("SELECT * FROM journal_node")
    }
    assert stored == {node: found for node, found in complete if node[0]}
    assert await pool.fetchval("SELECT count(*) FROM journal_pending") == strange


async def test_an_empty_log_has_nothing_to_sign(pool: Any) -> None:
    await seal(pool)

    assert await newest(pool) is None


async def test_the_entries_of_one_step_keep_their_order(pool: Any) -> None:
    await log(pool, 7)

    await seal(pool)

    assert [row["n"] for row in await _bodies(pool)] == list(range(7))
    await assert_whole(pool, 7)


async def test_batches_give_the_same_log_as_one(pool: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(sealer, "BATCH_LEN_MAX", 3)
    await log(pool, 20)

    await seal(pool)

    await assert_whole(pool, 20)
    assert await pool.fetchval("SELECT count(*) FROM journal_checkpoint") == 7


async def test_two_servers_seal_while_many_write(pool: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(sealer, "BATCH_LEN_MAX", 5)
    both = [a_sealer(pool), a_sealer(pool)]

    async def until_all() -> None:
        while await pool.fetchval("SELECT count(*) FROM journal_leaf") < 60:
            await asyncio.gather(*(each.seal_batch() for each in both))

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(until_all(), *(log(pool, 3) for _ in range(20)))

    await assert_whole(pool, 60)


async def test_a_sealer_that_dies_in_the_middle_leaves_all_to_the_next(
    pool: Any, database_url: str
) -> None:
    await log(pool, 3)
    await seal(pool)
    await log(pool, 4)
    held = await asyncpg.connect(database_url)
    await held.execute("BEGIN; LOCK TABLE journal_checkpoint IN EXCLUSIVE MODE")
    dying = asyncio.create_task(a_sealer(pool).seal_batch())
    await held.execute("SELECT pg_terminate_backend($1)", await _waits_for_checkpoints(held))
    with pytest.raises(STORE_AWAY):
        await dying
    await held.execute("ROLLBACK")
    await held.close()
    assert len(await leaves(pool)) == 3

    await seal(pool)

    await assert_whole(pool, 7)


async def test_a_sealer_goes_on_where_another_stopped(pool: Any) -> None:
    first = await seal(pool)
    for _ in range(3):
        await log(pool, 2)
        await seal(pool)
    await log(pool)

    assert not await first.seal_batch(), "it knew of an empty log"

    await assert_whole(pool, 7)


async def test_what_is_rolled_back_has_no_place(pool: Any) -> None:
    async with pool.acquire() as conn:
        step = conn.transaction()
        await step.start()
        await journal.append(conn, actor="system", subject="user:x", kind=KIND, body={})
        await step.rollback()
    await log(pool)

    await seal(pool)

    await assert_whole(pool, 1)


async def test_the_database_refuses_a_leaf_that_is_not_the_next(pool: Any) -> None:
    await log(pool)
    await seal(pool)

    async with pool.acquire() as conn:
        for first_seq in (1, 3):
            with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
                await _put(conn, first_seq, entry_id=1)
        with pytest.raises(asyncpg.UniqueViolationError):
            await _put(conn, 2, entry_id=1)
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="that wait"):
            await _put(conn, 2, entry_id=99)

    await assert_whole(pool, 1)


async def test_with_another_key_the_log_goes_on_and_nothing_is_signed(
    pool: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await log(pool)
    await seal(pool)
    metrics, stranger = Metrics(), Signer(name="ridgeline", secret=bytes(32))
    await log(pool, 2)

    other = a_sealer(pool, stranger, metrics)
    await other.seal_batch()
    await other.seal_batch()

    assert len(await leaves(pool)) == 3
    checkpoint = await newest(pool)
    assert checkpoint is not None
    assert checkpoint.size == 1
    assert "journal_unsigned 3" in metrics.text()
    assert caplog.text.count("no checkpoint of the command log is signed") == 1

    await seal(pool)
    await assert_whole(pool, 3)


async def test_a_node_that_was_taken_out_stops_the_sealer_and_no_writer(
    pool: Any, database_url: str
) -> None:
    await log(pool, 2)
    await seal(pool)
    owner = await asyncpg.connect(database_url)
    await owner.execute("ALTER TABLE journal_node DISABLE TRIGGER ALL; DELETE FROM journal_node")
    await owner.close()
    await log(pool)

    with pytest.raises(seals.LogDamaged):
        await seal(pool)

    await log(pool)


async def test_a_row_of_the_queue_that_is_not_an_entry_without_a_place_holds_nothing_up(
    pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealer, "BATCH_LEN_MAX", 2)
    await log(pool, 3)
    await seal(pool)
    await pool.execute("INSERT INTO journal_pending VALUES (-1), (0), (1), (2), (3)")

    await log(pool, 3)
    await seal(pool)

    await assert_whole(pool, 6, strange=5)


async def test_a_log_of_before_is_sealed_as_it_stands(
    empty_database_url: str, tmp_path: Path
) -> None:
    for each in sorted(migrate.MIGRATIONS_DIR.glob("*.sql")):
        if "merkle_log" in each.name:
            break
        (tmp_path / each.name).write_bytes(each.read_bytes())
    await migrate.apply(empty_database_url, tmp_path)
    pool = await open_pool(empty_database_url)
    old = "SELECT journal_append('user:wang', 'incident:1', 'incident.opened', $1)"
    for n in range(3):
        await pool.execute(old, {"n": n, "odd": [1.5e300, -0.0, 2**63 - 1, "\u2028 \U0001f693"]})
    await pool.close()
    await migrate.apply(empty_database_url)
    pool = await open_pool(empty_database_url)
    await log(pool, odd="new")

    await seal(pool)

    await assert_whole(pool, 5)
    kinds = await pool.fetch("SELECT kind, body, id FROM journal_entry ORDER BY id")
    assert [row["id"] for row in kinds] == [1, 2, 3, 4, 5]
    assert (kinds[3]["kind"], kinds[3]["body"]) == ("journal.adopted", {"entries": 3, "last": 3})
    await pool.close()


async def test_every_body_that_the_database_takes_can_be_sealed(pool: Any) -> None:
    for text in ("[1, 2]", '"text"', "null", "1e400", "0.10", '{"a": {"b": [1.50, null, true]}}'):
        await pool.execute(f"SELECT journal_append('system', 'user:x', 'made.up', '{text}'::jsonb)")

    await seal(pool)

    await assert_whole(pool, 6)


async def test_a_proof_is_made_of_stored_nodes(pool: Any) -> None:
    await log(pool, 11)
    await seal(pool)
    hashes = await leaves(pool)
    root = Frontier().appended(hashes)[0].root

    async with pool.acquire() as conn:
        for index in range(11):

            def prove(nodes: merkle.Nodes, index: int = index) -> list[bytes]:
                return merkle.inclusion(nodes, index, 11)

            proof = await seals.with_nodes(conn, prove)
            assert merkle.includes(root, 11, index, hashes[index], proof)


async def test_what_is_appended_shows_without_anybody_asking(pool: Any) -> None:
    running = asyncio.create_task(a_sealer(pool).run())
    await log(pool, 2)

    async with asyncio.timeout(PATIENCE_S):
        while True:
            if (checkpoint := await newest(pool)) is not None and checkpoint.size == 2:
                break
            await asyncio.sleep(0.01)

    running.cancel()
    await assert_whole(pool, 2)


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
_SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT
)
_JSON = st.recursive(
    _SCALAR, lambda each: st.lists(each) | st.dictionaries(_TEXT, each), max_leaves=10
)


@pytest.fixture(scope="module")
def jsonb(template_database: str, servers: Any) -> Any:
    """What PostgreSQL makes of a JSON text."""
    loop = asyncio.new_event_loop()
    conn = loop.run_until_complete(asyncpg.connect(servers.database_url))
    yield lambda text: loop.run_until_complete(conn.fetchval("SELECT $1::text::jsonb::text", text))
    loop.run_until_complete(conn.close())
    loop.close()


@given(value=_JSON)
def test_the_canonical_text_survives_jsonb(jsonb: Any, value: Any) -> None:
    text = canonical.dumps(value)

    assert canonical.dumps(canonical.loads(text)) == text
    assert canonical.dumps(canonical.loads(jsonb(text))) == text


async def _bodies(pool: Any) -> list[Any]:
    query = "SELECT body FROM journal_leaf JOIN journal_entry ON id = entry_id ORDER BY seq"
    return [row["body"] for row in await pool.fetch(query)]


async def _put(conn: Any, first_seq: int, *, entry_id: int) -> None:
    await conn.execute(seals.SEAL, first_seq, [entry_id], [b""], [bytes(32)], [], [], [], [""])


async def _waits_for_checkpoints(conn: Any) -> int:
    """Process id of the connection that waits to write one."""
    waiting = "relation = 'journal_checkpoint'::regclass AND NOT granted"
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if pid := await conn.fetchval(f"SELECT pid FROM pg_locks WHERE {waiting}"):
                return int(pid)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("waiting", "others_write", "more", "rest_s"),
    [
        (0, False, False, sealer.SEAL_EVERY_S),
        (20, True, False, 19 * 0.05),
        (4_000, True, True, 19 * 0.05),
        (4_000, False, True, 0.0),
        (sealer.BURST_LEN_MAX + 1, True, True, 0.05),
    ],
)
def test_a_burst_is_not_held_up_and_a_load_that_goes_on_is_followed(
    waiting: int, others_write: bool, more: bool, rest_s: float
) -> None:
    tired = a_sealer(None)
    tired._waiting, tired._others_write = waiting, others_write

    assert tired._rest_s(0.05, more=more) == pytest.approx(rest_s)
