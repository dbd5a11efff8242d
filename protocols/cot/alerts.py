"""Calls for help, and marks on the map."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from protocols.cot.event import NOWHERE, Element, Event, Point
from protocols.cot.units import GROUND_UNIT

CANCEL = "b-a-o-can"
_ALERTS = "b-a-o-"
_SUFFIX = "-9-1-1"
"""Of the uid of a person's alert, after the person's own."""
MARKER, GO_TO, CHECKPOINT = "b-m-p-s-m", "b-m-p-w-GOTO", "b-m-p-c-cp"


class Alert(StrEnum):
    """What somebody calls for, by the type of the event."""

    HELP = "b-a-o-tbl"
    BELL = "b-a-o-pan"
    CONTACT = "b-a-o-opn"
    GEO_FENCE = "b-a-g"
    CUSTOM = "b-a-o-c"


_WORDS = {
    Alert.HELP: "911 Alert",
    Alert.BELL: "Ring The Bell",
    Alert.CONTACT: "In Contact",
    Alert.GEO_FENCE: "Geo-fence Breached",
    Alert.CUSTOM: "Custom",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """An alert that was raised or called off."""

    alert_uid: str
    """Of the alert, not of the person; the same again is the same alert."""
    person_uid: str
    callsign: str = ""
    kind: str = ""
    """In the client's words: `911 Alert`."""
    is_cancelled: bool = False


def is_emergency(event: Event) -> bool:
    return event.type.startswith(_ALERTS) or event.type == Alert.GEO_FENCE


def read_emergency(event: Event) -> Emergency | None:
    """None: it is no alert."""
    if not is_emergency(event):
        return None
    said = event.find("emergency") or Element("emergency")
    link = event.find("link")
    person = (link.get("uid") if link else "") or event.uid.removesuffix(_SUFFIX)
    cancelled = event.type == CANCEL or said.get("cancel").lower() == "true"
    return Emergency(
        alert_uid=event.uid,
        person_uid=person,
        callsign=said.text.strip() or event.said("contact", "callsign"),
        kind=said.get("type"),
        is_cancelled=cancelled,
    )


def write_emergency(
    person_uid: str,
    callsign: str,
    *,
    kind: Alert = Alert.HELP,
    point: Point = NOWHERE,
    at: datetime,
    valid: timedelta,
) -> Event:
    said = Element("emergency", {"type": _WORDS[kind]}, text=callsign)
    return _alert(person_uid, kind, callsign, said, point, at, valid)


def cancel_emergency(
    person_uid: str, callsign: str, *, point: Point = NOWHERE, at: datetime, valid: timedelta
) -> Event:
    said = Element("emergency", {"cancel": "true"}, text=callsign)
    return _alert(person_uid, CANCEL, callsign, said, point, at, valid)


def _alert(
    person_uid: str,
    kind: str,
    callsign: str,
    said: Element,
    point: Point,
    at: datetime,
    valid: timedelta,
) -> Event:
    link = Element("link", {"uid": person_uid, "type": GROUND_UNIT, "relation": "p-p"})
    contact = Element("contact", {"callsign": f"{callsign}-Alert"})
    return Event(
        uid=person_uid + _SUFFIX,
        type=kind,
        how="m-g",
        time_at=at,
        start_at=at,
        stale_at=at + valid,
        point=point,
        detail=Element("detail", children=(link, contact, said)),
    )


def write_marker(
    uid: str,
    name: str,
    *,
    point: Point,
    author_uid: str,
    at: datetime,
    valid: timedelta,
    kind: str = MARKER,
    remarks: str = "",
) -> Event:
    """A mark that clients keep until it is deleted (`control.deleted`) or out of date."""
    link = Element("link", {"uid": author_uid, "relation": "p-p", "type": GROUND_UNIT})
    children = (
        Element("contact", {"callsign": name}),
        link,
        Element("remarks", text=remarks),
        Element("archive"),
    )
    return Event(
        uid=uid,
        type=kind,
        how="h-g-i-g-o",
        time_at=at,
        start_at=at,
        stale_at=at + valid,
        point=point,
        detail=Element("detail", children=children),
    )
