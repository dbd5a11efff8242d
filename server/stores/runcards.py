"""Versions of the run cards, and which is in force, as rows.

Versions and activations are only ever added. Knows no rule.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.dispatch.runcardform import RunCardsError, parse_card
from server.dispatch.runcards import RunCard
from server.stores.activation import ActivationRow

logger = logging.getLogger(__name__)

VERSIONS_SHOWN_MAX: Final = 50
_LOCK_ID = "run_cards"

# Nobody else saves or activates until commit.
LOCK = "SELECT pg_advisory_xact_lock(hashtext($1))"

INSERT_VERSION = """
INSERT INTO run_card_version (created_at, created_by, reason, body)
VALUES ($1, $2, $3, $4) RETURNING version
"""

# Newest first, without the sets.
VERSIONS = """
SELECT version, created_at, created_by, reason, jsonb_array_length(body -> 'cards') AS cards
FROM run_card_version ORDER BY version DESC LIMIT $1
"""

BODY = "SELECT body FROM run_card_version WHERE version = $1"

# The newest card of every type that any version ever had.
EVERY_TYPE = """
SELECT DISTINCT ON (card ->> 'code') card
FROM run_card_version, jsonb_array_elements(body -> 'cards') AS card
ORDER BY card ->> 'code', version DESC
"""

INSERT_ACTIVATION = """
INSERT INTO run_card_activation (version, activated_at, activated_by, reason)
VALUES ($1, $2, $3, $4) RETURNING id
"""

# What was put in force, newest first: all, or only before another.
ACTIVATIONS = """
SELECT id, version, activated_at, activated_by, reason FROM run_card_activation
WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One version, without its set."""

    version: int
    created_at: datetime
    created_by: str
    reason: str
    cards: int
    """How many it has."""


async def lock(conn: Any) -> None:
    """Nobody else saves or activates until the caller commits."""
    await conn.execute(LOCK, _LOCK_ID)


async def insert_version(
    conn: Any, body: dict[str, Any], *, at: datetime, by: str, reason: str
) -> VersionRow:
    """Add a version; under the lock. `body` is `runcards.plain` of a set."""
    number: int = await conn.fetchval(INSERT_VERSION, at, by, reason, body)
    return VersionRow(
        version=number, created_at=at, created_by=by, reason=reason, cards=len(body["cards"])
    )


async def versions(conn: Any, len_max: int = VERSIONS_SHOWN_MAX) -> list[VersionRow]:
    """The newest."""
    return [VersionRow(**row) for row in await conn.fetch(VERSIONS, len_max)]


async def body(conn: Any, number: int) -> dict[str, Any] | None:
    """The set of a version in its plain form; None: there is no such version."""
    found: dict[str, Any] | None = await conn.fetchval(BODY, number)
    return found


async def every_type(conn: Any) -> list[RunCard]:
    """The newest card of every type that any version ever had, without those that only a program
    can read which knows more."""
    found = []
    for row in await conn.fetch(EVERY_TYPE):
        try:
            found.append(parse_card(row["card"]))
        except RunCardsError as error:
            logger.warning("a card of an earlier version is left out: %s", error)
    return found


async def activate(
    conn: Any, number: int | None, *, at: datetime, by: str, reason: str
) -> ActivationRow:
    """Put a version in force, None for the set that comes with Ridgeline; under the lock."""
    row_id: int = await conn.fetchval(INSERT_ACTIVATION, number, at, by, reason)
    return ActivationRow(id=row_id, version=number, activated_at=at, activated_by=by, reason=reason)


async def active(conn: Any) -> ActivationRow | None:
    """What is in force; None: nothing ever was put in force."""
    row = await conn.fetchrow(ACTIVATIONS, None, 1)
    return None if row is None else ActivationRow(**row)


async def active_before(conn: Any, activation_id: int) -> list[ActivationRow]:
    """What was in force before that, the last one first."""
    rows = await conn.fetch(ACTIVATIONS, activation_id, VERSIONS_SHOWN_MAX)
    return [ActivationRow(**row) for row in rows]
