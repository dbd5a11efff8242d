"""Limits that a device keeps so that its battery lasts: joined, compared, and applied to a mode.

A command `limits` carries all of them at once and takes the place of the one before it, so a device
keeps the newest and nothing has to be undone in order. Knows no battery and no command.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from protocols.native import Limits

CAPABILITY: Final = "limits"
"""A device that applies limits by itself says so in the `caps` of its hello."""
NO_LIMITS: Final = Limits()
STREAMS: Final = ("off", "snippets", "low")
"""Strictest first."""
_SIGNAL_UNKNOWN_DBM: Final = -999


def strictest(limits: Sequence[Limits]) -> Limits:
    """All of them at once."""
    streams = [each.stream for each in limits if each.stream is not None]
    signals = [each.rsrp_min for each in limits if each.rsrp_min is not None]
    fixes = [each.fix_s for each in limits if each.fix_s is not None]
    return Limits(
        stream=min(streams, key=STREAMS.index, default=None),
        rsrp_min=max(signals, default=None),
        fix_s=max(fixes, default=None),
        lights=False if any(each.lights is False for each in limits) else None,
    )


def keeps(did: Limits, asked: Limits) -> bool:
    """Whether who keeps `did` does all that was asked; not streaming keeps every limit of it."""
    if did.stream == "off":
        asked = Limits(fix_s=asked.fix_s, lights=asked.lights)
    return strictest([did, asked]) == did


def may_stream(limits: Limits, *, rsrp_dbm: int | None = None) -> bool:
    """Whether a stream may run on without anybody asking for it; an unknown signal is a weak one
    where the signal counts."""
    if limits.stream in ("off", "snippets"):
        return False
    rsrp = _SIGNAL_UNKNOWN_DBM if rsrp_dbm is None else rsrp_dbm
    return limits.rsrp_min is None or rsrp >= limits.rsrp_min
