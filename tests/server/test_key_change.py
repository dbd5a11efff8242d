"""Another key for the log: announced under the one before, whatever breaks off in the middle."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from server import keychange, signingkey
from server.auditexport import Range, export
from server.dispatch.stance import Effects, StanceMode
from server.envvalues import SettingsError
from server.journal import notes
from server.journal.findings import FindingKind as Kind
from server.journal.kinds import JournalKind
from server.journal.notes import Verifier
from server.journal.verifier import Verification
from server.keychange import CannotChangeKey
from server.metrics import Metrics
from server.sealer import Sealer
from server.signingkey import SigningKey
from server.stancedesk import NewStance, StanceDesk
from server.stores import journal, seals
from server.stores.fanout import RedisFanOut
from server.stores.pool import Pool
from tests.server.field_room import utc_now


@pytest.fixture
async def sealer(pool: Pool, tmp_path: Path) -> Sealer:
    """Of a server that runs on this folder, with one entry sealed."""
    read = partial(signingkey.load_keys, tmp_path)
    sealer = Sealer(pool=pool, key=SigningKey(read(), read), metrics=Metrics())
    await log(pool)
    await sealer.seal_batch()
    return sealer


async def log(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await journal.append(
            conn, actor="user:wang", subject="x:1", kind=JournalKind.INCIDENT_OPENED, body={}
        )


async def kinds_found(pool: Pool, *keys: Verifier) -> set[Kind]:
    verification = Verification(*keys)
    await export(pool, Range(), verification.feed)
    return {each.kind for each in verification.finish().findings}


async def test_the_first_key_alone_verifies_what_all_that_follow_signed(
    pool: Pool, tmp_path: Path, sealer: Sealer
) -> None:
    first = signingkey.load_or_make(tmp_path).verifier
    for _ in range(2):
        await keychange.change(pool, tmp_path, by="operator:root")
        await log(pool)
        await sealer.seal_batch()

    last = signingkey.load_or_make(tmp_path).verifier
    assert await seals.log(pool) == ((await seals.log(pool))[0], str(last))
    assert await kinds_found(pool, first) == set()
    assert await kinds_found(pool, last) == {Kind.FORGED}, "it says nothing of those before"
    lines = signingkey.public_path(tmp_path).read_text().splitlines()
    assert (len(lines), lines[0], lines[-1]) == (3, str(last), str(first))
    assert signingkey.secret_path(tmp_path).stat().st_mode & 0o777 == 0o600


async def test_a_change_that_was_broken_off_is_finished_by_saying_it_again(
    pool: Pool, tmp_path: Path, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = signingkey.load_or_make(tmp_path).verifier

    def power_cut(data_dir: Path) -> None:
        raise SettingsError("dark")

    with monkeypatch.context() as patched:
        patched.setattr(signingkey, "put_next_in_place", power_cut)
        with pytest.raises(SettingsError):
            await keychange.change(pool, tmp_path, by="operator:root")

    key = await keychange.change(pool, tmp_path, by="operator:root")
    await sealer.seal_batch()

    assert signingkey.load_or_make(tmp_path).verifier == key
    said = "SELECT count(*) FROM journal_entry WHERE kind = 'journal.key_changed'"
    assert await pool.fetchval(said) == 1
    assert await kinds_found(pool, first) == set()


async def test_another_folder_cannot_change_the_key(
    pool: Pool, tmp_path: Path, sealer: Sealer
) -> None:
    with pytest.raises(CannotChangeKey, match="Restore the keys folder"):
        await keychange.change(pool, tmp_path / "other", by="operator:root")


async def test_before_anything_was_signed_there_is_no_key_to_change(
    pool: Pool, tmp_path: Path
) -> None:
    with pytest.raises(CannotChangeKey, match="start a server first"):
        await keychange.change(pool, tmp_path, by="operator:root")


async def test_after_a_lost_key_who_verifies_must_say_both(
    pool: Pool, tmp_path: Path, sealer: Sealer
) -> None:
    first = signingkey.load_or_make(tmp_path).verifier
    signingkey.secret_path(tmp_path).unlink()
    await log(pool)
    await sealer.seal_batch()  # with the key that it has in memory

    second = await keychange.replace_lost(pool, tmp_path, by="operator:root")
    await log(pool)
    await sealer.seal_batch()

    assert await kinds_found(pool, first) == {Kind.FORGED}
    assert await kinds_found(pool, first, second) == set()
    with pytest.raises(CannotChangeKey, match="nothing is lost"):
        await keychange.replace_lost(pool, tmp_path, by="operator:root")


async def test_a_running_server_signs_orders_of_war_with_the_log_s_key_of_now(
    pool: Pool, tmp_path: Path, sealer: Sealer
) -> None:
    read = partial(signingkey.load_keys, tmp_path)
    fanout = RedisFanOut("redis://127.0.0.1:1")
    desk = StanceDesk(pool=pool, fanout=fanout, key=SigningKey(read(), read), clock=utc_now)
    new = await keychange.change(pool, tmp_path, by="operator:root")
    wanted = NewStance(
        request_id="1", mode=StanceMode.WAR, reason="Border is closed.", effects=Effects(),
        lasts=timedelta(hours=1),
    )  # fmt: skip

    given, _ = await desk.give(wanted, by="user:wang", roles=["supervisor"])
    ended = await desk.end(given.order.number, reason="Over.", by="user:wang", roles=["supervisor"])

    assert given.verifier == str(new)
    assert notes.verify(given.note, new)
    assert ended.order.ended_at is not None
    said = await pool.fetchval(
        "SELECT body->>'note' FROM journal_entry WHERE kind = 'stance.ended'"
    )
    assert notes.verify(said, new)


async def test_the_public_half_of_a_lost_key_stays_with_its_folder(
    pool: Pool, tmp_path: Path, sealer: Sealer
) -> None:
    first = signingkey.load_or_make(tmp_path).verifier
    shutil.rmtree(tmp_path / signingkey.FOLDER)

    second = await keychange.replace_lost(pool, tmp_path, by="operator:root")
    await log(pool)
    await sealer.seal_batch()

    known = signingkey.load_keys(tmp_path).known
    assert known == (second, first)
    assert await kinds_found(pool, *reversed(known)) == set()
    assert signingkey.public_path(tmp_path).stat().st_mode & 0o777 == 0o644


def test_a_line_of_the_public_file_that_is_no_key_stops_no_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = signingkey.load_or_make(tmp_path).verifier
    path = signingkey.public_path(tmp_path)
    path.write_bytes(path.read_bytes() + b"ridgeline+12ab\n\n\xff\n")

    assert signingkey.load_keys(tmp_path).known == (first,)
    assert caplog.text.count("is no public key") == 2


def test_a_public_file_is_never_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = signingkey.load_or_make(tmp_path).verifier

    def power_cut(handle: int) -> None:
        raise OSError("dark")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", power_cut)
        with pytest.raises(SettingsError, match="dark"):
            signingkey.note_lost(tmp_path, "another")

    assert signingkey.load_keys(tmp_path).known == (first,)
    assert {each.name for each in (tmp_path / "keys").iterdir()} == {"signing.key", "signing.pub"}
