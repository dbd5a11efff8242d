"""People who may sign in, for administrators: look for them, change them, shut them out.

Whoever is shut out is so at once: sessions end, open consoles are looked at again, browsers that
served as handsets are none any more, TAK clients are turned away. The last administrator stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol, get_args

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.http.auth import Auth, address_of, session_of
from server.http.concurrent import differences, require_unchanged
from server.http.errors import ApiError, json, read_body
from server.http.needs import guarded, number, term
from server.http.passwords import one_time_password
from server.http.texts import NO_NUL
from server.http.users import Badge, DisplayName
from server.journal.kinds import JournalKind
from server.ports import FanOut
from server.stores import journal, people, roster, users
from server.stores.people import PAGE_LEN_MAX, Held, PersonRow, SessionRow, Wanted
from server.stores.pool import Connection, Pool
from server.stores.users import Role, User
from server.tak.certificates import TOPIC as TAK_TOPIC
from server.views import View

PAGE_LEN: Final = 50
STATES: Final = ("active", "disabled", "all")
CHANGES: Final = (
    JournalKind.USER_CREATED,
    JournalKind.USER_CHANGED,
    JournalKind.USER_DISABLED,
    JournalKind.USER_ENABLED,
)
"""What can make a person look different."""
TOPIC: Final = "user"
"""Of the fan-out: what a user (by name) may do is another thing now."""

Reason = Annotated[str, Meta(max_length=500, pattern=NO_NUL)]
SessionId = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]


class PersonFacts(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an administrator changes of a person."""

    display_name: DisplayName
    roles: Annotated[list[Role], Meta(min_length=1, max_length=4)]
    officer_badge: Badge | None


class ChangePerson(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/people/{id}."""

    was: PersonFacts
    now: PersonFacts
    reason: Reason = ""
    """Asked for where roles change."""
    password: Annotated[str, Meta(max_length=400, pattern=NO_NUL)] = ""
    """One's own, asked for where somebody gives a role to himself."""


class ReasonBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    reason: Reason


class EndSessions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/people/{id}/sessions/end."""

    session: SessionId | None = None
    """None: all of them."""


class PersonView(View, frozen=True):
    id: str
    username: str
    display_name: str
    roles: list[str]
    officer_badge: str | None
    officer_name: str | None
    unit_id: str | None
    call_sign: str | None
    station: str | None
    must_change_password: bool
    created_at: datetime
    disabled_at: datetime | None
    sessions: int
    last_seen_at: datetime | None

    @classmethod
    def of(cls, row: PersonRow) -> PersonView:
        return msgspec.convert(row, cls, from_attributes=True)


class SessionView(View, frozen=True):
    id: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    own: bool
    """The one that asks."""

    @classmethod
    def of(cls, row: SessionRow, own: bytes) -> SessionView:
        return cls(
            id=row.id,
            address=row.address,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
            own=row.token_hash == own,
        )


class PeopleServices(Protocol):
    """What these routes need of the wired services."""

    @property
    def pool(self) -> Pool: ...
    @property
    def fanout(self) -> FanOut: ...
    @property
    def auth(self) -> Auth: ...


def routes(services: PeopleServices) -> list[BaseRoute]:
    """The routes of this module."""
    pool, fanout, auth = services.pool, services.fanout, services.auth

    def shut_out(username: str, devices: Sequence[str] = ()) -> None:
        fanout.publish(TOPIC, username)
        fanout.publish(TAK_TOPIC, "")
        for each in devices:
            fanout.publish("device", each)

    async def look(request: Request, user: User) -> Response:
        offset = number(request, "offset", default=0) or 0
        limit = min(number(request, "limit", default=PAGE_LEN) or PAGE_LEN, PAGE_LEN_MAX)
        async with pool.acquire() as conn:
            total, rows = await people.page(conn, _wanted(request), offset=offset, limit=limit)
            stations = await people.stations(conn)
        found = [PersonView.of(row) for row in rows]
        return json({"people": found, "total": total, "stations": stations})

    async def one(request: Request, user: User) -> Response:
        return await _answer(request, request.path_params["id"])

    async def change(request: Request, user: User) -> Response:
        user_id, wanted = request.path_params["id"], await read_body(request, ChangePerson)
        if user_id == user.id and set(wanted.now.roles) - set(user.roles):
            if not wanted.password:
                text = "Give your own password: this gives a role to yourself."
                raise Impossible("password_needed", text, {"field": "password"})
            await auth.confirm(user, wanted.password, address_of(request))
        async with pool.acquire() as conn, conn.transaction():
            held, ended = await change_person(conn, user_id, wanted, by=user.actor)
        shut_out(held.username, ended)
        return await _answer(request, user_id)

    async def disable(request: Request, user: User) -> Response:
        user_id, body = request.path_params["id"], await read_body(request, ReasonBody)
        if user_id == user.id:
            raise Conflict("own_account", "Another administrator must do this to your account.")
        async with pool.acquire() as conn, conn.transaction():
            held, ended = await disable_person(
                conn, user_id, reason=body.reason, by=user.actor, at=datetime.now(UTC)
            )
        shut_out(held.username, ended)
        return await _answer(request, user_id)

    async def enable(request: Request, user: User) -> Response:
        user_id, body = request.path_params["id"], await read_body(request, ReasonBody)
        async with pool.acquire() as conn, conn.transaction():
            held = await enable_person(conn, user_id, reason=body.reason, by=user.actor)
        shut_out(held.username)
        return await _answer(request, user_id)

    async def password(request: Request, user: User) -> Response:
        user_id, body = request.path_params["id"], await read_body(request, ReasonBody)
        made = one_time_password()
        password_hash = await auth.passwords.hash(made)
        async with pool.acquire() as conn, conn.transaction():
            held = await reset_password(
                conn, user_id, password_hash, reason=body.reason, by=user.actor
            )
        shut_out(held.username)
        return json({"username": held.username, "one_time_password": made})

    async def end(request: Request, user: User) -> Response:
        user_id, body = request.path_params["id"], await read_body(request, EndSessions)
        async with pool.acquire() as conn, conn.transaction():
            held = await _held(conn, user_id)
            count = await people.end_sessions(conn, user_id, body.session)
            if count == 0:
                raise NotFound("not_found", "This session is over already.")
            said = {"sessions": count}
            await _log(conn, held, JournalKind.USER_SESSIONS_ENDED, said, by=user.actor)
        shut_out(held.username)
        return await _answer(request, user_id)

    async def _answer(request: Request, user_id: str) -> Response:
        """The person and the sessions, as they are now."""
        mine = await session_of(request)
        async with pool.acquire() as conn:
            row = await people.one(conn, user_id)
            if row is None:
                raise NotFound("not_found", "There is no such user.")
            sessions = await people.sessions(conn, user_id)
        own = b"" if mine is None else mine.token_hash
        view = [SessionView.of(each, own) for each in sessions]
        return json({"person": PersonView.of(row), "sessions": view})

    return [
        Route("/api/people", guarded(look, "admin")),
        Route("/api/people/{id}", guarded(one, "admin")),
        Route("/api/people/{id}", guarded(change, "admin"), methods=["POST"]),
        Route("/api/people/{id}/disable", guarded(disable, "admin"), methods=["POST"]),
        Route("/api/people/{id}/enable", guarded(enable, "admin"), methods=["POST"]),
        Route("/api/people/{id}/password", guarded(password, "admin"), methods=["POST"]),
        Route("/api/people/{id}/sessions/end", guarded(end, "admin"), methods=["POST"]),
    ]


# -- the rules, each inside the caller's transaction ---------------------------------------------


async def change_person(
    conn: Connection, user_id: str, wanted: ChangePerson, *, by: str
) -> tuple[Held, list[str]]:
    """Name, roles, badge; also the devices that the person came in by and may no longer.

    Raises `NotFound`, `Conflict` (`changed_meanwhile`, `last_admin`), `Impossible`
    (`unknown_badge`, `no_reason`).
    """
    admins = await people.hold_admins(conn)
    held = await _held(conn, user_id)
    now = msgspec.structs.replace(wanted.now, roles=sorted(set(wanted.now.roles)))
    was = msgspec.structs.replace(wanted.was, roles=sorted(set(wanted.was.roles)))
    stands = _facts(held)
    await require_unchanged(conn, was, stands, subject=_subject(held), kinds=CHANGES)
    changed = differences(stands, now)
    if not changed:
        return held, []
    if "roles" in changed:
        require_reason(wanted.reason)
        if "admin" not in now.roles:
            _require_another(admins, user_id)
    if now.officer_badge is not None and not await roster.officer_exists(conn, now.officer_badge):
        text = f"Nobody has the badge {now.officer_badge}; create the officer first."
        raise Impossible("unknown_badge", text, {"field": "officer_badge"})
    await people.change(
        conn, user_id, display_name=now.display_name, roles=now.roles, badge=now.officer_badge
    )
    ended: list[str] = []
    if held.officer_badge is not None and (
        "officer_badge" in changed or "officer" not in now.roles
    ):
        ended = await people.end_browsers(conn, held.officer_badge)
    said = {"changed": changed, **_said(wanted.reason)}
    await _log(conn, held, JournalKind.USER_CHANGED, said, by=by)
    return held, ended


async def disable_person(
    conn: Connection, user_id: str, *, reason: str, by: str, at: datetime
) -> tuple[Held, list[str]]:
    """Raises `NotFound`, `Conflict` (`last_admin`, `answered`), `Impossible` (`no_reason`)."""
    require_reason(reason)
    admins = await people.hold_admins(conn)
    held = await _held(conn, user_id)
    if held.disabled_at is not None:
        raise Conflict("over", "This account is disabled already.")
    _require_another(admins, user_id)
    await people.set_disabled(conn, user_id, at)
    count = await people.end_sessions(conn, user_id)
    badge = held.officer_badge
    ended = [] if badge is None else await people.end_browsers(conn, badge)
    said = {"sessions": count, "devices": ended, **_said(reason)}
    await _log(conn, held, JournalKind.USER_DISABLED, said, by=by)
    return held, ended


async def enable_person(conn: Connection, user_id: str, *, reason: str, by: str) -> Held:
    """With the password that the person had. Raises as `disable_person`."""
    require_reason(reason)
    held = await _held(conn, user_id)
    if held.disabled_at is None:
        raise Conflict("over", "This account is in service already.")
    await people.set_disabled(conn, user_id, None)
    await _log(conn, held, JournalKind.USER_ENABLED, _said(reason), by=by)
    return held


async def reset_password(
    conn: Connection, user_id: str, password_hash: str, *, reason: str, by: str
) -> Held:
    """One that must be changed; all sessions end. Raises `NotFound`, `Impossible`."""
    require_reason(reason)
    held = await _held(conn, user_id)
    await users.set_password(conn, user_id, password_hash, must_change=True)
    await people.end_sessions(conn, user_id)
    await _log(conn, held, JournalKind.USER_PASSWORD_RESET, _said(reason), by=by)
    return held


def require_reason(reason: str) -> None:
    """Raises `Impossible` `no_reason`."""
    if not reason.strip():
        raise Impossible("no_reason", "Say why; it stands in the command log.", {"field": "reason"})


def _require_another(admins: frozenset[str], user_id: str) -> None:
    if admins <= {user_id}:
        text = "This is the last administrator. Make somebody else one first."
        raise Conflict("last_admin", text, {"field": "roles"})


async def _held(conn: Connection, user_id: str) -> Held:
    held = await people.hold(conn, user_id)
    if held is None:
        raise NotFound("not_found", "There is no such user.")
    return held


def _facts(held: Held) -> PersonFacts:
    return PersonFacts(
        display_name=held.display_name,
        roles=sorted(held.roles),
        officer_badge=held.officer_badge,
    )


def _subject(held: Held) -> str:
    return f"user:{held.username}"


def _said(reason: str) -> dict[str, Any]:
    return {"reason": reason.strip()} if reason.strip() else {}


async def _log(
    conn: Connection, held: Held, kind: JournalKind, body: dict[str, Any], *, by: str
) -> None:
    await journal.append(conn, actor=by, subject=_subject(held), kind=kind, body=body)


def _wanted(request: Request) -> Wanted:
    """Raises `ApiError` 400."""
    state = term(request, "state") or "active"
    role = term(request, "role") or None
    if state not in STATES:
        raise ApiError(400, "malformed", f"state is one of {', '.join(STATES)}.")
    if role is not None and role not in get_args(Role):
        raise ApiError(400, "malformed", f"role is one of {', '.join(get_args(Role))}.")
    return Wanted(
        words=term(request, "q"),
        role=msgspec.convert(role, Role | None),
        station=term(request, "station") or None,
        state=state,
    )
