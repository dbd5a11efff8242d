"""Something that happens again and again is said at once, then as a number.

The first of a key is said; what follows within the window is counted, and said together when it
ends. Memory is bounded: while all keys are taken, what is new goes by a broader key, of which there
are few. Knows no clock and no log: `now` is monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

LATELY_LEN_MAX: Final = 20
"""Different details that are kept of one key; the oldest make room."""


@dataclass(slots=True)
class _Window:
    ends_at: float
    count: int = 0
    lately: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats(Generic[K]):
    """So many more of one key, and how they differed lately."""

    key: K
    count: int
    lately: tuple[str, ...]


class Coalescer(Generic[K]):
    """At most `keys_max` keys, each with a window of `window_s`, and beyond them those of
    `broader`."""

    def __init__(self, *, window_s: float, keys_max: int, broader: Callable[[K], K]) -> None:
        self.window_s = window_s
        self._keys_max, self._broader = keys_max, broader
        self._windows: dict[K, _Window] = {}

    def __len__(self) -> int:
        """Keys that are remembered."""
        return len(self._windows)

    def begin(self, key: K, detail: str, now: float) -> K | None:
        """The key of the window that begins with it, to be said now; None: it has been counted."""
        if key not in self._windows and len(self._windows) >= self._keys_max:
            key = self._broader(key)
        window = self._windows.get(key)
        if window is None:
            self._windows[key] = _Window(now + self.window_s)
            return key
        window.count += 1
        _remember(window.lately, detail)
        return None

    def undo(self, key: K) -> None:
        """The first was not said after all: the next is, unless some have been counted."""
        if not self._windows[key].count:
            del self._windows[key]

    def due(self, now: float) -> list[Repeats[K]]:
        """What is to be said of windows that have ended; those without repeats are forgotten."""
        ended = [(key, each) for key, each in self._windows.items() if each.ends_at <= now]
        for key, window in ended:
            if not window.count:
                del self._windows[key]
        return [
            Repeats(key=key, count=window.count, lately=tuple(window.lately))
            for key, window in ended
            if window.count
        ]

    def said(self, repeats: Repeats[K], now: float) -> None:
        """They are in the log; what came meanwhile waits for another window."""
        window = self._windows[repeats.key]
        window.count -= repeats.count
        if window.count:
            window.ends_at = now + self.window_s
        else:
            del self._windows[repeats.key]


def _remember(lately: list[str], detail: str) -> None:
    """Add it, in the place of the one before where somebody only typed on."""
    if not detail or detail in lately:
        return
    if lately and detail.startswith(lately[-1]):
        lately.pop()
    lately.append(detail)
    del lately[:-LATELY_LEN_MAX]
