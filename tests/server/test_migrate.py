"""The schema: applied once, in order, under a lock; and what the application's role may not do."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from server import migrate, redaction
from server.journal.kinds import JournalKind
from server.retentionpolicy import Day
from server.stores import journal, retention
from server.stores.pool import Pool, open_pool
from tests.server.sealed_log import seal


def a_folder(tmp_path: Path, **files: str) -> Path:
    for name, sql in files.items():
        (tmp_path / f"{name}.sql").write_text(sql)
    return tmp_path


async def test_second_run_applies_nothing(empty_database_url: str) -> None:
    first = await migrate.apply(empty_database_url)

    second = await migrate.apply(empty_database_url)

    assert first[0] == "0001_foundation.sql"
    assert second == []


async def test_concurrent_starts_apply_each_file_once(empty_database_url: str) -> None:
    applied = await asyncio.gather(*(migrate.apply(empty_database_url) for _ in range(5)))

    expected = [migration.name for migration in migrate.load()]
    assert [name for names in applied for name in names] == expected


async def test_changed_file_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    folder = a_folder(tmp_path, **{"0001_one": "CREATE TABLE one (id int)"})
    await migrate.apply(empty_database_url, folder)
    a_folder(tmp_path, **{"0001_one": "CREATE TABLE one (id bigint)"})

    with pytest.raises(migrate.MigrationError, match="not the file that was applied"):
        await migrate.apply(empty_database_url, folder)


async def test_newer_database_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    folder = a_folder(tmp_path, **{"0001_one": "SELECT 1", "0002_two": "SELECT 2"})
    await migrate.apply(empty_database_url, folder)
    (folder / "0002_two.sql").unlink()

    with pytest.raises(migrate.MigrationError, match="newer than the program"):
        await migrate.apply(empty_database_url, folder)


async def test_failing_file_leaves_no_trace(empty_database_url: str, tmp_path: Path) -> None:
    folder = a_folder(tmp_path, **{"0001_one": "CREATE TABLE one (id int); SELECT 1 / 0"})

    with pytest.raises(migrate.MigrationError, match=r"0001_one\.sql failed.*division by zero"):
        await migrate.apply(empty_database_url, folder)

    a_folder(tmp_path, **{"0001_one": "CREATE TABLE one (id int)"})
    assert await migrate.apply(empty_database_url, folder) == ["0001_one.sql"]


def test_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, **{"0001_one": "SELECT 1", "0003_three": "SELECT 3"})

    with pytest.raises(migrate.MigrationError, match="expected number 0002"):
        migrate.load(folder)


async def the_doors_open(pool: Pool, owner_url: str) -> None:
    """What only the owner may do is done for the application, whoever the owner is."""
    async with pool.acquire() as conn, conn.transaction():
        await journal.append(
            conn, actor="user:x", subject="x:1", kind=JournalKind.INCIDENT_OPENED, body={}
        )
    await seal(pool)
    assert await redaction.redact(pool, 1, ["actor"], by="user:y", reason="why") == ["actor"]
    owner = await asyncpg.connect(owner_url)
    await owner.execute(
        "CREATE TABLE position_20200101 PARTITION OF position "
        "FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-01-02 00:00+00')"
    )
    await owner.close()
    async with pool.acquire() as conn:
        day = date(2020, 1, 1)
        await retention.coarsen(conn, day, by="system")
        coarse = Day(day=day, coarse=True, held=False)
        assert await retention.days(conn, before=date(2021, 1, 1)) == [coarse]
        assert await retention.drop(conn, before=date(2021, 1, 1), by="system") == 1


async def test_owner_without_superuser_can_migrate_and_act_as_the_application(
    empty_database_url: str,
) -> None:
    name = "plain_owner"
    admin = await asyncpg.connect(empty_database_url)
    await admin.execute(f"CREATE ROLE {name} LOGIN CREATEROLE")
    database = await admin.fetchval("SELECT current_database()")
    await admin.execute(f'ALTER DATABASE "{database}" OWNER TO {name}')
    # What CREATE ROLE ridgeline_app by that user would have left (PostgreSQL 16+).
    plain = "ADMIN TRUE, SET FALSE, INHERIT FALSE"
    options = plain if admin.get_server_version().major >= 16 else "ADMIN OPTION"
    await admin.execute(f"GRANT ridgeline_app TO {name} WITH {options}")
    try:
        url = empty_database_url.replace("//app@", f"//{name}@")
        await migrate.apply(url)

        pool = await open_pool(url)
        assert await pool.fetchval("SELECT current_user") == "ridgeline_app"
        await the_doors_open(pool, url)
        await pool.close()
    finally:
        await admin.execute(f'ALTER DATABASE "{database}" OWNER TO CURRENT_USER')
        await admin.execute(f"DROP OWNED BY {name} CASCADE")
        await admin.execute(f"DROP ROLE {name}")
        await admin.close()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO journal_entry VALUES (99, now(), 'user:x', 'user:x', 'forged', '{}')",
        "UPDATE journal_entry SET actor = 'user:y'",
        "DELETE FROM journal_entry",
        "TRUNCATE journal_entry",
        "UPDATE order_event SET applied = true",
        "DELETE FROM order_event",
        "UPDATE decision SET decided_by = 'user:y'",
        "DELETE FROM recommendation",
        "DELETE FROM position",
        "CREATE TABLE mine (id int)",
        "ALTER TABLE journal_entry DISABLE TRIGGER ALL",
        "DELETE FROM schema_migration",
    ],
)
async def test_application_role_cannot_change_history(pool: Pool, statement: str) -> None:
    await pool.fetchval("SELECT journal_append('user:x', 'user:x', 'user.created', '{}')")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(statement)


async def test_even_the_owner_is_stopped_by_the_triggers(pool: Pool, database_url: str) -> None:
    await pool.fetchval("SELECT journal_append('user:x', 'user:x', 'user.created', '{}')")
    owner = await asyncpg.connect(database_url)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await owner.execute("DELETE FROM journal_entry")

    await owner.close()


async def test_values_keep_their_form(pool: Pool) -> None:
    some_id = "01900000-0000-7000-8000-000000000001"

    row = await pool.fetchrow(
        "SELECT $1::jsonb AS j, $2::uuid AS u, $3::uuid[] AS us",
        {"a": [1, "é"]},
        some_id,
        [some_id],
    )

    assert dict(row) == {"j": {"a": [1, "é"]}, "u": some_id, "us": [some_id]}
