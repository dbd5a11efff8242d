"""How often someone may try a password: failures counted in a sliding window, in bounded memory.

An attempt counts as failed until it has succeeded, so many at once are no way around. Each process
counts on its own. Knows no clock: `now` is monotonic seconds.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from typing import Final

IPV6_PREFIX_LEN: Final = 64
"""What one subscriber has at the least (RFC 7421): all of it counts as one address."""


class RateLimiter:
    """At most `failures_max` per key within `window_s`; the key not used longest is forgotten."""

    def __init__(self, *, failures_max: int, window_s: float, keys_max: int) -> None:
        self._failures_max = failures_max
        self._window_s = window_s
        self._keys_max = keys_max
        self._attempts: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._attempts)

    def attempt(self, key: str, now: float) -> float:
        """0 when the attempt may go on (and counts); else the seconds to wait."""
        times = self._attempts.setdefault(key, deque())
        self._attempts.move_to_end(key)
        while times and times[0] <= now - self._window_s:
            times.popleft()
        if len(times) >= self._failures_max:
            return times[0] + self._window_s - now
        times.append(now)
        if len(self._attempts) > self._keys_max:
            self._attempts.popitem(last=False)
        return 0.0

    def succeeded(self, key: str) -> None:
        """Forget the failures before."""
        self._attempts.pop(key, None)

    def undo(self, key: str) -> None:
        """The last attempt was none: it failed for another reason than the password."""
        if times := self._attempts.get(key):
            times.pop()


def origin(address: str) -> str:
    """Whose attempts count together: an IPv4 address, or the network of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a unix socket has none
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), IPV6_PREFIX_LEN), strict=False))
