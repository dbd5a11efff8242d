"""Items of vendors, by id and length: battery, charge and voltage above all.

From Traccar's decoder (Apache-2.0) and recorded frames. Each rule leaves out what cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from protocols.jt808.fields import text_of

Rule = Callable[[bytes], Mapping[str, Any]]

ANY_LENGTH: Final = -1
CELL_V: Final = (2.5, 60.0)
"""Of a battery of the device: below, it is none."""
EXTERNAL_V: Final = (2.5, 100.0)
"""Of a vehicle: electric ones have 72 V nominal."""
CHARGING_NOW: Final = 0xFF
CAR_V: Final = 5.0
"""With more, 0 % speaks of a battery that is not there."""
_JIMI_LEVELS: Final = 6


def percent(value: int | float) -> dict[str, Any]:
    return {"battery_pct": value} if 0 <= value <= 100 else {}


def volts(name: str, value: float, limits: tuple[float, float]) -> dict[str, Any]:
    return {name: round(value, 3)} if limits[0] <= value <= limits[1] else {}


def battery_volts(value: float) -> dict[str, Any]:
    return volts("battery_v", value, CELL_V)


def external_volts(value: float) -> dict[str, Any]:
    return volts("external_v", value, EXTERNAL_V)


def _percent_or_charging(data: bytes) -> dict[str, Any]:
    return {"charging": True} if data[0] == CHARGING_NOW else percent(data[0])


def _external_tenths(data: bytes) -> dict[str, Any]:
    return external_volts(int.from_bytes(data) / 10)


def _battery_hundredths(data: bytes) -> dict[str, Any]:
    return battery_volts(int.from_bytes(data) / 100)


def _charge_and_percent(data: bytes) -> dict[str, Any]:
    return {"charging": data[0] == 0, **percent(data[1])}


def _percent_and_volts(data: bytes) -> dict[str, Any]:
    level, voltage = data[1], int.from_bytes(data[2:4]) / 100
    if level == 0 and voltage > CAR_V:
        return external_volts(voltage)
    return {**percent(level), **battery_volts(voltage)}


def _aovx_battery(data: bytes) -> dict[str, Any]:
    said = {"charging": data[4] in (2, 3)}
    level = percent(data[5]) if len(data) > 5 else {}
    return {**battery_volts(int.from_bytes(data[:4]) / 1000), **said, **level}


def _signal_and_volts(data: bytes) -> dict[str, Any]:
    return {
        "signal": data[0],
        **external_volts(int.from_bytes(data[1:3]) / 1000),
        **battery_volts(int.from_bytes(data[3:5]) / 1000),
        "satellites": data[5],
    }


def _lock(data: bytes) -> dict[str, Any]:
    """`*M00,45,<7 of status>,…`: digits 3 to 5 of the status are 0.01 V."""
    text = text_of(data)
    digits = text[10:13]
    if not text.startswith("*M00") or not digits.isdecimal():
        return {}
    return battery_volts(int(digits) / 100)


def _container(data: bytes) -> dict[str, Any]:
    """0xEB: `{length WORD, type WORD, value}` one after the other; anything else says nothing."""
    found: dict[str, Any] = {}
    at = 0
    while at + 4 <= len(data):
        length = int.from_bytes(data[at : at + 2])
        kind = int.from_bytes(data[at + 2 : at + 4])
        value = data[at + 4 : at + 2 + length]
        if length < 2 or len(value) != length - 2:
            break
        found.update(_contained(kind, value))
        at += 2 + length
    return found


def _contained(kind: int, value: bytes) -> dict[str, Any]:
    number = int.from_bytes(value)
    match kind, len(value):
        case (0x00A8 | 0x00E1, 1):
            return percent(number)
        case (0x002D, 2):
            return battery_volts(number / 1000)
        case (0x002D, 4):
            return external_volts(number / 1000)
        case (0x00CE, 2):
            return external_volts(number / 100)
        case (0x00B2, 10):
            return {"iccid": value.hex().rstrip("f")}
    return {}


def _jimi(data: bytes) -> dict[str, Any]:
    """0xE8 of dash cameras: a type WORD, a length BYTE, its values."""
    kind = int.from_bytes(data[:2])
    if kind == 0x2003 and len(data) >= 10:
        level = data[4]
        known = {"battery_pct": level * 100 // _JIMI_LEVELS} if 1 <= level <= 6 else {}
        return {
            "charging": data[3] == 1,
            **known,
            **battery_volts(int.from_bytes(data[5:7]) / 100),
            "signal": data[7],
            **external_volts(int.from_bytes(data[8:10]) / 100),
        }
    return _jimi_states(data[3:]) if kind == 0x2005 else {}


def _jimi_states(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    at = 0
    while at + 3 <= len(data):
        kind, length = int.from_bytes(data[at : at + 2]), data[at + 2]
        value = data[at + 3 : at + 3 + length]
        if len(value) != length:
            break
        number = int.from_bytes(value)
        match kind:
            case 0x0001:
                found.update(battery_volts(number / 100))
            case 0x0003:
                found.update(percent(number))
            case 0x0004:
                found["charging"] = number == 0
            case 0x2001:
                found.update(external_volts(number / 10))
        at += 3 + length
    return found


def _driver_event(name: str) -> Rule:
    """0x64 and 0x65 of T/JSATL12: alarm DWORD, state, event; a wearable has 4 bytes there."""
    return lambda data: {name: data[5], f"{name}_level": data[6]} if len(data) >= 32 else {}


VENDOR: Final[Mapping[tuple[int, int], Rule]] = {
    (0x06, 1): lambda data: percent(data[0]),
    (0x33, ANY_LENGTH): _lock,
    (0x56, 2): lambda data: percent(data[0] * 10),
    (0x61, 2): lambda data: external_volts(int.from_bytes(data) / 100),
    (0x64, ANY_LENGTH): _driver_event("adas_event"),
    (0x65, ANY_LENGTH): _driver_event("dms_event"),
    (0x68, 2): lambda data: percent(int.from_bytes(data) / 100),
    (0x68, 4): lambda data: percent(int.from_bytes(data) / 100),
    (0x69, 2): _battery_hundredths,
    (0x82, 2): _external_tenths,
    (0xCC, 20): lambda data: {"iccid": text_of(data).strip("\0 ")},
    (0xD3, 2): _external_tenths,
    (0xD4, 1): _percent_or_charging,
    (0xD5, 2): _battery_hundredths,
    (0xE1, 1): _percent_or_charging,
    (0xE1, 2): _external_tenths,
    (0xE3, 6): _percent_and_volts,
    (0xE4, 2): _charge_and_percent,
    (0xE8, ANY_LENGTH): _jimi,
    (0xE9, 1): _percent_or_charging,
    (0xEB, ANY_LENGTH): _container,
    (0xEE, 6): _signal_and_volts,
    (0xF1, 4): lambda data: external_volts(int.from_bytes(data) / 1000),
    (0xF7, 5): _aovx_battery,
    (0xF7, 6): _aovx_battery,
    (0xFE, 1): lambda data: percent(data[0]),
    (0xFE, 2): _external_tenths,
}
