"""What drives said of radio, dead zones learned from it, what people said of them, as rows.

Versions, activations and verdicts are only ever added. Pieces of road are numbered for one map and
one length of pieces (`geo.radio.pieces.PIECE_M`); rows of another length are left alone.
Knows no road and no rule of learning.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np

from geo.radio.evidence import Heard, Outlook
from geo.radio.pieces import PIECE_M

PAGE_LEN: Final = 2_000
"""Drives read at once."""
VERSIONS_SHOWN_MAX: Final = 50
VERDICTS_MAX: Final = 5_000
"""Of one map; the newest count."""
_LOCK_ID = "dead zones"
_FORM = struct.Struct("<4sII")
_MAGIC = b"RLZ1"

Verdict = Literal["confirmed", "dismissed", "withdrawn"]

# When devices of other units were heard at once, to half a minute.
WITNESSES = """
SELECT DISTINCT date_bin('30 seconds', observed_at, $1) AS at
FROM position JOIN device ON device.id = device_id
WHERE received_at BETWEEN $1 AND $2 AND observed_at BETWEEN $1 AND $2
  AND received_at - observed_at <= $3 AND device.unit_id IS DISTINCT FROM $4
ORDER BY at
"""

# Keep what a drive said.
INSERT_DRIVE = """
INSERT INTO radio_drive (trip_id, map_id, piece_m, ended_at, piece, silent)
VALUES ($1, $2, $3, $4, $5, $6)
"""

# Drives over one map after one of them, one page after the other.
DRIVES = """
SELECT trip_id, ended_at, piece, silent FROM radio_drive
WHERE map_id = $1 AND piece_m = $2 AND ($3::uuid IS NULL OR trip_id > $3)
ORDER BY trip_id LIMIT $4
"""

# Nobody else learns, activates or judges until commit.
LOCK = "SELECT pg_advisory_xact_lock(hashtext($1))"

INSERT_VERSION = """
INSERT INTO dead_zone_version
    (map_id, piece_m, created_at, created_by, reason, drives, pieces, outlook)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING version
"""

# Newest first.
VERSIONS = """
SELECT version, created_at, created_by, reason, drives, pieces
FROM dead_zone_version WHERE map_id = $1 AND piece_m = $2 ORDER BY version DESC LIMIT $3
"""

OUTLOOK = """
SELECT outlook FROM dead_zone_version WHERE version = $1 AND map_id = $2 AND piece_m = $3
"""

INSERT_ACTIVATION = """
INSERT INTO dead_zone_activation (version, map_id, activated_at, activated_by, reason)
VALUES ($1, $2, $3, $4, $5) RETURNING id
"""

# Which version is in force, of those that fit the pieces.
ACTIVE = """
SELECT activation.id, activation.version, activated_at, activated_by, activation.reason
FROM dead_zone_activation AS activation LEFT JOIN dead_zone_version AS learned USING (version)
WHERE activation.map_id = $1 AND (activation.version IS NULL OR learned.piece_m = $2)
ORDER BY activation.id DESC LIMIT 1
"""

INSERT_VERDICT = """
INSERT INTO dead_zone_verdict (map_id, piece_m, verdict, piece, given_at, given_by, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id
"""

# The newest, the oldest of them first.
VERDICTS = """
SELECT id, verdict, piece FROM (
    SELECT id, verdict, piece FROM dead_zone_verdict
    WHERE map_id = $1 AND piece_m = $2 ORDER BY id DESC LIMIT $3) AS newest
ORDER BY id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveRow:
    """What one drive said."""

    trip_id: str
    ended_at: datetime
    heard: Heard


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneVersion:
    """One version, without what is known of each piece."""

    version: int
    created_at: datetime
    created_by: str
    reason: str
    drives: int
    pieces: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneActivation:
    """What was put in force last."""

    id: int
    version: int | None
    """None: nothing learned."""
    activated_at: datetime
    activated_by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow:
    """What a person said of some pieces."""

    id: int
    verdict: Verdict
    piece: list[int]


async def witnesses(
    conn: Any, unit_id: str, from_at: datetime, to_at: datetime, prompt: Any
) -> np.ndarray:
    """(w,) POSIX seconds at which devices of other units were heard at once, ascending."""
    rows = await conn.fetch(WITNESSES, from_at, to_at, prompt, unit_id)
    return np.array([row["at"].timestamp() for row in rows])


async def insert_drive(
    conn: Any, trip_id: str, heard: Heard, *, map_id: str, ended_at: datetime
) -> None:
    await conn.execute(
        INSERT_DRIVE,
        trip_id,
        map_id,
        PIECE_M,
        ended_at,
        heard.piece.tolist(),
        heard.silent.tolist(),
    )


async def drives(pool: Any, map_id: str, after: str | None) -> AsyncIterator[list[DriveRow]]:
    """Every drive over one map that was kept after another one, page by page."""
    while True:
        rows = await pool.fetch(DRIVES, map_id, PIECE_M, after, PAGE_LEN)
        if not rows:
            return
        yield [_drive(row) for row in rows]
        after = rows[-1]["trip_id"]


async def lock(conn: Any) -> None:
    """Nobody else learns, activates or judges until the caller commits."""
    await conn.execute(LOCK, _LOCK_ID)


async def insert_version(
    conn: Any,
    outlook: Outlook,
    *,
    map_id: str,
    at: datetime,
    by: str,
    reason: str,
    drive_count: int,
) -> ZoneVersion:
    """Add a version; under the lock."""
    pieces = int(outlook.dead.reshape(-1, 2).any(axis=1).sum())
    version: int = await conn.fetchval(
        INSERT_VERSION, map_id, PIECE_M, at, by, reason, drive_count, pieces, pack(outlook)
    )
    return ZoneVersion(
        version=version, created_at=at, created_by=by, reason=reason, drives=drive_count,
        pieces=pieces,
    )  # fmt: skip


async def versions(conn: Any, map_id: str) -> list[ZoneVersion]:
    """The newest VERSIONS_SHOWN_MAX."""
    rows = await conn.fetch(VERSIONS, map_id, PIECE_M, VERSIONS_SHOWN_MAX)
    return [ZoneVersion(**row) for row in rows]


async def outlook(conn: Any, version: int, map_id: str) -> Outlook | None:
    """What a version knows; None: it is of another map, or there is none."""
    data = await conn.fetchval(OUTLOOK, version, map_id, PIECE_M)
    return None if data is None else unpack(data)


async def activate(
    conn: Any, version: int | None, *, map_id: str, at: datetime, by: str, reason: str
) -> ZoneActivation:
    """Put a version in force, None for nothing learned; under the lock."""
    row_id: int = await conn.fetchval(INSERT_ACTIVATION, version, map_id, at, by, reason)
    return ZoneActivation(
        id=row_id, version=version, activated_at=at, activated_by=by, reason=reason
    )


async def active(conn: Any, map_id: str) -> ZoneActivation | None:
    """What is in force on a map; None: nothing ever was."""
    row = await conn.fetchrow(ACTIVE, map_id, PIECE_M)
    return None if row is None else ZoneActivation(**row)


async def insert_verdict(
    conn: Any,
    verdict: Verdict,
    piece: Sequence[int],
    *,
    map_id: str,
    at: datetime,
    by: str,
    reason: str,
) -> int:
    """Add what a person says; its number. Under the lock."""
    number: int = await conn.fetchval(
        INSERT_VERDICT, map_id, PIECE_M, verdict, list(piece), at, by, reason
    )
    return number


async def verdicts(conn: Any, map_id: str) -> list[VerdictRow]:
    """In the order they were given; of more than VERDICTS_MAX the newest."""
    rows = await conn.fetch(VERDICTS, map_id, PIECE_M, VERDICTS_MAX)
    return [VerdictRow(**row) for row in rows]


def pack(outlook: Outlook) -> bytes:
    """As bytes: "RLZ1", number of directed pieces and of those passed (uint32), then of the passed
    ones deflated columns: number (int32), silent share (float32), passages and silences (int32),
    everything little-endian."""
    passed = np.flatnonzero(outlook.passages.reshape(-1, 2).any(axis=1).repeat(2))
    columns = (
        passed.astype("<i4"),
        outlook.silent_share[passed].astype("<f4"),
        outlook.passages[passed].astype("<i4"),
        outlook.silences[passed].astype("<i4"),
    )
    body = zlib.compress(b"".join(column.tobytes() for column in columns), level=6)
    return _FORM.pack(_MAGIC, len(outlook.passages), len(passed)) + body


def unpack(data: bytes) -> Outlook:
    """The reverse of `pack`; pieces that nobody passed have a silent share of 0. Raises ValueError
    for anything else."""
    try:
        magic, size, passed = _FORM.unpack_from(data)
        body = zlib.decompress(data[_FORM.size :])
    except (struct.error, zlib.error) as error:
        raise ValueError("this is no outlook on radio") from error
    if magic != _MAGIC or len(body) != 16 * passed:
        raise ValueError("this is no outlook on radio")
    at = np.frombuffer(body, dtype="<i4", count=passed)
    if passed and not 0 <= at.min() <= at.max() < size:
        raise ValueError("this is no outlook on radio")
    share = np.zeros(size, dtype=np.float32)
    counts = np.zeros((2, size), dtype=np.int32)
    share[at] = np.frombuffer(body, dtype="<f4", count=passed, offset=4 * passed)
    counts[:, at] = np.frombuffer(body, dtype="<i4", offset=8 * passed).reshape(2, passed)
    return Outlook(silent_share=share, passages=counts[0], silences=counts[1])


def _drive(row: Any) -> DriveRow:
    heard = Heard(
        piece=np.array(row["piece"], dtype=np.int64), silent=np.array(row["silent"], dtype=np.bool_)
    )
    return DriveRow(trip_id=row["trip_id"], ended_at=row["ended_at"], heard=heard)
