"""One server process: from the port to the last flush.

Start: take the port, start the private databases where none are named, migrate, wire, serve.
Stop: accept no more, close the peers, drain, flush, stop the databases. Whatever kept it from
starting is one clear line and exit code 1.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import replace
from functools import partial

import uvicorn
from redis import ConnectionPool
from starlette.applications import Starlette

from geo import mapfolder
from geo.errors import GeoError
from server import bootstrap, databases, housekeeping, lifetime
from server.bootstrap import Services
from server.databases import DatabaseUnusable
from server.embedded.errors import EmbeddedError
from server.embedded.launcher import Running
from server.envvalues import SettingsError
from server.gateways import console, device, exchange
from server.gateways.guests import phones
from server.http import (
    auth,
    batteries,
    batterymodels,
    charges,
    codes,
    cover,
    deadzones,
    devicechanges,
    devices_admin,
    guidance,
    health,
    identities,
    inbox,
    incidents,
    journal,
    learning,
    maydo,
    measures,
    mitigations,
    orders,
    pages,
    people,
    photos,
    playback,
    reach,
    reviews,
    roads,
    runcards,
    shiftplan,
    sos,
    spares,
    spelling,
    stance,
    tak,
    terminals,
    trails,
    travel,
    unitkeeping,
    units,
    users,
    watchroom,
    webhooks,
    worklist,
)
from server.http import exchange as roster_exchange
from server.http import map as ground_map
from server.http.app import assemble
from server.listening import CannotListen, GuardedWebSocket, allow_files, impatient, listen
from server.migrate import MigrationError
from server.settings import Settings
from server.stores.away import STORE_AWAY

logger = logging.getLogger(__name__)

WATCH_TICKS = 10
"""The private databases are looked at every so many ticks of 0.1 s."""
KEEP_ALIVE_S = 15
_MODULES = (
    auth,
    users,
    people,
    maydo,
    unitkeeping,
    shiftplan,
    roster_exchange,
    devices_admin,
    identities,
    devicechanges,  # after the paths below /api/devices that have a name of their own
    inbox,
    incidents,
    orders,
    guidance,
    health,
    worklist,
    units,
    trails,
    watchroom,
    batteries,
    batterymodels,
    runcards,
    mitigations,
    journal,
    measures,
    playback,
    reviews,
    learning,
    deadzones,
    ground_map,
    spelling,
    reach,
    travel,
    roads,
    sos,
    spares,
    stance,
    tak,
    terminals,
    charges,
    codes,
    cover,
    webhooks,
    console,
    device,
    exchange,
    phones,
    photos,
    pages,
)

Company = Callable[[str], AbstractAsyncContextManager[object]]
"""Entered with the server's address once it serves, left when it begins to stop."""


class CannotServe(Exception):
    """Why the server does not start or must stop; the text is for the operator."""


def create_app(services: Services) -> Starlette:
    """The application over wired services; its lifespan runs their background tasks."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with lifetime.background(services):
            yield

    limits = services.settings.limits
    routes = [route for module in _MODULES for route in module.routes(services)]
    return assemble(
        routes,
        auth=services.auth,
        access=services.access,
        body_bytes_max=limits.body_bytes_max,
        body_s_max=limits.request_body_s,
        larger=dict.fromkeys(roster_exchange.PATHS, limits.roster_bytes_max),
        tls=services.settings.tls,
        lifespan=lifespan,
    )


def run(
    settings: Settings,
    *,
    prepare: Callable[[Settings], None] | None = None,
    company: Company | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code.

    `prepare` is called before wiring, with the addresses of running, migrated databases.
    """
    try:
        with _terminable(), ExitStack() as stack:
            mapfolder.read_info(settings.map_dir)  # what is wrong is said before anything starts
            check_tls(settings)
            check_redis_url(settings)
            allow_files(_connections_max(settings))
            listeners = [stack.enter_context(each) for each in listen(settings)]
            running = stack.enter_context(databases.private(settings))
            port = listeners[0].getsockname()[1]
            settings = replace(databases.with_urls(settings, running), port=port)
            databases.migrate_now(settings)
            if prepare is not None:
                prepare(settings)
            asyncio.run(serve(settings, listeners, running, company))
    except KeyboardInterrupt:
        return 130
    except (
        *(CannotServe, CannotListen, EmbeddedError, DatabaseUnusable),
        *(GeoError, SettingsError, MigrationError),
    ) as error:
        print(f"ridgeline: {error}", file=sys.stderr)  # noqa: T201 (for the operator)
        return 1
    return 0


def _connections_max(settings: Settings) -> int:
    """Of all doors that are open."""
    limits = settings.limits
    tak = settings.tak.connections_max if settings.tak.on else 0
    terminals = 0 if settings.jt808.port is None else limits.jt808_connections_max
    return limits.connections_max + tak + terminals


async def serve(
    settings: Settings, listeners: list[socket.socket], running: Running, company: Company | None
) -> None:
    """Wire, serve, stop. Raises `CannotServe` when something broke meanwhile."""
    try:
        services = await bootstrap.build(settings)
    except STORE_AWAY as error:
        raise CannotServe(f"PostgreSQL went away during the start: {error}") from error
    try:
        password = await housekeeping.ensure_admin(services.pool, services.auth.passwords)
        if password is not None:
            _announce_admin(password)
        server = Server(create_app(services), services, running, company)
        await server.serve(listeners)
        if server.failure:
            raise CannotServe(server.failure)
    finally:
        await lifetime.close(services)


class Server(uvicorn.Server):
    """uvicorn, with our order of stopping and an eye on what must not end."""

    def __init__(
        self, app: Starlette, services: Services, running: Running, company: Company | None = None
    ) -> None:
        super().__init__(uvicorn_config(app, services.settings))
        self.failure: str | None = None
        self._services = services
        self._running = running
        self._company = company or (lambda address: nullcontext())

    async def main_loop(self) -> None:
        _set_aside_what_stays()
        async with self._company(address_of(self._services.settings)):
            await super().main_loop()

    async def on_tick(self, counter: int) -> bool:
        if counter % WATCH_TICKS == 0:
            self._running.mend(time.monotonic())
            if self._running.ended():
                logs = self._services.settings.data_dir / "logs"
                self.failure = f"PostgreSQL ended by itself; the logs are in {logs}."
        if getattr(self.lifespan, "error_occurred", False):
            self.failure = "A background task failed; the log above says why."
        return await super().on_tick(counter) or self.failure is not None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, tell the peers, then uvicorn waits for requests and ends the lifespan."""
        for each in self.servers:
            each.close()
        await lifetime.close_peers(self._services)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal asks the server to stop; it is not raised again afterwards."""
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in before:
            loop.add_signal_handler(number, partial(self.handle_exit, number, None))
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)


def _set_aside_what_stays() -> None:
    """Map, code and first pictures live as long as the process: have no collection walk over them.

    Each full one would stop everything for a quarter of a second, in the middle of a burst.
    """
    gc.collect()
    gc.freeze()


def uvicorn_config(app: Starlette, settings: Settings) -> uvicorn.Config:
    limits = settings.limits
    return uvicorn.Config(
        app,
        http=impatient(limits.request_head_s),
        ws=GuardedWebSocket,
        ws_max_size=limits.websocket_message_bytes_max,
        ws_ping_interval=None,  # both protocols have a heartbeat; a ping more wakes a radio
        ws_per_message_deflate=settings.websocket_deflate,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=limits.connections_max,
        backlog=limits.listen_backlog_len,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(limits.shutdown_s),
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )


def check_tls(settings: Settings) -> None:
    """Raises `CannotServe` when the certificate and the key do not fit."""
    if settings.tls_cert is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_no_passphrase)
    except OSError as error:  # SSLError is one
        raise CannotServe(f"The TLS certificate or its key cannot be used: {error}") from error


def _no_passphrase() -> str:
    """Called for an encrypted key; else OpenSSL would ask the terminal, and the server hang."""
    raise CannotServe(
        "The TLS key has a passphrase, and nobody is there to enter it. "
        "Remove it with: openssl pkey -in KEY -out NEW_KEY"
    )


def check_redis_url(settings: Settings) -> None:
    """Raises `CannotServe` where it cannot be read; does not quote it, it may hold a password."""
    if settings.redis_url is None:
        return
    try:
        ConnectionPool.from_url(settings.redis_url)
    except (ValueError, TypeError):
        text = "REDIS_URL cannot be read. It looks like redis://:password@host:6379/0."
        raise CannotServe(text) from None


def address_of(settings: Settings) -> str:
    """What a person types into a browser."""
    host = {"": "localhost", "0.0.0.0": "localhost", "::": "localhost"}.get(  # noqa: S104
        settings.host, settings.host
    )
    scheme = "https" if settings.tls else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _announce_admin(password: str) -> None:
    print(  # noqa: T201 (for the operator, once)
        f"\nFirst start. Sign in as {housekeeping.FIRST_ADMIN} with the one-time password "
        f"{password}\nand choose your own. It is shown only now.\n",
        flush=True,
    )


@contextmanager
def _terminable() -> Iterator[None]:
    """While starting and stopping, SIGTERM unwinds like Ctrl-C."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
