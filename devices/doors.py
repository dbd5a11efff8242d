"""Which way to the server: a WebSocket, or plain HTTP where none passes. Values in, values out.

A proxy that lets no WebSocket through refuses the handshake, always; a server that is away does not
answer at all. So only handshakes that were refused count. Over HTTP the WebSocket is tried again
now and then, and at once in another network: it is quicker and spares the battery.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

REFUSALS_MAX: Final = 3
"""Refused handshakes in a row after which plain HTTP is used."""
RETRY_S: Final = 300.0
"""Over HTTP, until the WebSocket is tried again."""


class Door(StrEnum):
    WEBSOCKET = "websocket"
    HTTP = "http"


class Doors:
    """Remembers what was refused. `now` is monotonic seconds."""

    def __init__(self, *, retry_s: float = RETRY_S) -> None:
        self._retry_s = retry_s
        self._refusals = 0
        self._retry_at = 0.0

    def choose(self, now: float) -> Door:
        """The door for the next connection."""
        shut = self._refusals >= REFUSALS_MAX and now < self._retry_at
        return Door.HTTP if shut else Door.WEBSOCKET

    def leave_at(self, door: Door) -> float | None:
        """When a connection through this door is to be left for a better one."""
        return self._retry_at if door is Door.HTTP else None

    def refused(self, now: float) -> None:
        """A WebSocket handshake was refused."""
        self._refusals += 1
        self._retry_at = now + self._retry_s

    def opened(self) -> None:
        """A WebSocket is open."""
        self._refusals = 0

    def network_changed(self) -> None:
        """Another network may let it pass."""
        self._refusals = 0
