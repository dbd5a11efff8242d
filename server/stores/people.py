"""People who may sign in, as an administrator sees them: listed page by page, changed, ended.

Knows no password and no rule of who may do what; locks what a rule must rest on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.stores import meant
from server.stores.county import BROWSER_MODEL
from server.stores.users import Role

PAGE_LEN_MAX: Final = 200
SESSION_ID_LEN: Final = 16
"""Hexadecimal digits of the hash of its token: enough to name it, nothing to sign in with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """A user, the officer that he is, and when he was seen."""

    id: str
    username: str
    display_name: str
    roles: tuple[Role, ...]
    officer_badge: str | None
    officer_name: str | None
    unit_id: str | None
    call_sign: str | None
    station: str | None
    """Of his unit."""
    must_change_password: bool
    created_at: datetime
    disabled_at: datetime | None
    sessions: int
    """That run."""
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    id: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    token_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What can be changed of a user, as it stands; held until the caller commits."""

    id: str
    username: str
    display_name: str
    roles: tuple[Role, ...]
    officer_badge: str | None
    disabled_at: datetime | None


_FROM = """
FROM app_user LEFT JOIN officer ON officer.id = app_user.officer_id
LEFT JOIN unit_officer ON unit_officer.officer_id = officer.id
LEFT JOIN unit ON unit.id = unit_officer.unit_id
LEFT JOIN station ON station.id = unit.station_id
"""
# $1 words, $2 role, $3 station: NULL leaves the question out; $4 whether those disabled count;
# $5 users whose Chinese name is typed as the words are.
_WHERE = """
WHERE ($1::text IS NULL OR concat_ws(' ', username, display_name, badge, officer.name, call_sign,
                                     station.name) ILIKE $1
       OR app_user.id = ANY($5::uuid[]))
  AND ($2::text IS NULL OR $2 = ANY(app_user.roles))
  AND ($3::text IS NULL OR station.name = $3)
  AND CASE $4 WHEN 'active' THEN app_user.disabled_at IS NULL
              WHEN 'disabled' THEN app_user.disabled_at IS NOT NULL ELSE true END
"""
# When somebody signs in and out is in the log when the session is gone.
_PERSON = """
SELECT app_user.id, username, display_name, roles, badge AS officer_badge,
       officer.name AS officer_name, unit.id AS unit_id, call_sign, station.name AS station,
       must_change_password, app_user.created_at, app_user.disabled_at,
       (SELECT count(*) FROM user_session
        WHERE user_id = app_user.id AND expires_at > now()) AS sessions,
       coalesce((SELECT max(last_seen_at) FROM user_session WHERE user_id = app_user.id),
                (SELECT at FROM journal_entry
                 WHERE subject = 'user:' || username
                   AND kind IN ('user.signed_in', 'user.signed_out')
                 ORDER BY id DESC LIMIT 1)) AS last_seen_at
"""

# One page of people by user name.
PAGE = f"{_PERSON} {_FROM} {_WHERE} ORDER BY username OFFSET $6 LIMIT $7"
# How many there are in all.
COUNT = f"SELECT count(*) {_FROM} {_WHERE}"
# One of them.
ONE = f"{_PERSON} {_FROM} WHERE app_user.id = $1"

# A user until commit.
HOLD = """
SELECT app_user.id, username, display_name, roles, badge AS officer_badge, disabled_at
FROM app_user LEFT JOIN officer ON officer.id = app_user.officer_id
WHERE app_user.id = $1 FOR UPDATE OF app_user
"""
# Administrators in service, in one order for all, until commit: none of them goes meanwhile.
HOLD_ADMINS = """
SELECT id FROM app_user WHERE 'admin' = ANY(roles) AND disabled_at IS NULL ORDER BY id FOR UPDATE
"""
# Name, roles and badge of a user.
CHANGE = """
UPDATE app_user SET display_name = $2, roles = $3,
       officer_id = (SELECT id FROM officer WHERE badge = $4)
WHERE id = $1
"""
# Out of service since then, or (NULL) in it again.
SET_DISABLED = "UPDATE app_user SET disabled_at = $2 WHERE id = $1"
# Sessions that run, used last first.
SESSIONS = """
SELECT left(encode(token_hash, 'hex'), 16) AS id, address, created_at, last_seen_at, expires_at,
       token_hash
FROM user_session WHERE user_id = $1 AND expires_at > now() ORDER BY last_seen_at DESC, token_hash
"""
# End one session of a user, or all of them.
END_SESSIONS = """
DELETE FROM user_session
WHERE user_id = $1 AND ($2::text IS NULL OR left(encode(token_hash, 'hex'), 16) = $2)
RETURNING token_hash
"""
# The browsers of an officer are no handsets any more. A browser's id is web-BADGE-16 hexadecimal
# digits.
END_BROWSERS = """
UPDATE device SET token_hash = NULL, unit_id = NULL
WHERE model = $2 AND left(id, -17) = 'web-' || $1 AND token_hash IS NOT NULL RETURNING id
"""
# Who changed something last, and when.
LAST_CHANGE = """
SELECT actor, at FROM journal_entry
WHERE subject = $1 AND kind = ANY($2::text[]) ORDER BY id DESC LIMIT 1
"""
# Stations that have people or units.
STATIONS = "SELECT name FROM station ORDER BY name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which people are asked for."""

    words: str = ""
    role: Role | None = None
    station: str | None = None
    state: str = "active"
    """`active`, `disabled` or `all`."""

    @property
    def arguments(self) -> tuple[str | None, Role | None, str | None, str]:
        return pattern_of(self.words), self.role, self.station, self.state


def pattern_of(words: str) -> str | None:
    """What a text must contain, as ILIKE has it; None: anything."""
    if not words:
        return None
    plain = words.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{plain}%"


async def page(
    conn: Any, wanted: Wanted, *, offset: int, limit: int
) -> tuple[int, list[PersonRow]]:
    """How many there are, and those of the page."""
    typed = await meant.users_by_pinyin(conn, wanted.words) if wanted.words else []
    arguments = (*wanted.arguments, typed)
    rows = await conn.fetch(PAGE, *arguments, offset, limit)
    return int(await conn.fetchval(COUNT, *arguments)), [_person(row) for row in rows]


async def one(conn: Any, user_id: str) -> PersonRow | None:
    row = await conn.fetchrow(ONE, user_id)
    return None if row is None else _person(row)


async def hold(conn: Any, user_id: str) -> Held | None:
    row = await conn.fetchrow(HOLD, user_id)
    return None if row is None else Held(**{**row, "roles": tuple(row["roles"])})


async def hold_admins(conn: Any) -> frozenset[str]:
    """Before `hold`: whoever takes one from among them waits for whoever came first."""
    return frozenset(row["id"] for row in await conn.fetch(HOLD_ADMINS))


async def change(
    conn: Any, user_id: str, *, display_name: str, roles: Sequence[Role], badge: str | None
) -> None:
    await conn.execute(CHANGE, user_id, display_name, list(roles), badge)


async def set_disabled(conn: Any, user_id: str, at: datetime | None) -> None:
    await conn.execute(SET_DISABLED, user_id, at)


async def sessions(conn: Any, user_id: str) -> list[SessionRow]:
    return [SessionRow(**row) for row in await conn.fetch(SESSIONS, user_id)]


async def end_sessions(conn: Any, user_id: str, session_id: str | None = None) -> int:
    """Returns how many ended."""
    return len(await conn.fetch(END_SESSIONS, user_id, session_id))


async def end_browsers(conn: Any, badge: str) -> list[str]:
    """Returns the ids of the devices."""
    return sorted(row["id"] for row in await conn.fetch(END_BROWSERS, badge, BROWSER_MODEL))


async def last_change(conn: Any, subject: str, kinds: Sequence[str]) -> tuple[str, datetime] | None:
    row = await conn.fetchrow(LAST_CHANGE, subject, list(kinds))
    return None if row is None else (row["actor"], row["at"])


async def stations(conn: Any) -> list[str]:
    return [row["name"] for row in await conn.fetch(STATIONS)]


def _person(row: Any) -> PersonRow:
    return PersonRow(**{**row, "roles": tuple(row["roles"])})
