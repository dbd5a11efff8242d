"""What people see of charging. The same rules as in `server.views`."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from devices.battery.charging import ChargeKind


class ChargeView(Struct, frozen=True, kw_only=True):
    """One time that a battery became fuller; what lies between two reports is not known."""

    kind: ChargeKind
    before_at: datetime | None
    """Last report before."""
    before_pct: float | None
    began_at: datetime
    """First report that says so."""
    began_pct: float | None
    until_at: datetime | None
    """Last report on the charger."""
    until_pct: float | None
    ended_at: datetime | None
    """First report off it; None: it runs."""
    ended_pct: float | None
    lon: float
    lat: float
    station: str | None
    """Name, where it was at one."""
    place: str
    """In words; empty: outside the map."""
    capacity_pct: float | None
    """The device used its battery before as one with so much of a new one's capacity would."""


class ChargingLogView(Struct, frozen=True, kw_only=True):
    """One device's charges, newest first."""

    device_id: str
    charges: list[ChargeView]
    next: datetime | None
    """`before` of the following page."""
    capacity_pct: float | None
    """Median of the last CAPACITIES_LEN measured; None: none was."""
    trend: float | None
    """What is left of the capacity it had in the first of them; None: too few."""
