"""Whatever is done to the log behind our back is found, and called by its name.

A log of twenty-four entries, sealed four at a time, so its checkpoints are of 4, 8 … 24 entries.
Somebody who owns the database does something to it, or somebody who has the file does; then the log
is exported and verified with the public key, and with what a witness has kept.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from click.testing import CliRunner

from server import sealer
from server.auditexport import Range, export
from server.cli.audit import audit_group
from server.journal import keyring
from server.journal.checkpoint import Checkpoint
from server.journal.exportfile import Line
from server.journal.findings import FindingKind as Kind
from server.journal.findings import Report
from server.journal.kinds import JournalKind
from server.journal.merkle import Frontier
from server.journal.notes import Signer
from server.journal.verifier import Verification
from server.stores import audit, journal, seals
from server.stores.journal import Entry
from server.stores.pool import Pool, use_codecs
from tests.server.sealed_log import SIGNER, seal

SIZE: Final = 24
STRANGER: Final = Signer(name="ridgeline", secret=bytes(32))


@dataclass
class Log:
    """The owner's view of it."""

    pool: Pool
    owner: Any
    kept: str = ""
    """The newest checkpoint as a witness keeps it."""
    file: list[str] = field(default_factory=list)

    async def sql(self, statement: str, *values: Any) -> None:
        await self.owner.execute(statement, *values)

    async def line(self, seq: int) -> Line:
        found = [each async for each in audit.lines(self.owner, seq, seq)]
        assert isinstance(found[-1], Line)
        return found[-1]

    async def leaf(self, seq: int) -> None:
        """The stored leaf as the entry is now."""
        line = await self.line(seq)
        assert line.content is not None
        made = line.content.leaf(line.salts)
        await self.sql("UPDATE journal_leaf SET hash = $2 WHERE seq = $1", seq, made)

    async def tree(self) -> list[bytes]:
        """The nodes as the leaves are now; returns the root of each size."""
        rows = await self.owner.fetch("SELECT hash FROM journal_leaf ORDER BY seq")
        _, complete = Frontier().appended(row["hash"] for row in rows)
        above = [(level, number, each) for (level, number), each in complete if level]
        await self.sql("DELETE FROM journal_node")
        await self.owner.executemany("INSERT INTO journal_node VALUES ($1, $2, $3)", above)
        frontier, roots = Frontier(), list[bytes]()
        for row in rows:
            frontier, _ = frontier.appended([row["hash"]])
            roots.append(frontier.root)
        return roots

    async def sign(self, signer: Signer, *, since: int = 1) -> None:
        """Tree and every checkpoint anew, as whoever has a key can do it."""
        roots = await self.tree()
        origin = await self.owner.fetchval("SELECT origin FROM journal_log")
        await self.sql("DELETE FROM journal_checkpoint WHERE size > $1", len(roots))
        rows = await self.owner.fetch("SELECT size FROM journal_checkpoint")
        for size in {row["size"] for row in rows if row["size"] >= since} | {len(roots)}:
            note = Checkpoint(origin=origin, size=size, root=roots[size - 1]).signed(signer)
            await self.sql(
                "INSERT INTO journal_checkpoint (size, note) VALUES ($1, $2) "
                "ON CONFLICT (size) DO UPDATE SET note = $2",
                size,
                note,
            )


@pytest.fixture
async def log(pool: Pool, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sealer, "BATCH_LEN_MAX", 4)
    async with pool.acquire() as conn, conn.transaction():
        await journal.append_all(conn, [entry(n) for n in range(1, SIZE + 1)])
    await seal(pool)
    owner = await asyncpg.connect(database_url)
    await use_codecs(owner)
    # Who owns the database takes our triggers out of the way first.
    await owner.execute("SET session_replication_role = replica")
    await owner.execute("BEGIN")
    kept = await owner.fetchval("SELECT note FROM journal_checkpoint ORDER BY size DESC LIMIT 1")
    yield Log(pool, owner, kept)
    await owner.close()


def entry(n: int) -> Entry:
    body = {
        "n": n,
        "note": f"a truck across the road, {n}",
        "lon": 100.25 + n / 1000,
        "units": ["P-01", "P-02"],
        "urgent": True,
    }
    return Entry(
        actor="user:wang",
        subject=f"incident:{n}",
        kind=JournalKind.INCIDENT_OPENED,
        body=body,
    )


async def exported(log: Log, wanted: Range | None = None) -> list[str]:
    await log.sql("COMMIT")
    lines = list[str]()
    await export(log.pool, wanted or Range(), lines.append)
    return lines


def verified(lines: list[str], *witnesses: str, signer: Signer = SIGNER) -> Report:
    verification = Verification(signer.verifier, witnesses=witnesses)
    for line in lines:
        verification.feed(line)
    return verification.finish()


# -- what is done to the database -----------------------------------------------------------


def sql(*statements: str) -> Callable[[Log], Awaitable[None]]:
    async def tamper(log: Log) -> None:
        for statement in statements:
            await log.sql(statement)

    return tamper


def body(change: str, seq: int = 10) -> Callable[[Log], Awaitable[None]]:
    return sql(f"UPDATE journal_entry SET body = {change} WHERE id = {seq}")


SWAP_ROWS: Final = (
    "UPDATE journal_leaf SET seq = 0 - seq WHERE seq IN ({0}, {1})",
    "UPDATE journal_leaf SET seq = CASE seq WHEN -{0} THEN {1} ELSE {0} END WHERE seq < 0",
)
NO_LIMIT: Final = "ALTER TABLE journal_leaf DROP CONSTRAINT journal_leaf_seq_check"


def swapped(one: int, other: int) -> Callable[[Log], Awaitable[None]]:
    return sql(NO_LIMIT, *(each.format(one, other) for each in SWAP_ROWS))


def closed_up(seq: int) -> tuple[str, ...]:
    """An entry is gone, and all behind it move up."""
    return (
        NO_LIMIT,
        f"DELETE FROM journal_leaf WHERE seq = {seq}",
        f"DELETE FROM journal_entry WHERE id = {seq}",
        f"UPDATE journal_leaf SET seq = -seq WHERE seq > {seq}",
        "UPDATE journal_leaf SET seq = -seq - 1 WHERE seq < 0",
    )


def cut(seq: int) -> tuple[str, ...]:
    return (
        f"DELETE FROM journal_entry WHERE id > {seq}",
        f"DELETE FROM journal_leaf WHERE seq > {seq}",
    )


async def entry_and_leaf(log: Log) -> None:
    await body("""jsonb_set(body, '{note}', '"nothing"')""")(log)
    await log.leaf(10)


async def entry_leaf_and_tree(log: Log) -> None:
    await entry_and_leaf(log)
    await log.tree()


async def all_of_it_with_another_key(log: Log) -> None:
    await entry_and_leaf(log)
    await log.sign(STRANGER)


async def put_in(log: Log) -> None:
    """An entry in the middle, with a leaf of its own, and all behind it moved down."""
    await sql(
        NO_LIMIT,
        "UPDATE journal_leaf SET seq = -seq WHERE seq >= 10",
        "UPDATE journal_leaf SET seq = -seq + 1 WHERE seq < 0",
        "INSERT INTO journal_entry (id, actor, subject, kind, body) "
        "VALUES (99, 'user:li', 'incident:1', 'incident.opened', '{}')",
        "INSERT INTO journal_leaf VALUES (10, 99, decode(repeat('ab', 48), 'hex'), '{}', "
        "decode(repeat('00', 32), 'hex'))",
    )(log)
    await log.leaf(10)


async def put_behind(log: Log) -> None:
    await sql(
        "INSERT INTO journal_entry (id, actor, subject, kind, body) "
        "VALUES (99, 'user:li', 'incident:1', 'incident.opened', '{}')",
        "INSERT INTO journal_leaf VALUES (25, 99, decode(repeat('ab', 48), 'hex'), '{}', "
        "decode(repeat('00', 32), 'hex'))",
    )(log)
    await log.leaf(25)


async def with_one_leaf_put_in_place_of_another(log: Log) -> None:
    await sql(
        "UPDATE journal_leaf l SET hash = o.hash FROM journal_leaf o WHERE l.seq = 9 AND o.seq = 10"
    )(log)


async def a_stranger_announces_his_key(log: Log) -> None:
    origin = await log.owner.fetchval("SELECT origin FROM journal_log")
    note = keyring.announce(origin, STRANGER.verifier, by=STRANGER)
    await log.sql(
        "UPDATE journal_entry SET kind = 'journal.key_changed', body = $1 WHERE id = 10",
        {"statement": note},
    )
    await log.sign(STRANGER)


SPOIL_NOTE: Final = "UPDATE journal_checkpoint SET note = {0} WHERE size = {1}"

ANOTHER_ROOT: Final = (
    r"regexp_replace(note, '\n12\n.', E'\n12\n' || "
    r"CASE WHEN note ~ '\n12\nA' THEN 'B' ELSE 'A' END)"
)
"""Of size 12, for `SPOIL_NOTE`."""

DATABASE: Final[dict[str, tuple[Callable[[Log], Awaitable[None]], Kind, int, int]]] = {
    "text of the body": (body("""jsonb_set(body, '{note}', '"no"')"""), Kind.CHANGED, 10, 10),
    "a space at the end": (
        body("""jsonb_set(body, '{note}', to_jsonb(body->>'note' || ' '))"""), Kind.CHANGED, 10, 10
    ),
    "a letter that looks the same": (
        body("replace(body::text, 'a truck', '\u0430 truck')::jsonb"), Kind.CHANGED, 10, 10
    ),
    "a number": (body("jsonb_set(body, '{n}', '11')"), Kind.CHANGED, 10, 10),
    "the last digit of a place": (
        body("jsonb_set(body, '{lon}', '100.2600001')"),
        Kind.CHANGED, 10, 10,
    ),
    "a number becomes a text": (body("""jsonb_set(body, '{n}', '"10"')"""), Kind.CHANGED, 10, 10),
    "yes becomes no": (body("jsonb_set(body, '{urgent}', 'false')"), Kind.CHANGED, 10, 10),
    "order within a list": (
        body("""jsonb_set(body, '{units}', '["P-02", "P-01"]')"""),
        Kind.CHANGED, 10, 10,
    ),
    "a field more": (body("""body || '{"excuse": "fog"}'"""), Kind.CHANGED, 10, 10),
    "a field less": (body("body - 'note'"), Kind.CHANGED, 10, 10),
    "a field by another name": (
        body("body - 'note' || jsonb_build_object('memo', body->'note')"), Kind.CHANGED, 10, 10
    ),
    "a body that is no object": (body("'[]'"), Kind.CHANGED, 10, 10),
    "the first entry": (body("jsonb_set(body, '{n}', '7')", 1), Kind.CHANGED, 1, 1),
    "the last entry": (body("jsonb_set(body, '{n}', '7')", SIZE), Kind.CHANGED, SIZE, SIZE),
    "who": (sql("UPDATE journal_entry SET actor = 'user:li' WHERE id = 10"), Kind.CHANGED, 10, 10),
    "about what": (
        sql("UPDATE journal_entry SET subject = 'incident:7' WHERE id = 10"),
        Kind.CHANGED, 10, 10,
    ),
    "what kind": (
        sql("UPDATE journal_entry SET kind = 'order.done' WHERE id = 10"),
        Kind.CHANGED, 10, 10,
    ),
    "when, by a microsecond": (
        sql("UPDATE journal_entry SET at = at + interval '1 microsecond' WHERE id = 10"),
        Kind.CHANGED, 10, 10,
    ),
    "no time at all": (
        sql("UPDATE journal_entry SET at = 'infinity' WHERE id = 10"),
        Kind.CHANGED, 10, 10,
    ),
    "which one it is": (
        sql("UPDATE journal_entry SET id = 77 WHERE id = 10",
            "UPDATE journal_leaf SET entry_id = 77 WHERE seq = 10"),
        Kind.CHANGED, 10, 10,
    ),
    "all of one actor": (
        sql("UPDATE journal_entry SET actor = 'user:li' WHERE id >= 5"), Kind.CHANGED, 5, 5
    ),
    "two say each other's words": (
        sql("UPDATE journal_entry e SET body = o.body FROM journal_entry o "
            "WHERE (e.id, o.id) IN ((10, 15), (15, 10))"), Kind.CHANGED, 10, 10,
    ),
    "two entries under each other's leaves": (
        sql("ALTER TABLE journal_leaf DROP CONSTRAINT journal_leaf_entry_id_key",
            "UPDATE journal_leaf SET entry_id = CASE seq WHEN 10 THEN 15 ELSE 10 END "
            "WHERE seq IN (10, 15)"),
        Kind.REORDERED, 10, 10,
    ),
    "two neighbours with their leaves": (swapped(10, 11), Kind.REORDERED, 10, 10),
    "two far from each other with their leaves": (swapped(6, 19), Kind.REORDERED, 6, 6),
    "the stored leaf": (
        sql("UPDATE journal_leaf SET hash = decode(repeat('00', 32), 'hex') WHERE seq = 10"),
        Kind.CHANGED, 10, 10,
    ),
    "a leaf like its neighbour's": (with_one_leaf_put_in_place_of_another, Kind.CHANGED, 9, 9),
    "a salt": (
        sql("UPDATE journal_leaf SET salts = overlay(salts PLACING '\\x00000000' FROM 20) "
            "WHERE seq = 10"),
        Kind.CHANGED, 10, 10,
    ),
    "salts cut off": (
        sql("UPDATE journal_leaf SET salts = substr(salts, 17) WHERE seq = 10"),
        Kind.CHANGED, 10, 10,
    ),
    "redacted with a commitment to nothing": (
        sql("""UPDATE journal_leaf SET redacted = '{"body.note": "00"}',
            salts = substr(salts, 17) WHERE seq = 10""",
            "UPDATE journal_entry SET body = body - 'note' WHERE id = 10"), Kind.CHANGED, 10, 10,
    ),
    "entry and leaf together": (entry_and_leaf, Kind.CHANGED, 9, 12),
    "entry, leaf and tree together": (entry_leaf_and_tree, Kind.CHANGED, 9, 12),
    "an entry is gone": (sql("DELETE FROM journal_entry WHERE id = 10"), Kind.MISSING, 10, 10),
    "an entry and its leaf are gone": (
        sql("DELETE FROM journal_entry WHERE id = 10", "DELETE FROM journal_leaf WHERE seq = 10"),
        Kind.MISSING, 10, 10,
    ),
    "the first is gone": (
        sql("DELETE FROM journal_entry WHERE id = 1", "DELETE FROM journal_leaf WHERE seq = 1"),
        Kind.MISSING, 1, 1,
    ),
    "several are gone": (
        sql("DELETE FROM journal_entry WHERE id IN (10, 11, 12)",
            "DELETE FROM journal_leaf WHERE seq IN (10, 11, 12)"),
        Kind.MISSING, 10, 12,
    ),
    "one is gone and the others moved up": (sql(*closed_up(10)), Kind.MISSING, 9, 12),
    "the first is gone and the others moved up": (sql(*closed_up(1)), Kind.MISSING, 1, 4),
    "only its leaf is gone": (sql("DELETE FROM journal_leaf WHERE seq = 10"), Kind.MISSING, 10, 10),
    "the end is cut off": (sql(*cut(20)), Kind.TRUNCATED, 21, SIZE),
    "the end is cut off between checkpoints": (sql(*cut(21)), Kind.TRUNCATED, 22, SIZE),
    "the end is cut off with the tree": (
        sql(*cut(20), "DELETE FROM journal_node"),
        Kind.TRUNCATED, 21, SIZE,
    ),
    "an entry without a leaf": (
        sql("INSERT INTO journal_entry (id, actor, subject, kind, body) "
            "VALUES (99, 'user:li', 'incident:1', 'incident.opened', '{}')"), Kind.INSERTED, 25, 25,
    ),
    "an entry is put in": (put_in, Kind.INSERTED, 10, 10),
    "an entry is put behind": (put_behind, Kind.INSERTED, 25, 25),
    "a checkpoint's root": (
        sql(SPOIL_NOTE.format(ANOTHER_ROOT, 12)),
        Kind.FORGED, 12, 12,
    ),
    "a checkpoint's signature": (
        sql(SPOIL_NOTE.format("left(note, -9) || 'AAAAAAA=' || E'\\n'", 12)),
        Kind.FORGED, 12, 12,
    ),
    "a checkpoint of another log": (
        sql(SPOIL_NOTE.format("(SELECT note FROM journal_checkpoint WHERE size = 8)", 12),
            "UPDATE journal_checkpoint SET note = 'x' || note WHERE size = 12"),
        Kind.FORGED, 12, 12,
    ),
    "the newest checkpoint is gone": (
        sql("DELETE FROM journal_checkpoint WHERE size = 24"),
        Kind.INSERTED, 21, SIZE,
    ),
    "all checkpoints are gone": (sql("DELETE FROM journal_checkpoint"), Kind.FORGED, 1, SIZE),
    "all of it, with another key": (all_of_it_with_another_key, Kind.FORGED, 4, 4),
    "a stranger announces his key": (a_stranger_announces_his_key, Kind.FORGED, 1, 1),
    "the log's name": (sql("UPDATE journal_log SET origin = 'another'"), Kind.FORGED, 4, 4),
}  # fmt: skip


async def test_a_log_that_nobody_touched_is_intact_and_complete(log: Log) -> None:
    report = verified(await exported(log), log.kept)

    assert report.findings == []
    assert (report.first, report.last, report.signed, report.held) == (1, SIZE, SIZE, SIZE)
    assert report.agreed == [SIZE]


@pytest.mark.parametrize("name", DATABASE)
async def test_what_is_done_to_the_database_is_found_and_named(log: Log, name: str) -> None:
    tamper, kind, first, last = DATABASE[name]
    await tamper(log)

    report = verified(await exported(log))

    found = [(each.kind, each.first, each.last) for each in report.findings]
    assert (kind, first, last) in found, found
    assert min(each.first for each in report.findings) == first, found


# -- what is done to the file ---------------------------------------------------------------


def at(lines: list[str], seq: int) -> int:
    return next(n for n, line in enumerate(lines) if json.loads(line).get("seq") == seq)


def edited(old: str, new: str, seq: int = 10) -> Callable[[list[str]], None]:
    def tamper(lines: list[str]) -> None:
        place = at(lines, seq)
        assert old in lines[place]
        lines[place] = lines[place].replace(old, new)

    return tamper


def taken_out(lines: list[str]) -> None:
    del lines[at(lines, 10)]


def exchanged(lines: list[str]) -> None:
    one, other = at(lines, 10), at(lines, 15)
    lines[one], lines[other] = lines[other], lines[one]


def twice(lines: list[str]) -> None:
    lines.insert(at(lines, 15), lines[at(lines, 10)])


def cut_off(lines: list[str]) -> None:
    del lines[at(lines, 15) :]


def shortened(lines: list[str]) -> None:
    del lines[at(lines, 15) : -1]


def broken_off(lines: list[str]) -> None:
    lines[at(lines, 10)] = lines[at(lines, 10)][:50]


def head_gone(lines: list[str]) -> None:
    del lines[0]


def leaf_of_another(lines: list[str]) -> None:
    value, other = json.loads(lines[at(lines, 10)]), json.loads(lines[at(lines, 15)])
    value["leaf"] = other["leaf"]
    lines[at(lines, 10)] = json.dumps(value) + "\n"


def end_moved(lines: list[str]) -> None:
    value = json.loads(lines[-1])
    value["end"]["last"] = 22
    lines[-1] = json.dumps(value) + "\n"


FILE: Final[dict[str, tuple[Callable[[list[str]], None], Kind, int]]] = {
    "a word": (edited("a truck", "no truck"), Kind.CHANGED, 10),
    "a key that stands twice": (
        edited('"subject":', '"subject":["",""],"subject":'),
        Kind.CHANGED, 10,
    ),
    "a stored leaf": (leaf_of_another, Kind.CHANGED, 10),
    "half a line": (broken_off, Kind.CHANGED, 10),
    "no JSON at all": (edited("{", "<"), Kind.CHANGED, 10),
    "a number that is none": (edited('"id":10', '"id":NaN'), Kind.CHANGED, 10),
    "half a character": (edited("truck", "\\ud83d"), Kind.CHANGED, 10),
    "a line is taken out": (taken_out, Kind.MISSING, 10),
    "two lines change places": (exchanged, Kind.REORDERED, 10),
    "a line stands twice": (twice, Kind.INSERTED, 10),
    "the file is cut off": (cut_off, Kind.TRUNCATED, 15),
    "lines before the last are cut out": (shortened, Kind.TRUNCATED, 15),
    "the first line is gone": (head_gone, Kind.TRUNCATED, 1),
    "the last line counts fewer": (end_moved, Kind.INSERTED, 23),
}  # fmt: skip


@pytest.mark.parametrize("name", FILE)
async def test_what_is_done_to_the_file_is_found_and_named(log: Log, name: str) -> None:
    lines = await exported(log)
    tamper, kind, first = FILE[name]
    tamper(lines)

    report = verified(lines)

    found = [(each.kind, each.first) for each in report.findings]
    assert (kind, first) in found, found
    assert min(each.first for each in report.findings) == first, found


# -- whoever has the key --------------------------------------------------------------------


async def rewritten(log: Log) -> None:
    await entry_and_leaf(log)
    await log.sign(SIGNER)


async def cut_and_signed(log: Log) -> None:
    await sql(*cut(20))(log)
    await log.sign(SIGNER)


async def cut_and_filled_up(log: Log) -> None:
    """As long as before, with another end."""
    for seq in range(21, SIZE + 1):
        await body("jsonb_set(body, '{n}', '0')", seq)(log)
        await log.leaf(seq)
    await log.sign(SIGNER)


async def closed_up_and_signed(log: Log) -> None:
    await sql(*closed_up(10))(log)
    await log.sign(SIGNER)


@pytest.mark.parametrize(
    ("tamper", "kind", "first"),
    [
        (rewritten, Kind.FORKED, 1),
        (cut_and_signed, Kind.TRUNCATED, 21),
        (cut_and_filled_up, Kind.FORKED, 1),
        (closed_up_and_signed, Kind.TRUNCATED, SIZE),
    ],
)
async def test_a_history_forged_with_the_key_is_caught_by_one_witness(
    log: Log, tamper: Callable[[Log], Awaitable[None]], kind: Kind, first: int
) -> None:
    await tamper(log)
    lines = await exported(log)

    assert verified(lines).findings == [], "nothing in the file itself speaks against it"
    report = verified(lines, log.kept)

    assert [(each.kind, each.first, each.last) for each in report.findings] == [(kind, first, SIZE)]


async def test_an_earlier_witness_says_from_where_on_it_was_forged(log: Log) -> None:
    early = await log.owner.fetchval("SELECT note FROM journal_checkpoint WHERE size = 8")
    await rewritten(log)

    report = verified(await exported(log), early, log.kept)

    assert [(each.kind, each.first, each.last) for each in report.findings] == [
        (Kind.FORKED, 9, SIZE)
    ]
    assert report.agreed == [8]


# -- parts, keys ----------------------------------------------------------------------------


async def test_who_has_got_hold_of_a_key_signs_nothing_once_another_took_its_place(
    log: Log,
) -> None:
    """The reason to change a key is that somebody may have read it."""
    origin = await log.owner.fetchval("SELECT origin FROM journal_log")
    await log.sql("COMMIT")
    async with log.pool.acquire() as conn, conn.transaction():
        body = {
            "before": str(SIGNER.verifier),
            "key": str(STRANGER.verifier),
            "statement": keyring.announce(origin, STRANGER.verifier, by=SIGNER),
        }
        kind = JournalKind.JOURNAL_KEY_CHANGED
        await journal.append_all(
            conn, [Entry(actor="operator:root", subject="journal", kind=kind, body=body)]
        )
        await seals.use_key(conn, expected=str(SIGNER.verifier), wanted=str(STRANGER.verifier))
        await journal.append_all(conn, [entry(n) for n in range(26, 30)])
    await seal(log.pool, STRANGER, former=SIGNER)
    lines = await exported(log)
    assert verified(lines, log.kept).findings == []

    await log.sql("BEGIN")
    await body_of(log, 28)
    await log.sign(SIGNER, since=SIZE + 1)
    lines = await exported(log)

    found = verified(lines).findings
    assert {(each.kind, each.first) for each in found} == {(Kind.FORGED, 28), (Kind.FORGED, 29)}


async def body_of(log: Log, seq: int) -> None:
    """Another one, and its leaf."""
    await body("jsonb_set(body, '{n}', '0')", seq)(log)
    await log.leaf(seq)


@pytest.mark.parametrize(("first", "last"), [(1, 7), (5, 16), (10, 10), (18, SIZE)])
async def test_a_part_of_the_log_stands_alone(log: Log, first: int, last: int) -> None:
    lines = await exported(log, Range(since=first, until=last))

    report = verified(lines)

    assert report.findings == []
    assert (report.first, report.last, report.held, report.signed) == (first, last, last, SIZE)
    edited("a truck", "no truck", first)(lines)
    assert [(each.kind, each.first) for each in verified(lines).findings] == [(Kind.CHANGED, first)]


async def test_what_stands_before_a_part_cannot_be_forged(log: Log) -> None:
    lines = await exported(log, Range(since=10))
    head = json.loads(lines[0])
    head["before"].reverse()
    lines[0] = json.dumps(head) + "\n"

    assert [each.kind for each in verified(lines).integrity] == [Kind.CHANGED]


async def test_what_waits_to_be_sealed_is_no_fault(log: Log) -> None:
    async with log.pool.acquire() as conn, conn.transaction():
        await journal.append_all(conn, [entry(25)])

    report = verified(await exported(log))

    assert (report.findings, report.waiting) == ([], 1)


async def test_a_field_that_was_redacted_leaves_every_proof_in_place(log: Log) -> None:
    line = await log.line(10)
    assert line.content is not None
    kept = line.content.commitments(line.salts)["body.note"]
    names = sorted(line.content.values)
    place = 16 * names.index("body.note")
    await log.sql("UPDATE journal_entry SET body = body - 'note' WHERE id = 10")
    await log.sql(
        "UPDATE journal_leaf SET redacted = $1, "
        f"salts = substr(salts, 1, {place}) || substr(salts, {place + 17}) WHERE seq = 10",
        {"body.note": kept.hex()},
    )

    lines = await exported(log)

    assert "a truck across the road, 10" not in "".join(lines)
    report = verified(lines, log.kept)
    assert (report.integrity, report.redacted, report.held) == ([], 1, SIZE)
    assert report.unannounced == [10], "and nobody has said so in the log"
    assert [(each.kind, each.first) for each in report.completeness] == [(Kind.MISSING, 10)]
    part = verified(await exported(log, Range(until=20)))
    assert (part.findings, part.unannounced) == ([], [10]), "who did may be said behind the part"


# -- the command ----------------------------------------------------------------------------


def test_the_command_exports_verifies_and_tells_by_its_exit_code(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def seed() -> str:
        from server.stores.pool import open_pool

        pool = await open_pool(database_url)
        async with pool.acquire() as conn, conn.transaction():
            await journal.append_all(conn, [entry(n) for n in range(1, 6)])
        await seal(pool)
        note: str = await pool.fetchval("SELECT note FROM journal_checkpoint")
        await pool.close()
        return note

    kept = tmp_path / "kept.txt"
    kept.write_text(asyncio.run(seed()))
    out, key = tmp_path / "log.jsonl", str(SIGNER.verifier)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(audit_group, [*arguments])

    assert run("export", "--out", str(out)).exit_code == 0
    assert out.stat().st_mode & 0o777 == 0o600, "it names people"
    well = run("verify", str(out), "--key", key, "--checkpoint", str(kept))
    assert well.exit_code == 0, well.output
    assert "Agrees with the checkpoints of witnesses, of 5 entries." in well.output

    text = out.read_text()
    out.write_text(text.replace("road, 3", "road, 4"))
    bad = run("verify", str(out), "--key", key, "--json")
    assert bad.exit_code == 3
    assert json.loads(bad.output)["first_bad"] == 3
    out.write_text("".join(text.splitlines(keepends=True)[:-2]))
    assert run("verify", str(out), "--key", key).exit_code == 4
    out.write_text("".join(text.splitlines(keepends=True)[:-2]).replace("road, 3", "road, 4"))
    both = run("verify", str(out), "--key", key)
    assert both.exit_code == 5
    assert "Integrity: BROKEN, first at entry 3." in both.output
    assert "Completeness: BROKEN" in both.output
    out.write_bytes(b"\xff\xfe not a log")
    assert run("verify", str(out), "--key", key).exit_code == 5
    kept_before = out.read_bytes()
    assert run("export", "--from", "9", "--out", str(out)).exit_code == 1
    assert out.read_bytes() == kept_before, "an export that fails takes nobody's file"
    assert sorted(tmp_path.iterdir()) == [kept, out]
    nowhere = run("export", "--out", str(tmp_path / "no" / "where"))
    assert (nowhere.exit_code, "No such file" in nowhere.output) == (1, True)
    assert run("export", "--from", "yesterday", "--out", str(out)).exit_code == 2
    assert run("verify", str(out), "--key", "nonsense").exit_code == 1
