"""Issuing and taking back the certificates of TAK clients; one transaction each.

What is issued is handed over as a data package and is gone from here: who lost it is issued
another. Revoking says so to every process; whoever is connected by it is sent away.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from server.dispatch.errors import Conflict, NotFound
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.stores import journal, takcerts
from server.stores.journal import Entry
from server.stores.pool import Connection, Pool
from server.stores.takcerts import Certificate
from server.tak import authority, datapackage
from server.tak.authority import Pair
from server.tak.datapackage import Wanted
from server.tak.options import TEAM

TOPIC: Final = "tak_certificates"
"""Of the fan-out: certificates were revoked; look again at whoever is connected."""
PASSWORD_LEN: Final = 12
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXYZ234679"
"""Without those that a person takes for one another when typing."""


class CertificateView(Struct, frozen=True, kw_only=True):
    """One certificate, as people see it."""

    serial: str
    username: str
    display_name: str
    badge: str | None
    uid: str
    issued_by: str
    issued_at: datetime
    expires_at: datetime
    seen_at: datetime | None
    revoked_by: str | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: Certificate) -> CertificateView:
        return cls(
            serial=row.serial,
            username=row.username,
            display_name=row.display_name,
            badge=row.badge,
            uid=row.uid,
            issued_by=row.issued_by,
            issued_at=row.issued_at,
            expires_at=row.expires_at,
            seen_at=row.seen_at,
            revoked_by=row.revoked_by,
            revoked_at=row.revoked_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where the package leads."""

    host: str
    port: int
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A data package, and the password of the stores in it, for a client that asks."""

    serial: str
    package: bytes
    password: str
    pair: Pair
    expires_at: datetime


async def issue(
    pool: Pool,
    signer: Pair,
    *,
    username: str,
    uid: str,
    door: Door,
    by: str,
    now: datetime,
) -> Issued:
    """A certificate for a user's client, in a data package.

    `uid`: the only one that its client may speak as; empty: the first that it says.
    Raises `NotFound`, `Conflict` (`too_many`, `uid_taken`).
    """
    async with pool.acquire() as conn:
        callsign, badge = await _person(conn, username)
    pair = await asyncio.to_thread(
        authority.issue_client, signer, username=username, badge=badge, now=now
    )
    serial = f"{pair.certificate.serial_number:x}"
    async with pool.acquire() as conn, conn.transaction():
        user_id = await takcerts.hold_user(conn, username)
        if user_id is None:
            raise _no_user(username)
        if await takcerts.count_of(conn, user_id, now=now) >= takcerts.PER_USER_MAX:
            raise Conflict(
                "too_many",
                f"{username} has {takcerts.PER_USER_MAX} certificates in force; revoke one first.",
            )
        holder = await takcerts.holder_of(conn, uid, user_id, now=now) if uid else None
        if holder is not None:
            raise Conflict("uid_taken", f"{holder} has a certificate for {uid}; revoke it first.")
        await takcerts.insert(
            conn,
            certificate_id=new_id(),
            fingerprint=pair.fingerprint,
            serial=serial,
            user_id=user_id,
            uid=uid,
            by=by,
            now=now,
            expires_at=pair.expires_at,
        )
        body = {"serial": serial, "uid": uid, "expires_at": pair.expires_at}
        entry = _entry(by, username, JournalKind.USER_TAK_CERTIFIED, body)
        await journal.append_all(conn, [entry])
    password = "".join(secrets.choice(_LETTERS) for _ in range(PASSWORD_LEN))
    wanted = Wanted(
        package_id=new_id(),
        username=username,
        callsign=callsign,
        team=TEAM,
        host=door.host,
        port=door.port,
        description=door.description,
        password=password,
    )
    package = await asyncio.to_thread(
        datapackage.build, wanted, authority=signer.certificate, client=pair
    )
    return Issued(
        serial=serial, package=package, password=password, pair=pair, expires_at=pair.expires_at
    )


async def revoke(pool: Pool, which: str, *, by: str, now: datetime) -> list[CertificateView]:
    """Take back the certificate of this serial number, or all of this user's.

    Publish `TOPIC` afterwards. Raises `NotFound` where none of them was in force.
    """
    async with pool.acquire() as conn, conn.transaction():
        revoked = await takcerts.revoke(conn, which, by=by, at=now)
        if not revoked:
            raise NotFound("not_found", f"No certificate in force is {which} or of user {which}.")
        entries = [
            _entry(by, each.username, JournalKind.USER_TAK_REVOKED, _told(each)) for each in revoked
        ]
        known = {each.serial for each in revoked}
        rows = await takcerts.listed(conn)
        await journal.append_all(conn, entries)
    return [CertificateView.of(row) for row in rows if row.serial in known]


def package_file(username: str) -> str:
    return f"ridgeline-{username}.zip"


def signer_of(data_dir: Path, now: datetime) -> Pair:
    """The authority, made where there is none. Raises `SettingsError`."""
    return authority.load_or_make(data_dir, now=now)


async def _person(conn: Connection, username: str) -> tuple[str, str]:
    """Callsign and badge. Raises `NotFound`."""
    row = await takcerts.person(conn, username)
    if row is None:
        raise _no_user(username)
    return row


def _told(each: takcerts.Revoked) -> dict[str, object]:
    return {"serial": each.serial, "uid": each.uid}


def _entry(by: str, username: str, kind: JournalKind, body: dict[str, object]) -> Entry:
    return Entry(actor=by, subject=f"user:{username}", kind=kind, body=body)


def _no_user(username: str) -> NotFound:
    return NotFound("not_found", f"There is no user {username}.")


def fingerprint_of(der: bytes) -> bytes:
    """By what a certificate that a client shows is looked up."""
    return hashlib.sha256(der).digest()
