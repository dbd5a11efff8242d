"""The device's durable store as one SQLite file.

Every save is one transaction with `synchronous=FULL`: durable when it returns. Use from one thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from devices.errors import StorageFailed

BUSY_MS_MAX: Final = 2000
"""How long to wait for another process that has the file; two clients must not share one."""


class SqliteStorage:
    """A `devices.storage.Storage`."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises StorageFailed."""
        self._path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS_MAX / 1000)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS entry"
                " (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
            )
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def load(self) -> dict[str, bytes]:
        try:
            return dict(self._db.execute("SELECT key, value FROM entry"))
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def save(self, puts: Mapping[str, bytes], deletes: Collection[str]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("REPLACE INTO entry VALUES (?, ?)", puts.items())
                self._db.executemany("DELETE FROM entry WHERE key = ?", ((k,) for k in deletes))
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def close(self) -> None:
        self._db.close()

    def _failed(self, error: sqlite3.Error) -> StorageFailed:
        return StorageFailed(f"{self._path}: {error}")
