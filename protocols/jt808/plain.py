"""Messages as plain values for JSON: what a person or another program reads of them.

Degrees signed, times ISO 8601 in UTC, bytes as hex. A location in a body is spelled out in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from protocols.jt808.codec import BadFrame, Unknown
from protocols.jt808.fields import Dialect
from protocols.jt808.header import Header
from protocols.jt808.items import say_item
from protocols.jt808.layout import Body
from protocols.jt808.location import Location
from protocols.jt808.parameters import Parameter
from protocols.jt808.records import TransparentDown, TransparentUp
from protocols.jt808.session import Heartbeat, Registration, registration_dialect

Plain = dict[str, Any]
_E6: Final = "_e6"


def plain_header(header: Header) -> Plain:
    """Who says what; `terminal_id` as people know it, `phone` as it is on the wire."""
    said: Plain = {
        "message_id": f"0x{header.message_id:04x}",
        "protocol_year": int(header.dialect),
        "terminal_id": header.display_id,
        "phone": header.terminal_id,
        "serial": header.serial,
    }
    if header.dialect is Dialect.Y2019:
        said["protocol_version"] = header.version
    if header.encryption:
        said["encryption"] = header.encryption
    if header.is_package:
        said["package"] = {"number": header.number, "total": header.total}
    return said


def year_of(header: Header, body: bytes) -> int:
    """2011 is known from 2013 by the registration alone."""
    is_registration = header.message_id == Registration.ID and not header.is_package
    return int(registration_dialect(body, header.dialect) if is_registration else header.dialect)


def plain_body(message: Body) -> Plain:
    """The fields of a message by name."""
    if isinstance(message, Unknown):
        return {"raw": message.extra.hex()}
    return {**_fields(message), **_derived(message)}


def plain_partial(bad: BadFrame) -> Plain:
    """What could be read of a body before it went wrong, and the bytes."""
    said = {name: _value(value) for name, value in bad.partial.items()}
    return {**said, "raw": bad.body.hex()}


def plain_location(location: Location) -> Plain:
    """Signed degrees, and all that the status and the items say."""
    values = msgspec.to_builtins(location.values)
    said: Plain = {
        "lat": location.lat,
        "lon": location.lon,
        "altitude_m": location.altitude_m,
        "speed_kmh": location.speed_kmh,
        "heading_deg": location.heading_deg,
        "time": _iso(location.observed_at),
        "fixed": location.is_fixed,
        "plausible": location.is_place,
        "datum": "gcj02" if location.is_gcj02 else "wgs84",
        "alarms": list(location.alarms),
        "alarm_bits": location.alarm_bits,
        "status": list(location.status),
        "status_bits": location.status_bits,
        "items": [plain_item(item_id, data) for item_id, data in location.items],
        **{name: value for name, value in values.items() if value is not None},
    }
    if location.charging is not None:
        said["charging"] = location.charging
    if location.clock:
        said["time_raw"] = location.clock.hex()
    if location.tail:
        said["items_error"] = "the last item overruns the body"
        said["tail"] = location.tail.hex()
    return said


def plain_item(item_id: int, data: bytes) -> Plain:
    said: Plain = {"id": f"0x{item_id:02x}", "raw": data.hex()}
    values = say_item(item_id, data)
    return said | {"values": dict(values)} if values else said


def plain_parameter(parameter: Parameter) -> Plain:
    said: Plain = {"id": f"0x{parameter.id:04x}", "raw": parameter.data.hex()}
    known = {"name": parameter.name, "value": _value(parameter.value)}
    return said | {name: value for name, value in known.items() if value is not None}


def _fields(layout: msgspec.Struct) -> Plain:
    said: Plain = {}
    for name in layout.__struct_fields__:
        value = getattr(layout, name)
        if isinstance(value, Location):
            said |= plain_location(value)
        elif name != "extra" or value:
            said[name] = _value(value)
        if name.endswith(_E6):
            said[name.removesuffix(_E6)] = value / 1e6
    return said


def _value(value: object) -> Any:
    match value:
        case bytes():
            return value.hex()
        case datetime():
            return _iso(value)
        case Location():
            return plain_location(value)
        case Parameter():
            return plain_parameter(value)
        case msgspec.Struct():
            return _fields(value)
        case tuple():
            return [_value(each) for each in value]
        case dict():
            return {name: _value(each) for name, each in value.items()}
        case _:
            return value


def _derived(message: Body) -> Mapping[str, Any]:
    match message:
        case TransparentUp() | TransparentDown() if _is_text(message.data):
            return {"text": message.data.decode().strip("\0\r\n ")}
        case Heartbeat() if (level := message.battery_pct) is not None:
            return {"battery_pct": level}
    answered = getattr(message, "answers_id", None)
    return {} if answered is None else {"answers_message": f"0x{answered:04x}"}


def _is_text(data: bytes) -> bool:
    return data.isascii() and bool(data) and data.decode().strip("\0\r\n").isprintable()


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
