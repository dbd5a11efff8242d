"""Where a simulated terminal is: along a line and back again, or standing. Knows no road."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Final

from devices.intake import distance_m
from protocols.jt808.flags import Status
from protocols.jt808.location import Location

BATTERY_ITEM: Final = 0xE4
"""A vendor's: charging (0) or not, and per cent."""
_NOT_CHARGING: Final = 1
_E6: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    lon: float
    lat: float
    speed_mps: float
    heading_deg: float


class Ride:
    """To and fro along `points` (lon, lat, WGS-84) at one speed; a single point stands."""

    def __init__(self, points: Sequence[tuple[float, float]], *, speed_mps: float) -> None:
        assert points
        self._points = list(points)
        legs = [distance_m(*a, *b) for a, b in pairwise(self._points)]
        self._ends_m = list(accumulate(legs))
        self._speed_mps = speed_mps if self.length_m > 0 else 0.0

    @property
    def length_m(self) -> float:
        return self._ends_m[-1] if self._ends_m else 0.0

    def at(self, elapsed_s: float) -> Spot:
        """After so many seconds."""
        if not self._speed_mps:
            lon, lat = self._points[0]
            return Spot(lon=lon, lat=lat, speed_mps=0.0, heading_deg=0.0)
        along_m = elapsed_s * self._speed_mps % (2 * self.length_m)
        back = along_m > self.length_m
        if back:
            along_m = 2 * self.length_m - along_m
        leg = next(n for n, end_m in enumerate(self._ends_m) if along_m <= end_m)
        begin_m = self._ends_m[leg - 1] if leg else 0.0
        share = (along_m - begin_m) / max(self._ends_m[leg] - begin_m, 1e-9)
        (lon_a, lat_a), (lon_b, lat_b) = self._points[leg : leg + 2]
        heading_deg = _bearing_deg(lon_a, lat_a, lon_b, lat_b) + (180.0 if back else 0.0)
        return Spot(
            lon=lon_a + share * (lon_b - lon_a),
            lat=lat_a + share * (lat_b - lat_a),
            speed_mps=self._speed_mps,
            heading_deg=heading_deg % 360.0,
        )


def location_of(spot: Spot, at: datetime, *, battery_pct: int | None = None) -> Location:
    """As a terminal reports it."""
    status = Status.ACC_ON | Status.FIXED
    status |= (Status.SOUTH if spot.lat < 0 else 0) | (Status.WEST if spot.lon < 0 else 0)
    items = () if battery_pct is None else ((BATTERY_ITEM, bytes((_NOT_CHARGING, battery_pct))),)
    return Location(
        status_bits=int(status),
        latitude_e6=round(abs(spot.lat) * _E6),
        longitude_e6=round(abs(spot.lon) * _E6),
        speed_dkmh=round(spot.speed_mps * 36),
        direction=round(spot.heading_deg) % 360,
        observed_at=at,
        items=items,
    )


def _bearing_deg(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Of a short line, clockwise from north."""
    east = (lon_b - lon_a) * math.cos(math.radians((lat_a + lat_b) / 2))
    return math.degrees(math.atan2(east, lat_b - lat_a)) % 360.0
