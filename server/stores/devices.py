"""Devices and their installations: who may connect, and where both logs stand.

Every change of `installation.up_seq` happens in the transaction that stores what it counts.
Knows no session and no socket.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devices.intake import Fix

INSTALLATIONS_PER_DEVICE_MAX = 20
"""Installations remembered; the longest unseen is forgotten when one more appears."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """An enabled device, as the gateway needs it."""

    id: str
    kind: str
    unit_id: str | None
    epoch: str
    head_seq: int
    token_hash: bytes
    on_duty: bool
    """Whether its unit is; a device of no unit is watched as closely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Where a session goes on: what `welcome` says."""

    epoch: str
    resumed: bool
    head_seq: int
    floor_seq: int
    """Up to here the device needs only what is still open: it has the rest, or began after it."""
    up_seq: int
    up_was_lost: bool
    """The device had more acknowledged than we remember: our tail is gone, its `n` goes on. Not
    resumed, so that it gets all that is open and says its last steps again."""
    newest: Fix | None
    """The device's last known position."""
    admission: int
    """Of the newest live connection that was ever let in for this installation: this one, if it
    asked to be; later ones have higher numbers, on every server."""


# Enabled devices with a token.
ENABLED = """
SELECT id, kind, unit_id, epoch, head_seq, token_hash,
       unit_id IS NULL OR EXISTS (
           SELECT 1 FROM shift WHERE shift.unit_id = device.unit_id AND shift.off_at IS NULL
       ) AS on_duty
FROM device WHERE id = ANY($1::text[]) AND disabled_at IS NULL AND token_hash IS NOT NULL
"""

# Lock the installation, made now if need be, and take over what the device knows better than we.
OPEN_INSTALLATION = """
-- An admission is the database's clock in microseconds, but always above the one before: it goes
-- on growing when the clock is set back, and when an older state of the database is restored.
INSERT INTO installation AS mine
    (device_id, install_id, up_seq, cursor_seq, app, caps, last_seen_at, admission)
VALUES ($1, $2, $3, $4, $5, $9, $6,
        CASE WHEN $8 THEN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint ELSE 0 END)
ON CONFLICT (device_id, install_id) DO UPDATE SET
    up_seq = greatest(mine.up_seq, excluded.up_seq),
    cursor_seq = CASE WHEN $7 THEN greatest(mine.cursor_seq, excluded.cursor_seq)
                      ELSE excluded.cursor_seq END,
    app = excluded.app, caps = excluded.caps, last_seen_at = excluded.last_seen_at,
    admission = CASE WHEN $8 THEN greatest(mine.admission + 1, excluded.admission)
                     ELSE mine.admission END
RETURNING up_seq, cursor_seq, admission, xmax = 0 AS is_new
"""

# What we had stored before.
UP_SEQ = """
SELECT up_seq FROM installation WHERE device_id = $1 AND install_id = $2 FOR UPDATE
"""

# Forget the installations unseen for longest.
PRUNE_INSTALLATIONS = """
DELETE FROM installation WHERE device_id = $1 AND install_id IN (
    SELECT install_id FROM installation WHERE device_id = $1
    ORDER BY last_seen_at DESC OFFSET $2)
"""

# The downlink log's head, and whether the command at the device's cursor is the one it got under
# that seq: not so after an older state of the database was restored and went on.
HEAD = """
SELECT epoch, head_seq,
       $3 = '' OR EXISTS (
           SELECT FROM command WHERE device_id = $1 AND seq = $2 AND id::text = $3
       ) AS knows_cursor
FROM device WHERE id = $1
"""

# The device's last known position.
NEWEST = """
SELECT observed_at, received_at, lon, lat, accuracy_m, speed_mps, heading_deg, battery_pct,
       charging, mode
FROM last_position WHERE device_id = $1
"""

# Compare-and-set: the record after the last one, and no other.
ADVANCE = """
UPDATE installation SET up_seq = $3, last_seen_at = $4
WHERE device_id = $1 AND install_id = $2 AND up_seq = $3 - 1
"""

# Begin the downlink logs of devices in service anew; all, or those named. Locked by id, as servers
# do that run beside.
RENEW_EPOCHS = """
WITH held AS (
    SELECT id FROM device WHERE disabled_at IS NULL AND ($1::text[] IS NULL OR id = ANY($1))
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE device SET epoch = gen_random_uuid()::text FROM held WHERE device.id = held.id
RETURNING device.id
"""

# The connection ended.
SEEN = "UPDATE installation SET last_seen_at = $3 WHERE device_id = $1 AND install_id = $2"


def token_hash(token: str) -> bytes:
    """SHA-256; enough for a random token of 256 bits."""
    return hashlib.sha256(token.encode()).digest()


async def authenticate(conn: Any, device_id: str, token: str) -> Device | None:
    """The device, if it is enabled and the token is its own."""
    device = (await enabled(conn, [device_id])).get(device_id)
    return device if device is not None and has_token(device, token) else None


def has_token(device: Device, token: str) -> bool:
    """Whether the token is the device's own."""
    return hmac.compare_digest(device.token_hash, token_hash(token))


async def enabled(conn: Any, device_ids: Sequence[str]) -> dict[str, Device]:
    """Those of the devices that may be connected, by id."""
    return {row["id"]: Device(**row) for row in await conn.fetch(ENABLED, list(device_ids))}


async def open_session(
    conn: Any,
    *,
    device_id: str,
    install_id: str,
    epoch: str,
    cursor: int,
    cursor_id: str = "",
    up_acked: int,
    app: str,
    caps: Sequence[str] = (),
    now: datetime,
    admit: bool = False,
) -> Opening:
    """Begin or resume an installation's conversation, in a transaction of the caller.

    `cursor_id`: of the command the device got as `cursor`; empty where it does not say.
    `admit`: it is the newest live connection of the installation from now on.
    """
    stored = await conn.fetchval(UP_SEQ, device_id, install_id)
    head = await conn.fetchrow(HEAD, device_id, cursor, cursor_id)
    up_was_lost = up_acked > (stored or 0)
    resumed = (
        epoch == head["epoch"]
        and cursor <= head["head_seq"]
        and head["knows_cursor"]
        and not up_was_lost
    )
    row = await conn.fetchrow(
        OPEN_INSTALLATION,
        device_id,
        install_id,
        up_acked,
        cursor if resumed else head["head_seq"],
        app,
        now,
        resumed,
        admit,
        list(caps),
    )
    if row["is_new"]:
        await conn.execute(PRUNE_INSTALLATIONS, device_id, INSTALLATIONS_PER_DEVICE_MAX)
    newest = await conn.fetchrow(NEWEST, device_id)
    return Opening(
        epoch=head["epoch"],
        resumed=resumed,
        head_seq=head["head_seq"],
        floor_seq=min(row["cursor_seq"], head["head_seq"]),
        up_seq=row["up_seq"],
        up_was_lost=up_was_lost,
        newest=None if newest is None else Fix(**newest),
        admission=row["admission"],
    )


async def advance(conn: Any, *, device_id: str, install_id: str, n: int, now: datetime) -> bool:
    """Move the uplink log to `n`; False when it does not stand at `n` - 1."""
    done: str = await conn.execute(ADVANCE, device_id, install_id, n, now)
    return done == "UPDATE 1"


async def up_seq(conn: Any, *, device_id: str, install_id: str) -> int:
    """The last record stored; 0 for an installation we do not know."""
    stored: int | None = await conn.fetchval(UP_SEQ, device_id, install_id)
    return stored or 0


async def seen(conn: Any, *, device_id: str, install_id: str, at: datetime) -> None:
    """Remember when the installation was last connected."""
    await conn.execute(SEEN, device_id, install_id, at)


async def renew_epochs(conn: Any, device_ids: Sequence[str] | None = None) -> list[str]:
    """A new epoch for each, all in service or those named; returns the ids.

    At its next hello such a device is told that its cursor means nothing any more, and gets all
    that is open; what it has already, it knows by its id.
    """
    rows = await conn.fetch(RENEW_EPOCHS, None if device_ids is None else list(device_ids))
    return sorted(row["id"] for row in rows)
