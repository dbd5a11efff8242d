"""A device's link over a drive with silences: when each of its fixes arrives.

The waits are those of the reference client's own timers: records are sent again on a connection
that does not answer, the connection is given up after two heartbeats, and tried again with full
jitter. Time goes by the second.
"""

from __future__ import annotations

import random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.link_timers import MISSES_MAX, Backoff, Resend
from protocols.native import HEARTBEAT_S

DEAD_S: Final = float(MISSES_MAX * HEARTBEAT_S)
CONNECT_S: Final = 10.0
"""Until an attempt without signal fails."""
TRAVEL_S: Final = 1.0
"""From sending to the server's receipt, and what it takes to connect."""
AFTER_S: Final = 900
"""How long the link is followed after the drive."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def arrivals(at_s: Floats, silent: Bools, rng: random.Random) -> Floats:
    """(n,) when the fixes taken at `at_s` arrive, inf for never; `silent`: second by second from
    the start, and as at its end from then on."""
    received = np.full(len(at_s), np.inf)
    backoff, resend = Backoff(rng), Resend()
    connected, heard_s, try_s = True, 0.0, 0.0
    sent = waiting = 0  # fixes that arrived; fixes that are taken
    for now in range(int(at_s[-1]) + AFTER_S if len(at_s) else 0):
        signal = not silent[min(now, len(silent) - 1)]
        fresh = waiting
        while waiting < len(at_s) and at_s[waiting] <= now:
            waiting += 1
        if connected and now - heard_s >= DEAD_S and waiting > sent:
            connected, try_s = False, now + backoff.wait_s(None, "")
        if not connected and now >= try_s:
            connected = signal
            try_s = now + CONNECT_S + backoff.wait_s(None, "")
            if connected:
                backoff.reset()
                resend.reset()
                received[sent:waiting] = now + TRAVEL_S
                sent, heard_s = waiting, float(now)
        elif connected and waiting > sent:
            again = resend.is_due(float(now))
            if signal and (again or sent == fresh):
                received[sent:waiting] = now + TRAVEL_S
                sent, heard_s = waiting, float(now)
                resend.acknowledged(float(now), more=False)
            else:
                resend.sent(float(now))
        elif connected and signal:
            heard_s = float(now)
    return np.asarray(np.maximum(received, at_s))
