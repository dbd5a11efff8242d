"""asyncio shell of the reference client: one device over one WebSocket at a time.

Opens, reads, writes, sleeps and closes; every decision is the core's (`devices.client`).
`run` ends when the device is stopped for good (replaced, refused); cancel it to leave.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.typing import Subprotocol

from devices.client import DeviceClient
from devices.client_events import Event
from devices.link import Phase
from devices.shell.radio import Radio
from protocols.native import FRAME_BYTES_MAX, SUBPROTOCOL, CloseCode, Location, Report

CONNECT_S_MAX: Final = 15.0
"""TCP, TLS and the WebSocket handshake together."""
WRITE_S_MAX: Final = 60.0
"""A frame the network does not take for so long: the link is dead."""
CLOSE_S_MAX: Final = 2.0
"""For the peer to answer a close frame."""
FRAMES_QUEUED_MAX: Final = 64
"""Frames received and not yet handled; beyond it the socket is not read."""

KEEPALIVE: Final = (("TCP_KEEPIDLE", 45), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 3))
"""Seconds, seconds, probes: a dead peer is found by the kernel too, where it has these options."""
USER_TIMEOUT_MS: Final = 60_000
"""RFC 5482: sent and not acknowledged for so long ends the connection (Linux)."""

WINDOW_BITS: Final = 12
MEMORY_LEVEL: Final = 5
"""A 4 KiB window with context takeover: a 127-byte fix becomes 29 bytes, for 40 KiB a socket."""


class DeviceShell:
    """Runs one `DeviceClient`."""

    def __init__(
        self,
        client: DeviceClient,
        url: str,
        *,
        token: str = "",
        on_event: Callable[[Event], None] = lambda event: None,
        radio: Radio | None = None,
    ) -> None:
        """`url`: of the server's device door, ws:// or wss://. `token` goes into the header."""
        self.client = client
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._on_event = on_event
        self._radio = radio or Radio()
        self._radio.listen(self._radio_changed)
        self._wake = asyncio.Event()
        self._connection: ClientConnection | None = None
        self._held: deque[bytes] = deque()
        """Frames that left the core and cannot leave the device."""
        self._left_silent: list[ClientConnection] = []
        """Given up without signal: the server cannot hear of it before the signal is back."""

    # -- what the device tells -----------------------------------------------------------

    def report_location(self, location: Location) -> None:
        """Raises StorageFailed."""
        self.client.report_location(location, _now())
        self._wake.set()

    def report(self, command_id: str, step: Report, **details: Any) -> None:
        """See `DeviceClient.report`."""
        self.client.report(command_id, step, **details)
        self._wake.set()

    def call_for_help(self, **details: Any) -> str:
        """See `DeviceClient.call_for_help`."""
        name = self.client.call_for_help(_now(), **details)
        self._wake.set()
        return name

    def withdraw_call(self, name: str, **details: Any) -> None:
        """See `DeviceClient.withdraw_call`."""
        self.client.withdraw_call(name, **details)
        self._wake.set()

    def network_changed(self) -> None:
        """The system reports another network: reconnect at once."""
        self.client.network_changed(_now())
        self._wake.set()

    def stop(self, reason: str = "") -> None:
        """Close the connection and let `run` return; what is reported meanwhile is kept."""
        self.client.stop(reason=reason)
        self._wake.set()

    # -- the loop ------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, converse, reconnect; returns when the device is stopped."""
        try:
            while self.client.phase is not Phase.STOPPED:
                self._tell_events()
                await self._sleep()
                if self.client.phase is Phase.WAITING and _now() >= self.client.connect_at:
                    await self._connect_and_converse()
            self._tell_events()
        finally:
            for connection in self._left_silent:
                connection.transport.abort()

    async def _connect_and_converse(self) -> None:
        self.client.connecting()
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                await self._radio.signal()
                connection = await self._open()
        except InvalidStatus as error:
            self._turned_away(error)
        except (OSError, InvalidHandshake) as error:  # TimeoutError is an OSError
            self.client.disconnected(_now(), reason=str(error) or type(error).__name__)
        else:
            await self._converse(connection)

    async def _open(self) -> ClientConnection:
        deflate = ClientPerMessageDeflateFactory(
            server_max_window_bits=WINDOW_BITS,
            client_max_window_bits=WINDOW_BITS,
            compress_settings={"memLevel": MEMORY_LEVEL},
        )
        return await connect(
            self._url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            extensions=[deflate],
            compression=None,
            additional_headers=self._headers,
            user_agent_header=None,
            proxy=None,
            open_timeout=None,
            ping_interval=None,  # the core's own ping proves that the application lives
            close_timeout=CLOSE_S_MAX,
            max_size=FRAME_BYTES_MAX,
            max_queue=FRAMES_QUEUED_MAX,
        )

    def _turned_away(self, error: InvalidStatus) -> None:
        status = error.response.status_code
        if status in (401, 403):
            self.client.refused(f"the server answered {status}: the token is not valid")
            return
        code = CloseCode.DRAINING if status == 503 else None
        reason = error.response.headers.get("Retry-After", "") if status == 503 else str(error)
        self.client.disconnected(_now(), code=code, reason=reason)

    async def _converse(self, connection: ClientConnection) -> None:
        _tune(connection.transport.get_extra_info("socket"))
        self._connection = connection
        self._held.clear()
        self.client.connected(_now())
        reader = asyncio.create_task(self._read(connection), name="device-read")
        reader.add_done_callback(lambda _: self._wake.set())
        try:
            while self._goes_on() and not reader.done():
                await self._write(connection)
                self._tell_events()
                if self._goes_on() and not reader.done():
                    await self._sleep()
                    self.client.expire(_now())
        except (ConnectionClosed, TimeoutError):
            pass  # the peer, or the network, ended it; the reader knows the code
        finally:
            self._connection = None
            reader.cancel()
            await self._leave(connection)
            with contextlib.suppress(asyncio.CancelledError):
                await reader
        reason = self.client.closing[1] if self.client.closing else connection.close_reason or ""
        self.client.disconnected(_now(), code=connection.close_code, reason=reason)

    def _goes_on(self) -> bool:
        return self.client.closing is None and self.client.phase is not Phase.STOPPED

    async def _read(self, connection: ClientConnection) -> None:
        try:
            while True:
                frame = await connection.recv()
                await self._radio.signal()
                self.client.receive(frame, _now())
                self._wake.set()
        except ConnectionClosed:
            return

    async def _write(self, connection: ClientConnection) -> None:
        self._held.extend(self.client.frames_to_send(_now()))
        while self._held and self._radio.has_signal:
            async with asyncio.timeout(WRITE_S_MAX):
                await connection.send(self._held.popleft(), text=True)

    async def _leave(self, connection: ClientConnection) -> None:
        """A polite close where it can be heard, none where it cannot."""
        if not self._radio.has_signal:
            self._left_silent.append(connection)
        elif self.client.closing is not None and self.client.closing[0] == CloseCode.PROTOCOL:
            await connection.close(*self.client.closing)
        elif self.client.closing is not None:
            connection.transport.abort()  # nobody answers, or the network is another
        else:
            await connection.close(1001, "device is leaving")

    async def _sleep(self) -> None:
        """Until something happened, or the core's next deadline."""
        deadline = self.client.next_deadline()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._wake.wait()
        self._wake.clear()

    def _tell_events(self) -> None:
        for event in self.client.events():
            self._on_event(event)

    def _radio_changed(self, has_signal: bool) -> None:
        connection = self._connection
        if connection is not None and not connection.transport.is_closing():
            if has_signal:
                connection.transport.resume_reading()
            else:
                connection.transport.pause_reading()
        if has_signal:
            for silent in self._left_silent:
                silent.transport.abort()
            self._left_silent.clear()
            if connection is None:
                self.client.network_changed(_now())
        self._wake.set()


def _now() -> float:
    """Monotonic seconds of the running loop."""
    return asyncio.get_running_loop().time()


def _tune(sock: socket.socket | None) -> None:
    """Let the kernel find dead peers; the defaults take hours."""
    if sock is None:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = (*KEEPALIVE, ("TCP_USER_TIMEOUT", USER_TIMEOUT_MS))
    for name, value in options:
        if (option := getattr(socket, name, None)) is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
