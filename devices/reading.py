"""What a device of a foreign protocol says of itself at one instant, in no protocol's words.

A codec fills a `Reading`; `located` turns it into our wire's `Location`, in WGS-84, for the same
judgement that our own devices' fixes go through (`devices.intake`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from geo.datum import Datum, to_wgs84
from protocols.native import Location

MODE_LEN_MAX = 16
"""Of what drains a battery, as in `protocols.native`."""
ACCURACY_M_MAX = 100_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Everything may be unknown. Without a position: a sign of life, perhaps with a battery."""

    observed_at: datetime | None = None
    """The device's claim; None: it did not say, so it is now."""
    lon: float | None = None
    lat: float | None = None
    datum: Datum | None = None
    """None: the one that its device was set to."""
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    battery_pct: float | None = None
    """As it was said, believed or not."""
    charging: bool = False
    mode: str = ""
    temp_c: float | None = None
    rsrp_dbm: float | None = None

    @property
    def has_position(self) -> bool:
        return self.lon is not None and self.lat is not None

    @property
    def gauge_pct(self) -> int | None:
        """The battery in whole per cent."""
        pct = self.battery_pct
        return None if pct is None or not math.isfinite(pct) else round(pct)


def located(reading: Reading, usual: Datum, received_at: datetime) -> Location:
    """A reading with a position as our wire's record 0, in WGS-84.

    `usual`: its device's datum. Values that make no sense are left for the intake to judge; what
    is not finite or out of its range beside the position is unknown.
    """
    assert reading.lon is not None
    assert reading.lat is not None
    lon, lat = reading.lon, reading.lat
    if math.isfinite(lon) and math.isfinite(lat):
        lon, lat = to_wgs84(reading.datum or usual, lon, lat)
    return Location(
        n=0,
        at=unix_ms(reading.observed_at or received_at),
        lon=lon,
        lat=lat,
        acc=_within(reading.accuracy_m, 0, ACCURACY_M_MAX),
        spd=reading.speed_mps,
        hdg=_compass_deg(reading.heading_deg),
        bat=reading.gauge_pct,
        chg=reading.charging,
        mode=reading.mode[:MODE_LEN_MAX],
        tmp=_within(reading.temp_c, -100, 200),
        rsrp=_within(reading.rsrp_dbm, -200, 0),
    )


def unix_ms(at: datetime) -> int:
    """Never later than `at`: what is rounded up would lie in the future."""
    return math.floor(at.timestamp() * 1000)


def _within(value: float | None, low: float, high: float) -> float | None:
    return value if value is not None and low <= value <= high else None  # NaN is outside


def _compass_deg(heading_deg: float | None) -> float | None:
    """From 0 up to 360; 360 is north, and what is beyond the compass is unknown."""
    known = _within(heading_deg, 0, 360)
    return None if known is None else known % 360
