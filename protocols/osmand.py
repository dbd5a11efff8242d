"""OsmAnd's position report, as Traccar Client and many loggers speak it: a query, a form, or JSON.

Documented at traccar.org/osmand; the JSON form is that of Traccar Client from version 9 on. Speed
comes in knots in a query and in m/s in JSON. Sans-I/O: text in, values out. A message needs not
hold a position: a battery or a notification token alone is one. Fields that cannot be read are left
out and named in `unread`; a time or a position that cannot be read spoils the message, for another
one would be made up. Knows no answer and no token: those are the door's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from protocols import loosely
from protocols.errors import MALFORMED_JSON, ProtocolError
from protocols.loosely import Scalar

MESSAGE_BYTES_MAX: Final = 64 * 1024
FIELDS_LEN_MAX: Final = 200
"""Of one query."""
LOCATIONS_LEN_MAX: Final = 500
"""Of one JSON body; Traccar Client sends one."""
MPS_PER_KNOT: Final = 1852 / 3600
SOS: Final = "sos"
"""The alarm that is a person's call for help (Traccar's name of it)."""
_REPEATED: Final = frozenset({"cell", "wifi"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a phone said of one instant. Metres, m/s, degrees, per cent."""

    device_id: str
    """Empty: it did not say."""
    time: datetime | None = None
    """None: it did not say, so it is now."""
    lon: float | None = None
    lat: float | None = None
    valid: bool = True
    """False: the position is not one of its receiver."""
    altitude_m: float | None = None
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    battery_pct: float | None = None
    charging: bool | None = None
    alarm: str = ""
    attributes: dict[str, Scalar] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    """Fields that could not be read."""

    @property
    def has_position(self) -> bool:
        return self.valid and self.lon is not None and self.lat is not None


def decode(said: str | bytes) -> list[Message]:
    """A query with or without an address before it, a form, or JSON. Raises `ProtocolError`."""
    if len(said) > MESSAGE_BYTES_MAX:
        raise ProtocolError(f"more than {MESSAGE_BYTES_MAX} bytes")
    plain = said.decode(errors="replace") if isinstance(said, bytes) else said
    if plain.lstrip().startswith("{"):
        return decode_json(plain)
    address, mark, query = plain.strip().partition("?")
    return [decode_query(query if mark else address)]


def decode_query(query: str) -> Message:
    """One query string, or the form of a POST. Raises `ProtocolError`."""
    try:
        pairs = parse_qsl(query, keep_blank_values=False, max_num_fields=FIELDS_LEN_MAX)
    except ValueError as error:
        raise ProtocolError(f"no query: {error}") from error
    if not pairs:
        raise ProtocolError("no query: it has no fields")
    return _of_fields(dict(pairs), pairs)


def decode_json(body: str | bytes) -> list[Message]:
    """The locations of one body, in its order. Raises `ProtocolError`."""
    try:
        root = msgspec.json.decode(body)
    except MALFORMED_JSON as error:
        raise ProtocolError(f"no JSON: {error}") from error
    if not isinstance(root, dict):
        raise ProtocolError("the JSON is no object")
    found = root.get("location")
    locations = found if isinstance(found, list) else [found]
    if len(locations) > LOCATIONS_LEN_MAX:
        raise ProtocolError(f"more than {LOCATIONS_LEN_MAX} locations")
    device_id = loosely.text(root.get("device_id", root.get("id")))
    return [_of_location(device_id, root, each) for each in locations]


# -- query ---------------------------------------------------------------------------------


def _of_fields(said: dict[str, str], pairs: list[tuple[str, str]]) -> Message:
    unread: list[str] = []

    def one(*names: str) -> float | None:
        for name in names:
            if name in said and (found := loosely.number(said[name])) is not None:
                return found
            if name in said:
                unread.append(name)
        return None

    lon, lat = _place(said)
    knots = one("speed")
    valid, charging = loosely.flag(said.get("valid")), loosely.flag(said.get("charge"))
    return Message(
        device_id=loosely.text(said.get("id", said.get("deviceid", ""))),
        time=_time(said.get("timestamp")),
        lon=lon,
        lat=lat,
        valid=valid is not False,
        altitude_m=one("altitude"),
        accuracy_m=loosely.at_least_zero(said.get("accuracy")),
        speed_mps=None if knots is None else knots * MPS_PER_KNOT,
        heading_deg=one("bearing", "heading"),
        battery_pct=one("batt"),
        charging=charging,
        alarm=loosely.text(said.get("alarm", "")),
        attributes=_further(pairs),
        unread=tuple(unread),
    )


_KNOWN: Final = frozenset(
    {
        *("id", "deviceid", "timestamp", "lat", "lon", "location", "valid", "speed", "bearing"),
        *("heading", "altitude", "accuracy", "batt", "charge", "alarm"),
    }
)


def _place(said: Mapping[str, str]) -> tuple[float | None, float | None]:
    """Longitude and latitude; neither where none is said."""
    if "location" in said:
        lat, comma, lon = said["location"].partition(",")
        found = loosely.number(lon.split(",")[0]), loosely.number(lat)
        if not comma or None in found:
            raise ProtocolError("location is not two numbers")
        return found
    if "lat" not in said and "lon" not in said:
        return None, None
    found = loosely.number(said.get("lon")), loosely.number(said.get("lat"))
    if None in found:
        raise ProtocolError("lat and lon are not two numbers")
    return found


def _further(pairs: list[tuple[str, str]]) -> dict[str, Scalar]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in _REPEATED and name in found:
            found[name] = f"{found[name]};{value}"
        elif name not in _KNOWN:
            found[name] = _guessed(value)
    return loosely.scalars(found.items())


def _guessed(value: str) -> Scalar:
    """A number, true or false, or text; a long row of digits is a name, not a number."""
    if value in {"true", "false"}:
        return value == "true"
    found = loosely.number(value) if len(value) < 16 else None
    return value if found is None else found


# -- JSON ----------------------------------------------------------------------------------


def _of_location(device_id: str, root: Mapping[str, object], said: object) -> Message:
    if said is None:
        location: Mapping[str, object] = {}
    elif isinstance(said, dict):
        location = said
    else:
        raise ProtocolError("location is no object")
    coords, battery = loosely.part(location, "coords"), loosely.part(location, "battery")
    lon, lat = loosely.number(coords.get("longitude")), loosely.number(coords.get("latitude"))
    if (lon is None or lat is None) and _says(coords, "longitude", "latitude"):
        raise ProtocolError("longitude and latitude are not two numbers")
    level = loosely.at_least_zero(battery.get("level"))
    alarm = (
        location.get("alarm") or root.get("alarm") or loosely.part(location, "extras").get("alarm")
    )
    return Message(
        device_id=device_id,
        time=_time(location.get("timestamp")),
        lon=lon,
        lat=lat,
        altitude_m=loosely.number(coords.get("altitude")),
        accuracy_m=loosely.at_least_zero(coords.get("accuracy")),
        speed_mps=loosely.at_least_zero(coords.get("speed")),
        heading_deg=loosely.at_least_zero(coords.get("heading")),
        battery_pct=None if level is None else level * 100,
        charging=loosely.flag(battery.get("is_charging")),
        alarm=loosely.text(alarm),
        attributes=_described(location),
    )


def _says(values: Mapping[str, object], *names: str) -> bool:
    return any(values.get(name) is not None for name in names)


def _described(location: Mapping[str, object]) -> dict[str, Scalar]:
    """Under Traccar's names."""
    named = {
        "event": location.get("event"),
        "motion": location.get("is_moving"),
        "odometer": location.get("odometer"),
        "mock": location.get("mock"),
        "activity": loosely.part(location, "activity").get("type"),
    }
    extras = loosely.part(location, "extras")
    return loosely.scalars([*named.items(), *extras.items()])


def _time(said: object) -> datetime | None:
    if said is None or said == "":
        return None
    if (found := loosely.instant(said)) is None:
        raise ProtocolError(f"timestamp is no time: {str(said)[:40]}")
    return found
