"""The last messages of a feed, for those who come back after a break. Knows no console."""

from __future__ import annotations

from collections import deque


class Recent:
    """Numbered texts, the newest last; when full, the oldest make room."""

    def __init__(self, *, len_max: int, bytes_max: int) -> None:
        self._texts: deque[str] = deque()
        self._bytes = 0
        self._len_max, self._bytes_max = len_max, bytes_max

    def add(self, text: str) -> None:
        """One more; a text that alone is too large is not kept, nor what came before it."""
        self._texts.append(text)
        self._bytes += len(text)
        while len(self._texts) > self._len_max or self._bytes > self._bytes_max:
            self._bytes -= len(self._texts.popleft())

    def last(self, count: int) -> list[str] | None:
        """The last so many, oldest first; None: not all of them are here any more."""
        if not 0 <= count <= len(self._texts):
            return None
        return [self._texts[at] for at in range(len(self._texts) - count, len(self._texts))]
