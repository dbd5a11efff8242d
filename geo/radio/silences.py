"""When a device had radio and when not, from when its fixes were taken and when they arrived.

A client without radio goes on recording and sends what it kept when it is back. So a fix that
arrived long after it was taken was taken in silence, one that arrived at once was not, and what
lies between is not known: a client notices a dead link late and tries again only now and then.

Three things look like a dead zone and are none. A device that was off recorded nothing: no fix, no
evidence. A clock that is slow makes every fix look late: the quickest of a drive count as prompt.
And where the server was away, everybody's fixes are late: a late fix counts only when a device of
another unit was heard at once at about the same time (`witnesses`).
Knows no road.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

PROMPT_S: Final = 10.0
"""s. A fix that arrived this soon was taken with radio: the server writes once a second, and a
client sends at once. Starting value."""

LATE_S: Final = 30.0
"""s. A fix that arrived later than this was kept without radio: longer than any wait in a queue,
and than most waits for the next try to connect. Starting value."""

SILENCE_S_MIN: Final = 45.0
"""s. A silence of which no fix waited so long is a hiccup of the network: one heartbeat."""

WITNESS_S: Final = 60.0
"""s. Another unit heard within so many seconds vouches for the server."""

QUICKEST_SHARE: Final = 0.1
"""The share of fixes that arrived quickest, which show how slow the clock is."""

CLOCK_S_MAX: Final = 300.0
"""s. No clock is believed to be slower: devices take the time from the network or satellites."""

HOLD_S_MAX: Final = 90.0
"""s. Between two prompt fixes nearer than this there was radio all the time; and silence between
two late ones. A unit that reports seldom tells nothing of the road between."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """n fixes of one drive in order of time, and what each says of the radio where it was taken."""

    at_s: Floats
    """(n,) taken, in any epoch."""
    heard: Bools
    silent: Bools
    """Neither: not known."""

    @classmethod
    def of(cls, at_s: Floats, received_s: Floats, witnesses_s: Floats) -> Self:
        """`at_s`, `received_s`: (n,) taken and arrived; `witnesses_s`: when devices of other units
        were heard at once; all in one epoch, `at_s` and `witnesses_s` sorted."""
        lag_s = received_s - at_s
        lag_s = lag_s - _slow_s(lag_s)
        kept = _long(lag_s, lag_s > PROMPT_S)
        return cls(
            at_s=at_s,
            heard=(lag_s <= PROMPT_S) & ~_waiting(at_s, at_s + lag_s, kept),
            silent=kept & (lag_s > LATE_S) & _near(at_s, witnesses_s),
        )

    def at(self, when_s: Floats) -> tuple[Bools, Bools]:
        """Whether there was radio at each time, and whether there was none; neither: not known."""
        if not len(self.at_s):
            nothing = np.zeros(len(when_s), dtype=np.bool_)
            return nothing, nothing
        after = np.searchsorted(self.at_s, when_s).clip(max=len(self.at_s) - 1)
        before = (after - 1).clip(min=0)
        before = np.where(self.at_s[after] <= when_s, after, before)
        within = (when_s >= self.at_s[0]) & (when_s <= self.at_s[-1])
        near = within & (self.at_s[after] - self.at_s[before] <= HOLD_S_MAX)
        return (
            near & self.heard[before] & self.heard[after],
            near & self.silent[before] & self.silent[after],
        )


def _slow_s(lag_s: Floats) -> float:
    """By how much the device's clock is slow: the quickest fixes are all late by the same, where
    the end of a silence would make a ramp."""
    if not len(lag_s):
        return 0.0
    least_s = float(lag_s.min())
    steady = float(np.quantile(lag_s, QUICKEST_SHARE)) - least_s <= PROMPT_S
    return least_s if steady and least_s <= CLOCK_S_MAX else 0.0


def _long(lag_s: Floats, kept: Bools) -> Bools:
    """Which fixes belong to a run of kept ones of which one waited SILENCE_S_MIN."""
    found = np.zeros(len(kept), dtype=np.bool_)
    bounds = np.flatnonzero(np.diff(np.concatenate(([False], kept, [False])).astype(np.int8)))
    for first, end in bounds.reshape(-1, 2).tolist():
        found[first:end] = lag_s[first:end].max() >= SILENCE_S_MIN
    return found


def _waiting(at_s: Floats, arrived_s: Floats, kept: Bools) -> Bools:
    """Which fixes were taken while one that was kept earlier had not arrived yet."""
    latest_s = np.maximum.accumulate(np.where(kept, arrived_s, -np.inf))
    return np.asarray(at_s < latest_s)


def _near(at_s: Floats, witnesses_s: Floats) -> Bools:
    """Whether some witness is within WITNESS_S of each time."""
    if not len(witnesses_s):
        return np.zeros(len(at_s), dtype=np.bool_)
    after = np.searchsorted(witnesses_s, at_s)
    next_s = witnesses_s[after.clip(max=len(witnesses_s) - 1)]
    last_s = witnesses_s[(after - 1).clip(min=0)]
    nearest_s = np.minimum(np.abs(next_s - at_s), np.abs(at_s - last_s))
    return np.asarray(nearest_s <= WITNESS_S)
