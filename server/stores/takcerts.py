"""Certificates of TAK clients as rows: a signature opens nothing that is not written here.

A certificate belongs to a user, and from the first word of its client on to that client's uid. A
uid is one user's as long as a certificate of his that carries it is in force: to hand a device to
somebody else, revoke the former certificate. Knows no key and no socket.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.stores.pool import Connection

PER_USER_MAX: Final = 10
"""Certificates of one user in force at once: a phone, a tablet, a laptop, and those that ran out of
battery before they were revoked."""
LIST_LEN_MAX: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One row, with whom it stands for now."""

    id: str
    fingerprint: bytes
    serial: str
    username: str
    display_name: str
    badge: str | None
    """Of the officer who the user is."""
    unit_id: str | None
    """Where that officer is now."""
    uid: str
    issued_by: str
    issued_at: datetime
    expires_at: datetime
    seen_at: datetime | None
    revoked_by: str | None
    revoked_at: datetime | None


# A row with its user.
SELECT = """
SELECT tak_certificate.id, fingerprint, serial, app_user.username, app_user.display_name,
       officer.badge, unit_officer.unit_id, uid, issued_by, issued_at, expires_at, seen_at,
       revoked_by, revoked_at
FROM tak_certificate JOIN app_user ON app_user.id = tak_certificate.user_id
LEFT JOIN officer ON officer.id = app_user.officer_id
LEFT JOIN unit_officer ON unit_officer.officer_id = officer.id
"""

IN_FORCE = "revoked_at IS NULL AND expires_at > $2 AND app_user.disabled_at IS NULL"

BY_FINGERPRINT = f"{SELECT} WHERE fingerprint = $1 AND {IN_FORCE}"

STILL_IN_FORCE = f"{SELECT} WHERE fingerprint = ANY($1::bytea[]) AND {IN_FORCE}"

LIST = f"""{SELECT}
WHERE $1::text IS NULL OR app_user.username = $1
ORDER BY revoked_at IS NOT NULL, expires_at DESC, serial LIMIT $2
"""

# The user's row is held, so that two at once cannot both take the last place.
HOLD_USER = """
SELECT id FROM app_user WHERE username = $1 AND disabled_at IS NULL FOR NO KEY UPDATE
"""

# How the user is called, and the badge where the user is an officer.
PERSON = """
SELECT app_user.display_name, officer.badge
FROM app_user LEFT JOIN officer ON officer.id = app_user.officer_id
WHERE app_user.username = $1 AND app_user.disabled_at IS NULL
"""

COUNT_OF = """
SELECT count(*) FROM tak_certificate
WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
"""

INSERT = """
INSERT INTO tak_certificate (id, fingerprint, serial, user_id, uid, issued_by, issued_at,
                             expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

REVOKE = """
UPDATE tak_certificate SET revoked_by = $2, revoked_at = $3
FROM app_user
WHERE app_user.id = tak_certificate.user_id AND revoked_at IS NULL
  AND (serial = $1 OR app_user.username = $1)
RETURNING tak_certificate.id, serial, app_user.username, uid
"""

# Two clients that claim one uid in the same moment come one after the other.
LOCK_UID = "SELECT pg_advisory_xact_lock(hashtext('tak uid'), hashtext($1))"

HELD_BY_ANOTHER = """
SELECT app_user.username FROM tak_certificate JOIN app_user ON app_user.id = user_id
WHERE uid = $1 AND revoked_at IS NULL AND expires_at > $3
  AND user_id <> (SELECT user_id FROM tak_certificate WHERE id = $2)
LIMIT 1
"""

HELD = """
SELECT app_user.username FROM tak_certificate JOIN app_user ON app_user.id = user_id
WHERE uid = $1 AND revoked_at IS NULL AND expires_at > $3 AND user_id <> $2
LIMIT 1
"""

BIND = "UPDATE tak_certificate SET uid = $2 WHERE id = $1 AND uid = '' RETURNING true"

SEEN = "UPDATE tak_certificate SET seen_at = $2 WHERE id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """What `revoke` took back."""

    id: str
    serial: str
    username: str
    uid: str


async def hold_user(conn: Connection, username: str) -> str | None:
    """The id of a user in service; until commit nobody else is given a certificate for him."""
    found: str | None = await conn.fetchval(HOLD_USER, username)
    return found


async def person(conn: Connection, username: str) -> tuple[str, str] | None:
    """How a user in service is called, and the badge, empty for none."""
    row = await conn.fetchrow(PERSON, username)
    return None if row is None else (row["display_name"], row["badge"] or "")


async def count_of(conn: Connection, user_id: str, *, now: datetime) -> int:
    """Certificates of this user that are in force."""
    return int(await conn.fetchval(COUNT_OF, user_id, now))


async def insert(
    conn: Connection,
    *,
    certificate_id: str,
    fingerprint: bytes,
    serial: str,
    user_id: str,
    uid: str,
    by: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    await conn.execute(
        INSERT, certificate_id, fingerprint, serial, user_id, uid, by, now, expires_at
    )


async def by_fingerprint(conn: Any, fingerprint: bytes, *, now: datetime) -> Certificate | None:
    """The certificate, if it is in force and its user in service."""
    row = await conn.fetchrow(BY_FINGERPRINT, fingerprint, now)
    return None if row is None else Certificate(**row)


async def still_in_force(
    conn: Any, fingerprints: list[bytes], *, now: datetime
) -> dict[bytes, Certificate]:
    """Those of these that are."""
    rows = await conn.fetch(STILL_IN_FORCE, fingerprints, now)
    return {row["fingerprint"]: Certificate(**row) for row in rows}


async def listed(conn: Any, username: str | None = None) -> list[Certificate]:
    """All, or one user's: those in force first."""
    return [Certificate(**row) for row in await conn.fetch(LIST, username, LIST_LEN_MAX)]


async def revoke(conn: Connection, which: str, *, by: str, at: datetime) -> list[Revoked]:
    """Take back the certificate of this serial number, or all of this user's."""
    return [Revoked(**row) for row in await conn.fetch(REVOKE, which, by, at)]


async def holder_of(conn: Connection, uid: str, user_id: str, *, now: datetime) -> str | None:
    """Whose the uid is, if another's than this user's; until commit nobody else claims it."""
    await conn.execute(LOCK_UID, uid)
    found: str | None = await conn.fetchval(HELD, uid, user_id, now)
    return found


async def claim_uid(
    conn: Connection, certificate_id: str, uid: str, *, now: datetime
) -> str | None:
    """Bind a certificate without a uid to this one. Returns whose the uid is, if another's."""
    await conn.execute(LOCK_UID, uid)
    holder: str | None = await conn.fetchval(HELD_BY_ANOTHER, uid, certificate_id, now)
    if holder is None:
        await conn.fetchval(BIND, certificate_id, uid)
    return holder


async def seen(conn: Any, certificate_id: str, *, at: datetime) -> None:
    await conn.execute(SEEN, certificate_id, at)
