"""Chinese map datums: GCJ-02 and BD-09 against WGS-84, both ways.

Phones in mainland China whose positions come from a map vendor's library, and terminals that went
through the state's secrecy plug-in, report GCJ-02: WGS-84 shifted by 100 to 730 m, by an amount
that changes from place to place. Baidu shifts that once more (BD-09). Taken for WGS-84 such a fix
lies in another valley; our road graph is WGS-84.

The shift is known as a formula only in one direction. The way back is found by iteration: the shift
changes by less than a per cent over its own length, so each step brings it a hundred times nearer.

GCJ-02 applies to mainland China. Like every public implementation we use a box around it; outside
of it nothing is shifted. Within some 700 m of the box's edge the way back is not defined.

Formula and constants: as published in "eviltransform" (github.com/googollee/eviltransform, MIT) and
"coordtransform" (github.com/wandergis/coordtransform, MIT), which agree; the ellipsoid is
Krassovsky's of 1940. Longitude and latitude in degrees, always in that order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Final

SEMI_MAJOR_M: Final = 6_378_245.0
"""Of Krassovsky's ellipsoid."""
ECCENTRICITY_SQUARED: Final = 0.00669342162296594323
BOX: Final = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north of where GCJ-02 shifts."""
BD09_DEG: Final = (0.0065, 0.006)
"""What BD-09 adds to GCJ-02 after turning it."""
PRECISION_DEG: Final = 1e-9
"""A tenth of a millimetre: where the iteration ends."""
STEPS_MAX: Final = 12
"""Four are enough; more would mean that the formula is not what it was."""

Point = tuple[float, float]
Waves = tuple[tuple[float, float], ...]
RIPPLES: Final[Waves] = ((20, 1 / 6), (20, 1 / 2))


class Datum(StrEnum):
    """What a device's degrees refer to."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


def to_wgs84(datum: Datum, lon: float, lat: float) -> Point:
    """A position of that datum in WGS-84, within a centimetre."""
    match datum:
        case Datum.WGS84:
            return lon, lat
        case Datum.GCJ02:
            return wgs84_from_gcj02(lon, lat)
        case Datum.BD09:
            return wgs84_from_gcj02(*gcj02_from_bd09(lon, lat))


def from_wgs84(datum: Datum, lon: float, lat: float) -> Point:
    """A WGS-84 position in that datum."""
    match datum:
        case Datum.WGS84:
            return lon, lat
        case Datum.GCJ02:
            return gcj02_from_wgs84(lon, lat)
        case Datum.BD09:
            return bd09_from_gcj02(*gcj02_from_wgs84(lon, lat))


def is_shifted(lon: float, lat: float) -> bool:
    """Whether GCJ-02 differs from WGS-84 there. NaN: no."""
    west, south, east, north = BOX
    return west <= lon <= east and south <= lat <= north


def gcj02_from_wgs84(lon: float, lat: float) -> Point:
    """Exact, by definition."""
    if not is_shifted(lon, lat):
        return lon, lat
    sin_lat = math.sin(math.radians(lat))
    magic = 1 - ECCENTRICITY_SQUARED * sin_lat * sin_lat
    meridian_m = SEMI_MAJOR_M * (1 - ECCENTRICITY_SQUARED) / magic**1.5
    parallel_m = SEMI_MAJOR_M / math.sqrt(magic) * math.cos(math.radians(lat))
    x, y = lon - 105.0, lat - 35.0
    return (
        lon + math.degrees(_east_m(x, y) / parallel_m),
        lat + math.degrees(_north_m(x, y) / meridian_m),
    )


def wgs84_from_gcj02(lon: float, lat: float) -> Point:
    """By iteration."""
    if not is_shifted(lon, lat):
        return lon, lat
    return _invert(gcj02_from_wgs84, lon, lat)


def bd09_from_gcj02(lon: float, lat: float) -> Point:
    """Exact, by definition; everywhere."""
    turn_rad = math.pi * 3000 / 180
    radius = math.hypot(lon, lat) + 0.00002 * math.sin(lat * turn_rad)
    angle = math.atan2(lat, lon) + 0.000003 * math.cos(lon * turn_rad)
    return (
        radius * math.cos(angle) + BD09_DEG[0],
        radius * math.sin(angle) + BD09_DEG[1],
    )


def gcj02_from_bd09(lon: float, lat: float) -> Point:
    """By iteration."""
    return _invert(bd09_from_gcj02, lon, lat)


def _east_m(x: float, y: float) -> float:
    shift = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    return shift + _waves(x, RIPPLES) + _waves(x, ((20, 1), (40, 3), (150, 12), (300, 30)))


def _north_m(x: float, y: float) -> float:
    shift = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    return shift + _waves(x, RIPPLES) + _waves(y, ((20, 1), (40, 3), (160, 12), (320, 30)))


def _waves(along_deg: float, waves: Waves) -> float:
    """The sum of so many sines, each of a size in metres and a half period in degrees."""
    half_turns = math.pi * along_deg
    return sum(size_m * math.sin(half_turns / half_deg) for size_m, half_deg in waves) / 1.5


def _invert(forward: Callable[[float, float], Point], lon: float, lat: float) -> Point:
    """Where `forward` comes from to arrive at a point."""
    found_lon, found_lat = lon, lat
    for _ in range(STEPS_MAX):
        there_lon, there_lat = forward(found_lon, found_lat)
        off_lon, off_lat = there_lon - lon, there_lat - lat
        found_lon, found_lat = found_lon - off_lon, found_lat - off_lat
        if max(abs(off_lon), abs(off_lat)) < PRECISION_DEG:
            break
    return found_lon, found_lat
