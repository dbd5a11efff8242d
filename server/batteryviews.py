"""Batteries as people see them. The TypeScript types in web/src/shared/types.ts mirror these."""

from __future__ import annotations

from datetime import datetime

from server.views import DeviceKind, View


class BatteryView(View, frozen=True):
    """One device's battery: how it stands, how it drains, how long it lasts."""

    device_id: str
    kind: DeviceKind
    model: str
    """Empty: unknown."""
    unit_id: str
    call_sign: str
    level_pct: float | None
    """As reported last; None: never, and then nothing below is known."""
    level_at: datetime | None
    mode: str
    """Loads, joined by `+`: `stream_low+screen`."""
    charging: bool
    temp_c: float | None
    """Of the battery as reported, else outdoors; None: unknown."""
    weak_signal: bool
    rate_pct_per_h: float | None
    """Median drain in the present mode, cold and weak signal in it; 0 on a charger."""
    min_p10: float | None
    """Minutes until it shuts down if it goes on so: one in ten lasts no longer; None: on a charger,
    or unknown."""
    min_p50: float | None
    min_p90: float | None
    until: datetime | None
    """The end of the shift, or as asked; None: its unit is off duty."""
    p_until: float | None
    """Probability that it lasts until then in the present mode."""
    nonsense: int
    """Readings nobody can have, since it is known."""
    swaps: int
    """Packs changed, as far as they were seen."""
