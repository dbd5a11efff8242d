"""When to try again, and when to believe that nobody is there. Values in, values out."""

from __future__ import annotations

import random
import re
from typing import Final

from protocols.native import HEARTBEAT_S, CloseCode

BACKOFF_S_FIRST: Final = 1.0
BACKOFF_S_MAX: Final = 60.0
STABLE_S: Final = 10.0
"""A connection that lasted this long past its welcome ends the back-off."""
DRAIN_S: Final = 5.0
"""After 4005 without a number in its reason: about how long a server takes to restart."""
MISSES_MAX: Final = 2
"""Heartbeats in which nothing was heard."""
ATTEMPTS_COUNTED_MAX: Final = 16
RESEND_S_FIRST: Final = 10.0
"""Without an acknowledgement; doubled each time, up to BACKOFF_S_MAX."""


class Backoff:
    """1, 2, 4 … 60 s, of each a random share: full jitter, so that a fleet does not come as one."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._attempt = 0

    def reset(self) -> None:
        self._attempt = 0

    def wait_s(self, code: int | None, reason: str) -> float:
        """How long to wait after a connection ended, or failed to begin, with this close code.

        Replaced: somebody else is this installation now. If he is not, a device that came back
        never would be silent for good; if he is, two that share a store disturb each other rarely.
        """
        if code == CloseCode.DRAINING:
            named = re.search(r"\d+", reason)
            drain_s = min(float(named[0]) if named else DRAIN_S, BACKOFF_S_MAX)
            return drain_s + self._rng.uniform(0.0, drain_s)
        if code == CloseCode.REPLACED:
            return BACKOFF_S_MAX + self._rng.uniform(0.0, BACKOFF_S_MAX)
        longest_s = min(BACKOFF_S_FIRST * 2.0**self._attempt, BACKOFF_S_MAX)
        self._attempt = min(self._attempt + 1, ATTEMPTS_COUNTED_MAX)
        if code == CloseCode.PROTOCOL:
            longest_s = BACKOFF_S_MAX  # a fault of the programs: haste does not mend it
        return self._rng.uniform(0.0, longest_s)


class Heartbeat:
    """A ping after one quiet interval, in either direction; death after two without hearing.

    Records that are acknowledged count as heartbeats: a moving unit needs no ping.
    """

    def __init__(self, now: float) -> None:
        self.interval_s = float(HEARTBEAT_S)
        self._heard_at = self._sent_at = self._pinged_at = now
        self._count = 0

    def start(self, now: float) -> None:
        self._heard_at = self._sent_at = self._pinged_at = now

    def heard(self, now: float) -> None:
        self._heard_at = now

    def sent(self, now: float) -> None:
        self._sent_at = now

    def next_ping(self, now: float) -> int:
        """The number of the ping that is sent now."""
        self._pinged_at = now
        self._count += 1
        return self._count

    def answers(self, i: int) -> bool:
        """Whether a pong belongs to the newest ping."""
        return i == self._count

    @property
    def ping_at(self) -> float:
        quiet_since = max(self._pinged_at, min(self._sent_at, self._heard_at))
        return quiet_since + self.interval_s

    @property
    def dead_at(self) -> float:
        return self._heard_at + MISSES_MAX * self.interval_s


class Resend:
    """When records are sent again on a living connection: acknowledgements did not come."""

    def __init__(self) -> None:
        self.at: float | None = None
        self._wait_s = RESEND_S_FIRST

    def reset(self) -> None:
        """A connection begins: nothing was sent on it."""
        self.at, self._wait_s = None, RESEND_S_FIRST

    def sent(self, now: float) -> None:
        if self.at is None:
            self.at = now + self._wait_s

    def acknowledged(self, now: float, *, more: bool) -> None:
        """The server answers; `more`: records still wait for it."""
        self.at, self._wait_s = None, RESEND_S_FIRST
        if more:
            self.sent(now)

    def is_due(self, now: float) -> bool:
        """Whether to send again now; the next wait is twice as long."""
        if self.at is None or now < self.at:
            return False
        self.at, self._wait_s = None, min(2 * self._wait_s, BACKOFF_S_MAX)
        return True
