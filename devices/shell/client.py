"""asyncio shell of the reference client: one device over one connection at a time.

Opens, reads, writes, sleeps and closes; every decision is the core's (`devices.client`, and
`devices.doors` for the way: a WebSocket, or plain HTTP where none passes).
`run` ends when the device is stopped for good (refused); cancel it to leave.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from websockets.exceptions import InvalidHandshake, InvalidStatus

from devices.client import DeviceClient
from devices.client_events import Event
from devices.doors import Door, Doors
from devices.link import Phase
from devices.shell.httpwire import HttpWire
from devices.shell.radio import Radio
from devices.shell.wires import WebSocketWire, Wire, WireClosed
from protocols.native import CloseCode, Location, Report

CONNECT_S_MAX: Final = 15.0
"""TCP, TLS and the WebSocket handshake together."""
WRITE_S_MAX: Final = 60.0
"""A frame the network does not take for so long: the link is dead."""


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
        doors: Doors | None = None,
    ) -> None:
        """`url`: of the server's device door, ws:// or wss://. `token` goes into the header."""
        self.client = client
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._on_event = on_event
        self.door = Door.WEBSOCKET
        """The way of the newest connection."""
        self._doors = doors or Doors()
        self._radio = radio or Radio()
        self._radio.listen(self._radio_changed)
        self._wake = asyncio.Event()
        self._wire: Wire | None = None
        self._held: deque[bytes] = deque()
        """Frames that left the core and cannot leave the device."""
        self._left_silent: list[Wire] = []
        """Given up without signal: the server cannot hear of it before the signal is back."""

    # -- what the device tells -----------------------------------------------------------

    def report_location(self, location: Location) -> None:
        """Raises StorageFailed."""
        self.client.report_location(location, _now())
        self._wake.set()

    def report(self, command_id: str, step: Report, **details: Any) -> None:
        """See `DeviceClient.report`."""
        self.client.expire(_now())
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
        self._doors.network_changed()
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
                self.client.expire(_now())
                if self.client.phase is Phase.WAITING and _now() >= self.client.connect_at:
                    await self._connect_and_converse()
            self._tell_events()
        finally:
            for wire in self._left_silent:
                wire.abort()

    async def _connect_and_converse(self) -> None:
        self.client.connecting()
        self.door = self._doors.choose(_now())
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                await self._radio.signal()
                wire = await self._open()
        except InvalidStatus as error:
            self._turned_away(error)
        except InvalidHandshake as error:
            self._doors.refused(_now())
            self.client.disconnected(_now(), reason=str(error))
        except OSError as error:  # TimeoutError is one
            self.client.disconnected(_now(), reason=str(error) or type(error).__name__)
        else:
            await self._converse(wire)

    async def _open(self) -> Wire:
        if self.door is Door.HTTP:
            return HttpWire(self._url, self._headers, self.client.hello)
        wire = await WebSocketWire.open(self._url, self._headers)
        self._doors.opened()
        return wire

    def _turned_away(self, error: InvalidStatus) -> None:
        status = error.response.status_code
        if status == 401:
            self.client.refused(f"the server answered {status}: the token is not valid")
        elif status == 503:
            after = error.response.headers.get("Retry-After", "")
            self.client.disconnected(_now(), code=CloseCode.DRAINING, reason=after)
        else:
            self._doors.refused(_now())
            self.client.disconnected(_now(), reason=str(error))

    async def _converse(self, wire: Wire) -> None:
        self._wire = wire
        self._held.clear()
        self.client.connected(_now())
        reader = asyncio.create_task(self._read(wire), name="device-read")
        reader.add_done_callback(lambda _: self._wake.set())
        try:
            while self._goes_on() and not reader.done():
                await self._write(wire)
                self._tell_events()
                if self._goes_on() and not reader.done():
                    await self._sleep()
                    self._expire()
        except (WireClosed, TimeoutError):
            pass  # the peer, or the network, ended it; the reader knows the code
        finally:
            self._wire = None
            reader.cancel()
            await self._leave(wire)
            with contextlib.suppress(asyncio.CancelledError):
                await reader
        reason = self.client.closing[1] if self.client.closing else wire.close_reason
        self.client.disconnected(_now(), code=wire.close_code, reason=reason)

    def _expire(self) -> None:
        leave_at = self._doors.leave_at(self.door)
        if leave_at is not None and _now() >= leave_at:
            self.client.network_changed(_now())  # perhaps a WebSocket passes now
        self.client.expire(_now())

    def _goes_on(self) -> bool:
        return self.client.closing is None and self.client.phase is not Phase.STOPPED

    async def _read(self, wire: Wire) -> None:
        try:
            while True:
                frame = await wire.recv()
                await self._radio.signal()
                self.client.receive(frame, _now())
                self._wake.set()
        except WireClosed:
            return

    async def _write(self, wire: Wire) -> None:
        self._held.extend(self.client.frames_to_send(_now()))
        while self._held and self._radio.has_signal:
            async with asyncio.timeout(WRITE_S_MAX):
                await wire.send(self._held.popleft())

    async def _leave(self, wire: Wire) -> None:
        """A polite close where it can be heard, none where it cannot."""
        if not self._radio.has_signal:
            self._left_silent.append(wire)
        elif self.client.closing is not None and self.client.closing[0] == CloseCode.PROTOCOL:
            await wire.close(*self.client.closing)
        elif self.client.closing is not None:
            wire.abort()  # nobody answers, or the network is another
        else:
            await wire.close(1001, "device is leaving")

    async def _sleep(self) -> None:
        """Until something happened, or the core's next deadline."""
        due = [self.client.next_deadline()]
        if self._wire is not None:
            due.append(self._doors.leave_at(self.door))
        deadline = min((each for each in due if each is not None), default=None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._wake.wait()
        self._wake.clear()

    def _tell_events(self) -> None:
        for event in self.client.events():
            self._on_event(event)

    def _radio_changed(self, has_signal: bool) -> None:
        if self._wire is not None:
            self._wire.pause(silent=not has_signal)
        if has_signal:
            for silent in self._left_silent:
                silent.abort()
            self._left_silent.clear()
            if self._wire is None:
                self.client.network_changed(_now())
        self._wake.set()


def _now() -> float:
    """Monotonic seconds of the running loop."""
    return asyncio.get_running_loop().time()
