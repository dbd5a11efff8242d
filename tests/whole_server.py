"""The whole application in this process, wired as the product wires it, on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from starlette.applications import Starlette

from server import bootstrap, lifetime
from server.bootstrap import Services
from server.http.auth import COOKIE, hash_token, new_token
from server.ids import new_id
from server.jt808settings import Jt808Settings
from server.limits import Limits
from server.main import create_app, uvicorn_config
from server.settings import Settings
from server.stores import users
from server.stores.users import Role
from server.tak.options import TakOptions
from tests.http_server import client_of, serving


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeServer:
    url: str
    app: Starlette
    services: Services

    async def add_user(
        self,
        username: str,
        roles: Sequence[Role],
        *,
        must_change: bool = False,
        password_hash: str = "-",
    ) -> str:
        """A user, without a usable password unless its hash is given; returns the id."""
        user_id = new_id()
        added = await users.insert(
            self.services.pool,
            user_id=user_id,
            username=username,
            display_name=username.title(),
            password_hash=password_hash,
            must_change_password=must_change,
            roles=roles,
            officer_badge=None,
        )
        assert added
        return user_id

    async def session(self, user_id: str) -> str:
        """A fresh session of that user, as its token."""
        token, now = new_token(), datetime.now(UTC)
        async with self.services.pool.acquire() as conn:
            await users.start_session(
                conn,
                token_hash=hash_token(token),
                user_id=user_id,
                now=now,
                expires_at=now + timedelta(hours=1),
                address="127.0.0.1",
                sessions_max=20,
            )
        return token

    @asynccontextmanager
    async def signed_in(self, *roles: Role) -> AsyncIterator[httpx.AsyncClient]:
        """A browser of a new user with these roles."""
        token = await self.session(await self.add_user("wang", roles))
        async with client_of(self.url) as client:
            client.cookies.set(COOKIE, token)
            yield client


@asynccontextmanager
async def whole_server(
    *,
    map_dir: Path,
    data_dir: Path,
    database_url: str,
    redis_url: str,
    limits: Limits | None = None,
    trusted_proxies: tuple[str, ...] = (),
    tak: TakOptions | None = None,
    jt808: Jt808Settings | None = None,
) -> AsyncIterator[WholeServer]:
    settings = Settings(
        data_dir=data_dir,
        map_dir=map_dir,
        database_url=database_url,
        redis_url=redis_url,
        engine="scipy",
        limits=limits or Limits(),
        trusted_proxies=trusted_proxies,
        tak=tak or TakOptions(),
        jt808=jt808 or Jt808Settings(),
    )
    services = await bootstrap.build(settings)
    try:
        app = create_app(services)
        async with serving(app, uvicorn_config(app, settings)) as url:
            yield WholeServer(url=url, app=app, services=services)
            await lifetime.close_peers(services)
    finally:
        await lifetime.close(services)
