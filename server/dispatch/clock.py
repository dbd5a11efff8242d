"""How far a device's clock is off, judged from what it says against when that comes.

A record carries the device's time, and we know when it came. What lies between is the clock's
offset and the way the record took; the way is never negative, so the largest `device − server` of
some recent records is the best estimate, and is right when one of them came at once. Records out
of a long dead zone say nothing against a clock: they only pull the estimate down when nothing
newer is there, which `QUICK_S` cuts off. Knows no clock itself.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

SAMPLES_MAX = 32
"""Of the newest records; older ones are forgotten, for clocks drift and are set."""
QUICK_S = 30.0
"""A record that seems older than this waited somewhere, and tells nothing (starting value)."""
SKEW_S_MAX = 2.0
"""From here on an offset is flagged."""


class ClockEstimate:
    """The offset of one device's clock."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=SAMPLES_MAX)

    def note(self, device_ms: int, received_at: datetime) -> None:
        """One record came; the device's time in milliseconds since 1970."""
        ahead_s = device_ms / 1000 - received_at.timestamp()
        if ahead_s >= -QUICK_S:
            self._samples.append(ahead_s)

    @property
    def offset_s(self) -> float | None:
        """Above 0: the device's clock is ahead of ours; None: nothing quick came yet."""
        return max(self._samples) if self._samples else None


def is_skewed(offset_s: float | None) -> bool:
    """Whether a device's times deserve no trust."""
    return offset_s is not None and abs(offset_s) > SKEW_S_MAX


def happened_at(
    device_at: datetime | None, offset_s: float | None, server_at: datetime
) -> datetime:
    """When a device says that something happened, its clock put right; never after we heard of it.

    `device_at` None: it was not told through a device.
    """
    if device_at is None:
        return server_at
    return min(device_at - timedelta(seconds=offset_s or 0.0), server_at)
