"""Long work that goes one after the other, with a limit on how many wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class TooMany(Exception):
    """Too many wait already; ask again in a moment."""


class OneAtATime:
    """`async with turn():` holds the turn, or waits for it."""

    def __init__(self, waiting_max: int) -> None:
        """`waiting_max`: who works, included."""
        self._waiting_max = waiting_max
        self._working = asyncio.Lock()
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Raises `TooMany`."""
        if self._waiting >= self._waiting_max:
            raise TooMany(f"{self._waiting_max} answers wait already")
        self._waiting += 1
        try:
            async with self._working:
                yield
        finally:
            self._waiting -= 1
