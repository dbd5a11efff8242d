"""The schema: numbered SQL files in server/migrations, each applied once, in order, under a lock.

A file that was applied never changes again: its SHA-256 is remembered and compared.
Knows no table but its own.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from server.stores.pool import APP_ROLE

MIGRATIONS_DIR = Path(__file__).parent / "migrations"
VERSION_MIN = 15
"""Oldest PostgreSQL the schema and the tests are made for."""
_LOCK_ID = 0x52_49_44_47_45  # "RIDGE"
_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_ROLE_ATTEMPTS_MAX = 5

# What was applied, by whom it does not matter.
CREATE_REGISTER = """
CREATE TABLE IF NOT EXISTS schema_migration (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
# Lowest number first.
APPLIED = "SELECT number, name, sha256 FROM schema_migration ORDER BY number"
# Remember one file.
REMEMBER = "INSERT INTO schema_migration (number, name, sha256) VALUES ($1, $2, $3)"
# Whether we may act as the application; a superuser always may.
MAY_ACT_AS_APP = "SELECT pg_has_role(current_user, $1, $2)"


class MigrationError(Exception):
    """The database and the program do not fit together; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    number: int
    name: str
    sql: str
    sha256: str


def load(directory: Path = MIGRATIONS_DIR) -> list[Migration]:
    """The files in order. Raises `MigrationError` on a gap, a double number or a strange name."""
    migrations = [_read(path) for path in sorted(directory.glob("*.sql"))]
    for expected, migration in enumerate(migrations, start=1):
        if migration.number != expected:
            raise MigrationError(
                f"{directory / migration.name}: expected number {expected:04d}; "
                "migration files are numbered 0001, 0002, … without gaps."
            )
    return migrations


async def apply(owner_url: str, directory: Path = MIGRATIONS_DIR) -> list[str]:
    """Bring the database up to this program's schema; returns the names applied just now.

    Any number of processes may call it at once: one works, the others wait and find it done.
    Raises `MigrationError`; `asyncpg.PostgresError` and `OSError` when the server fails us.
    """
    migrations = load(directory)
    conn = await _connect(owner_url)
    try:
        _require_version(conn.get_server_version().major)
        await conn.execute("SELECT pg_advisory_lock($1::bigint)", _LOCK_ID)
        await _ensure_app_role(conn)
        await conn.execute(CREATE_REGISTER)
        pending = _pending(migrations, await conn.fetch(APPLIED))
        for migration in pending:
            await _apply_one(conn, migration)
        return [migration.name for migration in pending]
    finally:
        await conn.close()


async def _connect(owner_url: str) -> Any:
    """Does not quote an address that cannot be read: it may hold a password."""
    try:
        return await asyncpg.connect(
            owner_url, server_settings={"application_name": "ridgeline migrate"}
        )
    except asyncpg.InterfaceError:
        raise
    except ValueError:
        raise MigrationError(
            "DATABASE_URL cannot be read. It looks like postgresql://user:password@host/database, "
            "with / and @ in a password written %2F and %40."
        ) from None


def _read(path: Path) -> Migration:
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        raise MigrationError(f"{path}: a migration file is named like 0002_what_it_does.sql.")
    data = path.read_bytes()
    return Migration(
        number=int(match[1]),
        name=path.name,
        sql=data.decode(),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _require_version(major: int) -> None:
    if major < VERSION_MIN:
        raise MigrationError(
            f"This is PostgreSQL {major}; Ridgeline needs {VERSION_MIN} or newer. "
            "Upgrade the server of DATABASE_URL, or unset DATABASE_URL to run a private one."
        )


def _pending(migrations: list[Migration], applied: list[Any]) -> list[Migration]:
    if len(applied) > len(migrations):
        newest = applied[-1]["name"]
        raise MigrationError(
            f"The database has migration {newest}, which this version of Ridgeline does not know: "
            "the database is newer than the program. Run the newer Ridgeline, or restore a backup."
        )
    for row, migration in zip(applied, migrations, strict=False):
        if row["number"] != migration.number or row["sha256"] != migration.sha256:
            raise MigrationError(
                f"Migration {migration.name} is not the file that was applied to this database "
                f"(applied: {row['name']}, SHA-256 {row['sha256'][:12]}…; "
                f"here: {migration.sha256[:12]}…). "
                "Applied files never change: restore the file, and put changes into a new one."
            )
    return migrations[len(applied) :]


async def _apply_one(conn: Any, migration: Migration) -> None:
    try:
        async with conn.transaction():
            await conn.execute(migration.sql)
            await conn.execute(REMEMBER, migration.number, migration.name, migration.sha256)
    except asyncpg.PostgresError as error:
        raise MigrationError(
            f"Migration {migration.name} failed and left no trace: {error}"
        ) from error


async def _ensure_app_role(conn: Any) -> None:
    """Roles belong to the cluster, our lock to one database: another one may race us here."""
    option = "SET" if conn.get_server_version().major >= 16 else "MEMBER"
    for attempt in range(_ROLE_ATTEMPTS_MAX):
        try:
            if not await conn.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", APP_ROLE):
                await conn.execute(f"CREATE ROLE {APP_ROLE} NOLOGIN")
            if not await conn.fetchval(MAY_ACT_AS_APP, APP_ROLE, option):
                await conn.execute(f"GRANT {APP_ROLE} TO CURRENT_USER")
            return
        except (
            asyncpg.DuplicateObjectError,
            asyncpg.UniqueViolationError,
            asyncpg.InternalServerError,  # "tuple concurrently updated"
        ):
            if attempt == _ROLE_ATTEMPTS_MAX - 1:
                raise
        except asyncpg.InsufficientPrivilegeError as error:
            raise MigrationError(
                f"The database user may not create or join the role {APP_ROLE} ({error}). "
                f"As a superuser run once: CREATE ROLE {APP_ROLE} NOLOGIN; "
                f"GRANT {APP_ROLE} TO <that user>;"
            ) from error
