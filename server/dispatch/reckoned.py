"""What batteries a recommendation was reckoned with: bytes, for whoever keeps them.

Reckons nothing; that is `server.dispatch.battery`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """What prospects were reckoned with; to be kept with what was decided by them."""

    version: int | None
    """As of `server.dispatch.battery.Endurance`."""
    device_ids: tuple[str, ...] = ()
    """Of those whose level was known."""
    numbers: bytes = b""
    """`devices.battery.record` has the form; a row for each."""
