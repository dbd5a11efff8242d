"""What the items behind a location say: those of the standard, and vendors' by id and length.

JT/T 808-2019 table 27, JT/T 1078-2016 table 15. From 0xE1 on, and in some gaps, ids are the
vendors', and the same id means other things to another vendor: the length decides, and what cannot
be (153 %, 298 V) is left out. Vendors' meanings are from Traccar's decoder (Apache-2.0) and its
recorded frames. Unknown items stay what they are: an id and bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from protocols.jt808.vendoritems import ANY_LENGTH, VENDOR

Says = Mapping[str, Any]
Rule = Callable[[bytes], Says]


class ItemValues(msgspec.Struct, frozen=True, kw_only=True):
    """What of the items this product uses; None: not said, or not to be believed."""

    battery_pct: int | float | None = None
    battery_v: float | None = None
    charging: bool | None = None
    external_v: float | None = None
    """Of the vehicle or charger that feeds the terminal."""
    satellites: int | None = None
    signal: int | None = None
    """Of the mobile network, as the terminal says it: mostly CSQ, 0 to 31."""
    mileage_km: float | None = None
    fuel_l: float | None = None
    confirm_event: int | None = None
    """Id of the alarm that a person must confirm."""


def _number(name: str) -> Rule:
    return lambda data: {name: int.from_bytes(data)}


def _tenth(name: str) -> Rule:
    return lambda data: {name: int.from_bytes(data) / 10}


def _overspeed(data: bytes) -> Says:
    says: dict[str, Any] = {"overspeed_area_type": data[0]}
    return says | {"overspeed_area": int.from_bytes(data[1:])} if len(data) > 1 else says


def _crossing(data: bytes) -> Says:
    return {
        "crossed_area_type": data[0],
        "crossed_area": int.from_bytes(data[1:5]),
        "crossed_direction": "out" if data[5] else "in",
    }


def _segment(data: bytes) -> Says:
    return {
        "segment": int.from_bytes(data[:4]),
        "segment_time_s": int.from_bytes(data[4:6]),
        "segment_time_is": "too long" if data[6] else "too short",
    }


def _cargo_temperature(data: bytes) -> Says:
    value = int.from_bytes(data)
    return {"cargo_temperature_c": -(value & 0x7FFF) if value & 0x8000 else value}


def _analogue(data: bytes) -> Says:
    return {"analogue0": int.from_bytes(data[2:]), "analogue1": int.from_bytes(data[:2])}


def _io(data: bytes) -> Says:
    value = int.from_bytes(data)
    return {"io": value, "deep_sleep": bool(value & 1), "asleep": bool(value & 2)}


def _behaviour(data: bytes) -> Says:
    says: dict[str, Any] = {"driver_behaviour": int.from_bytes(data[:2])}
    return says | {"fatigue_degree": data[2]} if len(data) > 2 else says


_SHORT_BYTES: Final = 2
_USED: Final = frozenset(ItemValues.__struct_fields__)
NOTHING: Final[Says] = {}

STANDARD: Final[Mapping[tuple[int, int], Rule]] = {
    (0x01, 4): _tenth("mileage_km"),
    (0x02, 2): _tenth("fuel_l"),
    (0x03, 2): _tenth("recorder_speed_kmh"),
    (0x04, 2): _number("confirm_event"),
    (0x05, 30): lambda data: {"tyre_pressures": list(data)},
    (0x06, 2): _cargo_temperature,
    (0x11, 1): _overspeed,
    (0x11, 5): _overspeed,
    (0x12, 6): _crossing,
    (0x13, 7): _segment,
    (0x14, 4): _number("video_alarms"),
    (0x15, 4): _number("video_lost"),
    (0x16, 4): _number("video_hidden"),
    (0x17, 2): _number("storage_fault"),
    (0x18, 2): _behaviour,
    (0x18, 3): _behaviour,
    (0x25, 4): _number("vehicle_signals"),
    (0x2A, 2): _io,
    (0x2B, 4): _analogue,
    (0x30, 1): _number("signal"),
    (0x31, 1): _number("satellites"),
}
RULES: Final[Mapping[tuple[int, int], Rule]] = {**VENDOR, **STANDARD}


def say_item(item_id: int, data: bytes) -> Says:
    """What one item says, by name; nothing where nobody knows it. Not to be changed."""
    return _say_short(item_id, data) if len(data) <= _SHORT_BYTES else _say(item_id, data)


def _say(item_id: int, data: bytes) -> Says:
    rule = RULES.get((item_id, len(data))) or RULES.get((item_id, ANY_LENGTH))
    return rule(data) if rule else NOTHING


_say_short = lru_cache(maxsize=4096)(_say)
"""Signal, satellites, battery: a fleet says the same few values again and again."""


def values_of(items: Iterable[tuple[int, bytes]]) -> ItemValues:
    """Of all items; where two say the same, the first that could be believed."""
    found: dict[str, Any] = {}
    for item_id, data in items:
        for name, value in say_item(item_id, data).items():
            if name in _USED and name not in found:
                found[name] = value
    return ItemValues(**found)
