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


class ModelBatteryView(View, frozen=True):
    """What the batteries of one model have in common."""

    model: str
    """`body_camera/BC-4G`; `body_camera`: of all models of the kind, for those nobody knows."""
    devices: int
    """That it was learned from."""
    step_pct: float
    """How coarse its gauge is."""
    rates_pct_per_h: dict[str, float]
    """Of each load at 25 °C with good signal: the median device."""
    spread_log_sd: dict[str, float]
    """Between devices: 0.2 is about 20 % more or less."""


class BatteryVersionView(View, frozen=True):
    version: int
    created_at: datetime
    created_by: str
    reason: str
    devices: int
    models: list[ModelBatteryView]


class BatteryModelsView(View, frozen=True):
    """Versions, newest first, and which is in force."""

    active: int | None
    """None: the starting values alone."""
    activated_at: datetime | None
    activated_by: str | None
    reason: str | None
    versions: list[BatteryVersionView]
