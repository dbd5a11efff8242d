"""The server's edge to the network: its sockets, how many it may hold, how patient it is with them.

Knows uvicorn's protocols and no application.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
from typing import Any, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from server.settings import Settings

logger = logging.getLogger(__name__)

DEAD_PEER_S: Final = 60
"""Data that a peer does not acknowledge for so long ends the connection (RFC 5482)."""
KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES = 45, 15, 3
"""An idle peer is asked after the first, then so often; a phone without signal answers nothing."""
OTHER_FILES_MAX: Final = 500
"""Open files besides the peers' connections: stores, logs, pages under way."""
NO_UTF8: Final = 1007
"""Close code of text that is none (RFC 6455 §7.4.1)."""
PONGS_BYTES_MAX: Final = 256 * 1024
"""Waiting for a WebSocket peer to read, when it pings once more."""

_TCP_OPTIONS: Final = {
    "TCP_USER_TIMEOUT": DEAD_PEER_S * 1000,
    "TCP_KEEPIDLE": KEEPALIVE_IDLE_S,
    "TCP_KEEPALIVE": KEEPALIVE_IDLE_S,  # what macOS calls it
    "TCP_KEEPINTVL": KEEPALIVE_INTERVAL_S,
    "TCP_KEEPCNT": KEEPALIVE_PROBES,
}
"""Accepted sockets inherit these. Not every platform has every one."""


class CannotListen(Exception):
    """Why no peer can come; the text is for the operator."""


def listen(settings: Settings) -> list[socket.socket]:
    """Sockets that nobody else can have any more; who comes early waits. Raises `CannotListen`."""
    choose = ("--host", "--port")
    found = bind(settings.host, settings.port, choose=choose)
    try:
        for each in found:
            each.listen(settings.limits.listen_backlog_len)
    except OSError as error:
        for each in found:
            each.close()
        raise CannotListen(
            f"Cannot listen on {settings.host or '*'}:{settings.port}: {error.strerror}. "
            f"{_advice(error, choose)}"
        ) from error
    return found


def bind(
    host: str, port: int, *, choose: tuple[str, str], kind: int = socket.SOCK_STREAM
) -> list[socket.socket]:
    """Bound sockets of every address that `host` names; empty: all of this machine.

    `choose`: the settings by which an operator names another host, another port. Raises
    `CannotListen`.
    """
    where = f"{host or '*'}:{port}{' (UDP)' if kind == socket.SOCK_DGRAM else ''}"
    try:
        found = socket.getaddrinfo(host or None, port, type=kind, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise CannotListen(
            f"There is no address {host}: {error}. Choose another with {choose[0]}."
        ) from error
    bound: list[socket.socket] = []
    try:
        for family, its_kind, protocol, _, address in dict.fromkeys(found):
            each = socket.socket(family, its_kind, protocol)
            bound.append(each)
            _set_options(each)
            # With port 0 the later ones take the port that the first was given.
            its_port = address[1] or bound[0].getsockname()[1]
            each.bind((address[0], its_port, *address[2:]))
    except OSError as error:
        for each in bound:
            each.close()
        raise CannotListen(
            f"Cannot listen on {where}: {error.strerror}. {_advice(error, choose)}"
        ) from error
    return bound


def allow_files(connections_max: int) -> None:
    """Let this process open as many files as it may hold connections, as far as the system lets."""
    wanted = connections_max + OTHER_FILES_MAX
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        logger.warning(
            "this process may open %d files, too few for %d connections; raise it with ulimit -n, "
            "or LimitNOFILE= of systemd, or lower RIDGELINE_CONNECTIONS_MAX",
            allowed,
            connections_max,
        )


def impatient(head_s: float) -> type[asyncio.Protocol]:
    """uvicorn's HTTP protocol, which else waits for ever for the first, or the next, request."""

    class Impatient(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # chosen at run time
        """Closes a connection whose request head is not complete after `head_s`."""

        _waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._await_head()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _await_head(self) -> None:
            self._stop_waiting()
            self._waiting = self.loop.call_later(head_s, self._give_up, self.cycle)

        def _stop_waiting(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()

        def _give_up(self, cycle_before: object) -> None:
            became_websocket = self.transport.get_protocol() is not self
            if self.cycle is cycle_before and not became_websocket:
                self.transport.close()

    return Impatient


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, without three ways to harm it below the messages."""

    def data_received(self, data: bytes) -> None:
        """A handshake with too much in it has its answer written but not sent, and hangs."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def handle_ping(self) -> None:
        """A peer that pings and takes no pong would fill our memory."""
        super().handle_ping()
        if self.transport.get_write_buffer_size() > PONGS_BYTES_MAX:
            self.transport.abort()

    def send_receive_event_to_app(self) -> None:
        """Text that is no UTF-8 would write a stack into the log each time."""
        if self.curr_msg_data_type == "bytes" or self.close_sent or _is_utf8(self.frames):
            super().send_receive_event_to_app()
        else:
            self.frames = []
            self.conn.send_close(NO_UTF8)
            self.handle_parser_exception()


def _is_utf8(pieces: list[bytes]) -> bool:
    try:
        b"".join(pieces).decode()
    except UnicodeDecodeError:
        return False
    return True


def _set_options(each: socket.socket) -> None:
    if each.family == socket.AF_INET6:
        each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if each.type is not socket.SOCK_STREAM:
        return
    each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    each.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _TCP_OPTIONS.items():
        if (option := getattr(socket, name, None)) is not None:
            each.setsockopt(socket.IPPROTO_TCP, option, value)


def _advice(error: OSError, choose: tuple[str, str]) -> str:
    host, port = choose
    if error.errno == errno.EADDRNOTAVAIL:
        return f"No network interface of this machine has that address; choose another with {host}."
    if isinstance(error, PermissionError):
        return f"Only root may take a port below 1024; choose another with {port}."
    return f"Stop the program that uses this port, or choose another with {port}."
