"""The bits of 0x0200 by name: JT/T 808-2019 tables 24 and 25, and what is seen beside them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag
from functools import lru_cache
from typing import Final


class Alarm(IntFlag):
    """Alarm bits that this product acts on; `ALARMS` names them all."""

    EMERGENCY = 1 << 0
    """SOS; stays until it is acknowledged."""
    POWER_LOW = 1 << 7
    POWER_LOST = 1 << 8


class Status(IntFlag):
    """Status bits that reading a position needs; `STATUS` names them all."""

    ACC_ON = 1 << 0
    FIXED = 1 << 1
    SOUTH = 1 << 2
    WEST = 1 << 3
    GCJ02 = 1 << 5
    CHARGING = 1 << 26


ALARMS: Final = (
    "emergency",
    "overspeed",
    "fatigue",
    "danger",
    "gnss_fault",
    "gnss_antenna_cut",
    "gnss_antenna_short",
    "power_low",
    "power_lost",
    "display_fault",
    "tts_fault",
    "camera_fault",
    "ic_card_fault",
    "overspeed_warning",
    "fatigue_warning",
    "violation",
    "tyre_pressure",
    "blind_spot",
    "daily_driving_time",
    "parked_too_long",
    "area_crossed",
    "route_crossed",
    "segment_time",
    "off_route",
    "vss_fault",
    "fuel_abnormal",
    "stolen",
    "illegal_ignition",
    "illegal_move",
    "collision",
    "rollover",
    "illegal_door",
)
"""Bits 0 to 31. Bits 15 to 17 are of 2019; before, vendors use them for vibration and tampering."""

STATUS: Final = (
    "acc_on",
    "fixed",
    "south",
    "west",
    "out_of_service",
    "gcj02",
    "collision_warning",
    "lane_warning",
    "half_loaded",
    "loaded",
    "fuel_cut",
    "power_cut",
    "doors_locked",
    "door1_open",
    "door2_open",
    "door3_open",
    "door4_open",
    "door5_open",
    "gps",
    "beidou",
    "glonass",
    "galileo",
    "moving",
    "bit23",
    "bit24",
    "bit25",
    "charging",
    "bit27",
    "bit28",
    "bit29",
    "bit30",
    "bit31",
)
"""Bits 0 to 31. Loaded is both of bits 8 and 9 by the standard; 26 is of vendors."""


@lru_cache(maxsize=1024)
def names_of(names: Sequence[str], bits: int) -> tuple[str, ...]:
    """Names of the bits that are set, lowest first."""
    return tuple(name for index, name in enumerate(names) if bits >> index & 1)
