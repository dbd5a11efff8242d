"""Versions of what the batteries of a model have in common, and which is in force, as rows.

Versions and activations are only ever added. Knows no rule of learning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from devices.battery.model import Prior
from server.stores.activation import ActivationRow

VERSIONS_SHOWN_MAX: Final = 50
_LOCK_ID = "batteries"

# Nobody else learns or activates until commit.
LOCK = "SELECT pg_advisory_xact_lock(hashtext($1))"

INSERT_VERSION = """
INSERT INTO battery_version (created_at, created_by, reason, devices, models)
VALUES ($1, $2, $3, $4, $5) RETURNING version
"""

# Newest first.
VERSIONS = """
SELECT version, created_at, created_by, reason, devices, models FROM battery_version
ORDER BY version DESC LIMIT $1
"""

VERSION = """
SELECT version, created_at, created_by, reason, devices, models FROM battery_version
WHERE version = $1
"""

INSERT_ACTIVATION = """
INSERT INTO battery_activation (version, activated_at, activated_by, reason)
VALUES ($1, $2, $3, $4) RETURNING id
"""

# What is in force.
ACTIVE = """
SELECT id, version, activated_at, activated_by, reason FROM battery_activation
ORDER BY id DESC LIMIT 1
"""

# Whether anything was reported after a version was learned.
NEWEST_STATE = "SELECT max(at) FROM battery_state"


class ModelPool(msgspec.Struct, frozen=True, kw_only=True):
    """What the devices of one model have in common."""

    prior: Prior
    devices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One version."""

    version: int
    created_at: datetime
    created_by: str
    reason: str
    devices: int
    models: dict[str, ModelPool]
    """By kind, and by kind/model."""


async def lock(conn: Any) -> None:
    """Nobody else learns or activates until the caller commits."""
    await conn.execute(LOCK, _LOCK_ID)


async def insert_version(
    conn: Any,
    *,
    at: datetime,
    by: str,
    reason: str,
    devices: int,
    models: Mapping[str, ModelPool],
) -> VersionRow:
    """Add a version; under the lock."""
    known = dict(models)
    number: int = await conn.fetchval(INSERT_VERSION, at, by, reason, devices, known)
    return VersionRow(
        version=number,
        created_at=at,
        created_by=by,
        reason=reason,
        devices=devices,
        models=known,
    )


async def versions(conn: Any, len_max: int = VERSIONS_SHOWN_MAX) -> list[VersionRow]:
    """The newest."""
    return [_version(row) for row in await conn.fetch(VERSIONS, len_max)]


async def version(conn: Any, number: int) -> VersionRow | None:
    row = await conn.fetchrow(VERSION, number)
    return None if row is None else _version(row)


async def activate(
    conn: Any, number: int | None, *, at: datetime, by: str, reason: str
) -> ActivationRow:
    """Put a version in force, None for the starting values; under the lock."""
    row_id: int = await conn.fetchval(INSERT_ACTIVATION, number, at, by, reason)
    return ActivationRow(id=row_id, version=number, activated_at=at, activated_by=by, reason=reason)


async def active(conn: Any) -> ActivationRow | None:
    """What is in force; None: nothing ever was."""
    row = await conn.fetchrow(ACTIVE)
    return None if row is None else ActivationRow(**row)


async def newest_state_at(conn: Any) -> datetime | None:
    """When a battery that is kept reported last."""
    found: datetime | None = await conn.fetchval(NEWEST_STATE)
    return found


def _version(row: Any) -> VersionRow:
    models = msgspec.convert(row["models"], dict[str, ModelPool])
    return VersionRow(**{**row, "models": models})
