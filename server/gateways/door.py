"""How many may stand at the devices' door: places of the process, and strangers of one address.

A stranger is a connection whose device has not been let in yet. Without their own limit one address
could take every place and say nothing. Each process counts on its own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    connections_max: int = 10_000
    """Device connections of this process; more are refused with 503 before the handshake."""
    strangers_per_address_max: int = 1_000
    """Of them, those of one address whose hello has not been accepted. A carrier's NAT may put a
    whole county behind one address, and all come back at once after an outage."""


class Full(Exception):
    """No more connections: all places taken, or the server is stopping."""


class Place:
    """One connection's place."""

    def __init__(self, strangers: Counter[str], address: str) -> None:
        self._strangers, self._address = strangers, address
        self._strange = True
        strangers[address] += 1

    def known(self) -> None:
        """The device was let in, or has left."""
        if self._strange:
            self._strange = False
            self._strangers[self._address] -= 1
            if not self._strangers[self._address]:
                del self._strangers[self._address]


class Door:
    """Counts them."""

    def __init__(self, limits: DoorLimits) -> None:
        self.limits = limits
        self.open_count = 0
        self.shut = False
        """The server is stopping."""
        self._strangers: Counter[str] = Counter()
        self._empty = asyncio.Event()

    @property
    def strangers_count(self) -> int:
        return self._strangers.total()

    @contextmanager
    def place(self, address: str) -> Iterator[Place]:
        """A place for one connection from `address`. Raises `Full`."""
        crowd = self._strangers.get(address, 0)
        if (
            self.shut
            or self.open_count >= self.limits.connections_max
            or crowd >= self.limits.strangers_per_address_max
        ):
            raise Full
        place = Place(self._strangers, address)
        self.open_count += 1
        try:
            yield place
        finally:
            place.known()
            self.open_count -= 1
            if not self.open_count:
                self._empty.set()

    async def emptied(self) -> None:
        """Return when nobody is left."""
        self._empty.clear()
        if self.open_count:
            await self._empty.wait()
