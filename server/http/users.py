"""Users, for administrators: list them, add one with a one-time password."""

from __future__ import annotations

from typing import Annotated, Protocol

from msgspec import Meta, Struct, structs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.auth import Auth
from server.http.errors import ApiError, json, read_body
from server.http.needs import guarded
from server.http.passwords import one_time_password
from server.http.texts import name_of
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.stores import journal, roster, users
from server.stores.pool import Connection, Pool
from server.stores.users import Role, User

Username = Annotated[str, Meta(pattern=r"^[a-z0-9._-]{2,32}\Z")]
DisplayName = Annotated[str, Meta(pattern=name_of(80))]
Phone = Annotated[str, Meta(pattern=r"^(\+?[0-9(][0-9 ()/.-]{2,30})?\Z")]
Badge = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,32}\Z")]


class NewUser(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    username: Username
    display_name: DisplayName
    roles: Annotated[list[Role], Meta(min_length=1, max_length=4)]
    officer_badge: Badge | None = None


class UsersServices(Protocol):
    """What these routes need of `Services`."""

    @property
    def pool(self) -> Pool: ...
    @property
    def auth(self) -> Auth: ...


async def create(
    conn: Connection, wanted: NewUser, *, password_hash: str, by: str, must_change: bool = True
) -> str:
    """Add one user with its entry in the command log; the last step of a transaction.

    Returns the id. Raises `ApiError` 409 `exists`, 422 `unknown_badge`.
    """
    if wanted.officer_badge is not None and not await roster.officer_exists(
        conn, wanted.officer_badge
    ):
        message = f"Nobody has the badge {wanted.officer_badge}; create the officer first."
        raise ApiError(422, "unknown_badge", message, {"field": "officer_badge"})
    user_id = new_id()
    roles = sorted(set(wanted.roles))
    added = await users.insert(
        conn,
        user_id=user_id,
        username=wanted.username,
        display_name=wanted.display_name,
        password_hash=password_hash,
        must_change_password=must_change,
        roles=roles,
        officer_badge=wanted.officer_badge,
    )
    if not added:
        message = f"There is a user {wanted.username} already."
        raise ApiError(409, "exists", message, {"field": "username"})
    await journal.append(
        conn,
        actor=by,
        subject=f"user:{wanted.username}",
        kind=JournalKind.USER_CREATED,
        body={"roles": roles, "officer_badge": wanted.officer_badge},
    )
    return user_id


def routes(services: UsersServices) -> list[BaseRoute]:
    pool, passwords = services.pool, services.auth.passwords

    async def list_all(request: Request, user: User) -> Response:
        return json([user.view() for user in await users.all_users(pool)])

    async def add(request: Request, admin: User) -> Response:
        wanted = await read_body(request, NewUser)
        password = one_time_password()
        password_hash = await passwords.hash(password)
        async with pool.acquire() as conn, conn.transaction():
            await create(conn, wanted, password_hash=password_hash, by=admin.actor)
        found = await users.by_name(pool, wanted.username)
        assert found is not None
        view = structs.asdict(found[0].view())
        return json({**view, "one_time_password": password}, 201)

    return [
        Route("/api/users", guarded(list_all, "admin"), methods=["GET"]),
        Route("/api/users", guarded(add, "admin"), methods=["POST"]),
    ]
