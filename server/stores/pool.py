"""Connections to PostgreSQL: the pool, the application's role, and how values travel.

jsonb travels as plain Python values (msgspec), uuid as its 36-character string.
Knows no table.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import asyncpg
import msgspec

APP_ROLE = "ridgeline_app"
"""Owns nothing and cannot change history (docs/adr/0008)."""

CONNECT_S_MAX: Final = 5.0
"""To open a connection."""
COMMAND_S_MAX: Final = 30.0
"""For the answer to a statement, unless its caller says another."""

Pool: TypeAlias = Any
"""An `asyncpg.Pool`."""
Connection: TypeAlias = Any
"""An `asyncpg.Connection`, or the pool's proxy of one."""

_JSONB_VERSION = b"\x01"
"""First byte of jsonb's binary form (PostgreSQL, jsonb_recv)."""

_json_encoder = msgspec.json.Encoder()
_json_decoder = msgspec.json.Decoder()


async def open_pool(
    url: str,
    *,
    connections_min: int = 1,
    connections_max: int = 10,
) -> Pool:
    """Connect as the application: whatever user the URL names, acting as `ridgeline_app`."""
    return await asyncpg.create_pool(
        url,
        min_size=connections_min,
        max_size=connections_max,
        timeout=CONNECT_S_MAX,
        command_timeout=COMMAND_S_MAX,
        server_settings={"role": APP_ROLE, "application_name": "ridgeline", "timezone": "UTC"},
        init=use_codecs,
        reset=_leave_as_it_is,
    )


async def _leave_as_it_is(conn: Connection) -> None:
    """Between two users of a connection there is nothing to clean, which costs a question more.

    A transaction that was left open is rolled back all the same. Nothing here listens, sets a
    parameter or takes a lock for longer than its transaction; let it stay so.
    """


async def use_codecs(conn: Connection) -> None:
    """Teach one connection our forms of jsonb and uuid."""
    await conn.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_jsonb_encode, decoder=_jsonb_decode
    )
    await conn.set_type_codec(
        "uuid", schema="pg_catalog", format="binary", encoder=_uuid_encode, decoder=_uuid_decode
    )


def _jsonb_encode(value: object) -> bytes:
    return _JSONB_VERSION + _json_encoder.encode(value)


def _jsonb_decode(data: bytes) -> Any:
    return _json_decoder.decode(data[1:])


def _uuid_encode(value: str | uuid.UUID) -> bytes:
    return (value if isinstance(value, uuid.UUID) else uuid.UUID(value)).bytes


def _uuid_decode(data: bytes) -> str:
    return str(uuid.UUID(bytes=bytes(data)))


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """A connection that sees one state of the database, however long it is read; only reads."""
    async with (
        pool.acquire() as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield conn
