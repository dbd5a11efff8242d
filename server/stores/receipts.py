"""Receipts: the signed checkpoints of the command log that devices have shown to us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.stores.pool import Connection

KEPT_MAX: Final = 20
"""Of one installation, of those that fit; one that does not is kept for good."""
PAGE_LEN_MAX: Final = 100

KEEP = "SELECT journal_witness($1, $2, $3, $4, $5, $6, $7)"

# Keys that have signed before the one that does now.
FORMER_KEYS = """
SELECT body->>'before' AS key FROM journal_entry WHERE kind = 'journal.key_changed' ORDER BY id
"""

# The newest of each device, those that do not fit first.
NEWEST = """
SELECT device_id, size, seen_at, fits FROM (
    SELECT DISTINCT ON (device_id, fits) device_id, size, seen_at, fits
    FROM journal_receipt ORDER BY device_id, fits, size DESC
) newest ORDER BY fits, seen_at DESC LIMIT $1
"""

COUNT = "SELECT count(DISTINCT device_id) FROM journal_receipt WHERE fits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """That a device had seen the log at a size."""

    device_id: str
    size: int
    seen_at: datetime
    fits: bool


async def former_keys(conn: Connection) -> list[str]:
    """Public keys that signed before, oldest first."""
    return [row["key"] for row in await conn.fetch(FORMER_KEYS) if row["key"]]


async def keep(
    conn: Connection,
    *,
    device_id: str,
    install_id: str,
    size: int,
    note: str,
    fits: bool,
    at: datetime,
) -> bool:
    """Keep one; whether it was news."""
    news: Any = await conn.fetchval(KEEP, device_id, install_id, size, note, fits, at, KEPT_MAX)
    return bool(news)


async def newest(conn: Connection) -> list[Receipt]:
    """Of each device, as far as `PAGE_LEN_MAX`; those that do not fit come first."""
    return [Receipt(**row) for row in await conn.fetch(NEWEST, PAGE_LEN_MAX)]


async def count_devices(conn: Connection) -> int:
    """Devices that have shown a checkpoint which fits."""
    count: int = await conn.fetchval(COUNT)
    return count
