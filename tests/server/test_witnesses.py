"""Devices as witnesses: what they are shown of the command log, and what their word is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import asyncpg
import pytest

from protocols.native import Ack, Location, Report, State
from server import witnesses
from server.checkpointfile import CheckpointFile
from server.journal import keyring, notes
from server.journal.checkpoint import Checkpoint
from server.journal.kinds import JournalKind
from server.journal.notes import Signer
from server.metrics import Metrics
from server.sealer import Sealer
from server.stores import journal, receipts, seals
from server.stores.fanout import RedisFanOut
from server.stores.pool import Pool
from server.witnesses import Witnesses
from tests.server.field_room import field_room, utc_now
from tests.server.field_rows import add_device, store_outage
from tests.server.sealed_log import SIGNER, a_sealer, seal

KEY = ("cam-07", "i1")
OTHER = Signer(name="ridgeline", secret=bytes(32))


async def log(pool: Pool, count: int = 1) -> str:
    """So many entries more, sealed; the newest checkpoint."""
    for n in range(count):
        async with pool.acquire() as conn, conn.transaction():
            await journal.append(
                conn,
                actor="user:wang",
                subject="incident:1",
                kind=JournalKind.INCIDENT_OPENED,
                body={"n": n},
            )
    return (await seal(pool)).newest()


async def another_history(pool: Pool, size: int, signer: Signer = SIGNER) -> str:
    """A checkpoint that this log never had."""
    origin, _ = await seals.log(pool)
    return Checkpoint(origin=origin, size=size, root=bytes(range(32))).signed(signer)


def of(pool: Pool, newest: str = "", metrics: Metrics | None = None) -> Witnesses:
    return Witnesses(
        pool=pool,
        fanout=RedisFanOut("redis://127.0.0.1:1"),
        clock=utc_now,
        newest=lambda: newest,
        metrics=metrics or Metrics(),
    )


async def alarms(pool: Pool) -> list[tuple[str, int]]:
    rows = await pool.fetch("SELECT severity, times FROM work_item WHERE kind = 'log_disputed'")
    return [tuple(row) for row in rows]


async def test_a_device_that_has_seen_the_log_is_written_down(pool: Pool) -> None:
    note = await log(pool, 3)

    await of(pool).take(KEY, note)
    await of(pool).take(KEY, note)

    (receipt,) = await receipts.newest(pool)
    assert (receipt.device_id, receipt.size, receipt.fits) == ("cam-07", 3, True)
    assert await alarms(pool) == []


async def test_a_history_that_this_log_never_had_is_an_alarm_and_is_kept(pool: Pool) -> None:
    await log(pool, 3)
    note = await another_history(pool, 2)

    await of(pool).take(KEY, note)
    await of(pool).take(KEY, note)
    await of(pool).take(("cam-08", "i1"), note)

    assert await alarms(pool) == [("alarm", 2)], "each device raises it once"
    assert [each.fits for each in await receipts.newest(pool)] == [False, False]
    said = "SELECT body->>'item' FROM journal_entry WHERE kind = 'work.raised'"
    assert await pool.fetchval(said) == "log_disputed"


async def test_a_longer_log_than_ours_is_an_alarm_too(pool: Pool) -> None:
    await log(pool, 3)

    await of(pool).take(KEY, await another_history(pool, 900))

    assert await alarms(pool) == [("alarm", 1)]


async def test_a_tree_that_somebody_made_anew_is_an_alarm_though_the_notes_are_left(
    pool: Pool, database_url: str
) -> None:
    note = await log(pool, 3)
    owner = await asyncpg.connect(database_url)
    await owner.execute("SET session_replication_role = replica")
    await owner.execute("UPDATE journal_node SET hash = sha256('') WHERE level = 1 AND number = 0")
    await owner.close()

    await of(pool).take(KEY, note)

    assert await alarms(pool) == [("alarm", 1)]


async def test_a_stored_checkpoint_that_somebody_spoiled_accuses_no_witness(
    pool: Pool, database_url: str
) -> None:
    note = await log(pool, 3)
    owner = await asyncpg.connect(database_url)
    await owner.execute("SET session_replication_role = replica")
    await owner.execute("UPDATE journal_checkpoint SET note = 'nonsense'")
    await owner.close()
    metrics = Metrics()

    await of(pool, metrics=metrics).take(KEY, note)

    assert [each.fits for each in await receipts.newest(pool)] == [True]
    assert metrics.value("checkpoints_unbelieved") == 0


@pytest.mark.parametrize("note", ["", "nonsense", "a\n1\nb\n\n\u2014 x y\n", "x" * 1000])
async def test_what_is_no_checkpoint_proves_nothing(pool: Pool, note: str) -> None:
    await log(pool)

    await of(pool).take(KEY, note)

    assert await alarms(pool) == []
    assert await receipts.newest(pool) == []


async def test_what_a_stranger_signed_proves_nothing(pool: Pool) -> None:
    await log(pool)
    metrics = Metrics()

    await of(pool, metrics=metrics).take(KEY, await another_history(pool, 1, OTHER))

    assert await alarms(pool) == []
    assert metrics.value("checkpoints_unbelieved") == 1


async def test_before_anything_was_signed_nothing_can_be_believed(pool: Pool) -> None:
    await of(pool).take(KEY, await another_history(pool, 1))

    assert await receipts.newest(pool) == []


async def test_what_a_former_key_signed_still_counts(pool: Pool) -> None:
    note = await log(pool, 2)
    origin, _ = await seals.log(pool)
    body = {
        "before": str(SIGNER.verifier),
        "key": str(OTHER.verifier),
        "statement": keyring.announce(origin, OTHER.verifier, by=SIGNER),
    }
    async with pool.acquire() as conn, conn.transaction():
        await journal.append(
            conn,
            actor="system",
            subject="journal",
            kind=JournalKind.JOURNAL_KEY_CHANGED,
            body=body,
        )
        assert await seals.use_key(conn, expected=str(SIGNER.verifier), wanted=str(OTHER.verifier))
    newer = (await seal(pool, OTHER, former=SIGNER)).newest()
    watch = of(pool)

    await watch.take(KEY, newer)
    await watch.take(KEY, note)

    rows = await pool.fetch("SELECT size, fits FROM journal_receipt ORDER BY size")
    assert [tuple(row) for row in rows] == [(2, True), (3, True)]


async def test_only_the_newest_receipts_that_fit_are_kept(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "KEPT_MAX", 3)
    watch = of(pool)
    await log(pool)
    await watch.take(KEY, await another_history(pool, 1))
    for _ in range(6):
        await watch.take(KEY, await log(pool))

    rows = await pool.fetch("SELECT size, fits FROM journal_receipt ORDER BY size")
    assert [row["size"] for row in rows if row["fits"]] == sorted(
        row["size"] for row in rows if row["fits"]
    )
    assert [row["fits"] for row in rows].count(True) == 3
    assert [row["size"] for row in rows if not row["fits"]] == [1]


def a_file(path: Path, watch: Witnesses, newest: str) -> CheckpointFile:
    return CheckpointFile(path, newest=lambda: newest, fits=watch.take_own, metrics=Metrics())


async def test_a_server_is_a_witness_of_what_it_signed_before_it_was_started_anew(
    pool: Pool, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint.txt"
    await log(pool, 3)
    path.write_text(await another_history(pool, 2))
    own = a_file(path, of(pool), await log(pool))

    assert await own.show()
    await own.copy()

    assert await alarms(pool) == [("alarm", 1)]
    assert (tmp_path / "checkpoint.txt.disputed").read_text().split("\n")[1] == "2"
    assert path.read_text().split("\n")[1] == "4"
    assert await a_file(path, of(pool), "").show()
    assert await alarms(pool) == [("alarm", 1)], "and then all is as it should be"
    assert await receipts.count_devices(pool) == 0, "its own file is no device"


@pytest.mark.parametrize("found", [None, b"", b"\xff\xfe", b"nonsense", b"x" * 100_000])
async def test_what_is_no_checkpoint_in_its_own_file_holds_nothing_up(
    pool: Pool, tmp_path: Path, found: bytes | None
) -> None:
    path = tmp_path / "checkpoint.txt"
    if found is not None:
        path.write_bytes(found)
    note = await log(pool)
    own = a_file(path, of(pool), note)

    assert await own.show()
    await own.copy()

    assert (await alarms(pool), path.read_text()) == ([], note)


async def test_where_the_store_is_away_the_own_file_is_compared_later(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint.txt"
    await log(pool)
    path.write_text(await another_history(pool, 1))
    own = a_file(path, of(pool), "")

    async with store_outage(database_url):
        assert not await own.show()

    assert path.exists()
    assert await own.show()
    assert len(await alarms(pool)) == 1


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM journal_receipt", "UPDATE journal_receipt SET fits = true",
     "INSERT INTO journal_receipt VALUES ('a', 'b', 1, '', true, now())"],
)  # fmt: skip
async def test_the_application_cannot_take_a_receipt_away(pool: Pool, statement: str) -> None:
    await of(pool).take(KEY, await log(pool))

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(statement)


async def test_a_checkpoint_is_offered_once_and_not_too_often(pool: Pool) -> None:
    newest = ["one"]
    watch = Witnesses(
        pool=pool,
        fanout=RedisFanOut("redis://127.0.0.1:1"),
        clock=utc_now,
        newest=lambda: newest[0],
        metrics=Metrics(),
    )

    assert watch.offer(KEY, 100.0) == "one"
    assert watch.offer(KEY, 200.0) == "", "it was told already"
    assert watch.offer(("cam-09", "i1"), 100.0) == "one"
    assert watch.offer(("cam-09", "i1"), 701.0) == "one", "it did not show it: that was lost"
    newest[0] = "two"
    assert watch.offer(KEY, 159.0) == "", "too soon"
    assert watch.offer(KEY, 160.0) == "two"
    assert watch.offer(("cam-08", "i1"), 160.0) == "two"


async def test_when_too_many_are_remembered_all_are_told_anew(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnesses, "KNOWN_LEN_MAX", 2)
    metrics = Metrics()
    watch = of(pool, "one", metrics)

    told = [watch.offer((f"cam-{n}", "i1"), 0.0) for n in (1, 2, 3, 1)]

    assert told == ["one"] * 4
    assert "witnesses_known 2" in metrics.text()


@pytest.mark.parametrize("transport", ["websocket", "http"])
async def test_a_device_is_given_checkpoints_and_shows_them_with_its_reports(
    pool: Pool, transport: Literal["websocket", "http"]
) -> None:
    sealer: Sealer = a_sealer(pool)
    note = await log(pool, 2)
    await sealer.seal_batch()
    await add_device(pool)
    async with (
        field_room(pool, transport=transport, newest=sealer.newest) as room,
        room.device() as device,
    ):
        welcome = await device.hello()
        assert welcome.ckpt == note
        await device.say(State(n=1, id="nobody's", s=Report.RECEIVED, at=1, seen=note))
        await device.acked(1)
        await device.say(Location(n=2, at=1, lat=27.5, lon=100.2))
        await device.acked(2)

    acks = [each for each in device.seen if isinstance(each, Ack)]
    assert {each.ckpt for each in acks} == {""}, "it has the newest already"
    (receipt,) = await receipts.newest(pool)
    assert (receipt.device_id, receipt.size, receipt.fits) == ("cam-07", 2, True)
    assert notes.verify(note, SIGNER.verifier)
