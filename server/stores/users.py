"""Users and their sessions in PostgreSQL. Knows no password and no cookie, only their hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from server.views import UserView

Role = Literal["dispatcher", "officer", "supervisor", "admin"]
ROLES: tuple[Role, ...] = ("dispatcher", "officer", "supervisor", "admin")
USERS_LEN_MAX = 1000
"""Of one list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Someone who may sign in; the officer's badge and unit where the user is one."""

    id: str
    username: str
    display_name: str
    roles: tuple[Role, ...]
    must_change_password: bool
    officer_badge: str | None
    unit_id: str | None

    @property
    def actor(self) -> str:
        """As the command log names the user."""
        return f"user:{self.username}"

    def view(self) -> UserView:
        return UserView(
            id=self.id,
            username=self.username,
            display_name=self.display_name,
            roles=list(self.roles),
            must_change_password=self.must_change_password,
            officer_badge=self.officer_badge,
            unit_id=self.unit_id,
        )


_COLUMNS = """app_user.id, app_user.username, app_user.display_name, app_user.roles,
       app_user.must_change_password, officer.badge AS officer_badge, unit_officer.unit_id"""
_JOINS = """LEFT JOIN officer ON officer.id = app_user.officer_id
LEFT JOIN unit_officer ON unit_officer.officer_id = officer.id"""

# One user in service by name, with the hash of the password.
BY_NAME = f"""
SELECT {_COLUMNS}, app_user.password_hash
FROM app_user {_JOINS}
WHERE app_user.username = $1 AND app_user.disabled_at IS NULL
"""  # noqa: S608 (our own constants)

# The users of those of these sessions that still run.
BY_SESSIONS = f"""
SELECT {_COLUMNS}, user_session.token_hash, user_session.last_seen_at
FROM user_session JOIN app_user ON app_user.id = user_session.user_id {_JOINS}
WHERE user_session.token_hash = ANY($1::bytea[]) AND user_session.expires_at > $2
  AND app_user.disabled_at IS NULL
"""  # noqa: S608

# All users in service.
LIST = f"""
SELECT {_COLUMNS} FROM app_user {_JOINS}
WHERE app_user.disabled_at IS NULL ORDER BY app_user.username LIMIT $1
"""  # noqa: S608

# A new user; nothing when the name is taken.
INSERT = """
INSERT INTO app_user (id, username, display_name, password_hash, must_change_password, roles,
                      officer_id)
VALUES ($1, $2, $3, $4, $5, $6, (SELECT id FROM officer WHERE badge = $7))
ON CONFLICT (username) DO NOTHING
RETURNING id
"""

# Administrators and the bearer of a name, those out of service included.
MAY_HAVE_ADMIN = """
SELECT EXISTS (SELECT 1 FROM app_user WHERE 'admin' = ANY(roles) OR username = $1)
"""

# A new hash of a password.
NEW_HASH = """
UPDATE app_user SET password_hash = $2, must_change_password = $3 WHERE id = $1
"""

# Begin a session.
INSERT_SESSION = """
INSERT INTO user_session (token_hash, user_id, created_at, last_seen_at, expires_at, address)
VALUES ($1, $2, $3, $3, $4, $5)
"""

# Whether the user has a session that was begun at this address and still runs.
SIGNED_IN_AT = """
SELECT EXISTS (
    SELECT FROM user_session JOIN app_user ON app_user.id = user_session.user_id
    WHERE app_user.username = $1 AND user_session.address = $2 AND user_session.expires_at > $3)
"""

# A session was used: it lasts longer, but never longer than $4 seconds in all.
TOUCH_SESSION = """
UPDATE user_session
SET last_seen_at = $2, expires_at = least($3, created_at + make_interval(secs => $4))
WHERE token_hash = $1
"""

# End one session.
DELETE_SESSION = "DELETE FROM user_session WHERE token_hash = $1"

# End all sessions of a user but one.
DELETE_OTHER_SESSIONS = "DELETE FROM user_session WHERE user_id = $1 AND token_hash <> $2"

# End a user's oldest sessions beyond the limit.
TRIM_SESSIONS = """
DELETE FROM user_session WHERE token_hash IN (
    SELECT token_hash FROM user_session WHERE user_id = $1 ORDER BY last_seen_at DESC OFFSET $2)
"""

# End what has run out.
DELETE_EXPIRED = "DELETE FROM user_session WHERE expires_at <= $1"


async def may_have_admin(conn: Any, username: str) -> bool:
    """Whether there is, or was, an administrator or anybody by that name."""
    return bool(await conn.fetchval(MAY_HAVE_ADMIN, username))


async def by_name(conn: Any, username: str) -> tuple[User, str] | None:
    """The user in service by that name and the hash of the password."""
    row = await conn.fetchrow(BY_NAME, username)
    return None if row is None else (_user(row), row["password_hash"])


async def by_sessions(
    conn: Any, token_hashes: Sequence[bytes], now: datetime
) -> dict[bytes, tuple[User, datetime]]:
    """Whose sessions these are, and when each was last used, by hash; without those run out."""
    rows = await conn.fetch(BY_SESSIONS, list(token_hashes), now)
    return {row["token_hash"]: (_user(row), row["last_seen_at"]) for row in rows}


async def all_users(conn: Any) -> list[User]:
    """By name, at most `USERS_LEN_MAX`."""
    return [_user(row) for row in await conn.fetch(LIST, USERS_LEN_MAX)]


async def insert(
    conn: Any,
    *,
    user_id: str,
    username: str,
    display_name: str,
    password_hash: str,
    must_change_password: bool,
    roles: Sequence[Role],
    officer_badge: str | None,
) -> bool:
    """Add one user; False when the name is taken. An unknown badge is the caller's to refuse."""
    row = await conn.fetchval(
        INSERT,
        user_id,
        username,
        display_name,
        password_hash,
        must_change_password,
        list(roles),
        officer_badge,
    )
    return row is not None


async def set_password(
    conn: Any, user_id: str, password_hash: str, *, must_change: bool = False
) -> None:
    await conn.execute(NEW_HASH, user_id, password_hash, must_change)


async def start_session(
    conn: Any,
    *,
    token_hash: bytes,
    user_id: str,
    now: datetime,
    expires_at: datetime,
    address: str,
    sessions_max: int,
) -> None:
    """Begin a session; the user's oldest beyond `sessions_max` end."""
    await conn.execute(INSERT_SESSION, token_hash, user_id, now, expires_at, address)
    await conn.execute(TRIM_SESSIONS, user_id, sessions_max)


async def touch_session(
    conn: Any, token_hash: bytes, *, now: datetime, expires_at: datetime, total_s: float
) -> None:
    await conn.execute(TOUCH_SESSION, token_hash, now, expires_at, total_s)


async def is_signed_in_at(conn: Any, username: str, address: str, now: datetime) -> bool:
    found: bool = await conn.fetchval(SIGNED_IN_AT, username, address, now)
    return found


async def end_session(conn: Any, token_hash: bytes) -> None:
    await conn.execute(DELETE_SESSION, token_hash)


async def end_expired_sessions(conn: Any, now: datetime) -> None:
    await conn.execute(DELETE_EXPIRED, now)


async def end_other_sessions(conn: Any, user_id: str, kept_token_hash: bytes) -> None:
    await conn.execute(DELETE_OTHER_SESSIONS, user_id, kept_token_hash)


def _user(row: Any) -> User:
    return User(
        id=row["id"],
        username=row["username"],
        display_name=row["display_name"],
        roles=tuple(row["roles"]),
        must_change_password=row["must_change_password"],
        officer_badge=row["officer_badge"],
        unit_id=row["unit_id"],
    )
