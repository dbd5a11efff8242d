"""OwnTracks' JSON (owntracks.org/booklet/tech/json), as its apps post it over HTTP.

Speed comes in km/h. Sans-I/O: bytes in, values out; and the commands that an answer may hold. Only
locations mean something here; every other type is named and left alone. Encrypted messages need a
key that we do not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from protocols import loosely
from protocols.errors import MALFORMED_JSON, ProtocolError
from protocols.loosely import Scalar

MESSAGE_BYTES_MAX: Final = 64 * 1024
MESSAGES_LEN_MAX: Final = 500
"""Of one body; the apps send one."""
KMH_PER_MPS: Final = 3.6
LOCATION: Final = "location"
ENCRYPTED: Final = "encrypted"
REPORT_LOCATION: Final = {"_type": "cmd", "action": "reportLocation"}
"""Asks the app for a position now; it obeys where remote commands are switched on."""

_CHARGING: Final = {1: False, 2: True, 3: True}
"""`bs`: 1 unplugged, 2 charging, 3 full and on the charger; 0 unknown."""
_IGNITION: Final = {"i": True, "I": False}
_ALARMS: Final = {"9": "low_battery", "1": "power_on", "E": "power_restored", "e": "power_cut"}
"""Triggers of trackers that speak OwnTracks (qtripp)."""
_KNOWN: Final = frozenset(
    {
        *("_type", "lat", "lon", "tst", "acc", "alt", "vel", "cog", "batt", "bs", "topic", "t"),
        *("created_at", "_id", "SSID", "BSSID"),
    }
)
"""Told by name, or nobody's business: names of wireless networks say where somebody lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. Metres, m/s, degrees, per cent."""

    kind: str
    """`_type`."""
    device_id: str = ""
    """The topic; else the two letters of `tid`, which are no identity."""
    has_topic: bool = False
    time: datetime | None = None
    lon: float | None = None
    lat: float | None = None
    altitude_m: float | None = None
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    battery_pct: float | None = None
    charging: bool | None = None
    alarm: str = ""
    attributes: dict[str, Scalar] = field(default_factory=dict)

    @property
    def is_location(self) -> bool:
        return self.kind == LOCATION


def decode(body: str | bytes) -> list[Message]:
    """The messages of one body, in its order. Raises `ProtocolError`."""
    if len(body) > MESSAGE_BYTES_MAX:
        raise ProtocolError(f"more than {MESSAGE_BYTES_MAX} bytes")
    try:
        root = msgspec.json.decode(body)
    except MALFORMED_JSON as error:
        raise ProtocolError(f"no JSON: {error}") from error
    messages = root if isinstance(root, list) else [root]
    if len(messages) > MESSAGES_LEN_MAX:
        raise ProtocolError(f"more than {MESSAGES_LEN_MAX} messages")
    return [_message(each) for each in messages]


def answer(commands: Sequence[Mapping[str, object]] = ()) -> bytes:
    """What a POST is answered with: the commands for the app, as a rule none."""
    return msgspec.json.encode(list(commands))


def _message(said: object) -> Message:
    if not isinstance(said, dict):
        raise ProtocolError("the JSON is no object")
    kind = loosely.text(said.get("_type"))
    if not kind:
        raise ProtocolError("it has no _type")
    device_id, has_topic = _named(said)
    if kind != LOCATION:
        return Message(kind=kind, device_id=device_id, has_topic=has_topic)
    lon, lat = loosely.number(said.get("lon")), loosely.number(said.get("lat"))
    if lon is None or lat is None:
        raise ProtocolError("lat and lon are not two numbers")
    if (time := loosely.instant(said.get("tst"))) is None:
        raise ProtocolError("tst is no time")
    kmh = loosely.at_least_zero(said.get("vel"))
    trigger = loosely.text(said.get("t"))
    status = loosely.number(said.get("bs"))
    return Message(
        kind=kind,
        device_id=device_id,
        has_topic=has_topic,
        time=time,
        lon=lon,
        lat=lat,
        altitude_m=loosely.number(said.get("alt")),
        accuracy_m=loosely.at_least_zero(said.get("acc")),
        speed_mps=None if kmh is None else kmh / KMH_PER_MPS,
        heading_deg=loosely.at_least_zero(said.get("cog")),
        battery_pct=loosely.at_least_zero(said.get("batt")),
        charging=None if status is None else _CHARGING.get(int(status)),
        alarm=_ALARMS.get(trigger, ""),
        attributes=_attributes(said, trigger),
    )


def _named(said: Mapping[str, object]) -> tuple[str, bool]:
    """What it is called, and whether that is a topic."""
    topic = loosely.text(said.get("topic"))
    return topic or loosely.text(said.get("tid")), bool(topic)


def _attributes(said: Mapping[str, object], trigger: str) -> dict[str, Scalar]:
    named: dict[str, object] = {"event": trigger} if trigger else {}
    if trigger in _IGNITION:
        named["ignition"] = _IGNITION[trigger]
    others = ((name, value) for name, value in said.items() if name not in _KNOWN)
    return loosely.scalars([*named.items(), *others])
