"""Versions of travel times learned from drives, and which is in force, as rows.

Versions and activations are only ever added. Knows no road and no rule of learning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np

from geo.driving.vehicles import Mode
from geo.eta import TripSpread
from geo.learning.factors import LearnedFactors
from server.stores.activation import ActivationRow
from server.stores.factorform import pack, unpack

VERSIONS_SHOWN_MAX: Final = 50
_LOCK_ID = "learning"

# Nobody else learns or activates until commit.
LOCK = "SELECT pg_advisory_xact_lock(hashtext($1))"

INSERT_VERSION = """
INSERT INTO learned_version
    (map_id, created_at, created_by, reason, trips, arcs, newest_at, routine, urgent, spread)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING version
"""

# Newest first.
VERSIONS = """
SELECT version, map_id, created_at, created_by, reason, trips, arcs, newest_at, spread
FROM learned_version WHERE map_id = $1 ORDER BY version DESC LIMIT $2
"""

VERSION = """
SELECT version, map_id, created_at, created_by, reason, trips, arcs, newest_at, spread
FROM learned_version WHERE version = $1
"""

FACTORS = "SELECT routine, urgent, spread FROM learned_version WHERE version = $1"

INSERT_ACTIVATION = """
INSERT INTO learned_activation (version, map_id, activated_at, activated_by, reason)
VALUES ($1, $2, $3, $4, $5) RETURNING id
"""

# Which version is in force.
ACTIVE = """
SELECT id, version, activated_at, activated_by, reason FROM learned_activation
WHERE map_id = $1 ORDER BY id DESC LIMIT 1
"""


# The map a version is of; of no version: the map of the last activation.
MAP_OF = """
SELECT map_id FROM learned_version WHERE version = $1
UNION ALL
(SELECT map_id FROM learned_activation WHERE $1::bigint IS NULL ORDER BY id DESC LIMIT 1)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One version, without its factors."""

    version: int
    map_id: str
    created_at: datetime
    created_by: str
    reason: str
    trips: int
    arcs: int
    newest_at: datetime | None
    spread: dict[Mode, TripSpread]


async def lock(conn: Any) -> None:
    """Nobody else learns or activates until the caller commits."""
    await conn.execute(LOCK, _LOCK_ID)


async def insert_version(
    conn: Any,
    *,
    map_id: str,
    at: datetime,
    by: str,
    reason: str,
    trip_count: int,
    newest_at: datetime | None,
    learned: Mapping[Mode, LearnedFactors],
) -> VersionRow:
    """Add a version; under the lock."""
    driven = int(np.logical_or.reduce([each.trips > 0 for each in learned.values()]).sum())
    version: int = await conn.fetchval(
        INSERT_VERSION,
        map_id,
        at,
        by,
        reason,
        trip_count,
        driven,
        newest_at,
        pack(learned[Mode.ROUTINE]),
        pack(learned[Mode.URGENT]),
        {mode.value: asdict(each.spread) for mode, each in learned.items()},
    )
    return VersionRow(
        version=version,
        map_id=map_id,
        created_at=at,
        created_by=by,
        reason=reason,
        trips=trip_count,
        arcs=driven,
        newest_at=newest_at,
        spread={mode: each.spread for mode, each in learned.items()},
    )


async def versions(conn: Any, map_id: str) -> list[VersionRow]:
    """The newest VERSIONS_SHOWN_MAX."""
    rows = await conn.fetch(VERSIONS, map_id, VERSIONS_SHOWN_MAX)
    return [_version(row) for row in rows]


async def version(conn: Any, number: int) -> VersionRow | None:
    row = await conn.fetchrow(VERSION, number)
    return None if row is None else _version(row)


async def factors(conn: Any, number: int) -> dict[Mode, LearnedFactors]:
    """The factors of a version that exists."""
    row = await conn.fetchrow(FACTORS, number)
    spread = _spread(row["spread"])
    return {mode: replace(unpack(row[mode.value]), spread=spread[mode]) for mode in Mode}


async def activate(
    conn: Any, number: int | None, *, map_id: str, at: datetime, by: str, reason: str
) -> ActivationRow:
    """Put a version in force, None for the model alone; under the lock."""
    row_id: int = await conn.fetchval(INSERT_ACTIVATION, number, map_id, at, by, reason)
    return ActivationRow(id=row_id, version=number, activated_at=at, activated_by=by, reason=reason)


async def active(conn: Any, map_id: str) -> ActivationRow | None:
    """What is in force on a map; None: nothing ever was."""
    row = await conn.fetchrow(ACTIVE, map_id)
    return None if row is None else ActivationRow(**row)


async def map_of(conn: Any, number: int | None) -> str | None:
    """The map a version was learned on, or where one was put in force last."""
    found: str | None = await conn.fetchval(MAP_OF, number)
    return found


def _version(row: Any) -> VersionRow:
    return VersionRow(**{**row, "spread": _spread(row["spread"])})


def _spread(said: dict[str, Any] | None) -> dict[Mode, TripSpread]:
    """Of a version from before it was measured: the starting values."""
    known = said or {}
    return {mode: TripSpread(**known.get(mode.value, {})) for mode in Mode}
