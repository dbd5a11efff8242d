"""Identifiers: UUIDv7 (RFC 9562 §5.7), so that ids made later sort later.

Within one process they are strictly increasing, also when the clock stands still or steps back
(§6.2, method 2: the random part is a counter that starts at a random value each millisecond).
"""

from __future__ import annotations

import secrets
import threading
import time
import uuid

_RANDOM_BITS = 74
"""rand_a (12) and rand_b (62) as one number."""
_STEP_BITS = 32
"""The counter grows by a random step below 2**32, so a neighbour's id is no guess."""


class IdMaker:
    """Makes UUIDv7 strings; one for a process, safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unix_ms = 0
        self._counter = 0

    def new(self, unix_ms: int) -> str:
        """A fresh id. A clock that steps back keeps the latest millisecond seen."""
        with self._lock:
            if unix_ms > self._unix_ms:
                self._start(unix_ms)
            else:
                self._counter += 1 + secrets.randbits(_STEP_BITS)
            if self._counter >> _RANDOM_BITS:
                self._start(self._unix_ms + 1)
            return _format(self._unix_ms, self._counter)

    def _start(self, unix_ms: int) -> None:
        self._unix_ms = unix_ms
        self._counter = secrets.randbits(_RANDOM_BITS - 1)  # top bit clear: room to count


def _format(unix_ms: int, random_part: int) -> str:
    rand_a, rand_b = random_part >> 62, random_part & ((1 << 62) - 1)
    value = unix_ms << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b
    return str(uuid.UUID(int=value))


_maker = IdMaker()


def new_id() -> str:
    """A fresh UUIDv7 in its 36-character form."""
    return _maker.new(time.time_ns() // 1_000_000)
