"""The administrator's API over a real database and real sessions, without roads and boards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from starlette.routing import BaseRoute

from server.accesslog import AccessLog
from server.http import auth as auth_module
from server.http import devices_admin, people, users
from server.http.app import assemble
from server.http.auth import Auth
from server.http.devices_admin import NewOfficer, NewStation, NewUnit
from server.http.passwords import Passwords
from server.http.users import NewUser
from server.limits import Limits
from server.settings import Settings
from server.stores.pool import Pool
from server.stores.users import Role
from tests.quick_passwords import QUICK

PASSWORD: Final = "a long enough pass phrase"
BODY_BYTES_MAX: Final = 4 << 20


class Published:
    """A fan-out that remembers."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    def publish(self, topic: str, payload: str) -> None:
        self.messages.append((topic, payload))

    def subscribe(self, topic: str, callback: Any) -> None:
        raise NotImplementedError


@dataclass
class AdminRoom:
    settings: Settings
    pool: Pool
    auth: Auth
    password_hash: str
    fanout: Published = field(default_factory=Published)

    async def add_user(self, username: str, *roles: Role, badge: str | None = None) -> str:
        """With `PASSWORD`; returns the id."""
        wanted = NewUser(
            username=username,
            display_name=username.title(),
            roles=list(roles),
            officer_badge=badge,
        )
        async with self.pool.acquire() as conn, conn.transaction():
            return await users.create(
                conn, wanted, password_hash=self.password_hash, by="system", must_change=False
            )

    async def add_station(self, name: str) -> None:
        async with self.pool.acquire() as conn, conn.transaction():
            await devices_admin.add_station(
                conn, NewStation(name=name, lon=100.2, lat=26.8), by="system"
            )

    async def add_unit(
        self, call_sign: str, *badges: str, station: str | None = None, **officer: Any
    ) -> str:
        """With a crew of new officers; returns the id."""
        async with self.pool.acquire() as conn, conn.transaction():
            wanted = NewUnit(call_sign=call_sign, kind="patrol_car", station=station)
            unit_id = await devices_admin.add_unit(conn, wanted, by="system")
            for badge in badges:
                crew = NewOfficer(badge=badge, name=f"Officer {badge}", unit_id=unit_id, **officer)
                await devices_admin.add_officer(conn, crew, by="system")
        return unit_id

    async def log_of(self, kind: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Actor, subject and body, oldest first."""
        query = "SELECT actor, subject, body FROM journal_entry WHERE kind = $1 ORDER BY id"
        return [tuple(row) for row in await self.pool.fetch(query, kind)]

    @asynccontextmanager
    async def browser(self, username: str | None = "admin") -> AsyncIterator[httpx.AsyncClient]:
        """Of somebody who has signed in; None: of nobody yet."""
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            if username is not None:
                answer = await sign_in(client, username)
                assert answer.status_code == 200, answer.text
            yield client

    def serve(self, modules: Sequence[Any]) -> None:
        routes: list[BaseRoute] = [each for module in modules for each in module.routes(self)]
        self.app = assemble(
            routes, auth=self.auth, access=AccessLog(self.pool), body_bytes_max=BODY_BYTES_MAX
        )


async def sign_in(
    client: httpx.AsyncClient, username: str, password: str = PASSWORD
) -> httpx.Response:
    return await client.post("/api/login", json={"username": username, "password": password})


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@asynccontextmanager
async def an_admin_room(
    pool: Pool, folder: Path, modules: Sequence[Any] = ()
) -> AsyncIterator[AdminRoom]:
    """With one administrator, `admin`; serves sign-in, users, people and `modules`."""
    auth = Auth(pool, Limits(), Passwords(hasher=QUICK))
    try:
        room = AdminRoom(
            settings=Settings(data_dir=folder, map_dir=folder),
            pool=pool,
            auth=auth,
            password_hash=await auth.passwords.hash(PASSWORD),
        )
        room.serve((auth_module, users, people, *modules))
        await room.add_user("admin", "admin")
        yield room
    finally:
        auth.close()
