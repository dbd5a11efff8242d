"""An event as a value: who or what, where, when and until when, and its detail as written."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from protocols.cot.errors import MalformedEvent

EVENT_BYTES_MAX = 256 * 1024
"""Of one event, as XML or as protobuf. A unit's report has 500 bytes; a drawn route a few KiB."""
UID_CHARS_MAX = 256
WORD_CHARS_MAX = 128
"""Of `type`, `how` and other short attributes of an event."""
UNKNOWN_M = 9_999_999.0
"""How a height or an error that nobody knows is written; some write one 9 less."""
_UNKNOWN_FROM_M = 999_999.0
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,32}(?:\.[0-9]{0,32})?|\.[0-9]{1,32})(?:[eE][+-]?[0-9]{1,3})?"
)
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?"
)


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a detail, names and text as written; comments are not kept."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: tuple[Element, ...] = ()
    text: str = ""
    """Before the first child."""
    tail: str = ""
    """Between this element's end and its next sibling."""

    def get(self, attribute: str, default: str = "") -> str:
        return self.attributes.get(attribute, default)

    def find(self, name: str) -> Element | None:
        """The first child of this name."""
        return next((child for child in self.children if child.name == name), None)

    def find_all(self, name: str) -> list[Element]:
        return [child for child in self.children if child.name == name]


NO_DETAIL = Element("detail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A place in WGS-84 degrees. None: not known."""

    lon: float
    lat: float
    hae_m: float | None = None
    """Above the ellipsoid, not above the sea."""
    ce_m: float | None = None
    """Radius that holds the true place, horizontally."""
    le_m: float | None = None

    @property
    def is_known(self) -> bool:
        """False for exactly 0, 0: how an event says that it is nowhere, whatever its errors."""
        return self.lon != 0 or self.lat != 0


NOWHERE = Point(lon=0.0, lat=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event. The same `uid` again is the newer state of the same thing."""

    uid: str
    type: str
    """What it is, by the hierarchy of MIL-STD-2525: `a-f-G-U-C`, a friend's unit on the ground."""
    how: str = ""
    """How the place became known: `m-g` by GPS, `h-e` by a person's hand."""
    time_at: datetime
    start_at: datetime
    stale_at: datetime
    """From here on it is old news."""
    point: Point = NOWHERE
    detail: Element = NO_DETAIL
    marks: Mapping[str, str] = field(default_factory=dict)
    """Other attributes of the event, such as `access`, `qos` and `opex`."""

    def find(self, name: str) -> Element | None:
        """The first element of this name in the detail."""
        return self.detail.find(name)

    def said(self, name: str, attribute: str) -> str:
        """An attribute of an element of the detail; empty where there is none."""
        element = self.detail.find(name)
        return element.get(attribute) if element else ""


def number(text: str) -> float | None:
    """A decimal number; None where it is none, or not finite."""
    if len(text) > 80 or not _NUMBER.fullmatch(text.strip(" \t\r\n")):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def number_text(value: float) -> str:
    """The shortest text that reads as the same number, without a needless fraction."""
    exact = float(value)
    return str(int(exact)) if exact.is_integer() and abs(exact) < 1e15 else repr(exact)


def metres(value: float | None, *, below_zero: bool = False) -> float | None:
    """A height or an error as said, None where that means that nobody knows."""
    if value is None or not math.isfinite(value) or abs(value) >= _UNKNOWN_FROM_M:
        return None
    return value if below_zero or value >= 0 else None


def a_point(
    lon: float | None, lat: float | None, hae: float | None, ce: float | None, le: float | None
) -> Point:
    """Raises `MalformedEvent` where it is no place on Earth."""
    if lon is None or lat is None or not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise MalformedEvent("the point needs lat in -90..90 and lon in -180..180")
    return Point(
        lon=lon, lat=lat, hae_m=metres(hae, below_zero=True), ce_m=metres(ce), le_m=metres(le)
    )


def written(value_m: float | None) -> float:
    return UNKNOWN_M if value_m is None else value_m


def instant(text: str, name: str) -> datetime:
    """ISO 8601, in UTC where no zone is said; finer than microseconds is cut."""
    match = _TIME.fullmatch(text.strip(" \t\r\n"))
    if not match:
        raise MalformedEvent(f"{name} is no time")
    day, clock, fraction, zone = match.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock}{(fraction or '')[:7]}{zone or 'Z'}")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise MalformedEvent(f"{name} is no time") from None


def instant_text(at: datetime) -> str:
    """As TAK writes it: UTC, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_words(uid: str, kind: str, how: str) -> None:
    """Raises `MalformedEvent` where an event says not who it is, or not what."""
    if not uid or len(uid) > UID_CHARS_MAX:
        raise MalformedEvent(f"uid is needed, at most {UID_CHARS_MAX} characters")
    if not kind or len(kind) > WORD_CHARS_MAX:
        raise MalformedEvent(f"type is needed, at most {WORD_CHARS_MAX} characters")
    if len(how) > WORD_CHARS_MAX:
        raise MalformedEvent(f"how has more than {WORD_CHARS_MAX} characters")
