"""Whether there is signal: always on a real device, now and then in a simulated one.

Without signal nothing moves in either direction and nobody is told: the connection does not end,
it falls silent, as on a mountain road.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Radio:
    """Shared by the devices that ride together."""

    def __init__(self) -> None:
        self._signal = asyncio.Event()
        self._signal.set()
        self._listeners: list[Callable[[bool], None]] = []

    @property
    def has_signal(self) -> bool:
        return self._signal.is_set()

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Call `changed(has_signal)` at every change."""
        self._listeners.append(changed)

    def lose(self) -> None:
        if self.has_signal:
            self._signal.clear()
            self._tell()

    def regain(self) -> None:
        if not self.has_signal:
            self._signal.set()
            self._tell()

    async def signal(self) -> None:
        """Return when there is signal."""
        await self._signal.wait()

    def _tell(self) -> None:
        for changed in self._listeners:
            changed(self.has_signal)
