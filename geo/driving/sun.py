"""Where the sun stands: to know whether it is night on the road.

Low-precision formulas of the Astronomical Almanac (section C, "low-precision formulas for the
Sun"), good to 0.01 degrees from 1950 to 2050. Refraction is left out.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from math import asin, atan2, cos, degrees, radians, sin
from typing import Final

from geo.driving.conditions import Condition

NIGHT_DEG: Final = -6.0
"""Elevation of the sun under which it is night: the end of civil twilight, when drivers need their
lamps to see."""

J2000: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)


def elevation_deg(at: datetime, lon: float, lat: float) -> float:
    """Height of the sun's centre over the horizon, -90 to 90; `at` is aware. Raises ValueError."""
    if at.tzinfo is None:
        raise ValueError("a time of day without a time zone does not say where the sun stands")
    days = (at - J2000).total_seconds() / 86_400.0
    mean_longitude = 280.460 + 0.9856474 * days
    anomaly = radians(357.528 + 0.9856003 * days)
    longitude = radians(mean_longitude + 1.915 * sin(anomaly) + 0.020 * sin(2.0 * anomaly))
    obliquity = radians(23.439 - 0.0000004 * days)
    right_ascension = atan2(cos(obliquity) * sin(longitude), cos(longitude))
    declination = asin(sin(obliquity) * sin(longitude))
    sidereal_deg = 15.0 * (18.697374558 + 24.06570982441908 * days)
    hour_angle = radians(sidereal_deg + lon) - right_ascension
    height = sin(radians(lat)) * sin(declination)
    height += cos(radians(lat)) * cos(declination) * cos(hour_angle)
    return degrees(asin(max(-1.0, min(1.0, height))))


def is_night(at: datetime, lon: float, lat: float) -> bool:
    """Whether the sun is more than 6 degrees under the horizon."""
    return elevation_deg(at, lon, lat) < NIGHT_DEG


def at_hour(
    condition: Condition, at: datetime, bounds: tuple[float, float, float, float]
) -> Condition:
    """The same, and night where it is in the middle of west, south, east, north."""
    west, south, east, north = bounds
    dark = is_night(at, (west + east) / 2.0, (south + north) / 2.0)
    return replace(condition, night=True) if dark else condition
