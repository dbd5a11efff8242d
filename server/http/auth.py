"""Who is asking: sign in and out, sessions, roles.

A session is a 256-bit random token in a cookie; the database holds its SHA-256. Handlers ask
`await require(request, "dispatcher")` for the user.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Protocol

from msgspec import Meta, Struct, structs
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.gathering import Gathering
from server.http.errors import ApiError, json, read_body
from server.http.faces import faces_of
from server.http.passwords import Passwords, weakness
from server.http.ratelimit import RateLimiter, origin
from server.http.texts import NO_NUL
from server.journal.kinds import JournalKind
from server.limits import Limits
from server.settings import Settings
from server.stores import journal, users
from server.stores.pool import Pool
from server.stores.users import User

logger = logging.getLogger(__name__)

COOKIE = "ridgeline_session"
TOKEN_BYTES = 32
SESSIONS_TOGETHER_MAX = 100
"""Requests whose users are looked up in one question."""
TOUCH_S_MIN = 60.0
"""A session in use is written back at most this often."""
PASSWORD_PATHS = frozenset({"/api/me", "/api/me/password", "/api/logout"})
"""All that is open to someone who must first choose a password."""
_USERNAME = re.compile(r"[a-z0-9._-]{2,32}")

Text = Annotated[str, Meta(max_length=400, pattern=NO_NUL)]


class Login(Struct, frozen=True, forbid_unknown_fields=True):
    username: Text
    password: Text


class NewPassword(Struct, frozen=True, forbid_unknown_fields=True):
    old: Text
    new: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The signed-in user of one request."""

    user: User
    token_hash: bytes


class Auth:
    """Sign-in, sign-out and password change, each with its entry in the command log."""

    def __init__(self, pool: Pool, limits: Limits, passwords: Passwords | None = None) -> None:
        self.passwords = passwords or Passwords(
            at_once=limits.password_hashes_at_once_max,
            waiting_max=limits.password_hashes_waiting_max,
        )
        self._pool = pool
        self._limits = limits
        self._sessions: Gathering[bytes, tuple[User, datetime] | None]
        self._sessions = Gathering(self._read_sessions, together_max=SESSIONS_TOGETHER_MAX)
        self._by_pair = self._limiter(limits.login_failures_max)
        self._by_name = self._limiter(limits.login_name_failures_max)
        self._by_address = self._limiter(limits.login_address_failures_max)

    async def sign_in(
        self, username: str, password: str, address: str, *, former_token: str | None = None
    ) -> tuple[User, str]:
        """The user and the token of a new session; the former one of this browser ends.

        Raises `ApiError` 401, 429, 503.
        """
        async with self._attempt(username, address):
            found = await users.by_name(self._pool, username)
            known_hash = None if found is None else found[1]
            right = await self.passwords.verify(known_hash, password)
        if found is None or not right:
            await self._log_failure(username, address, known=found is not None)
            raise ApiError(401, "bad_credentials", "User name or password is wrong.")
        self._was_right(username, address)
        token = await self._start_session(found[0], password, found[1], address, former_token)
        return found[0], token

    async def session_of(self, token: str) -> Session | None:
        """Whose token this is, keeping the session alive; None when unknown or run out."""
        now = datetime.now(UTC)
        token_hash = hash_token(token)
        found = await self._sessions.ask(token_hash)
        if found is None:
            return None
        user, last_seen_at = found
        if (now - last_seen_at).total_seconds() > TOUCH_S_MIN:
            await users.touch_session(
                self._pool,
                token_hash,
                now=now,
                expires_at=now + timedelta(seconds=self._limits.session_idle_s),
                total_s=self._limits.session_total_s,
            )
        return Session(user=user, token_hash=token_hash)

    async def _read_sessions(
        self, token_hashes: Sequence[bytes]
    ) -> list[tuple[User, datetime] | None]:
        async with self._pool.acquire() as conn:
            found = await users.by_sessions(conn, token_hashes, datetime.now(UTC))
        return [found.get(each) for each in token_hashes]

    async def sign_out(self, session: Session) -> None:
        user = session.user
        async with self._pool.acquire() as conn, conn.transaction():
            await users.end_session(conn, session.token_hash)
            await journal.append(
                conn,
                actor=user.actor,
                subject=user.actor,
                kind=JournalKind.USER_SIGNED_OUT,
                body={},
            )

    async def confirm(self, user: User, password: str, address: str) -> None:
        """That it is this user who acts, though signed in already. Raises `ApiError` 403, 429.

        Not 401: the session is good, and the face need not ask him to sign in.
        """
        async with self._attempt(user.username, address):
            found = await users.by_name(self._pool, user.username)
            right = await self.passwords.verify(None if found is None else found[1], password)
        if not right:
            await self._log_failure(user.username, address, known=True)
            raise ApiError(403, "wrong_password", "The password is wrong.")
        self._was_right(user.username, address)

    async def change_password(self, session: Session, old: str, new: str, address: str) -> None:
        """Also ends the user's other sessions. Raises `ApiError` 401, 422, 429."""
        user = session.user
        async with self._attempt(user.username, address):
            found = await users.by_name(self._pool, user.username)
            right = await self.passwords.verify(None if found is None else found[1], old)
        if not right:
            raise ApiError(401, "bad_credentials", "The old password is wrong.")
        self._was_right(user.username, address)
        why_weak = "It is the old one." if new == old else weakness(new, user.username)
        if why_weak:
            raise ApiError(422, "weak_password", f"Choose another password. {why_weak}")
        new_hash = await self.passwords.hash(new)
        async with self._pool.acquire() as conn, conn.transaction():
            await users.set_password(conn, user.id, new_hash)
            await users.end_other_sessions(conn, user.id, session.token_hash)
            await journal.append(
                conn,
                actor=user.actor,
                subject=user.actor,
                kind=JournalKind.USER_PASSWORD_CHANGED,
                body={},
            )

    def close(self) -> None:
        self.passwords.close()

    def _limiter(self, failures_max: int) -> RateLimiter:
        return RateLimiter(
            failures_max=failures_max,
            window_s=self._limits.login_window_s,
            keys_max=self._limits.login_tracked_max,
        )

    @asynccontextmanager
    async def _attempt(self, username: str, address: str) -> AsyncIterator[None]:
        """Count a try at a password, unless it fails for another reason. Raises `ApiError` 429.

        Where the user is signed in, others who try the name from elsewhere keep nobody out.
        """
        whence = origin(address)
        tries = [(self._by_address, whence), (self._by_pair, f"{username} {whence}")]
        if not await users.is_signed_in_at(self._pool, username, address, datetime.now(UTC)):
            tries.append((self._by_name, username))
        now = asyncio.get_running_loop().time()
        with ExitStack() as undo:
            for limiter, key in tries:
                if wait_s := limiter.attempt(key, now):
                    raise _too_many(wait_s)
                undo.callback(limiter.undo, key)
            yield
            undo.pop_all()

    def _was_right(self, username: str, address: str) -> None:
        whence = origin(address)
        self._by_pair.succeeded(f"{username} {whence}")
        self._by_name.undo(username)
        self._by_address.undo(whence)

    async def _start_session(
        self,
        user: User,
        password: str,
        password_hash: str,
        address: str,
        former_token: str | None,
    ) -> str:
        token = new_token()
        now = datetime.now(UTC)
        renewed = None
        if self.passwords.is_outdated(password_hash):
            renewed = await self.passwords.hash(password)
        async with self._pool.acquire() as conn, conn.transaction():
            if renewed is not None:
                await users.set_password(
                    conn, user.id, renewed, must_change=user.must_change_password
                )
            if former_token is not None:
                await users.end_session(conn, hash_token(former_token))
            await users.start_session(
                conn,
                token_hash=hash_token(token),
                user_id=user.id,
                now=now,
                expires_at=now + timedelta(seconds=self._limits.session_idle_s),
                address=address,
                sessions_max=self._limits.sessions_per_user_max,
            )
            await journal.append(
                conn,
                actor=user.actor,
                subject=user.actor,
                kind=JournalKind.USER_SIGNED_IN,
                body={"address": address},
            )
        return token

    async def _log_failure(self, username: str, address: str, *, known: bool) -> None:
        name = username if _USERNAME.fullmatch(username) else "(malformed)"
        async with self._pool.acquire() as conn, conn.transaction():
            await journal.append(
                conn,
                actor="system",
                subject=f"user:{name}",
                kind=JournalKind.USER_SIGN_IN_FAILED,
                body={"address": address, "why": "wrong_password" if known else "unknown_user"},
            )


def _too_many(wait_s: float) -> ApiError:
    seconds = math.ceil(wait_s)
    message = f"Too many wrong passwords. Try again in {seconds} s."
    headers = {"retry-after": f"{seconds}"}
    return ApiError(429, "rate_limited", message, {"wait_s": seconds}, headers=headers)


async def session_of(request: HTTPConnection) -> Session | None:
    """The session of the request's cookie; asked of the database once a request."""
    if not hasattr(request.state, "session"):
        auth: Auth = request.app.state.auth
        token = request.cookies.get(COOKIE)
        request.state.session = await auth.session_of(token) if token else None
    session: Session | None = request.state.session
    return session


async def require(request: HTTPConnection, *roles: str) -> User:
    """The signed-in user, who must have one of `roles` (none given: any).

    Works for HTTP requests and WebSocket handshakes of an application whose `state.auth` is the
    `Auth`. Raises `ApiError` 401, 403.
    """
    session = await session_of(request)
    if session is None:
        raise ApiError(401, "not_signed_in", "Sign in first.")
    user = session.user
    if user.must_change_password and request.url.path not in PASSWORD_PATHS:
        raise ApiError(403, "password_change_required", "Choose a password of your own first.")
    if roles and not set(roles) & set(user.roles):
        needed = " or ".join(roles)
        raise ApiError(403, "forbidden", f"This needs the role {needed}.", {"roles": list(roles)})
    return user


def new_token() -> str:
    """256 random bits, for a session or a device."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_token(token: str) -> bytes:
    """How a token is kept: SHA-256; a random token needs no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def address_of(request: HTTPConnection) -> str:
    return request.client.host if request.client else ""


class AuthServices(Protocol):
    """What these routes need of `Services`."""

    @property
    def settings(self) -> Settings: ...
    @property
    def auth(self) -> Auth: ...


def routes(services: AuthServices) -> list[BaseRoute]:
    auth = services.auth

    async def login(request: Request) -> Response:
        body = await read_body(request, Login)
        user, token = await auth.sign_in(
            body.username,
            body.password,
            address_of(request),
            former_token=request.cookies.get(COOKIE),
        )
        response = json(user.view())
        response.set_cookie(
            COOKIE,
            token,
            max_age=int(services.settings.limits.session_total_s),
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    async def logout(request: Request) -> Response:
        session = await session_of(request)
        if session is not None:
            await auth.sign_out(session)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    async def me(request: Request) -> Response:
        user = await require(request)
        return json({**structs.asdict(user.view()), "faces": faces_of(user.roles)})

    async def password(request: Request) -> Response:
        await require(request)
        session = await session_of(request)
        assert session is not None
        body = await read_body(request, NewPassword)
        await auth.change_password(session, body.old, body.new, address_of(request))
        return Response(status_code=204)

    return [
        Route("/api/login", login, methods=["POST"]),
        Route("/api/logout", logout, methods=["POST"]),
        Route("/api/me", me, methods=["GET"]),
        Route("/api/me/password", password, methods=["POST"]),
    ]
