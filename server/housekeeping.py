"""What a server does on its own: the first administrator, and sweeping away what has run out."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from server.http.passwords import Passwords, one_time_password
from server.http.users import NewUser, create
from server.stores import users
from server.stores.away import STORE_AWAY
from server.stores.pool import Pool

if TYPE_CHECKING:
    from server.photodesk import PhotoDesk

logger = logging.getLogger(__name__)

FIRST_ADMIN = "admin"
SWEEP_S = 600.0

# Nobody else adds a user until commit.
LOCK_USERS = "LOCK TABLE app_user IN SHARE ROW EXCLUSIVE MODE"


async def ensure_admin(pool: Pool, passwords: Passwords) -> str | None:
    """The one-time password of a first administrator; None where there was one before."""
    if await users.may_have_admin(pool, FIRST_ADMIN):
        return None
    password = one_time_password()
    password_hash = await passwords.hash(password)
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(LOCK_USERS)
        if await users.may_have_admin(conn, FIRST_ADMIN):  # another process was first
            return None
        wanted = NewUser(username=FIRST_ADMIN, display_name="Administrator", roles=["admin"])
        await create(conn, wanted, password_hash=password_hash, by="system")
    return password


async def sweep(pool: Pool, photos: PhotoDesk) -> None:
    """Delete sessions and uploads that have run out, now and then, until cancelled."""
    while True:
        try:
            await users.end_expired_sessions(pool, datetime.now(UTC))
            await photos.forget_uploads()
        except STORE_AWAY as error:
            logger.warning("what has run out is not swept, PostgreSQL is away: %s", error)
        await asyncio.sleep(SWEEP_S)
