"""What proves single entries to a checker with checkpoints of its own, and what a search leaves as
a file."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import asyncpg
import pytest

from server import journalsheet, redaction
from server.auditdesk import AuditDesk
from server.auditviews import ProofsView, ProofView
from server.journal import leaf, merkle
from server.journal.checkpoint import Checkpoint
from server.journal.findings import FindingKind, Report
from server.journal.kinds import JournalKind
from server.journal.verifier import Verification
from server.stores import journal
from server.stores.journal import Entry
from server.stores.logsearch import JournalFilter
from server.stores.pool import Pool, use_codecs
from tests.server.sealed_log import SIGNER, a_sealer, seal

BODY: Final[dict[str, Any]] = {
    "note": 'snow "deep"\n\u4e2d',
    "lon": 100.25,
    "big": 2**60,
    "e": None,
}


async def append(pool: Pool, count: int, body: dict[str, Any] = BODY) -> None:
    one = Entry(
        actor="user:wang", subject="incident:1", kind=JournalKind.INCIDENT_OPENED, body=body
    )
    async with pool.acquire() as conn, conn.transaction():
        await journal.append_all(conn, [one] * count)
    await seal(pool)


@pytest.fixture
async def log(pool: Pool) -> Pool:
    """Of eleven entries."""
    await append(pool, 11)
    return pool


async def proofs(pool: Pool, *seqs: int, held: int = 0) -> ProofsView:
    return await AuditDesk(pool=pool, sealer=a_sealer(pool)).proofs(seqs, held=held)


def signed(found: ProofsView) -> Checkpoint:
    assert found.note is not None
    return Checkpoint.verified(found.note, SIGNER.verifier)


def unpacked(texts: list[str]) -> list[bytes]:
    return [base64.b64decode(each) for each in texts]


def made(entry: ProofView) -> bytes:
    """The leaf as a stranger makes it of what was sent, without our code for values."""
    committed = {name: base64.b64decode(each) for name, each in entry.redacted.items()}
    for name, (salt, text) in entry.fields.items():
        committed[name] = leaf.commitment(base64.b64decode(salt), name, json.loads(text))
    assert entry.id is not None
    assert entry.at is not None
    return merkle.leaf_hash(leaf.data(entry.id, entry.at, committed))


def proved(entry: ProofView, found: ProofsView) -> bool:
    assert entry.path is not None
    kept = signed(found)
    path = unpacked(entry.path)
    return merkle.includes(kept.root, kept.size, entry.seq - 1, made(entry), path)


async def test_every_entry_leads_to_the_root_of_the_signed_checkpoint(log: Pool) -> None:
    await redaction.redact(log, 3, ["body.note", "actor"], by="user:li", reason="asked for")
    await seal(log)

    found = await proofs(log, 1, 3, 11, 12, 4711)

    assert [each.seq for each in found.entries] == [1, 3, 11, 12]
    assert all(proved(each, found) for each in found.entries)
    assert set(found.entries[1].redacted) == {"actor", "body.note"}
    assert found.entries[0].fields["body.big"][1] == str(2**60)
    assert (found.size, found.key) == (12, str(SIGNER.verifier))


async def test_the_log_is_shown_to_begin_with_what_the_checker_holds(log: Pool) -> None:
    before = signed(await proofs(log))
    await append(log, 6)

    found = await proofs(log, held=before.size)

    after = signed(found)
    assert found.consistency is not None
    path = unpacked(found.consistency)
    assert merkle.extends(before.root, before.size, after.root, after.size, path)
    assert (await proofs(log, held=after.size)).consistency == []
    assert (await proofs(log, held=after.size + 1)).consistency is None, "a log that was cut"


async def test_what_was_changed_behind_our_back_goes_out_as_it_stands(
    log: Pool, database_url: str
) -> None:
    owner = await asyncpg.connect(database_url)
    await use_codecs(owner)
    await owner.execute("SET session_replication_role = replica")
    await owner.execute("UPDATE journal_entry SET body = body || '{\"lon\": 99}' WHERE id = 5")
    await owner.execute("DELETE FROM journal_entry WHERE id = 7")
    await owner.execute("DELETE FROM journal_node WHERE level = 1 AND number = 1")
    await owner.close()

    found = await proofs(log, 1, 3, 5, 6, 7)

    beside, in_the_lost_node, changed, whole, gone = found.entries
    assert not proved(changed, found)
    assert proved(whole, found)
    assert (gone.id, gone.fields, gone.path is not None) == (None, {}, True)
    assert proved(in_the_lost_node, found)
    assert beside.path is None, "its way leads over the node that is gone"


async def test_a_file_has_all_that_was_found_or_is_refused(
    log: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await append(log, 1, {"note": "=1+1"})
    monkeypatch.setattr(journalsheet, "PAGE_LEN_MAX", 4)
    async with log.acquire() as conn:
        found = await journalsheet.matching(conn, JournalFilter(actor="user:wang"))

        monkeypatch.setattr(journalsheet, "ENTRIES_LEN_MAX", 11)
        with pytest.raises(journalsheet.TooManyEntries, match="narrow"):
            await journalsheet.matching(conn, JournalFilter(actor="user:wang"))

    assert [each.seq for each in found] == list(range(12, 0, -1))
    head, first, *rest = journalsheet.as_csv(found).splitlines()
    assert head == "seq,at,kind,actor,subject,body,redacted"
    assert first.startswith("12,")
    assert '""=1+1""' in first, "inside JSON it is no formula"
    assert len(rest) == 11


def checked(lines: list[str], *witnesses: str) -> Report:
    verification = Verification(SIGNER.verifier, witnesses=witnesses)
    for line in lines:
        verification.feed(line)
    return verification.finish()


async def noted(pool: Pool) -> str:
    note = await AuditDesk(pool=pool, sealer=a_sealer(pool)).checkpoint()
    assert note is not None
    return note


@pytest.mark.parametrize("seq", [2, 9, 14], ids=["long before", "before", "after the checkpoint"])
async def test_the_proof_of_one_entry_is_held_against_a_checkpoint_that_somebody_keeps(
    log: Pool, seq: int
) -> None:
    kept = await noted(log)
    await append(log, 5)
    newest, desk = await noted(log), AuditDesk(pool=log, sealer=a_sealer(log))

    for_all, for_one = await desk.proof(seq), await desk.proof(seq, held=11)

    assert checked(for_all.splitlines(), newest).agreed == [16]
    assert checked(for_all.splitlines(), kept).unchecked != []
    report = checked(for_one.splitlines(), kept, newest)
    assert (report.findings, report.agreed, report.unchecked) == ([], [11, 16], [])


async def test_a_checkpoint_of_another_history_does_not_fit_the_proof_of_an_entry(
    log: Pool,
) -> None:
    await append(log, 5)
    mine = Checkpoint.verified(await noted(log), SIGNER.verifier)
    other = [
        Checkpoint(origin=mine.origin, size=size, root=bytes(32)).signed(SIGNER)
        for size in (11, 16)
    ]

    lines = (await AuditDesk(pool=log, sealer=a_sealer(log)).proof(2, held=11)).splitlines()

    assert checked(lines, *other).disputed == [11, 16]
    longer = Checkpoint(origin=mine.origin, size=17, root=bytes(32)).signed(SIGNER)
    assert [each.kind for each in checked(lines, longer).findings] == [FindingKind.TRUNCATED]
