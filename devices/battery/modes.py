"""What a device says it is doing, as loads on its battery.

The word of the wire is one of `standby`, `record` and `stream`, with `screen` and `infrared` (or
`ir`) joined to it by `+`. What is not known counts as standby: a wrong word must not keep a level
from being heard.
"""

from __future__ import annotations

import re
from typing import Final

from devices.battery.model import Load

STREAM_HIGH_KBPS: Final = 1_200
"""From here on a stream is a high one: the powers known are those of 500 and of 2,000 kbit/s."""
WEAK_RSRP_DBM: Final = -110.0
"""Below it the signal is weak, and streaming not worth its energy. Starting value."""

_WORDS: Final = {
    "record": Load.RECORD,
    "stream": Load.STREAM_LOW,
    "screen": Load.SCREEN,
    "infrared": Load.INFRARED,
    "ir": Load.INFRARED,
}
_BASE: Final = (Load.STREAM_LOW, Load.RECORD, Load.STANDBY)
"""One of them at a time, the heaviest that is said."""
EXTRAS: Final = frozenset({Load.SCREEN, Load.INFRARED})


def loads_of(mode: str, stream_kbps: float | None = None) -> frozenset[Load]:
    """The loads that a reported mode means."""
    said = {_WORDS.get(word, Load.STANDBY) for word in re.split(r"[+, ]+", mode.lower())}
    base = next((load for load in _BASE if load in said), Load.STANDBY)
    if base is Load.STREAM_LOW and (stream_kbps or 0.0) >= STREAM_HIGH_KBPS:
        base = Load.STREAM_HIGH
    return frozenset({base}) | (said & EXTRAS)


def is_weak(rsrp_dbm: float | None) -> float:
    """1.0 where the signal is known to be weak, else 0.0."""
    return 1.0 if rsrp_dbm is not None and rsrp_dbm < WEAK_RSRP_DBM else 0.0
