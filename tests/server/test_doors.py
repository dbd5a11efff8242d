"""Attacks on the doors as the product runs them: guessing, fixation, spoofing, dawdling, spying."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import websockets
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from protocols import native
from protocols.native import Hello, Welcome
from server.http.auth import COOKIE
from server.http.users import NewUser, create
from server.limits import Limits
from server.listening import DEAD_PEER_S, listen
from server.settings import Settings
from server.stores.pool import Pool
from tests.http_server import client_of
from tests.patience import PATIENCE_S
from tests.quick_passwords import QUICK
from tests.server.field_rows import add_device
from tests.server_process import ServerProcess, running
from tests.whole_server import WholeServer, whole_server

PASSWORD = "a long enough pass phrase"
HASH = QUICK.hash(PASSWORD)

knock = partial(connect, proxy=None, open_timeout=PATIENCE_S)

Start = Callable[..., AbstractAsyncContextManager[WholeServer]]


@pytest.fixture
def start(small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str) -> Start:
    """The whole server with the user wang, a dispatcher."""

    @asynccontextmanager
    async def started(**options: Any) -> AsyncIterator[WholeServer]:
        async with whole_server(
            map_dir=small_map_dir,
            data_dir=tmp_path,
            database_url=database_url,
            redis_url=redis_url,
            **options,
        ) as server:
            await server.add_user("wang", ["dispatcher"], password_hash=HASH)
            yield server

    return started


async def sign_in(
    server: WholeServer, password: str = PASSWORD, *, at: str = "127.0.0.1", **headers: str
) -> httpx.Response:
    """A try from a given address of the loopback network."""
    transport = httpx.AsyncHTTPTransport(local_address=at)
    async with httpx.AsyncClient(
        base_url=server.url, transport=transport, timeout=PATIENCE_S
    ) as client:
        body = {"username": "wang", "password": password}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.post("/api/login", json=body, headers=named)


# -- guessing -----------------------------------------------------------------------------


async def test_name_is_guarded_against_guesses_from_many_addresses(start: Start) -> None:
    limits = Limits(login_failures_max=2, login_name_failures_max=5)
    async with start(limits=limits) as server:
        assert (await sign_in(server)).status_code == 200
        guesses = [
            (await sign_in(server, "a wrong guess", at=f"127.0.0.{host}")).status_code
            for host in (2, 2, 3, 3, 4, 4, 5)
        ]
        elsewhere = await sign_in(server, at="127.0.0.6")
        at_home = await sign_in(server, at="127.0.0.1")

    assert guesses == [401, 401, 401, 401, 401, 429, 429]
    assert elsewhere.status_code == 429
    assert at_home.status_code == 200, "a stranger must not lock the user out of his own desk"


async def test_forwarded_address_of_a_stranger_is_no_way_around(start: Start) -> None:
    async with start(limits=Limits(login_failures_max=2)) as server:
        spoofed = [
            (await sign_in(server, "wrong", x_forwarded_for=f"192.0.2.{n}")).status_code
            for n in range(3)
        ]

    assert spoofed == [401, 401, 429]


async def test_forwarded_address_is_believed_of_named_proxies(start: Start, pool: Pool) -> None:
    async with start(trusted_proxies=("127.0.0.9/32",)) as server:
        headers = {"x_forwarded_for": "198.51.100.7", "x_forwarded_proto": "https"}
        proxied = await sign_in(server, at="127.0.0.9", **headers)
        direct = await sign_in(server, at="127.0.0.2", **headers)

    assert "Secure" in proxied.headers["set-cookie"]
    assert "Secure" not in direct.headers["set-cookie"]
    assert await _addresses(pool) == ["198.51.100.7", "127.0.0.2"]


async def _addresses(pool: Pool) -> list[str]:
    rows = await pool.fetch(
        "SELECT body ->> 'address' AS at FROM journal_entry WHERE kind = 'user.signed_in' "
        "ORDER BY id"
    )
    return [row["at"] for row in rows]


# -- sessions -----------------------------------------------------------------------------


async def test_session_is_never_one_that_the_browser_brought(start: Start, pool: Pool) -> None:
    async with start() as server, client_of(server.url) as client:
        planted = "planted-by-somebody-else"
        client.cookies.set(COOKIE, planted)
        body = {"username": "wang", "password": PASSWORD}
        first = (await client.post("/api/login", json=body)).cookies[COOKIE]
        client.cookies.clear()
        client.cookies.set(COOKIE, first)
        second = (await client.post("/api/login", json=body)).cookies[COOKIE]

        assert len({planted, first, second}) == 3
        for token, status in ((planted, 401), (first, 401), (second, 200)):
            headers = {"cookie": f"{COOKIE}={token}"}
            async with httpx.AsyncClient(
                base_url=server.url, headers=headers, timeout=PATIENCE_S
            ) as other:
                assert (await other.get("/api/me")).status_code == status
    assert await pool.fetchval("SELECT count(*) FROM user_session") == 1


# -- secrets ------------------------------------------------------------------------------


async def test_no_secret_is_in_the_log_or_the_database(
    small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str, pool: Pool
) -> None:
    secrets = {
        "password": PASSWORD,
        "new password": "quite another pass phrase",
        "guess": "not-quite-the-pass-phrase",
        "device token": "token-of-a-camera-0123456789",
        "wrong token": "token-that-was-guessed-98765",
    }
    await add_device(pool, "cam-07", token=secrets["device token"])
    async with pool.acquire() as conn, conn.transaction():
        wanted = NewUser(username="wang", display_name="Wang", roles=["admin"])
        await create(conn, wanted, password_hash=HASH, by="system", must_change=False)
    server = ServerProcess(
        map_dir=small_map_dir,
        data_dir=tmp_path,
        database_url=database_url,
        redis_url=redis_url,
        options=("--verbose",),
    )

    with running(server):
        async with client_of(server.url) as client:
            for body in (
                {"username": "wang", "password": secrets["guess"]},
                {"username": "wang", "password": secrets["guess"], "surplus": 1},
                {"username": ["wang"], "password": secrets["guess"]},
                {"username": "wang", "password": PASSWORD},
            ):
                await client.post("/api/login", json=body)
            secrets["session"] = client.cookies[COOKIE]
            change = {"old": PASSWORD, "new": secrets["new password"]}
            assert (await client.post("/api/me/password", json=change)).status_code == 204
            body = {"username": "li", "display_name": "Li", "roles": ["admin"]}
            added = (await client.post("/api/users", json=body)).json()
            secrets["one-time password"] = added["one_time_password"]
        await _say_hello(server.url, secrets["wrong token"], token_is_right=False)
        await _say_hello(server.url, secrets["device token"], token_is_right=True)
        with pytest.raises(websockets.InvalidStatus):
            await knock(f"{server.url.replace('http', 'ws')}/v1/console")
        await asyncio.to_thread(server.stop)

    log, stored = server.log.read_text(), await _everything(pool)
    assert "[accepted]" in log, "the log must be on for this to mean anything"
    assert "wang" in stored
    assert " ERROR " not in log
    for what, secret in secrets.items():
        assert secret not in log, what
        assert secret not in stored, what
        assert secret.encode().hex() not in stored, what


async def _say_hello(url: str, token: str, *, token_is_right: bool) -> None:
    address = f"{url.replace('http', 'ws')}/v1/device"
    async with knock(address, subprotocols=[Subprotocol(native.SUBPROTOCOL)]) as peer:
        await peer.send(native.encode(Hello(dev="cam-07", inst="i1", tok=token)).decode())
        if token_is_right:
            assert isinstance(native.decode_server(await peer.recv()), Welcome)
        else:
            with pytest.raises(websockets.ConnectionClosedError, match="4002"):
                await peer.recv()


async def _everything(pool: Pool) -> str:
    """Every row that the application can read, as text."""
    tables = await pool.fetch(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    rows = [
        await pool.fetchval(f'SELECT string_agg(t::text, chr(10)) FROM "{name}" AS t')
        for (name,) in tables
    ]
    return "\n".join(text for text in rows if text)


# -- dawdling -----------------------------------------------------------------------------


async def _sent(url: str, data: bytes = b"") -> bytes:
    """What comes back until the server closes; the client sends no more and does not close.

    All is sent before the server, on the same event loop, can hear that somebody came.
    """
    address = urlsplit(url)
    sock = socket.create_connection((address.hostname, address.port))
    sock.sendall(data)
    sock.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read()
    finally:
        writer.close()


async def test_peers_that_never_finish_a_request_are_closed(start: Start) -> None:
    limits = Limits(request_head_s=0.5, request_body_s=0.6)
    async with start(limits=limits) as server:
        silent = await _sent(server.url)
        half_a_head = await _sent(server.url, b"GET /login HTTP/1.1\r\nHost: ")
        between = await _sent(server.url, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /")
        half_a_body = await _sent(
            server.url,
            b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n"
            b'Connection: close\r\n\r\n{"username":',
        )

    assert (silent, half_a_head) == (b"", b"")
    assert between.startswith(b"HTTP/1.1 200")
    assert b"408" in half_a_body.split(b"\r\n")[0]
    assert b'"too_slow"' in half_a_body


async def test_patience_is_for_requests_not_for_websockets_or_slow_answers(
    start: Start, pool: Pool
) -> None:
    await add_device(pool, "cam-07", token="secret")
    # Long enough for a handshake on a slow machine.
    async with start(limits=Limits(request_head_s=3.0)) as server:
        address = f"{server.url.replace('http', 'ws')}/v1/device"
        subprotocols = [Subprotocol(native.SUBPROTOCOL)]
        async with knock(address, subprotocols=subprotocols) as peer:
            await peer.send(native.encode(Hello(dev="cam-07", inst="i1", tok="secret")).decode())
            await peer.recv()
            async with asyncio.timeout(PATIENCE_S):
                await _sent(server.url)  # so much longer than the limit
            await peer.send('{"t":"ping","i":1}')

            assert '"pong"' in str(await peer.recv())


# -- the listener -------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux has it")
def test_peers_that_are_dead_are_noticed_by_the_kernel(tmp_path: Path) -> None:
    [listener] = listen(Settings(data_dir=tmp_path, map_dir=tmp_path, port=0))
    with listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                ask = accepted.getsockopt
                unacknowledged_ms = ask(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
                idle_s = ask(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
                alive = ask(socket.SOL_SOCKET, socket.SO_KEEPALIVE)

    assert unacknowledged_ms == DEAD_PEER_S * 1000
    assert (bool(alive), idle_s) == (True, 45)


async def test_limits_of_the_parts_can_be_set(start: Start, pool: Pool) -> None:
    await add_device(pool, "cam-07", token="secret")
    limits = Limits(device_connections_max=1, device_heartbeat_s=7)
    async with start(limits=limits) as server:
        address = f"{server.url.replace('http', 'ws')}/v1/device"
        subprotocols = [Subprotocol(native.SUBPROTOCOL)]
        async with knock(address, subprotocols=subprotocols) as peer:
            await peer.send(native.encode(Hello(dev="cam-07", inst="i1", tok="secret")).decode())
            welcome = native.decode_server(await peer.recv())
            with pytest.raises(websockets.InvalidStatus, match="503"):
                await knock(address, subprotocols=subprotocols)

    assert isinstance(welcome, Welcome)
    assert welcome.hb == 7
