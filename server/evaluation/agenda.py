"""What is to happen, in order of time. Virtual seconds; nobody waits for anything."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Final

PLANNED_MAX: Final = 1_000_000
"""Events waiting at once: more means that something plans without end."""

Happening = Callable[[], None]


class Agenda:
    """A queue of events. What is planned for one moment happens in the order of planning."""

    def __init__(self) -> None:
        self._planned: list[tuple[float, int, Happening]] = []
        self._numbers = count()
        self.now_s = 0.0

    def __len__(self) -> int:
        return len(self._planned)

    def at(self, at_s: float, happening: Happening) -> None:
        """Plan. Raises ValueError for what is past, and OverflowError for too much."""
        if not at_s >= self.now_s:
            raise ValueError(f"it is {self.now_s} s already, too late for {at_s} s")
        if len(self._planned) >= PLANNED_MAX:
            raise OverflowError(f"more than {PLANNED_MAX} events are planned")
        heapq.heappush(self._planned, (at_s, next(self._numbers), happening))

    def after(self, seconds: float, happening: Happening) -> None:
        """Plan for some seconds from now."""
        self.at(self.now_s + seconds, happening)

    def step(self) -> bool:
        """Let the next thing happen; False where nothing is planned."""
        if not self._planned:
            return False
        self.now_s, _, happening = heapq.heappop(self._planned)
        happening()
        return True
