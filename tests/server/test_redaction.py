"""A personal field is taken out of the log for good, and every proof holds before and after."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from click.testing import CliRunner

from server import redaction
from server.auditexport import Range, export
from server.cli.audit import audit_group
from server.dispatch.errors import Conflict, DispatchError, Impossible, NotFound
from server.journal import exportfile
from server.journal.exportfile import Line
from server.journal.findings import Report
from server.journal.kinds import JournalKind
from server.journal.leaf import commitment
from server.journal.verifier import Verification
from server.stores import journal, logsearch, redactions, webhooks
from server.stores.journal import Entry
from server.stores.logsearch import JournalFilter
from server.stores.pool import Pool, open_pool
from tests.server.sealed_log import SIGNER, seal

CALLER: Final = "Mrs Wang, 138 0000 0000"
BODY: Final[dict[str, Any]] = {
    "number": 12,
    "caller": CALLER,
    'a "quoted"\n key': "\u4e2d\U0001f694",
    "lon": 100.25,
    "nothing": None,
}
SEQ: Final = 2
"""Of the entry with the caller."""


def entry(n: int) -> Entry:
    return Entry(
        actor="user:wang",
        subject=f"incident:{n}",
        kind=JournalKind.INCIDENT_OPENED,
        body=BODY if n == SEQ else {"number": n},
    )


async def fill(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await journal.append_all(conn, [entry(n) for n in range(1, 6)])
    await seal(pool)


@pytest.fixture
async def log(pool: Pool) -> Pool:
    """Of five entries, sealed."""
    await fill(pool)
    return pool


async def redact(pool: Pool, *names: str, seq: int = SEQ, reason: str = "asked for") -> list[str]:
    gone = await redaction.redact(pool, seq, names, by="user:li", reason=reason)
    await seal(pool)
    return gone


async def exported(pool: Pool) -> list[str]:
    lines = list[str]()
    await export(pool, Range(), lines.append)
    return lines


def verified(lines: list[str], *witnesses: str) -> Report:
    verification = Verification(SIGNER.verifier, witnesses=witnesses)
    for line in lines:
        verification.feed(line)
    return verification.finish()


def line_of(lines: list[str], seq: int) -> Line:
    parts = [exportfile.read(line) for line in lines]
    (found,) = [part for part in parts if isinstance(part, Line) and part.seq == seq]
    return found


async def newest_checkpoint(pool: Pool) -> str:
    found: str = await pool.fetchval(
        "SELECT note FROM journal_checkpoint ORDER BY size DESC LIMIT 1"
    )
    return found


@pytest.mark.parametrize("name", ["body.caller", "actor", "subject", 'body.a "quoted"\n key'])
async def test_every_proof_holds_before_and_after_and_the_value_is_nowhere(
    log: Pool, database_url: str, name: str
) -> None:
    kept, before = await newest_checkpoint(log), await exported(log)
    was = line_of(before, SEQ)
    assert was.content is not None
    value = was.content.values[name]

    assert await redact(log, name) == [name]

    after = await exported(log)
    report = verified(after, kept)
    assert (report.findings, report.redacted, report.agreed) == ([], 1, [5])
    assert report.unannounced == []
    now = line_of(after, SEQ)
    assert now.content is not None
    assert name not in now.content.values
    assert now.leaf == was.leaf
    assert now.content.redacted == {name: commitment(was.salts[name], name, value)}, (
        "what somebody kept is held by the commitment"
    )
    others = {key: each for key, each in was.content.values.items() if key != name}
    assert now.content.values == others
    salts = {key: each for key, each in was.salts.items() if key != name}
    assert now.salts == salts, "each value keeps its own salt"
    row = await log.fetchrow("SELECT * FROM journal_entry WHERE id = $1", now.content.id)
    assert json.dumps(value) not in json.dumps([dict(row)], default=str)


async def test_an_export_from_before_still_verifies(log: Pool) -> None:
    before = await exported(log)

    await redact(log, "body.caller")

    report = verified(before, await newest_checkpoint(log))
    assert CALLER in "".join(before)
    assert not report.integrity
    assert report.redacted == 0


async def test_fields_go_one_after_the_other_and_together(log: Pool) -> None:
    assert await redact(log, "body.lon", "actor") == ["actor", "body.lon"]

    assert await redact(log, "body.caller") == ["actor", "body.caller", "body.lon"]

    report = verified(await exported(log))
    assert (report.findings, report.redacted) == ([], 3)


async def test_the_log_says_who_took_what_out_of_which_entry_and_why(log: Pool) -> None:
    await redact(log, "body.caller", reason="  the caller asked for it ")

    async with log.acquire() as conn:
        page = await logsearch.search(conn, JournalFilter(kind="journal.redacted"))
    (said,) = page.entries
    assert (said.actor, said.subject) == ("user:li", "journal")
    assert said.body == {
        "entry": SEQ,
        "fields": ["body.caller"],
        "reason": "the caller asked for it",
        "records": 0,
    }


async def test_wherever_the_entry_is_shown_the_field_is_not_there_and_that_is_said(
    log: Pool,
) -> None:
    await redact(log, "body.caller")

    async with log.acquire() as conn:
        assert (await logsearch.search(conn, JournalFilter(text=CALLER))).entries == []
        page = await logsearch.search(conn, JournalFilter(subject=f"incident:{SEQ}"))
        told = await conn.fetchrow(webhooks.SAID["entry"], SEQ)
    (shown,) = page.entries
    assert (shown.redacted, "caller" in shown.body, shown.body["number"]) == (
        ["body.caller"],
        False,
        12,
    )
    assert told is not None
    assert (told["redacted"], told["body"]) == (["body.caller"], shown.body)


@pytest.mark.parametrize(
    ("seq", "names", "reason", "error", "code"),
    [
        (SEQ, ["body.phone"], "why", Impossible, "unknown_field"),
        (SEQ, ["caller"], "why", Impossible, "unknown_field"),
        (SEQ, ["kind"], "why", Impossible, "not_redactable"),
        (SEQ, [], "why", Impossible, "no_field"),
        (SEQ, ["body.caller"], " ", Impossible, "no_reason"),
        (SEQ, ["body.caller"], "w" * 501, Impossible, "no_reason"),
        (0, ["actor"], "why", NotFound, "not_found"),
        (99, ["actor"], "why", NotFound, "not_found"),
        (2**63, ["actor"], "why", NotFound, "not_found"),
    ],
)
async def test_what_cannot_be_redacted_is_refused_and_nothing_changes(
    log: Pool, seq: int, names: list[str], reason: str, error: type[DispatchError], code: str
) -> None:
    before = await exported(log)

    with pytest.raises(error) as refused:
        await redact(log, *names, seq=seq, reason=reason)

    assert refused.value.code == code
    assert await exported(log) == before


async def test_the_same_field_is_not_redacted_twice(log: Pool) -> None:
    await redact(log, "body.caller")

    with pytest.raises(Conflict) as refused:
        await redact(log, "body.lon", "body.caller")

    assert (refused.value.code, refused.value.detail) == ("redacted", {"fields": ["body.caller"]})
    assert verified(await exported(log)).redacted == 1


async def test_two_at_the_same_moment_redact_it_once(log: Pool) -> None:
    tries = [redact(log, "body.caller") for _ in range(4)]

    outcomes = await asyncio.gather(*tries, return_exceptions=True)

    assert [type(each) for each in outcomes if each != ["body.caller"]] == [Conflict] * 3
    assert verified(await exported(log)).findings == []


async def test_what_says_that_something_was_redacted_is_never_redacted(log: Pool) -> None:
    await redact(log, "body.caller")

    with pytest.raises(Impossible) as refused:
        await redact(log, "body.reason", seq=6)

    assert refused.value.code == "not_redactable"


async def test_an_entry_that_was_changed_behind_our_back_keeps_its_evidence(
    log: Pool, database_url: str
) -> None:
    owner = await asyncpg.connect(database_url)
    await owner.execute("SET session_replication_role = replica")
    await owner.execute(
        """UPDATE journal_entry SET body = body || '{"caller": "x"}' WHERE id = 2"""
    )
    await owner.close()

    with pytest.raises(Conflict) as refused:
        await redact(log, "body.caller")

    assert refused.value.code == "damaged"


# -- attacks on the door ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_entry SET body = body - 'caller' WHERE id = 2",
        """UPDATE journal_leaf SET redacted = '{"body.caller": "00"}' WHERE seq = 2""",
        "DELETE FROM journal_entry WHERE id = 2",
        "DELETE FROM journal_leaf WHERE seq = 2",
    ],
)
async def test_the_application_cannot_set_its_way_past_the_triggers(
    log: Pool, database_url: str, statement: str
) -> None:
    before = await exported(log)
    async with log.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL ridgeline.redacting = 'on'")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(statement)
    # Even with the right to write, which it does not have, the trigger stops it.
    owner = await asyncpg.connect(database_url)
    await owner.execute("GRANT UPDATE, DELETE ON journal_entry, journal_leaf TO ridgeline_app")
    await owner.execute("SET ROLE ridgeline_app")
    await owner.execute("SET ridgeline.redacting = 'on'")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await owner.execute(statement)
    await owner.execute("RESET ROLE")
    await owner.execute("REVOKE UPDATE, DELETE ON journal_entry, journal_leaf FROM ridgeline_app")
    await owner.close()
    assert await exported(log) == before


@pytest.mark.parametrize(
    ("names", "forge", "by", "reason"),
    [
        (["body.caller"], {"body.caller": bytes(32)}, "user:li", "why"),  # a false commitment
        (["body.caller"], {"body.more": bytes(32)}, "user:li", "why"),  # a field more
        (["kind"], {}, "user:li", "why"),
        (["body.phone"], {}, "user:li", "why"),
        ([], {}, "user:li", "why"),
        (["body.caller"], {}, "user:li", " "),
        (["body.caller"], {}, "", "why"),
    ],
)
async def test_the_door_itself_lets_nothing_false_through(
    log: Pool, names: list[str], forge: dict[str, bytes], by: str, reason: str
) -> None:
    before = await exported(log)
    content = line_of(before, SEQ).content
    assert content is not None
    commitments = content.commitments(line_of(before, SEQ).salts) | forge

    with pytest.raises((asyncpg.DataError, asyncpg.InternalServerError)):
        async with log.acquire() as conn, conn.transaction():
            await redactions.redact(conn, SEQ, names, commitments, by=by, reason=reason)

    assert await exported(log) == before


async def test_the_door_is_shut_again_behind_a_redaction(log: Pool) -> None:
    async with log.acquire() as conn, conn.transaction():
        line = await redactions.line(conn, SEQ)
        assert line is not None
        assert line.content is not None
        made = line.content.commitments(line.salts)
        await redactions.redact(conn, SEQ, ["actor"], made, by="user:li", reason="why")
        assert await conn.fetchval("SELECT current_setting('ridgeline.redacting')") == ""


# -- the command --------------------------------------------------------------------------------


def test_the_command_redacts_and_the_export_verifies(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def on_the_log(*, first: bool) -> None:
        pool = await open_pool(database_url)
        await (fill(pool) if first else seal(pool))
        await pool.close()

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(audit_group, [*arguments])

    asyncio.run(on_the_log(first=True))
    command = ("redact", "--entry", str(SEQ), "--field", "body.caller", "--reason", "asked for")
    done, again = run(*command), run(*command)
    asyncio.run(on_the_log(first=False))
    out = tmp_path / "log.jsonl"
    assert run("export", "--out", str(out)).exit_code == 0
    report = run("verify", str(out), "--key", str(SIGNER.verifier))

    assert (done.exit_code, again.exit_code, report.exit_code) == (0, 1, 0)
    assert "Redacted before: body.caller." in again.output
    assert "Redacted fields: 1" in report.output
    assert CALLER not in out.read_text()
